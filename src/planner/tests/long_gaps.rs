//! Gaps with more occurrences than are looked at one by one.

use std::time::Duration;

use jiff::Timestamp;

use super::{at, catching_up, every, hourly};
use crate::model::{CatchUp, CatchUpMode, Job, Outcome, later};
use crate::planner::{Decided, Decision, ENUMERATED_MAX, Known, RANGE_MIN, decide};

const NOT_AT_ALL: CatchUp = CatchUp {
    mode: CatchUpMode::None,
    limit: 24,
    within: Duration::from_hours(24),
};

fn each_second(limit: u32) -> Job {
    let catch_up = CatchUp {
        mode: CatchUpMode::All,
        limit,
        within: Duration::from_hours(24 * 365),
    };
    catching_up(catch_up, every(Duration::from_secs(1)))
}

fn seconds(count: usize) -> Timestamp {
    later(at("00:00"), Duration::from_secs(count as u64))
}

fn decided(job: &Job, now: Timestamp) -> (Vec<Decided>, Timestamp) {
    let known = Known {
        cursor: at("00:00"),
        paused: None,
        making_up: 0,
        was_full: None,
    };
    let (decided, cursor, coming) = decide(job, &known, now);
    assert!(coming.unwrap().at > now);
    (decided, cursor)
}

/// Decisions, told apart by what is done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts {
    /// Records of many: from, until, how many, why.
    ranges: Vec<(Timestamp, Timestamp, u64, String)>,
    /// How many records of one.
    records: usize,
    made_up_for: Vec<Timestamp>,
    started: Vec<Timestamp>,
}

fn parts(decided: &[Decided]) -> Parts {
    let mut parts = Parts::default();
    for one in decided {
        let at = one.occurrence.at;
        match (&one.decision, one.range) {
            (Decision::Record(outcome, reason), Some((until, count))) => {
                assert_eq!(*outcome, Outcome::Missed);
                parts.ranges.push((at, until, count, reason.clone()));
            }
            (Decision::Record(..), None) => parts.records += 1,
            (Decision::CatchUp, _) => parts.made_up_for.push(at),
            (Decision::Start, _) => parts.started.push(at),
        }
    }
    parts
}

#[test]
fn more_than_a_thousand_missed_ones_are_one_record() {
    let job = catching_up(NOT_AT_ALL, hourly());
    // Half an hour after the last of so many, none of them is ordinary.
    let after = |count: usize| seconds(count * 3_600 + 1_800);
    let (each, _) = decided(&job, after(RANGE_MIN));
    let expected = Parts {
        records: RANGE_MIN,
        ..Parts::default()
    };
    assert_eq!(parts(&each), expected);
    let (one, cursor) = decided(&job, after(RANGE_MIN + 1));
    let last = seconds((RANGE_MIN + 1) * 3_600);
    let reason = "freshd was down or asleep at the due time, and catch_up is \"none\"".to_owned();
    let expected = Parts {
        ranges: vec![(seconds(3_600), last, 1_001, reason)],
        ..Parts::default()
    };
    assert_eq!((parts(&one), cursor), (expected, last));
}

#[test]
fn of_a_very_long_gap_the_beginning_and_the_end_are_looked_at() {
    let end = 2 * ENUMERATED_MAX;
    let (found, cursor) = decided(&each_second(3), seconds(end));
    // Those of the last minute are ordinary starts; the three before them are made up for.
    let expected = Parts {
        ranges: vec![too_long(1, ENUMERATED_MAX, 1)],
        records: 0,
        made_up_for: (end - 63..end - 60).map(seconds).collect(),
        started: (end - 60..=end).map(seconds).collect(),
    };
    assert_eq!((parts(&found), cursor), (expected, seconds(end)));
}

#[test]
fn where_beginning_and_end_of_a_long_gap_meet_nothing_is_decided_twice() {
    let end = ENUMERATED_MAX + 10;
    let (found, _) = decided(&each_second(24), seconds(end));
    let missed = end - 61 - 24;
    let expected = Parts {
        ranges: vec![too_long(1, missed, 1)],
        records: 0,
        made_up_for: (missed + 1..=missed + 24).map(seconds).collect(),
        started: (end - 60..=end).map(seconds).collect(),
    };
    assert_eq!(parts(&found), expected);
}

#[test]
fn exactly_as_many_as_are_looked_at_are_counted() {
    let job = catching_up(NOT_AT_ALL, each_second(0));
    let (found, _) = decided(&job, seconds(ENUMERATED_MAX));
    let ranges = parts(&found).ranges;
    assert_eq!(ranges.len(), 1);
    assert!(ranges[0].3.ends_with("catch_up is \"none\""), "{}", ranges[0].3);
}

#[test]
fn a_gap_of_which_nothing_is_worth_running_ends_now() {
    let hours = ENUMERATED_MAX + 5;
    let catch_up = CatchUp {
        mode: CatchUpMode::All,
        limit: 0,
        ..CatchUp::default()
    };
    let job = Job {
        start_offset: Duration::from_secs(7),
        ..catching_up(catch_up, hourly())
    };
    let (found, cursor) = decided(&job, seconds(hours * 3_600 + 1_800));
    let expected = Parts {
        ranges: vec![too_long(1, ENUMERATED_MAX, 3_600)],
        ..Parts::default()
    };
    assert_eq!((parts(&found), cursor), (expected, seconds(hours * 3_600 + 1_793)));
}

/// A record of the occurrences `first` to `last`, which are `apart` seconds from each other and too many.
fn too_long(first: usize, last: usize, apart: usize) -> (Timestamp, Timestamp, u64, String) {
    let reason = "freshd was down or asleep, for too long to count them all".to_owned();
    (
        seconds(first * apart),
        seconds(last * apart),
        (last + 1 - first) as u64,
        reason,
    )
}
