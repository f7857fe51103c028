//! Datasets that come in parts: a delivery for each, one word about all of them.

use std::time::Duration;

use freshd::model::{ProblemKind, Purpose, SlotState};

use super::virtual_world::{World, at, file, with_ops};

const STOCK: &str = "parts = [\"alesund\", \"bergen\", \"tromso\"]\n\
    probe = { file = \"/in/stock-{part}.csv\", every = \"1m\" }\n\
    due = { at = \"0 7 * * *\", grace = \"15m\" }";

const OPS: &str = "mail:ops@sea.example";

/// Monday noon, when each part lies there for the first time.
fn world(text: &str) -> World {
    let mut world = World::prepare(text, "2026-11-16T12:00");
    for part in ["alesund", "bergen", "tromso"] {
        deliver(&mut world, part, "first");
    }
    world.restart();
    world
}

/// From now on this is found.
fn deliver(world: &mut World, part: &str, content: &'static str) {
    world.probe(&format!("d.{part}"), move |_| file(content, None));
}

fn stock() -> World {
    let mut world = world(&with_ops(&format!("[datasets.d]\nowner = \"ops\"\n{STOCK}\n")));
    world.run_until("2026-11-17T06:30");
    for part in ["alesund", "bergen", "tromso"] {
        deliver(&mut world, part, "Tuesday");
    }
    world.run_until("2026-11-17T12:00");
    world
}

#[test]
fn each_part_has_a_slot_and_a_message_names_those_that_are_missing() {
    let mut world = stock();
    assert_eq!(
        world.state_of("d"),
        ("fresh".to_owned(), "all 3 parts are as promised".to_owned())
    );
    world.run_until("2026-11-18T06:30");
    deliver(&mut world, "bergen", "Wednesday");
    world.run_until("2026-11-18T07:30");
    let of = |world: &World, part: &str| {
        let slots = world.slots(&format!("d.{part}"));
        slots
            .iter()
            .find(|slot| slot.due_at == at("2026-11-18T07:00"))
            .map(|slot| slot.state)
    };
    assert_eq!(of(&world, "alesund"), Some(SlotState::Late));
    assert_eq!(of(&world, "bergen"), Some(SlotState::Met));
    assert_eq!(of(&world, "tromso"), Some(SlotState::Late));
    let (state, reason) = world.state_of("d");
    assert_eq!(state, "late");
    assert!(
        reason.starts_with("2 of 3 parts are missing: alesund, tromso (alesund: the delivery due"),
        "{reason}"
    );
    // One word about all of them, which is over with the last.
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
    let incident = &world.open_incidents()[0];
    assert_eq!(
        (incident.kind, incident.since),
        (ProblemKind::Late, at("2026-11-18T07:15"))
    );
    deliver(&mut world, "alesund", "Wednesday");
    world.run_until("2026-11-18T08:00");
    assert!(
        world
            .state_of("d")
            .1
            .starts_with("1 of 3 parts is missing: tromso, the delivery due")
    );
    deliver(&mut world, "tromso", "Wednesday");
    world.run_until("2026-11-18T08:30");
    assert_eq!(world.state_of("d").0, "fresh");
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Recovery]);
}

#[test]
fn a_crash_forgets_no_part() {
    let mut world = stock();
    world.run_until("2026-11-18T06:30");
    deliver(&mut world, "bergen", "Wednesday");
    world.run_until("2026-11-18T06:45");
    world.crash();
    world.run_until("2026-11-18T09:00");
    world.restart();
    world.run_until("2026-11-18T09:10");
    assert!(
        world
            .state_of("d")
            .1
            .starts_with("2 of 3 parts are missing: alesund, tromso")
    );
    assert_eq!(world.open_incidents().len(), 1);
}

#[test]
fn the_whole_is_as_old_as_its_oldest_part() {
    let ages = STOCK.replace("due = { at = \"0 7 * * *\", grace = \"15m\" }", "max_age = \"3h\"");
    let mut world = world(&with_ops(&format!("[datasets.d]\nowner = \"ops\"\n{ages}\n")));
    world.run_until("2026-11-16T13:00");
    deliver(&mut world, "alesund", "later");
    world.run_until("2026-11-16T14:00");
    let status = world.status("d");
    let oldest = world.versions("d.bergen")[0].effective_as_of;
    assert_eq!(status["datasets"][0]["effective_as_of"], oldest.to_string());
    world.run_until("2026-11-16T15:30");
    let (state, reason) = world.state_of("d");
    assert_eq!(state, "stale");
    assert!(
        reason.starts_with("2 of 3 parts are stale: bergen, tromso (bergen: 3h"),
        "{reason}"
    );
    let facts = &world.sent.last().expect("it is told").1.message.facts;
    let said = |label: &str| {
        let fact = facts.iter().find(|fact| fact.label == label);
        fact.map(|fact| fact.text.as_str()).unwrap_or_default()
    };
    assert_eq!(said("Parts"), "bergen, tromso stale; alesund fresh");
    let oldest = said("Data as of");
    assert!(oldest.ends_with(", that of its oldest part, bergen: d"), "{oldest}");
    let seen = said("Readers see");
    assert!(seen.starts_with("the last version of each part of d, "), "{seen}");
}

#[test]
fn a_job_reads_parts_and_is_explained_by_the_whole() {
    let text = format!(
        "[datasets.d]\nowner = \"ops\"\n{}\n[datasets.report]\nowner = \"ops\"\nfile = \"report\"\nmax_age = \"3h\"\n\
         [jobs.r]\nowner = \"ops\"\ncommand = \"true\"\non = [\"d.bergen\"]\nproduces = \"report\"\n",
        STOCK.replace("due = { at = \"0 7 * * *\", grace = \"15m\" }", "max_age = \"3h\"")
    );
    let mut world = world(&with_ops(&text));
    world.script("r", |_, now| {
        super::virtual_world::Play::writes("made", now).taking(Duration::ZERO)
    });
    world.run_until("2026-11-16T16:30");
    assert_eq!(world.state_of("report").0, "stale");
    let open = world.open_incidents();
    assert_eq!(open.len(), 1, "one cause, one alert: {open:?}");
    assert_eq!(open[0].subject.as_str(), "d");
}

#[test]
fn a_part_that_never_came_is_named() {
    let mut world = World::prepare(
        &with_ops(&format!("[datasets.d]\nowner = \"ops\"\n{STOCK}\n")),
        "2026-11-16T12:00",
    );
    for part in ["alesund", "bergen"] {
        deliver(&mut world, part, "first");
    }
    world.restart();
    world.run_until("2026-11-16T12:10");
    let (state, reason) = world.state_of("d");
    assert_eq!(state, "unknown");
    assert!(
        reason.starts_with("1 of 3 parts is unknown: tromso, never seen"),
        "{reason}"
    );
}

/// The parts are promised to be at most a day old, and the warehouse of these is moved until 18:00 on Tuesday.
fn moving(parts: &str) -> String {
    with_ops(&format!(
        "[datasets.d]\nowner = \"ops\"\nparts = [\"alesund\", \"bergen\", \"tromso\"]\n\
         probe = {{ file = \"/in/stock-{{part}}.csv\", every = \"1m\" }}\nmax_age = \"1d\"\n\
         [maintenance.move]\nfrom = 2026-11-17T08:00:00\nto = 2026-11-17T18:00:00\ndatasets = [{parts}]\n\
         author = \"Anna\"\nbecause = \"the warehouse moves\"\n"
    ))
}

#[test]
fn a_whole_is_quiet_while_every_part_that_is_wrong_has_its_window() {
    let mut world = world(&moving("\"d.alesund\""));
    world.run_until("2026-11-17T11:00");
    for part in ["bergen", "tromso"] {
        deliver(&mut world, part, "Tuesday");
    }
    world.run_until("2026-11-17T13:00");
    assert_eq!(world.state_of("d").0, "stale", "evaluated as ever");
    let status = world.status("d");
    assert_eq!(status["incidents"][0]["maintenance"]["name"], "move");
    world.run_until("2026-11-17T17:59");
    assert_eq!(world.told_to(OPS), []);
    world.run_until("2026-11-17T18:30");
    assert_eq!(world.told().pop().expect("a message").0, "Tue 18:00");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
}

#[test]
fn a_whole_is_told_as_soon_as_a_part_without_a_window_is_wrong_too() {
    let mut world = world(&moving("\"d.alesund\""));
    world.run_until("2026-11-17T10:00");
    deliver(&mut world, "bergen", "Tuesday");
    world.run_until("2026-11-17T11:58");
    deliver(&mut world, "tromso", "Tuesday");
    // What is wrong of `alesund` alone rests, and with `tromso` of an old time it does not.
    world.run_until("2026-11-17T12:30");
    assert_eq!(world.told_to(OPS), []);
    world.probe("d.tromso", |_| (Err("permission denied".to_owned()), None));
    world.run_until("2026-11-17T12:40");
    let told = world.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].0.starts_with("Tue 12:3"), "{told:?}");
}

#[test]
fn what_rested_for_the_window_of_a_part_is_told_again_when_another_part_goes_wrong() {
    let mut world = world(&moving("\"d.alesund\"").replace("T08:00:00", "T14:00:00"));
    world.run_until("2026-11-17T11:00");
    for part in ["bergen", "tromso"] {
        deliver(&mut world, part, "Tuesday");
    }
    world.run_until("2026-11-17T16:00");
    assert_eq!(
        world.told_to(OPS),
        [Purpose::Opening, Purpose::Reminder],
        "at 12 and at 13; it rests since 14"
    );
    world.probe("d.tromso", |_| (Err("permission denied".to_owned()), None));
    world.run_until("2026-11-17T16:10");
    assert_eq!(world.told_to(OPS)[2..], [Purpose::Reminder]);
}
