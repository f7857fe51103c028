//! Records that were lost: nothing of that time starts again, what goes on is taken up, and everybody is told once.

use std::collections::BTreeSet;
use std::time::Duration;

use freshd::model::{
    Event, Found, IncidentState, Outcome, ProblemKind, Purpose, Request, Run, RunState, SlotState, Version,
    VersionNumber,
};

use super::virtual_world::{Crash, Play, World, at, with_ops};
use super::{one_job, world};

pub(super) const HOURLY: &str = "schedule = \"0 * * * *\"";

fn outcomes(world: &World) -> Vec<(String, Option<Outcome>)> {
    world.outcomes("j")
}

fn due(hour: &str, outcome: Outcome) -> (String, Option<Outcome>) {
    (format!("Mon {hour}"), Some(outcome))
}

#[test]
fn what_was_due_in_that_time_is_recorded_as_missed_and_not_made_up_for() {
    for catch_up in ["", "catch_up = \"all\""] {
        let mut world = world(&format!("{HOURLY}\n{catch_up}"), "2026-03-02T09:30");
        world.run_until("2026-03-02T10:30");
        let backup = world.back_up();
        world.run_until("2026-03-02T13:30");
        world.lose_records_since(&backup);
        world.run_until("2026-03-02T13:40");
        world.restart();
        world.run_until("2026-03-02T14:30");
        assert_eq!(
            world.starts("j"),
            ["10:00:00", "11:00:00", "12:00:00", "13:00:00", "14:00:00"]
        );
        assert_eq!(
            outcomes(&world),
            [
                due("10:00", Outcome::Succeeded),
                due("11:00", Outcome::Missed),
                due("12:00", Outcome::Missed),
                due("13:00", Outcome::Missed),
                due("14:00", Outcome::Succeeded),
            ]
        );
        let reason = world.runs("j")[1].reason.clone().unwrap();
        assert!(
            reason.contains("freshd's records from Mon 2026-03-02 10:00 to Mon 2026-03-02 13:30 were lost"),
            "{reason}"
        );
    }
}

#[test]
fn what_came_due_after_the_loss_is_downtime_like_any_other() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:30");
    let backup = world.back_up();
    world.run_until("2026-03-02T11:30");
    world.lose_records_since(&backup);
    world.run_until("2026-03-02T13:30");
    world.restart();
    world.run_until("2026-03-02T13:40");
    assert_eq!(world.starts("j"), ["10:00:00", "11:00:00", "13:30:00"]);
}

#[test]
fn a_job_that_goes_on_is_taken_up_with_its_due_time_keeps_its_end_and_is_not_overlapped() {
    let mut world = world(&format!("{HOURLY}\ntimeout = \"none\""), "2026-03-02T09:30");
    world.script("j", |_, _| {
        Play::fails(3, "no route to host").taking(Duration::from_mins(90))
    });
    world.run_until("2026-03-02T09:40");
    let backup = world.back_up();
    world.run_until("2026-03-02T10:10");
    world.lose_records_since(&backup);
    world.restart();
    let run = world.last_run("j");
    assert_eq!(
        (run.due_at, run.state),
        (Some(at("2026-03-02T10:00")), RunState::Running)
    );
    world.run_until("2026-03-02T11:45");
    assert_eq!(world.starts("j"), ["10:00:00"]);
    assert_eq!(
        outcomes(&world),
        [due("10:00", Outcome::Failed), due("11:00", Outcome::Skipped)]
    );
    assert_eq!(world.runs("j")[0].exit_code, Some(3));
}

#[test]
fn no_number_of_that_time_is_used_again() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.script("j", |_, at| match at < super::virtual_world::at("2026-03-02T12:30") {
        true => Play::fails(1, "no"),
        false => Play::succeeds(),
    });
    let backup = world.back_up();
    world.run_until("2026-03-02T12:45");
    let sent = world.sent.len();
    let messages = |world: &World| {
        world
            .sent
            .iter()
            .map(|(_, sent)| sent.message.id.clone())
            .collect::<Vec<_>>()
    };
    let before: BTreeSet<String> = messages(&world).into_iter().collect();
    assert!(sent > 0);
    world.lose_records_since(&backup);
    world.restart();
    world.run_until("2026-03-02T13:30");
    let mut attempts: Vec<_> = world.started.iter().map(|(_, id, _)| *id).collect();
    attempts.dedup();
    assert_eq!(attempts.len(), 4, "{attempts:?}");
    let after = messages(&world).split_off(sent);
    assert!(after.iter().all(|id| !before.contains(id)), "{after:?}");
    // After a reboot nobody knows for certain which were the last.
    let backup = world.back_up();
    world.lose_records_since(&backup);
    world.reboot();
    world.run_until("2026-03-02T14:30");
    assert!(world.last_run("j").id.0 > 100_000);
}

#[test]
fn a_number_that_was_left_out_stays_so_though_freshd_restarts_before_it_uses_one() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:05");
    let backup = world.back_up();
    // Nothing was due in the time that is lost: by hand alone something ran.
    by_hand(&mut world);
    world.run_until("2026-03-02T10:20");
    world.lose_records_since(&backup);
    world.restart();
    world.crash();
    world.restart();
    by_hand(&mut world);
    world.run_until("2026-03-02T10:30");
    let attempts: BTreeSet<_> = world.started.iter().map(|(_, id, _)| *id).collect();
    assert_eq!(attempts.len(), 3, "{:?}", world.started);
}

pub(super) fn by_hand(world: &mut World) {
    world.done(Request::Run {
        job: "j".into(),
        args: Vec::new(),
    });
}

#[test]
fn a_run_that_went_on_when_the_backup_was_taken_and_has_ended_since_is_lost_and_not_repeated() {
    let jobs = "schedule = \"0 * * * *\"\nretry = { attempts = 3, delay = \"1m\" }\ntimeout = \"none\"";
    let mut world = world(jobs, "2026-03-02T09:30");
    world.script("j", |_, _| Play::fails(1, "no").taking(Duration::from_mins(10)));
    world.run_until("2026-03-02T10:05");
    let running = world.back_up();
    world.run_until("2026-03-02T10:10:30");
    let backing_off = world.back_up();
    for backup in [running, backing_off] {
        world.run_until("2026-03-02T10:50");
        let started = world.started.len();
        world.lose_records_since(&backup);
        world.restart();
        world.run_until("2026-03-02T10:59");
        assert_eq!(world.started.len(), started, "nothing is started again");
        let run = world.last_run("j");
        assert_eq!(run.outcome, Some(Outcome::Lost));
        assert!(run.reason.unwrap().contains("were lost with the database"));
        // Everybody was told of all that is not known: the owner is not told of each of it.
        let lost = world.ledger.incidents.values();
        assert_eq!(lost.filter(|incident| incident.kind == ProblemKind::Lost).count(), 0);
    }
}

#[test]
fn a_run_that_waited_when_the_backup_was_taken_does_not_start() {
    let jobs = with_ops(
        "[pools.p]\nslots = 1\n\
         [jobs.a]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 * * * *\"\npool = \"p\"\ntimeout = \"none\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"1 * * * *\"\npool = \"p\"\n",
    );
    let mut world = World::start(&jobs, "2026-03-02T09:30");
    world.script("a", |_, _| Play::succeeds().taking(Duration::from_mins(5)));
    world.run_until("2026-03-02T10:02");
    let backup = world.back_up();
    world.run_until("2026-03-02T10:30");
    assert_eq!(world.starts("j"), ["10:05:00"]);
    world.lose_records_since(&backup);
    world.restart();
    world.run_until("2026-03-02T10:50");
    assert_eq!(world.starts("j"), ["10:05:00"]);
    assert_eq!(outcomes(&world), [due("10:01", Outcome::Missed)]);
}

/// Who was told that records were lost, and how often.
fn told(world: &World) -> Vec<String> {
    let lost = world
        .sent
        .iter()
        .filter(|(_, sent)| sent.message.subject.contains("records were lost"));
    let mut told: Vec<String> = lost.map(|(_, sent)| sent.address.to_string()).collect();
    told.sort();
    told
}

#[test]
fn every_team_is_told_once_with_its_jobs_and_nothing_stays_open() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:30");
    let backup = world.back_up();
    world.run_until("2026-03-02T12:30");
    world.lose_records_since(&backup);
    world.restart();
    world.run_until("2026-03-02T12:40");
    world.crash();
    world.restart();
    world.run_until("2026-03-04T12:40");
    assert_eq!(told(&world), ["mail:it@sea.example", "mail:ops@sea.example"]);
    let (_, to_ops) = world
        .sent
        .iter()
        .find(|(_, sent)| sent.address.to_string() == "mail:ops@sea.example")
        .unwrap();
    let message = &to_ops.message;
    assert!(
        message
            .headline
            .contains("freshd's records from Mon 2026-03-02 10:00 to Mon 2026-03-02 12:30 are lost"),
        "{}",
        message.headline
    );
    let fact = |label: &str| {
        message
            .facts
            .iter()
            .find(|fact| fact.label == label)
            .unwrap()
            .text
            .clone()
    };
    assert!(fact("Goes on from").contains("the backup daily.db"));
    assert_eq!(fact("Look after"), "j");
    assert_eq!(fact("Why"), "it was damaged");
    let open = world.ledger.incidents.values();
    assert_eq!(
        open.filter(|incident| incident.state != IncidentState::Resolved)
            .count(),
        0
    );
}

#[test]
fn a_daemon_that_dies_while_it_takes_up_what_is_left_takes_it_up_again() {
    let quiet = |crash: Option<(u64, Crash)>| {
        let mut world = world(&format!("{HOURLY}\ntimeout = \"none\""), "2026-03-02T09:30");
        world.script("j", |_, at| {
            let long = at > super::virtual_world::at("2026-03-02T12:30");
            Play::fails(3, "no").taking(Duration::from_mins(if long { 30 } else { 1 }))
        });
        world.run_until("2026-03-02T10:30");
        let backup = world.back_up();
        world.run_until("2026-03-02T13:10");
        world.lose_records_since(&backup);
        let commits = world.commits;
        world.crash_at = crash.map(|(commit, side)| (commits + commit, side));
        world.restart();
        world.run_until("2026-03-02T14:50");
        let runs: Vec<_> = outcomes(&world);
        (world.starts("j"), runs, told(&world), world.commits - commits)
    };
    let (starts, runs, told, commits) = quiet(None);
    assert_eq!(starts, ["10:00:00", "11:00:00", "12:00:00", "13:00:00", "14:00:00"]);
    assert_eq!(
        runs,
        [
            due("10:00", Outcome::Failed),
            due("13:00", Outcome::Failed),
            due("11:00", Outcome::Missed),
            due("12:00", Outcome::Missed),
            due("14:00", Outcome::Failed),
        ]
    );
    for commit in 1..=commits.min(12) {
        for side in [Crash::Before, Crash::After] {
            let (same_starts, same_runs, same_told, _) = quiet(Some((commit, side)));
            assert_eq!(same_starts, starts, "{side:?} {commit}");
            let sorted = |runs: &[(String, Option<Outcome>)]| {
                let mut runs: Vec<_> = runs
                    .iter()
                    .map(|(due, outcome)| (due.clone(), outcome.map(Outcome::as_str)))
                    .collect();
                runs.sort();
                runs
            };
            assert_eq!(sorted(&same_runs), sorted(&runs), "{side:?} {commit}");
            let unique: BTreeSet<_> = same_told.iter().collect();
            assert_eq!(unique, told.iter().collect(), "{side:?} {commit}");
        }
    }
}

const STOCK: &str = "[datasets.stock]\nowner = \"ops\"\nfile = \"stock.csv\"\n\
                     due = { at = \"0 * * * *\", grace = \"30m\" }\n";

pub(super) fn stock_world() -> World {
    let mut jobs = one_job("schedule = \"0 * * * *\"\nproduces = \"stock\"");
    jobs.push_str(STOCK);
    World::start(&jobs, "2026-03-02T09:40")
}

#[test]
fn the_version_that_readers_see_is_taken_in_and_no_promise_of_that_time_is_called_broken() {
    for is_seen in [true, false] {
        let mut world = stock_world();
        world.run_until("2026-03-02T10:10");
        let backup = world.back_up();
        world.run_until("2026-03-02T14:10");
        let last: Version = world.versions("stock").pop().unwrap();
        assert_eq!(last.number, VersionNumber(5));
        world.found = Found {
            last_run: 0,
            version_numbers: vec![("stock".into(), 5)],
            in_place: Some(Version {
                attempt: None,
                ..last.clone()
            })
            .filter(|_| is_seen)
            .into_iter()
            .collect(),
        };
        world.lose_records_since(&backup);
        world.restart();
        world.run_until("2026-03-02T14:40");
        let states: Vec<SlotState> = world.slots("stock").iter().map(|slot| slot.state).collect();
        let late = [SlotState::Late, SlotState::Missed];
        assert!(!states.iter().any(|state| late.contains(state)), "{states:?}");
        let open = world.ledger.incidents.values();
        assert_eq!(open.filter(|incident| incident.kind != ProblemKind::Freshd).count(), 0);
        world.run_until("2026-03-02T15:10");
        let versions = world.versions("stock");
        assert_eq!(versions.last().unwrap().number, VersionNumber(6), "numbers go on");
        assert_eq!(versions.iter().any(|version| version.number == last.number), is_seen);
        let states = world.slots("stock");
        let newest = states
            .iter()
            .rfind(|slot| slot.due_at == at("2026-03-02T15:00"))
            .unwrap();
        assert_eq!(newest.state, SlotState::Met);
    }
}

#[test]
fn a_run_whose_version_readers_see_has_succeeded() {
    let mut world = stock_world();
    world.script("j", |_, at| {
        Play::writes(&at.to_string(), at).taking(Duration::from_mins(10))
    });
    world.run_until("2026-03-02T10:05");
    let backup = world.back_up();
    world.run_until("2026-03-02T10:30");
    let last: Version = world.versions("stock").pop().unwrap();
    world.found.in_place = vec![last];
    world.lose_records_since(&backup);
    world.restart();
    world.run_until("2026-03-02T10:40");
    let run: Run = world.last_run("j");
    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    assert_eq!(run.reason.as_deref(), Some("readers see its version 1"));
}

#[test]
fn a_backup_that_fails_is_told_to_the_fallback_until_one_is_taken() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    let told = |world: &World| -> Vec<(String, Purpose)> {
        let sent = world.sent.iter();
        sent.map(|(_, sent)| (sent.address.to_string(), sent.message.purpose))
            .collect()
    };
    for _ in 0..3 {
        let why = "there is no room".to_owned();
        world.handle(Event::Backup { result: Err(why) });
    }
    world.run_until("2026-03-02T09:40");
    assert_eq!(told(&world), [("mail:it@sea.example".to_owned(), Purpose::Opening)]);
    let message = &world.sent[0].1.message;
    assert!(message.headline.contains("there is no room"), "{}", message.headline);
    assert!(message.commands.contains(&"freshd backup".to_owned()));
    world.handle(Event::Backup { result: Ok(()) });
    world.run_until("2026-03-02T09:45");
    assert_eq!(
        told(&world)[1..],
        [("mail:it@sea.example".to_owned(), Purpose::Recovery)]
    );
}
