//! How runs end: exit codes, timeouts, cancellations, lost evidence, claims that never started.

use std::time::Duration;

use freshd::model::{ExitStatus, Fact, Outcome, ProblemKind, Reply, Request, RunState, elapsed};

use super::virtual_world::{Crash, Play, World, at, with_ops};
use super::world;

/// Due once, at 10:00.
fn once(further: &str) -> World {
    world(&format!("schedule = \"0 10 2 3 *\"\n{further}"), "2026-03-02T09:59")
}

/// How the run at 10:00 ends when its process plays `play`.
fn ending(further: &str, play: Play) -> (Option<Outcome>, Option<String>) {
    let mut world = once(further);
    world.script("j", move |_, _| play.clone());
    world.run_until("2026-03-02T13:00");
    let run = world.last_run("j");
    (run.outcome, run.reason)
}

#[test]
fn every_way_to_end_has_its_outcome_and_a_reason() {
    let reason = |text: &str| Some(text.to_owned());
    assert_eq!(ending("", Play::succeeds()), (Some(Outcome::Succeeded), None));
    assert_eq!(
        ending("", Play::fails(3, "")),
        (Some(Outcome::Failed), reason("exit code 3"))
    );
    assert_eq!(
        ending("", Play::ends(ExitStatus::Signal(9))),
        (Some(Outcome::Killed), reason("killed by signal 9 (SIGKILL)"))
    );
    assert_eq!(
        ending("timeout = \"10m\"", Play::succeeds().taking(Duration::from_hours(9))),
        (Some(Outcome::TimedOut), reason("took longer than its timeout of 10m"))
    );
    assert_eq!(
        ending("", Play::succeeds().taking(Duration::from_hours(9))),
        (Some(Outcome::TimedOut), reason("took longer than its timeout of 1h"))
    );
    assert_eq!(
        ending("timeout = \"none\"", Play::succeeds().taking(Duration::from_hours(2))),
        (Some(Outcome::Succeeded), None)
    );
    assert_eq!(
        ending("", Play::ends(ExitStatus::NotStarted("no such file".to_owned()))),
        (Some(Outcome::SpawnFailed), reason("no such file"))
    );
}

#[test]
fn success_codes_and_warn_codes_widen_success() {
    let codes = "success_codes = [0, 3]\nwarn_codes = [4]";
    assert_eq!(ending(codes, Play::fails(3, "")), (Some(Outcome::Succeeded), None));
    let (outcome, reason) = ending(codes, Play::fails(4, ""));
    assert_eq!(
        (outcome, reason.as_deref()),
        (Some(Outcome::Succeeded), Some("exit code 4, a warning by warn_codes"))
    );
    assert_eq!(ending(codes, Play::fails(5, "")).0, Some(Outcome::Failed));
    assert_eq!(
        ending("success_codes = [3]", Play::succeeds()).0,
        Some(Outcome::Failed),
        "0 must be written, too"
    );
}

#[test]
fn a_suspiciously_fast_success_raises_a_suspicion_by_the_attempt_that_succeeded() {
    let mut world = once("min_runtime = \"1m\"\nretry = { attempts = 2, delay = \"20m\", max_delay = \"20m\" }");
    // The first attempt is slow and fails: the run as a whole takes long, its success does not.
    world.script("j", |spec, _| match spec.id.number {
        1 => Play::fails(1, "").taking(Duration::from_mins(5)),
        _ => Play::succeeds().taking(Duration::from_secs(3)),
    });
    world.run_until("2026-03-02T11:00");
    let run = world.last_run("j");
    assert_eq!((run.outcome, run.attempts), (Some(Outcome::Succeeded), 2));
    let incidents = world.open_incidents();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].kind, ProblemKind::Suspect);
    assert_eq!(incidents[0].reason, "it succeeded after 3s, but takes at least 1m");
}

#[test]
fn cancel_in_each_state() {
    let retry = "retry = { attempts = 3, delay = \"8h\", max_delay = \"8h\" }";
    // Running: the process is ended, and the run with it, without further attempts.
    let mut running = once(retry);
    running.script("j", |_, _| Play::succeeds().taking(Duration::from_mins(30)));
    running.run_until("2026-03-02T10:05");
    let id = running.last_run("j").id;
    running.done(Request::Cancel { run: id });
    running.run_until("2026-03-02T10:06");
    let run = running.last_run("j");
    assert_eq!(
        (run.outcome, run.reason.as_deref()),
        (Some(Outcome::Cancelled), Some("cancelled by anna"))
    );
    assert_eq!(run.by.as_deref(), Some("anna"));
    // Backing off.
    let mut backing_off = once(retry);
    backing_off.script("j", |_, _| Play::fails(1, ""));
    backing_off.run_until("2026-03-02T10:05");
    assert_eq!(backing_off.last_run("j").state, RunState::BackingOff);
    backing_off.done(Request::Cancel { run: id });
    backing_off.run_until("2026-03-02T20:00");
    assert_eq!(backing_off.last_run("j").outcome, Some(Outcome::Cancelled));
    assert_eq!(backing_off.starts("j").len(), 1);
    // Waiting.
    let mut waiting = once("overlap = \"queue\"");
    waiting.script("j", |_, _| Play::succeeds().taking(Duration::from_mins(30)));
    waiting.run_until("2026-03-02T10:05");
    waiting.run("j");
    let second = waiting.last_run("j").id;
    waiting.done(Request::Cancel { run: second });
    waiting.run_until("2026-03-02T11:00");
    assert_eq!(waiting.last_run("j").outcome, Some(Outcome::Cancelled));
    assert_eq!(waiting.starts("j").len(), 1);
    // Over.
    let Reply::Refused(why) = waiting.ask(Request::Cancel { run: second }) else {
        panic!("it is over")
    };
    assert!(why.contains("not going on"), "{why}");
}

#[test]
fn a_run_that_fails_while_it_is_being_cancelled_is_not_tried_again() {
    let mut world = once("retry = { attempts = 3, delay = \"1s\" }");
    world.script("j", |_, _| Play::fails(1, "").taking(Duration::from_mins(1)));
    world.run_until("2026-03-02T10:00:59");
    let id = world.last_run("j").id;
    world.done(Request::Cancel { run: id });
    // The process had ended by itself before the signal came.
    let exit = Play::fails(1, "").exit(
        freshd::model::AttemptId { run: id, number: 1 },
        at("2026-03-02T10:00"),
        at("2026-03-02T10:00:59"),
        None,
    );
    world.handle(freshd::model::Event::AttemptEnded(exit));
    world.run_until("2026-03-02T10:10");
    let run = world.last_run("j");
    assert_eq!(
        (run.state, run.outcome, run.attempts),
        (RunState::Final, Some(Outcome::Failed), 1),
        "{run:?}"
    );
}

#[test]
fn lost_evidence_is_said_so_and_not_repeated() {
    let mut world = once("retry = { attempts = 3, delay = \"1s\" }");
    world.script("j", |_, _| Play::succeeds().taking(Duration::from_mins(30)));
    world.run_until("2026-03-02T10:05");
    world.reboot();
    world.run_until("2026-03-02T10:20");
    let run = world.last_run("j");
    assert_eq!((run.outcome, run.attempts), (Some(Outcome::Lost), 1), "{run:?}");
    assert_eq!(world.open_incidents()[0].kind, ProblemKind::Lost);
}

#[test]
fn lost_evidence_of_an_idempotent_job_is_repeated_whatever_its_retry_rules_say() {
    for retry in ["", "retry = { attempts = 2, delay = \"1s\", on = [\"timeout\"] }"] {
        let mut world = once(&format!("idempotent = true\n{retry}"));
        world.script("j", |spec, _| match spec.id.number {
            1 => Play::succeeds().taking(Duration::from_mins(30)),
            _ => Play::succeeds(),
        });
        world.run_until("2026-03-02T10:05");
        world.reboot();
        world.run_until("2026-03-02T10:20");
        let run = world.last_run("j");
        assert_eq!((run.outcome, run.attempts), (Some(Outcome::Succeeded), 2), "{retry}");
    }
}

#[test]
fn a_claim_that_was_never_handed_over_starts_after_the_crash_exactly_once() {
    let mut world = once("");
    world.crash_at = Some((world.commits + 1, Crash::After));
    world.run_until("2026-03-02T10:05");
    assert_eq!(world.starts("j"), ["10:00:00"]);
    let run = world.last_run("j");
    assert_eq!((run.outcome, run.attempts), (Some(Outcome::Succeeded), 1));
}

/// Dies between the claim at 10:00 and the hand-over, and comes back at `back_at`.
fn claimed_only(further: &str, back_at: &str) -> World {
    let mut world = once(further);
    world.run_until("2026-03-02T09:59:59");
    let engine = world.engine.as_mut().unwrap();
    let now = freshd::model::Now {
        wall: at("2026-03-02T10:00"),
        boot: world.now.boot + Duration::from_secs(1),
    };
    let step = engine.handle(now, freshd::model::Event::Tick);
    world.commit_only(step.facts);
    world.crash();
    world.run_until(back_at);
    world.restart();
    world.run_until("2026-03-03T23:00");
    world
}

#[test]
fn a_claim_too_old_to_be_worth_running_is_recorded_as_missed() {
    for (further, back_at, starts) in [
        ("", "2026-03-02T20:00", 1),
        ("", "2026-03-03T10:00:01", 0),
        ("catch_up = \"none\"", "2026-03-02T10:00:50", 1),
        ("catch_up = \"none\"", "2026-03-02T10:02", 0),
    ] {
        let world = claimed_only(further, back_at);
        assert_eq!(world.starts("j").len(), starts, "{further} {back_at}");
        if starts == 0 {
            let run = &world.runs("j")[0];
            assert_eq!(run.outcome, Some(Outcome::Missed));
            assert!(run.reason.is_some());
        }
    }
}

#[test]
fn a_retry_that_was_claimed_but_never_started_and_is_too_old_keeps_the_failure_before_it() {
    let mut world = once("retry = { attempts = 2, delay = \"1s\" }");
    world.script("j", |_, _| Play::fails(7, ""));
    world.run_until("2026-03-02T10:00:04");
    // The second claim is the second step from here: the end of the first attempt, then the retry.
    world.run_until("2026-03-02T10:00:05");
    let retry_at = world.last_run("j").retry_at.unwrap();
    let boot = world.now.boot + freshd::model::elapsed(world.now.wall, retry_at);
    let step = world
        .engine
        .as_mut()
        .unwrap()
        .handle(freshd::model::Now { wall: retry_at, boot }, freshd::model::Event::Tick);
    assert!(
        step.facts
            .iter()
            .any(|fact| matches!(fact, Fact::Attempt(attempt) if attempt.id.number == 2))
    );
    world.commit_only(step.facts);
    world.crash();
    world.run_until("2026-03-04T10:00");
    world.restart();
    world.run_until("2026-03-04T11:00");
    let run = world.last_run("j");
    assert_eq!(
        (run.outcome, world.starts("j").len()),
        (Some(Outcome::Failed), 1),
        "{run:?}"
    );
    assert_eq!(world.open_incidents().len(), 1, "its owner hears of the failure");
}

#[test]
fn a_run_that_ends_while_the_daemon_is_dead_keeps_its_exit_status() {
    let mut world = once("");
    world.script("j", |_, _| Play::fails(42, "").taking(Duration::from_mins(5)));
    world.run_until("2026-03-02T10:01");
    world.crash();
    world.run_until("2026-03-02T10:30");
    world.restart();
    world.run_until("2026-03-02T10:32");
    let run = world.last_run("j");
    assert_eq!((run.outcome, run.exit_code), (Some(Outcome::Failed), Some(42)));
}

#[test]
fn a_run_that_ends_while_the_daemon_is_dead_ended_when_its_process_did() {
    let mut world = once("");
    let nanoseconds = Duration::new(300, 123_456_789);
    world.script("j", move |_, _| Play::fails(42, "").taking(nanoseconds));
    world.run_until("2026-03-02T10:01");
    world.crash();
    world.run_until("2026-03-02T10:30");
    world.restart();
    world.run_until("2026-03-02T10:32");
    let run = world.last_run("j");
    let took = elapsed(run.started_at.unwrap(), run.ended_at.unwrap());
    assert_eq!(
        took,
        Duration::new(300, 123_456_000),
        "as precise as it is stored: {run:?}"
    );
    // Whoever answers for it is told from when on that holds.
    assert_eq!(world.open_incidents()[0].since, run.ended_at.unwrap());
}

#[test]
fn a_new_version_starts_the_jobs_that_wait_for_it_and_none_is_left_out() {
    let text = with_ops(
        "[datasets.lots]\nowner = \"ops\"\nfile = \"lots\"\nconsumers = [\"ops\"]\n\
         [jobs.a]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"*/5 * * * *\"\nproduces = \"lots\"\n\
         [jobs.b]\nowner = \"ops\"\ncommand = \"true\"\non = [\"lots\"]\n",
    );
    let mut world = World::start(&text, "2026-03-02T09:59");
    world.script("b", |_, _| Play::succeeds().taking(Duration::from_mins(7)));
    world.run_until("2026-03-02T10:31");
    assert_eq!(world.starts("a").len(), 7);
    assert_eq!(
        world.starts("b"),
        ["10:00:05", "10:07:05", "10:14:05", "10:21:05", "10:28:05"]
    );
    let last = &world.specs[&world.started.iter().rev().find(|(job, _, _)| job == "b").unwrap().1];
    assert!(
        last.env
            .iter()
            .any(|(key, value)| key == "FRESHD_INPUT_LOTS" && value.ends_with("versions/lots/6/lots")),
        "{:?}",
        last.env
    );
    let skipped = world
        .runs("b")
        .into_iter()
        .filter(|run| run.outcome == Some(Outcome::Skipped));
    assert!(
        skipped.clone().count() >= 1,
        "a version that came while one waited is on the record"
    );
    assert!(skipped.clone().all(|run| run.reason.unwrap().starts_with("overlap: ")));
}

#[test]
fn a_needed_input_without_a_version_skips_the_run_and_says_why() {
    let text = with_ops(
        "[datasets.lots]\nowner = \"ops\"\nfile = \"lots\"\n[datasets.tick]\nowner = \"ops\"\nfile = \"tick\"\n\
         [jobs.a]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"lots\"\n\
         [jobs.t]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"tick\"\n\
         [jobs.b]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"*/5 * * * *\"\nneeds = [\"lots\"]\n\
         [jobs.c]\nowner = \"ops\"\ncommand = \"true\"\non = [\"tick\"]\nneeds = [\"lots\"]\n",
    );
    let mut world = World::start(&text, "2026-03-02T09:59");
    world.run("t");
    world.run_until("2026-03-02T10:04");
    for job in ["b", "c"] {
        let run = world.last_run(job);
        assert_eq!(run.outcome, Some(Outcome::Skipped), "{job}");
        assert_eq!(
            run.reason.as_deref(),
            Some("input stale: it needs lots, which has no version yet")
        );
    }
    let Reply::Refused(_) = world.run("b") else {
        panic!("by hand it is refused")
    };
    world.run("a");
    world.run_until("2026-03-02T10:06");
    assert_eq!(world.starts("b"), ["10:05:00"]);
}

#[test]
fn a_paused_job_records_the_versions_it_does_not_read() {
    let text = with_ops(
        "[datasets.lots]\nowner = \"ops\"\nfile = \"lots\"\n\
         [jobs.a]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"lots\"\n\
         [jobs.b]\nowner = \"ops\"\ncommand = \"true\"\non = [\"lots\"]\n",
    );
    let mut world = World::start(&text, "2026-03-02T09:59");
    world.done(Request::Pause {
        job: "b".into(),
        because: "stocktaking".to_owned(),
    });
    world.run("a");
    world.run_until("2026-03-02T10:04");
    let run = world.last_run("b");
    assert_eq!(
        (run.outcome, run.reason.as_deref()),
        (Some(Outcome::Skipped), Some("paused: stocktaking"))
    );
}

#[test]
fn an_attempt_of_which_no_keeper_speaks_is_known_until_one_does() {
    let mut world = world("", "2026-03-02T10:00");
    world.outside.keeper_hangs = true;
    world.run("j");
    let patience = Duration::from_mins(1);
    let unheard = |world: &super::virtual_world::World| {
        let engine = world.engine.as_ref().expect("the daemon runs");
        engine.unheard(world.now, patience)
    };
    world.run_until("2026-03-02T10:01");
    assert_eq!(unheard(&world), []);
    world.run_until("2026-03-02T10:01:01");
    assert_eq!(unheard(&world).len(), 1);
    world.outside.keeper_hangs = false;
    world.crash();
    world.restart();
    world.run_until("2026-03-02T10:01:02");
    assert_eq!(unheard(&world), []);
    world.run_until("2026-03-02T10:02");
    assert_eq!(world.last_run("j").outcome, Some(Outcome::Succeeded));
}
