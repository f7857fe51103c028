//! A clock that cannot be believed: held until it catches up, or until an operator confirms it.

use freshd::model::{Event, Fact, IncidentState, Outcome, Reply, Request, SlotState};

use super::virtual_world::{Crash, Play, World, at, local, with_ops};
use super::{one_job, world};

const HOURLY: &str = "schedule = \"0 * * * *\"";

/// A weekly export with a promise, an hourly job, one each twenty minutes, and one by hand.
fn company() -> String {
    with_ops(
        "[datasets.stock]\nowner = \"ops\"\nfile = \"out/stock.csv\"\n\
         due = { at = \"0 23 * * FRI\", grace = \"15m\" }\nmax_age = \"7d 2h\"\n\
         [jobs.export]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"stock\"\nschedule = \"0 22 * * FRI\"\n\
         [jobs.hourly]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 * * * *\"\n\
         [jobs.often]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"*/20 * * * *\"\n\
         [jobs.hand]\nowner = \"ops\"\ncommand = \"true\"\n",
    )
}

/// The company on the Monday after a good Friday.
pub(super) fn good_friday() -> World {
    let mut world = World::start(&company(), "2026-11-19T12:00:30");
    world.run_until("2026-11-23T12:00:30");
    assert_eq!(world.state_of("stock").0, "fresh");
    world
}

/// The instants at which a job was started, local day and time, from `from` on.
pub(super) fn starts_from(world: &World, job: &str, from: &str) -> Vec<String> {
    let from = at(from);
    let of_job = world
        .started
        .iter()
        .filter(|(name, _, when)| name == job && *when >= from);
    of_job.map(|(_, _, when)| local(*when)).collect()
}

#[track_caller]
pub(super) fn confirmed(world: &mut World) -> serde_json::Value {
    match world.confirm_clock() {
        Reply::Done(facts) => facts,
        Reply::Refused(why) => panic!("refused: {why}"),
    }
}

pub(super) fn held(world: &mut World) -> serde_json::Value {
    world.done(Request::Clock)["held_until"].clone()
}

/// The Friday export runs on its Friday, once; the promise is kept and nobody has an open problem.
#[track_caller]
fn assert_the_next_friday_is_a_good_one(world: &mut World) {
    let now = world.now.wall;
    world.run_until("2026-11-27T23:30");
    let ran: Vec<_> = world
        .started
        .iter()
        .filter(|(job, _, when)| job == "export" && *when > now)
        .collect();
    assert_eq!(ran.len(), 1, "{ran:?}");
    assert_eq!(local(ran[0].2), "Fri 22:00");
    let run = world.last_run("export");
    assert_eq!(
        (run.due_at, run.outcome),
        (Some(at("2026-11-27T22:00")), Some(Outcome::Succeeded))
    );
    let met = |due: &str| {
        let slots = world.slots("stock");
        slots.iter().find(|slot| slot.due_at == at(due)).map(|slot| slot.state)
    };
    assert_eq!(met("2026-11-27T23:00"), Some(SlotState::Met));
    assert_eq!(met("2026-12-04T23:00"), Some(SlotState::Pending));
    assert_eq!(world.open_incidents(), []);
}

#[test]
fn a_clock_that_was_ahead_at_boot_and_is_corrected_is_held_until_it_is_confirmed() {
    let mut world = good_friday();
    world.crash();
    world.set_clock("2031-06-04T12:00:30");
    world.restart();
    world.run_until("2031-06-04T14:30:30");
    assert_eq!(
        starts_from(&world, "hourly", "2031-06-01T00:00").len(),
        3,
        "it works by the clock it has"
    );
    world.set_clock("2026-11-23T14:35:30");
    world.run_until("2026-11-23T16:30:30");
    assert_eq!(
        starts_from(&world, "often", "2026-11-23T12:01").len(),
        8,
        "those of 2031 only"
    );
    assert!(held(&mut world).is_string());
    confirmed(&mut world);
    assert!(held(&mut world).is_null());
    world.run_until("2026-11-23T18:00:30");
    let now_and_then = world.starts("hourly");
    assert_eq!(now_and_then[now_and_then.len() - 2..], ["17:00:00", "18:00:00"]);
    assert_the_next_friday_is_a_good_one(&mut world);
}

#[test]
fn a_live_step_of_ten_years_and_back_loses_and_repeats_nothing_once_it_is_confirmed() {
    let mut world = good_friday();
    world.set_clock("2036-11-23T12:00:40");
    world.run_until("2036-11-23T12:30");
    world.set_clock("2026-11-23T12:31");
    world.run_until("2026-11-23T12:40:30");
    assert!(held(&mut world).is_string(), "a live step back is the same situation");
    let cursors: Vec<_> = world.ledger.jobs.values().map(|job| job.cursor).collect();
    assert!(cursors.iter().any(|cursor| *cursor > at("2036-01-01T00:00")));
    confirmed(&mut world);
    let now = world.now.wall;
    assert!(world.ledger.jobs.values().all(|job| job.cursor <= now));
    assert_eq!(
        world
            .ledger
            .runs
            .values()
            .filter(|run| run.due_at > Some(now) || run.due_until > Some(now))
            .count(),
        0,
        "nothing stands for a time to come"
    );
    world.run_until("2026-11-23T13:05:30");
    let due: Vec<_> = world.runs("often").into_iter().filter_map(|run| run.due_at).collect();
    assert_eq!(due.last(), Some(&at("2026-11-23T13:00")));
    let count = |wanted: &str| due.iter().filter(|due| **due == at(wanted)).count();
    assert_eq!([count("2026-11-23T12:20"), count("2026-11-23T13:00")], [1, 1]);
    assert_the_next_friday_is_a_good_one(&mut world);
}

#[test]
fn a_crash_right_before_or_after_the_confirmation_is_stored_finds_it_done_or_not_begun() {
    for side in [Crash::Before, Crash::After] {
        let mut world = good_friday();
        world.set_clock("2036-11-23T12:00:40");
        world.run_until("2036-11-23T12:30");
        world.set_clock("2026-11-23T12:31");
        world.run_until("2026-11-23T12:40:30");
        world.crash_at = Some((world.commits + 1, side));
        world.confirm_clock_and_hear_nothing();
        assert_eq!(world.crash_at, None, "it has crashed");
        assert_eq!(held(&mut world).is_string(), side == Crash::Before);
        if side == Crash::Before {
            confirmed(&mut world);
        }
        world.run_until("2026-11-23T12:50:30");
        world.crash();
        world.restart();
        assert!(held(&mut world).is_null(), "and no later start holds again");
        assert_the_next_friday_is_a_good_one(&mut world);
    }
}

#[test]
fn the_incident_says_what_is_held_since_when_both_times_and_what_to_type() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T12:30");
    world.set_clock("2026-03-02T10:10");
    world.run_until("2026-03-02T10:20");
    let incidents = world.open_incidents();
    assert_eq!(incidents.len(), 1);
    let reason = &incidents[0].reason;
    for words in [
        "it said Mon 2026-03-02 10:10 when Mon 2026-03-02 12:00 was recorded already",
        "nothing is started, be it due, a retry or asked for by hand",
        "freshd clock confirm --because TEXT",
    ] {
        assert!(reason.contains(words), "{words} in {reason}");
    }
    let message = &world.sent[0].1.message;
    assert!(
        message
            .commands
            .contains(&"freshd clock confirm --because TEXT".to_owned()),
        "{:?}",
        message.commands
    );
    let clock = world.done(Request::Clock);
    assert_eq!(clock["held_since"], at("2026-03-02T10:10").to_string());
    world.crash();
    world.restart();
    assert_eq!(
        world.done(Request::Clock)["held_since"],
        at("2026-03-02T10:10").to_string(),
        "over a restart"
    );
    confirmed(&mut world);
    assert_eq!(world.open_incidents(), []);
    assert_eq!(world.incidents()[0].state, IncidentState::Resolved);
    let clock = world.done(Request::Clock);
    assert_eq!(
        (&clock["confirmed"]["by"], &clock["held_until"]),
        (&"anna".into(), &serde_json::Value::Null)
    );
}

#[test]
fn a_live_step_back_is_held_until_the_clock_catches_up() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T12:30");
    world.set_clock("2026-03-02T11:45");
    world.run("j");
    world.run_until("2026-03-02T11:59:59");
    assert_eq!(world.starts("j"), ["10:00:00", "11:00:00", "12:00:00"]);
    world.run_until("2026-03-02T13:30");
    assert_eq!(
        world.starts("j"),
        ["10:00:00", "11:00:00", "12:00:00", "12:00:05", "13:00:00"],
        "by hand when it has caught up with the last record, and nothing twice"
    );
    assert_eq!(world.open_incidents(), []);
}

#[test]
fn a_smaller_step_back_is_recorded_and_holds_nothing() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T12:02");
    world.set_clock("2026-03-02T11:58");
    assert!(held(&mut world).is_null());
    assert!(
        world
            .facts
            .iter()
            .any(|fact| matches!(fact, Fact::ClockStep(step) if step.by_ms == -240_000))
    );
    world.run_until("2026-03-02T13:30");
    assert_eq!(world.starts("j"), ["10:00:00", "11:00:00", "12:00:00", "13:00:00"]);
}

#[test]
fn a_clock_that_is_believed_is_not_confirmed() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T12:30");
    assert!(matches!(world.confirm_clock(), Reply::Refused(_)));
    assert!(!world.facts.iter().any(|fact| matches!(fact, Fact::ClockConfirmed(_))));
}

#[test]
fn an_attempt_that_never_started_waits_for_the_clock_too() {
    let mut world = world("", "2026-03-02T12:00");
    world.run_until("2026-03-02T12:00");
    world.crash_at = Some((world.commits + 1, Crash::After));
    world.handle(Event::Requested {
        id: 999,
        by: "anna".to_owned(),
        request: Request::Run {
            job: "j".into(),
            args: Vec::new(),
        },
    });
    assert_eq!(
        world.starts("j"),
        ["12:00:00"],
        "it is handed over after an ordinary crash"
    );
    let mut world = self::world("", "2026-03-02T12:00");
    world.crash_at = Some((world.commits + 1, Crash::After));
    world.clock_at_restart("2026-03-02T11:00");
    world.handle(Event::Requested {
        id: 999,
        by: "anna".to_owned(),
        request: Request::Run {
            job: "j".into(),
            args: Vec::new(),
        },
    });
    world.run_until("2026-03-02T11:30");
    assert_eq!(world.starts("j").len(), 0);
    let waiting = &world.done(Request::Clock)["waiting"];
    assert_eq!(waiting.as_array().map(Vec::len), Some(1), "{waiting}");
    assert_eq!(waiting[0]["job"], "j");
    assert_eq!(confirmed(&mut world)["started"], 1);
    assert_eq!(world.starts("j"), ["11:30:00"]);
}

#[test]
fn a_job_that_is_new_under_a_held_clock_never_catches_up() {
    for by_confirming in [false, true] {
        let mut world = world("", "2026-03-02T12:00");
        world.run("j");
        world.run_until("2026-03-02T12:10");
        world.crash();
        world.set_clock("2026-03-01T12:00");
        world.edit(&one_job(HOURLY));
        world.restart();
        if by_confirming {
            world.run_until("2026-03-01T12:30");
            confirmed(&mut world);
            world.run_until("2026-03-01T13:30");
            assert_eq!(world.starts("j"), ["12:00:00", "13:00:00"]);
        } else {
            world.run_until("2026-03-02T13:30");
            assert_eq!(world.starts("j"), ["12:00:00", "13:00:00"]);
        }
        assert_eq!(super::missed::missed_reasons(&world), Vec::<String>::new());
    }
}

#[test]
fn a_promise_that_is_new_under_a_held_clock_is_watched_once_that_has_caught_up() {
    for by_confirming in [false, true] {
        let mut world = world("", "2026-03-02T12:00");
        world.run("j");
        world.run_until("2026-03-02T12:10");
        world.set_clock("2026-03-02T11:00");
        let promise = "[datasets.x]\nowner = \"ops\"\nfile = \"x\"\n\
                       due = { at = \"0 13 * * *\", grace = \"15m\" }\n";
        world.reload(&format!("{}{promise}", one_job("")));
        world.run_until("2026-03-02T11:30");
        assert!(held(&mut world).is_string());
        if by_confirming {
            confirmed(&mut world);
        }
        world.run_until("2026-03-02T13:17");
        let open = world.open_incidents();
        let about: Vec<_> = open.iter().map(|open| open.subject.as_str()).collect();
        assert_eq!(about, ["x"], "nothing else touches it; by confirming: {by_confirming}");
    }
}

#[test]
fn a_clock_set_back_a_little_puts_off_nothing_that_waits_to_be_told() {
    let mut world = world("", "2026-03-02T10:00");
    world.script("j", |_, _| Play::fails(1, "no listener"));
    world.run("j");
    world.run_until("2026-03-02T10:00:50");
    world.set_clock("2026-03-02T10:00:30");
    world.run_until("2026-03-02T10:02");
    let opened: Vec<_> = world.incidents().iter().map(|incident| incident.opened_at).collect();
    assert_eq!(opened, [Some(at("2026-03-02T10:01:05"))], "a minute after it failed");
}

#[test]
fn deliveries_are_not_promised_by_a_clock_that_is_not_believed() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T12:30");
    world.set_clock("2026-03-02T11:15");
    let promised = "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\ndue = { at = \"*/10 * * * *\" }\n";
    world.reload(&(one_job(HOURLY) + promised));
    world.run_until("2026-03-02T11:59");
    assert_eq!(world.slots("d"), []);
    world.run_until("2026-03-02T12:05");
    let due: Vec<_> = world.slots("d").iter().map(|slot| slot.due_at).collect();
    assert_eq!(due, [at("2026-03-02T12:10")]);
}
