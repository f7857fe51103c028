//! What is beyond `[history]` is forgotten, and nothing that is decided afterwards is decided otherwise.

use std::time::Duration;

use freshd::model::{Action, Event, Fact, HistoryLimits, Reply, Run, RunState, SearchFrom};
use freshd::planner::history_limits;
use jiff::Timestamp;

use super::virtual_world::{Crash, Play, World, at, with_ops};

/// Jobs of every kind, of which as little is kept as may be.
fn company() -> String {
    with_ops(
        r#"
[history]
keep = "1d"
runs = 1
[datasets.stock]
owner = "ops"
file = "stock.csv"
consumers = ["report"]
due = { at = "0 23 * * *", grace = "15m" }
max_age = "26h"
keep_versions = 2
[alerts]
weekly = false
[datasets.prices]
owner = "ops"
probe = { file = "prices.csv", every = "6h" }
max_age = "7d"
[jobs.export]
owner = "ops"
command = "true"
schedule = "0 22 * * *"
produces = "stock"
[jobs.report]
owner = "ops"
command = "true"
on = ["stock"]
[jobs.often]
owner = "ops"
command = "true"
schedule = "*/30 * * * *"
retry = { attempts = 2, delay = "1m" }
[jobs.long]
owner = "ops"
command = "true"
schedule = "0 6 1,15 * *"
timeout = "none"
needs = ["stock"]
on_stale = "run"
[jobs.yearly]
owner = "ops"
command = "true"
schedule = "0 6 20 1 *"
"#,
    )
}

/// The company at `from`: some days are bad, and one run takes a week.
fn start(from: &str) -> World {
    let mut world = World::start(&company(), from);
    let day = |at: Timestamp| at.as_second() / 86_400;
    world.script("export", move |_, at| match day(at) % 5 {
        0 => Play::fails(3, "no route to host"),
        1 => Play::writes("half", at).refused("too few rows"),
        _ => Play::writes(&day(at).to_string(), at),
    });
    world.script("often", move |_, at| match day(at) % 4 {
        0 => Play::fails(1, "locked"),
        _ => Play::succeeds(),
    });
    world.script("long", |_, _| Play::succeeds().taking(Duration::from_hours(24 * 7)));
    world.script("yearly", |_, _| Play::fails(9, "nobody saw it"));
    world.probe("prices", move |at| {
        super::virtual_world::file(&day(at).to_string(), Some(at))
    });
    world
}

fn forgotten(world: &World) -> Vec<&Fact> {
    let facts = world.facts.iter();
    facts.filter(|fact| matches!(fact, Fact::Forgotten(_))).collect()
}

fn limits(world: &World) -> HistoryLimits {
    history_limits(&world.settings, world.now.wall, &[])
}

/// How many rows a search still finds.
fn beyond(world: &World) -> usize {
    let found = world.reader().aged(&limits(world), SearchFrom::START, 100_000);
    let found = found.expect("the store is read");
    found.runs.len() + found.slots.len() + found.incidents.len() + found.versions.len()
}

/// A round to its end.
fn prune(world: &mut World) -> Reply {
    world.prune();
    world.run_until_instant(world.now.wall + Duration::from_secs(1));
    world.replies.pop().expect("an answer")
}

#[test]
fn a_restart_on_what_is_left_decides_for_a_month_what_one_on_everything_decides() {
    let mut whole = start("2026-01-10T12:00");
    let mut pruned = start("2026-01-10T12:00");
    for world in [&mut whole, &mut pruned] {
        // In the middle of a long run, with open incidents.
        world.run_until("2026-02-17T12:00");
    }
    let before = pruned.reader().history(&all()).unwrap().len();
    prune(&mut pruned);
    whole.run_until_instant(pruned.now.wall);
    assert!(!forgotten(&pruned).is_empty());
    assert_eq!(beyond(&pruned), 0);
    let left = pruned.reader().history(&all()).unwrap();
    assert!(left.len() < 30 && before > 1_500, "{before} {}", left.len());
    assert!(left.iter().any(|run| run.state == RunState::Running));
    assert!(left.iter().any(|run| run.job.as_str() == "yearly"));
    let mut decided = Vec::new();
    for world in [&mut whole, &mut pruned] {
        let sent = world.sent.len();
        world.facts.clear();
        world.crash();
        world.now.wall += Duration::from_hours(7);
        world.restart();
        world.run_until("2026-03-20T12:00");
        let sent: Vec<_> = world.sent.drain(sent..).collect();
        let mut facts = std::mem::take(&mut world.facts);
        for fact in &mut facts {
            // Each world has a directory of its own.
            if let Fact::Version(version) = fact {
                version.file = version.file.as_ref().and_then(|file| file.file_name()).map(Into::into);
            }
        }
        decided.push((facts, sent));
    }
    assert!(decided[0].0.len() > 5_000);
    let (pruned, whole) = (decided.pop().unwrap(), decided.pop().unwrap());
    for (place, (a, b)) in whole.0.iter().zip(&pruned.0).enumerate() {
        assert_eq!(a, b, "fact {place}");
    }
    assert_eq!(whole.0.len(), pruned.0.len());
    assert!(whole.1 == pruned.1);
}

fn all() -> freshd::store::HistoryFilter {
    freshd::store::HistoryFilter {
        limit: 1_000_000,
        ..Default::default()
    }
}

#[test]
fn a_crash_at_any_commit_of_a_round_leaves_what_the_next_round_forgets() {
    for crash in [Crash::Before, Crash::After, Crash::Acted] {
        let mut number = 1;
        loop {
            let mut world = start("2026-01-10T12:00");
            world.run_until("2026-01-13T12:10");
            world.handle(Event::Alive);
            world.crash_at = Some((world.commits + number, crash));
            world.piece_rows = 40;
            let before = world.facts.len();
            world.prune();
            world.run_until_instant(world.now.wall + Duration::from_secs(1));
            let has_died = world.crash_at.is_none();
            if !has_died {
                assert!(number > 3, "only {number} pieces");
                assert_eq!(beyond(&world), 0);
                break;
            }
            assert!(world.facts.len() > before);
            let reply = prune(&mut world);
            assert!(matches!(reply, Reply::Done(_)), "{reply:?}");
            assert_eq!(beyond(&world), 0, "{crash:?} at piece {number}");
            // The ledger sees whether anything that was forgotten is done again.
            world.run_until("2026-01-16T12:00");
            number += 1;
        }
    }
}

#[test]
fn a_store_that_is_pruned_each_day_does_not_grow() {
    let mut world = start("2026-01-10T12:00");
    let mut pages = Vec::new();
    for day in 1..=40 {
        let next = world.now.wall + Duration::from_hours(24);
        world.run_until_instant(next);
        world.handle(Event::Alive);
        prune(&mut world);
        if day % 10 == 0 {
            world.crash();
            pages.push(world.database_bytes() / 4_096);
            world.restart();
        }
    }
    let (first, last) = (pages[0], pages[3]);
    assert!(last <= first + first / 5, "{pages:?} pages");
}

#[test]
fn a_configuration_that_changes_each_hour_leaves_no_text_for_ever() {
    let mut world = World::start(&company(), "2026-01-10T12:00");
    let texts = |world: &World| world.count("SELECT count(*) FROM texts");
    for hour in 0..600 {
        world.reload(&company().replace("keep = \"1d\"", &format!("# {hour}\nkeep = \"1d\"")));
        world.run_until_instant(world.now.wall + Duration::from_hours(1));
    }
    assert!(texts(&world) > 600, "{}", texts(&world));
    // A round forgets 200 acceptances.
    for _ in 0..3 {
        world.handle(Event::Prune {
            files: false,
            asked: None,
        });
        world.run_until_instant(world.now.wall + Duration::from_secs(1));
    }
    assert!(texts(&world) > 600, "all runs are looked at by night alone");
    prune(&mut world);
    assert!(texts(&world) < 200, "{}", texts(&world));
    // Every row that is left still has its texts.
    assert!(!world.reader().history(&all()).unwrap().is_empty());
    world.crash();
    world.restart();
}

#[test]
fn what_goes_on_and_what_tells_how_a_job_is_stays_however_old_it_is() {
    let mut world = start("2026-01-10T12:00");
    world.run_until("2026-03-17T12:00");
    prune(&mut world);
    let of = |job: &str| -> Vec<Run> {
        world
            .reader()
            .history(&all())
            .unwrap()
            .into_iter()
            .filter(|run| run.job.as_str() == job)
            .collect()
    };
    assert_eq!(of("long").len(), 2, "the one that goes on, and the last that tells");
    assert_eq!(of("yearly").len(), 1);
    // Three published versions, with the runs that made them, and the newest of those refused.
    let versions = world.reader().versions_of(&"stock".into(), 100).unwrap();
    for version in &versions {
        let run = version.run.expect("a run made it");
        assert!(world.reader().run(run).unwrap().is_some(), "{version:?}");
    }
    assert!(versions.len() >= 3, "{}", versions.len());
}

#[test]
fn nothing_is_too_old_by_a_clock_that_has_leapt_until_people_had_a_day() {
    let mut world = start("2026-01-10T12:00");
    world.run_until("2026-01-13T12:10");
    world.set_clock("2036-01-13T12:10");
    let runs = |world: &World| {
        world
            .reader()
            .history(&all())
            .unwrap()
            .iter()
            .filter(|run| run.created_at < at("2027-01-01T00:00"))
            .count()
    };
    world.reload(&company().replace("runs = 1\n", "runs = 1000000\n"));
    let before = runs(&world);
    prune(&mut world);
    assert_eq!(runs(&world), before);
    // A restart meanwhile does not make it any older.
    world.crash();
    world.restart();
    prune(&mut world);
    assert_eq!(runs(&world), before);
    world.run_until("2036-01-14T12:20");
    prune(&mut world);
    assert!(runs(&world) < before);
}

#[test]
fn on_a_full_disk_only_files_are_removed_and_only_when_somebody_asks() {
    let mut world = start("2026-01-10T12:00");
    world.run_until("2026-01-13T12:10");
    world.fill_disk();
    let before = world.asked.len();
    world.handle(Event::Prune {
        files: true,
        asked: None,
    });
    world.run_until("2026-01-13T12:11");
    assert_eq!(world.asked.len(), before);
    assert!(matches!(prune(&mut world), Reply::Done(_)));
    assert!(matches!(world.asked.last(), Some(Action::Sweep)));
    assert!(forgotten(&world).is_empty());
    world.free_disk();
    prune(&mut world);
    assert!(!forgotten(&world).is_empty());
}

#[test]
fn files_are_swept_only_where_somebody_in_the_round_asked_for_them() {
    for (first, then, sweeps) in [
        (false, None, 0),
        (true, None, 1),
        (false, Some(true), 1),
        (true, Some(false), 1),
    ] {
        let mut world = start("2026-01-10T12:00");
        world.run_until("2026-01-13T12:10");
        for files in [Some(first), then].into_iter().flatten() {
            world.handle(Event::Prune { files, asked: None });
        }
        world.run_until("2026-01-13T12:11");
        let swept = world.asked.iter().filter(|action| matches!(action, Action::Sweep));
        assert_eq!(swept.count(), sweeps, "{first} {then:?}");
        let of_logs = |action: &&Action| matches!(action, Action::Search { from, .. } if *from == SearchFrom::Logs);
        assert_eq!(world.asked.iter().filter(of_logs).count(), sweeps, "of logs too");
    }
}

#[test]
fn nothing_is_removed_while_the_clock_is_not_believed() {
    let mut world = start("2026-01-10T12:00");
    world.run_until("2026-01-14T12:10");
    world.crash();
    world.clock_at_restart("2026-01-12T12:00");
    world.restart();
    let Reply::Refused(why) = prune(&mut world) else {
        panic!("it was done");
    };
    assert!(why.contains("freshd clock"), "{why}");
    assert!(forgotten(&world).is_empty());

    // Nor while what is too old by it is still being looked for.
    let mut world = start("2026-01-10T12:00");
    world.run_until("2026-01-14T12:10");
    world.prune();
    world.set_clock("2026-01-12T12:00");
    world.run_until("2026-01-12T12:01");
    let meanwhile = |reply| matches!(reply, Reply::Refused(why) if why.contains("was set back meanwhile"));
    assert!(world.replies.pop().is_some_and(meanwhile));
}

#[test]
fn an_occurrence_that_is_forgotten_is_not_run_again_when_the_clock_is_confirmed_before_it() {
    let mut world = start("2026-01-10T12:00");
    world.run_until("2026-01-13T12:10");
    prune(&mut world);
    world.crash();
    world.clock_at_restart("2026-01-13T12:01");
    world.restart();
    world.confirm_clock();
    let runs = |world: &World| {
        world
            .facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Run(run) if run.job.as_str() == "often" && run.due_at == Some(at("2026-01-13T12:00")) => {
                    Some(run.id)
                }
                _ => None,
            })
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    world.run_until("2026-01-13T13:00");
    assert_eq!(runs(&world), 1);
}

#[test]
fn files_are_asked_to_be_removed_only_once_their_runs_are_forgotten() {
    let mut world = start("2026-01-10T12:00");
    world.run_until("2026-01-13T12:10");
    let Reply::Done(told) = prune(&mut world) else {
        panic!("it was refused");
    };
    let gone: Vec<_> = forgotten(&world)
        .into_iter()
        .flat_map(|fact| match fact {
            Fact::Forgotten(forgotten) => forgotten.runs.clone(),
            _ => Vec::new(),
        })
        .collect();
    let mut outputs = 0;
    for action in &world.asked {
        if let Action::Remove(leftovers) = action {
            outputs += leftovers.outputs.len();
            assert!(leftovers.outputs.iter().all(|(_, run, _)| gone.contains(run)));
        }
    }
    assert!(outputs > 50, "{outputs}");
    assert_eq!(
        (&told["files"], &told["bytes"]),
        (&outputs.into(), &(outputs * 100).into())
    );
    assert!(matches!(world.asked.last(), Some(Action::Sweep)));
}
