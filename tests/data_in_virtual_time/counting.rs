//! What counts as a delivery, and what is believed of its times.

use freshd::model::SlotState;

use super::slots::{state, states};
use super::virtual_world::{Play, World, at, file, with_ops};
use super::{probed, world};

#[test]
fn what_is_made_from_old_data_covers_no_delivery() {
    let text = with_ops(
        "[datasets.lots]\nowner = \"ops\"\nfile = \"lots\"\n\
         [datasets.d]\nowner = \"ops\"\nfile = \"d\"\ndue = { at = \"0 7 * * *\", covers = \"-1d\" }\n\
         [jobs.l]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"lots\"\n\
         [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"lots\"]\nproduces = \"d\"\n",
    );
    for (lots, met) in [
        ("2026-11-16T06:59:59", SlotState::Pending),
        ("2026-11-16T07:00", SlotState::Met),
    ] {
        let mut world = World::start(&text, "2026-11-16T12:00");
        world.script("l", move |_, _| Play::writes("lots", at(lots)));
        world.run("l");
        world.run_until("2026-11-16T12:01");
        // Made now, and as old as what it was made from.
        world.run("p");
        world.run_until("2026-11-16T12:02");
        assert_eq!(states(&world)[0].1, met, "{lots}");
    }
}

#[test]
fn a_late_delivery_that_covers_too_little_recovers_nothing() {
    let mut world = world("due = { at = \"0 7 * * *\", covers = \"-1d\" }", "2026-11-16T12:00");
    assert_eq!(state(&mut world, "2026-11-17T07:00"), "late");
    for (as_of, stands) in [
        ("2026-11-16T06:59", SlotState::Late),
        ("2026-11-16T22:00", SlotState::Recovered),
    ] {
        world.script("p", move |_, _| Play::writes(as_of, at(as_of)));
        world.run("p");
        let soon = world.now.wall + std::time::Duration::from_mins(1);
        world.run_until(&soon.to_string());
        assert_eq!(states(&world)[0].1, stands, "{as_of}");
    }
}

#[test]
fn an_as_of_from_the_future_meets_a_slot_and_is_not_fresh() {
    let mut world = world("due = { at = \"0 7 * * *\", covers = \"-1d\" }", "2026-11-16T12:00");
    world.script("p", |_, _| Play::writes("a", at("2026-11-18T12:00")));
    world.run("p");
    world.run_until("2026-11-16T13:00");
    assert_eq!(states(&world)[0].1, SlotState::Met);
    assert_eq!(world.state_of("d").0, "suspect");
}

#[test]
fn watched_data_of_which_nothing_says_as_of_when_it_is_cannot_be_told() {
    let line = "probe = { file = \"/in/file.csv\", as_of = \"mtime\", every = \"1m\" }\nrequires_as_of = true";
    let mut world = probed(line, "2026-11-16T12:00");
    world.probe("d", |now| file("a", (now >= at("2026-11-16T12:10")).then_some(now)));
    world.run_until("2026-11-16T12:05");
    let (state, reason) = world.state_of("d");
    assert_eq!(state, "unknown");
    assert!(reason.contains("requires_as_of"), "{reason}");
    world.run_until("2026-11-16T12:15");
    assert_eq!(world.state_of("d").0, "fresh");
}

#[test]
fn an_unchanged_delivery_that_must_change_leaves_its_slot_to_one_that_did() {
    let mut world = world("due = { at = \"0 7 * * *\" }\nmust_change = true", "2026-11-16T12:00");
    for (content, stands) in [
        ("a", SlotState::Met),
        ("a", SlotState::Late),
        ("b", SlotState::Recovered),
    ] {
        let day = if content == "a" && stands == SlotState::Met {
            "16T13:00"
        } else {
            "18T08:00"
        };
        world.run_until(&format!("2026-11-{day}"));
        world.script("p", move |_, _| Play::writes_undated(content));
        world.run("p");
        let soon = world.now.wall + std::time::Duration::from_mins(1);
        world.run_until(&soon.to_string());
        let decided = states(&world)
            .into_iter()
            .rfind(|(_, state)| *state != SlotState::Pending);
        assert_eq!(decided.map(|(_, state)| state), Some(stands), "{content}");
    }
}
