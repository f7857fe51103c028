//! Attempts: backoff, which failures are repeated, and when that ends.

use std::time::Duration;

use freshd::model::{ExitStatus, Outcome, RunState};

use super::virtual_world::{Crash, Play, World, at, clock};
use super::{one_job, world};

const RETRY: &str = "retry = { attempts = 4, delay = \"1m\", factor = 2, max_delay = \"3m\" }";

/// Due once, at 10:00.
fn once(further: &str) -> World {
    world(&format!("schedule = \"0 10 2 3 *\"\n{further}"), "2026-03-02T09:59")
}

fn failing(further: &str, code: i32) -> World {
    let mut world = once(further);
    world.script("j", move |_, _| Play::fails(code, ""));
    world
}

#[test]
fn backoff_grows_by_its_factor_is_capped_and_drawn_from_the_stored_seed() {
    let mut longest = [0_i64; 3];
    let mut seen = std::collections::BTreeSet::new();
    for hour in 0..6 {
        let mut world = world(
            &format!("schedule = \"0 * 2 3 *\"\n{RETRY}"),
            &format!("2026-03-02T0{hour}:59"),
        );
        world.script("j", |_, _| Play::fails(1, ""));
        world.run_until(&format!("2026-03-02T0{}:30", hour + 1));
        let started: Vec<_> = world.started.iter().map(|(_, _, at)| *at).collect();
        assert_eq!(started.len(), 4);
        for (step, pair) in started.windows(2).enumerate() {
            // The attempt takes five seconds; what is between is backoff.
            let waited = pair[1].duration_since(pair[0]).as_millis() - 5_000;
            let ceiling = [60_000, 120_000, 180_000][step];
            assert!((0..=ceiling).contains(&waited), "step {step}: {waited} ms");
            longest[step] = longest[step].max(i64::try_from(waited).unwrap());
            seen.insert(waited);
        }
    }
    assert_eq!(
        seen.len(),
        3,
        "the seed is the run's, and all six are run 1 of their worlds"
    );
}

#[test]
fn attempts_of_different_runs_back_off_differently() {
    let mut world = world(&format!("schedule = \"0 * 2 3 *\"\n{RETRY}"), "2026-03-02T00:59");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run_until("2026-03-02T20:30");
    let seconds: std::collections::BTreeSet<_> = world.starts("j").iter().map(|start| start[3..].to_owned()).collect();
    assert!(seconds.len() > 40, "only {} different offsets", seconds.len());
}

#[test]
fn retries_survive_a_restart_at_their_decided_times() {
    let mut whole = failing(RETRY, 1);
    whole.run_until("2026-03-02T10:30");
    for crash_at in [
        "2026-03-02T10:00:02",
        "2026-03-02T10:00:06",
        "2026-03-02T10:01:00",
        "2026-03-02T10:02:00",
    ] {
        let mut world = failing(RETRY, 1);
        world.run_until(crash_at);
        world.crash();
        world.restart();
        world.run_until("2026-03-02T10:30");
        assert_eq!(world.started, whole.started, "crash at {crash_at}");
    }
}

#[test]
fn a_retry_that_came_due_while_freshd_was_down_starts_at_once() {
    let mut world = failing(RETRY, 1);
    world.run_until("2026-03-02T10:00:06");
    world.crash();
    world.run_until("2026-03-02T10:20");
    world.restart();
    world.run_until("2026-03-02T10:20:01");
    assert_eq!(world.starts("j"), ["10:00:00", "10:20:00"]);
}

#[test]
fn after_a_reboot_the_told_wall_time_counts() {
    let mut world = failing("retry = { attempts = 2, delay = \"30m\", max_delay = \"30m\" }", 1);
    world.run_until("2026-03-02T10:00:06");
    let told = world.last_run("j").retry_at.unwrap();
    assert!(told > at("2026-03-02T10:02"), "{told}");
    world.reboot();
    world.run_until("2026-03-02T10:00:30");
    world.reboot();
    world.run_until("2026-03-02T10:40");
    assert_eq!(world.starts("j"), ["10:00:00".to_owned(), clock(told)]);
}

#[test]
fn backoff_runs_on_the_boot_clock() {
    let mut world = failing("retry = { attempts = 2, delay = \"30m\", max_delay = \"30m\" }", 1);
    world.run_until("2026-03-02T10:00:06");
    let told = world.last_run("j").retry_at.unwrap();
    let waits = told.duration_since(world.now.wall);
    world.set_clock("2026-03-02T09:56:00");
    world.run_until("2026-03-02T10:30");
    let second = world.started[1].2;
    assert_eq!(second.duration_since(at("2026-03-02T09:56:00")), waits);
}

#[test]
fn the_next_occurrence_ends_the_retries_of_the_one_before() {
    let mut world = world(
        "schedule = \"*/10 * * * *\"\nretry = { attempts = 100, delay = \"4m\", max_delay = \"4m\" }",
        "2026-03-02T09:59",
    );
    world.script("j", |_, _| Play::fails(1, ""));
    world.run_until("2026-03-02T10:25");
    let runs = world.runs("j");
    assert_eq!(runs.len(), 3);
    for run in &runs[..2] {
        assert_eq!(run.outcome, Some(Outcome::Failed));
        assert!(
            run.reason.as_ref().unwrap().ends_with("the next run took its place"),
            "{:?}",
            run.reason
        );
    }
}

#[test]
fn only_the_failures_that_retry_on_names_are_repeated() {
    let on = "retry = { attempts = 3, delay = \"1s\", on = [\"timeout\", 75, \"1..=9\"] }\ntimeout = \"1m\"";
    let ends = |world: &mut World, play: Play| {
        world.script("j", move |_, _| play.clone());
        world.run_until("2026-03-02T10:30");
        world.starts("j").len()
    };
    assert_eq!(ends(&mut once(on), Play::fails(75, "")), 3);
    assert_eq!(ends(&mut once(on), Play::fails(9, "")), 3);
    assert_eq!(ends(&mut once(on), Play::fails(10, "")), 1);
    assert_eq!(ends(&mut once(on), Play::ends(ExitStatus::Signal(11))), 1);
    assert_eq!(ends(&mut once(on), Play::succeeds().taking(Duration::from_hours(1))), 3);
    let never = "retry = { attempts = 3, delay = \"1s\" }\nno_retry_on = [2, \"spawn_failed\"]";
    assert_eq!(ends(&mut once(never), Play::fails(2, "")), 1);
    assert_eq!(ends(&mut once(never), Play::fails(3, "")), 3);
    assert_eq!(
        ends(
            &mut once(never),
            Play::ends(ExitStatus::NotStarted("no such file".to_owned()))
        ),
        1
    );
}

#[test]
fn nothing_starts_after_give_up_after() {
    let mut world = failing(
        "retry = { attempts = 100, delay = \"2m\", factor = 1 }\ngive_up_after = \"10m\"",
        1,
    );
    world.run_until("2026-03-02T11:00");
    let last = world.started.last().unwrap().2;
    assert!(
        last <= at("2026-03-02T10:10") && last > at("2026-03-02T10:05"),
        "{last}"
    );
    assert_eq!(world.last_run("j").outcome, Some(Outcome::Failed));
}

#[test]
fn a_retry_that_waits_for_a_slot_past_give_up_after_does_not_start() {
    let mut world = World::start(
        &super::virtual_world::with_ops(
            "[pools.p]\nslots = 1\n\
             [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 10 2 3 *\"\npool = \"p\"\n\
             retry = { attempts = 2, delay = \"1m\" }\ngive_up_after = \"10m\"\n\
             [jobs.k]\nowner = \"ops\"\ncommand = \"true\"\npool = \"p\"\n",
        ),
        "2026-03-02T09:59",
    );
    world.script("j", |_, _| Play::fails(1, ""));
    world.script("k", |_, _| Play::succeeds().taking(Duration::from_mins(30)));
    world.run_until("2026-03-02T10:00:03");
    world.run("k");
    world.run_until("2026-03-02T11:00");
    assert_eq!(world.starts("j"), ["10:00:00"]);
    let run = world.last_run("j");
    assert_eq!(
        (run.state, run.outcome),
        (RunState::Final, Some(Outcome::Failed)),
        "{run:?}"
    );
}

#[test]
fn what_an_attempt_leaves_behind_is_cleaned_for_every_attempt_once_the_run_is_final() {
    let mut world = failing(RETRY, 1);
    world.run_until("2026-03-02T10:30");
    let mut cleaned: Vec<u32> = world
        .asked
        .iter()
        .filter_map(|action| match action {
            freshd::model::Action::Clean { id, .. } => Some(id.number),
            _ => None,
        })
        .collect();
    cleaned.sort_unstable();
    assert_eq!(cleaned, [1, 2, 3, 4]);
}

#[test]
fn what_a_run_leaves_behind_is_cleaned_by_the_next_life_where_this_one_ended_as_it_heard_of_the_end() {
    // The keeper tells of the end again and again until somebody listens: just after these.
    for (down_until, before_told) in [
        ("2026-03-02T10:00:20", "2026-03-02T10:00:39"),
        // Too short to be a downtime.
        ("2026-03-02T10:01:50", "2026-03-02T10:02:09"),
        ("2026-03-02T14:00", "2026-03-02T14:00:09"),
    ] {
        let mut world = once("");
        world.script("j", |_, _| Play::succeeds().taking(Duration::from_secs(40)));
        world.run_until("2026-03-02T10:00:10");
        world.crash();
        world.run_until(down_until);
        world.restart();
        world.run_until(before_told);
        assert_eq!(world.last_run("j").state, RunState::Running, "{down_until}");
        world.crash_at = Some((world.commits + 1, Crash::After));
        world.run_until("2026-03-02T14:10");
        assert_eq!(world.last_run("j").ended_at, Some(at("2026-03-02T10:00:40")));
        let cleaned = |action: &freshd::model::Action| matches!(action, freshd::model::Action::Clean { .. });
        assert_eq!(
            world.asked.iter().filter(|action| cleaned(action)).count(),
            1,
            "{down_until}"
        );
    }
}

#[test]
fn every_attempt_of_a_run_belongs_to_one_trace() {
    let mut world = failing(RETRY, 1);
    world.run_until("2026-03-02T10:30");
    let traces: Vec<_> = world
        .specs
        .values()
        .map(|spec| spec.env.iter().find(|(key, _)| key == "TRACEPARENT").unwrap().1.clone())
        .collect();
    let trace = |text: &String| text[3..35].to_owned();
    assert!(traces.iter().all(|text| trace(text) == trace(&traces[0])), "{traces:?}");
    let spans: std::collections::BTreeSet<_> = traces.iter().map(|text| text[36..52].to_owned()).collect();
    assert_eq!(spans.len(), 4);
}

#[test]
fn an_edit_while_a_run_backs_off_counts_for_the_next_attempt() {
    let mut world = failing(RETRY, 1);
    world.run_until("2026-03-02T10:00:06");
    let edited = one_job(&format!("schedule = \"0 10 2 3 *\"\n{RETRY}")).replace("\"true\"", "\"echo mended\"");
    world.reload(&edited);
    world.script("j", |spec, _| {
        if spec.argv[2] == "echo mended" {
            Play::succeeds()
        } else {
            Play::fails(1, "")
        }
    });
    world.run_until("2026-03-02T10:30");
    let run = world.last_run("j");
    assert_eq!((run.outcome, run.attempts), (Some(Outcome::Succeeded), 2));
}
