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

fn word(kind: PingKind, of: &str, at_time: &str, reads: &[&str]) -> Request {
    Request::Lineage(LineageWord {
        kind,
        run: "0190b6b7-0000-7000-8000-000000000001".to_owned(),
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
