//! What becomes of an output: versions that are still needed, and a machine that hinders freshd.

use std::time::Duration;

use freshd::model::{
    Action, AttemptId, Event, Judgement, Measurement, Outcome, Purpose, RunState, VersionNumber, VersionState,
};

use super::virtual_world::{Crash, Play, World, with_ops};
use super::world;

const OPS: &str = "mail:ops@sea.example";

/// `p` makes `d` every minute, and `r` reads it for an hour, through a pool that it shares with `other`.
fn read_for_long() -> World {
    let text = with_ops(
        "[pools.erp]\nslots = 1\n\
         [datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\nkeep_versions = 1\n\
         [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\nevery = \"1m\"\n\
         retry = { attempts = 2, delay = \"5s\" }\n\
         [jobs.r]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"d\"]\npool = \"erp\"\n\
         retry = { attempts = 2, delay = \"1s\" }\n\
         [jobs.other]\nowner = \"ops\"\ncommand = \"true\"\npool = \"erp\"\n",
    );
    let mut world = World::start(&text, "2026-03-02T08:00");
    world.script("r", |_, _| Play::succeeds().taking(Duration::from_hours(1)));
    world.run_until("2026-03-02T08:01:30");
    world
}

/// What the last publication of `d` was told to leave alone.
fn spared(world: &World) -> Vec<u64> {
    let published = world.asked.iter().rev().find_map(|action| match action {
        Action::Publish(publishing) => Some(publishing),
        _ => None,
    });
    let spared = &published.expect("a publication").spared;
    spared.iter().map(|VersionNumber(number)| *number).collect()
}

#[test]
fn a_version_that_a_run_was_given_stays_however_many_come_and_goes_with_the_run() {
    let mut world = read_for_long();
    world.run("r");
    let given = world.last_run("r").inputs[0].number.0;
    world.run_until("2026-03-02T08:25");
    let newest = world.versions("d").len() as u64;
    assert!(newest > given + 20, "{newest}");
    assert_eq!(spared(&world), [given, newest - 1]);
    world.crash();
    world.restart();
    world.run_until("2026-03-02T08:26:30");
    assert!(spared(&world).contains(&given), "also after a restart");
    world.run_until("2026-03-02T09:10");
    assert_eq!(world.last_run("r").outcome, Some(Outcome::Succeeded));
    assert!(!spared(&world).contains(&given), "nobody needs it any more");
}

#[test]
fn a_version_stays_for_a_run_that_waits_for_its_next_attempt() {
    let mut world = read_for_long();
    world.script("r", |spec, _| match spec.id.number {
        1 => Play::fails(1, ""),
        _ => Play::succeeds(),
    });
    world.script("other", |_, _| Play::succeeds().taking(Duration::from_mins(30)));
    world.run("r");
    let given = world.last_run("r").inputs[0].number.0;
    world.run("other");
    world.run_until("2026-03-02T08:25");
    assert_eq!(world.last_run("r").state, RunState::Waiting, "for the pool");
    assert!(spared(&world).contains(&given));
    world.run_until("2026-03-02T08:40");
    assert_eq!(world.last_run("r").outcome, Some(Outcome::Succeeded));
    assert!(!spared(&world).contains(&given));
}

#[test]
fn the_version_that_is_replaced_stays_until_nobody_can_be_given_it() {
    let mut world = world("keep_versions = 0", "2026-03-02T08:00");
    for minute in 1..4 {
        world.run("p");
        world.run_until(&format!("2026-03-02T08:0{minute}"));
    }
    assert_eq!(
        spared(&world),
        [2],
        "a run may still be given it while the next one is put in place"
    );
}

/// `p` has run while the disk fails until `until`.
fn failing_disk(until: &str) -> World {
    let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
    world.run("p");
    world.run_until("2026-03-02T09:00");
    world.outside.disk_fails_until = Some(super::virtual_world::at(until));
    world.run("p");
    world
}

#[test]
fn a_disk_that_fails_for_a_moment_costs_a_moment() {
    let mut world = failing_disk("2026-03-02T09:01");
    world.run_until("2026-03-02T09:00:50");
    assert_eq!(world.last_run("p").state, RunState::Judging);
    world.run_until("2026-03-02T09:03");
    assert_eq!(world.last_run("p").outcome, Some(Outcome::Succeeded));
    assert_eq!(world.versions("d")[1].state, VersionState::Published);
    assert_eq!(world.incidents().len(), 0);
    assert_eq!(world.starts("p").len(), 2, "the job is not run again for it");
}

#[test]
fn a_disk_that_keeps_failing_fails_the_run_and_blames_nothing_on_the_data() {
    let mut world = failing_disk("2026-03-02T12:00");
    world.run_until("2026-03-02T09:04");
    assert_eq!(world.last_run("p").state, RunState::Judging, "it has four minutes");
    world.run_until("2026-03-02T09:06");
    let reason = "freshd itself could not judge its output, which says nothing of the data: input/output error";
    let run = world.last_run("p");
    assert_eq!(run.outcome, Some(Outcome::Failed));
    assert_eq!(run.reason.as_deref(), Some(reason));
    let attempt = world.ledger.attempts.values().next_back().expect("an attempt");
    assert_eq!(attempt.outcome, Some(Outcome::Failed));
    let version = &world.versions("d")[1];
    assert_eq!((version.state, version.checks.len()), (VersionState::Quarantined, 0));
    assert_eq!(version.reason.as_deref(), Some(reason));
    let kept = world.asked.iter().any(|action| match action {
        Action::Quarantine(kept) => kept.version.number == version.number,
        _ => false,
    });
    assert!(kept, "a person finds the output in quarantine");
    let cleaned = world.asked.iter().any(|action| match action {
        Action::Clean { id, staged, .. } => Some(*id) == version.attempt && staged.is_some(),
        _ => false,
    });
    assert!(!cleaned, "and nothing removes it on its way there");
    let current = world.status("d")["datasets"][0]["arrived_at"].clone();
    let before = world.versions("d")[0].arrived_at.to_string();
    assert_eq!(current.as_str(), Some(before.as_str()), "readers keep what they have");
    world.run_until("2026-03-02T09:10");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
    let message = &world.sent[0].1.message;
    assert!(message.headline.contains(reason), "{}", message.headline);
    let text = format!("{message:?}");
    assert!(!text.contains("refused") && !text.contains("rejected"), "{text}");
}

#[test]
fn a_disk_that_is_full_when_a_version_is_put_in_place_is_given_the_same_time() {
    for (until, outcome) in [
        ("2026-03-02T09:01", Outcome::Succeeded),
        ("2026-03-02T12:00", Outcome::Failed),
    ] {
        let mut world = failing_disk("2026-03-02T09:00");
        world.outside.disk_is_full_until = Some(super::virtual_world::at(until));
        world.run_until("2026-03-02T09:10");
        let run = world.last_run("p");
        assert_eq!(run.outcome, Some(outcome), "{until}");
        let placed = outcome == Outcome::Succeeded;
        let reason = "its output could not be put in place: no space left on device";
        assert_eq!(run.reason.as_deref() == Some(reason), !placed, "{:?}", run.reason);
    }
}

#[test]
fn a_crash_while_the_disk_fails_begins_the_time_anew_and_ends_as_well() {
    for side in [Crash::Before, Crash::After] {
        for commit in 1..=3 {
            let mut world = failing_disk("2026-03-02T09:03");
            world.crash_at = Some((world.commits + commit, side));
            world.run_until("2026-03-02T09:01");
            world.crash();
            world.restart();
            world.run_until("2026-03-02T09:10");
            assert_eq!(
                world.last_run("p").outcome,
                Some(Outcome::Succeeded),
                "{commit} {side:?}"
            );
            assert_eq!(world.versions("d").len(), 2);
        }
    }
}

/// A run of three attempts: two are refused, with one between them that writes and fails.
#[test]
fn nothing_removes_what_was_refused_but_the_way_into_quarantine() {
    let text = with_ops(
        "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\n\
         [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
         retry = { attempts = 3, delay = \"1s\", factor = 1 }\n",
    );
    let mut world = World::start(&text, "2026-03-02T08:00");
    world.script("p", |spec, at| match spec.id.number {
        2 => Play::fails(1, ""),
        _ => Play::writes("half", at).refused("too few rows"),
    });
    world.run("p");
    world.run_until("2026-03-02T08:05");
    assert_eq!(world.last_run("p").outcome, Some(Outcome::Rejected));
    let mut removed: Vec<_> = world
        .asked
        .iter()
        .filter_map(|action| match action {
            Action::Clean { id, staged, .. } => Some((id.number, staged.is_some())),
            _ => None,
        })
        .collect();
    removed.sort_unstable();
    assert_eq!(removed, [(1, false), (2, true), (3, false)]);
}

#[test]
fn a_verdict_that_nobody_waits_for_publishes_nothing() {
    let mut world = read_for_long();
    world.script("p", |spec, at| match spec.id.number {
        1 => Play::fails(1, ""),
        _ => Play::writes("late", at).taking(Duration::from_secs(20)),
    });
    let published = world.versions("d").len();
    world.run_until("2026-03-02T08:02:10");
    let run = world.last_run("p");
    for number in [1, 2] {
        let id = AttemptId { run: run.id, number };
        world.handle(Event::Judged {
            id,
            result: Ok(Judgement::default()),
        });
    }
    assert_eq!(world.versions("d").len(), published);
    assert_eq!(world.last_run("p").state, run.state);
}

#[test]
fn an_output_that_nobody_finds_is_refused_with_the_reason() {
    let mut world = super::world("", "2026-03-02T08:00");
    world.script("p", |_, at| Play::writes("", at).refused("it wrote nothing"));
    world.run("p");
    world.run_until("2026-03-02T08:20");
    let run = world.last_run("p");
    assert_eq!(run.outcome, Some(Outcome::Rejected), "{run:?}");
    assert!(
        run.reason.as_ref().is_some_and(|why| why.contains("it wrote nothing")),
        "{run:?}"
    );
}

#[test]
fn a_verdict_that_is_told_twice_makes_one_version() {
    let mut world = super::world("", "2026-03-02T08:00");
    world.outside.disk_is_full_until = Some(super::virtual_world::at("2026-03-02T08:01"));
    world.run("p");
    world.run_until("2026-03-02T08:00:30");
    let run = world.last_run("p");
    let measurement = world.versions("d").remove(0);
    world.handle(Event::Judged {
        id: AttemptId { run: run.id, number: 1 },
        result: Ok(Judgement {
            measurement: Measurement {
                bytes: measurement.bytes,
                rows: measurement.rows,
                sha256: measurement.sha256,
                as_of: None,
            },
            ..Judgement::default()
        }),
    });
    world.run_until("2026-03-02T08:10");
    assert_eq!(world.versions("d").len(), 1);
}

/// What the checks were last asked to judge.
fn judged(world: &World) -> &freshd::model::Judging {
    let asked = world.asked.iter().rev().find_map(|action| match action {
        Action::Judge(judging) => Some(judging),
        _ => None,
    });
    asked.expect("a candidate")
}

#[test]
fn checks_are_told_how_many_rows_the_inputs_of_a_candidate_have_and_where_it_lies() {
    let mut world = World::start(
        &with_ops(
            "[datasets.lots]\nowner = \"ops\"\nfile = \"lots\"\n[datasets.stock]\nowner = \"ops\"\nfile = \"stock\"\n\
             [jobs.l]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"lots\"\n\
             [jobs.s]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"lots\"]\nproduces = \"stock\"\n",
        ),
        "2026-03-02T08:00",
    );
    world.run("l");
    world.run_until("2026-03-02T08:01");
    world.run("s");
    world.run_until("2026-03-02T08:02");
    let judged = judged(&world);
    assert_eq!(judged.inputs, [("lots".into(), Some(80))]);
    let spec = world
        .specs
        .values()
        .find(|spec| spec.job.as_str() == "s")
        .expect("it ran");
    let output = spec.env.iter().find(|(name, _)| name == "FRESHD_OUTPUT");
    let staged = judged.staged.display().to_string();
    assert_eq!(output.map(|(_, path)| path.as_str()), Some(staged.as_str()));
}

#[test]
fn the_script_that_made_a_candidate_is_the_one_that_its_command_names() {
    for (command, script) in [
        ("\"/bin/true --all\"", Some("/bin/true")),
        ("\"sh /bin/true --all\"", Some("/bin/true")),
        ("[\"sh\", \"-e\", \"/bin/true\"]", Some("/bin/true")),
        ("\"true /bin/true\"", None),
    ] {
        let text = super::made("").replace("command = \"true\"", &format!("command = {command}"));
        let mut world = World::start(&text, "2026-03-02T08:00");
        world.run("p");
        world.run_until("2026-03-02T08:01");
        assert_eq!(
            judged(&world).script.as_deref(),
            script.map(std::path::Path::new),
            "{command}"
        );
    }
}

#[test]
fn a_run_whose_output_was_taken_with_a_warning_says_so() {
    let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
    world.script("p", |_, now| {
        Play::writes("one", now).odd("rows.change", freshd::model::Verdict::Warn)
    });
    world.run("p");
    world.run_until("2026-03-02T08:05");
    let run = world.last_run("p");
    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    assert_eq!(run.reason.as_deref(), Some("200 rows came"));
}

#[test]
fn what_a_column_is_compared_with_is_read_where_it_lies_also_when_its_file_was_renamed() {
    let text = |file: &str| {
        with_ops(&format!(
            "[datasets.items]\nowner = \"ops\"\nfile = \"{file}\"\nchecks = {{ format = \"csv\" }}\n\
             [datasets.sold]\nowner = \"ops\"\nfile = \"sold.csv\"\n\
             checks = {{ format = \"csv\", columns.sku = {{ in = {{ dataset = \"items\", column = \"sku\" }} }} }}\n\
             [jobs.i]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"items\"\n\
             [jobs.s]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"sold\"\n"
        ))
    };
    let read = |world: &World| {
        let judged = world.asked.iter().rev().find_map(|action| match action {
            Action::Judge(judging) => Some(judging.compared_with.clone()),
            _ => None,
        });
        let mut read = judged.expect("a candidate").into_iter();
        let (items, none) = (read.next().expect("items"), read.next());
        assert!(none.is_none());
        items.file.clone().expect("a place")
    };
    let mut world = World::start(&text("items.csv"), "2026-03-02T08:00");
    world.run("i");
    world.run_until("2026-03-02T08:05");
    world.run("s");
    world.run_until("2026-03-02T08:10");
    assert_eq!(read(&world), world.settings.file.with_file_name("items.csv"));
    world.reload(&text("new.csv"));
    world.run("s");
    world.run_until("2026-03-02T08:15");
    assert!(
        read(&world).ends_with("versions/items/1/items.csv"),
        "{:?}",
        read(&world)
    );
}
