//! Slack as an app: `chat.postMessage`, which answers 200 to what it refuses.

use std::sync::Arc;

use freshd::delivery::Delivery;
use freshd::model::{ChannelKind, DeliveryOutcome, Message, Secret, ThreadRoot};
use serde_json::json;

use super::support::http::{HttpAnswer, HttpSink};
use super::support::sample::{channel, notification, opening, recovery};
use super::{AMPLE, permanent, temporary};

pub(super) const TOKEN: &str = "xoxb-canary-0123456789";

pub(super) fn app(sink: &HttpSink) -> ChannelKind {
    ChannelKind::SlackApp {
        api: Secret::new(sink.url("/api")),
        token: Secret::new(TOKEN),
        channel: "#ops".to_owned(),
        ca: None,
    }
}

/// What Slack says of a message that it has taken.
pub(super) fn taken(ts: &str) -> HttpAnswer {
    HttpAnswer::status(200, &json!({ "ok": true, "channel": "C0OPS", "ts": ts }).to_string())
}

pub(super) fn refused(error: &str) -> HttpAnswer {
    HttpAnswer::status(200, &json!({ "ok": false, "error": error }).to_string())
}

/// One try, behind the opening where that has a receipt.
async fn post(
    sink: &HttpSink,
    message: Message,
    to: Option<&str>,
    follows: Option<&str>,
) -> (DeliveryOutcome, Option<String>) {
    let notification = notification(message, to);
    let root = follows.map(|receipt| ThreadRoot {
        receipt: receipt.to_owned(),
        message: Arc::new(opening()),
        offer: None,
    });
    let sent = Delivery::new(AMPLE)
        .send_in_thread(&channel(app(sink)), &notification, root.as_ref())
        .await;
    (sent.outcome, sent.receipt)
}

#[tokio::test]
async fn the_first_message_begins_a_thread_and_the_end_follows_it_for_all_to_see() {
    let sink = HttpSink::start(vec![taken("1764194400.000100"), taken("1764198000.000200")]).await;
    let (outcome, receipt) = post(&sink, opening(), None, None).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
    assert_eq!(receipt.as_deref(), Some("C0OPS/1764194400.000100"));
    let (outcome, _) = post(&sink, recovery(), None, receipt.as_deref()).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);

    let requests = sink.requests(3).await;
    for request in &requests[..2] {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/api/chat.postMessage")
        );
        assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
        assert!(request.header("content-type").starts_with("application/json"));
        assert_eq!(request.json()["channel"], "#ops");
    }
    let (first, end) = (requests[0].json(), requests[1].json());
    assert!(first["blocks"].is_array() && first["text"].is_string());
    assert!(first.get("thread_ts").is_none() && first.get("reply_broadcast").is_none());
    assert_eq!(end["thread_ts"], "1764194400.000100");
    assert_eq!(end["reply_broadcast"], true);
}

#[tokio::test]
async fn an_update_stays_in_its_thread_and_an_address_may_name_another_channel() {
    let sink = HttpSink::start(vec![taken("2.1")]).await;
    let mut update = opening();
    update.purpose = freshd::model::Purpose::Update;
    post(&sink, update, Some("#warehouse"), Some("C0OPS/1.1")).await;
    let sent = sink.requests(2).await.remove(0).json();
    assert_eq!(sent["channel"], "#warehouse");
    assert_eq!(
        (&sent["thread_ts"], &sent["reply_broadcast"]),
        (&json!("1.1"), &json!(false))
    );
}

#[tokio::test]
async fn what_slack_refuses_for_good_is_told_with_what_to_do() {
    for (error, help) in [
        ("channel_not_found", "there is no #ops"),
        ("not_in_channel", "invite the app into #ops"),
        ("is_archived", "#ops is archived"),
        ("invalid_auth", "the token is not"),
        ("token_revoked", "the token is not"),
        ("missing_scope", "chat:write"),
        ("restricted_action", "restricted_action"),
        ("a_word_of_tomorrow", "a_word_of_tomorrow"),
    ] {
        let sink = HttpSink::start(vec![refused(error)]).await;
        let (outcome, ts) = post(&sink, opening(), None, None).await;
        let words = permanent(outcome);
        assert!(words.contains(error) && words.contains(help), "{words}");
        assert!(!words.contains(TOKEN) && ts.is_none());
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for error in [
        "ratelimited",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
    ] {
        let sink = HttpSink::start(vec![refused(error)]).await;
        let (words, _) = temporary(post(&sink, opening(), None, None).await.0);
        assert!(words.contains(error), "{words}");
    }
    let limited = HttpAnswer::Says(
        429,
        &[("Retry-After", "30")],
        json!({ "ok": false, "error": "ratelimited" }).to_string(),
    );
    let sink = HttpSink::start(vec![limited]).await;
    let (_, wait) = temporary(post(&sink, opening(), None, None).await.0);
    assert_eq!(wait, Some(30));
    for (status, body) in [
        (200, "<html>log in to the guest network</html>"),
        (200, "{}"),
        (503, ""),
    ] {
        let sink = HttpSink::start(vec![HttpAnswer::status(status, body)]).await;
        temporary(post(&sink, opening(), None, None).await.0);
    }
}

#[tokio::test]
async fn a_thread_that_is_gone_is_begun_anew_and_a_layout_that_is_refused_is_sent_as_text() {
    let sink = HttpSink::start(vec![
        refused("thread_not_found"),
        refused("invalid_blocks"),
        taken("3.3"),
    ])
    .await;
    let (outcome, receipt) = post(&sink, recovery(), None, Some("C0OPS/1.1")).await;
    assert_eq!(
        (outcome, receipt.as_deref()),
        (DeliveryOutcome::Accepted, Some("C0OPS/3.3"))
    );
    let requests = sink.requests(3).await;
    assert_eq!(requests.len(), 3, "what is gone is not changed");
    assert_eq!(requests[0].json()["thread_ts"], "1.1");
    assert!(requests[1].json().get("thread_ts").is_none());
    let last = requests[2].json();
    assert!(last.get("blocks").is_none() && last["text"].as_str().is_some_and(|text| !text.is_empty()));
}

#[tokio::test]
async fn refused_again_and_again_it_ends() {
    let answers = vec![refused("invalid_blocks"); 4];
    let sink = HttpSink::start(answers).await;
    permanent(post(&sink, opening(), None, None).await.0);
    assert_eq!(sink.record().requests.len(), 2);
}
