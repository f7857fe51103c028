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
    /// By job: runs that began then, by how they ended; and what was due then and never began, one for each occurrence,
    /// whenever that was recorded.
    pub runs: Vec<(Name, Outcome, u64)>,
    /// Problems that began before its end and were not over before its beginning, the oldest first.
    pub incidents: Vec<Incident>,
    /// Addresses that took a message that was not sent to prove them.
    pub reached: Vec<Address>,
    /// For how long freshd did not run, as far as its lives are on record.
    pub down: Duration,
}

/// How many occurrences of a range that was recorded as one were due from `from` until `until`, as they would be if all of
/// them were equally far apart: nobody keeps when each of more than a thousand was.
pub fn share_of_range(
    occurrences: u64,
    (first, last): (Timestamp, Timestamp),
    (from, until): (Timestamp, Timestamp),
) -> u64 {
    let gaps = i128::from(occurrences.saturating_sub(1));
    let length = (last.as_nanosecond() - first.as_nanosecond()).max(1);
    let before = |at: Timestamp| {
        let passed = at.as_nanosecond() - first.as_nanosecond();
        // Rounded up: one that is due at `at` is not before it.
        let count = (passed.saturating_mul(gaps) + length - 1).div_euclid(length);
        count.clamp(0, i128::from(occurrences))
    };
    u64::try_from(before(until) - before(from)).unwrap_or(0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_shared_out_by_when_its_occurrences_were_due() {
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        // Eleven, at 0, 10, 20, and so on up to 100.
        let share = |from, until| share_of_range(11, (at(0), at(100)), (at(from), at(until)));
        assert_eq!(share(-50, 0), 0, "what is due at its end is of the next week");
        assert_eq!(share(-50, 1), 1);
        assert_eq!(share(0, 50), 5);
        assert_eq!(share(50, 100), 5);
        assert_eq!(share(100, 500), 1, "the last of them");
        assert_eq!(share(-50, 500), 11);
        assert_eq!(share(101, 500), 0);
    }
}
