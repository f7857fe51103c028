//! The weekly report: up to when each team has got one, and what the records say of a week.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Address, Incident, Life, Name, Outcome, elapsed};

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
    /// For how long freshd did not run, as far as its lives are on record.
    pub down: Duration,
}

/// Problems of one week that are looked at, the newest of them.
pub const WEEK_INCIDENTS_MAX: u32 = 10_000;

/// For how long freshd did not run in a span: the time between its lives, the last one first.
pub fn time_without_life(lives: &[Life], from: Timestamp, until: Timestamp) -> Duration {
    let gaps = lives.iter().zip(lives.iter().skip(1)).map(|(next, life)| {
        let ended = life.ended_at.unwrap_or(life.seen_at).max(from);
        elapsed(ended, next.started_at.min(until))
    });
    gaps.sum()
}
