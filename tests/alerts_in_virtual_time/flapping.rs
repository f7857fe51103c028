//! What comes and goes is told once as such, and once when it was well for long enough.

use freshd::model::{Incident, IncidentState, Purpose, Request};

use super::virtual_world::{Play, World};
use super::{PEOPLE, one_job};

const OPS: &str = "mail:ops@sea.example";

/// `j` runs at a time, and fails or not.
fn turn(world: &mut World, at: &str, is_good: bool) {
    world.run_until(&format!("2026-11-26T{at}"));
    world.script("j", move |_, _| match is_good {
        true => Play::succeeds(),
        false => Play::fails(1, ""),
    });
    world.run("j");
}

fn told(world: &World) -> Vec<(String, Purpose)> {
    world.told().into_iter().map(|(when, _, why)| (when, why)).collect()
}

fn one(when: &str, why: Purpose) -> (String, Purpose) {
    (when.to_owned(), why)
}

fn flapping(world: &World) -> Incident {
    let incidents = world.incidents().into_iter();
    incidents
        .rev()
        .find(|incident| incident.flapping.is_some())
        .expect("one flaps")
}

/// Wrong at 12:00, 12:10 and 12:20, well in between: told at 12:21 as flapping.
fn begun(mut world: World) -> World {
    for (at, is_good) in [
        ("12:00", false),
        ("12:05", true),
        ("12:10", false),
        ("12:15", true),
        ("12:20", false),
    ] {
        turn(&mut world, at, is_good);
    }
    world.run_until("2026-11-26T12:22");
    world
}

#[test]
fn the_third_time_within_an_hour_is_told_as_flapping_and_no_turn_after_it() {
    let mut world = begun(World::start(&one_job(""), "2026-11-26T11:00"));
    let first = [
        one("Thu 12:01", Purpose::Opening),
        one("Thu 12:05", Purpose::Recovery),
        one("Thu 12:11", Purpose::Opening),
        one("Thu 12:15", Purpose::Recovery),
        one("Thu 12:21", Purpose::Opening),
    ];
    assert_eq!(told(&world), first);
    let message = &world.sent.last().expect("a message").1.message;
    assert!(message.subject.contains("j is flapping"), "{}", message.subject);
    let says = "j is flapping: since Thu 2026-11-26 12:01 it has gone wrong 3 times, and been well again in between. \
                Its further turns are told to nobody; that it is over is, once it has been well for an hour.";
    assert!(message.headline.contains(says), "{}", message.headline);
    for (at, is_good) in [
        ("12:25", true),
        ("12:30", false),
        ("12:35", true),
        ("12:40", false),
        ("12:50", true),
    ] {
        turn(&mut world, at, is_good);
    }
    world.run_until("2026-11-26T13:10");
    assert_eq!(told(&world), first, "nobody hears of each turn");
    let incident = flapping(&world);
    let turns = incident.flapping.clone().expect("it flaps");
    assert_eq!((turns.times, turns.spells.len()), (5, 2), "every turn is on record");
    // A second good run, and an hour since it became well.
    turn(&mut world, "13:15", true);
    world.run_until("2026-11-26T13:49");
    assert_eq!(flapping(&world).state, IncidentState::Open);
    world.run_until("2026-11-26T18:00");
    let rest: Vec<_> = told(&world).split_off(first.len());
    // Reminders go on as for anything that is open.
    assert_eq!(
        rest,
        [one("Thu 13:21", Purpose::Reminder), one("Thu 13:50", Purpose::Recovery)]
    );
    let end = &world.sent.last().expect("a message").1.message.headline;
    assert!(end.contains("works again, after it had come and gone 5 times"), "{end}");
    assert_eq!(flapping(&world).state, IncidentState::Resolved);
}

#[test]
fn openings_that_are_further_apart_are_told_as_ever() {
    let mut world = World::start(&one_job(""), "2026-11-26T11:00");
    for (at, is_good) in [
        ("12:00", false),
        ("12:10", true),
        ("12:30", false),
        ("12:40", true),
        ("13:01", false),
    ] {
        turn(&mut world, at, is_good);
    }
    world.run_until("2026-11-26T13:30");
    assert!(world.incidents().iter().all(|incident| incident.flapping.is_none()));
    assert_eq!(told(&world).pop(), Some(one("Thu 13:02", Purpose::Opening)));
}

#[test]
fn it_is_the_same_when_freshd_dies_in_between() {
    let mut world = World::start(&one_job(""), "2026-11-26T11:00");
    for (at, is_good) in [("12:00", false), ("12:05", true), ("12:10", false), ("12:15", true)] {
        turn(&mut world, at, is_good);
    }
    world.run_until("2026-11-26T12:17");
    world.crash();
    world.restart();
    turn(&mut world, "12:20", false);
    world.run_until("2026-11-26T12:22");
    assert_eq!(flapping(&world).state, IncidentState::Open);
    for (at, is_good) in [("12:25", true), ("12:30", true)] {
        turn(&mut world, at, is_good);
    }
    world.run_until("2026-11-26T12:40");
    world.crash();
    world.run_until("2026-11-26T13:00");
    world.restart();
    world.run_until("2026-11-26T14:00");
    assert_eq!(told(&world).pop(), Some(one("Thu 13:25", Purpose::Recovery)));
}

#[test]
fn with_one_good_run_alone_it_is_over_after_a_day() {
    let mut world = begun(World::start(&one_job(""), "2026-11-26T11:00"));
    turn(&mut world, "12:25", true);
    world.run_until("2026-11-27T12:24");
    assert_eq!(flapping(&world).state, IncidentState::Open);
    world.run_until("2026-11-27T12:26");
    assert_eq!(told(&world).pop(), Some(one("Fri 12:25", Purpose::Recovery)));
}

#[test]
fn what_is_no_longer_looked_at_is_over_at_once() {
    let mut world = begun(World::start(&one_job(""), "2026-11-26T11:00"));
    turn(&mut world, "12:25", true);
    world.run_until("2026-11-26T12:30");
    world.reload(PEOPLE);
    world.run_until("2026-11-26T12:31");
    assert_eq!(told(&world).pop(), Some(one("Thu 12:30", Purpose::Recovery)));
}

#[test]
fn data_that_is_stale_and_fresh_by_turns_flaps_too() {
    let text = format!(
        "{PEOPLE}[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"10m\"\nconsumers = [\"c\"]\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n"
    );
    let mut world = World::start(&text, "2026-11-26T11:59");
    let mut number = 0;
    let mut deliver = |world: &mut World, at: &str| {
        world.run_until(&format!("2026-11-26T{at}"));
        number += 1;
        let digest = number.to_string();
        world.script("j", move |_, now| Play::writes(&digest, now));
        world.run("j");
    };
    // Stale ten minutes after each delivery, and told a minute later.
    for at in ["12:00", "12:15", "12:30"] {
        deliver(&mut world, at);
    }
    world.run_until("2026-11-26T12:44");
    let purposes = world.told_to(OPS);
    let third = [
        Purpose::Opening,
        Purpose::Recovery,
        Purpose::Opening,
        Purpose::Recovery,
        Purpose::Opening,
    ];
    assert_eq!(purposes, third);
    assert_eq!(flapping(&world).subject.as_str(), "d");
    assert_eq!(world.told_to("mail:c@sea.example").len(), 5, "its readers hear as much");
    for at in ["12:45", "13:00"] {
        deliver(&mut world, at);
    }
    // From now on in time.
    for at in [
        "13:12", "13:20", "13:28", "13:36", "13:44", "13:52", "14:00", "14:08", "14:16",
    ] {
        deliver(&mut world, at);
    }
    world.run_until("2026-11-26T14:20");
    let after: Vec<_> = told(&world).into_iter().skip(10).collect();
    let ends: Vec<_> = after.into_iter().filter(|(_, why)| *why != Purpose::Reminder).collect();
    assert_eq!(
        ends,
        [one("Thu 14:12", Purpose::Recovery), one("Thu 14:12", Purpose::Recovery)]
    );
}

#[test]
fn what_was_silenced_did_not_flap_for_anybody() {
    let mut world = World::start(&one_job(""), "2026-11-26T11:00");
    world.done(Request::Silence {
        name: "j".into(),
        because: "moving".to_owned(),
        for_s: 3 * 3_600,
    });
    let mut world = begun(world);
    assert_eq!(told(&world), []);
    world.run_until("2026-11-26T14:10");
    assert_eq!(told(&world), [one("Thu 14:00", Purpose::Opening)]);
    assert_eq!(world.incidents().len(), 3, "each time is on record");
    assert!(world.incidents().iter().all(|incident| incident.flapping.is_none()));
}
