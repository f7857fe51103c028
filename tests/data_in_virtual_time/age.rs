//! Versions and their two clocks: `as_of`, `arrived_at`, and the age that is inherited.

use freshd::model::{Action, Outcome, ProblemKind, Request, RunState, VersionNumber, VersionRef, VersionState};

use super::virtual_world::{Play, World, at, with_ops};
use super::world;

/// Runs `p` once, so that it writes this.
pub(super) fn write(world: &mut World, play: Play, until: &str) {
    world.script("p", move |_, _| play.clone());
    world.run("p");
    world.run_until(until);
}

#[test]
fn a_version_has_two_clocks() {
    let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
    write(
        &mut world,
        Play::writes("a", at("2026-03-01T22:10")),
        "2026-03-02T08:01",
    );
    let version = &world.versions("d")[0];
    assert_eq!(version.as_of, at("2026-03-01T22:10"));
    assert_eq!(version.arrived_at, at("2026-03-02T08:00:05"));
    assert_eq!(version.effective_as_of, version.as_of);
    assert_eq!(version.state, VersionState::Published);
    assert_eq!(world.last_run("p").version, Some(VersionNumber(1)));
}

#[test]
fn without_a_business_time_the_start_of_the_attempt_counts() {
    let mut world = world("", "2026-03-02T08:00");
    write(
        &mut world,
        Play::writes_undated("a").taking(std::time::Duration::from_mins(9)),
        "2026-03-02T08:30",
    );
    assert_eq!(world.versions("d")[0].as_of, at("2026-03-02T08:00"));
}

#[test]
fn age_is_counted_from_as_of_and_not_from_arrival() {
    let mut world = world("max_age = \"26h\"\nwarn_age = \"20h\"", "2026-03-02T08:00");
    write(
        &mut world,
        Play::writes("a", at("2026-03-01T22:00")),
        "2026-03-02T17:59:59",
    );
    assert_eq!(world.state_of("d").0, "fresh");
    world.run_until("2026-03-02T18:00");
    assert_eq!(world.state_of("d").0, "due_soon");
    world.run_until("2026-03-02T23:59:59");
    assert_eq!(world.state_of("d").0, "due_soon");
    assert_eq!(world.incidents().len(), 0);
    world.run_until("2026-03-03T00:00:00");
    assert_eq!(world.state_of("d").0, "stale");
    let incident = &world.incidents()[0];
    assert_eq!(
        (incident.kind, incident.since),
        (ProblemKind::Stale, at("2026-03-03T00:00"))
    );
}

#[test]
fn identical_content_keeps_its_as_of_unless_the_job_says_otherwise() {
    let mut world = world("", "2026-03-02T08:00");
    write(&mut world, Play::writes_undated("a"), "2026-03-02T09:00");
    write(&mut world, Play::writes_undated("a"), "2026-03-02T10:00");
    let versions = world.versions("d");
    assert!(!versions[0].unchanged && versions[1].unchanged);
    assert_eq!(
        versions[1].as_of,
        at("2026-03-02T08:00"),
        "written again, it is not newer"
    );
    let report = "as_of=2026-03-02T09:30:00Z\nrows=80\n";
    write(
        &mut world,
        Play::writes_undated("a").reporting(report),
        "2026-03-02T11:00",
    );
    let said = &world.versions("d")[2];
    assert!(said.unchanged);
    assert_eq!(said.as_of, at("2026-03-02T09:30:00Z"), "the job has looked and says so");
    write(&mut world, Play::writes_undated("b"), "2026-03-02T12:00");
    assert_eq!(world.versions("d")[3].as_of, at("2026-03-02T11:00"));
}

#[test]
fn unchanged_content_meets_no_slot_when_it_must_change() {
    for (must_change, state) in [(true, "late"), (false, "fresh")] {
        let lines = format!("due = {{ at = \"0 12 * * *\" }}\nmust_change = {must_change}");
        let mut world = world(&lines, "2026-03-01T13:00");
        write(&mut world, Play::writes_undated("a"), "2026-03-02T13:00");
        write(&mut world, Play::writes_undated("a"), "2026-03-03T12:00:00");
        assert_eq!(world.state_of("d").0, state);
    }
}

#[test]
fn an_as_of_in_the_future_is_suspect_until_it_can_be_believed() {
    let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
    write(
        &mut world,
        Play::writes("a", at("2026-03-02T08:05:05")),
        "2026-03-02T08:00:06",
    );
    assert_eq!(world.state_of("d").0, "fresh", "five minutes are the clocks' affair");
    write(
        &mut world,
        Play::writes("b", at("2026-03-02T10:00")),
        "2026-03-02T09:54:59",
    );
    let (state, reason) = world.state_of("d");
    assert_eq!(state, "suspect");
    assert!(reason.contains("future"), "{reason}");
    assert_eq!(world.open_incidents()[0].kind, ProblemKind::Suspect);
    world.run_until("2026-03-02T09:55");
    assert_eq!(world.state_of("d").0, "fresh");
    assert_eq!(world.open_incidents().len(), 0);
}

/// `lots` to `stock` to `report`, each made by a job that needs the one before.
pub(super) fn chain(extra: &str) -> String {
    with_ops(&format!(
        "[datasets.lots]\nowner = \"ops\"\nfile = \"lots\"\n\
         [datasets.stock]\nowner = \"ops\"\nfile = \"stock\"\n\
         [datasets.report]\nowner = \"ops\"\nfile = \"report\"\nmax_age = \"26h\"\n\
         [jobs.l]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"lots\"\n\
         [jobs.s]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"lots\"]\nproduces = \"stock\"\n\
         [jobs.r]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"stock\"]\nproduces = \"report\"\n{extra}"
    ))
}

#[test]
fn a_report_is_as_old_as_the_oldest_it_was_made_from_over_two_hops() {
    let mut world = World::start(&chain(""), "2026-03-02T08:00");
    world.script("l", |_, _| Play::writes("lots", at("2026-02-27T22:10")));
    for (job, until) in [
        ("l", "2026-03-02T08:01"),
        ("s", "2026-03-02T08:02"),
        ("r", "2026-03-02T08:03"),
    ] {
        world.run(job);
        world.run_until(until);
    }
    let report = &world.versions("report")[0];
    assert_eq!(report.as_of, at("2026-03-02T08:02"));
    assert_eq!(report.effective_as_of, at("2026-02-27T22:10"));
    let lots = VersionRef {
        dataset: "lots".into(),
        number: VersionNumber(1),
    };
    assert_eq!(report.limited_by, Some(lots), "the ancestor, not the hop");
    let (state, reason) = world.state_of("report");
    assert_eq!(state, "stale");
    assert!(
        reason.contains("as of Fri 2026-02-27 22:10, limited by lots@1"),
        "{reason}"
    );
}

#[test]
fn a_run_is_judged_by_the_versions_pinned_at_its_start_also_across_restarts() {
    for restart in [false, true] {
        let mut world = World::start(&chain(""), "2026-03-02T08:00");
        world.script("l", |spec, _| {
            Play::writes(
                &spec.id.to_string(),
                at("2026-03-01T00:00") + jiff::SignedDuration::from_hours(i64::try_from(spec.id.run.0).unwrap()),
            )
        });
        world.script("s", |_, now| {
            Play::writes("stock", now).taking(std::time::Duration::from_mins(30))
        });
        world.run("l");
        world.run_until("2026-03-02T08:01");
        world.run("s");
        let pinned = world.last_run("s").inputs;
        for minute in 2..8 {
            world.run("l");
            world.run_until(&format!("2026-03-02T08:0{minute}"));
        }
        if restart {
            world.crash();
            world.restart();
        }
        world.run_until("2026-03-02T09:00");
        let stock = &world.versions("stock")[0];
        assert_eq!(stock.inputs, pinned);
        assert_eq!(stock.limited_by.as_ref(), pinned.first(), "restart: {restart}");
        assert_eq!(stock.effective_as_of, at("2026-03-01T01:00"), "restart: {restart}");
    }
}

#[test]
fn what_a_job_waits_for_is_an_input_too() {
    let text = chain("").replace(
        "needs = [\"stock\"]\nproduces = \"report\"",
        "on = [\"stock\"]\nproduces = \"report\"",
    );
    let mut world = World::start(&text, "2026-03-02T08:00");
    world.script("l", |_, _| Play::writes("lots", at("2026-02-27T22:10")));
    world.run("l");
    world.run_until("2026-03-02T08:01");
    world.run("s");
    world.run_until("2026-03-02T08:02");
    let report = &world.versions("report")[0];
    assert_eq!(report.effective_as_of, at("2026-02-27T22:10"));
    assert_eq!(
        report.limited_by,
        Some(VersionRef {
            dataset: "lots".into(),
            number: VersionNumber(1)
        })
    );
}

#[test]
fn a_refused_version_is_held_back_and_the_last_good_one_served() {
    let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
    write(
        &mut world,
        Play::writes("a", at("2026-03-02T08:00")),
        "2026-03-02T09:00",
    );
    write(
        &mut world,
        Play::writes("b", at("2026-03-02T09:00")).refused("only 3 rows, at least 10 expected"),
        "2026-03-02T10:00",
    );
    let (state, reason) = world.state_of("d");
    assert_eq!(state, "held");
    assert_eq!(
        reason,
        "version 2 is held back (only 3 rows, at least 10 expected); version 1 is served"
    );
    let run = world.last_run("p");
    assert_eq!(
        (run.outcome, run.reason.as_deref()),
        (Some(Outcome::Rejected), Some("only 3 rows, at least 10 expected"))
    );
    let incidents = world.open_incidents();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].kind, ProblemKind::Rejected);
    assert!(world.asked.iter().any(|action| matches!(action, Action::Quarantine(_))));
    // The one that is served grows old all the same.
    world.run_until("2026-03-03T10:00");
    assert_eq!(world.state_of("d").0, "stale");
    write(
        &mut world,
        Play::writes("c", at("2026-03-03T10:00")),
        "2026-03-03T11:00",
    );
    assert_eq!(world.state_of("d").0, "fresh");
    assert_eq!(world.open_incidents().len(), 0);
}

#[test]
fn a_refusal_reaches_quarantine_even_if_freshd_dies_before_it_could_ask_for_it() {
    let mut world = world("", "2026-03-02T08:00");
    world.script("p", |_, now| Play::writes("b", now).refused("too few"));
    world.run("p");
    world.run_until("2026-03-02T08:00:04");
    // The end of the process, then the verdict.
    world.crash_at = Some((world.commits + 2, super::virtual_world::Crash::After));
    world.run_until("2026-03-02T08:01");
    assert_eq!(world.crash_at, None);
    assert_eq!(world.last_run("p").outcome, Some(Outcome::Rejected));
    assert!(world.asked.iter().any(|action| matches!(action, Action::Quarantine(_))));
    assert!(world.asked.iter().any(|action| matches!(action, Action::Clean { .. })));
}

#[test]
fn a_version_that_cannot_be_put_in_place_is_a_failure_that_keeps_its_reason() {
    let mut world = World::start(
        &super::made("").replace(
            "produces = \"d\"\n",
            "produces = \"d\"\nretry = { attempts = 3, delay = \"10m\", max_delay = \"10m\" }\n",
        ),
        "2026-03-02T08:00",
    );
    world.outside.unpublishable = vec![VersionRef {
        dataset: "d".into(),
        number: VersionNumber(1),
    }];
    world.run("p");
    world.run_until("2026-03-02T08:00:06");
    let run = world.last_run("p");
    assert_eq!(run.state, RunState::BackingOff);
    assert!(run.reason.unwrap().contains("it changed after"));
    world.run("p");
    world.run_until("2026-03-02T08:00:20");
    let runs = world.runs("p");
    assert_eq!(runs[0].outcome, Some(Outcome::Failed), "{:?}", runs[0]);
    assert!(
        runs[0].reason.as_ref().unwrap().contains("it changed after"),
        "{:?}",
        runs[0].reason
    );
    assert_eq!(runs[1].outcome, Some(Outcome::Succeeded));
    assert_eq!(world.versions("d")[0].state, VersionState::Quarantined);
    assert_eq!(world.state_of("d").0, "fresh");
}

#[test]
fn a_crash_while_publishing_asks_again_and_publishes_once() {
    for commit in 1..=4 {
        for side in [super::virtual_world::Crash::Before, super::virtual_world::Crash::After] {
            let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
            world.run("p");
            world.run_until("2026-03-02T08:00:04");
            world.crash_at = Some((world.commits + commit, side));
            world.run_until("2026-03-02T08:01");
            let versions = world.versions("d");
            assert_eq!(versions.len(), 1, "{commit} {side:?}");
            assert_eq!(versions[0].state, VersionState::Published);
            assert_eq!(world.last_run("p").outcome, Some(Outcome::Succeeded));
        }
    }
}

#[test]
fn unknown_is_never_green_and_becomes_a_problem_once_a_version_could_have_come() {
    let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
    assert_eq!(world.state_of("d").0, "unknown");
    world.run_until("2026-03-02T12:00");
    assert_eq!(world.incidents().len(), 0, "its job has never run");
    world.script("p", |_, now| Play::writes("b", now).refused("too few"));
    world.run("p");
    world.run_until("2026-03-02T13:00");
    assert_eq!(world.state_of("d").0, "unknown");
    let kinds: Vec<_> = world.incidents().iter().map(|incident| incident.kind).collect();
    assert!(kinds.contains(&ProblemKind::Unknown), "{kinds:?}");
    assert_eq!(world.open_incidents().len(), 1, "the refusal explains it");
}

#[test]
fn a_paused_job_shows_on_its_dataset_and_does_not_hide_a_broken_promise() {
    let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
    world.run("p");
    world.run_until("2026-03-02T09:00");
    world.done(Request::Pause {
        job: "p".into(),
        because: "stocktaking".to_owned(),
    });
    assert_eq!(world.state_of("d").0, "paused");
    world.run_until("2026-03-03T11:00");
    assert_eq!(world.state_of("d").0, "stale");
    assert_eq!(world.open_incidents().len(), 1);
}

#[test]
fn a_failure_and_then_a_cancelled_run_are_the_same_problem_before_and_after_a_restart() {
    let mut world = world("", "2026-03-02T08:00");
    world.script("p", |_, _| Play::fails(1, ""));
    world.run("p");
    world.run_until("2026-03-02T08:10");
    world.script("p", |_, now| {
        Play::writes("a", now).taking(std::time::Duration::from_mins(5))
    });
    world.run("p");
    let run = world.last_run("p").id;
    world.run_until("2026-03-02T08:11");
    world.done(Request::Cancel { run });
    world.run_until("2026-03-02T08:12");
    assert_eq!(world.open_incidents().len(), 1);
    world.crash();
    world.restart();
    world.run_until("2026-03-02T08:13");
    assert_eq!(world.open_incidents().len(), 1, "nobody has mended it");
}

#[test]
fn what_was_never_delivered_names_the_last_deadline_that_passed() {
    let mut world = world("due = { at = \"0 23 * * *\", grace = \"15m\" }", "2026-11-16T12:00");
    world.run_until("2026-11-18T23:20");
    assert_eq!(
        world.state_of("d"),
        (
            "late".to_owned(),
            "no delivery has ever come; the last was due by Wed 2026-11-18 23:15".to_owned()
        )
    );
}
