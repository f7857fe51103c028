//! Many starts at one instant: the keeper hears of them a little before, and has made by then what they need.

use std::time::Duration;

use jiff::Timestamp;

use crate::engine::Engine;
use crate::model::{Now, earlier, later};
use crate::runner::Keepers;

/// From so many on the keeper is told. Fewer have what they need about as soon as it could be made ahead.
const STARTS_MIN: usize = 32;

/// More are not made ready for.
const STARTS_MAX: usize = 1_024;

/// How long before. The first turn may come late, and there is other work.
const AHEAD: Duration = Duration::from_secs(3);

/// What falls due so soon after the first belongs to the same rush.
const TOGETHER: Duration = Duration::from_secs(1);

/// What is due next, as far as it matters to the keeper.
#[derive(Debug, Default)]
pub(super) struct ComingRush {
    next: Option<Timestamp>,
    /// Starts that are due with it, and of which the keeper was not told yet.
    starts: usize,
}

impl ComingRush {
    /// Tells the keeper of the starts that are due with the `next` one, once, should these be many and near. Returns until
    /// when there is nothing to do.
    pub(super) fn announce(&mut self, engine: &Engine, keepers: &Keepers, now: Now, next: Timestamp) -> Timestamp {
        if self.next != Some(next) {
            self.next = Some(next);
            self.starts = engine.jobs_due_until(later(next, TOGETHER), STARTS_MAX);
        }
        if self.starts < STARTS_MIN || next <= now.wall {
            return next;
        }
        let tell_at = earlier(next, AHEAD);
        if now.wall < tell_at {
            return tell_at;
        }
        keepers.get_ready(std::mem::take(&mut self.starts));
        next
    }
}
