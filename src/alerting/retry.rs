//! When an undelivered notification is tried again, and when it is given up.

use std::time::Duration;

use crate::model::{SPREAD_STEP, spread};

/// How long after it was decided an undelivered notification is given up and shown as dead.
pub const GIVE_UP_AFTER: Duration = Duration::from_hours(72);

/// How long a team may have taken nothing of a message before the fallback is told instead, while the tries go on.
pub const STAND_IN_AFTER: Duration = Duration::from_mins(5);

/// The wait after the first failed tries; every later one waits about `HOURLY`.
const LADDER: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(1),
];

/// The wait behind the ladder, before jitter.
const HOURLY: Duration = Duration::from_hours(1);

/// How far the hourly wait is spread to either side, in thousandths.
const JITTER_PER_MILLE: u64 = 100;

/// The wait before the next try, after `tries` failed ones (0 counts as 1).
///
/// The first six waits are exact. From then on notifications of one outage drift apart: the hour is
/// spread by a tenth to either side, the same for the same `seed` and number of tries.
pub fn retry_delay(tries: u32, seed: u64) -> Duration {
    let step = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
    match LADDER.get(step) {
        Some(delay) => *delay,
        // Neighbouring numbers are spread over the whole range.
        None => jittered(HOURLY, (seed ^ u64::from(tries)).wrapping_add(SPREAD_STEP)),
    }
}

fn jittered(delay: Duration, seed: u64) -> Duration {
    let per_mille = 1000 - JITTER_PER_MILLE + spread(seed) % (2 * JITTER_PER_MILLE + 1);
    Duration::from_millis(delay.as_secs() * per_mille)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_first_six_waits_are_the_ladder() {
        let waits: Vec<u64> = (1..=6).map(|tries| retry_delay(tries, 7).as_secs()).collect();
        assert_eq!(waits, [5, 30, 120, 600, 1800, 3600]);
        assert_eq!(retry_delay(0, 7), retry_delay(1, 7));
    }

    #[test]
    fn later_waits_are_an_hour_spread_by_a_tenth() {
        let waits: BTreeSet<Duration> = (0..5_000).map(|seed| retry_delay(7, seed)).collect();
        assert_eq!(waits.first(), Some(&Duration::from_mins(54)));
        assert_eq!(waits.last(), Some(&Duration::from_mins(66)));
        // Each thousandth of it.
        assert_eq!(waits.len(), 201);
    }

    #[test]
    fn the_same_seed_gives_the_same_wait() {
        for tries in [7, 40, u32::MAX] {
            assert_eq!(retry_delay(tries, 12), retry_delay(tries, 12));
        }
        assert_ne!(retry_delay(7, 12), retry_delay(8, 12));
    }

    #[test]
    fn giving_up_comes_after_some_seventy_tries() {
        let mut waited = Duration::ZERO;
        let mut tries = 0;
        while waited < GIVE_UP_AFTER {
            tries += 1;
            waited += retry_delay(tries, 3);
        }
        assert!((70..90).contains(&tries), "{tries} tries");
    }
}
