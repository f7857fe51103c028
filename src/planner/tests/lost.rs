//! Occurrences of which nobody knows whether they ran.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{at, every, hourly, lines, nightly_on_working_days, on};
use crate::model::{Job, later, plain_job};
use crate::planner::{ENUMERATED_MAX, decide_lost};

#[test]
fn none_of_them_is_started_and_those_that_have_a_run_are_left_alone() {
    let known = BTreeSet::from([at("11:00")]);
    let (decided, cursor) = decide_lost(&hourly(), at("09:00"), at("12:00"), &known, "the record is gone");
    assert_eq!(
        lines(&decided),
        [
            "2026-11-27T10:00:00Z Missed: the record is gone",
            "2026-11-27T12:00:00Z Missed: the record is gone"
        ]
    );
    assert_eq!(cursor, at("12:00"));
    let (none, cursor) = decide_lost(&hourly(), at("11:00"), at("11:59:59"), &known, "the record is gone");
    assert_eq!((none.len(), cursor), (0, at("11:59:59")));
}

#[test]
fn jitter_puts_off_what_may_have_run() {
    let job = Job {
        start_offset: Duration::from_secs(30),
        ..hourly()
    };
    let nothing = BTreeSet::new();
    let (none, cursor) = decide_lost(&job, at("11:00"), at("12:00:29"), &nothing, "gone");
    assert_eq!((none.len(), cursor), (0, at("11:59:59")));
    let (one, cursor) = decide_lost(&job, at("11:00"), at("12:00:30"), &nothing, "gone");
    assert_eq!(lines(&one), ["2026-11-27T12:00:00Z Missed: gone"]);
    assert_eq!(cursor, at("12:00"));
    // A cursor never goes back.
    assert_eq!(
        decide_lost(&job, at("12:00"), at("12:00:10"), &nothing, "gone").1,
        at("12:00")
    );
}

#[test]
fn what_the_calendar_closes_is_skipped_all_the_same() {
    let nothing = BTreeSet::new();
    let (decided, _) = decide_lost(
        &nightly_on_working_days(),
        at("12:00"),
        on("2026-11-30", "00:00"),
        &nothing,
        "gone",
    );
    let decided = lines(&decided);
    assert_eq!(decided.len(), 3);
    assert!(decided[0].contains("Skipped: 2026-11-28 is closed"), "{}", decided[0]);
    assert_eq!(decided[2], "2026-11-30T00:00:00Z Missed: gone");
}

#[test]
fn a_job_without_a_schedule_lost_nothing() {
    let nothing = BTreeSet::new();
    let (none, cursor) = decide_lost(&plain_job("by-hand"), at("11:00"), at("12:00"), &nothing, "gone");
    assert_eq!((none.len(), cursor), (0, at("12:00")));
}

#[test]
fn a_very_long_time_is_one_record_up_to_its_end() {
    let job = every(Duration::from_secs(1));
    let after = |count: usize| later(at("00:00"), Duration::from_secs(count as u64));
    let lost = |count: usize| {
        let (decided, cursor) = decide_lost(&job, at("00:00"), after(count), &BTreeSet::new(), "gone");
        assert_eq!((decided.len(), cursor), (1, after(count)));
        (decided[0].occurrence.at, decided[0].range.unwrap())
    };
    assert_eq!(
        lost(ENUMERATED_MAX),
        (after(1), (after(ENUMERATED_MAX), ENUMERATED_MAX as u64))
    );
    let many = 2 * ENUMERATED_MAX;
    assert_eq!(lost(many), (after(1), (after(many), ENUMERATED_MAX as u64 + 1)));
}
