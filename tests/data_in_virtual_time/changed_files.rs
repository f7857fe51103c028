//! What others do to a published file: told once, over with the next version or when it is put back.

use std::sync::Arc;

use freshd::model::{Event, IncidentState, ProblemKind, Purpose, Sighting, Stamp, VersionNumber, VersionRef};

use super::virtual_world::{Crash, Play, World};
use super::world;

const OPS: &str = "mail:ops@sea.example";

/// A world in which version 1 of `d` lies where readers look.
fn published() -> World {
    let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
    world.script("p", |_, now| Play::writes("one", now));
    world.run("p");
    world.run_until("2026-03-02T08:05");
    world
}

fn stamp(inode: u64) -> Stamp {
    Stamp {
        bytes: 100,
        modified_ns: 1,
        inode,
    }
}

/// Somebody looks at what should be this version.
fn looks(world: &mut World, number: u64, found: Result<Option<(u64, &str)>, &str>) {
    let found = found.map(|lying| lying.map(|(inode, digest)| (stamp(inode), digest.to_owned())));
    world.handle(Event::Sighted(Sighting {
        version: VersionRef {
            dataset: "d".into(),
            number: VersionNumber(number),
        },
        file: world.settings.file.with_file_name("d.csv"),
        at: world.now.wall,
        found: found.map_err(str::to_owned),
    }));
}

fn served(world: &mut World) -> serde_json::Value {
    world.done(freshd::model::Request::Status { name: None })["datasets"][0]["served"].clone()
}

#[test]
fn a_removed_file_is_told_once_and_nothing_is_said_to_be_served() {
    let mut world = published();
    assert_eq!(served(&mut world), 1);
    for minute in 10..20 {
        world.run_until(&format!("2026-03-02T08:{minute}"));
        looks(&mut world, 1, Ok(None));
    }
    let (state, reason) = world.state_of("d");
    assert_eq!(state, "changed");
    assert!(
        reason.ends_with("d.csv was removed by somebody else: nothing is served, where version 1 was"),
        "{reason}"
    );
    assert!(served(&mut world).is_null());
    let open = world.open_incidents();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].kind, ProblemKind::Changed);
    assert_eq!(world.told_to(OPS), [Purpose::Opening], "one message");
    let message = &world.sent[0].1.message;
    assert!(
        message.headline.contains("is not what was published"),
        "{}",
        message.headline
    );
    let readers = message.facts.iter().find(|fact| fact.label == "Readers see");
    let readers = &readers.expect("what readers see").text;
    assert!(readers.starts_with("not version 1 of d"), "{readers}");
    assert!(
        message
            .commands
            .contains(&"freshd restore d@1 --because TEXT".to_owned()),
        "{:?}",
        message.commands
    );
}

#[test]
fn the_next_version_ends_it_and_so_does_the_file_that_is_put_back() {
    for is_put_back in [false, true] {
        let mut world = published();
        looks(&mut world, 1, Ok(Some((9, "foreign"))));
        world.run_until("2026-03-02T08:10");
        let (state, reason) = world.state_of("d");
        assert_eq!(state, "changed");
        assert!(
            reason.contains("was written over by somebody else: version 1 is no longer what readers see"),
            "{reason}"
        );
        if is_put_back {
            looks(&mut world, 1, Ok(Some((10, "one"))));
        } else {
            world.script("p", |_, now| Play::writes("two", now));
            world.run("p");
        }
        world.run_until("2026-03-02T08:20");
        assert_eq!(world.state_of("d").0, "fresh");
        assert_eq!(world.open_incidents().len(), 0);
        assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Recovery]);
        let placed = world.engine.as_ref().expect("it runs").placed()["d"].clone();
        let known = placed.known(stamp(10));
        assert_eq!(
            known.as_deref(),
            is_put_back.then_some("one"),
            "it need not be read again"
        );
        world.crash();
        world.restart();
        assert_eq!(world.state_of("d").0, "fresh", "also after a restart");
    }
}

#[test]
fn a_look_at_what_was_replaced_meanwhile_says_nothing() {
    let mut world = published();
    world.run("p");
    world.run_until("2026-03-02T08:06");
    looks(&mut world, 1, Ok(None));
    assert_eq!(world.state_of("d").0, "fresh");
    // Accepted, and not in place yet: whatever lies there is about to be replaced.
    world.outside.disk_is_full_until = Some(super::virtual_world::at("2026-03-02T08:10"));
    world.run("p");
    world.run_until("2026-03-02T08:07");
    assert!(world.engine.as_ref().expect("it runs").placed().is_empty());
    looks(&mut world, 2, Ok(Some((8, "foreign"))));
    assert_eq!(world.state_of("d").0, "fresh");
}

#[test]
fn a_share_that_is_gone_is_unknown_and_no_version_is_said_to_be_served() {
    let mut world = published();
    looks(&mut world, 1, Err("/srv did not answer within 30s; is a share gone?"));
    let (state, reason) = world.state_of("d");
    assert_eq!(state, "unknown");
    assert!(
        reason.contains("nobody can tell whether readers still see version 1"),
        "{reason}"
    );
    assert!(served(&mut world).is_null());
    looks(&mut world, 1, Ok(Some((2, "one"))));
    assert_eq!(world.state_of("d").0, "fresh");
}

#[test]
fn what_was_changed_is_known_after_a_crash_at_any_side_of_the_commit() {
    for crash in [Crash::Before, Crash::After, Crash::Acted] {
        let mut world = published();
        world.crash_at = Some((world.commits + 1, crash));
        looks(&mut world, 1, Ok(None));
        let stored = if crash == Crash::Before { "fresh" } else { "changed" };
        assert_eq!(world.state_of("d").0, stored);
        // The look at start finds it again; what is known already is no fact.
        let facts = world.facts.len();
        looks(&mut world, 1, Ok(None));
        assert_eq!(world.state_of("d").0, "changed");
        assert_eq!(world.facts.len() > facts, crash == Crash::Before);
    }
}

#[test]
fn nobody_upstream_is_blamed_for_it() {
    let mut world = published();
    world.script("p", |_, _| Play::fails(1, "no connection"));
    world.run("p");
    world.run_until("2026-03-02T08:10");
    looks(&mut world, 1, Ok(None));
    world.run_until("2026-03-02T08:15");
    let states: Vec<_> = world.incidents().iter().map(|incident| incident.state).collect();
    assert_eq!(states, [IncidentState::Open, IncidentState::Open]);
}

#[test]
fn what_is_to_be_looked_at_is_shared_until_something_of_it_changes() {
    let mut world = published();
    let placed = |world: &World| world.engine.as_ref().expect("it runs").placed().clone();
    let before = placed(&world);
    assert_eq!(before["d"].version.number, VersionNumber(1));
    world.run_until("2026-03-02T08:10");
    world.handle(Event::Tick);
    assert!(Arc::ptr_eq(&before["d"], &placed(&world)["d"]), "nothing has happened");
    // A look that finds what was known, by its new stamp, is known from then on.
    looks(&mut world, 1, Ok(Some((10, "one"))));
    assert_eq!(placed(&world)["d"].known(stamp(10)).as_deref(), Some("one"));
    world.run("p");
    world.run_until("2026-03-02T08:20");
    assert_eq!(placed(&world)["d"].version.number, VersionNumber(2));
    world.crash();
    world.restart();
    assert_eq!(
        placed(&world)["d"].version.number,
        VersionNumber(2),
        "also after a restart"
    );
    let elsewhere = super::made("max_age = \"26h\"").replace("d.csv", "new.csv");
    world.reload(&elsewhere);
    assert!(placed(&world)["d"].file.ends_with("new.csv"));
    world.reload(&super::virtual_world::with_ops(""));
    assert!(placed(&world).is_empty(), "nobody promises it any more");
}
