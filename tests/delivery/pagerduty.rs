//! `PagerDuty`: one alert for each incident, opened and resolved under the same key.

use freshd::model::{ChannelKind, DeliveryOutcome, Message, MessageFact, Purpose, Secret, Severity};
use serde_json::{Value, json};

use super::support::http::{HttpAnswer, HttpRequest, HttpSink};
use super::support::sample::{opening, recovery};
use super::{permanent, send, temporary};

const KEY: &str = "canary0routing0key0123456789abcd";

fn pagerduty(sink: &HttpSink) -> ChannelKind {
    ChannelKind::PagerDuty {
        url: Secret::new(sink.url("/v2/enqueue")),
        routing_key: Secret::new(KEY),
        ca: None,
    }
}

async fn events(messages: Vec<Message>, count: usize) -> Vec<Value> {
    let sink = HttpSink::start(vec![HttpAnswer::status(202, "{\"status\":\"success\"}"); count]).await;
    for message in messages {
        assert_eq!(send(&pagerduty(&sink), message, None).await, DeliveryOutcome::Accepted);
    }
    let requests = sink.requests(count).await;
    assert_eq!(requests.len(), count);
    requests.iter().map(HttpRequest::json).collect()
}

async fn answered(answer: HttpAnswer) -> DeliveryOutcome {
    let sink = HttpSink::start(vec![answer]).await;
    send(&pagerduty(&sink), opening(), None).await
}

#[tokio::test]
async fn an_opening_is_triggered_and_its_recovery_resolves_the_same_alert() {
    let events = events(vec![opening(), recovery()], 2).await;
    let mut trigger = events[0].clone();
    let details = trigger["payload"]["custom_details"].take();
    assert_eq!(
        trigger,
        json!({
            "routing_key": KEY,
            "event_action": "trigger",
            "dedup_key": "incident-17",
            "client": "freshd",
            "links": [{ "href": "https://wiki.seafood.example/stock?from=freshd&incident=17", "text": "Runbook" }],
            "payload": {
                "summary": "stock is late (#17): Stock per lot did not come by Friday 23:15. Tromsø and the sales desk still read \
                            the count of 12 June, 22:58.",
                "source": "dataset stock",
                "severity": "critical",
                "timestamp": "2026-06-19T21:15:02Z",
                "component": "stock",
                "group": "warehouse",
                "class": "late",
                "custom_details": null,
            },
        })
    );
    assert_eq!(details["Data as of"], "Fri 12 Jun 2026 22:58, version 41");
    assert_eq!(details["What"], json!(opening().headline), "where no fact says it");
    assert_eq!(details["What you can do"][2], "freshd run export-stock");
    assert_eq!(
        details["Last lines of output"][1],
        "23:03:26 ERROR ORA-12541: TNS:no listener"
    );
    assert_eq!(
        events[1],
        json!({ "routing_key": KEY, "event_action": "resolve", "dedup_key": "incident-17" })
    );
}

#[tokio::test]
async fn what_follows_an_opening_adds_to_its_alert() {
    let follow = [Purpose::Update, Purpose::Impact, Purpose::Reminder, Purpose::Escalation];
    let messages = follow.map(|purpose| Message {
        purpose,
        severity: Severity::Warning,
        ..opening()
    });
    for event in events(messages.to_vec(), 4).await {
        assert_eq!(event["event_action"], "trigger");
        assert_eq!(event["dedup_key"], "incident-17");
        assert_eq!(event["payload"]["severity"], "warning");
    }
}

#[tokio::test]
async fn a_test_leaves_nothing_open() {
    let test = Message {
        purpose: Purpose::Test,
        incident: None,
        kind: None,
        about: None,
        since: None,
        thread: "test-9".into(),
        ..opening()
    };
    let events = events(vec![test], 2).await;
    let actions: Vec<_> = events
        .iter()
        .map(|event| (&event["event_action"], &event["dedup_key"]))
        .collect();
    assert_eq!(
        actions,
        [
            (&json!("trigger"), &json!("test-9")),
            (&json!("resolve"), &json!("test-9"))
        ]
    );
    assert_eq!(events[0]["payload"]["severity"], "info");
    assert_eq!(events[0]["payload"]["source"], "freshd");
}

#[tokio::test]
async fn no_event_is_larger_than_what_is_taken() {
    let mut message = opening();
    message.subject = "\u{1f41f}".repeat(3000);
    message.headline = "\u{1f41f}".repeat(100_000);
    message.facts = (0..500)
        .map(|n| MessageFact {
            label: format!("{n} {}", "\u{1f41f}".repeat(300)),
            text: "\u{1f41f}".repeat(5000),
        })
        .collect();
    message.output = vec!["\u{1f41f}".repeat(5000); 500];
    message.commands = vec!["\u{1f41f}".repeat(5000); 500];
    let event = events(vec![message], 1).await.remove(0);
    assert!(event.to_string().len() < 512 * 1024, "{}", event.to_string().len());
    let summary = event["payload"]["summary"].as_str().expect("a text");
    assert_eq!(summary.chars().count(), 1024);
    assert!(summary.ends_with('…'), "that it is cut is seen");
    assert_eq!(event["payload"]["custom_details"]["Earlier lines left out"], 440);
}

#[tokio::test]
async fn a_refusal_tells_what_pagerduty_finds_wrong_and_no_key() {
    let body = json!({
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": ["'payload.summary' is too long", format!("no integration has {KEY}")],
    });
    let error = permanent(answered(HttpAnswer::status(400, &body.to_string())).await);
    assert_eq!(
        error,
        "localhost answered 400: Event object is invalid ('payload.summary' is too long; no integration has [hidden])"
    );
    let answer = HttpAnswer::Says(429, &[("Retry-After", "30")], String::new());
    assert_eq!(
        temporary(answered(answer).await),
        ("localhost answered 429".to_owned(), Some(30))
    );
    temporary(answered(HttpAnswer::status(500, "")).await);
}

#[tokio::test]
async fn facts_of_one_label_are_all_told() {
    let mut message = opening();
    for reader in ["Sales desk, Monday 07:00", "Forecast, Monday 08:00"] {
        message.facts.push(MessageFact {
            label: "Is read by".to_owned(),
            text: reader.to_owned(),
        });
    }
    let told = events(vec![message], 1).await.remove(0);
    let readers = &told["payload"]["custom_details"]["Is read by"];
    assert_eq!(readers, "Sales desk, Monday 07:00\nForecast, Monday 08:00");
}

#[tokio::test]
async fn what_has_happened_is_a_detail_and_the_headline_the_summary_alone() {
    let mut message = opening();
    message.facts.push(MessageFact {
        label: "What".to_owned(),
        text: "stock late".to_owned(),
    });
    let told = events(vec![message], 1).await.remove(0);
    assert_eq!(told["payload"]["custom_details"]["What"], "stock late");
}

#[tokio::test]
async fn a_list_that_goes_on_in_another_fact_is_one_detail() {
    let facts = [
        ("Stale (3)", "shop-1, shop-2"),
        ("and", "shop-3"),
        ("At risk (2)", "plan"),
        ("and", "tally"),
    ];
    let facts = facts.map(|(label, text)| MessageFact {
        label: label.to_owned(),
        text: text.to_owned(),
    });
    let message = Message {
        facts: facts.to_vec(),
        ..opening()
    };
    let told = events(vec![message], 1).await.remove(0);
    let details = &told["payload"]["custom_details"];
    assert_eq!(details["Stale (3)"], "shop-1, shop-2\nshop-3");
    assert_eq!(details["At risk (2)"], "plan\ntally");
    assert_eq!(details["and"], Value::Null);
}
