//! Promises that are edited, taken back and made again: what counts from then on, and what never does.

use freshd::model::SlotState;

use super::slots::{FRIDAY, state, states, write};
use super::virtual_world::{World, at, with_ops};
use super::{made, world};

#[test]
fn a_promise_that_is_edited_counts_from_then_on() {
    let mut world = world(FRIDAY, "2026-11-16T12:00");
    write(&mut world, "2026-11-17T12:00", "a");
    write(&mut world, "2026-11-21T12:00", "b");
    world.reload(&made("due = { at = \"0 8 * * *\" }"));
    assert_eq!(state(&mut world, "2026-11-22T08:00"), "late");
    world.reload(&made("due = { at = \"0 8 * * *\", grace = \"2h\" }"));
    world.run_until("2026-11-23T09:59");
    let monday = world
        .slots("d")
        .into_iter()
        .find(|slot| slot.due_at == at("2026-11-23T08:00"))
        .unwrap();
    assert_eq!(monday.deadline, at("2026-11-23T10:00"));
    assert_eq!(monday.state, SlotState::Pending);
}

#[test]
fn a_promise_made_more_often_counts_from_the_next_time_on() {
    let mut world = world("due = { at = \"0 23 * * FRI\" }", "2026-11-16T12:00");
    write(&mut world, "2026-11-17T12:00", "a");
    world.reload(&made("due = { at = \"0 23 * * *\" }"));
    world.crash();
    world.restart();
    assert_eq!(state(&mut world, "2026-11-17T23:00"), "late");
    write(&mut world, "2026-11-18T12:00", "b");
    write(&mut world, "2026-11-18T13:00", "c");
    let states: Vec<_> = world
        .slots("d")
        .iter()
        .map(|slot| (slot.due_at.strftime("%d").to_string(), slot.state))
        .collect();
    assert_eq!(
        states[..2],
        [
            ("17".to_owned(), SlotState::Recovered),
            ("18".to_owned(), SlotState::Met)
        ]
    );
    assert_eq!(
        states.last(),
        Some(&("20".to_owned(), SlotState::Met)),
        "what counted before the edit still counts"
    );
}

#[test]
fn a_promise_that_is_taken_back_is_not_broken_any_more() {
    for restart in [false, true] {
        let mut world = world(FRIDAY, "2026-11-16T12:00");
        write(&mut world, "2026-11-17T12:00", "a");
        assert_eq!(state(&mut world, "2026-11-27T23:20"), "late");
        if restart {
            world.crash();
            world.edit(&made(""));
            world.restart();
        } else {
            world.reload(&made(""));
        }
        assert_eq!(state(&mut world, "2026-11-27T23:30"), "fresh");
        assert_eq!(world.open_incidents().len(), 0);
    }
}

#[test]
fn a_delivery_that_was_missed_is_no_problem_of_a_promise_that_names_no_deliveries() {
    for restart in [false, true] {
        let mut world = world(FRIDAY, "2026-11-16T12:00");
        write(&mut world, "2026-11-17T12:00", "a");
        assert_eq!(state(&mut world, "2026-12-04T23:05"), "late");
        assert_eq!(states(&world)[1], ("11-27".to_owned(), SlotState::Missed));
        let promised = made("max_age = \"60d\"");
        if restart {
            world.crash();
            world.edit(&promised);
            world.restart();
        } else {
            world.reload(&promised);
        }
        assert_eq!(state(&mut world, "2026-12-04T23:10"), "fresh");
        assert_eq!(world.open_incidents().len(), 0);
    }
}

#[test]
fn what_is_no_longer_promised_is_withdrawn_with_a_reason_and_never_comes_back() {
    let edits = [
        (
            made("due = { at = \"0 20 * * FRI\" }"),
            "no longer promises a delivery at this time",
        ),
        (made(""), "no longer promises deliveries"),
        (with_ops(""), "was removed from jobs.toml"),
    ];
    for (edited, reason) in edits {
        for by_restart in [false, true] {
            let mut world = world(FRIDAY, "2026-11-16T12:00");
            world.run_until("2026-11-17T12:00");
            if by_restart {
                world.crash();
                world.edit(&edited);
                world.restart();
            } else {
                world.reload(&edited);
            }
            let first = |world: &World| {
                let mut slots = world.slots("d").into_iter();
                slots.find(|slot| slot.due_at == at("2026-11-20T23:00")).unwrap()
            };
            let slot = first(&world);
            assert_eq!(slot.state, SlotState::Withdrawn);
            assert_eq!(slot.decided_at, Some(world.now.wall));
            assert!(slot.reason.as_ref().unwrap().contains(reason), "{slot:?}");
            world.crash();
            world.restart();
            let loaded = world.reader().snapshot().unwrap().slots;
            assert!(loaded.iter().all(|loaded| loaded.due_at != slot.due_at), "{loaded:?}");
            world.run_until("2026-11-21T12:00");
            assert_eq!(first(&world), slot, "nobody waits for it");
        }
    }
}

#[test]
fn a_late_slot_that_is_no_longer_promised_is_withdrawn_too() {
    let mut world = world(FRIDAY, "2026-11-16T12:00");
    world.run_until("2026-11-21T12:00");
    assert_eq!(states(&world)[0].1, SlotState::Late);
    world.reload(&made(""));
    assert_eq!(states(&world)[0].1, SlotState::Withdrawn);
}

#[test]
fn what_is_promised_again_is_pending_again() {
    let mut world = world(FRIDAY, "2026-11-16T12:00");
    world.reload(&made(""));
    assert_eq!(states(&world)[0].1, SlotState::Withdrawn);
    world.reload(&made(FRIDAY));
    assert_eq!(states(&world)[0].1, SlotState::Pending);
    write(&mut world, "2026-11-20T22:00", "a");
    assert_eq!(states(&world)[0].1, SlotState::Met);
}

#[test]
fn a_promise_that_comes_back_asks_for_nothing_of_the_time_without_it() {
    for restart in [false, true] {
        let mut world = world(FRIDAY, "2026-11-16T12:00");
        write(&mut world, "2026-11-17T12:00", "a");
        write(&mut world, "2026-11-21T12:00", "b");
        world.reload(&made(""));
        write(&mut world, "2026-12-05T12:00", "c");
        world.run_until("2026-12-18T23:20");
        let before = world.slots("d");
        if restart {
            world.crash();
            world.edit(&made(FRIDAY));
            world.restart();
        } else {
            world.reload(&made(FRIDAY));
        }
        let came: Vec<_> = world
            .slots("d")
            .into_iter()
            .filter(|slot| !before.contains(slot))
            .collect();
        assert_eq!(came.len(), 1, "restart {restart}: {came:?}");
        assert_eq!(
            (came[0].due_at, came[0].state),
            (at("2026-12-25T23:00"), SlotState::Pending)
        );
        assert_eq!(world.state_of("d").0, "fresh", "restart {restart}");
    }
}

#[test]
fn times_that_were_over_when_they_were_promised_were_never_missed() {
    for restart in [false, true] {
        let mut world = world("due = { at = \"0 8 * * *\" }", "2026-11-21T12:00");
        write(&mut world, "2026-11-22T07:30", "a");
        assert_eq!(state(&mut world, "2026-11-23T10:30"), "late");
        let every_hour = made("due = { at = \"0 8-20 * * MON\" }");
        if restart {
            world.crash();
            world.edit(&every_hour);
            world.restart();
        } else {
            world.reload(&every_hour);
        }
        world.run_until("2026-11-23T11:30");
        let slots = world.slots("d").into_iter().map(|slot| (slot.due_at, slot.state));
        let expected = [
            (at("2026-11-23T08:00"), SlotState::Missed),
            (at("2026-11-23T11:00"), SlotState::Late),
            (at("2026-11-23T12:00"), SlotState::Pending),
            (at("2026-11-24T08:00"), SlotState::Withdrawn),
        ];
        let kept: Vec<_> = slots.filter(|(_, state)| *state != SlotState::Met).collect();
        assert_eq!(kept, expected, "restart: {restart}");
    }
}
