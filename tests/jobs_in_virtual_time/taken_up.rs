//! What is taken up again of a time whose records were lost: attempts, numbers, outputs, deliveries.

use std::time::Duration;

use freshd::model::{AttemptId, Event, FoundAttempt, Outcome, Run, RunState, SlotState};

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
