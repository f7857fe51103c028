//! Which looks at published files tell something, and of which files freshd knows the content without reading them.

use freshd::model::{Action, Decision, Event, Fact, Sighting, Stamp, Version, VersionNumber, VersionRef, VersionState};

use super::virtual_world::{Play, World};
use super::{made, world};

fn stamp(inode: u64) -> Stamp {
    Stamp {
        bytes: 100,
        modified_ns: 1,
        inode,
    }
}

/// A world in which version 1 of `d` lies as it was put there, which is inode 1.
fn published() -> World {
    let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
    world.outside.stamp = Some(stamp(1));
    world.script("p", |_, now| Play::writes("one", now));
    world.run("p");
    world.run_until("2026-03-02T08:05");
    world
}

/// `d` made by `p`, in another file.
fn made_elsewhere() -> String {
    made("max_age = \"26h\"").replace("d.csv", "new.csv")
}

/// Somebody looks at `file` for version 1, and finds that inode with that content; what that makes a fact.
fn looks(world: &mut World, file: &str, (inode, digest): (u64, &str)) -> Vec<Fact> {
    let before = world.facts.len();
    world.handle(Event::Sighted(Sighting {
        version: VersionRef {
            dataset: "d".into(),
            number: VersionNumber(1),
        },
        file: world.settings.file.with_file_name(file),
        at: world.now.wall,
        found: Ok(Some((stamp(inode), digest.to_owned()))),
    }));
    world.facts.split_off(before)
}

/// What the file of `d` is known to hold if it is this inode.
fn known(world: &World, inode: u64) -> Option<String> {
    let placed = world.engine.as_ref().expect("it runs").placed();
    placed.get("d").expect("it lies there").known(stamp(inode))
}

fn versions(facts: &[Fact]) -> Vec<&Version> {
    let versions = facts.iter().filter_map(|fact| match fact {
        Fact::Version(version) => Some(version.as_ref()),
        _ => None,
    });
    versions.collect()
}

fn observed_bytes(facts: &[Fact]) -> Vec<u64> {
    let bytes = |fact: &Fact| match fact {
        Fact::Observation(seen) => Some(seen.found.as_ref().ok()?.as_ref()?.bytes),
        _ => None,
    };
    facts.iter().filter_map(bytes).collect()
}

#[test]
fn what_was_put_in_place_is_known_until_it_is_found_changed_or_its_file_is_renamed() {
    let mut world = published();
    assert_eq!(known(&world, 1).as_deref(), Some("one"), "nobody has looked yet");
    assert_eq!(known(&world, 2), None);
    world.crash();
    world.restart();
    assert_eq!(known(&world, 1).as_deref(), Some("one"), "after a restart");
    world.reload(&made_elsewhere());
    assert_eq!(known(&world, 1), None, "what lies there is nobody's yet");

    let mut world = published();
    looks(&mut world, "d.csv", (2, "foreign"));
    assert_eq!(known(&world, 2).as_deref(), Some("foreign"));
    world.crash();
    world.restart();
    assert_eq!(known(&world, 1), None, "what was found wrong is looked at again");
}

#[test]
fn a_look_that_finds_the_version_where_it_was_put_is_no_fact() {
    let mut world = published();
    assert_eq!(looks(&mut world, "d.csv", (2, "one")), []);
    assert_eq!(known(&world, 2).as_deref(), Some("one"), "but it is known from then on");
    let placed = |world: &World| world.engine.as_ref().expect("it runs").placed()["d"].clone();
    let before = placed(&world);
    looks(&mut world, "d.csv", (2, "one"));
    assert!(std::sync::Arc::ptr_eq(&before, &placed(&world)), "nothing is new");
    world.reload(&made("max_age = \"27h\""));
    assert!(
        std::sync::Arc::ptr_eq(&before, &placed(&world)),
        "the file is where it was"
    );
    assert_eq!(known(&world, 2).as_deref(), Some("one"));
}

#[test]
fn a_foreign_file_changes_nothing_of_the_version_and_is_observed_in_its_size() {
    let mut world = published();
    let facts = looks(&mut world, "d.csv", (2, "foreign"));
    assert_eq!(versions(&facts), Vec::<&Version>::new());
    assert_eq!(observed_bytes(&facts), [100]);
    let before = world.facts.len();
    world.run("p");
    world.run_until("2026-03-02T08:10");
    assert_eq!(
        observed_bytes(&world.facts[before..]),
        [100],
        "the next version is there to be seen"
    );
}

#[test]
fn a_look_at_a_place_that_was_given_up_tells_nothing() {
    let mut world = published();
    world.reload(&made_elsewhere());
    assert_eq!(looks(&mut world, "d.csv", (2, "foreign")), []);
    assert_eq!(known(&world, 2), None);
}

#[test]
fn a_version_that_was_moved_is_known_by_what_it_is_now() {
    let mut world = published();
    world.reload(&made_elsewhere());
    let facts = looks(&mut world, "new.csv", (7, "one"));
    assert_eq!(versions(&facts)[0].stamp, Some(stamp(7)));
    world.crash();
    world.restart();
    assert_eq!(known(&world, 7).as_deref(), Some("one"));
}

#[test]
fn a_file_that_freshd_only_watches_from_now_on_is_nothing_that_it_put_there() {
    let mut world = published();
    let watched = "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\nprobe = { file = \"d.csv\", every = \"1m\" }\n";
    world.reload(&super::with_ops(watched));
    assert!(world.engine.as_ref().expect("it runs").placed().is_empty());
    assert_eq!(looks(&mut world, "d.csv", (2, "foreign")), []);
}

#[test]
fn what_is_put_back_has_no_look_of_its_own_before_it_lies_there_and_spares_what_readers_have() {
    let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
    world.outside.stamp = Some(stamp(1));
    for hour in 8..10 {
        world.run_until(&format!("2026-03-02T{hour:02}:30"));
        world.run("p");
    }
    world.run_until("2026-03-02T11:00");
    world.outside.disk_is_full_until = Some(super::virtual_world::at("2026-03-02T11:02"));
    super::by_hand::decides(&mut world, Decision::Restore, 1);
    let third = |world: &World| world.versions("d").pop().expect("version 3");
    assert_eq!(
        (third(&world).state, third(&world).stamp),
        (VersionState::Publishing, None)
    );
    let spared = world.asked.iter().rev().find_map(|action| match action {
        Action::Publish(publishing) => Some(publishing.spared.clone()),
        _ => None,
    });
    assert_eq!(spared, Some(vec![VersionNumber(2)]));
    world.run_until("2026-03-02T11:10");
    assert_eq!(
        (third(&world).state, third(&world).stamp),
        (VersionState::Published, Some(stamp(1)))
    );
}
