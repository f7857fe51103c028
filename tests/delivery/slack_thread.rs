//! The first message of a thread at a Slack app: it says how it is by now, and nothing depends on whether it does.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use freshd::alerting::acknowledged;
use freshd::delivery::Delivery;
use freshd::model::{
    Ack, AckOffer, CLOSED_BY, ChannelKind, DeliveryOutcome, Message, MessageFact, Purpose, STILL_BROKEN, Secret,
    ThreadRoot,
};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::AMPLE;
use super::slack::texts;
use super::slack_app::{TOKEN, app, refused, taken};
use super::support::http::{HttpAnswer, HttpRequest, HttpSink};
use super::support::sample::{channel, notification, opening, recovery};

fn root() -> ThreadRoot {
    ThreadRoot {
        receipt: "C0OPS/1.1".to_owned(),
        message: Arc::new(opening()),
        offer: None,
    }
}

/// One try at sending behind the opening.
async fn follow(delivery: &Delivery, sink: &HttpSink, message: Message) -> (DeliveryOutcome, Option<String>) {
    let notification = notification(message, None);
    let sent = delivery
        .send_in_thread(&channel(app(sink)), &notification, Some(&root()))
        .await;
    (sent.outcome, sent.receipt)
}

fn paths(requests: &[HttpRequest]) -> Vec<&str> {
    requests.iter().map(|request| request.path.as_str()).collect()
}

/// What the opening becomes when this message comes behind it.
async fn changed_by(message: Message) -> Value {
    let sink = HttpSink::start(vec![taken("2.2"), taken("1.1")]).await;
    let (outcome, receipt) = follow(&Delivery::new(AMPLE), &sink, message).await;
    assert_eq!((outcome, receipt), (DeliveryOutcome::Accepted, None));
    let requests = sink.requests(2).await;
    assert_eq!(paths(&requests), ["/api/chat.postMessage", "/api/chat.update"]);
    requests[1].json()
}

fn purpose(purpose: Purpose) -> Message {
    Message {
        purpose,
        headline: "Stock per lot is still missing.".to_owned(),
        ..opening()
    }
}

fn ended(label: &str) -> Message {
    let mut end = recovery();
    end.facts.push(MessageFact {
        label: label.to_owned(),
        text: "as said".to_owned(),
    });
    end
}

#[tokio::test]
async fn behind_an_end_the_opening_says_that_it_is_over_above_what_it_said() {
    let sink = HttpSink::start(vec![taken("2.2"), taken("1.1")]).await;
    let (outcome, receipt) = follow(&Delivery::new(AMPLE), &sink, recovery()).await;
    assert_eq!((outcome, receipt), (DeliveryOutcome::Accepted, None));
    let requests = sink.requests(2).await;
    assert_eq!(paths(&requests), ["/api/chat.postMessage", "/api/chat.update"]);
    let (end, change) = (requests[0].json(), requests[1].json());
    assert_eq!(
        (&end["thread_ts"], &end["reply_broadcast"]),
        (&json!("1.1"), &json!(true))
    );
    assert_eq!((&change["channel"], &change["ts"]), (&json!("C0OPS"), &json!("1.1")));
    assert_eq!(requests[1].header("authorization"), format!("Bearer {TOKEN}"));
    assert!(change.get("thread_ts").is_none() && change.get("reply_broadcast").is_none());
    assert_eq!(change["parse"], "none");

    let texts = texts(&change);
    assert_eq!(texts[0], ":white_check_mark: Resolved: stock is late (#17)");
    assert_eq!(texts[1], recovery().headline);
    assert_eq!(texts[2], format!("<b>At first</b>  {}", opening().headline));
    let whole = texts.join("\n");
    assert!(!whole.contains("ORA-12541"), "it does not go on: {whole}");
    assert!(!whole.contains("freshd ack"), "nothing is left to do: {whole}");
    assert!(texts.last().unwrap().starts_with("Resolved, incident 17"), "{whole}");
    assert_eq!(change["text"], recovery().headline);
}

#[tokio::test]
async fn the_opening_says_what_the_newest_message_of_its_thread_says() {
    for (message, title) in [
        (
            purpose(Purpose::Escalation),
            ":rotating_light: Escalated: stock is late (#17)",
        ),
        (purpose(Purpose::Reminder), ":bell: Still open: stock is late (#17)"),
        (purpose(Purpose::Update), ":red_circle: Problem: stock is late (#17)"),
        // It is back.
        (purpose(Purpose::Opening), ":red_circle: Problem: stock is late (#17)"),
        (
            ended(STILL_BROKEN),
            ":large_yellow_circle: Partly over: stock is late (#17)",
        ),
        (ended(CLOSED_BY), ":white_large_square: Closed: stock is late (#17)"),
    ] {
        let headline = message.headline.clone();
        let texts = texts(&changed_by(message).await);
        assert_eq!((texts[0].as_str(), &texts[1]), (title, &headline));
    }
}

#[tokio::test]
async fn who_is_on_it_stands_in_the_opening_though_nothing_is_sent_behind_it() {
    let sink = HttpSink::start(vec![taken("1.1")]).await;
    let ack = Ack {
        by: "kari <!channel> *who*".to_owned(),
        at: recovery().at,
        until: "2026-06-22T06:00:00Z".parse().unwrap(),
        note: Some("the disk is full".to_owned()),
    };
    let newest = acknowledged(&opening(), &[], &ack, ack.at, &TimeZone::UTC);
    Delivery::new(AMPLE)
        .change(&channel(app(&sink)), &newest, &root())
        .await;
    let requests = sink.requests(1).await;
    assert_eq!(paths(&requests), ["/api/chat.update"]);
    let change = requests[0].json();
    let texts = texts(&change);
    let who = "Acknowledged by kari <!channel> *who* until Mon 2026-06-22 06:00";
    assert_eq!(texts[0], format!(":eyes: {who}: stock is late (#17)"));
    assert_eq!(texts[1], format!("{who}: the disk is full"));
    assert!(texts[2].contains(&format!("<b>At first</b>  {}", opening().headline)));
    assert!(texts.concat().contains("freshd runs log"), "{texts:?}");
    // What stands in for the blocks is marked text.
    assert!(
        change["text"].as_str().unwrap().contains("&lt;!channel&gt;"),
        "{change}"
    );
}

#[tokio::test]
async fn an_opening_that_is_changed_has_the_link_of_what_its_thread_offers_and_of_nothing_else() {
    let link = |offer: &AckOffer| format!("https://freshd.example/ack/{}-of-{}", offer.message, offer.address);
    let delivery = Delivery::new(AMPLE).with_ack_links(Arc::new(move |offer| Some(Secret::new(link(offer)))));
    let offer = AckOffer::of(&notification(opening(), None));
    assert!(offer.is_some(), "the opening asks to be taken on");
    for offer in [offer, None] {
        let sink = HttpSink::start(vec![taken("1.1")]).await;
        let root = ThreadRoot {
            offer: offer.clone(),
            ..root()
        };
        let newest = purpose(Purpose::Update);
        delivery.change(&channel(app(&sink)), &newest, &root).await;
        let change = sink.requests(1).await.remove(0).json();
        let whole = texts(&change).join("\n");
        let expected = "<https://freshd.example/ack/1042-of-channel|Take it on, without a login>";
        assert_eq!(whole.contains(expected), offer.is_some(), "{whole}");
        assert_eq!(change.to_string().contains("/ack/"), offer.is_some(), "{change}");
    }
}

#[tokio::test]
async fn a_channel_that_can_change_nothing_is_not_asked_to() {
    let sink = HttpSink::start(Vec::new()).await;
    let webhook = ChannelKind::Slack {
        url: Secret::new(sink.url("/hook")),
        ca: None,
    };
    Delivery::new(AMPLE)
        .change(&channel(webhook), &recovery(), &root())
        .await;
    assert_eq!(sink.record().requests.len(), 0);
}

#[tokio::test]
async fn a_rehearsal_that_is_over_still_says_in_title_and_first_sentence_that_it_is_one() {
    let drilled = |message: Message| Message {
        kind: Some(freshd::model::ProblemKind::Drill),
        headline: format!("[DRILL] {}", message.headline),
        facts: Vec::new(),
        output: Vec::new(),
        commands: Vec::new(),
        ..message
    };
    let sink = HttpSink::start(vec![taken("2.2"), taken("1.1")]).await;
    let root = ThreadRoot {
        message: Arc::new(drilled(opening())),
        ..root()
    };
    let end = notification(drilled(recovery()), None);
    let delivery = Delivery::new(AMPLE);
    delivery.send_in_thread(&channel(app(&sink)), &end, Some(&root)).await;
    let change = sink.requests(2).await.remove(1).json();
    let texts = texts(&change);
    assert_eq!(
        texts[0],
        ":performing_arts: [DRILL] Rehearsal over: stock is late (#17)"
    );
    assert!(texts[1].starts_with("[DRILL]"), "{texts:?}");
    assert!(change["text"].as_str().unwrap().starts_with("[DRILL]"));
}

#[tokio::test]
async fn however_much_was_said_it_stays_within_what_slack_takes() {
    let long = |message: Message| Message {
        subject: format!("[freshd] {}", "stock ".repeat(90)),
        headline: "&<".repeat(4_000),
        facts: vec![
            MessageFact {
                label: "Why".repeat(50),
                text: "&".repeat(3_000),
            };
            100
        ],
        output: vec!["<".repeat(500); 500],
        commands: vec!["freshd ack 17".repeat(100); 40],
        ..message
    };
    let sink = HttpSink::start(vec![taken("2.2"), taken("1.1")]).await;
    let root = ThreadRoot {
        message: Arc::new(long(opening())),
        ..root()
    };
    let newest = notification(long(purpose(Purpose::Reminder)), None);
    let delivery = Delivery::new(AMPLE);
    delivery
        .send_in_thread(&channel(app(&sink)), &newest, Some(&root))
        .await;
    let change = sink.requests(2).await.remove(1).json();
    let texts = texts(&change);
    assert!(texts.len() <= 50 && texts[0].chars().count() <= 150, "{change}");
    assert!(texts.iter().all(|text| text.chars().count() <= 3_000), "{change}");
    assert!(texts.concat().chars().count() <= 10_000, "{change}");
}

#[tokio::test]
async fn a_message_counts_as_taken_whatever_becomes_of_the_change() {
    let limited = HttpAnswer::Says(
        429,
        &[("Retry-After", "30")],
        json!({ "ok": false, "error": "ratelimited" }).to_string(),
    );
    let refusals = [
        "ratelimited",
        "cant_update_message",
        "message_not_found",
        "channel_not_found",
        "edit_window_closed",
        "msg_too_long",
        "not_authed",
        "invalid_blocks",
        "a_word_of_tomorrow",
    ];
    let broken = [limited, HttpAnswer::status(503, ""), HttpAnswer::status(200, "<html>")];
    for answer in refusals.into_iter().map(refused).chain(broken) {
        is_taken_without_the_change(answer).await;
    }
}

#[tokio::test]
async fn a_change_that_is_not_answered_holds_up_the_message_for_some_seconds_only() {
    let begun = Instant::now();
    tokio::join!(
        is_taken_without_the_change(HttpAnswer::Hangs),
        is_taken_without_the_change(HttpAnswer::HangsInBody(200)),
    );
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

async fn is_taken_without_the_change(answer: HttpAnswer) {
    let case = format!("{answer:?}");
    let sink = HttpSink::start(vec![taken("2.2"), answer]).await;
    let result = follow(&Delivery::new(AMPLE), &sink, recovery()).await;
    assert_eq!(result, (DeliveryOutcome::Accepted, None), "{case}");
    let expected = ["/api/chat.postMessage", "/api/chat.update"];
    assert_eq!(paths(&sink.record().requests), expected, "once each: {case}");
}

#[tokio::test]
async fn what_was_not_taken_changes_nothing() {
    for refusal in ["ratelimited", "is_archived"] {
        let sink = HttpSink::start(vec![refused(refusal)]).await;
        let (outcome, _) = follow(&Delivery::new(AMPLE), &sink, recovery()).await;
        assert_ne!(outcome, DeliveryOutcome::Accepted);
        assert_eq!(paths(&sink.record().requests), ["/api/chat.postMessage"]);
    }
}

#[tokio::test]
async fn a_message_that_begins_a_thread_or_tries_a_channel_out_changes_none() {
    for message in [opening(), purpose(Purpose::Test)] {
        let sink = HttpSink::start(vec![taken("2.2")]).await;
        let notification = notification(message, None);
        let delivery = Delivery::new(AMPLE);
        let sent = delivery.send_in_thread(&channel(app(&sink)), &notification, None).await;
        assert_eq!(
            (sent.outcome, sent.receipt.as_deref()),
            (DeliveryOutcome::Accepted, Some("C0OPS/2.2"))
        );
        assert_eq!(paths(&sink.record().requests), ["/api/chat.postMessage"]);
    }
}

/// What is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn that_changes_fail_is_logged_once_until_they_work_again_and_tells_no_token() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // With one subscriber alone, a line is left out for all threads if one without a subscriber, of another test, comes to
    // it first.
    let _another = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    let _logging = tracing::subscriber::set_default(subscriber);
    let changes = [
        refused(&format!("cant_update_message {TOKEN}")),
        refused("cant_update_message"),
        taken("1.1"),
        taken("1.1"),
        refused("edit_window_closed"),
    ];
    let answers = changes.into_iter().flat_map(|change| [taken("2.2"), change]);
    let sink = HttpSink::start(answers.collect()).await;
    let delivery = Delivery::new(AMPLE);
    for _ in 0..5 {
        follow(&delivery, &sink, recovery()).await;
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 3, "{log}");
    let said = ["cant_update_message", "changed again", "edit_window_closed"];
    assert!(lines.iter().zip(said).all(|(line, said)| line.contains(said)), "{log}");
    assert!(!log.contains(TOKEN), "{log}");
}
