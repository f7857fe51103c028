//! A keeper that does not answer, and journals that do not tell: who hears of it, when it is over, what waits.

use freshd::model::{AttemptId, Event, IncidentState, Outcome, Purpose, Reply, Request, RunId};

use super::virtual_world::{World, with_ops};
use super::world;

const EVERY_MINUTE: &str = "schedule = \"* * * * *\"\noverlap = \"skip\"";
const OWNER: &str = "mail:ops@sea.example";
const FALLBACK: &str = "mail:it@sea.example";

fn first() -> AttemptId {
    AttemptId {
        run: RunId(1),
        number: 1,
    }
}

fn silent(world: &mut World, guarded: bool) {
    let since = world.now.wall;
    world.handle(Event::KeeperSilent {
        keeper: 3,
        since,
        attempts: vec![first()],
        guarded,
    });
}

/// The first run of `j` is claimed at 10:00, and its keeper hangs.
fn claimed() -> World {
    let mut world = world(EVERY_MINUTE, "2026-03-02T09:59:30");
    world.outside.keeper_hangs = true;
    world.run_until("2026-03-02T10:00:30");
    world
}

/// The same, and it was found out.
fn hanging() -> World {
    let mut world = claimed();
    silent(&mut world, true);
    world.run_until("2026-03-02T10:01:30");
    world
}

#[test]
fn a_run_that_no_keeper_can_start_yet_is_said_to_wait_with_the_reason_until_it_begins() {
    let mut world = claimed();
    let why = "no more than 192 attempts run at a time with the limit of open files (1024)";
    world.handle(Event::AttemptRefused {
        id: first(),
        why: why.to_owned(),
    });
    let status = world.status("j");
    assert_eq!(status["jobs"][0]["state"], "waiting");
    assert_eq!(status["jobs"][0]["reason"], format!("waits: {why}"));
    assert_eq!(status["jobs"][0]["running"][0]["reason"], format!("waits: {why}"));
    let at = world.now.wall;
    world.handle(Event::AttemptStarted {
        id: first(),
        pid: 1,
        at,
    });
    let status = world.status("j");
    assert_eq!(status["jobs"][0]["state"], "running");
    assert_eq!(status["jobs"][0]["reason"], serde_json::Value::Null);
    assert_eq!(world.told_to(OWNER), [], "a wait is no incident");
}

#[test]
fn a_silent_keeper_is_told_once_and_at_once_and_again_when_it_answers() {
    let mut world = hanging();
    silent(&mut world, true);
    world.run_until("2026-03-02T10:02:10");
    assert_eq!(world.told_to(FALLBACK), [Purpose::Opening]);
    assert_eq!(world.told_to(OWNER), [Purpose::Impact]);
    let message = world.sent[0].1.message.clone();
    for words in ["keeper 3 does not answer since", "1 job runs or waits under it (j)"] {
        assert!(message.headline.contains(words), "{}", message.headline);
    }
    world.handle(Event::KeeperAnswers(3));
    world.run_until("2026-03-02T10:02:20");
    assert_eq!(world.told_to(FALLBACK), [Purpose::Opening, Purpose::Recovery]);
    assert_eq!(world.told_to(OWNER), [Purpose::Impact, Purpose::Recovery]);
}

#[test]
fn what_a_silent_keeper_has_is_said_to_wait_and_nothing_of_its_job_starts_beside_it() {
    let mut world = hanging();
    assert_eq!(world.starts("j"), Vec::<String>::new());
    let skipped = world.last_run("j");
    assert_eq!(skipped.outcome, Some(Outcome::Skipped));
    assert_eq!(
        skipped.reason.as_deref(),
        Some("overlap: run 1 of j waits for keeper 3, which does not answer")
    );
    let status = world.status("j");
    assert_eq!(status["jobs"][0]["state"], "waiting");
    assert_eq!(status["jobs"][0]["reason"], "waits for keeper 3, which does not answer");
    // Once it has begun it runs, whether its keeper answers or not.
    let at = world.now.wall;
    world.handle(Event::AttemptStarted {
        id: first(),
        pid: 7,
        at,
    });
    assert_eq!(world.status("j")["jobs"][0]["state"], "running");
}

#[test]
fn time_limits_that_nobody_can_keep_are_told() {
    let mut world = hanging();
    silent(&mut world, false);
    let told = world.open_incidents().remove(0);
    assert!(
        told.reason.contains("their time limits cannot be kept"),
        "{}",
        told.reason
    );
}

#[test]
fn a_silent_keeper_of_a_life_before_that_nobody_speaks_of_any_more_is_over() {
    let mut world = hanging();
    world.crash();
    world.restart();
    assert_eq!(
        world.open_incidents().len(),
        1,
        "its keepers have not all been heard yet"
    );
    world.handle(Event::Alive);
    assert_eq!(world.open_incidents().len(), 0);
}

fn damaged(world: &mut World, attempts: Vec<AttemptId>) {
    world.handle(Event::JournalDamaged {
        damages: vec!["the journal of keeper 3 is damaged".to_owned()],
        attempts,
    });
}

#[test]
fn a_damaged_journal_is_told_once_to_whom_it_concerns_until_nothing_is_doubtful() {
    let mut world = claimed();
    damaged(&mut world, vec![first()]);
    world.handle(Event::Alive);
    damaged(&mut world, vec![first()]);
    world.run_until("2026-03-02T10:00:40");
    assert_eq!(world.told_to(OWNER), [Purpose::Impact]);
    let told = world.open_incidents();
    assert_eq!((told.len(), told[0].state), (1, IncidentState::Open));
    assert!(
        told[0].reason.contains("run 1 is not accounted for"),
        "{}",
        told[0].reason
    );
    let Reply::Refused(why) = world.run("j") else {
        panic!("it runs beside what may live")
    };
    assert!(why.contains("run 1 of j is going on"), "{why}");
    let refused = world.ask(Request::Cancel { run: RunId(1) });
    assert!(matches!(refused, Reply::Done(_)), "{refused:?}");
    let at = world.now.wall;
    let exit = super::virtual_world::Play::succeeds().exit(first(), at, at, None);
    world.handle(Event::AttemptEnded(exit));
    world.handle(Event::Alive);
    assert_eq!(world.open_incidents().len(), 0);
}

#[test]
fn of_many_jobs_under_a_silent_keeper_the_first_are_named() {
    for (count, words) in [
        (0, "no job runs under it"),
        (
            5,
            "5 jobs run or wait under it (j1, j2, j3, j4, j5), and start nowhere else until then",
        ),
        (
            6,
            "6 jobs run or wait under it (j1, j2, j3, j4, j5 and others), and start nowhere else until then",
        ),
    ] {
        let job = |number| format!("[jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\n{EVERY_MINUTE}\n");
        let jobs: Vec<String> = (1..=6).map(job).collect();
        let mut world = World::start(&with_ops(&jobs.join("")), "2026-03-02T09:59:30");
        world.outside.keeper_hangs = true;
        world.run_until("2026-03-02T10:00:30");
        let since = world.now.wall;
        let attempts = (1..=count).map(|run| AttemptId {
            run: RunId(run),
            number: 1,
        });
        world.handle(Event::KeeperSilent {
            keeper: 3,
            since,
            attempts: attempts.collect(),
            guarded: true,
        });
        let reason = &world.incidents()[0].reason;
        assert!(reason.contains(words), "{reason}");
    }
}
