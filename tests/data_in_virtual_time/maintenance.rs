//! Deliveries that are due while a window of maintenance is open.

use freshd::model::{ProblemKind, Purpose, SlotState};

use super::made;
use super::slots::{state, states, write};
use super::virtual_world::{World, at};

const DAILY: &str = "due = { at = \"0 7 * * *\", grace = \"15m\" }";

/// Each Sunday from 06:00 to 10:00.
const SUNDAYS: &str = "[maintenance.patching]\nschedule = \"0 6 * * SUN\"\nduration = \"4h\"\ndatasets = [\"d\"]\n\
    author = \"Anna\"\nbecause = \"the warehouse system is patched\"\n";

const WORDS: &str = "maintenance patching (Anna: the warehouse system is patched)";

fn planned(dataset: &str) -> String {
    made(dataset) + SUNDAYS
}

/// Friday noon, with the Friday delivery made and all fine.
fn friday() -> World {
    let mut world = World::start(&planned(DAILY), "2026-11-19T12:00");
    write(&mut world, "2026-11-20T06:50", "a");
    world.run_until("2026-11-20T12:00");
    world
}

#[test]
fn a_delivery_due_in_a_window_is_not_waited_for() {
    let mut world = friday();
    write(&mut world, "2026-11-21T06:50", "b");
    world.run_until("2026-11-22T23:59");
    let sunday = &world.slots("d")[2];
    assert_eq!(
        (sunday.due_at, sunday.state),
        (at("2026-11-22T07:00"), SlotState::Excused)
    );
    assert_eq!(sunday.reason.as_deref(), Some(WORDS));
    assert_eq!(world.state_of("d").0, "fresh");
    assert_eq!(world.incidents().len(), 0);
    assert_eq!(
        state(&mut world, "2026-11-23T07:15"),
        "late",
        "Monday is promised as ever"
    );
}

#[test]
fn what_comes_for_an_excused_delivery_meets_neither_it_nor_the_next() {
    let mut world = friday();
    write(&mut world, "2026-11-21T06:50", "b");
    // After the grace of Sunday, when Monday's slot is already open.
    write(&mut world, "2026-11-22T09:00", "c");
    let slots = world.slots("d");
    assert_eq!(slots[2].state, SlotState::Excused);
    assert_eq!(slots[2].version.map(|version| version.0), Some(3));
    world.reload(&planned(DAILY));
    assert_eq!(world.slots("d"), slots, "jobs.toml is read again, and says the same");
    assert_eq!(state(&mut world, "2026-11-23T07:15"), "late");
}

#[test]
fn an_excused_delivery_makes_up_for_none_that_never_came() {
    for restart in [false, true] {
        let mut world = friday();
        assert_eq!(state(&mut world, "2026-11-21T07:15"), "late", "Saturday's never came");
        world.run_until("2026-11-22T06:30");
        if restart {
            world.crash();
            world.run_until("2026-11-22T12:00");
            world.restart();
        }
        world.run_until("2026-11-22T12:00");
        let due: Vec<SlotState> = states(&world).into_iter().map(|(_, state)| state).collect();
        assert_eq!(due[1..3], [SlotState::Missed, SlotState::Excused]);
        assert_eq!(world.state_of("d").0, "late");
        assert_eq!(world.open_incidents()[0].kind, ProblemKind::Late);
        // It is made good by what comes, whatever that counts for.
        write(&mut world, "2026-11-22T12:30", "c");
        assert_eq!(world.state_of("d").0, "fresh");
    }
}

#[test]
fn a_window_that_is_planned_or_given_up_changes_what_is_still_to_come() {
    let mut world = friday();
    world.run_until("2026-11-21T06:00");
    write(&mut world, "2026-11-21T06:50", "b");
    world.run_until("2026-11-21T12:00");
    let sunday = |world: &World| world.slots("d").last().map(|slot| slot.state);
    assert_eq!(sunday(&world), Some(SlotState::Excused), "known ahead");
    world.reload(&made(DAILY));
    assert_eq!(sunday(&world), Some(SlotState::Pending));
    world.reload(&planned(DAILY));
    assert_eq!(sunday(&world), Some(SlotState::Excused));
    world.crash();
    world.edit(&made(DAILY));
    world.restart();
    assert_eq!(state(&mut world, "2026-11-22T07:15"), "late");
}

#[test]
fn a_dataset_of_a_system_or_of_a_job_in_maintenance_is_excused_too() {
    for concerned in ["jobs = [\"p\"]", "systems = [\"wms\"]"] {
        let text = planned(DAILY).replace("datasets = [\"d\"]", concerned);
        let text = text.replace(
            "[jobs.p]\n",
            "[systems.wms]\nowner = \"ops\"\n[jobs.p]\nfrom = \"wms\"\n",
        );
        let mut world = World::start(&text, "2026-11-21T12:00");
        world.run_until("2026-11-22T08:00");
        assert_eq!(states(&world)[0].1, SlotState::Excused, "{concerned}");
    }
}

#[test]
fn age_grows_in_a_window_and_is_told_at_its_end() {
    let mut world = World::start(&planned("max_age = \"1d\""), "2026-11-21T06:29");
    write(&mut world, "2026-11-21T06:30", "a");
    assert_eq!(state(&mut world, "2026-11-22T06:30"), "stale", "evaluated as ever");
    let status = world.status("d");
    assert_eq!(status["datasets"][0]["maintenance"]["name"], "patching");
    assert_eq!(status["maintenance"][0]["until"], "2026-11-22T09:00:00Z");
    world.run_until("2026-11-22T09:59");
    assert_eq!(world.told(), []);
    world.run_until("2026-11-22T10:00");
    let told = world.told();
    assert_eq!(
        told,
        [(
            "Sun 10:00".to_owned(),
            "mail:ops@sea.example".to_owned(),
            Purpose::Opening
        )]
    );
}

#[test]
fn a_delivery_is_waited_for_again_when_the_work_is_called_off_before_its_deadline() {
    let mut world = friday();
    write(&mut world, "2026-11-21T06:50", "b");
    world.run_until("2026-11-22T07:05");
    assert_eq!(world.slots("d")[2].state, SlotState::Excused);
    world.reload(&made(DAILY));
    assert_eq!(state(&mut world, "2026-11-22T07:16"), "late");
}

#[test]
fn what_came_early_for_a_delivery_counts_when_the_work_is_called_off() {
    let mut world = friday();
    write(&mut world, "2026-11-21T06:50", "b");
    write(&mut world, "2026-11-22T05:30", "c");
    world.run_until("2026-11-22T06:30");
    world.reload(&made(DAILY));
    assert_eq!(state(&mut world, "2026-11-22T12:00"), "fresh");
    assert_eq!(world.slots("d")[2].state, SlotState::Met);
}

#[test]
fn what_came_early_for_an_excused_delivery_stays_with_it_when_jobs_toml_is_read_again() {
    let mut world = friday();
    write(&mut world, "2026-11-21T06:50", "b");
    write(&mut world, "2026-11-22T06:50", "c");
    let sunday = |world: &World| world.slots("d")[2].clone();
    assert_eq!(
        (sunday(&world).state, sunday(&world).version),
        (SlotState::Excused, Some(freshd::model::VersionNumber(3)))
    );
    let before = sunday(&world);
    world.reload(&planned(DAILY));
    assert_eq!(sunday(&world), before);
}
