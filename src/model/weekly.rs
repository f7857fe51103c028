//! The weekly report: up to when each team has got one, and what the records say of a week.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Address, Incident, Name, Outcome};

/// Up to when a team has got its weekly report, whether or not anything was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeeklyReport {
    /// The team; or a name that no team has, for the proof of addresses.
    pub team: Name,
    /// The instant at which it was due; of a team that is new, when it was first seen.
    pub until: Timestamp,
}

/// What the records say of a week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Week {
    /// By job: runs that began then, by how they ended. Occurrences without a run count one each.
    pub runs: Vec<(Name, Outcome, u64)>,
    /// Problems that began before its end and were not over before its beginning, the oldest first.
    pub incidents: Vec<Incident>,
    /// Addresses that took a message that was not sent to prove them.
    pub reached: Vec<Address>,
}

/// Problems of one week that are looked at, the newest of them.
pub const WEEK_INCIDENTS_MAX: u32 = 10_000;
