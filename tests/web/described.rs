//! What `/api/v1/openapi.json` says of each answer is what a running freshd answers: no key lacks, and none is unknown.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::asking::Site;
use crate::freshd_process::House;
use crate::freshd_process::daemon::Daemon;
use crate::known::{OPERATE_TOKEN, secrets, sent};

/// Beside what `known.rs` has: a dataset that a job makes, is promised, refused and read; and a team that nothing reaches.
const MORE: &str = r#"
[systems.sales]
owner = "it"
reads_at = "0 7 * * MON-FRI"
[datasets.lots]
title = "Lots"
owner = "it"
file = "lots.csv"
consumers = ["sales"]
due = { at = "0 23 * * FRI", grace = "15m" }
max_age = "8d"
checks = { format = "csv", rows = { min = 2 } }
[jobs.lots-export]
title = "Export"
owner = "it"
command = "sh HOUSE/export"
schedule = "0 22 * * FRI"
produces = "lots"
[channels.siren]
type = "command"
command = ["/bin/false"]
[teams.deck]
notify = ["siren:deck"]
[jobs.sinks]
owner = "deck"
command = "exit 3"
"#;

/// A good delivery first, and then one that is too small.
const EXPORT: &str = r#"echo exporting
if [ -e HOUSE/again ]; then printf 'lot\n1\n' > "$FRESHD_OUTPUT"; exit 0; fi
touch HOUSE/again
printf 'lot\n1\n2\n' > "$FRESHD_OUTPUT"
"#;

/// Method, path as described, address, what is sent along. `DEAD` is the number of a message that was given up.
const ASKED: &[(&str, &str, &str, &str)] = &[
    ("get", "/api/v1/openapi.json", "/api/v1/openapi.json", ""),
    ("get", "/api/v1/status", "/api/v1/status", ""),
    ("get", "/api/v1/jobs", "/api/v1/jobs", ""),
    ("get", "/api/v1/jobs/{name}", "/api/v1/jobs/broken", ""),
    ("get", "/api/v1/jobs/{name}", "/api/v1/jobs/lots-export", ""),
    (
        "get",
        "/api/v1/jobs/{name}/logs",
        "/api/v1/jobs/lots-export/logs?limit=1",
        "",
    ),
    ("get", "/api/v1/runs", "/api/v1/runs?limit=1000", ""),
    ("get", "/api/v1/runs/{id}", "/api/v1/runs/1", ""),
    ("get", "/api/v1/runs/{id}", "/api/v1/runs/2", ""),
    ("get", "/api/v1/runs/{id}/log", "/api/v1/runs/2/log", ""),
    ("get", "/api/v1/datasets", "/api/v1/datasets", ""),
    ("get", "/api/v1/datasets/{name}", "/api/v1/datasets/lots", ""),
    ("get", "/api/v1/datasets/{name}", "/api/v1/datasets/stock", ""),
    (
        "get",
        "/api/v1/datasets/{name}/versions",
        "/api/v1/datasets/lots/versions",
        "",
    ),
    ("get", "/api/v1/incidents", "/api/v1/incidents?all=true", ""),
    ("get", "/api/v1/incidents/{id}", "/api/v1/incidents/1", ""),
    ("get", "/api/v1/messages/dead", "/api/v1/messages/dead", ""),
    (
        "post",
        "/api/v1/messages/{id}/resend",
        "/api/v1/messages/DEAD/resend",
        "",
    ),
    ("get", "/api/v1/messages/dead", "/api/v1/messages/dead?all=true", ""),
    ("get", "/api/v1/flow", "/api/v1/flow", ""),
    ("get", "/api/v1/occurrences", "/api/v1/occurrences?count=3", ""),
    ("get", "/api/v1/plan", "/api/v1/plan", ""),
    (
        "post",
        "/api/v1/silences",
        "/api/v1/silences",
        r#"{"name":"lots","for":"2h","because":"a test"}"#,
    ),
    (
        "post",
        "/api/v1/silences",
        "/api/v1/silences",
        r#"{"name":"lots","for":"3h","because":"a test"}"#,
    ),
    (
        "post",
        "/api/v1/lineage",
        "/api/v1/lineage",
        r#"{"eventType":"START","eventTime":"2026-01-02T03:04:05Z","run":{"runId":"a-1"},"job":{"namespace":"a","name":"b"}}"#,
    ),
    ("get", "/api/v1/silences", "/api/v1/silences?all=true", ""),
    ("get", "/api/v1/status", "/api/v1/status", ""),
    ("post", "/api/v1/silences/{name}/end", "/api/v1/silences/lots/end", ""),
    ("get", "/api/v1/silences", "/api/v1/silences?all=true", ""),
    (
        "post",
        "/api/v1/incidents/{id}/ack",
        "/api/v1/incidents/1/ack",
        r#"{"note":"seen"}"#,
    ),
    ("get", "/api/v1/incidents/{id}", "/api/v1/incidents/1", ""),
    (
        "post",
        "/api/v1/jobs/{name}/pause",
        "/api/v1/jobs/broken/pause",
        r#"{"because":"a test"}"#,
    ),
    ("get", "/api/v1/jobs", "/api/v1/jobs", ""),
    ("post", "/api/v1/jobs/{name}/resume", "/api/v1/jobs/broken/resume", ""),
    ("post", "/api/v1/jobs/{name}/run", "/api/v1/jobs/slow/run", ""),
    ("get", "/api/v1/jobs/{name}", "/api/v1/jobs/slow", ""),
    ("post", "/api/v1/runs/{id}/cancel", "/api/v1/runs/5/cancel", ""),
];

#[test]
fn every_answer_has_the_keys_that_its_description_names_and_no_others() {
    let house = House::with(&format!(
        "{}{MORE}[jobs.slow]\nowner = \"it\"\ncommand = \"sleep 100\"\n",
        crate::known::JOBS
    ));
    house.script("export", EXPORT);
    secrets(&house);
    let daemon = house.daemon();
    for job in ["broken", "lots-export", "lots-export", "sinks"] {
        daemon.finished(daemon.run(job), &house);
    }
    house.until_stored("a message that arrived", |reader| {
        let messages = reader.notifications_of(freshd::model::IncidentId(1)).expect("messages");
        messages.iter().any(|(_, deliveries)| !deliveries.is_empty())
    });
    let dead = |reader: &freshd::store::Reader| reader.dead_messages(false, 1, &|_| true).expect("messages").pop();
    house.until_stored("a message that was given up", |reader| dead(reader).is_some());
    let dead = dead(&house.reader()).expect("it is there").message.to_string();
    // So that a plan has something to say.
    house.configure(&format!("{}{MORE}", crate::known::JOBS).replace("due = { at = \"0 23", "due = { at = \"30 22"));
    let site = Site::of(&daemon);
    let description = ask(&site, "get", "/api/v1/openapi.json", "").1;
    let description: Value = serde_json::from_str(&description).expect("JSON");
    all_are_asked(&description);
    let closed = closed(description.clone());
    let mut wrong = Vec::new();
    for (method, path, address, along) in ASKED {
        let address = address.replace("DEAD", &dead);
        let (status, body) = ask(&site, method, &address, along);
        assert_eq!(status, 200, "{method} {address}: {body}\n{}", daemon.log());
        if *path != "/api/v1/runs/{id}/log" {
            wrong.extend(misfits(&closed, (method, path), 200, &body));
        }
    }
    wrong.extend(refusals(&site, &closed));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    is_alive(&daemon);
}

fn refusals(site: &Site, closed: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for (method, path, address, along, status) in [
        ("get", "/api/v1/runs", "/api/v1/runs?limit=x", "", 400),
        ("get", "/api/v1/status", "/api/v1/status?limit=1", "", 400),
        ("post", "/api/v1/lineage", "/api/v1/lineage", "{}", 400),
        ("get", "/api/v1/jobs/{name}", "/api/v1/jobs/x", "", 404),
        ("get", "/api/v1/occurrences", "/api/v1/occurrences?job=x", "", 404),
        (
            "post",
            "/api/v1/silences/{name}/end",
            "/api/v1/silences/lots/end",
            "",
            409,
        ),
        (
            "post",
            "/api/v1/silences",
            "/api/v1/silences",
            r#"{"name":"x","for":"2h","because":"x"}"#,
            404,
        ),
    ] {
        let (given, body) = ask(site, method, address, along);
        assert_eq!(given, status, "{address}: {body}");
        wrong.extend(misfits(closed, (method, path), status, &body));
    }
    wrong
}

fn is_alive(daemon: &Daemon) {
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}

fn ask(site: &Site, method: &str, address: &str, along: &str) -> (u16, String) {
    let token = format!("Authorization: Bearer {OPERATE_TOKEN}\r\n");
    let along = if along.is_empty() {
        String::new()
    } else {
        sent("application/json", along)
    };
    let answer = site.ask(&method.to_uppercase(), address, &format!("{token}{along}"));
    (answer.status, answer.body)
}

/// No operation is left out here.
fn all_are_asked(description: &Value) {
    let paths = description["paths"].as_object().expect("paths");
    let described: BTreeSet<(&str, &str)> = paths
        .iter()
        .flat_map(|(path, operations)| {
            let methods = operations.as_object().expect("operations").keys();
            methods.map(move |method| (method.as_str(), path.as_str()))
        })
        .collect();
    let asked: BTreeSet<(&str, &str)> = ASKED.iter().map(|(method, path, _, _)| (*method, *path)).collect();
    assert_eq!(described, asked);
}

/// The same, with no place for keys that are not described.
fn closed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(map) => {
            for value in map.values_mut() {
                *value = closed(value.take());
            }
            if map.get("properties").is_some_and(Value::is_object) && map.get("type") == Some(&json!("object")) {
                map.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(list) => {
            for value in list {
                *value = closed(value.take());
            }
        }
        _ => {}
    }
    schema
}

/// What does not fit, with its place.
fn misfits(description: &Value, (method, path): (&str, &str), status: u16, body: &str) -> Vec<String> {
    let content = &description["paths"][path][method]["responses"][status.to_string()]["content"];
    let mut schema = content["application/json"]["schema"].clone();
    assert!(
        schema.as_object().is_some_and(|schema| !schema.is_empty()),
        "{method} {path} has no shape: {content}"
    );
    schema["components"] = description["components"].clone();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema");
    let answer: Value = serde_json::from_str(body).expect("JSON");
    let errors = validator.iter_errors(&answer);
    errors
        .map(|error| format!("{method} {path} {}: {error}", error.instance_path()))
        .collect()
}
