//! Due while running: skip, queue, replace, allow; for retries, catch-ups and manual runs alike.

use std::time::Duration;

use freshd::model::{Action, Outcome, Reply, Request, RunState, StopReason, Trigger};

use super::virtual_world::{Crash, Play, World, at, with_ops};
use super::world;

/// A job due every ten minutes that takes `minutes`.
fn slow(overlap: &str, minutes: u64, further: &str) -> World {
    let mut world = world(
        &format!("schedule = \"*/10 * * * *\"\ntimeout = \"none\"\noverlap = \"{overlap}\"\n{further}"),
        "2026-03-02T09:59",
    );
    world.script("j", move |_, _| Play::succeeds().taking(Duration::from_mins(minutes)));
    world
}

/// The most processes of `j` that lived at one time, looked at each minute.
fn most_alive(world: &mut World, until: &str) -> usize {
    let mut most = 0;
    let mut minute = world.now.wall;
    while minute < at(until) {
        minute = freshd::model::later(minute, Duration::from_secs(30));
        world.run_until_instant(minute);
        most = most.max(world.alive.len());
    }
    most
}

#[test]
fn skip_records_what_is_due_while_the_job_runs_with_the_run_in_the_way() {
    let mut world = slow("skip", 15, "");
    assert_eq!(most_alive(&mut world, "2026-03-02T10:45"), 1);
    assert_eq!(world.starts("j"), ["10:00:00", "10:20:00", "10:40:00"]);
    let skipped = &world.runs("j")[1];
    assert_eq!(skipped.outcome, Some(Outcome::Skipped));
    assert_eq!(
        skipped.reason.as_deref(),
        Some("overlap: run 1 of j is going on since 10m")
    );
}

#[test]
fn queue_lets_one_wait_and_skips_the_rest() {
    let mut world = slow("queue", 25, "");
    assert_eq!(most_alive(&mut world, "2026-03-02T10:35"), 1);
    assert_eq!(world.starts("j"), ["10:00:00", "10:25:00"]);
    let states: Vec<_> = world.runs("j").iter().map(|run| (run.state, run.outcome)).collect();
    assert_eq!(
        states,
        [
            (RunState::Final, Some(Outcome::Succeeded)),
            (RunState::Running, None),
            (RunState::Final, Some(Outcome::Skipped)),
            (RunState::Waiting, None),
        ]
    );
    assert_eq!(world.runs("j")[3].reason.as_deref(), Some("waits for run 2 to end"));
}

#[test]
fn replace_ends_the_running_one_first() {
    let mut world = slow("replace", 15, "");
    assert_eq!(most_alive(&mut world, "2026-03-02T10:30"), 1);
    assert_eq!(world.starts("j"), ["10:00:00", "10:10:00", "10:20:00", "10:30:00"]);
    let first = &world.runs("j")[0];
    assert_eq!(
        (first.outcome, first.reason.as_deref()),
        (Some(Outcome::Cancelled), Some("replaced by a newer run"))
    );
}

#[test]
fn replace_ends_the_running_one_even_if_freshd_dies_before_it_could_say_so() {
    for side in [super::virtual_world::Crash::Before, super::virtual_world::Crash::After] {
        let mut world = slow("replace", 600, "");
        world.run_until("2026-03-02T10:09");
        world.crash_at = Some((world.commits + 1, side));
        world.run_until("2026-03-02T10:11");
        assert_eq!(world.starts("j"), ["10:00:00", "10:10:00"], "{side:?}");
        assert_eq!(world.alive.len(), 1);
    }
}

#[test]
fn allow_runs_both() {
    let mut world = slow("allow", 15, "");
    assert_eq!(most_alive(&mut world, "2026-03-02T10:45"), 2);
    assert_eq!(world.starts("j").len(), 5);
}

#[test]
fn a_manual_run_obeys_the_overlap() {
    for (overlap, starts) in [("skip", 1), ("queue", 2), ("replace", 2), ("allow", 2)] {
        let mut world = slow(overlap, 3, "");
        world.run_until("2026-03-02T10:01");
        let reply = world.run("j");
        assert_eq!(matches!(reply, Reply::Refused(_)), overlap == "skip", "{reply:?}");
        world.run_until("2026-03-02T10:09");
        assert_eq!(world.starts("j").len(), starts, "{overlap}");
    }
}

#[test]
fn a_run_backing_off_gives_way_to_the_next_which_starts_once() {
    for overlap in ["skip", "queue", "replace", "allow"] {
        let retry = "retry = { attempts = 9, delay = \"8h\", max_delay = \"8h\" }";
        let mut world = slow(overlap, 1, retry);
        world.script("j", |_, now| {
            if now < at("2026-03-02T10:05") {
                Play::fails(1, "")
            } else {
                Play::succeeds()
            }
        });
        world.run_until("2026-03-02T10:15");
        assert_eq!(world.starts("j"), ["10:00:00", "10:10:00"], "{overlap}");
        let first = &world.runs("j")[0];
        assert_eq!(first.outcome, Some(Outcome::Failed));
        assert_eq!(
            first.reason.as_deref(),
            Some("exit code 1; the next run took its place")
        );
        assert_eq!(world.runs("j")[1].attempts, 1);
    }
}

#[test]
fn a_manual_run_takes_the_place_of_one_that_backs_off_and_starts_once() {
    let mut world = slow(
        "skip",
        1,
        "retry = { attempts = 2, delay = \"8h\", max_delay = \"8h\" }",
    );
    world.script("j", |_, _| Play::fails(1, "").taking(Duration::from_secs(5)));
    world.run_until("2026-03-02T10:01");
    world.run("j");
    world.run_until("2026-03-02T10:02");
    assert_eq!(world.starts("j"), ["10:00:00", "10:01:00"]);
}

#[test]
fn catch_ups_obey_the_overlap_and_what_comes_due_meanwhile_queues_behind_them() {
    for overlap in ["skip", "queue", "allow"] {
        let mut world = slow(overlap, 1, "catch_up = \"all\"");
        world.script("j", |_, _| Play::succeeds().taking(Duration::from_mins(2)));
        world.run_until("2026-03-02T10:05");
        world.crash();
        world.run_until("2026-03-02T10:45");
        world.restart();
        assert_eq!(
            most_alive(&mut world, "2026-03-02T11:15"),
            if overlap == "allow" { 2 } else { 1 },
            "{overlap}"
        );
        let runs = world.runs("j");
        assert!(
            runs.iter().all(|run| run.outcome != Some(Outcome::Skipped)),
            "{overlap}: {runs:?}"
        );
        let catch_ups = runs.iter().filter(|run| run.trigger == Trigger::CatchUp).count();
        assert_eq!(catch_ups, 4, "{overlap}");
    }
}

#[test]
fn a_catch_up_is_skipped_while_the_run_from_before_the_downtime_still_goes_on() {
    let mut world = slow("skip", 60, "");
    world.run_until("2026-03-02T10:01");
    world.crash();
    world.run_until("2026-03-02T10:35");
    world.restart();
    assert_eq!(most_alive(&mut world, "2026-03-02T10:59"), 1);
    assert_eq!(world.starts("j").len(), 1);
    let newest = world
        .runs("j")
        .into_iter()
        .find(|run| run.due_at == Some(at("2026-03-02T10:30")))
        .unwrap();
    assert!(newest.reason.unwrap().starts_with("overlap: run 1 of j"));
}

#[test]
fn overlap_holds_across_a_crash_while_a_run_waits() {
    let mut world = slow("queue", 25, "");
    world.run_until("2026-03-02T10:12");
    world.crash();
    world.restart();
    assert_eq!(most_alive(&mut world, "2026-03-02T10:35"), 1);
    assert_eq!(world.starts("j"), ["10:00:00", "10:25:00"]);
}

#[test]
fn a_replaced_run_that_had_failed_attempts_keeps_its_failure() {
    // The pool is taken, so that the retry waits for a slot when the next occurrence comes.
    let mut world = World::start(
        &super::virtual_world::with_ops(
            "[pools.p]\nslots = 1\n\
             [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"*/10 * * * *\"\noverlap = \"replace\"\npool = \"p\"\n\
             retry = { attempts = 2, delay = \"1m\" }\n\
             [jobs.k]\nowner = \"ops\"\ncommand = \"true\"\npool = \"p\"\ntimeout = \"none\"\n",
        ),
        "2026-03-02T09:59",
    );
    world.script("j", |_, now| {
        if now < at("2026-03-02T10:05") {
            Play::fails(3, "")
        } else {
            Play::succeeds()
        }
    });
    world.script("k", |_, _| Play::succeeds().taking(Duration::from_mins(30)));
    world.run_until("2026-03-02T10:00:03");
    world.run("k");
    world.run_until("2026-03-02T10:09");
    assert_eq!(world.runs("j")[0].state, RunState::Waiting);
    world.run_until("2026-03-02T10:45");
    let first = &world.runs("j")[0];
    assert_eq!(
        (first.outcome, first.exit_code),
        (Some(Outcome::Failed), Some(3)),
        "{first:?}"
    );
    assert_eq!(
        world.starts("j"),
        ["10:00:00", "10:30:05", "10:40:00"],
        "the newest of those that waited"
    );
}

#[test]
fn a_request_to_cancel_reaches_the_process_even_if_freshd_dies_before_it_could_say_so() {
    let mut world = slow("skip", 600, "retry = { attempts = 3, delay = \"1s\" }");
    world.run_until("2026-03-02T10:01");
    world.crash_at = Some((world.commits + 1, super::virtual_world::Crash::After));
    let id = world.last_run("j").id;
    world.handle(freshd::model::Event::Requested {
        id: 9,
        by: "anna".to_owned(),
        request: Request::Cancel { run: id },
    });
    world.run_until("2026-03-02T10:02");
    let run = &world.runs("j")[0];
    assert_eq!(
        (run.outcome, run.reason.as_deref()),
        (Some(Outcome::Cancelled), Some("cancelled by anna"))
    );
    assert_eq!(world.starts("j").len(), 1);
}

#[test]
fn a_run_that_waited_in_vain_was_skipped_and_names_the_one_that_took_its_place() {
    let jobs = with_ops(
        "[pools.p]\nslots = 1\n\
         [jobs.long]\nowner = \"ops\"\ncommand = \"true\"\npool = \"p\"\ntimeout = \"none\"\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 * * * *\"\noverlap = \"replace\"\npool = \"p\"\n",
    );
    let mut world = World::start(&jobs, "2026-03-02T09:30");
    world.script("long", |_, _| Play::succeeds().taking(Duration::from_hours(2)));
    world.run("long");
    world.run_until("2026-03-02T11:40");
    assert_eq!(world.starts("j"), ["11:30:00"]);
    let [waited, ran] = &world.runs("j")[..] else {
        panic!("two runs: {:?}", world.runs("j"));
    };
    let reason = format!("overlap: replaced by run {}", ran.id);
    assert_eq!(
        (waited.outcome, waited.reason.as_ref()),
        (Some(Outcome::Skipped), Some(&reason))
    );
    assert_eq!(world.incidents(), []);
}

#[test]
fn a_run_that_gave_way_is_told_to_end_for_the_same_reason_after_a_crash() {
    let mut world = slow("replace", 15, "");
    world.run_until("2026-03-02T10:09:59");
    // Dies with the word that the first run ends for the second one, and before anybody is told.
    world.crash_at = Some((world.commits + 1, Crash::After));
    world.run_until("2026-03-02T10:10");
    let stopped: Vec<StopReason> = world
        .asked
        .iter()
        .filter_map(|action| match action {
            Action::Stop { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect();
    assert_eq!(stopped, [StopReason::Replaced]);
}

#[test]
fn a_run_that_fails_while_one_that_was_asked_for_waits_makes_room_and_tries_no_further() {
    let mut world = world(
        "overlap = \"queue\"\nretry = { attempts = 3, delay = \"8h\" }",
        "2026-03-02T10:00",
    );
    world.script("j", |spec, _| match spec.id.run.0 {
        1 => Play::fails(1, "no").taking(Duration::from_mins(5)),
        _ => Play::succeeds(),
    });
    world.run("j");
    world.run("j");
    world.run_until("2026-03-02T10:10");
    let runs = world.runs("j");
    let outcomes: Vec<_> = runs.iter().map(|run| run.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Failed), Some(Outcome::Succeeded)]);
    assert!(
        runs[0]
            .reason
            .as_ref()
            .is_some_and(|why| why.contains("the next run is waiting")),
        "{runs:?}"
    );
}
