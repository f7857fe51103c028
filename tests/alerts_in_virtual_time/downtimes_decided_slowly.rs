//! After a downtime, or after the machine's sleep, that takes long to decide: one message to each address all the same.

use std::time::Duration;

use freshd::engine::Engine;
use freshd::model::{Event, Purpose};

use super::delivery::OPS;
use super::digests::{heard, taken};
use super::downtimes::{datasets, is_down_until_two};
use super::virtual_world::World;

/// Four datasets that go stale at eleven, beside forty jobs each minute: thousands of occurrences are missed in an afternoon.
fn busy_since_ten() -> World {
    let mut text = datasets(4);
    for number in 0..40 {
        text += &format!("[jobs.often{number}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"* * * * *\"\n");
    }
    let mut world = World::start(&text, "2026-03-02T10:00");
    for number in 0..4 {
        world.run(&format!("j{number}"));
    }
    world.run_until("2026-03-02T10:30");
    world.handle(Event::Alive);
    world
}

/// Decides what is due by steps of which each takes four seconds, as long as there is something; how many it took.
fn decides_slowly(world: &mut World, goes_on: impl Fn(&Engine) -> bool) -> usize {
    let mut steps = 1;
    while world.engine.as_ref().is_some_and(&goes_on) {
        world.pass(Duration::from_secs(4));
        world.handle(Event::Tick);
        steps += 1;
    }
    steps
}

#[track_caller]
fn each_is_told_in_one(world: &World) {
    for address in [OPS, "mail:a@sea.example"] {
        let told = heard(world, address);
        let purposes: Vec<_> = told.iter().map(|(_, purpose)| *purpose).collect();
        assert_eq!(purposes, [Purpose::Digest], "{address}: {told:?}");
        let subject = &taken(world, address)[0].1.message.subject;
        assert!(
            subject.starts_with("[freshd] 4 problems after freshd was down for 3h 30m: "),
            "{subject}"
        );
    }
}

#[test]
fn what_is_found_while_a_start_takes_long_to_decide_is_one_message_all_the_same() {
    let mut world = busy_since_ten();
    is_down_until_two(&mut world);
    let steps = decides_slowly(&mut world, Engine::is_behind);
    assert!(steps > 2, "{steps}");
    world.run_until("2026-03-02T14:30");
    each_is_told_in_one(&world);
}

#[test]
fn what_is_found_while_a_machine_that_was_asleep_takes_long_to_decide_is_one_message_all_the_same() {
    let mut world = busy_since_ten();
    world.sleep_until("2026-03-02T14:00");
    let woken = world.now;
    let steps = decides_slowly(&mut world, |engine| {
        engine.next_wake(woken).is_some_and(|at| at <= woken.wall)
    });
    assert!(steps > 2, "{steps}");
    world.run_until("2026-03-02T14:30");
    each_is_told_in_one(&world);
}
