//! Teams: one card within Teams' size, shown as it is, and a refusal that comes with status 200.

use freshd::model::{CLOSED_BY, ChannelKind, DeliveryOutcome, Message, MessageFact, STILL_BROKEN, Secret};
use serde_json::{Value, json};

use super::support::http::{HttpAnswer, HttpSink};
use super::support::sample::{opening, recovery};
use super::{permanent, send, temporary};

const PATH: &str = "/workflows/canary-workflow-4711/triggers/manual/paths/invoke?sig=canary-signature-0815";

/// What Teams takes.
const BODY_BYTES_MAX: usize = 28_000;

fn teams(sink: &HttpSink) -> ChannelKind {
    ChannelKind::Teams {
        url: Secret::new(sink.url(PATH)),
        ca: None,
    }
}

async fn answered(status: u16, body: &str) -> DeliveryOutcome {
    let sink = HttpSink::start(vec![HttpAnswer::status(status, body)]).await;
    send(&teams(&sink), opening(), None).await
}

/// What is posted of a message: as bytes, and the card.
async fn posted(message: Message) -> (usize, Value) {
    let sink = HttpSink::start(Vec::new()).await;
    assert_eq!(send(&teams(&sink), message, None).await, DeliveryOutcome::Accepted);
    let request = sink.requests(1).await.remove(0);
    assert_eq!(request.path, PATH);
    let body = request.json();
    assert_eq!(body["type"], "message");
    let attachment = &body["attachments"][0];
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    (request.body.len(), attachment["content"].clone())
}

/// The card as lines of text, each with how its runs look.
fn lines(card: &Value) -> Vec<String> {
    let blocks = card["body"].as_array().expect("blocks");
    let line = |block: &Value| {
        assert_eq!(
            block["type"], "RichTextBlock",
            "markup of the text is no markup of the card"
        );
        let runs = block["inlines"].as_array().expect("runs");
        runs.iter().map(|run| run["text"].as_str().expect("a text")).collect()
    };
    blocks.iter().map(line).collect()
}

#[tokio::test]
async fn the_card_says_what_the_message_says() {
    let (_, card) = posted(opening()).await;
    assert_eq!(card["type"], "AdaptiveCard");
    assert_eq!(card["version"], "1.4");
    assert_eq!(
        lines(&card),
        [
            "Problem: stock is late (#17)",
            "Stock per lot did not come by Friday 23:15. Tromsø and the sales desk still read the count of 12 June, 22:58.",
            "Since  Fri 19 Jun 2026 23:15 Europe/Oslo, for 4m 10s",
            "Data as of  Fri 12 Jun 2026 22:58, version 41",
            "Why  job export-stock failed with exit code 3 at its third and last attempt: the warehouse system answered \
             \"ORA-12541: TNS:no listener\" each time",
            "Tried  3 attempts at 23:00, 23:01 and 23:03",
            "Reads it next  sales, Mon 22 Jun 07:00, in 2d 7h",
            "Also affected  orders-forecast, transport-plan, finance-ledger",
            "Runbook  https://wiki.seafood.example/stock?from=freshd&incident=17",
            "Last lines of output",
            "23:03:11 connecting to wms-db.seafood.example:1521",
            "23:03:26 ERROR ORA-12541: TNS:no listener",
            "  at export_stock.py:48 in <module> & after 15 s of waiting for an answer that never came",
            "23:03:26 giving up",
            "What you can do",
            "freshd ack 17",
            "freshd runs log 20418",
            "freshd run export-stock",
            "incident 17, critical, for its owner warehouse",
        ]
    );
    assert_eq!(
        card["actions"],
        json!([{
            "type": "Action.OpenUrl",
            "title": "Runbook",
            "url": "https://wiki.seafood.example/stock?from=freshd&incident=17",
        }])
    );
    assert_eq!(card["body"][0]["inlines"][0]["color"], "Attention");
    // Where it belongs is shown smaller, in no colour that a light or a dark background swallows.
    let last = card["body"].as_array().unwrap().last().unwrap();
    let origin = &last["inlines"][0];
    assert_eq!((&origin["isSubtle"], origin.get("color")), (&json!(true), None));
    let (_, zoned) = posted(Message {
        team_title: Some("Warehouse".to_owned()),
        zone: Some("Europe/Oslo (UTC+2)".to_owned()),
        ..opening()
    })
    .await;
    assert_eq!(
        lines(&zoned).last().map(String::as_str),
        Some(
            "incident 17, critical, for its owner Warehouse, written Fri 2026-06-19 23:15, times are Europe/Oslo (UTC+2)"
        )
    );
    let (_, over) = posted(recovery()).await;
    assert_eq!(lines(&over)[0], "Resolved: stock is late (#17)");
    assert_eq!(over["body"][0]["inlines"][0]["color"], "Good");
    // An end that is none, or none by which anything is good again, looks otherwise.
    for (label, title) in [(STILL_BROKEN, "Partly over"), (CLOSED_BY, "Closed")] {
        let mut end = recovery();
        let fact = MessageFact {
            label: label.to_owned(),
            text: "lots".to_owned(),
        };
        end.facts.insert(0, fact);
        let (_, end) = posted(end).await;
        assert_eq!(lines(&end)[0], format!("{title}: stock is late (#17)"));
        assert_ne!(end["body"][0]["inlines"][0]["color"], "Good");
    }
}

#[tokio::test]
async fn the_largest_message_stays_below_the_limit_and_says_what_is_left_out() {
    let mut message = opening();
    message.headline = "\"\u{1f41f}\\".repeat(3000);
    message.output = (0..200).map(|n| format!("{n} {}", "\"x\\".repeat(200))).collect();
    let (bytes, card) = posted(message.clone()).await;
    assert!((20_000..=BODY_BYTES_MAX).contains(&bytes), "{bytes}");
    let shown = lines(&card);
    assert!(
        shown.iter().any(|line| line.ends_with("earlier lines left out)")),
        "{shown:?}"
    );
    assert!(
        shown.iter().any(|line| line.starts_with("199 ")),
        "the last line of output is what matters"
    );
    assert!(shown.iter().any(|line| line == "freshd ack 17"), "{shown:?}");

    message.facts = (0..200)
        .map(|n| MessageFact {
            label: format!("Fact {n}"),
            text: "\u{1f41f}".repeat(2000),
        })
        .collect();
    message.commands = vec!["freshd \u{1f41f}".repeat(500); 50];
    let (bytes, card) = posted(message).await;
    assert!((20_000..=BODY_BYTES_MAX).contains(&bytes), "{bytes}");
    let shown = lines(&card);
    assert!(shown.iter().any(|line| line.starts_with("Fact 0  ")), "{shown:?}");
    assert!(
        shown.iter().any(|line| line.ends_with("more facts left out)")),
        "{shown:?}"
    );
    assert!(
        shown.iter().any(|line| line == "(200 earlier lines left out)"),
        "{shown:?}"
    );
    assert!(shown.iter().any(|line| line == "(50 more left out)"), "{shown:?}");
}

#[tokio::test]
async fn only_the_runbook_becomes_a_link() {
    let mut message = opening();
    message.facts.retain(|fact| fact.label != "Runbook");
    message.facts[2].text = "https://printed.by.a.job.example/".into();
    let (_, card) = posted(message.clone()).await;
    assert_eq!(card["actions"], Value::Null);
    message.facts[2].label = "Runbook".into();
    message.facts[2].text = "ask Kari, then https://wiki.seafood.example/".into();
    let (_, card) = posted(message).await;
    assert_eq!(card["actions"], Value::Null, "words are no address");
}

#[tokio::test]
async fn an_acceptance_that_tells_of_an_error_is_a_failure() {
    for (status, body) in [(200, ""), (202, ""), (200, "1")] {
        assert_eq!(
            answered(status, body).await,
            DeliveryOutcome::Accepted,
            "{status} {body}"
        );
    }
    let busy = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId tcid=0";
    let (error, _) = temporary(answered(200, busy).await);
    assert!(
        error.starts_with("localhost answered 200, but: Webhook message delivery failed"),
        "{error}"
    );
    let large =
        "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with ContextId";
    assert!(permanent(answered(200, large).await).contains("HTTP error 413"));
    temporary(answered(200, "Webhook message delivery failed").await);
}

#[tokio::test]
async fn what_may_pass_is_told_from_what_will_not_and_no_secret_with_it() {
    let answer = HttpAnswer::Says(429, &[("Retry-After", "7")], "canary-signature-0815 is too fast".into());
    let sink = HttpSink::start(vec![answer]).await;
    let (error, wait) = temporary(send(&teams(&sink), opening(), None).await);
    assert_eq!(wait, Some(7));
    assert_eq!(error, "localhost answered 429: [hidden] is too fast");
    let error = permanent(answered(401, "canary-workflow-4711 is not allowed").await);
    assert_eq!(error, "localhost answered 401: [hidden] is not allowed");
}

#[tokio::test]
async fn what_the_title_says_is_not_said_once_more_by_a_line() {
    let with = |what: &str| {
        let mut message = opening();
        message.put_above("What", what);
        message
    };
    for (what, is_said) in [
        ("stock is late", false),
        ("stock (stock) is late", false),
        ("stock was late", true),
    ] {
        let (_, card) = posted(with(what)).await;
        let said = lines(&card).iter().any(|line| line.starts_with("What  "));
        assert_eq!(said, is_said, "{what}");
    }
}
