//! Events of `OpenLineage` over HTTP, as the clients of Spark, Airflow and dbt send them.

use freshd::model::PingKind;
use serde_json::{Value, json};

use crate::asking::{Answer, Site};
use crate::freshd_process::House;
use crate::known::{JOBS, OPERATE_TOKEN, VIEW_TOKEN, secrets, sent};

const RUN: &str = "0190b6b7-8c1e-7f00-8000-5d2f8e1a9b01";

const MADE_ELSEWHERE: &str = r#"
[datasets.orders]
owner = "it"
probe = { openlineage = "postgres://db.example:5432/shop.public.orders" }
max_age = "26h"
[datasets.items]
owner = "it"
probe = { openlineage = "s3://lake/items" }
"#;

fn event(kind: &str) -> Value {
    json!({
        "eventType": kind,
        "eventTime": "2026-01-02T03:04:05.678+01:00",
        "producer": "https://github.com/OpenLineage/OpenLineage/tree/1.40.0/client/python",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": { "runId": RUN, "facets": { "errorMessage": {
            "_producer": "p", "_schemaURL": "s", "message": "\norders is locked\n  at line 3", "programmingLanguage": "SQL",
        } } },
        "job": { "namespace": "airflow", "name": "daily.load_orders", "facets": {} },
        "inputs": [{ "namespace": "s3://lake/", "name": "/items", "facets": {} }],
        "outputs": [
            { "namespace": "postgres://db.example:5432", "name": "shop.public.orders", "facets": {} },
            { "namespace": "postgres://db.example:5432", "name": "shop.public.others", "facets": {} },
        ],
    })
}

fn house() -> House {
    let house = House::with(&format!("{JOBS}{MADE_ELSEWHERE}"));
    secrets(&house);
    house
}

#[track_caller]
fn send(site: &Site, token: &str, event: &str) -> Answer {
    let headers = format!("Authorization: Bearer {token}\r\n{}", sent("application/json", event));
    site.ask("POST", "/api/v1/lineage", &headers)
}

#[test]
fn events_are_taken_as_clients_send_them_and_what_they_say_is_on_record_and_on_the_map() {
    let house = house();
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    let mut of_items = event("COMPLETE");
    of_items["outputs"] = of_items["inputs"].take();
    // However often it stands there, and whatever slashes lie between.
    let mut twice = event("START");
    twice["outputs"] = json!([
        { "namespace": "postgres://db.example:5432", "name": "shop.public.orders" },
        { "namespace": "postgres://db.example:5432/", "name": "/shop.public.orders" },
    ]);
    for (event, datasets) in [
        (of_items, json!(["items"])),
        (event("START"), json!(["orders"])),
        (event("RUNNING"), json!([])),
        (twice, json!(["orders"])),
        (event("COMPLETE"), json!(["orders"])),
        // About a dataset alone, and no run.
        (
            json!({ "eventTime": "2026-01-02T03:04:05Z", "dataset": { "namespace": "a", "name": "b" } }),
            json!([]),
        ),
    ] {
        let answer = send(&site, OPERATE_TOKEN, &event.to_string());
        assert_eq!(
            (answer.status, &answer.json()["datasets"]),
            (200, &datasets),
            "{event}: {}",
            answer.body
        );
    }
    let versions = house
        .reader()
        .versions_of(&"orders".into(), 9)
        .expect("the store is read");
    let as_of = versions[0].as_of.to_string();
    assert_eq!((versions.len(), as_of.as_str()), (1, "2026-01-02T02:04:05.678Z"));
    assert_eq!(versions[0].inputs[0].dataset.as_str(), "items");
    let stored = house.reader().pings_of(&"orders".into(), 9).expect("the store is read");
    let said: Vec<_> = stored
        .iter()
        .rev()
        .map(|ping| (ping.word.kind, ping.rid.as_deref(), ping.text.as_str()))
        .collect();
    let job = "airflow/daily.load_orders";
    assert_eq!(
        said,
        [
            (PingKind::Start, Some(RUN), job),
            (PingKind::Start, Some(RUN), job),
            (PingKind::Success, Some(RUN), job)
        ]
    );
    let seen = format!("Authorization: Bearer {VIEW_TOKEN}\r\n");
    let flow = site.ask("GET", "/api/v1/flow", &seen).json();
    let nodes = flow["nodes"].as_array().expect("nodes");
    let orders = nodes
        .iter()
        .find(|node| node["name"] == "orders")
        .expect("it is on the map");
    // So old is what it was made from.
    assert_eq!(orders["state"], "stale", "{flow}");
    let mut failed = event("FAIL");
    failed["eventTime"] = json!("2026-01-02T04:04:05Z");
    assert_eq!(send(&site, OPERATE_TOKEN, &failed.to_string()).status, 200);
    let stored = house.reader().pings_of(&"orders".into(), 1).expect("the store is read");
    assert_eq!(
        (stored[0].word.kind, stored[0].text.as_str()),
        (PingKind::Fail, "airflow/daily.load_orders: orders is locked")
    );
}

#[test]
fn what_is_no_event_or_too_much_or_not_from_whom_may_act_is_refused_and_nothing_is_stored() {
    let house = house();
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    let with = |key: &str, value: Value| {
        let mut event = event("COMPLETE");
        event[key] = value;
        event.to_string()
    };
    for (event, status, words) in [
        ("{".to_owned(), 400, "no JSON: see line 1"),
        ("[]".to_owned(), 400, "one event for each request"),
        ("{}".to_owned(), 400, "/eventTime is a text"),
        (with("eventTime", json!("today")), 400, "/eventTime is an instant"),
        (with("eventType", json!("DONE")), 400, "`COMPLETE`"),
        (with("run", json!({})), 400, "/run/runId is a text"),
        (with("run", json!({ "runId": "a b" })), 400, "/run/runId is a UUID"),
        (with("job", json!("daily")), 400, "/job/namespace is a text"),
        (with("outputs", json!({})), 400, "/outputs is a list"),
        (
            with("outputs", json!([{ "name": 5 }])),
            400,
            "/outputs/0/namespace is a text",
        ),
        (with("inputs", json!(vec![0; 1_001])), 400, "at most 1000"),
        (
            with("producer", json!("x".repeat(1 << 20))),
            413,
            "longer than 1048576 bytes",
        ),
    ] {
        let refused = send(&site, OPERATE_TOKEN, &event);
        let said = refused.json()["error"].as_str().expect("words").to_owned();
        assert!(
            refused.status == status && said.contains(words),
            "{words}: {} {said}",
            refused.status
        );
    }
    let good = event("COMPLETE").to_string();
    assert_eq!(send(&site, VIEW_TOKEN, &good).status, 403);
    assert_eq!(
        site.ask("POST", "/api/v1/lineage", &sent("application/json", &good))
            .status,
        401
    );
    let form = format!("Authorization: Bearer {OPERATE_TOKEN}\r\n{}", sent("text/plain", &good));
    assert_eq!(site.ask("POST", "/api/v1/lineage", &form).status, 400);
    assert!(
        house
            .reader()
            .pings_of(&"orders".into(), 9)
            .expect("the store is read")
            .is_empty()
    );
}
