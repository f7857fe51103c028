//! What is taken up again of a time whose records were lost: attempts, numbers, outputs, deliveries.

use std::time::Duration;

use freshd::model::{
    Attempt, AttemptId, AttemptState, Event, Fact, FoundAttempt, Outcome, ProblemKind, Run, RunId, RunState, SlotState,
    Version, VersionState,
};

use super::lost_records::{HOURLY, by_hand, stock_world};
use super::virtual_world::{Play, World, at};
use super::{one_job, world};

#[test]
fn an_attempt_that_is_found_for_a_time_that_is_decided_about_goes_on_without_it() {
    let mut world = world(&format!("{HOURLY}\ntimeout = \"none\""), "2026-03-02T09:30");
    world.run_until("2026-03-02T10:10");
    let backup = world.back_up();
    world.script("j", |_, _| Play::succeeds().taking(Duration::from_mins(30)));
    by_hand(&mut world);
    let (_, id, _) = *world.started.last().unwrap();
    world.specs.get_mut(&id).unwrap().due_at = Some(at("2026-03-02T10:00"));
    world.run_until("2026-03-02T10:20");
    world.lose_records_since(&backup);
    world.restart();
    world.run_until("2026-03-02T10:50");
    let runs = world.runs("j");
    assert_eq!(runs[0].due_at, Some(at("2026-03-02T10:00")));
    assert_eq!((runs[1].due_at, runs[1].outcome), (None, Some(Outcome::Succeeded)));
    assert_eq!(
        runs[1].nominal,
        [at("2026-03-02T10:00").to_string()],
        "what it was started for"
    );
}

#[test]
fn an_output_that_is_gone_was_judged_in_that_time_and_nobody_knows_how() {
    let mut world = stock_world();
    // What it wrote is not there when it is looked for.
    world.script("j", |_, at| Play::writes("", at).taking(Duration::from_mins(10)));
    let backup = world.back_up();
    world.run_until("2026-03-02T10:05");
    world.lose_records_since(&backup);
    world.restart();
    world.run_until("2026-03-02T10:15");
    let run: Run = world.last_run("j");
    assert_eq!(
        (run.state, run.outcome),
        (RunState::Final, Some(Outcome::Lost)),
        "{run:?}"
    );
    assert_eq!(world.versions("stock").len(), 0);
}

#[test]
fn the_end_of_an_attempt_says_nothing_of_a_run_whose_later_attempt_goes_on() {
    let jobs = one_job("schedule = \"0 10 2 3 *\"\nretry = { attempts = 2, delay = \"1s\" }\ntimeout = \"none\"");
    let mut world = World::start(&jobs, "2026-03-02T09:30");
    world.script("j", |spec, _| match spec.id.number {
        1 => Play::fails(1, "no").taking(Duration::from_mins(5)),
        _ => Play::succeeds().taking(Duration::from_mins(30)),
    });
    world.run_until("2026-03-02T10:02");
    let backup = world.back_up();
    world.run_until("2026-03-02T10:10");
    world.lose_records_since(&backup);
    world.restart();
    let run = world.last_run("j");
    assert_eq!((run.state, run.attempts), (RunState::Running, 2), "{run:?}");
    world.run_until("2026-03-02T10:50");
    assert_eq!(world.last_run("j").outcome, Some(Outcome::Succeeded));
    assert_eq!(world.starts("j").len(), 2);
}

#[test]
fn numbers_go_on_without_a_gap_where_it_is_known_which_were_used() {
    for reboots in [false, true] {
        let mut world = world(HOURLY, "2026-03-02T09:30");
        world.run_until("2026-03-02T10:30");
        let backup = world.back_up();
        world.run_until("2026-03-02T12:30");
        world.lose_records_since(&backup);
        match reboots {
            true => world.reboot(),
            false => world.restart(),
        }
        world.run_until("2026-03-02T13:30");
        let last = world.last_run("j").id.0;
        // Three that ran, and two that are recorded as missed.
        assert_eq!(last == 6, !reboots, "{last}");
    }
}

#[test]
fn a_delivery_of_that_time_says_that_nobody_knows_whether_it_came() {
    let mut world = stock_world();
    world.run_until("2026-03-02T10:10");
    let backup = world.back_up();
    world.run_until("2026-03-02T14:10");
    world.lose_records_since(&backup);
    world.restart();
    let slots = world.slots("stock");
    let withdrawn: Vec<_> = slots.iter().filter(|slot| slot.state == SlotState::Withdrawn).collect();
    assert!(!withdrawn.is_empty(), "{slots:?}");
    for slot in withdrawn {
        assert!(
            slot.reason.as_ref().is_some_and(|why| why.contains("were lost")),
            "{slot:?}"
        );
    }
}

#[test]
fn an_attempt_of_a_run_whose_end_is_on_record_is_not_taken_for_one_that_was_lost() {
    let mut world = world(HOURLY, "2026-03-02T09:30");
    world.run_until("2026-03-02T10:30");
    let ended = world.last_run("j");
    let backup = world.back_up();
    world.run_until("2026-03-02T12:30");
    world.lose_records_since(&backup);
    world.restart();
    world.handle(Event::AttemptFound(FoundAttempt {
        id: AttemptId {
            run: ended.id,
            number: 1,
        },
        job: "j".into(),
        due_at: ended.due_at,
        trigger: Some(ended.trigger),
        at: at("2026-03-02T10:00"),
    }));
    assert_eq!(world.runs("j")[0], ended);
}

#[test]
fn an_output_that_is_gone_and_is_what_readers_see_was_good() {
    let mut world = stock_world();
    world.script("j", |_, at| Play::writes("", at).taking(Duration::from_mins(10)));
    let backup = world.back_up();
    world.run_until("2026-03-02T10:05");
    let id = world.last_run("j").id;
    world.found.in_place = vec![seen(&mut stock_world(), id)];
    world.lose_records_since(&backup);
    world.restart();
    world.run_until("2026-03-02T10:15");
    let run = world.last_run("j");
    assert_eq!((run.id, run.outcome), (id, Some(Outcome::Succeeded)), "{run:?}");
    assert_eq!(run.reason.as_deref(), Some("readers see its version 1"));
}

/// Version 1 of `stock`, as it would be if this run had made it.
fn seen(other: &mut World, run: RunId) -> Version {
    other.run_until("2026-03-02T10:10");
    Version {
        run: Some(run),
        ..other.versions("stock").remove(0)
    }
}

#[test]
fn what_was_being_put_in_place_is_what_readers_see_or_is_nowhere() {
    for is_seen in [true, false] {
        let mut world = stock_world();
        world.outside.disk_is_full_until = Some(at("2026-03-02T10:01"));
        world.run_until("2026-03-02T10:00:30");
        let backup = world.back_up();
        assert_eq!(world.versions("stock")[0].state, VersionState::Publishing);
        world.run_until("2026-03-02T10:30");
        let first = world.versions("stock").remove(0);
        assert_eq!(first.state, VersionState::Published);
        world.found.in_place = Some(first).filter(|_| is_seen).into_iter().collect();
        world.lose_records_since(&backup);
        world.restart();
        let expected = match is_seen {
            true => VersionState::Published,
            false => VersionState::Quarantined,
        };
        assert_eq!(world.versions("stock")[0].state, expected);
        world.run_until("2026-03-02T10:40");
        assert_eq!(world.versions("stock")[0].state, expected);
    }
}

/// An attempt as it stands.
fn attempt_of(world: &World, run: RunId) -> Attempt {
    let last = world.facts.iter().rev().find_map(|fact| match fact {
        Fact::Attempt(attempt) if attempt.id.run == run => Some(attempt.clone()),
        _ => None,
    });
    last.expect("an attempt")
}

#[test]
fn what_had_been_claimed_may_have_started_and_is_not_started_again() {
    let mut world = world("schedule = \"0 10 2 3 *\"", "2026-03-02T09:30");
    world.outside.keeper_hangs = true;
    world.run_until("2026-03-02T10:00:30");
    let id = world.last_run("j").id;
    assert_eq!(attempt_of(&world, id).state, AttemptState::Claimed);
    let backup = world.back_up();
    world.run_until("2026-03-02T10:30");
    world.outside.keeper_hangs = false;
    world.lose_records_since(&backup);
    let before = world.facts.len();
    world.restart();
    let is_started = |fact: &Fact| matches!(fact, Fact::Attempt(attempt) if attempt.id.run == id && attempt.state == AttemptState::Started);
    assert!(
        world.facts[before..].iter().any(is_started),
        "{:?}",
        attempt_of(&world, id)
    );
    world.run_until("2026-03-02T10:40");
    assert_eq!(world.starts("j").len(), 0);
}

#[test]
fn an_attempt_ends_with_its_run_when_readers_see_what_it_made() {
    let mut world = stock_world();
    world.script("j", |_, at| {
        Play::writes(&at.to_string(), at).taking(Duration::from_mins(10))
    });
    world.run_until("2026-03-02T10:05");
    let backup = world.back_up();
    let id = world.last_run("j").id;
    assert_eq!(attempt_of(&world, id).state, AttemptState::Started);
    world.run_until("2026-03-02T10:30");
    world.found.in_place = world.versions("stock");
    world.lose_records_since(&backup);
    world.restart();
    let attempt = attempt_of(&world, id);
    assert_eq!(
        (attempt.state, attempt.outcome),
        (AttemptState::Ended, Some(Outcome::Succeeded))
    );
}

#[test]
fn the_last_delivery_of_that_time_is_known_only_of_a_dataset_whose_version_is_seen() {
    let mut jobs = one_job("schedule = \"50 9 2 3 *\"\nproduces = \"a\"");
    for name in ["a", "b"] {
        jobs += &format!(
            "[datasets.{name}]\nowner = \"ops\"\nfile = \"{name}.csv\"\ndue = {{ at = \"0 10 * * *\", grace = \"30m\" }}\n"
        );
    }
    jobs += "[jobs.k]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"50 9 2 3 *\"\nproduces = \"b\"\n";
    let mut world = World::start(&jobs, "2026-03-02T09:30");
    let backup = world.back_up();
    world.run_until("2026-03-02T10:10");
    world.found.in_place = world.versions("a");
    world.lose_records_since(&backup);
    world.restart();
    let slot = |name: &str| world.slots(name)[0].state;
    assert_eq!((slot("a"), slot("b")), (SlotState::Met, SlotState::Withdrawn));
}

#[test]
fn everybody_is_told_how_many_attempts_their_keepers_know_under_a_number_of_its_own() {
    let mut world = world(&format!("{HOURLY}\ntimeout = \"none\""), "2026-03-02T09:30");
    let backup = world.back_up();
    world.script("j", |_, now| match now < at("2026-03-02T10:30") {
        true => Play::fails(1, "no"),
        false => Play::succeeds().taking(Duration::from_mins(30)),
    });
    world.run_until("2026-03-02T11:10");
    let last = world.ledger.incidents.keys().next_back().copied();
    assert!(last.is_some());
    world.lose_records_since(&backup);
    world.restart();
    world.run_until("2026-03-02T11:15");
    let records = world.incidents();
    let records = records.iter().find(|incident| incident.kind == ProblemKind::Freshd);
    assert!(records.map(|incident| incident.id) > last);
    let mut told = world
        .sent
        .iter()
        .filter(|(_, sent)| sent.message.subject.contains("records were lost"));
    let facts = &told.next().expect("a message").1.message.facts;
    assert!(
        facts
            .iter()
            .any(|fact| fact.text.contains("1 attempt that its keeper knows")),
        "{facts:?}"
    );
}
