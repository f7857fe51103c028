//! How long the end of an attempt may take: the same for a keeper and for the daemon that stands in for a dead one.

use std::time::Duration;

/// How long output is read after the end of the main process while somebody holds the pipe.
pub(super) const DRAIN: Duration = Duration::from_secs(2);

/// How long after SIGKILL a process may live before it is called unkillable.
pub(super) const UNKILLABLE_AFTER: Duration = Duration::from_secs(2);

/// How long the end of an attempt waits for its leftovers to be gone.
pub(super) const SWEEP: Duration = Duration::from_millis(500);

/// Between two looks at leftovers that were killed.
pub(super) const SWEEP_PACE: Duration = Duration::from_millis(10);
