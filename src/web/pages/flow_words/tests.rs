//! Who reads what is wrong.

use std::sync::Arc;

use super::super::words::test_view;
use super::*;
use crate::model::{Dataset, Owner, System, plain_dataset, plain_settings};

fn said(states: [(&str, &str); 2]) -> String {
    let mut settings = plain_settings();
    for name in ["portal", "till"] {
        let system = System {
            name: name.into(),
            title: None,
            owner: Owner::Team("it".into()),
            reads_at: None,
            description: None,
            runbook: None,
        };
        settings.systems.insert(name.into(), system);
    }
    for (name, consumer) in [("stock", "portal"), ("prices", "till")] {
        let dataset = Dataset {
            consumers: vec![consumer.into()],
            ..plain_dataset(name)
        };
        settings.datasets.insert(name.into(), Arc::new(dataset));
    }
    let datasets =
        states.map(|(name, state)| serde_json::json!({ "name": name, "state": state, "reason": "", "owner": "it" }));
    let status = Status::read(&serde_json::json!({
        "at": "2026-11-27T22:16:00Z", "datasets": datasets, "jobs": [], "incidents": [], "undelivered": []
    }))
    .expect("a status");
    let shown = wrong_now(&test_view(), &Flow::of(&settings), &status, &States::of(&status)).into_string();
    let readers = shown.split_once("Next to read it: ").map_or("", |(_, readers)| readers);
    readers.to_owned()
}

#[test]
fn whoever_reads_at_no_known_time_is_named_too() {
    let readers = said([("stock", "late"), ("prices", "fresh")]);
    assert_eq!(
        readers,
        "at no known time: <span class=\"name\">portal</span>.</p></section>"
    );
}

#[test]
fn readers_of_what_is_merely_unknown_are_not_among_those_of_what_is_wrong() {
    let readers = said([("stock", "late"), ("prices", "unknown")]);
    assert!(readers.contains("portal") && !readers.contains("till"), "{readers}");
    let readers = said([("stock", "fresh"), ("prices", "unknown")]);
    assert!(readers.contains("till"), "{readers}");
}
