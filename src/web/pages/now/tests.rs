//! What stands first on `/`, and what is folded.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::words::test_view;
use super::*;
use crate::model::{Team, plain_settings};

fn incident(id: u64, about: &str, subject: &str, cause: Option<u64>) -> Value {
    json!({
        "id": id, "kind": "stale", "about": about, "subject": subject, "state": "open", "severity": "critical",
        "since": "2026-11-27T20:00:00Z", "notify_at": "2026-11-27T20:00:00Z", "cause": cause, "ack": null, "owner": "it"
    })
}

fn dataset(name: &str, state: &str) -> Value {
    json!({ "name": name, "state": state, "reason": "", "owner": "it" })
}

fn status(datasets: &[Value], incidents: &[Value]) -> Status {
    let said = json!({
        "at": "2026-11-27T22:16:00Z", "jobs": [], "undelivered": [], "datasets": datasets, "incidents": incidents
    });
    Status::read(&said).expect("a status")
}

#[test]
fn the_headline_names_first_what_explains_the_rest() {
    let names = ["a", "b", "c", "root"];
    let datasets = names.map(|name| dataset(name, if name == "root" { "stale" } else { "late" }));
    let effects = names.iter().zip(1..=3);
    let mut incidents: Vec<Value> = effects
        .map(|(name, id)| incident(id, "dataset", name, Some(4)))
        .collect();
    incidents.push(incident(4, "dataset", "root", None));
    let said = headline(&status(&datasets, &incidents)).1;
    assert_eq!(said, "1 incident: root stale, a, b and c late");

    let datasets = names.map(|name| dataset(name, "stale"));
    let said = headline(&status(&datasets, &incidents)).1;
    assert_eq!(said, "1 incident: root, a, b and 1 more stale");
}

#[test]
fn whoever_reads_first_is_named_first() {
    let reading = |name: &str, id: u64, at: &str| {
        let mut one = incident(id, "dataset", name, None);
        one["readers"] = json!([{ "who": "desk", "dataset": name, "at": at }]);
        one
    };
    let datasets = ["a", "b"].map(|name| dataset(name, "late"));
    let incidents = [
        reading("a", 1, "2026-11-28T08:00:00Z"),
        reading("b", 2, "2026-11-28T05:00:00Z"),
    ];
    assert_eq!(headline(&status(&datasets, &incidents)).1, "2 incidents: b and a late");
}

#[test]
fn what_comes_and_goes_and_is_well_is_not_shown_as_wrong() {
    let mut open = incident(3, "job", "export", None);
    open["reason"] = json!("exit code 3");
    open["kind"] = json!("failed");
    open["flapping"] = json!({
        "since": "2026-11-27T20:02:00Z", "times": 4, "well_since": "2026-11-27T22:05:00Z", "good": 1, "good_at": null,
        "spells": []
    });
    let shown = |open: &Value| incidents(&test_view(), &status(&[], std::slice::from_ref(open))).into_string();
    let well = shown(&open);
    let (head, rest) = well.split_once("</h2>").expect("a head");
    for part in ["<article class=\"incident warn\">", "comes and goes, well since"] {
        assert!(head.contains(part), "{part}: {head}");
    }
    assert!(!head.contains("failed") && !well.contains("\"mark bad\""), "{well}");
    let reason = "<p class=\"reason\">when wrong: failed: exit code 3</p>";
    assert!(rest.starts_with(reason), "{rest}");

    open["flapping"]["well_since"] = Value::Null;
    let wrong = shown(&open);
    assert!(wrong.contains("<article class=\"incident bad\">"), "{wrong}");
    assert!(wrong.contains("<p class=\"reason\">exit code 3</p>"), "{wrong}");
    assert!(!wrong.contains("comes and goes"), "{wrong}");
}

#[test]
fn many_incidents_and_much_that_is_unknown_are_folded() {
    let unknown: Vec<Value> = (0..20).map(|at| dataset(&format!("d{at}"), "unknown")).collect();
    let open: Vec<Value> = (1..=20)
        .map(|id| incident(id, "job", &format!("j{id}"), None))
        .collect();
    let shown = incidents(&test_view(), &status(&unknown, &open)).into_string();
    let (unfolded, folded) = shown.split_once("<details class=\"rest\">").expect("a fold");
    assert_eq!(unfolded.matches("<article").count(), UNFOLDED);
    assert!(folded.contains("and 12 incidents more"), "{folded}");
    let (cards, rest) = folded.split_once("</details>").expect("its end");
    assert_eq!(cards.matches("<article").count(), 12);
    let (unfolded, folded) = rest.split_once("<details class=\"unseen\">").expect("a fold");
    assert_eq!(unfolded.matches("<li>").count(), UNFOLDED);
    assert!(folded.contains("and 12 more that no incident tells of"), "{folded}");
    assert_eq!(folded.matches("<li>").count(), 12);
}

#[test]
fn what_hundreds_hang_on_one_incident_is_counted_and_not_listed() {
    let mut cause = incident(1, "job", "load", None);
    let reading = |at: usize| json!({ "who": format!("s{at}"), "dataset": "load", "at": null });
    cause["readers"] = (0..100).map(reading).collect();
    let effects = (2..=401).map(|id| incident(id, "dataset", &format!("d{id}"), Some(1)));
    let all: Vec<Value> = [cause].into_iter().chain(effects).collect();
    let shown = incidents(&test_view(), &status(&[], &all)).into_string();
    assert_eq!(shown.matches("<article").count(), 1, "the cause alone");
    let (_, explains) = shown.split_once("<dt>Explains</dt>").expect("what it explains");
    let (explains, _) = explains.split_once("</dd>").expect("its end");
    assert_eq!(explains.matches("/datasets/").count(), EFFECTS_SHOWN);
    assert!(
        explains.contains(" and <a href=\"/incidents/1\">388 more</a>"),
        "{explains}"
    );
    let (_, readers) = shown.split_once("<dt>Reads it</dt>").expect("who reads it");
    let (unfolded, folded) = readers.split_once("<details>").expect("a fold");
    assert_eq!(unfolded.matches("<li>").count(), READERS_UNFOLDED);
    assert!(
        folded.contains("<summary>and 92 more</summary>") && folded.contains("and 42 more</li>"),
        "{folded}"
    );
}

#[test]
fn what_is_over_but_for_its_end_says_so_and_when_that_is_told() {
    let mut waits = incident(1, "job", "load", None);
    let goes_on = incidents(&test_view(), &status(&[], &[waits.clone()])).into_string();
    assert!(!goes_on.contains("<dt>Over</dt>"), "{goes_on}");
    waits["ends_by"] = json!("2026-11-27T22:40:00Z");
    let shown = incidents(&test_view(), &status(&[], &[waits])).into_string();
    let (_, over) = shown.split_once("<dt>Over</dt><dd>").expect("that it is over");
    assert!(
        over.starts_with("it is mended; the end is told when what it broke is well, <time "),
        "{over}"
    );
    assert!(over.contains(">23:40</time> at the latest</dd>"), "{over}");
}

#[test]
fn who_answers_is_called_by_its_title() {
    let mut settings = plain_settings();
    let team = Team {
        name: "it".into(),
        title: Some("The people of IT".into()),
        notify: Vec::new(),
        escalate: Vec::new(),
        calendar: None,
        timezone: jiff::tz::TimeZone::UTC,
    };
    settings.teams.insert("it".into(), team);
    let mut view = test_view();
    view.settings = Some(Arc::new(settings));
    let shown = incidents(&view, &status(&[], &[incident(1, "job", "load", None)])).into_string();
    assert!(
        shown.contains("<span class=\"owner\" title=\"it\">The people of IT</span>"),
        "{shown}"
    );
}
