//! Promised deliveries: pending, met, late, missed, recovered.

use std::time::Duration;

use freshd::model::{ProblemKind, Slot, SlotState, later};

use super::virtual_world::{Play, World, at, local, with_ops};
use super::{made, world};

pub(super) const FRIDAY: &str = "due = { at = \"0 23 * * FRI\", grace = \"15m\", warn = \"5m\" }";

pub(super) fn write(world: &mut World, at: &str, digest: &str) {
    world.run_until(at);
    let digest = digest.to_owned();
    world.script("p", move |_, now| {
        Play::writes(&digest, now).taking(std::time::Duration::ZERO)
    });
    world.run("p");
    world.run_until(at);
}

pub(super) fn states(world: &World) -> Vec<(String, SlotState)> {
    world
        .slots("d")
        .iter()
        .map(|slot| (slot.due_at.strftime("%m-%d").to_string(), slot.state))
        .collect()
}

pub(super) fn state(world: &mut World, when: &str) -> String {
    world.run_until(when);
    world.state_of("d").0
}

#[test]
fn a_slot_exists_ahead_of_time_and_independently_of_any_run() {
    let world = world(FRIDAY, "2026-11-16T12:00");
    let slots = world.slots("d");
    assert_eq!(slots.len(), 1);
    assert_eq!(slots[0].due_at, at("2026-11-20T23:00"));
    assert_eq!(slots[0].deadline, at("2026-11-20T23:15"));
    assert_eq!(slots[0].warn_at, at("2026-11-20T23:10"));
    assert_eq!(slots[0].state, SlotState::Pending);
}

#[test]
fn a_slot_is_pending_then_due_soon_then_late_then_recovered() {
    let mut world = world(FRIDAY, "2026-11-16T12:00");
    write(&mut world, "2026-11-20T22:00", "a");
    assert_eq!(states(&world), [("11-20".to_owned(), SlotState::Met)]);
    assert_eq!(state(&mut world, "2026-11-27T23:09:59"), "fresh");
    assert_eq!(state(&mut world, "2026-11-27T23:10:00"), "due_soon");
    assert_eq!(state(&mut world, "2026-11-27T23:14:59"), "due_soon");
    assert_eq!(state(&mut world, "2026-11-27T23:15:00"), "late");
    let incident = world.incidents().pop().unwrap();
    assert_eq!(
        (incident.kind, incident.since),
        (ProblemKind::Late, at("2026-11-27T23:15"))
    );
    write(&mut world, "2026-11-28T09:00", "b");
    assert_eq!(world.state_of("d").0, "fresh");
    assert_eq!(states(&world)[1], ("11-27".to_owned(), SlotState::Recovered));
    assert_eq!(world.open_incidents().len(), 0);
}

#[test]
fn a_delivery_within_the_grace_is_met() {
    let mut world = world(FRIDAY, "2026-11-16T12:00");
    write(&mut world, "2026-11-20T23:14:59", "a");
    assert_eq!(states(&world)[0].1, SlotState::Met);
}

#[test]
fn a_slot_not_delivered_until_the_next_is_due_is_missed_for_good() {
    let mut world = world(FRIDAY, "2026-11-16T12:00");
    write(&mut world, "2026-11-20T22:00", "a");
    world.run_until("2026-12-04T22:59:59");
    assert_eq!(states(&world)[1].1, SlotState::Late);
    world.run_until("2026-12-04T23:00");
    assert_eq!(states(&world)[1].1, SlotState::Missed);
    assert_eq!(world.state_of("d").0, "late", "it is not over");
    write(&mut world, "2026-12-04T23:05", "b");
    let slots = states(&world);
    assert_eq!(slots[1].1, SlotState::Missed);
    assert_eq!(slots[2].1, SlotState::Met, "one delivery counts for one slot");
    assert_eq!(world.state_of("d").0, "fresh");
}

#[test]
fn one_delivery_meets_the_oldest_open_slot_only() {
    let mut world = world(FRIDAY, "2026-11-16T12:00");
    write(&mut world, "2026-11-20T22:00", "a");
    write(&mut world, "2026-11-28T09:00", "b");
    assert_eq!(
        states(&world),
        [
            ("11-20".to_owned(), SlotState::Met),
            ("11-27".to_owned(), SlotState::Recovered),
            ("12-04".to_owned(), SlotState::Pending)
        ]
    );
    assert_eq!(state(&mut world, "2026-12-04T23:15"), "late");
}

#[test]
fn a_delivery_in_time_after_one_that_never_came_meets_its_own_slot() {
    let mut world = world(FRIDAY, "2026-11-16T12:00");
    write(&mut world, "2026-11-20T22:00", "a");
    assert_eq!(state(&mut world, "2026-11-27T23:15"), "late", "it never came");
    write(&mut world, "2026-12-04T22:00", "b");
    assert_eq!(state(&mut world, "2026-12-04T23:16"), "fresh");
    assert_eq!(states(&world).last().map(|(_, state)| *state), Some(SlotState::Pending));
    assert_eq!(world.open_incidents().len(), 0);
}

#[test]
fn early_says_how_long_before_the_due_time_a_delivery_already_counts() {
    let due = "due = { at = \"0 23 * * FRI\", grace = \"15m\", early = \"2h\" }";
    for (when, met) in [
        ("2026-11-20T20:59:59", SlotState::Pending),
        ("2026-11-20T21:00", SlotState::Met),
    ] {
        let mut world = world(due, "2026-11-16T12:00");
        write(&mut world, when, "a");
        assert_eq!(states(&world)[0].1, met, "{when}");
    }
    // Longer than the period: the slot is laid down after what counts for it came.
    let mut world = world("due = { at = \"0 12 * * *\", early = \"30h\" }", "2026-11-16T13:00");
    write(&mut world, "2026-11-17T05:00", "a");
    write(&mut world, "2026-11-17T07:00", "b");
    world.run_until("2026-11-18T11:59");
    let met: Vec<_> = world
        .slots("d")
        .iter()
        .map(|slot| (local(slot.due_at), slot.version.map(|version| version.0)))
        .collect();
    assert_eq!(
        met[..2],
        [("Tue 12:00".to_owned(), Some(1)), ("Wed 12:00".to_owned(), Some(2))]
    );
}

#[test]
fn covers_asks_for_a_minimum_as_of() {
    let mut world = world("due = { at = \"0 7 * * *\", covers = \"-1d\" }", "2026-11-16T12:00");
    world.script("p", |_, _| Play::writes("a", at("2026-11-16T06:59:59")));
    world.run("p");
    world.run_until("2026-11-16T13:00");
    assert_eq!(states(&world)[0].1, SlotState::Pending, "too old for tomorrow");
    world.script("p", |_, _| Play::writes("b", at("2026-11-16T07:00")));
    world.run("p");
    world.run_until("2026-11-16T14:00");
    assert_eq!(states(&world)[0].1, SlotState::Met);
}

#[test]
fn a_calendar_removes_slots() {
    let text = made("due = { at = \"0 7 * * *\", calendar = \"no\" }");
    let text = text.replacen(
        "[datasets.d]",
        "[calendars.no]\nweekend = [\"Sat\", \"Sun\"]\nholidays = [\"2026-11-20\"]\n[datasets.d]",
        1,
    );
    let mut world = World::start(&text, "2026-11-18T12:00");
    world.run_until("2026-11-24T12:00");
    let due: Vec<_> = world.slots("d").iter().map(|slot| local(slot.due_at)).collect();
    assert_eq!(due, ["Thu 07:00", "Mon 07:00", "Tue 07:00", "Wed 07:00"]);
}

#[test]
fn a_breach_is_noticed_at_its_deadline_and_after_downtime_at_once() {
    let mut world = world(FRIDAY, "2026-11-16T12:00");
    write(&mut world, "2026-11-20T22:00", "a");
    world.run_until("2026-11-27T12:00");
    world.crash();
    world.run_until("2026-12-12T03:00");
    world.restart();
    let slots = states(&world);
    assert_eq!(
        slots[1..4],
        [
            ("11-27".to_owned(), SlotState::Missed),
            ("12-04".to_owned(), SlotState::Missed),
            ("12-11".to_owned(), SlotState::Late)
        ]
    );
    assert_eq!(world.slots("d")[1].decided_at, Some(at("2026-12-04T23:00")));
    assert_eq!(world.incidents().len(), 1);
    assert_eq!(world.incidents()[0].since, at("2026-11-27T23:15"));
}

#[test]
fn a_downtime_of_more_slots_than_are_laid_at_once_does_not_stop_the_promise() {
    let mut world = world("due = { at = \"* * * * *\" }", "2026-11-16T12:00:30");
    write(&mut world, "2026-11-16T12:00:40", "a");
    world.run_until("2026-11-16T12:00:50");
    world.crash();
    world.run_until("2026-11-20T12:00:30");
    world.restart();
    assert_eq!(world.state_of("d").0, "late");
    write(&mut world, "2026-11-20T12:00:40", "b");
    assert_eq!(
        world.state_of("d").0,
        "fresh",
        "the one due at 12:00 has come after all"
    );
    write(&mut world, "2026-11-20T12:00:50", "c");
    world.run_until("2026-11-20T12:01:30");
    assert_eq!(world.state_of("d").0, "fresh");
    world.run_until("2026-11-20T12:02:00");
    assert_eq!(world.state_of("d").0, "late");
}

#[test]
fn the_first_slot_of_a_new_promise_is_the_first_whose_deadline_is_ahead() {
    let world = world(FRIDAY, "2026-11-20T23:10");
    assert_eq!(world.slots("d")[0].due_at, at("2026-11-20T23:00"));
    let later = super::world(FRIDAY, "2026-11-20T23:15");
    assert_eq!(later.slots("d")[0].due_at, at("2026-11-27T23:00"));
}

#[test]
fn nothing_ever_delivered_is_late_at_the_first_deadline() {
    let mut world = World::start(
        &with_ops(&format!("[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\n{FRIDAY}\n")),
        "2026-11-16T12:00",
    );
    assert_eq!(state(&mut world, "2026-11-20T23:14:59"), "unknown");
    assert_eq!(world.incidents().len(), 0);
    assert_eq!(state(&mut world, "2026-11-20T23:15"), "late");
    assert_eq!(world.incidents().len(), 1);
}

#[test]
fn a_delivery_at_the_due_time_itself_is_followed_by_the_next_slot_also_after_a_crash() {
    let mut world = world(FRIDAY, "2026-11-16T12:00");
    write(&mut world, "2026-11-20T23:00", "a");
    world.crash();
    world.run_until("2026-12-05T12:00");
    world.restart();
    let missed = world
        .slots("d")
        .into_iter()
        .filter(|slot| slot.due_at == at("2026-11-27T23:00"));
    assert_eq!(missed.map(|slot| slot.state).collect::<Vec<_>>(), [SlotState::Missed]);
}

fn stands_for_others(slot: &Slot) -> bool {
    slot.reason
        .as_ref()
        .is_some_and(|reason| reason.starts_with("stands for all"))
}

#[test]
fn more_slots_than_are_laid_down_at_once_are_told_by_the_last_of_them() {
    let mut world = world("due = { at = \"*/10 * * * *\" }", "2026-11-16T12:05");
    world.run_until("2026-11-16T12:15");
    world.crash();
    world.run_until("2026-12-16T12:15");
    world.restart();
    let slots = world.slots("d");
    let telling: Vec<_> = (0..slots.len())
        .filter(|place| stands_for_others(&slots[*place]))
        .collect();
    let &[place] = &telling[..] else { panic!("{telling:?}") };
    assert_eq!(
        slots[place].reason.as_deref(),
        Some(
            "stands for all 3319 that were due before Wed 2026-12-16 12:10, too many to be told apart; \
             freshd was down at its deadline, from Mon 2026-11-16 12:15 to Wed 2026-12-16 12:15"
        )
    );
    assert_eq!(slots[place].state, SlotState::Missed);
    assert_eq!(slots[place + 1].due_at, at("2026-12-16T12:10"));
}

#[test]
fn a_downtime_of_just_as_many_slots_as_are_laid_down_at_once_and_one_tells_each_apart() {
    let mut world = world("due = { at = \"*/10 * * * *\" }", "2026-11-16T12:05");
    world.run_until("2026-11-16T12:15");
    world.crash();
    // Behind the one at 12:20: a thousand, and the newest.
    world.run_until("2026-11-23T11:15");
    world.restart();
    let slots = world.slots("d");
    let gaps = slots
        .windows(2)
        .filter(|pair| pair[1].due_at != later(pair[0].due_at, Duration::from_mins(10)));
    assert_eq!(gaps.count(), 0);
    assert_eq!(slots[1_001].due_at, at("2026-11-23T11:00"));
    assert!(!slots.iter().any(stands_for_others));
}

#[test]
fn the_next_slot_is_laid_down_when_one_is_due() {
    let mut world = world(FRIDAY, "2026-11-16T12:00");
    world.run_until("2026-11-20T22:59:59");
    assert_eq!(states(&world).len(), 1);
    world.run_until("2026-11-20T23:00");
    assert_eq!(states(&world)[1], ("11-27".to_owned(), SlotState::Pending));
}
