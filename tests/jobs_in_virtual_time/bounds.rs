//! However much is to be decided at once, each commit stays small, and nothing is lost or decided twice.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use freshd::engine::STEP_FACTS_MAX;
use freshd::model::{Action, Event, Fact, Name, Now, Outcome};
use jiff::Timestamp;

use super::virtual_world::{Crash, Play, World, at, with_ops};

const JOBS: usize = 2_000;
const DATASETS: usize = 20;

/// Many jobs that are due each month, and datasets that are promised each day.
fn many() -> String {
    let mut text = String::new();
    for number in 0..JOBS {
        let _ = writeln!(
            text,
            "[jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"{} 6 1 * *\"",
            number % 60
        );
    }
    for number in 0..DATASETS {
        let _ = writeln!(
            text,
            "[datasets.d{number}]\nowner = \"ops\"\nfile = \"d{number}.csv\"\ndue = {{ at = \"0 8 * * *\" }}"
        );
    }
    with_ops(&text)
}

/// Every occurrence of a job in a stretch of time.
fn due(world: &World, job: &str, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let rule = world.settings.jobs[job].schedule.clone().unwrap();
    let mut due = Vec::new();
    let mut after = from;
    while let Some(next) = freshd::schedule::next(&rule, after).filter(|next| next.at <= to) {
        after = next.at;
        due.push(next.at);
    }
    due
}

#[test]
fn a_year_of_downtime_is_decided_in_small_commits_whole_and_once_also_across_a_crash() {
    for crash in [Crash::Before, Crash::After] {
        let mut world = World::start(&many(), "2025-11-02T12:00");
        let start = world.now.wall;
        world.run_until("2025-11-02T13:00");
        world.crash();
        world.run_until("2026-11-02T13:00");
        let before = (world.commits, world.facts.len());
        world.crash_at = Some((world.commits + 3, crash));
        world.restart();
        world.run_until("2026-11-02T13:00");
        assert_eq!(world.crash_at, None);
        let facts = world.facts.len() - before.1;
        let commits = usize::try_from(world.commits - before.0).unwrap();
        assert!(facts > 3 * STEP_FACTS_MAX, "{facts}");
        assert!(commits > facts / STEP_FACTS_MAX, "{commits} commits of {facts} facts");
        let now = world.now.wall;
        for number in 0..JOBS {
            let job = format!("j{number}");
            let decided: Vec<_> = world.runs(&job).into_iter().filter_map(|run| run.due_at).collect();
            assert_eq!(decided, due(&world, &job, start, now), "{job}");
            assert_eq!(world.ledger.jobs[job.as_str()].cursor, *decided.last().unwrap());
        }
        let caught_up = world
            .ledger
            .runs
            .values()
            .filter(|run| run.outcome != Some(Outcome::Missed))
            .count();
        assert_eq!(caught_up, 0, "all of them are older than catch_up_within");
        for number in 0..DATASETS {
            let slots = world.slots(&format!("d{number}"));
            let distinct: BTreeSet<_> = slots.iter().map(|slot| slot.due_at).collect();
            assert_eq!((slots.len(), distinct.len()), (366, 366));
            assert_eq!(slots.last().unwrap().due_at, at("2026-11-03T08:00"));
        }
        assert_eq!(
            world.open_incidents().len() + waiting(&world),
            DATASETS,
            "everything is looked at"
        );
    }
}

#[test]
fn of_very_many_jobs_due_together_the_first_start_before_the_rest_is_decided_and_each_starts_once() {
    let together = many().replace(" 6 1 * *\"", " 6 * * *\"");
    let minutes = |text: &str| {
        (1..60).fold(text.to_owned(), |text, minute| {
            text.replace(&format!("\"{minute} 6 "), "\"0 6 ")
        })
    };
    let mut world = World::start(&minutes(&together), "2026-03-02T05:00");
    world.run_until("2026-03-02T05:59");
    let mut engine = world.engine.clone().unwrap();
    let now = Now {
        wall: at("2026-03-02T06:00"),
        boot: world.now.boot + Duration::from_mins(1),
    };
    let mut starts = Vec::new();
    while engine.next_wake(now).is_some_and(|next| next <= now.wall) {
        let step = engine.handle(now, Event::Tick);
        starts.push(
            step.actions
                .iter()
                .filter(|action| matches!(action, Action::Start(_)))
                .count(),
        );
    }
    assert_eq!(starts.iter().sum::<usize>(), JOBS);
    assert!(starts.len() > 10 && starts[0] > 0, "{starts:?}");
    assert!(starts.iter().all(|started| *started < JOBS / 10), "{starts:?}");

    world.crash_at = Some((world.commits + 3, Crash::After));
    world.run_until("2026-03-02T06:30");
    assert_eq!(world.crash_at, None);
    for number in 0..JOBS {
        let runs: Vec<_> = world
            .runs(&format!("j{number}"))
            .iter()
            .map(|run| run.outcome)
            .collect();
        assert_eq!(runs, [Some(Outcome::Succeeded)], "{number}");
    }
}

fn waiting(world: &World) -> usize {
    let incidents = world.incidents();
    incidents.iter().filter(|incident| incident.opened_at.is_none()).count()
}

#[test]
fn what_waited_comes_before_what_is_due_and_that_before_a_further_try_however_many_there_are() {
    let mut text = String::from(
        "[pools.p]\nslots = 1\n[jobs.first]\nowner = \"ops\"\ncommand = \"true\"\npool = \"p\"\ntimeout = \"none\"\n",
    );
    for name in ["waits", "retries"] {
        let _ = writeln!(
            text,
            "[jobs.{name}]\nowner = \"ops\"\ncommand = \"true\"\npool = \"p\"\nretry = {{ attempts = 2, delay = \"1m\" }}"
        );
    }
    text.push_str("[jobs.due]\nowner = \"ops\"\ncommand = \"true\"\npool = \"p\"\nschedule = \"30 * * * *\"\n");
    for number in 0..JOBS / 2 {
        let _ = writeln!(
            text,
            "[jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"*/30 * * * *\"\ncatch_up = \"none\""
        );
    }
    let mut world = World::start(&with_ops(&text), "2026-03-02T10:01");
    world.script("retries", |_, _| Play::fails(1, ""));
    world.script("first", |_, _| {
        Play::succeeds().taking(std::time::Duration::from_hours(5))
    });
    world.run("retries");
    world.run_until("2026-03-02T10:01:06");
    world.run("first");
    world.run("waits");
    world.crash();
    world.run_until("2026-03-02T12:30:20");
    world.restart();
    world.run_until("2026-03-02T15:30");
    let of_pool = |name: &&str| ["waits", "due", "retries"].contains(name);
    let started: Vec<&str> = world
        .started
        .iter()
        .map(|(job, _, _)| job.as_str())
        .filter(of_pool)
        .collect();
    assert_eq!(started[..4], ["retries", "waits", "due", "retries"]);
}

#[test]
fn a_job_asked_for_before_its_turn_is_taken_on_at_once() {
    let mut world = World::start(&many(), "2025-11-02T12:00");
    world.crash();
    world.edit(&format!("{}[jobs.new]\nowner = \"ops\"\ncommand = \"true\"\n", many()));
    world.run_until("2026-11-02T13:00");
    world.restart();
    world.run("new");
    world.crash();
    world.restart();
    world.run_until("2026-11-02T14:00");
    assert_eq!(world.last_run("new").outcome, Some(Outcome::Succeeded));
    let name = Name::from("new");
    assert!(
        world
            .facts
            .iter()
            .any(|fact| matches!(fact, Fact::Job(record) if record.job == name))
    );
}

#[test]
fn thousands_of_promises_that_break_at_one_instant_are_all_noticed_at_that_instant() {
    // Their slots fill half of a step, and their incidents more than the other half.
    let datasets = STEP_FACTS_MAX / 4 + 50;
    let mut text = String::new();
    for number in 0..datasets {
        let _ = writeln!(
            text,
            "[datasets.d{number}]\nowner = \"ops\"\nfile = \"d{number}.csv\"\ndue = {{ at = \"0 8 * * *\", grace = \"15m\" }}"
        );
    }
    let mut world = World::start(&with_ops(&text), "2026-03-02T07:59");
    world.run_until("2026-03-02T08:14:59");
    assert_eq!(waiting(&world), 0);
    world.run_until("2026-03-02T08:15");
    assert_eq!(waiting(&world), datasets);
}

#[test]
fn a_reload_in_the_middle_of_a_long_start_still_takes_up_what_backed_off_before() {
    let retries = "[jobs.retries]\nowner = \"ops\"\ncommand = \"true\"\nretry = { attempts = 2, delay = \"1m\" }\n";
    let text = format!("{}{retries}", many());
    let mut world = World::start(&text, "2025-11-02T12:00");
    world.script("retries", |_, _| Play::fails(1, ""));
    world.run("retries");
    world.run_until("2025-11-02T12:00:06");
    world.crash();
    world.run_until("2026-11-02T13:00");
    world.restart();
    assert_eq!(world.last_run("retries").attempts, 1);
    world.reload(&text);
    world.run_until("2026-11-02T13:10");
    let run = world.last_run("retries");
    assert_eq!((run.outcome, run.attempts), (Some(Outcome::Failed), 2));
}
