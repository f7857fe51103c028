//! A run whose input is not fresh waits, is marked, or begins as ever: as `on_stale` says.

use std::time::Duration;

use freshd::model::{Outcome, RunState};

use super::virtual_world::{Crash, Play, World, clock, with_ops};

/// `p` makes `d`, which is promised to be at most an hour old; `r` reads it at ten.
fn text(needs: &str) -> String {
    with_ops(&format!(
        "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\nmax_age = \"1h\"\n\
         [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
         [jobs.r]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 10 * * *\"\n{needs}\n"
    ))
}

fn reads(on_stale: &str) -> World {
    let mut world = World::start(&text(&format!("needs = [\"d\"]\n{on_stale}")), "2026-03-02T08:00");
    world.run("p");
    world.run_until("2026-03-02T10:00:10");
    world
}

#[test]
fn a_run_waits_until_its_input_is_fresh_and_reads_that_version() {
    let mut world = reads("on_stale = \"hold\"\nhold_for = \"30m\"");
    assert_eq!(world.state_of("d").0, "stale");
    let run = world.last_run("r");
    assert_eq!(run.state, RunState::Waiting);
    let reason = run.reason.expect("why it waits");
    assert!(
        reason.starts_with("waits for d to be fresh, until ") && reason.contains("10:30"),
        "{reason}"
    );
    world.run_until("2026-03-02T10:12");
    world.run("p");
    world.run_until("2026-03-02T10:20");
    let run = world.last_run("r");
    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    assert_eq!(run.inputs[0].number.0, 2);
    assert_eq!(clock(run.started_at.expect("it began")), "10:12:05");
}

#[test]
fn a_run_that_waited_long_enough_is_skipped_and_says_for_what() {
    let mut world = reads("on_stale = \"hold\"\nhold_for = \"30m\"");
    world.run_until("2026-03-02T10:29:59");
    assert_eq!(world.last_run("r").state, RunState::Waiting);
    world.run_until("2026-03-02T10:30:01");
    let run = world.last_run("r");
    assert_eq!((run.outcome, run.attempts), (Some(Outcome::Skipped), 0));
    let reason = run.reason.expect("why");
    assert!(
        reason.starts_with("input stale: waited 30m for it, and d is stale: "),
        "{reason}"
    );
}

#[test]
fn a_run_goes_on_waiting_after_a_crash_and_no_longer_than_before() {
    for crash in [Crash::Before, Crash::After] {
        let mut world = reads("on_stale = \"hold\"\nhold_for = \"30m\"");
        world.crash_at = Some((world.commits + 1, crash));
        world.run_until("2026-03-02T10:10");
        world.crash();
        world.run_until("2026-03-02T10:15");
        world.restart();
        assert_eq!(world.last_run("r").state, RunState::Waiting);
        world.run_until("2026-03-02T10:31");
        assert_eq!(world.last_run("r").outcome, Some(Outcome::Skipped));
    }
}

#[test]
fn a_run_on_the_last_good_version_says_so_and_another_begins_as_ever() {
    let mut marked = reads("on_stale = \"last_good\"");
    marked.run_until("2026-03-02T10:05");
    let run = marked.last_run("r");
    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    let reason = run.reason.expect("of what it was made");
    assert!(reason.starts_with("started although d is stale: "), "{reason}");

    let produces = "on_stale = \"last_good\"\nproduces = \"e\"\n[datasets.e]\nowner = \"ops\"\nfile = \"e.csv\"";
    let mut making = reads(produces);
    making.script("r", |_, now| Play::writes("e", now));
    making.run_until("2026-03-02T10:05");
    let run = making.last_run("r");
    assert_eq!((run.outcome, run.version.is_some()), (Some(Outcome::Succeeded), true));
    let reason = run
        .reason
        .expect("of what it was made, also where something came of it");
    assert!(reason.starts_with("started although d is stale: "), "{reason}");

    let mut silent = reads("on_stale = \"run\"");
    silent.run_until("2026-03-02T10:05");
    let run = silent.last_run("r");
    assert_eq!((run.outcome, run.reason), (Some(Outcome::Succeeded), None));
}

#[test]
fn a_run_that_a_person_starts_is_never_held_and_says_what_its_input_was() {
    for (on_stale, says) in [
        ("", Some("started by hand although d is stale: ")),
        (
            "on_stale = \"last_good\"",
            Some("started by hand although d is stale: "),
        ),
        ("on_stale = \"run\"", None),
    ] {
        let mut world = World::start(&text(&format!("needs = [\"d\"]\n{on_stale}")), "2026-03-02T08:00");
        world.run("p");
        world.run_until("2026-03-02T09:30");
        world.run("r");
        world.run_until("2026-03-02T09:31");
        let run = world.last_run("r");
        assert_eq!(run.outcome, Some(Outcome::Succeeded), "{on_stale}");
        let reason = run.reason.unwrap_or_default();
        assert_eq!(says.is_some(), !reason.is_empty(), "{reason}");
        assert!(reason.starts_with(says.unwrap_or_default()), "{reason}");
    }
}

#[test]
fn a_run_is_held_unless_its_job_says_otherwise() {
    for (on_stale, until) in [("", "11:00"), ("hold_for = \"20m\"", "10:20")] {
        let mut world = reads(on_stale);
        let reason = world.last_run("r").reason.expect("why it waits");
        assert!(
            reason.starts_with("waits for d to be fresh, until ") && reason.contains(until),
            "{reason}"
        );
        world.run_until("2026-03-02T11:01");
        assert_eq!(world.last_run("r").outcome, Some(Outcome::Skipped));
    }
}

#[test]
fn an_input_that_goes_stale_between_two_attempts_holds_nothing() {
    let mut world = reads("on_stale = \"hold\"\nretry = { attempts = 2, delay = \"1s\" }");
    world.script("r", |spec, _| match spec.id.number {
        1 => Play::fails(1, "").taking(Duration::from_hours(2)),
        _ => Play::succeeds(),
    });
    world.run("p");
    world.run_until("2026-03-02T12:30");
    assert_eq!(world.state_of("d").0, "stale");
    assert_eq!(world.last_run("r").outcome, Some(Outcome::Succeeded));
}

/// The same with three jobs more, which share the only slot of a pool with `r` for ten minutes each: `first` at 8:58, `r` and
/// the others when it is said.
fn shared(r: &str, others: &str) -> World {
    let text = with_ops(&format!(
        "[pools.erp]\nslots = 1\n\
         [datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\nmax_age = \"1h\"\n\
         [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
         [jobs.first]\nowner = \"ops\"\ncommand = \"true\"\npool = \"erp\"\nschedule = \"58 8 * * *\"\n\
         [jobs.r]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"d\"]\nschedule = \"{r} * * *\"\npool = \"erp\"\n\
         [jobs.after]\nowner = \"ops\"\ncommand = \"true\"\npool = \"erp\"\nschedule = \"{others} * * *\"\n\
         [jobs.last]\nowner = \"ops\"\ncommand = \"true\"\npool = \"erp\"\nschedule = \"{others} * * *\"\n"
    ));
    let mut world = World::start(&text, "2026-03-02T08:00");
    world.run("p");
    for job in ["first", "r", "after", "last"] {
        world.script(job, |_, _| Play::succeeds().taking(Duration::from_mins(10)));
    }
    world
}

fn order(world: &World) -> Vec<String> {
    let of_pool = world.started.iter().filter(|(job, _, _)| job != "p");
    of_pool.map(|(job, _, at)| format!("{job} {}", clock(*at))).collect()
}

#[test]
fn nobody_waits_behind_a_run_in_line_whose_input_goes_stale() {
    // It stands in line from 8:59 on; its input is stale from 9:00 on, and its turn comes at 9:08.
    let mut world = shared("59 8", "1 9");
    world.run_until("2026-03-02T09:09");
    let held = world.last_run("r");
    assert_eq!(held.state, RunState::Waiting);
    assert!(
        held.reason
            .is_some_and(|reason| reason.starts_with("waits for d to be fresh"))
    );
    assert_eq!(order(&world), ["first 08:58:00", "after 09:08:00"]);
}

#[test]
fn a_run_whose_inputs_are_fresh_again_has_its_old_place_in_line() {
    for restarts in [false, true] {
        let mut world = shared("59 8", "1 9");
        world.run_until("2026-03-02T09:09");
        if restarts {
            world.crash();
            world.restart();
        }
        world.run("p");
        world.run_until("2026-03-02T09:10");
        let waits = world.last_run("r").reason.expect("why it waits");
        assert!(waits.starts_with("waits for one of 1 slots of pool erp"), "{waits}");
        world.run_until("2026-03-02T10:00");
        assert_eq!(
            order(&world),
            ["first 08:58:00", "after 09:08:00", "r 09:18:00", "last 09:28:00"]
        );
    }
}

#[test]
fn a_run_that_is_held_from_the_start_comes_before_those_that_were_due_later() {
    let mut world = shared("59 9", "0 10");
    world.run_until("2026-03-02T10:05");
    assert_eq!(order(&world), ["first 08:58:00", "after 10:00:00"]);
    world.run("p");
    world.run_until("2026-03-02T10:30");
    assert_eq!(order(&world)[2..], ["r 10:10:00", "last 10:20:00"]);
}

#[test]
fn a_held_run_begins_when_its_job_needs_the_stale_input_no_more() {
    let mut world = reads("on_stale = \"hold\"\nhold_for = \"8h\"");
    world.run_until("2026-03-02T10:10");
    assert_eq!(world.starts("r").len(), 0);
    world.reload(&text(""));
    world.run_until("2026-03-02T10:11");
    assert_eq!(world.starts("r").len(), 1);
}
