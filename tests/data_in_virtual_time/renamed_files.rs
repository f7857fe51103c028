//! A dataset's file is renamed in jobs.toml: what was published before is found by its old name, and nobody has removed it.

use freshd::model::{
    Action, Decision, Event, Outcome, Publishing, Purpose, Sighting, Stamp, VersionNumber, VersionRef, VersionState,
};

use super::by_hand::decides;
use super::virtual_world::{Crash, Play, World, with_ops};

const OPS: &str = "mail:ops@sea.example";

/// Job `p` makes `d` in this file, job `q` reads it.
fn made_in(file: &str) -> String {
    with_ops(&format!(
        "[datasets.d]\nowner = \"ops\"\nfile = \"{file}\"\nmax_age = \"26h\"\n\
         [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
         [jobs.q]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"d\"]\n"
    ))
}

/// Version 1 was published as `old.csv`, version 2 was refused; since then the file is `new.csv`.
fn renamed() -> World {
    let mut world = World::start(&made_in("old.csv"), "2026-03-02T08:00");
    world.script("p", |_, now| Play::writes("one", now));
    world.run("p");
    world.run_until("2026-03-02T08:10");
    world.script("p", |_, now| Play::writes("few", now).refused("3 rows, at least 50"));
    world.run("p");
    world.run_until("2026-03-02T08:20");
    world.reload(&made_in("new.csv"));
    world.run_until("2026-03-02T08:30");
    world
}

/// Somebody looks where readers look now.
fn looks(world: &mut World, file: &str, found: Option<&str>) {
    let stamp = Stamp {
        bytes: 100,
        modified_ns: 1,
        inode: 9,
    };
    world.handle(Event::Sighted(Sighting {
        version: VersionRef {
            dataset: "d".into(),
            number: VersionNumber(1),
        },
        file: world.settings.file.with_file_name(file),
        at: world.now.wall,
        found: Ok(found.map(|digest| (stamp, digest.to_owned()))),
    }));
}

fn last_publication(world: &World) -> Publishing {
    let published = world.asked.iter().rev().find_map(|action| match action {
        Action::Publish(publishing) => Some(Publishing::clone(publishing)),
        _ => None,
    });
    published.expect("a publication")
}

fn served(world: &mut World) -> serde_json::Value {
    world.status("d")["datasets"][0]["served"].clone()
}

#[test]
fn a_run_is_given_the_last_good_version_by_the_name_under_which_it_is_kept() {
    for restarts in [false, true] {
        let mut world = renamed();
        if restarts {
            world.crash();
            world.restart();
        }
        world.run("q");
        world.run_until("2026-03-02T08:31");
        let (_, id, _) = world.started.last().expect("it was started");
        let env = &world.specs[id].env;
        let input = env.iter().find(|(key, _)| key == "FRESHD_INPUT_D").expect("its input");
        assert!(input.1.ends_with("/versions/d/1/old.csv"), "{}", input.1);
    }
}

#[test]
fn nothing_is_called_removed_that_nobody_removed() {
    let mut world = renamed();
    for restarts in [false, true] {
        if restarts {
            world.crash();
            world.restart();
        }
        looks(&mut world, "new.csv", None);
        // A look at the old place that was still on its way.
        looks(&mut world, "old.csv", None);
        let (state, reason) = world.state_of("d");
        assert_eq!(state, "changed", "{reason}");
        assert!(
            reason.contains("old.csv, nothing at ")
                && reason.ends_with(
                    "new.csv; `freshd run p` puts a new version there, `freshd restore d@1 --because TEXT` this one"
                ),
            "{reason}"
        );
        assert!(!reason.contains("removed"), "{reason}");
        assert!(served(&mut world).is_null(), "nothing of it is at the new place");
        let left = world.engine.as_ref().expect("it runs").left_behind(&world.settings);
        assert_eq!(left.len(), 1);
        assert!(
            left[0].contains("d@1 stays there") && left[0].contains("`freshd restore d@1 --because TEXT`"),
            "{left:?}"
        );
    }
}

#[test]
fn until_somebody_has_looked_at_the_new_place_nothing_is_fresh_and_nobody_is_told() {
    let mut world = World::start(&made_in("old.csv"), "2026-03-02T08:00");
    world.script("p", |_, now| Play::writes("one", now));
    world.run("p");
    world.run_until("2026-03-02T08:10");
    world.reload(&made_in("new.csv"));
    let (state, reason) = world.state_of("d");
    assert_eq!(state, "unknown");
    assert!(reason.contains("nobody has looked yet at what lies at "), "{reason}");
    world.run_until("2026-03-02T08:20");
    assert!(world.incidents().is_empty(), "{:?}", world.incidents());
    // The way back: all is as it was.
    world.reload(&made_in("old.csv"));
    assert_eq!(world.state_of("d").0, "fresh");
}

#[test]
fn the_owner_of_a_renamed_file_is_told_once_and_of_the_end_when_the_next_version_is_there() {
    for is_restored in [false, true] {
        let mut world = World::start(&made_in("old.csv"), "2026-03-02T08:00");
        world.script("p", |_, now| Play::writes("one", now));
        world.run("p");
        world.run_until("2026-03-02T08:10");
        world.reload(&made_in("new.csv"));
        looks(&mut world, "new.csv", Some("foreign"));
        let (state, reason) = world.state_of("d");
        assert_eq!(state, "changed");
        assert!(
            reason.contains("something that freshd did not publish lies at "),
            "{reason}"
        );
        world.run_until("2026-03-02T08:15");
        looks(&mut world, "new.csv", Some("foreign"));
        world.crash();
        world.restart();
        looks(&mut world, "new.csv", Some("foreign"));
        world.run_until("2026-03-02T08:30");
        assert_eq!(world.told_to(OPS), [Purpose::Opening], "one message");
        if is_restored {
            decides(&mut world, Decision::Restore, 1);
        } else {
            world.run("p");
        }
        world.run_until("2026-03-02T08:40");
        assert_eq!(world.state_of("d").0, "fresh");
        assert_eq!(served(&mut world), 2);
        assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Recovery]);
    }
}

#[test]
fn who_needs_a_renamed_file_is_held_until_something_is_published_there() {
    let hourly = |file: &str| made_in(file).replace("needs = [\"d\"]", "needs = [\"d\"]\nschedule = \"0 * * * *\"");
    let mut world = World::start(&hourly("old.csv"), "2026-03-02T08:01");
    world.script("p", |_, now| Play::writes("one", now));
    world.run("p");
    world.run_until("2026-03-02T08:50");
    world.reload(&hourly("new.csv"));
    looks(&mut world, "new.csv", None);
    world.run_until("2026-03-02T09:10");
    let waiting = world.last_run("q");
    assert_eq!(waiting.attempts, 0, "{waiting:?}");
    assert!(waiting.reason.expect("why").contains("waits for d to be fresh"));
    world.run("p");
    world.run_until("2026-03-02T09:15");
    assert_eq!(world.last_run("q").outcome, Some(Outcome::Succeeded));
}

#[test]
fn whoever_renames_the_file_itself_too_has_moved_the_version() {
    let mut world = renamed();
    looks(&mut world, "new.csv", None);
    looks(&mut world, "new.csv", Some("one"));
    assert_eq!(served(&mut world), 1);
    let first = world.versions("d").remove(0);
    assert!(first.file.expect("a place").ends_with("new.csv"));
    assert_eq!(first.kept_as.as_deref(), Some("old.csv"), "its copy is where it was");
    assert_eq!(
        world
            .engine
            .as_ref()
            .expect("it runs")
            .left_behind(&world.settings)
            .len(),
        0
    );
    // From now on somebody can remove it.
    looks(&mut world, "new.csv", None);
    assert_eq!(world.state_of("d").0, "changed");
}

#[test]
fn what_a_person_decides_is_put_under_the_new_name_from_the_copy_under_the_old_one() {
    for (decision, number, kept, becomes) in [
        (Decision::Restore, 1, "versions/d/1/old.csv", 3),
        (Decision::Release, 2, "quarantine/d/2/old.csv", 2),
    ] {
        for crash in [None, Some(Crash::After), Some(Crash::Acted)] {
            let mut world = renamed();
            world.crash_at = crash.map(|crash| (world.commits + 1, crash));
            decides(&mut world, decision, number);
            let asked = last_publication(&world);
            assert!(asked.staged.ends_with(kept), "{}", asked.staged.display());
            assert!(asked.version.file.expect("a target").ends_with("new.csv"));
            let versions = world.versions("d");
            let published = versions.iter().find(|version| version.number.0 == becomes).expect("it");
            assert_eq!(published.state, VersionState::Published);
            assert_eq!(served(&mut world), becomes);
        }
    }
}

#[test]
fn what_was_accepted_before_the_file_was_renamed_is_published_where_its_run_meant_it() {
    let mut world = World::start(&made_in("old.csv"), "2026-03-02T08:00");
    world.script("p", |_, now| Play::writes("one", now));
    world.outside.disk_is_full_until = Some(super::virtual_world::at("2026-03-02T08:02"));
    world.run("p");
    world.run_until("2026-03-02T08:01");
    world.crash();
    world.edit(&made_in("new.csv"));
    world.restart();
    world.run_until("2026-03-02T08:10");
    let first = world.versions("d").remove(0);
    assert_eq!(first.state, VersionState::Published);
    assert!(first.file.expect("a place").ends_with("old.csv"));
    let asked = last_publication(&world);
    assert!(
        asked.staged.ends_with(".old.csv.freshd-1-1"),
        "{}",
        asked.staged.display()
    );
}
