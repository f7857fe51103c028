//! Data of which events of `OpenLineage` say that it has arrived, and what it was made from.

use freshd::model::{LineageWord, PingKind, ProblemKind, Reply, Request};

use super::virtual_world::{World, at, with_ops};

/// Two datasets that are made elsewhere: `orders` from `items`.
fn told(promise: &str) -> World {
    let dataset = |name: &str, promise: &str| {
        format!("[datasets.{name}]\nowner = \"ops\"\nprobe = {{ openlineage = \"shop/public.{name}\" }}\n{promise}\n")
    };
    let jobs = format!("{}{}", dataset("items", ""), dataset("orders", promise));
    World::start(&with_ops(&jobs), "2026-03-02T08:00")
}

/// Of a run that ends then.
fn word(kind: PingKind, of: &str, at_time: &str, reads: &[&str]) -> Request {
    let run = at_time.replace(':', "-");
    word_of(&run, kind, of, at_time, reads)
}

fn word_of(run: &str, kind: PingKind, of: &str, at_time: &str, reads: &[&str]) -> Request {
    Request::Lineage(LineageWord {
        kind,
        run: run.to_owned(),
        at: at(at_time),
        makes: vec![of.into()],
        reads: reads.iter().map(|name| (*name).into()).collect(),
        text: "spark/daily".to_owned(),
    })
}

#[test]
fn what_a_run_elsewhere_has_made_is_a_version_as_of_its_end_and_as_old_as_what_it_has_read() {
    let mut world = told("max_age = \"26h\"");
    world.run_until("2026-03-02T09:00");
    world.done(word(PingKind::Success, "items", "2026-03-02T08:30", &[]));
    world.done(word(PingKind::Start, "orders", "2026-03-02T08:50", &["items"]));
    assert_eq!(world.versions("orders").len(), 0, "it has only begun");
    world.done(word(
        PingKind::Success,
        "orders",
        "2026-03-02T08:55",
        &["items", "orders"],
    ));
    world.crash();
    world.restart();
    let orders = world.versions("orders").remove(0);
    assert_eq!(
        (orders.arrived_at, orders.as_of, orders.effective_as_of),
        (at("2026-03-02T09:00"), at("2026-03-02T08:55"), at("2026-03-02T08:30"))
    );
    let limited = orders.limited_by.expect("something limits it");
    assert_eq!(
        (limited.dataset.as_str(), orders.inputs.as_slice()),
        ("items", [limited.clone()].as_slice())
    );
    world.run_until("2026-03-03T10:29");
    assert_eq!(world.state_of("orders").0, "fresh");
    world.run_until("2026-03-03T10:30");
    assert_eq!(world.state_of("orders").0, "stale");
}

#[test]
fn events_that_come_twice_late_or_from_a_clock_that_is_ahead_make_nothing_new_of_old_data() {
    let mut world = told("");
    for (now, kind, at_time) in [
        ("2026-03-02T09:00", PingKind::Success, "2026-03-02T08:55"),
        ("2026-03-02T09:01", PingKind::Success, "2026-03-02T08:55"),
        ("2026-03-02T09:10", PingKind::Success, "2026-03-02T08:20"),
        ("2026-03-02T09:11", PingKind::Fail, "2026-03-02T08:30"),
    ] {
        world.run_until(now);
        world.done(word(kind, "orders", at_time, &[]));
    }
    world.run_until("2026-03-02T09:30");
    assert_eq!(world.versions("orders").len(), 1);
    assert!(world.open_incidents().is_empty(), "it failed before it has succeeded");
    world.done(word(PingKind::Success, "orders", "2026-03-02T11:00", &[]));
    let versions = world.versions("orders");
    assert_eq!((versions.len(), versions[1].as_of), (2, at("2026-03-02T09:30")));
    world.crash();
    let pings = world.reader().pings_of(&"orders".into(), 9).expect("the store is read");
    assert_eq!(pings.len(), 5, "all are on record");
}

#[test]
fn a_run_elsewhere_that_has_failed_is_told_and_over_with_the_next_that_has_not() {
    let mut world = told("max_age = \"26h\"");
    world.done(word(PingKind::Success, "orders", "2026-03-02T08:00", &[]));
    world.run_until("2026-03-02T09:00");
    world.done(word(PingKind::Fail, "orders", "2026-03-02T08:59", &[]));
    world.run_until("2026-03-02T09:05");
    let incident = world.open_incidents().remove(0);
    assert_eq!(
        (incident.kind, incident.subject.as_str()),
        (ProblemKind::Failed, "orders")
    );
    assert!(
        incident.reason.contains("has failed: spark/daily"),
        "{}",
        incident.reason
    );
    world.done(word(PingKind::Success, "orders", "2026-03-02T09:05", &[]));
    world.run_until("2026-03-02T09:10");
    assert!(world.open_incidents().is_empty());
}

#[test]
fn nothing_follows_for_data_that_is_looked_at_or_not_known_or_at_an_unknown_time() {
    let mut world = told("");
    let nowhere = world.done(word(PingKind::Success, "nowhere", "2026-03-02T08:00", &[]));
    assert_eq!(nowhere["datasets"], serde_json::json!([]));
    world.done(word(PingKind::Success, "orders", "2026-03-02T08:00", &["nowhere"]));
    world.set_clock("2026-03-01T08:00");
    let Reply::Refused(why) = world.ask(word(PingKind::Success, "orders", "2026-03-02T08:05", &[])) else {
        panic!("it is as of nobody knows when");
    };
    assert!(why.contains("send it again"), "{why}");
    assert_eq!(world.versions("orders").len(), 1);
}

#[test]
fn a_success_that_was_before_the_last_failure_ends_it_not_however_late_it_comes() {
    for crashes in [false, true] {
        let mut world = told("");
        world.done(word(PingKind::Success, "orders", "2026-03-02T08:00", &[]));
        world.run_until("2026-03-02T09:00");
        world.done(word(PingKind::Fail, "orders", "2026-03-02T08:59", &[]));
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-03-02T09:05");
        world.done(word(PingKind::Success, "orders", "2026-03-02T08:50", &[]));
        // Nor is an earlier failure the last one.
        world.done(word(PingKind::Fail, "orders", "2026-03-02T08:40", &[]));
        world.run_until("2026-03-02T09:10");
        assert_eq!(world.versions("orders").len(), 1);
        let incident = world.open_incidents().remove(0);
        let whole = (incident.kind, incident.since);
        assert_eq!(
            whole,
            (ProblemKind::Failed, at("2026-03-02T08:59")),
            "crashes: {crashes}"
        );
        world.done(word(PingKind::Success, "orders", "2026-03-02T08:59:30", &[]));
        world.run_until("2026-03-02T09:15");
        assert!(world.open_incidents().is_empty(), "that was after it");
    }
}

#[test]
fn a_run_that_says_twice_that_it_has_ended_has_made_one_version() {
    let mut world = told("");
    world.run_until("2026-03-02T09:00");
    // By a clock that is ahead, and by a client that ends a run with several events.
    for (run, times) in [
        ("a", ["2026-03-02T11:00", "2026-03-02T11:00"]),
        ("b", ["2026-03-02T09:01", "2026-03-02T09:02"]),
    ] {
        for (minute, at_time) in times.iter().enumerate() {
            world.done(word_of(run, PingKind::Success, "orders", at_time, &[]));
            world.run_until(&format!("2026-03-02T09:0{}", 2 * minute + 2));
        }
    }
    let made: Vec<_> = world.versions("orders").iter().map(|version| version.as_of).collect();
    assert_eq!(made, [at("2026-03-02T09:00"), at("2026-03-02T09:01")]);
    // A run that had failed and was tried again has something to say.
    for kind in [PingKind::Fail, PingKind::Success] {
        world.run_until(if kind == PingKind::Fail {
            "2026-03-02T09:10"
        } else {
            "2026-03-02T09:20"
        });
        let now = if kind == PingKind::Fail {
            "2026-03-02T09:09"
        } else {
            "2026-03-02T09:19"
        };
        world.done(word_of("b", kind, "orders", now, &[]));
    }
    assert_eq!(world.versions("orders").len(), 3);
}
