//! Digests: why messages were gathered, and what is said of each incident.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IncidentId, Name, ProblemKind, Severity};

/// Why messages to an address were gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum WhyGathered {
    /// The address took nothing for a while.
    Outage,
    /// They came faster than anybody reads.
    #[default]
    Flood,
    /// They began together, and have one cause most likely.
    Together,
    /// freshd itself did not run for a while, and found all of it when it was back.
    Downtime {
        /// Until when it surely ran before.
        #[schemars(with = "super::Instant")]
        from: Timestamp,
        /// Since when it runs again.
        #[schemars(with = "super::Instant")]
        until: Timestamp,
    },
}

impl WhyGathered {
    /// Whether one digest is the end of it: its address was well all the time, and gets what comes later as ever.
    pub fn is_once(self) -> bool {
        match self {
            Self::Together | Self::Downtime { .. } => true,
            Self::Outage | Self::Flood => false,
        }
    }
}

/// The longest time between two digests that jobs.toml can ask for.
pub const DIGEST_EVERY_MAX: Duration = Duration::from_hours(1);

/// One incident in a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestLine {
    /// Its number.
    pub incident: IncidentId,
    /// Whether it was over when the digest was written.
    pub is_over: bool,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub kind: Option<ProblemKind>,
    /// With what.
    pub subject_name: Name,
    /// Since when, while it is open.
    #[schemars(with = "Option<super::Instant>")]
    pub since: Option<Timestamp>,
    /// All of this in words, begun with `#` and the number.
    pub text: String,
}

impl DigestLine {
    /// Whether it is about a rehearsal, in which nothing is wrong.
    pub fn is_drill(&self) -> bool {
        self.kind == Some(ProblemKind::Drill)
    }
}
