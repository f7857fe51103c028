//! A new configuration while runs wait, back off, run and are judged.

use std::time::Duration;

use freshd::model::{Fact, Outcome, RunState, VersionState};

use super::virtual_world::{Play, World, at, with_ops};
use super::{one_job, world};

const RETRY: &str = "retry = { attempts = 3, delay = \"8h\", max_delay = \"8h\" }";

#[test]
fn a_reload_without_changes_loses_and_repeats_nothing_at_any_instant() {
    let text = "schedule = \"*/5 * * * *\"";
    for offset in [0, 1, 4, 5, 6, 150, 299] {
        let mut world = world(text, "2026-03-02T09:59:59");
        let first = freshd::model::later(at("2026-03-02T10:00"), Duration::from_secs(offset));
        world.run_until_instant(first);
        world.reload(&one_job(text));
        world.run_until("2026-03-02T10:16");
        assert_eq!(
            world.starts("j"),
            ["10:00:00", "10:05:00", "10:10:00", "10:15:00"],
            "reload after {offset} s"
        );
    }
}

#[test]
fn an_occurrence_due_at_the_instant_of_the_edit_is_decided_by_the_configuration_before() {
    let mut world = world("schedule = \"0 * * * *\"", "2026-03-02T09:59");
    world.run_until("2026-03-02T09:59:59");
    // The reload is read before the timer's word.
    world.now.wall = at("2026-03-02T10:00:00");
    world.now.boot += Duration::from_secs(1);
    world.reload(&one_job("schedule = \"30 * * * *\""));
    world.run_until("2026-03-02T11:40");
    assert_eq!(world.starts("j"), ["10:00:00", "10:30:00", "11:30:00"]);
}

#[test]
fn a_removed_job_ends_what_waits_and_backs_off_and_lets_running_ones_finish() {
    let text = with_ops(&format!(
        "[pools.p]\nslots = 1\n\
         [jobs.run]\nowner = \"ops\"\ncommand = \"true\"\npool = \"p\"\n\
         [jobs.wait]\nowner = \"ops\"\ncommand = \"true\"\npool = \"p\"\n\
         [jobs.back]\nowner = \"ops\"\ncommand = \"true\"\n{RETRY}\n"
    ));
    let mut world = World::start(&text, "2026-03-02T10:00");
    world.script("run", |_, _| Play::succeeds().taking(Duration::from_mins(5)));
    world.script("back", |_, _| Play::fails(1, ""));
    for job in ["run", "wait", "back"] {
        world.run(job);
    }
    world.run_until("2026-03-02T10:01");
    world.reload(&with_ops("[pools.p]\nslots = 1\n"));
    for job in ["wait", "back"] {
        let run = world.last_run(job);
        assert_eq!(run.outcome, Some(Outcome::Cancelled), "{job}");
        assert_eq!(run.reason.as_deref(), Some("its job was removed from jobs.toml"));
    }
    assert_eq!(world.last_run("run").state, RunState::Running);
    world.run_until("2026-03-02T10:10");
    assert_eq!(world.last_run("run").outcome, Some(Outcome::Succeeded));
}

const PRODUCER: &str = "[datasets.d]\nowner = \"ops\"\nfile = \"out/d.csv\"\n\
    [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n";

#[test]
fn a_running_run_keeps_what_it_started_with() {
    let edits = [
        (
            "its job is removed",
            with_ops("[datasets.d]\nowner = \"ops\"\nfile = \"out/d.csv\"\n"),
        ),
        (
            "its dataset moves",
            with_ops(&PRODUCER.replace("out/d.csv", "other/e.csv")),
        ),
        (
            "it produces nothing any more",
            with_ops(&PRODUCER.replace("produces = \"d\"", "")),
        ),
        (
            "its success codes change",
            with_ops(&PRODUCER.replace("produces", "success_codes = [9]\nproduces")),
        ),
        ("everything is removed", with_ops("")),
    ];
    for (what, edited) in edits {
        let mut world = World::start(&with_ops(PRODUCER), "2026-03-02T10:00");
        world.script("p", |_, now| Play::writes("a", now).taking(Duration::from_mins(5)));
        world.run("p");
        world.run_until("2026-03-02T10:01");
        let staged = world.settings.datasets["d"].file.clone();
        world.reload(&edited);
        world.run_until("2026-03-02T10:10");
        assert_eq!(world.last_run("p").outcome, Some(Outcome::Succeeded), "{what}");
        assert_eq!(world.versions("d").len(), 1, "{what}");
        assert_eq!(world.versions("d")[0].state, VersionState::Published, "{what}");
        let cleaned = world.asked.iter().find_map(|action| match action {
            freshd::model::Action::Clean { staged, .. } => staged.clone(),
            _ => None,
        });
        assert_eq!(cleaned.unwrap().parent(), staged.unwrap().parent(), "{what}");
    }
}

#[test]
fn a_running_run_keeps_what_it_started_with_over_a_restart_and_a_later_reload() {
    let edits = [
        ("its dataset moves", PRODUCER.replace("out/d.csv", "other/e.csv")),
        ("it produces nothing any more", PRODUCER.replace("produces = \"d\"", "")),
        (
            "its success codes change",
            PRODUCER.replace("produces", "success_codes = [9]\nproduces"),
        ),
        ("everything is removed", String::new()),
    ];
    for (what, edited) in edits {
        for with_restart_before in [false, true] {
            let mut world = World::start(&with_ops(PRODUCER), "2026-03-02T10:00");
            world.script("p", |_, now| Play::writes("a", now).taking(Duration::from_mins(5)));
            world.run("p");
            world.run_until("2026-03-02T10:01");
            let staged = world.settings.datasets["d"].file.clone();
            world.crash();
            if with_restart_before {
                world.restart();
                world.reload(&with_ops(&edited));
                world.crash();
            } else {
                world.edit(&with_ops(&edited));
            }
            world.restart();
            world.run_until("2026-03-02T10:10");
            let run = world.last_run("p");
            assert_eq!(run.outcome, Some(Outcome::Succeeded), "{what} {run:?}");
            assert_eq!(world.versions("d").len(), 1, "{what}");
            assert_eq!(world.versions("d")[0].state, VersionState::Published, "{what}");
            let cleaned = world.asked.iter().find_map(|action| match action {
                freshd::model::Action::Clean { staged, .. } => staged.clone(),
                _ => None,
            });
            assert_eq!(cleaned.unwrap().parent(), staged.unwrap().parent(), "{what}");
        }
    }
}

#[test]
fn a_further_attempt_after_a_restart_uses_the_configuration_of_its_start() {
    let retry = "retry = { attempts = 2, delay = \"1m\" }\n";
    let mut world = World::start(&with_ops(&format!("{PRODUCER}{retry}")), "2026-03-02T10:00");
    world.script("p", |_, now| Play {
        status: freshd::model::ExitStatus::Code(9),
        ..Play::writes("a", now)
    });
    world.run("p");
    world.run_until("2026-03-02T10:00:05");
    assert_eq!(world.last_run("p").state, RunState::BackingOff);
    let before = world.last_run("p").settings_digest;
    world.crash();
    world.edit(&with_ops(&format!("{PRODUCER}{retry}success_codes = [9]\n")));
    world.restart();
    world.run_until("2026-03-02T10:03");
    let run = world.last_run("p");
    assert_eq!((run.outcome, run.attempts), (Some(Outcome::Succeeded), 2));
    assert_eq!(run.settings_digest, world.settings.digest);
    assert_ne!(run.settings_digest, before);
}

#[test]
fn a_job_removed_while_its_output_is_judged_still_publishes_it() {
    let mut world = World::start(&with_ops(PRODUCER), "2026-03-02T10:00");
    world.script("p", |_, now| Play::writes("a", now));
    world.run("p");
    let attempt = world.started[0].1;
    world.run_until("2026-03-02T10:00:01");
    let exit = Play::succeeds().exit(attempt, at("2026-03-02T10:00"), at("2026-03-02T10:00:01"), None);
    world.handle(freshd::model::Event::AttemptEnded(exit));
    assert_eq!(world.last_run("p").state, RunState::Judging);
    world.reload(&with_ops(""));
    world.run_until("2026-03-02T10:10");
    assert_eq!(world.last_run("p").outcome, Some(Outcome::Succeeded));
}

#[test]
fn an_edited_job_begins_now_and_keeps_its_pause() {
    let mut world = world("schedule = \"0 * * * *\"", "2026-03-02T09:30");
    world.done(freshd::model::Request::Pause {
        job: "j".into(),
        because: "stocktaking".to_owned(),
    });
    world.reload(&one_job("schedule = \"30 * * * *\""));
    world.run_until("2026-03-02T11:00");
    assert_eq!(world.starts("j").len(), 0);
    world.done(freshd::model::Request::Resume { job: "j".into() });
    world.run_until("2026-03-02T12:00");
    assert_eq!(world.starts("j"), ["11:30:00"]);
}

#[test]
fn a_waiting_run_starts_under_the_new_configuration() {
    let text = "overlap = \"queue\"";
    let mut world = world(text, "2026-03-02T09:30");
    world.script("j", |_, _| Play::succeeds().taking(Duration::from_mins(5)));
    world.run("j");
    world.run("j");
    world.reload(&one_job(text).replace("\"true\"", "\"echo new\""));
    world.run_until("2026-03-02T10:00");
    let commands: Vec<_> = world
        .started
        .iter()
        .map(|(_, id, _)| world.specs[id].argv[2].as_str())
        .collect();
    assert_eq!(commands, ["true", "echo new"]);
}

#[test]
fn a_job_that_stays_switched_off_is_noted_once() {
    let mut world = world("schedule = \"0 * * * *\"\nenabled = false", "2026-03-02T09:30");
    let noted = |world: &World| world.facts.iter().filter(|fact| matches!(fact, Fact::Job(_))).count();
    let once = noted(&world);
    for hour in 10..13 {
        world.run_until(&format!("2026-03-02T{hour}:30"));
        world.crash();
        world.restart();
    }
    assert_eq!(noted(&world), once);
}

#[test]
fn an_attempt_that_never_started_starts_with_what_is_configured_now() {
    let mut world = world("schedule = \"0 10 * * *\"", "2026-03-02T09:59");
    world.outside.keeper_hangs = true;
    world.run_until("2026-03-02T10:00:05");
    world.crash();
    world.edit(&one_job("schedule = \"0 10 * * *\"\ntimeout = \"2h\""));
    world.outside.keeper_hangs = false;
    world.restart();
    world.run_until("2026-03-02T10:01");
    let run = world.last_run("j");
    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    assert_eq!(run.settings_digest, world.settings.digest);
}

#[test]
fn what_is_due_at_the_instant_of_an_edit_is_decided_by_the_jobs_before_however_many_they_are() {
    // More than one step decides about.
    let jobs = |at: &str| {
        let job = |number| format!("[jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"{at}\"\n");
        with_ops(&(0..1_600).map(job).collect::<String>())
    };
    let mut world = World::start(&jobs("0 10 2 3 *"), "2026-03-02T09:59");
    world.run_until("2026-03-02T09:59:59");
    world.now.wall = at("2026-03-02T10:00:00");
    world.now.boot += Duration::from_secs(1);
    world.reload(&jobs("30 11 2 3 *"));
    world.run_until("2026-03-02T10:05");
    assert_eq!(world.started.len(), 1_600);
}
