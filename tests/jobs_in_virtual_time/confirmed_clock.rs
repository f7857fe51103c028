//! What a confirmed clock makes of what was decided and begun by a wrong one.

use std::time::Duration;

use freshd::model::{DeliveryOutcome, Fact, Outcome, Purpose, Request, RunState, VersionState};

use super::one_job;
use super::virtual_world::{Play, World, at, local};
use super::wrong_clock::{confirmed, good_friday, held, starts_from};

#[test]
fn what_a_wrong_clock_decided_stays_in_the_history_and_names_the_time_it_was_taken_for() {
    let mut world = good_friday();
    world.set_clock("2026-12-20T12:00:40");
    world.run_until("2026-12-20T13:30");
    world.set_clock("2026-11-23T13:31");
    confirmed(&mut world);
    let disowned = |world: &World, job: &str| {
        let reader = world.reader();
        let runs = reader.history(&freshd::store::HistoryFilter {
            job: Some(job.into()),
            limit: 10_000,
            ..Default::default()
        });
        let runs = runs.unwrap().into_iter();
        runs.filter(|run| run.due_at.is_none() && run.reason.as_ref().is_some_and(|why| why.contains("a wrong clock")))
            .filter_map(|run| run.reason)
            .collect::<Vec<_>>()
    };
    let fridays = disowned(&world, "export");
    assert_eq!(fridays.len(), 4, "{fridays:?}");
    assert!(fridays[3].contains("due 2026-11-27T21:00:00Z"), "{}", fridays[3]);
    let hours = disowned(&world, "hourly");
    assert_eq!(hours.len(), 27 * 24, "{}", hours.len());
    let range = world.runs("often").into_iter().find(|run| run.occurrences > 1).unwrap();
    assert_eq!(range.due_at, Some(at("2026-11-23T12:20")));
    assert_eq!(
        range.due_until,
        Some(at("2026-11-23T13:20")),
        "those that have really come"
    );
    assert_eq!(range.occurrences, 4);
    assert!(range.reason.unwrap().contains("all that is due until 2026-12-20T"));
}

#[test]
fn a_run_that_goes_on_keeps_going_on_and_its_due_time_is_free_again() {
    let mut world = World::start(
        &one_job("schedule = \"0 22 * * FRI\"\ntimeout = \"none\""),
        "2026-11-23T12:00",
    );
    world.script("j", |_, _| Play::succeeds().taking(Duration::from_hours(3)));
    world.set_clock("2026-11-27T21:59");
    world.run_until("2026-11-27T22:30");
    world.set_clock("2026-11-23T12:31");
    confirmed(&mut world);
    let going = world.last_run("j");
    assert_eq!((going.state, going.due_at), (RunState::Running, None));
    assert_eq!(going.nominal, [at("2026-11-27T22:00").to_string()]);
    let redated = world.facts.iter().rev().find_map(|fact| match fact {
        Fact::Attempt(attempt) => Some((attempt.claimed_at, attempt.started_at)),
        _ => None,
    });
    assert_eq!(redated, Some((world.now.wall, Some(world.now.wall))));
    world.run_until("2026-11-23T16:00");
    assert_eq!(world.last_run("j").outcome, Some(Outcome::Succeeded));
    world.crash();
    world.restart();
    assert!(held(&mut world).is_null(), "what a wrong clock dated is dated anew");
    world.run_until("2026-11-28T12:00");
    assert_eq!(starts_from(&world, "j", "2026-11-23T12:00"), ["Fri 22:00", "Fri 22:00"]);
    assert_eq!(world.last_run("j").due_at, Some(at("2026-11-27T22:00")));
}

#[test]
fn a_run_that_only_waited_for_a_time_to_come_is_not_started_before_it() {
    let mut world = World::start(
        &one_job("schedule = \"0 22 * * FRI\"\noverlap = \"queue\"\ntimeout = \"none\""),
        "2026-11-23T12:00",
    );
    world.script("j", |_, _| Play::succeeds().taking(Duration::from_hours(30)));
    world.run("j");
    world.set_clock("2026-11-27T21:59");
    world.run_until("2026-11-27T22:30");
    assert_eq!(world.last_run("j").state, RunState::Waiting);
    world.set_clock("2026-11-23T12:31");
    confirmed(&mut world);
    let waited = world.last_run("j");
    assert_eq!(waited.outcome, Some(Outcome::Skipped), "{waited:?}");
    assert!(
        waited
            .reason
            .unwrap()
            .contains("a wrong clock took it for the time due 2026-11-27T21:00:00Z")
    );
    world.run_until("2026-11-27T22:30");
    assert_eq!(starts_from(&world, "j", "2026-11-23T12:30"), ["Fri 22:00"]);
}

#[test]
fn runs_that_wait_for_each_other_and_for_times_to_come_are_all_taken_back_at_once() {
    let mut world = World::start(
        &one_job("every = \"1h\"\nanchor = \"2026-11-23T00:00:00Z\"\ncatch_up = \"all\""),
        "2026-11-23T12:00:30",
    );
    world.script("j", |_, _| Play::succeeds().taking(Duration::from_mins(10)));
    world.set_clock("2026-11-23T17:30");
    world.run_until("2026-11-23T17:35");
    world.set_clock("2026-11-23T12:31");
    // The first of them ends; the next one waits for the clock, and the others for that one.
    world.run_until("2026-11-23T12:45");
    assert!(held(&mut world).is_string());
    confirmed(&mut world);
    let taken_back = world
        .runs("j")
        .into_iter()
        .filter(|run| run.outcome == Some(Outcome::Skipped));
    assert_eq!(taken_back.map(|run| run.due_at).collect::<Vec<_>>(), [None; 4]);
    world.run_until("2026-11-23T15:30");
    let starts = starts_from(&world, "j", "2026-11-23T12:45");
    assert_eq!(
        starts,
        ["Mon 17:30", "Mon 13:00", "Mon 14:00", "Mon 15:00"],
        "one by the wrong clock"
    );
}

#[test]
fn incidents_acknowledgements_and_reminders_of_a_wrong_clock_do_not_last_until_its_time() {
    let mut world = good_friday();
    world.script("hand", |_, _| Play::fails(1, "no listener"));
    world.set_clock("2036-11-23T12:00:40");
    world.run("hand");
    world.run_until("2036-11-23T12:10");
    let open = world.open_incidents();
    let kinds: Vec<_> = open
        .iter()
        .map(|incident| (incident.subject.as_str().to_owned(), incident.id))
        .collect();
    assert_eq!(kinds.len(), 2, "stale by a wrong clock, and a real failure: {kinds:?}");
    for (_, id) in kinds {
        world.done(Request::ack(id));
    }
    world.set_clock("2026-11-23T12:31");
    confirmed(&mut world);
    world.run_until("2026-11-23T12:35");
    let open = world.open_incidents();
    assert_eq!(open.len(), 1, "{open:?}");
    let failed = &open[0];
    assert_eq!(failed.subject.as_str(), "hand");
    assert_eq!(
        local(failed.ack.as_ref().unwrap().until),
        "Tue 08:00",
        "the next working day of the right clock"
    );
    assert!(failed.remind_at < Some(at("2026-11-25T00:00")), "{failed:?}");
    let now = world.now.wall;
    let confirmed = world
        .facts
        .iter()
        .rposition(|fact| matches!(fact, Fact::ClockConfirmed(_)))
        .unwrap();
    let ahead = world.facts[confirmed..]
        .iter()
        .find(|fact| fact.recorded_at() > Some(now));
    assert_eq!(ahead, None);
    let newest = world.reader().snapshot().unwrap().newest_record_at;
    assert!(newest < Some(at("2026-11-23T12:36")), "{newest:?}");
    world.run_until("2026-11-24T08:01");
    let reminder = (
        "Tue 08:00".to_owned(),
        "mail:ops@sea.example".to_owned(),
        Purpose::Reminder,
    );
    assert!(world.told().contains(&reminder), "{:?}", world.told());
}

#[test]
fn a_version_that_is_put_in_place_meanwhile_arrives_by_the_right_clock() {
    let mut world = good_friday();
    world.set_clock("2026-11-27T12:00");
    world.outside.disk_is_full_until = Some(at("2026-12-01T00:00"));
    world.run("export");
    world.run_until("2026-11-27T12:01");
    assert_eq!(world.versions("stock").last().unwrap().state, VersionState::Publishing);
    world.set_clock("2026-11-23T12:31");
    confirmed(&mut world);
    world.outside.disk_is_full_until = None;
    world.run_until("2026-11-23T14:00");
    let version = world.versions("stock").pop().unwrap();
    assert_eq!(version.state, VersionState::Published);
    assert_eq!(version.arrived_at, at("2026-11-23T12:31"));
}

#[test]
fn an_age_that_a_wrong_clock_began_to_promise_is_promised_from_now_on() {
    let mut world = World::start(&one_job(""), "2026-11-23T12:00");
    world.set_clock("2026-12-20T12:00");
    let data = "[datasets.prices]\nowner = \"ops\"\nfile = \"prices.csv\"\nmax_age = \"2h\"\n";
    world.reload(&format!("{}produces = \"prices\"\n{data}", one_job("")));
    world.set_clock("2026-11-23T12:31");
    confirmed(&mut world);
    world.run_until("2026-11-23T14:30");
    assert_eq!(world.state_of("prices").1, "never seen");
    world.run_until("2026-11-23T14:31");
    let why = "never seen, although promised at most 2h old since Mon 2026-11-23 12:31";
    assert_eq!(world.state_of("prices").1, why);
}

#[test]
fn a_message_that_waits_is_dated_by_the_right_clock() {
    let mut world = World::start(&one_job(""), "2026-11-23T12:00");
    world.script("j", |_, _| Play::fails(1, "no listener"));
    world.channel("mail:ops@sea.example", |_, _| DeliveryOutcome::Temporary {
        error: "connection refused".to_owned(),
        retry_after_seconds: None,
    });
    world.set_clock("2026-12-20T12:00");
    world.run("j");
    world.run_until("2026-12-20T12:10");
    world.set_clock("2026-11-23T12:31");
    confirmed(&mut world);
    let waiting = world
        .ledger
        .notifications
        .values()
        .filter(|told| told.ended_at.is_none());
    let dated: Vec<_> = waiting.map(|told| told.created_at).collect();
    assert!(!dated.is_empty());
    assert!(dated.iter().all(|at| *at == world.now.wall), "{dated:?}");
}

#[test]
fn the_life_that_began_by_a_wrong_clock_began_now_at_the_latest() {
    let mut world = good_friday();
    world.crash();
    world.clock_at_restart("2027-12-20T12:00");
    world.restart();
    world.set_clock("2026-11-23T13:31");
    confirmed(&mut world);
    let lives = world.facts.iter().rev().find_map(|fact| match fact {
        Fact::Life(life) => Some((life.started_at, life.seen_at)),
        _ => None,
    });
    assert_eq!(lives, Some((world.now.wall, world.now.wall)));
}

#[test]
fn a_retry_that_waits_for_a_slot_goes_on_and_its_due_time_is_free_again() {
    let jobs = one_job("schedule = \"0 22 * * FRI\"\npool = \"erp\"\nretry = { attempts = 2, delay = \"1m\" }");
    let text = format!(
        "{jobs}[jobs.k]\nowner = \"ops\"\ncommand = \"true\"\npool = \"erp\"\ntimeout = \"none\"\n[pools.erp]\nslots = 1\n"
    );
    let mut world = World::start(&text, "2026-11-23T12:00");
    world.script("j", |spec, _| match spec.id.number {
        1 => Play::fails(1, "no route to host"),
        _ => Play::succeeds(),
    });
    world.script("k", |_, _| Play::succeeds().taking(Duration::from_hours(2)));
    world.set_clock("2026-11-27T21:59");
    world.run_until("2026-11-27T22:00:05");
    world.run("k");
    world.run_until("2026-11-27T22:02");
    let waits = world.last_run("j");
    assert_eq!((waits.state, waits.attempts), (RunState::Waiting, 1), "{waits:?}");
    world.set_clock("2026-11-23T12:31");
    confirmed(&mut world);
    let waits = world.last_run("j");
    assert_eq!((waits.state, waits.due_at), (RunState::Waiting, None), "{waits:?}");
    world.run_until("2026-11-23T15:00");
    assert_eq!(world.last_run("j").outcome, Some(Outcome::Succeeded));
}

#[test]
fn a_range_of_which_one_occurrence_has_come_is_that_occurrence() {
    let mut world = good_friday();
    world.set_clock("2026-12-20T12:00:40");
    world.run_until("2026-12-20T12:10");
    world.set_clock("2026-11-23T12:30");
    confirmed(&mut world);
    let is_range = |run: &freshd::model::Run| {
        let reason = run.reason.as_deref().unwrap_or_default();
        reason.contains("all that is due until 2026-12-20T")
    };
    let range = world.runs("often").into_iter().find(is_range).expect("one");
    assert_eq!(
        (range.due_at, range.due_until, range.occurrences),
        (Some(at("2026-11-23T12:20")), None, 1)
    );
}
