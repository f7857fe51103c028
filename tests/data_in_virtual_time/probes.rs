//! Data that no job here produces: what a probe sees, cannot see, and sees again.

use std::path::PathBuf;

use freshd::model::{ProblemKind, Severity, SlotState};

use super::probed;
use super::virtual_world::{World, at, file};

const INBOX: &str = "probe = { file = \"/in/file.csv\", every = \"1m\" }";

fn watched(further: &str, from: &str) -> World {
    probed(&format!("{INBOX}\n{further}"), from)
}

fn state(world: &mut World, when: &str) -> (String, String) {
    world.run_until(when);
    world.state_of("d")
}

#[test]
fn a_change_of_what_is_found_is_a_new_version() {
    let mut world = watched("max_age = \"26h\"", "2026-03-02T08:00");
    world.probe("d", |now| {
        file(if now < at("2026-03-02T08:10") { "a" } else { "b" }, None)
    });
    assert_eq!(world.versions("d").len(), 0);
    world.run_until("2026-03-02T08:30");
    let versions = world.versions("d");
    let arrived: Vec<_> = versions.iter().map(|version| version.arrived_at).collect();
    assert_eq!(arrived, [at("2026-03-02T08:01"), at("2026-03-02T08:10")]);
    assert_eq!(versions[1].as_of, versions[1].arrived_at);
    assert_eq!(world.state_of("d").0, "fresh");
}

#[test]
fn a_probe_looks_every_so_often_and_never_twice_at_once() {
    let mut world = watched("", "2026-03-02T08:00");
    let looks = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = looks.clone();
    world.probe("d", move |now| {
        seen.borrow_mut().push(now);
        file("a", None)
    });
    world.run_until("2026-03-02T08:10");
    assert_eq!(looks.borrow().len(), 10);
    assert!(
        looks
            .borrow()
            .windows(2)
            .all(|pair| pair[1].duration_since(pair[0]) == jiff::SignedDuration::from_mins(1))
    );
}

#[test]
fn a_restart_sees_the_same_and_makes_no_version_of_it() {
    let mut world = watched("max_age = \"1h\"", "2026-03-02T08:00");
    world.probe("d", |_| file("a", None));
    world.run_until("2026-03-02T08:30");
    world.crash();
    world.run_until("2026-03-02T08:50");
    world.restart();
    assert_eq!(state(&mut world, "2026-03-02T09:02").0, "stale");
    assert_eq!(world.versions("d").len(), 1);
}

#[test]
fn the_same_content_seen_again_after_an_error_is_not_newer() {
    let mut world = watched("max_age = \"1h\"", "2026-03-02T08:00");
    world.probe("d", |now| {
        let unmounted = now >= at("2026-03-02T08:30") && now < at("2026-03-02T08:40");
        if unmounted {
            (Err("the share is not mounted".to_owned()), None)
        } else {
            file("a", None)
        }
    });
    let (word, reason) = state(&mut world, "2026-03-02T08:35");
    assert_eq!(
        (word.as_str(), reason.as_str()),
        ("unknown", "the probe cannot tell: the share is not mounted")
    );
    assert_eq!(state(&mut world, "2026-03-02T08:45").0, "fresh");
    assert_eq!(world.versions("d").len(), 1);
    assert_eq!(
        state(&mut world, "2026-03-02T09:01:30").0,
        "stale",
        "an hour after it was first seen"
    );
}

#[test]
fn what_was_touched_is_recorded_as_unchanged_and_is_not_newer() {
    let probe = "probe = { file = \"/in/file.csv\", every = \"1m\", as_of = \"mtime\" }\nmax_age = \"1h\"\n\
                 due = { at = \"0 9 * * *\" }\nmust_change = true";
    let mut world = probed(probe, "2026-03-02T07:30");
    // Touched every ten minutes, changed never.
    world.probe("d", |now| {
        file("a", Some(now.round((jiff::Unit::Hour, 1)).unwrap().min(now)))
    });
    world.run_until("2026-03-02T09:30");
    let versions = world.versions("d");
    assert!(
        versions.len() > 1 && versions[1..].iter().all(|version| version.unchanged),
        "{versions:?}"
    );
    assert!(
        versions[1..].iter().all(|version| version.as_of == versions[0].as_of),
        "{versions:?}"
    );
    let (word, _) = world.state_of("d");
    assert_eq!(word, "stale");
    let slot = world
        .slots("d")
        .into_iter()
        .find(|slot| slot.due_at == at("2026-03-02T09:00"))
        .unwrap();
    assert_eq!(
        slot.version.map(|version| version.0),
        Some(1),
        "met by the first sight alone"
    );
}

#[test]
fn nothing_there_is_unknown_and_a_problem() {
    let mut world = watched("max_age = \"26h\"", "2026-03-02T08:00");
    world.probe("d", |_| (Ok(None), None));
    let (word, reason) = state(&mut world, "2026-03-02T08:03");
    assert_eq!(
        (word.as_str(), reason.as_str()),
        ("unknown", "never seen: the probe finds nothing there")
    );
    assert_eq!(world.open_incidents()[0].kind, ProblemKind::Unknown);
    world.probe("d", |_| file("a", None));
    assert_eq!(state(&mut world, "2026-03-02T08:10").0, "fresh");
    assert_eq!(world.open_incidents().len(), 0);
}

#[test]
fn what_is_not_there_when_it_is_due_is_late_though_it_was_never_seen() {
    let mut world = watched("due = { at = \"0 9 * * *\", grace = \"15m\" }", "2026-03-02T08:00");
    world.probe("d", |_| (Ok(None), None));
    assert_eq!(state(&mut world, "2026-03-02T09:14").0, "unknown");
    let (word, reason) = state(&mut world, "2026-03-02T09:17");
    let due = "no delivery has ever come; the last was due by Mon 2026-03-02 09:15";
    assert_eq!((word.as_str(), reason.as_str()), ("late", due));
    let incident = &world.open_incidents()[0];
    assert_eq!(
        (incident.kind, incident.severity),
        (ProblemKind::Late, Severity::Critical)
    );
    // Who cannot look does not know.
    world.probe("d", |_| (Err("the share hangs".to_owned()), None));
    assert_eq!(state(&mut world, "2026-03-02T09:30").0, "unknown");
}

#[test]
fn a_probe_that_cannot_tell_raises_its_own_incident() {
    let mut world = watched("max_age = \"26h\"", "2026-03-02T08:00");
    world.probe("d", |now| {
        if now < at("2026-03-02T09:00") {
            file("a", None)
        } else {
            (Err("permission denied".to_owned()), None)
        }
    });
    assert_eq!(state(&mut world, "2026-03-02T08:59").0, "fresh");
    assert_eq!(state(&mut world, "2026-03-02T09:05").0, "unknown");
    let incident = world.open_incidents().pop().unwrap();
    assert_eq!(
        (incident.kind, incident.since),
        (ProblemKind::Unknown, at("2026-03-02T09:00"))
    );
    assert_eq!(incident.reason, "the probe cannot tell: permission denied");
}

#[test]
fn a_file_still_being_written_has_not_arrived() {
    let mut world = watched("max_age = \"26h\"", "2026-03-02T08:00");
    world.probe("d", |now| {
        if now < at("2026-03-02T08:05") {
            file("a", None)
        } else if now < at("2026-03-02T08:10") {
            (Ok(None), Some(PathBuf::from("/in/file.csv")))
        } else {
            file("b", None)
        }
    });
    assert_eq!(
        state(&mut world, "2026-03-02T08:07").0,
        "fresh",
        "what was seen before stands"
    );
    assert_eq!(world.versions("d").len(), 1);
    world.run_until("2026-03-02T08:11");
    assert_eq!(world.versions("d")[1].arrived_at, at("2026-03-02T08:10"));
}

#[test]
fn a_file_taken_away_and_brought_again_is_a_delivery_but_no_news() {
    let mut world = watched("due = { at = \"0 9 * * *\" }", "2026-03-02T07:30");
    world.probe("d", |now| {
        let taken = now >= at("2026-03-02T09:10") && now < at("2026-03-03T08:00");
        if taken { (Ok(None), None) } else { file("a", None) }
    });
    world.run_until("2026-03-03T09:30");
    let versions = world.versions("d");
    assert_eq!(versions.len(), 2);
    assert!(versions[1].unchanged);
    assert_eq!(versions[1].as_of, versions[0].as_of);
    let states: Vec<_> = world.slots("d").iter().map(|slot| slot.state).collect();
    assert_eq!(states[..2], [SlotState::Met, SlotState::Met]);
}

#[test]
fn probed_slots_are_met_by_what_is_seen_in_time() {
    let mut world = watched("due = { at = \"0 9 * * *\", grace = \"5m\" }", "2026-03-02T07:30");
    world.probe("d", |now| {
        file(if now < at("2026-03-03T09:03") { "a" } else { "b" }, None)
    });
    world.run_until("2026-03-03T10:00");
    let states: Vec<_> = world.slots("d").iter().map(|slot| slot.state).collect();
    assert_eq!(states[..2], [SlotState::Met, SlotState::Met]);
}

#[test]
fn a_clock_set_backward_does_not_stop_the_looking() {
    let mut world = watched("", "2026-03-02T08:00");
    world.probe("d", |now| file(&now.to_string(), None));
    world.run_until("2026-03-02T08:10:30");
    let before = world.versions("d").len();
    world.set_clock("2026-03-01T08:10:30");
    world.run_until("2026-03-01T08:15:30");
    assert!(world.versions("d").len() >= before + 4, "{}", world.versions("d").len());
}

#[test]
fn an_empty_file_is_no_delivery_unless_it_may_be_empty() {
    use freshd::model::Measurement;
    let found = |bytes, rows| {
        let measured = Measurement {
            bytes,
            rows,
            sha256: format!("{bytes}"),
            as_of: None,
        };
        (Ok(Some(measured)), Some(PathBuf::from("/in/file.csv")))
    };
    for (further, bytes, rows, expected) in [
        ("", 0, None, Some("0 bytes")),
        ("", 0, Some(0), Some("0 bytes")),
        ("", 9, Some(0), Some("0 rows")),
        ("", 9, Some(1), None),
        ("may_be_empty = true", 0, Some(0), None),
    ] {
        let mut world = watched(&format!("max_age = \"26h\"\n{further}"), "2026-03-02T08:00");
        world.probe("d", move |now| {
            if now < at("2026-03-02T08:10") {
                found(10, Some(2))
            } else {
                found(bytes, rows)
            }
        });
        let told = state(&mut world, "2026-03-02T08:15");
        let versions = world.versions("d").len();
        match expected {
            None => assert_eq!((told.0.as_str(), versions), ("fresh", 2), "{bytes} {rows:?}"),
            Some(what) => {
                let why = format!(
                    "the probe cannot tell: the file has {what}; if that can be right, set may_be_empty = true for the dataset"
                );
                assert_eq!((told, versions), (("unknown".to_owned(), why), 1));
                let kinds: Vec<_> = world.open_incidents().iter().map(|incident| incident.kind).collect();
                assert_eq!(kinds, [ProblemKind::Unknown]);
            }
        }
    }
}

#[test]
fn content_whose_digest_is_not_known_is_compared_by_its_size() {
    let mut world = watched("max_age = \"26h\"", "2026-03-02T08:00");
    world.probe("d", |now| {
        file(if now < at("2026-03-02T08:10") { "a" } else { "" }, None)
    });
    world.run_until("2026-03-02T08:30");
    let versions = world.versions("d");
    let seen: Vec<_> = versions
        .iter()
        .map(|version| (version.as_of, version.unchanged))
        .collect();
    let first = at("2026-03-02T08:01");
    assert_eq!(seen, [(first, false), (first, true)]);
}

#[test]
fn looks_are_at_whole_multiples_of_their_distance_whenever_freshd_started() {
    let mut world = watched("", "2026-03-02T08:00:40");
    let looks = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = looks.clone();
    world.probe("d", move |now| {
        seen.borrow_mut().push(super::virtual_world::clock(now));
        file("a", None)
    });
    world.run_until("2026-03-02T08:03");
    assert_eq!(*looks.borrow(), ["08:01:00", "08:02:00", "08:03:00"]);
}

#[test]
fn without_digests_content_is_the_same_when_bytes_and_rows_are() {
    for (bytes, rows, versions) in [(10, 3, 1), (11, 3, 2), (10, 4, 2)] {
        let mut world = watched("", "2026-03-02T08:00");
        let found = |bytes, rows| {
            let measured = freshd::model::Measurement {
                bytes,
                rows: Some(rows),
                sha256: String::new(),
                as_of: None,
            };
            (Ok(Some(measured)), Some(PathBuf::from("/in/file.csv")))
        };
        world.probe("d", move |now| match now {
            now if now < at("2026-03-02T08:05") => found(10, 3),
            now if now < at("2026-03-02T08:10") => (Err("no route to host".to_owned()), None),
            _ => found(bytes, rows),
        });
        world.run_until("2026-03-02T08:15");
        assert_eq!(world.versions("d").len(), versions, "{bytes} bytes, {rows} rows");
    }
}

#[test]
fn a_time_that_nobody_asked_for_is_not_the_as_of_of_what_is_found() {
    let mut world = watched("", "2026-03-02T08:00");
    world.probe("d", |_| file("a", Some(at("2026-02-27T12:00"))));
    world.run_until("2026-03-02T08:05");
    assert_eq!(world.versions("d")[0].as_of, at("2026-03-02T08:01"));
}

#[test]
fn what_is_seen_again_after_it_could_not_be_looked_at_is_the_version_that_it_was() {
    // With a digest, and without one, where all that is known of it must agree.
    for digest in ["a", ""] {
        let mut world = watched("max_age = \"26h\"\nas_of = \"mtime\"", "2026-03-02T08:00");
        world.probe("d", move |now| match now {
            now if now < at("2026-03-02T08:10") => file(digest, Some(at("2026-03-02T07:00"))),
            now if now < at("2026-03-02T08:20") => (Err("the share is gone".to_owned()), None),
            _ => file(digest, Some(at("2026-03-02T07:00"))),
        });
        world.run_until("2026-03-02T08:15");
        assert_eq!(world.state_of("d").0, "unknown");
        world.run_until("2026-03-02T08:30");
        assert_eq!(world.state_of("d").0, "fresh");
        let versions = world.versions("d");
        assert_eq!(versions.len(), 1, "{digest:?}: {versions:?}");
    }
}
