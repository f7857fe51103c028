//! ntfy: a title, a text that fits, and how urgent it is.

use freshd::model::{ChannelKind, DeliveryOutcome, Login, Message, MessageFact, Purpose, Secret, Severity};
use serde_json::json;

use super::support::http::{HttpAnswer, HttpRequest, HttpSink};
use super::support::sample::{opening, recovery};
use super::{permanent, send, temporary};

fn ntfy(sink: &HttpSink, login: Option<Login>) -> ChannelKind {
    ChannelKind::Ntfy {
        url: Secret::new(sink.url("/")),
        topic: Secret::new("canary-topic"),
        login,
        ca: None,
    }
}

async fn published(message: Message, login: Option<Login>) -> HttpRequest {
    let sink = HttpSink::start(Vec::new()).await;
    assert_eq!(
        send(&ntfy(&sink, login), message, None).await,
        DeliveryOutcome::Accepted
    );
    sink.requests(1).await.remove(0)
}

#[tokio::test]
async fn a_phone_gets_title_text_urgency_and_the_page_to_open() {
    let request = published(opening(), Some(Login::Bearer(Secret::new("tk_canary")))).await;
    assert_eq!(request.path, "/");
    assert_eq!(request.header("authorization"), "Bearer tk_canary");
    let mut body = request.json();
    let text = body["message"].take();
    assert_eq!(
        body,
        json!({
            "topic": "canary-topic",
            "title": "Problem: stock is late (#17)",
            "message": null,
            "priority": 5,
            "tags": ["rotating_light", "opening", "late", "critical"],
            "click": "https://wiki.seafood.example/stock?from=freshd&incident=17",
        })
    );
    let text = text.as_str().expect("a text");
    assert!(
        text.starts_with("Stock per lot did not come by Friday 23:15."),
        "{text}"
    );
    assert!(
        text.contains("\nData as of: Fri 12 Jun 2026 22:58, version 41\n"),
        "{text}"
    );
    assert!(text.contains("\n> freshd run export-stock\n"), "{text}");
    assert!(
        text.ends_with("incident 17, critical, for its owner warehouse"),
        "{text}"
    );
}

#[tokio::test]
async fn urgency_follows_severity_and_purpose() {
    let urgency = async |purpose, severity| {
        let message = Message {
            purpose,
            severity,
            ..opening()
        };
        let body = published(message, None).await.json();
        (body["priority"].as_u64(), body["tags"][0].as_str().map(str::to_owned))
    };
    for (purpose, severity, priority, sign) in [
        (Purpose::Opening, Severity::Critical, 5, "rotating_light"),
        (Purpose::Opening, Severity::Warning, 4, "warning"),
        (Purpose::Impact, Severity::Critical, 5, "ocean"),
        (Purpose::Reminder, Severity::Critical, 4, "rotating_light"),
        (Purpose::Reminder, Severity::Warning, 3, "warning"),
        (Purpose::Recovery, Severity::Critical, 3, "white_check_mark"),
        (Purpose::Test, Severity::Warning, 3, "wrench"),
        (Purpose::Weekly, Severity::Warning, 3, "wrench"),
        (Purpose::Canary, Severity::Warning, 3, "wrench"),
    ] {
        let expected = (Some(priority), Some(sign.to_owned()));
        assert_eq!(urgency(purpose, severity).await, expected, "{purpose:?} {severity:?}");
    }
}

#[tokio::test]
async fn a_text_stays_a_text_however_much_there_is_to_say() {
    let mut message = recovery();
    message.headline = "\u{1f41f}".repeat(5000);
    let body = published(message.clone(), None).await.json();
    assert!(body["message"].as_str().expect("a text").len() <= 4096);
    message.headline = "Short".into();
    message.facts = (0..100)
        .map(|n| MessageFact {
            label: format!("Fact {n}"),
            text: "æ".repeat(300),
        })
        .collect();
    let body = published(message, None).await.json();
    let text = body["message"].as_str().expect("a text");
    assert!((3000..=4096).contains(&text.len()), "{}", text.len());
    assert!(
        text.contains("\n(the rest is left out; freshd incidents shows it)\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a_request_stays_below_what_is_read_whatever_its_signs() {
    let mut message = opening();
    message.facts.retain(|fact| fact.label == "Runbook");
    message.facts[0].text = format!("https://wiki.seafood.example/{}", "x".repeat(1500));
    message.headline = "\"".repeat(900);
    message.facts.extend((0..40).map(|n| MessageFact {
        label: format!("Fact {n}"),
        text: "\\\"".repeat(100),
    }));
    let request = published(message, None).await;
    assert!((7_000..=8_192).contains(&request.body.len()), "{}", request.body.len());
    let body = request.json();
    let text = body["message"].as_str().expect("a text");
    assert!(text.contains("\n> freshd run export-stock\n"), "{text}");
}

#[tokio::test]
async fn what_can_be_typed_is_kept_however_long_the_facts_are() {
    let mut message = opening();
    let fact = |n| MessageFact {
        label: format!("Fact {n}"),
        text: "x".repeat(100),
    };
    message.facts = (0..60).map(fact).collect();
    message.commands = vec![
        "freshd why stock".into(),
        "freshd run export-stock --wait".into(),
        "freshd ack 17".into(),
    ];
    let body = published(message, None).await.json();
    let text = body["message"].as_str().expect("a text");
    assert!(text.len() <= 4096, "{}", text.len());
    assert!(text.contains("\nFact 0: xxx"), "{text}");
    let end = "\n(the rest is left out; freshd incidents shows it)\n> freshd why stock\n> freshd run export-stock --wait\n> freshd ack 17\n\
               incident 17, critical, for its owner warehouse";
    assert!(text.ends_with(end), "{text}");
}

#[tokio::test]
async fn a_refusal_is_told_without_topic_or_token() {
    let answered = async |answer| {
        let sink = HttpSink::start(vec![answer]).await;
        let login = Login::Basic {
            username: "freshd".into(),
            password: Secret::new("canary-password"),
        };
        send(&ntfy(&sink, Some(login)), opening(), None).await
    };
    let said =
        "{\"code\":40301,\"http\":403,\"error\":\"forbidden: canary-topic for ZnJlc2hkOmNhbmFyeS1wYXNzd29yZA==\"}";
    let error = permanent(answered(HttpAnswer::status(403, said)).await);
    assert!(error.contains("forbidden: [hidden] for [hidden]"), "{error}");
    let busy = HttpAnswer::Says(429, &[("Retry-After", "60")], "{\"code\":42901}".into());
    assert_eq!(temporary(answered(busy).await).1, Some(60));
}
