//! A full disk: nothing is started that could not be recorded, and nothing is forgotten.

use freshd::model::{Event, Fact, IncidentState, Outcome, Purpose, Reply, Request, RunState, Trigger};

use super::missed::missed_reasons;
use super::virtual_world::{Play, World, at, with_ops};
use super::{one_job, world};

const HOURLY: &str = "schedule = \"0 * * * *\"";
const EVERY_MINUTE: &str = "schedule = \"* * * * *\"";

fn refusal(reply: Reply) -> String {
    match reply {
        Reply::Refused(why) => why,
        Reply::Done(facts) => panic!("done: {facts}"),
    }
}

/// Hourly occurrences of `j` whose disk is full from 10:30 to 13:30.
fn full_for_three_hours(lines: &str) -> World {
    let mut world = world(lines, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:30");
    world.fill_disk();
    world.run_until("2026-03-02T13:30");
    world
}

#[test]
fn while_the_disk_is_full_nothing_is_started_and_afterwards_every_occurrence_is_decided_as_after_downtime() {
    let mut world = full_for_three_hours(HOURLY);
    assert_eq!(world.starts("j"), ["10:00:00"]);
    assert_eq!(world.runs("j").len(), 1, "nothing is decided about them either");
    world.free_disk();
    world.run_until("2026-03-02T14:30");
    assert_eq!(world.starts("j"), ["10:00:00", "13:30:00", "14:00:00"]);
    let reason = "the disk was full at the due time, and a newer occurrence runs instead";
    assert_eq!(missed_reasons(&world), [reason, reason]);
    let made_up = world.runs("j").into_iter().find(|run| run.trigger == Trigger::CatchUp);
    assert_eq!(made_up.and_then(|run| run.outcome), Some(Outcome::Succeeded));
}

#[test]
fn catch_up_says_what_is_made_up_for_after_a_full_disk_too() {
    let mut all = full_for_three_hours("schedule = \"0 * * * *\"\ncatch_up = \"all\"");
    all.free_disk();
    all.run_until("2026-03-02T13:40");
    assert_eq!(all.starts("j").len(), 4);
    assert_eq!(missed_reasons(&all), Vec::<String>::new());
    let mut none = full_for_three_hours("schedule = \"0 * * * *\"\ncatch_up = \"none\"");
    none.free_disk();
    none.run_until("2026-03-02T13:40");
    assert_eq!(none.starts("j").len(), 1);
    let reason = "the disk was full at the due time, and catch_up is \"none\"";
    assert_eq!(missed_reasons(&none), [reason; 3]);
}

#[test]
fn what_a_short_full_disk_held_is_in_nobodys_way() {
    let often = "schedule = \"*/10 * * * * *\"\nseconds = true";
    let mut world = world(often, "2026-03-02T09:59:55");
    world.script("j", |_, _| Play::succeeds().taking(std::time::Duration::from_secs(8)));
    world.run_until("2026-03-02T10:00:09");
    world.fill_disk();
    world.run_until("2026-03-02T10:00:41");
    world.free_disk();
    world.run_until("2026-03-02T10:00:49");
    assert_eq!(world.starts("j"), ["10:00:00", "10:00:41"]);
    assert_eq!(world.last_run("j").due_at, Some(at("2026-03-02T10:00:40")));
    let reason = "the disk was full at the due time, and a newer occurrence runs instead";
    assert_eq!(missed_reasons(&world), [reason; 3]);
}

#[test]
fn runs_that_may_overlap_all_start_when_a_short_full_disk_is_over() {
    let often = "schedule = \"*/10 * * * * *\"\nseconds = true\noverlap = \"allow\"";
    let mut world = world(often, "2026-03-02T10:00:05");
    world.fill_disk();
    world.run_until("2026-03-02T10:00:31");
    world.free_disk();
    assert_eq!(world.starts("j"), ["10:00:31"; 3]);
}

#[test]
fn a_start_that_a_full_disk_made_a_little_late_is_an_ordinary_one() {
    let mut world = world(HOURLY, "2026-03-02T09:59");
    world.fill_disk();
    world.run_until("2026-03-02T10:00:50");
    world.free_disk();
    assert_eq!(world.starts("j"), ["10:00:50"]);
    assert_eq!(world.last_run("j").trigger, Trigger::Schedule);
}

#[test]
fn asking_for_a_run_is_refused_at_once_and_leaves_nothing_behind() {
    let mut world = full_for_three_hours(HOURLY);
    let facts = world.facts.len();
    let why = refusal(world.run("j"));
    assert!(why.contains("the disk is full: 0 B are left"), "{why}");
    assert_eq!(world.facts.len(), facts);
    world.free_disk();
    world.run_until("2026-03-02T13:59");
    assert!(world.runs("j").iter().all(|run| run.trigger != Trigger::Manual));
}

#[test]
fn status_and_why_say_so_and_need_nothing_to_be_stored() {
    let mut world = full_for_three_hours(HOURLY);
    let status = world.status("j");
    assert_eq!(status["disk_full"]["needed"], 24 << 20);
    assert_eq!(status["disk_full_since"], "2026-03-02T09:30:00Z");
    let why = world.done(Request::Why { name: "j".into() });
    let held = why["job"]["held"].as_str().expect("it says why");
    assert!(held.starts_with("waits for space: the disk is full"), "{held}");
    world.free_disk();
    assert!(world.status("j")["disk_full"].is_null());
}

#[test]
fn every_team_is_told_once_in_the_step_that_holds_the_starts_and_once_of_the_end() {
    let sharing = "[teams.sales]\nnotify = [\"mail:sales@sea.example\"]\n\
                   [teams.it]\nnotify = [\"mail:it@sea.example\"]\n\
                   [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 * * * *\"\n";
    let mut world = World::start(&with_ops(sharing), "2026-03-02T09:30");
    let facts = world.facts.len();
    world.fill_disk();
    let told = world.facts[facts..]
        .iter()
        .filter(|fact| matches!(fact, Fact::Notification(_)));
    assert_eq!(told.count(), 3, "with it: later there may be no space for that");
    world.run_until("2026-03-02T09:31");
    for _ in 0..3 {
        world.handle(Event::Space(world.shortage.clone()));
    }
    world.free_disk();
    world.run_until("2026-03-02T09:59");
    let (first, end) = (Purpose::Opening, Purpose::Recovery);
    assert_eq!(world.told_to("mail:it@sea.example"), [first, end]);
    for team in ["ops", "sales"] {
        let heard = world.told_to(&format!("mail:{team}@sea.example"));
        assert_eq!(heard, [Purpose::Impact, end], "{team}");
    }
    let opening = &world.sent[0].1.message;
    assert!(
        opening
            .headline
            .starts_with("CRITICAL: the disk is full: 0 B are left at /"),
        "{}",
        opening.headline
    );
    assert_eq!(opening.subject, "[freshd] disk is full (#1)");
    assert_eq!(opening.commands, ["freshd status", "freshd ack 1"]);
    let end = world.sent.last().map(|(_, last)| last.message.headline.clone());
    assert!(end.is_some_and(|end| end.starts_with("RESOLVED after 1m: the disk has room again.")));
}

#[test]
fn a_further_try_gives_way_to_what_came_due_while_the_disk_was_full() {
    let mut world = world(
        "schedule = \"0 * * * *\"\nretry = { attempts = 3, delay = \"10m\", factor = 1 }",
        "2026-03-02T09:30",
    );
    world.script("j", |spec, _| match spec.id.run.0 {
        1 => Play::fails(1, ""),
        _ => Play::succeeds(),
    });
    world.run_until("2026-03-02T10:00:06");
    assert_eq!(world.last_run("j").state, RunState::BackingOff);
    world.fill_disk();
    world.run_until("2026-03-02T11:30");
    assert_eq!(world.starts("j"), ["10:00:00"], "not even a retry");
    assert_eq!(world.last_run("j").state, RunState::BackingOff);
    world.free_disk();
    world.run_until("2026-03-02T11:31");
    let outcomes: Vec<_> = world.outcomes("j").into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Failed), Some(Outcome::Succeeded)]);
}

#[test]
fn a_further_try_that_nothing_newer_replaces_follows_when_there_is_space() {
    let mut world = world(
        "schedule = \"0 0 * * *\"\nretry = { attempts = 3, delay = \"1m\", factor = 1 }",
        "2026-03-01T23:30",
    );
    let mut tries = 0;
    world.script("j", move |_, _| {
        tries += 1;
        if tries == 1 {
            Play::fails(1, "")
        } else {
            Play::succeeds()
        }
    });
    world.run_until("2026-03-02T00:00:06");
    world.fill_disk();
    world.run_until("2026-03-02T00:20");
    world.free_disk();
    world.run_until("2026-03-02T00:21");
    assert_eq!(world.starts("j"), ["00:00:00", "00:20:00"]);
    assert_eq!(world.last_run("j").outcome, Some(Outcome::Succeeded));
}

#[test]
fn a_version_that_is_published_meanwhile_starts_its_readers_when_there_is_space() {
    let chain = "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\n\
                 [jobs.makes]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
                 [jobs.reads]\nowner = \"ops\"\ncommand = \"true\"\non = [\"d\"]\n";
    let mut world = World::start(&with_ops(chain), "2026-03-02T09:30");
    world.script("makes", |_, now| {
        Play::writes("one", now).taking(std::time::Duration::from_mins(1))
    });
    world.run("makes");
    world.run_until("2026-03-02T09:30:30");
    world.fill_disk();
    world.run_until("2026-03-02T09:40");
    assert_eq!(
        world.versions("d").len(),
        1,
        "what runs goes on, and its output is published"
    );
    let waiting = world.last_run("reads");
    assert_eq!(waiting.state, RunState::Waiting);
    assert!(waiting.reason.is_some_and(|why| why.starts_with("waits for space: ")));
    world.free_disk();
    world.run_until("2026-03-02T09:41");
    assert_eq!(world.starts("reads"), ["09:40:00"]);
}

#[test]
fn a_claimed_attempt_that_no_keeper_has_waits_for_space_and_starts_once() {
    let mut world = world(EVERY_MINUTE, "2026-03-02T09:59:30");
    world.outside.keeper_hangs = true;
    world.run_until("2026-03-02T10:00:10");
    assert_eq!(world.last_run("j").state, RunState::Running, "claimed");
    world.crash();
    world.fill_disk();
    world.outside.keeper_hangs = false;
    world.restart();
    world.run_until("2026-03-02T10:00:50");
    assert_eq!(world.starts("j").len(), 0);
    world.free_disk();
    world.run_until("2026-03-02T10:00:55");
    assert_eq!(world.starts("j"), ["10:00:50"]);
    assert_eq!(world.runs("j").len(), 1);
}

#[test]
fn a_claimed_attempt_for_which_space_comes_too_late_says_whether_the_disk_was_full() {
    for (since, why) in [("09:59:59", "the disk was full"), ("10:00:05", "freshd went down")] {
        let mut world = world("schedule = \"* * * * *\"\ncatch_up = \"none\"", "2026-03-02T09:59:30");
        world.outside.keeper_hangs = true;
        world.run_until("2026-03-02T10:00:10");
        world.crash();
        world.fill_disk();
        world.shortage.as_mut().expect("it is full").since = at(&format!("2026-03-02T{since}"));
        world.restart();
        world.run_until("2026-03-02T10:05");
        world.free_disk();
        let reason = format!("{why} before it could be started, and it is too old to be made up for");
        assert_eq!(world.runs("j")[0].reason, Some(reason));
    }
}

#[test]
fn a_full_disk_outlives_the_daemon_and_is_told_once() {
    let mut world = full_for_three_hours(HOURLY);
    world.crash();
    world.run_until("2026-03-02T14:30");
    world.restart();
    world.run_until("2026-03-02T15:30");
    assert_eq!(world.starts("j"), ["10:00:00"]);
    assert_eq!(world.status("j")["disk_full_since"], "2026-03-02T09:30:00Z");
    assert_eq!(world.incidents().len(), 1);
    world.free_disk();
    world.run_until("2026-03-02T15:31");
    assert_eq!(world.starts("j"), ["10:00:00", "15:30:00"]);
    assert_eq!(world.incidents()[0].state, IncidentState::Resolved);
    assert_eq!(missed_reasons(&world).len(), 4);
}

#[test]
fn a_start_that_finds_space_again_says_that_the_disk_was_full() {
    let mut world = full_for_three_hours(HOURLY);
    world.crash();
    world.free_disk();
    world.run_until("2026-03-02T14:30");
    world.restart();
    world.run_until("2026-03-02T14:31");
    assert_eq!(world.starts("j"), ["10:00:00", "14:30:00"]);
    assert_eq!(world.incidents()[0].state, IncidentState::Resolved);
    assert!(
        missed_reasons(&world)
            .iter()
            .all(|reason| reason.starts_with("the disk was full"))
    );
}

#[test]
fn what_was_missed_before_the_disk_was_full_is_not_blamed_on_it() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:30");
    world.crash();
    world.run_until("2026-03-02T11:30");
    world.fill_disk();
    world.restart();
    world.run_until("2026-03-02T13:30");
    world.free_disk();
    let reasons = missed_reasons(&world);
    let starts: Vec<_> = reasons
        .iter()
        .filter_map(|reason| reason.split(" at the").next())
        .collect();
    assert_eq!(starts, ["freshd was down or asleep", "the disk was full"]);
}

#[test]
fn a_job_that_is_edited_paused_or_removed_while_the_disk_is_full_forgets_no_occurrence() {
    let mut edited = full_for_three_hours(HOURLY);
    edited.reload(&one_job("schedule = \"30 * * * *\""));
    let mut removed = full_for_three_hours(HOURLY);
    removed.reload(&with_ops(""));
    for (world, changed) in [(&mut edited, "edited"), (&mut removed, "edited")] {
        world.free_disk();
        let reason = format!("the disk was full, and the job was {changed} before there was space");
        assert_eq!(missed_reasons(world), vec![reason; 3]);
    }
    let mut paused = full_for_three_hours(HOURLY);
    paused.done(Request::Pause {
        job: "j".into(),
        because: "moving".to_owned(),
    });
    paused.run_until("2026-03-02T14:30");
    paused.done(Request::Resume { job: "j".into() });
    paused.free_disk();
    paused.run_until("2026-03-02T15:30");
    let outcomes: Vec<_> = paused
        .outcomes("j")
        .into_iter()
        .map(|(due, outcome)| (due, outcome.expect("one")))
        .collect();
    let expected = [
        ("Mon 10:00", Outcome::Succeeded),
        ("Mon 11:00", Outcome::Missed),
        ("Mon 12:00", Outcome::Missed),
        ("Mon 13:00", Outcome::Missed),
        ("Mon 14:00", Outcome::Skipped),
        ("Mon 15:00", Outcome::Succeeded),
    ];
    assert_eq!(outcomes, expected.map(|(due, outcome)| (due.to_owned(), outcome)));
}

#[test]
fn a_clock_that_is_not_believed_holds_on_when_there_is_space_again() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:30");
    world.fill_disk();
    world.set_clock("2026-03-02T09:50");
    world.run_until("2026-03-02T10:05");
    world.free_disk();
    world.run_until("2026-03-02T10:25");
    assert_eq!(world.starts("j"), ["10:00:00"]);
    world.run_until("2026-03-02T11:05");
    assert_eq!(world.starts("j"), ["10:00:00", "11:00:00"]);
}

#[test]
fn space_that_returns_under_a_wrong_clock_is_awaited_when_the_clock_is_right() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:30");
    world.fill_disk();
    world.set_clock("2026-03-02T09:50");
    world.run_until("2026-03-02T11:05");
    assert_eq!(
        world.starts("j"),
        ["10:00:00"],
        "the clock is right again, the disk still full"
    );
    world.free_disk();
    world.run_until("2026-03-02T11:06");
    assert_eq!(world.starts("j").len(), 2);
}

#[test]
fn what_came_due_before_the_engine_could_be_told_was_held_by_the_disk_too() {
    let often = "schedule = \"*/10 * * * * *\"\nseconds = true";
    let mut world = world(often, "2026-03-02T10:00:05");
    let noticed = world.now.wall;
    world.crash();
    world.run_until("2026-03-02T10:00:25");
    world.fill_disk();
    if let Some(shortage) = &mut world.shortage {
        shortage.since = noticed;
    }
    world.restart();
    world.run_until("2026-03-02T10:00:31");
    world.free_disk();
    assert_eq!(world.starts("j"), ["10:00:31"]);
    let reason = "the disk was full at the due time, and a newer occurrence runs instead";
    assert_eq!(missed_reasons(&world), [reason; 2]);
}
