//! What is done about each occurrence that has come due.

use std::time::Duration;

use jiff::Timestamp;

use super::{at, catching_up, every, hourly, lines, nightly_on_working_days, on};
use crate::model::{CatchUp, CatchUpMode, Job, Outcome, Overlap, RunPolicy, plain_job, plain_run, under};
use crate::planner::{Known, count_range, decide, paused_words};

/// Nothing is known of a job but its cursor.
fn since(cursor: Timestamp) -> Known<'static> {
    Known {
        cursor,
        paused: None,
        making_up: 0,
        was_full: None,
    }
}

fn decided(job: &Job, known: &Known<'_>, now: Timestamp) -> Vec<String> {
    lines(&decide(job, known, now).0)
}

fn making_up(mode: CatchUpMode, limit: u32, within: Duration) -> Job {
    catching_up(CatchUp { mode, limit, within }, hourly())
}

const DAY: Duration = Duration::from_hours(24);
const INSTEAD: &str = "Missed: freshd was down or asleep at the due time, and a newer occurrence runs instead";
const NONE: &str = "Missed: freshd was down or asleep at the due time, and catch_up is \"none\"";
const LIMIT: &str = "Missed: freshd was down or asleep at the due time, and catch_up_limit is reached";
const TOO_OLD: &str = "Missed: freshd was down or asleep at the due time, and it is older than catch_up_within";
const FULL: &str = "Missed: the disk was full at the due time, and a newer occurrence runs instead";

#[test]
fn an_occurrence_starts_when_its_time_has_come_and_moves_the_cursor() {
    let known = since(at("11:00"));
    let (none, cursor, coming) = decide(&hourly(), &known, at("11:59:59"));
    assert_eq!((none.len(), cursor, coming.unwrap().at), (0, at("11:00"), at("12:00")));
    let (one, cursor, coming) = decide(&hourly(), &known, at("12:00"));
    assert_eq!(lines(&one), ["2026-11-27T12:00:00Z start"]);
    assert_eq!((cursor, coming.unwrap().at), (at("12:00"), at("13:00")));
    let (none, cursor, coming) = decide(&plain_job("by-hand"), &known, at("12:00"));
    assert_eq!((none.len(), cursor, coming), (0, at("11:00"), None));
}

#[test]
fn a_start_is_ordinary_up_to_a_minute_after_the_time_that_jitter_gives_it() {
    let job = Job {
        start_offset: Duration::from_secs(30),
        ..hourly()
    };
    let known = since(at("11:00"));
    assert_eq!(decided(&job, &known, at("12:00:29")), [""; 0]);
    assert_eq!(decided(&job, &known, at("12:00:30")), ["2026-11-27T12:00:00Z start"]);
    assert_eq!(decided(&job, &known, at("12:01:30")), ["2026-11-27T12:00:00Z start"]);
    assert_eq!(decided(&job, &known, at("12:01:31")), ["2026-11-27T12:00:00Z catch up"]);
}

#[test]
fn of_what_was_missed_the_latest_is_made_up_for_unless_one_is_due_just_now() {
    let known = since(at("09:00"));
    let eleven = |last: &str| {
        vec![
            format!("2026-11-27T10:00:00Z {INSTEAD}"),
            format!("2026-11-27T11:00:00Z {INSTEAD}"),
            format!("2026-11-27T12:00:00Z {last}"),
        ]
    };
    assert_eq!(decided(&hourly(), &known, at("12:30")), eleven("catch up"));
    assert_eq!(decided(&hourly(), &known, at("12:00")), eleven("start"));
}

#[test]
fn nothing_is_made_up_for_by_a_job_that_does_not_want_it() {
    let job = making_up(CatchUpMode::None, 24, DAY);
    assert_eq!(
        decided(&job, &since(at("10:00")), at("12:00")),
        [
            format!("2026-11-27T11:00:00Z {NONE}"),
            "2026-11-27T12:00:00Z start".to_owned()
        ]
    );
}

#[test]
fn all_that_was_missed_is_made_up_for_up_to_its_limit_with_those_that_wait_already() {
    let job = making_up(CatchUpMode::All, 2, DAY);
    let known = since(at("09:00"));
    let ten = format!("2026-11-27T10:00:00Z {LIMIT}");
    assert_eq!(
        decided(&job, &known, at("12:30")),
        [
            ten.as_str(),
            "2026-11-27T11:00:00Z catch up",
            "2026-11-27T12:00:00Z catch up"
        ]
    );
    let one_waits = Known { making_up: 1, ..known };
    let eleven = format!("2026-11-27T11:00:00Z {LIMIT}");
    assert_eq!(
        decided(&job, &one_waits, at("12:30")),
        [ten.as_str(), eleven.as_str(), "2026-11-27T12:00:00Z catch up"]
    );
    let many_wait = Known { making_up: 9, ..known };
    let twelve = format!("2026-11-27T12:00:00Z {LIMIT}");
    assert_eq!(decided(&job, &many_wait, at("12:30")), [ten, eleven, twelve]);
}

#[test]
fn what_is_older_than_is_worth_running_is_missed() {
    let job = making_up(CatchUpMode::All, 24, Duration::from_hours(2));
    let nine = format!("2026-11-27T09:00:00Z {TOO_OLD}");
    assert_eq!(
        decided(&job, &since(at("08:00")), at("12:00")),
        [
            nine.as_str(),
            "2026-11-27T10:00:00Z catch up",
            "2026-11-27T11:00:00Z catch up",
            "2026-11-27T12:00:00Z start"
        ]
    );
    // Just old enough to be worth it, and left out for the limit alone.
    let one = making_up(CatchUpMode::All, 1, Duration::from_hours(2));
    let ten = format!("2026-11-27T10:00:00Z {LIMIT}");
    assert_eq!(
        decided(&one, &since(at("08:00")), at("12:00")),
        [
            nine.as_str(),
            ten.as_str(),
            "2026-11-27T11:00:00Z catch up",
            "2026-11-27T12:00:00Z start"
        ]
    );
    let latest = making_up(CatchUpMode::Latest, 24, Duration::from_mins(29));
    let twelve = format!("2026-11-27T12:00:00Z {TOO_OLD}");
    assert_eq!(decided(&latest, &since(at("11:00")), at("12:30")), [twelve]);
}

#[test]
fn what_comes_due_while_a_person_has_paused_the_job_is_skipped_with_the_reason() {
    let paused = Known {
        paused: Some("stocktaking"),
        ..since(at("10:00"))
    };
    assert_eq!(
        decided(&hourly(), &paused, at("12:00")),
        [
            "2026-11-27T11:00:00Z Skipped: paused: stocktaking",
            "2026-11-27T12:00:00Z Skipped: paused: stocktaking"
        ]
    );
    assert_eq!(paused_words("stocktaking"), "paused: stocktaking");
}

#[test]
fn what_the_calendar_closes_is_skipped_with_its_name() {
    let found = decided(
        &nightly_on_working_days(),
        &since(on("2026-11-27", "12:00")),
        on("2026-11-30", "00:00"),
    );
    assert_eq!(
        found,
        [
            "2026-11-28T00:00:00Z Skipped: 2026-11-28 is closed (weekend)",
            "2026-11-29T00:00:00Z Skipped: 2026-11-29 is closed (weekend)",
            "2026-11-30T00:00:00Z start"
        ]
    );
}

#[test]
fn of_several_that_a_full_disk_held_the_newest_starts() {
    let job = every(Duration::from_secs(20));
    let known = since(at("12:00"));
    let all = [
        "2026-11-27T12:00:20Z start",
        "2026-11-27T12:00:40Z start",
        "2026-11-27T12:01:00Z start",
    ];
    assert_eq!(decided(&job, &known, at("12:01")), all);
    let full = Known {
        was_full: Some((at("11:59"), at("12:01"))),
        ..known
    };
    let twenty = format!("2026-11-27T12:00:20Z {FULL}");
    let forty = format!("2026-11-27T12:00:40Z {FULL}");
    assert_eq!(
        decided(&job, &full, at("12:01")),
        [twenty.as_str(), forty.as_str(), all[2]]
    );
    let full_until_then = Known {
        was_full: Some((at("11:59"), at("12:00:20"))),
        ..known
    };
    assert_eq!(
        decided(&job, &full_until_then, at("12:01")),
        [twenty.as_str(), all[1], all[2]]
    );
    let policy = RunPolicy {
        overlap: Overlap::Allow,
        ..job.policy.as_ref().clone()
    };
    let beside_each_other = under(policy, job);
    assert_eq!(decided(&beside_each_other, &full, at("12:01")), all);
}

#[test]
fn a_range_counts_the_occurrences_of_its_own_kind() {
    let job = nightly_on_working_days();
    let mut range = plain_run("export", at("12:00"));
    range.due_at = Some(on("2026-11-23", "00:00"));
    let until = on("2026-11-30", "00:00");
    range.outcome = Some(Outcome::Missed);
    assert_eq!(count_range(&job, &range, until), Some((6, until)));
    assert_eq!(
        count_range(&job, &range, on("2026-11-29", "23:59")),
        Some((5, on("2026-11-27", "00:00")))
    );
    range.outcome = Some(Outcome::Skipped);
    range.reason = Some("closed".to_owned());
    assert_eq!(count_range(&job, &range, until), Some((2, on("2026-11-29", "00:00"))));
    range.reason = Some(paused_words("stocktaking"));
    assert_eq!(count_range(&job, &range, until), Some((8, until)));
    assert_eq!(count_range(&job, &range, on("2026-11-22", "00:00")), None);
    assert_eq!(count_range(&plain_job("by-hand"), &range, until), None);
}
