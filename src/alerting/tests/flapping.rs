//! What flaps is told once, is over when it was well for long enough, and never before.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use crate::alerting::{flapping, found_well, found_wrong, over_at};
use crate::model::{FLAPPING_WITHIN, Flapping, earlier, elapsed, later};

fn now() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().expect("a time")
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

fn begun() -> Flapping {
    let before = [earlier(now(), minutes(40)), earlier(now(), minutes(20))];
    flapping(&before, now()).expect("it flaps")
}

#[test]
fn the_third_opening_within_an_hour_is_flapping() {
    let at = |ago| earlier(now(), minutes(ago));
    assert_eq!(flapping(&[], now()), None);
    assert_eq!(flapping(&[at(10)], now()), None);
    assert_eq!(flapping(&[at(60), at(10)], now()), None, "an hour ago is too long ago");
    let found = flapping(&[at(70), at(59), at(10)], now()).expect("it flaps");
    assert_eq!((found.since, found.times), (at(59), 3));
}

#[test]
fn it_is_over_an_hour_after_two_good_evaluations_and_a_day_after_one() {
    let mut found = begun();
    assert_eq!(over_at(&found), None);
    let well = later(now(), minutes(5));
    found_well(&mut found, Some(well), well);
    assert_eq!(over_at(&found), Some(later(well, minutes(24 * 60))));
    // Looked at again, with nothing new.
    found_well(&mut found, Some(well), later(well, minutes(5)));
    assert_eq!(over_at(&found), Some(later(well, minutes(24 * 60))));
    let again = later(well, minutes(10));
    found_well(&mut found, Some(again), again);
    assert_eq!(over_at(&found), Some(later(well, minutes(60))));
}

#[test]
fn what_comes_back_is_counted_and_waits_anew() {
    let mut found = begun();
    let (well, back) = (later(now(), minutes(5)), later(now(), minutes(9)));
    found_well(&mut found, Some(well), well);
    assert!(found_wrong(&mut found, back));
    assert!(!found_wrong(&mut found, later(back, minutes(1))), "it is wrong already");
    assert_eq!((found.times, over_at(&found)), (4, None));
    assert_eq!((found.spells[0].from, found.spells[0].to), (well, back));
}

proptest! {
    /// Whatever order evaluations come in: it counts each turn, keeps few spells, and is over no sooner than an hour after
    /// the last time that it was wrong, with two good evaluations behind that or a day.
    #[test]
    fn it_is_never_over_too_soon(steps in prop::collection::vec((any::<bool>(), 0_u64..200, any::<bool>()), 1..400)) {
        let mut found = begun();
        let mut at = now();
        let (mut turns, mut last_wrong, mut good, mut is_wrong) = (3, at, 0, true);
        let mut evidence = at;
        for (is_well, after, is_new) in steps {
            at = later(at, minutes(after));
            if is_new {
                evidence = at;
            }
            if is_well {
                let before = found.good_at;
                found_well(&mut found, Some(evidence), at);
                good += u32::from(is_wrong || Some(evidence) > before);
                is_wrong = false;
            } else {
                let was_well = found_wrong(&mut found, at);
                prop_assert_eq!(was_well, !is_wrong);
                turns += u32::from(was_well);
                (last_wrong, good, is_wrong) = (at, 0, true);
            }
            prop_assert_eq!(found.times, turns);
            prop_assert!(found.spells.len() <= 100);
            prop_assert_eq!(over_at(&found).is_none(), is_wrong);
            if let Some(over) = over_at(&found) {
                let well_for = elapsed(last_wrong, over);
                prop_assert!(well_for >= FLAPPING_WITHIN);
                prop_assert!(good >= 2 || well_for >= Duration::from_hours(24));
            }
        }
    }

    /// Two openings an hour are never flapping, three within one always are.
    #[test]
    fn what_counts_is_the_last_hour(ago in prop::collection::vec(0_u64..180, 0..8)) {
        let before: Vec<Timestamp> = ago.iter().map(|ago| earlier(now(), minutes(*ago))).collect();
        let within = ago.iter().filter(|ago| **ago < 60).count();
        prop_assert_eq!(flapping(&before, now()).is_some(), within >= 2);
    }
}
