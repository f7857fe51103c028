//! Runs that are forgotten and records that are lost: neither makes the other start anything twice.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use freshd::model::{Action, AttemptId, Event, Fact, FoundAttempt, Outcome, Reply, Request, RunId, SearchFrom};
use freshd::planner::history_limits;

use super::virtual_world::{Play, World, at, with_ops};

/// As little is kept as may be.
const LITTLE: &str = "[history]\nruns = 1\n";

/// Jobs that come anew fill the first step of a start, so that the last one is decided about in the next.
const NEW_JOBS: usize = 4_200;

fn jobs(z: &str, new: usize) -> String {
    const A: &str = "[jobs.a]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"*/30 * * * *\"\n";
    let mut text = format!("{LITTLE}{A}[jobs.z]\nowner = \"ops\"\ncommand = \"true\"\n{z}\n");
    for number in 0..new {
        let _ = writeln!(
            text,
            "[jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 6 1 1 *\""
        );
    }
    with_ops(&text)
}

/// A round to its end.
fn prune(world: &mut World) {
    world.prune();
    world.run_until_instant(world.now.wall + Duration::from_secs(1));
    let reply = world.replies.pop();
    assert!(matches!(reply, Some(Reply::Done(_))), "{reply:?}");
}

/// The numbers of runs of `z` that were forgotten since so many facts.
fn forgotten(world: &World, since: usize) -> BTreeSet<RunId> {
    let facts = world.facts[since..].iter();
    let runs = facts.filter_map(|fact| match fact {
        Fact::Forgotten(forgotten) => Some(&forgotten.runs),
        _ => None,
    });
    let of_z = |id: &RunId| world.ledger.runs.get(id).is_none_or(|run| run.job.as_str() == "z");
    runs.flatten().copied().filter(of_z).collect()
}

/// The runs that were ever recorded for an occurrence since so many facts.
fn runs_due(world: &World, due: &str, since: usize) -> BTreeSet<(RunId, Option<&'static str>)> {
    let facts = world.facts[since..].iter();
    let runs = facts.filter_map(|fact| match fact {
        Fact::Run(run) if run.job.as_str() == "z" && run.due_at == Some(at(due)) => {
            Some((run.id, run.outcome.map(Outcome::as_str)))
        }
        _ => None,
    });
    runs.collect()
}

#[test]
fn a_run_that_alone_tells_of_its_occurrence_is_not_forgotten_before_the_cursor_tells_of_it_too() {
    const Z: &str = "schedule = \"0 * * * *\"\noverlap = \"allow\"\ntimeout = \"none\"";
    let mut world = World::start(&jobs(Z, 0), "2026-03-02T08:30");
    world.script("z", |_, _| Play::succeeds().taking(Duration::from_mins(90)));
    world.run_until("2026-03-02T10:50");
    let (backup, from) = (world.back_up(), world.now.wall);
    world.run_until("2026-03-02T12:10");
    // The keeper has those of 11:00 and 12:00, and no record is left of either.
    world.lose_records_since(&backup);
    world.edit(&jobs(Z, NEW_JOBS));
    let since = world.facts.len();
    world.restart();
    let of_z = world.started.iter().filter(|(job, _, at)| job == "z" && *at > from);
    let going: Vec<AttemptId> = of_z.map(|(_, id, _)| *id).collect();
    assert_eq!(going.len(), 2);
    for id in &going {
        let end = Play::succeeds().exit(*id, world.now.wall, world.now.wall, None);
        world.handle(Event::AttemptEnded(end));
    }
    assert_eq!(runs_due(&world, "2026-03-02T11:00", since).len(), 2, "going, then over");
    let cursor = world.ledger.jobs["z"].cursor;
    assert!(cursor < at("2026-03-02T11:00"), "it is not decided about yet: {cursor}");
    // freshd dies when a round has forgotten what it may, and before it comes to decide about the job.
    world.prune();
    let limits = history_limits(&world.settings, world.now.wall, &[]);
    let aged = world
        .reader()
        .aged(&limits, SearchFrom::START, 1_000)
        .expect("it is read");
    assert!(aged.runs.iter().any(|run| run.id == going[0].run), "{aged:?}");
    world.handle(Event::Aged(Ok(Box::new(aged))));
    world.crash();
    world.restart();
    world.run_until("2026-03-02T12:11");
    assert!(
        world.facts[since..]
            .iter()
            .any(|fact| matches!(fact, Fact::Forgotten(_)))
    );
    let gone = forgotten(&world, since);
    assert!(going.iter().all(|id| !gone.contains(&id.run)), "{gone:?}");
    for due in ["2026-03-02T11:00", "2026-03-02T12:00"] {
        let outcomes: Vec<_> = runs_due(&world, due, since).into_iter().map(|(_, end)| end).collect();
        assert_eq!(outcomes, [None, Some("succeeded")], "{due}");
    }
    // The cursor tells of them now.
    prune(&mut world);
    assert!(forgotten(&world, since).contains(&going[0].run));
    world.run_until("2026-03-02T12:50");
    assert_eq!(world.starts("z").last().map(String::as_str), Some("12:00:00"));
}

/// A world at noon, whose job has run each hour since nine.
fn noon() -> World {
    let mut world = World::start(&jobs("schedule = \"0 * * * *\"", 0), "2026-03-02T08:30");
    world.run_until("2026-03-02T12:10");
    world
}

/// An hour later the runs of the morning are forgotten.
fn forget_the_morning(world: &mut World) -> BTreeSet<RunId> {
    world.run_until("2026-03-02T13:10");
    let since = world.facts.len();
    prune(world);
    let gone = forgotten(world, since);
    assert_eq!(gone.len(), 4, "of 09:00 to 12:00");
    gone
}

#[test]
fn what_a_backup_brings_back_is_forgotten_again_and_not_run_again() {
    let mut world = noon();
    let backup = world.back_up();
    let gone = forget_the_morning(&mut world);
    world.lose_records_since(&backup);
    world.restart();
    let known = |world: &World, id: RunId| world.reader().run(id).expect("it is read").is_some();
    assert!(gone.iter().all(|id| known(&world, *id)));
    let since = world.facts.len();
    prune(&mut world);
    let again = forgotten(&world, since);
    assert_eq!(again.len(), 3, "the one of 12:00 is the last that tells how the job is");
    assert!(again.is_subset(&gone));
    world.run_until("2026-03-02T15:10");
    let starts = [
        "09:00:00", "10:00:00", "11:00:00", "12:00:00", "13:00:00", "14:00:00", "15:00:00",
    ];
    assert_eq!(world.starts("z"), starts);
}

#[test]
fn the_number_of_a_run_that_is_forgotten_is_not_used_again() {
    let text = jobs("schedule = \"0 6 1 1 *\"\ntimeout = \"none\"", 0);
    let text = text
        .replace("*/30 * * * *", "0 6 1 1 *")
        .replace(LITTLE, "[history]\nkeep = \"1d\"\n");
    let mut world = World::start(&text, "2026-03-02T08:30");
    world.script("z", |_, _| Play::succeeds().taking(Duration::from_hours(1)));
    let by_hand = |world: &mut World| {
        world.done(Request::Run {
            job: "z".into(),
            args: Vec::new(),
        })
    };
    by_hand(&mut world);
    world.run_until("2026-03-02T10:00");
    // Those that a person ended do not tell how the job is: they may all go.
    for _ in 0..2 {
        by_hand(&mut world);
        let run = world.last_run("z").id;
        world.done(Request::Cancel { run });
        world.run_until_instant(world.now.wall + Duration::from_mins(1));
    }
    world.run_until("2026-03-05T10:00");
    prune(&mut world);
    assert_eq!(forgotten(&world, 0).len(), 1, "the last of all numbers stays on record");
    world.crash();
    world.restart();
    by_hand(&mut world);
    world.run_until("2026-03-05T11:10");
    let attempts: BTreeSet<_> = world.started.iter().map(|(_, id, _)| *id).collect();
    assert_eq!(attempts.len(), 4, "{attempts:?}");
}

#[test]
fn what_a_keeper_tells_of_a_run_that_is_forgotten_changes_nothing() {
    let mut world = noon();
    let gone = forget_the_morning(&mut world);
    // The backup knows nothing of the run either: it was taken after it was forgotten.
    let backup = world.back_up();
    for is_lost in [false, true] {
        if is_lost {
            world.lose_records_since(&backup);
            world.restart();
        }
        for run in &gone {
            let id = AttemptId { run: *run, number: 1 };
            let since = world.facts.len();
            if is_lost {
                world.handle(Event::AttemptFound(FoundAttempt {
                    id,
                    job: "z".into(),
                    due_at: Some(at("2026-03-02T10:00")),
                    trigger: None,
                    at: world.now.wall,
                }));
            }
            let end = Play::fails(7, "told late").exit(id, world.now.wall, world.now.wall, None);
            world.handle(Event::AttemptEnded(end));
            assert_eq!(world.facts.len(), since, "{:?}", &world.facts[since..]);
            // It is told that it need not tell it again.
            assert!(matches!(world.asked.last(), Some(Action::Acknowledge(told)) if *told == id));
        }
    }
}
