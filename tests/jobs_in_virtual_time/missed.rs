//! Due times, the cursor, and what is done about occurrences that were missed.

use freshd::model::{Outcome, Reply, Request, Run, RunState, Trigger};

use super::virtual_world::{Play, World, at, with_ops};
use super::{one_job, world};

const HOURLY: &str = "schedule = \"0 * * * *\"";

/// Goes down at `from` for as long as said, and lets things settle.
pub(super) fn down(world: &mut World, from: &str, to: &str, settled: &str) {
    world.run_until(from);
    world.crash();
    world.run_until(to);
    world.restart();
    world.run_until(settled);
}

pub(super) fn missed_reasons(world: &World) -> Vec<String> {
    let runs = world.runs("j");
    runs.into_iter()
        .filter(|run| run.outcome == Some(Outcome::Missed))
        .filter_map(|run| run.reason)
        .collect()
}

#[test]
fn each_occurrence_runs_once_at_its_time() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T12:30");
    assert_eq!(world.starts("j"), ["10:00:00", "11:00:00", "12:00:00"]);
    assert_eq!(world.ledger.jobs["j"].cursor, at("2026-03-02T12:00"));
}

#[test]
fn after_downtime_the_newest_missed_occurrence_runs_and_the_others_are_recorded() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    down(&mut world, "2026-03-02T10:30", "2026-03-02T14:30", "2026-03-02T14:40");
    assert_eq!(world.starts("j"), ["10:00:00", "14:30:00"]);
    let outcomes: Vec<_> = world
        .outcomes("j")
        .into_iter()
        .map(|(due, outcome)| (due, outcome.unwrap()))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("Mon 10:00".to_owned(), Outcome::Succeeded),
            ("Mon 11:00".to_owned(), Outcome::Missed),
            ("Mon 12:00".to_owned(), Outcome::Missed),
            ("Mon 13:00".to_owned(), Outcome::Missed),
            ("Mon 14:00".to_owned(), Outcome::Succeeded),
        ]
    );
    assert_eq!(world.last_run("j").trigger, Trigger::CatchUp);
    assert!(
        missed_reasons(&world)
            .iter()
            .all(|reason| reason.contains("a newer occurrence runs instead"))
    );
}

#[test]
fn a_start_up_to_a_minute_late_is_an_ordinary_one() {
    for (back_at, trigger) in [
        ("2026-03-02T11:01:00", Trigger::Schedule),
        ("2026-03-02T11:01:01", Trigger::CatchUp),
    ] {
        let mut world = world(HOURLY, "2026-03-02T10:30");
        down(&mut world, "2026-03-02T10:59", back_at, "2026-03-02T11:10");
        assert_eq!(world.last_run("j").trigger, trigger, "back at {back_at}");
        assert_eq!(world.starts("j").len(), 1);
    }
}

#[test]
fn an_occurrence_due_right_now_counts_as_the_newest() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    down(
        &mut world,
        "2026-03-02T10:30",
        "2026-03-02T13:00:20",
        "2026-03-02T13:10",
    );
    assert_eq!(
        world.starts("j"),
        ["10:00:00", "13:00:20"],
        "one run, not a catch-up and a start"
    );
    assert_eq!(world.last_run("j").trigger, Trigger::Schedule);
    assert_eq!(missed_reasons(&world).len(), 2);
}

#[test]
fn catch_up_all_runs_the_newest_up_to_its_limit_oldest_first_one_after_another() {
    let mut world = world(
        &format!("{HOURLY}\ncatch_up = \"all\"\ncatch_up_limit = 3"),
        "2026-03-02T09:30",
    );
    world.script("j", |_, _| Play::succeeds().taking(std::time::Duration::from_mins(2)));
    down(
        &mut world,
        "2026-03-02T10:30",
        "2026-03-02T15:00:10",
        "2026-03-02T15:30",
    );
    let runs: Vec<_> = world.runs("j").into_iter().filter(|run| run.attempts > 0).collect();
    let due: Vec<_> = runs
        .iter()
        .map(|run| super::virtual_world::local(run.due_at.unwrap()))
        .collect();
    assert_eq!(due, ["Mon 10:00", "Mon 12:00", "Mon 13:00", "Mon 14:00", "Mon 15:00"]);
    assert_eq!(
        world.starts("j"),
        ["10:00:00", "15:00:10", "15:02:10", "15:04:10", "15:06:10"]
    );
    assert_eq!(
        missed_reasons(&world),
        ["freshd was down or asleep at the due time, and catch_up_limit is reached"]
    );
}

#[test]
fn what_still_waits_since_an_earlier_downtime_counts_towards_the_limit() {
    let mut world = world(
        &format!("{HOURLY}\ntimeout = \"none\"\ncatch_up = \"all\"\ncatch_up_limit = 3"),
        "2026-03-02T09:30",
    );
    world.script("j", |_, now| {
        let hours = if now < at("2026-03-02T11:00") { 0 } else { 4 };
        Play::succeeds().taking(std::time::Duration::from_hours(hours))
    });
    let making_up = |world: &World| {
        let waits = |run: &Run| run.trigger == Trigger::CatchUp && run.state == RunState::Waiting;
        let runs = world.runs("j").into_iter().filter(waits);
        runs.map(|run| super::virtual_world::local(run.due_at.unwrap()))
            .collect::<Vec<_>>()
    };
    down(
        &mut world,
        "2026-03-02T10:30",
        "2026-03-02T15:00:10",
        "2026-03-02T15:30",
    );
    assert_eq!(making_up(&world), ["Mon 13:00", "Mon 14:00"], "12:00 runs");
    down(&mut world, "2026-03-02T15:31", "2026-03-02T18:45", "2026-03-02T18:50");
    assert_eq!(making_up(&world), ["Mon 13:00", "Mon 14:00", "Mon 18:00"]);
    let limit = "freshd was down or asleep at the due time, and catch_up_limit is reached";
    assert_eq!(missed_reasons(&world), [limit; 3], "11:00, 16:00 and 17:00");
}

#[test]
fn catch_up_none_runs_nothing() {
    let mut world = world(&format!("{HOURLY}\ncatch_up = \"none\""), "2026-03-02T09:30");
    down(&mut world, "2026-03-02T10:30", "2026-03-02T14:30", "2026-03-02T14:40");
    assert_eq!(world.starts("j"), ["10:00:00"]);
    assert_eq!(missed_reasons(&world).len(), 4);
}

#[test]
fn what_is_older_than_catch_up_within_is_not_worth_running() {
    let daily = "schedule = \"0 6 * * *\"\ncatch_up_within = \"2h\"";
    for (back_at, starts) in [("2026-03-03T08:00", 2), ("2026-03-03T08:00:01", 1)] {
        let mut world = world(daily, "2026-03-02T05:00");
        down(&mut world, "2026-03-02T07:00", back_at, "2026-03-03T09:00");
        assert_eq!(world.starts("j").len(), starts, "back at {back_at}");
        assert_eq!(missed_reasons(&world).len(), 2 - starts);
    }
}

#[test]
fn more_than_a_thousand_missed_are_one_range_and_the_newest_still_runs() {
    let mut world = world("schedule = \"* * * * *\"", "2026-03-02T09:59:30");
    down(
        &mut world,
        "2026-03-02T10:00:30",
        "2026-03-03T10:02:10",
        "2026-03-03T10:02:30",
    );
    let runs = world.runs("j");
    assert_eq!(runs.len(), 3, "{runs:?}");
    let range = &runs[1];
    assert_eq!(range.outcome, Some(Outcome::Missed));
    assert_eq!(
        (range.due_at, range.due_until),
        (Some(at("2026-03-02T10:01")), Some(at("2026-03-03T10:01")))
    );
    assert_eq!(range.occurrences, 1_441);
    assert_eq!(world.starts("j").len(), 2);
}

#[test]
fn a_gap_too_long_to_enumerate_still_runs_the_newest_missed_occurrence() {
    let mut world = world("schedule = \"* * * * *\"", "2026-01-01T00:00:30");
    world.run_until("2026-01-01T00:01:30");
    world.crash();
    world.run_until("2026-06-01T12:00:30");
    world.restart();
    world.run_until("2026-06-01T12:00:50");
    let last = world.last_run("j");
    assert_eq!(
        (last.due_at, last.outcome),
        (Some(at("2026-06-01T12:00")), Some(Outcome::Succeeded))
    );
    let missed: Vec<_> = world
        .runs("j")
        .into_iter()
        .filter(|run| run.outcome == Some(Outcome::Missed))
        .collect();
    assert_eq!(missed.len(), 1, "{missed:?}");
    assert_eq!(missed[0].due_until, Some(at("2026-06-01T11:59")));
    assert!(missed[0].occurrences >= 100_000, "{}", missed[0].occurrences);
}

#[test]
fn a_pause_is_not_downtime() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.done(Request::Pause {
        job: "j".into(),
        because: "stocktaking".to_owned(),
    });
    world.run_until("2026-03-02T12:30");
    assert_eq!(world.starts("j").len(), 0);
    let skipped: Vec<_> = world
        .runs("j")
        .into_iter()
        .map(|run| (run.outcome, run.reason))
        .collect();
    assert_eq!(
        skipped,
        vec![(Some(Outcome::Skipped), Some("paused: stocktaking".to_owned())); 3]
    );
    world.done(Request::Resume { job: "j".into() });
    world.run_until("2026-03-02T13:30");
    assert_eq!(world.starts("j"), ["13:00:00"]);
}

#[test]
fn a_pause_outlives_downtime_and_a_long_one_is_recorded_as_a_range() {
    let mut world = world("schedule = \"* * * * *\"", "2026-03-02T09:59:30");
    world.done(Request::Pause {
        job: "j".into(),
        because: "stocktaking".to_owned(),
    });
    down(
        &mut world,
        "2026-03-02T10:00:30",
        "2026-03-04T10:00:30",
        "2026-03-04T10:00:40",
    );
    let runs = world.runs("j");
    assert_eq!(runs.len(), 2, "{}", runs.len());
    assert_eq!((runs[1].occurrences, runs[1].outcome), (2_880, Some(Outcome::Skipped)));
    assert_eq!(world.starts("j").len(), 0);
    let Reply::Refused(_) = world.ask(Request::Pause {
        job: "nothing".into(),
        because: String::new(),
    }) else {
        panic!("an unknown job is refused");
    };
}

#[test]
fn a_new_job_never_catches_up() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:30");
    world.crash();
    world.edit(&with_ops(&format!(
        "[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\n{HOURLY}\n[jobs.k]\nowner = \"ops\"\ncommand = \"true\"\n{HOURLY}\n"
    )));
    world.run_until("2026-03-02T14:30");
    world.restart();
    world.run_until("2026-03-02T15:30");
    assert_eq!(world.starts("k"), ["15:00:00"]);
    assert_eq!(world.starts("j"), ["10:00:00", "14:30:00", "15:00:00"]);
}

#[test]
fn an_edited_job_never_catches_up() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:30");
    world.crash();
    world.edit(&one_job("schedule = \"10 * * * *\""));
    world.run_until("2026-03-02T14:30");
    world.restart();
    world.run_until("2026-03-02T15:30");
    assert_eq!(world.starts("j"), ["10:00:00", "15:10:00"]);
}

#[test]
fn only_runs_that_wait_to_be_made_up_for_count_against_how_many_may() {
    let mut world = world(
        &format!("{HOURLY}\ncatch_up = \"all\"\ncatch_up_limit = 2\noverlap = \"queue\"\ntimeout = \"none\""),
        "2026-03-02T10:10",
    );
    world.script("j", |_, _| Play::succeeds().taking(std::time::Duration::from_hours(9)));
    world.run("j");
    down(&mut world, "2026-03-02T10:30", "2026-03-02T14:30", "2026-03-02T14:40");
    let runs = world.runs("j").into_iter();
    assert_eq!(runs.filter(|run| run.trigger == Trigger::CatchUp).count(), 2);
}
