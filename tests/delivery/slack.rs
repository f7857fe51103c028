//! Slack's incoming webhook: its limits, its refusals, its markup.

use freshd::model::{ChannelKind, DeliveryOutcome, Message, MessageFact, Secret};
use serde_json::Value;

use super::support::http::{HttpAnswer, HttpSink};
use super::support::sample::{opening, recovery};
use super::{permanent, send, temporary};

const PATH: &str = "/services/T0CANARY01/B0CANARY02/canaryTokenXyZ12345";

fn slack(sink: &HttpSink) -> ChannelKind {
    ChannelKind::Slack {
        url: Secret::new(sink.url(PATH)),
        ca: None,
    }
}

async fn posted(message: Message) -> Value {
    let sink = HttpSink::start(Vec::new()).await;
    assert_eq!(send(&slack(&sink), message, None).await, DeliveryOutcome::Accepted);
    let request = sink.requests(1).await.remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", PATH));
    assert!(request.header("content-type").starts_with("application/json"));
    request.json()
}

/// All texts inside blocks: of rich text as it is read, with what is bold between `<b>` and `</b>`, and links as such.
pub(super) fn texts(body: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    for block in body["blocks"].as_array().unwrap() {
        if block["type"] == "rich_text" {
            let runs = block["elements"][0]["elements"].as_array().unwrap().iter();
            let read = |run: &Value| match (run["url"].as_str(), run["text"].as_str()) {
                (Some(url), _) => format!("<a>{url}</a>"),
                (None, Some(text)) if run["style"]["bold"] == true => format!("<b>{text}</b>"),
                (None, Some(text)) => text.to_owned(),
                (None, None) => panic!("neither a text nor a link: {run}"),
            };
            texts.push(runs.map(read).collect());
            continue;
        }
        let element = block.get("text").unwrap_or_else(|| &block["elements"][0]);
        texts.push(element["text"].as_str().unwrap().to_owned());
    }
    texts
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

#[tokio::test]
async fn a_message_says_in_words_what_its_sign_says() {
    let body = posted(opening()).await;
    let texts = texts(&body);
    assert_eq!(texts[0], ":red_circle: Problem: stock is late (#17)");
    assert!(texts[1].starts_with("Stock per lot did not come by Friday 23:15."));
    assert!(
        texts[2].starts_with("<b>Since</b>  Fri 19 Jun 2026 23:15"),
        "{}",
        texts[2]
    );
    assert!(texts[2].contains("<b>Runbook</b>  <a>https://wiki.seafood.example/stock?from=freshd&incident=17</a>"));
    assert!(texts[3].contains("\n```\n23:03:11 connecting"), "{}", texts[3]);
    assert!(texts[4].contains("\n```\nfreshd ack 17\n"), "{}", texts[4]);
    assert_eq!(texts[5], "Problem, incident 17, critical, for its owner warehouse");
    assert!(body["text"].as_str().unwrap().starts_with("Stock per lot did not come"));

    let texts = texts_of_recovery().await;
    assert!(texts.last().unwrap().starts_with("Resolved, incident 17"), "{texts:?}");
}

async fn texts_of_recovery() -> Vec<String> {
    texts(&posted(recovery()).await)
}

#[tokio::test]
async fn a_huge_message_stays_within_all_limits() {
    for filler in ["<&>", "ø", "`", "word "] {
        let mut message = opening();
        message.subject = filler.repeat(2000);
        message.headline = filler.repeat(20_000);
        message.output = vec![filler.repeat(3000); 3000];
        message.commands = vec![filler.repeat(200); 500];
        let fact = MessageFact {
            label: filler.repeat(300),
            text: filler.repeat(if filler == "word " { 7 } else { 900 }),
        };
        message.facts = vec![fact; 400];
        let body = posted(message).await;

        let texts: Vec<String> = texts(&body)
            .iter()
            .map(|text| text.replace("<b>", "").replace("</b>", ""))
            .collect();
        assert!(texts.len() <= 50);
        assert!(chars(&texts[0]) <= 150, "{}", chars(&texts[0]));
        for text in &texts {
            assert!(chars(text) <= 3000 && !text.is_empty(), "{}", chars(text));
        }
        let all: usize = texts.iter().map(|text| chars(text)).sum();
        assert!(all <= 10_000, "{all} characters with {filler}");
        let fallback = body["text"].as_str().unwrap();
        assert!(!fallback.is_empty() && chars(fallback) <= 3000);
    }
}

#[tokio::test]
async fn a_message_calls_nobody_and_cannot_leave_its_block() {
    let attack = "<!channel> <@U1> <https://evil.example|ok> & ``` out";
    let mut message = opening();
    message.subject = attack.into();
    message.headline = attack.into();
    message.owner = attack.into();
    message.output = vec![attack.into()];
    message.commands = vec![attack.into()];
    message.facts = vec![MessageFact {
        label: attack.into(),
        text: attack.into(),
    }];
    let body = posted(message).await;

    for block in body["blocks"].as_array().unwrap() {
        let element = block.get("text").unwrap_or_else(|| &block["elements"][0]);
        if element["type"] == "mrkdwn" {
            let text = element["text"].as_str().unwrap();
            assert!(!text.contains('<'), "{text}");
            assert_eq!(text.matches("```").count(), 2, "{text}");
            assert_eq!(element["verbatim"], true, "{block}");
        }
    }
    let is_link = |block: &Value| block.to_string().contains(r#""type":"link""#);
    assert!(!body["blocks"].as_array().unwrap().iter().any(is_link));
    assert!(!body["text"].as_str().unwrap().contains('<'));
}

#[tokio::test]
async fn stars_underscores_and_backticks_in_names_of_others_mark_nothing() {
    let marks = "*Stock* _per_ ~lot~ `now`";
    let mut message = opening();
    message.subject = marks.into();
    message.headline = marks.into();
    message.owner = marks.into();
    message.output = vec![marks.into()];
    message.commands = vec![marks.into()];
    let (label, text) = (marks.to_owned(), marks.to_owned());
    message.facts = vec![MessageFact { label, text }];
    let sink = HttpSink::start(vec![HttpAnswer::status(400, "invalid_blocks")]).await;
    assert_eq!(send(&slack(&sink), message, None).await, DeliveryOutcome::Accepted);
    for request in sink.requests(2).await {
        let body = request.json();
        assert_eq!(body["mrkdwn"], false);
        assert!(body["text"].as_str().unwrap().contains(marks));
        for block in body["blocks"].as_array().into_iter().flatten() {
            let element = block.get("text").unwrap_or_else(|| &block["elements"][0]);
            let is_marked = element["type"] == "mrkdwn";
            // Where text is marked, it is code.
            let in_code = element["text"].as_str().is_some_and(|text| text.ends_with("\n```"));
            assert!(!is_marked || in_code, "{block}");
            assert!(
                block["type"] == "divider" || block.to_string().contains("*Stock*"),
                "{block}"
            );
        }
    }
}

#[tokio::test]
async fn a_rejected_layout_is_sent_once_more_as_text() {
    let sink = HttpSink::start(vec![HttpAnswer::status(400, "invalid_blocks")]).await;
    assert_eq!(send(&slack(&sink), opening(), None).await, DeliveryOutcome::Accepted);
    let requests = sink.requests(2).await;
    assert!(requests[0].json().get("blocks").is_some());
    let second = requests[1].json();
    assert!(second.get("blocks").is_none());
    let text = second["text"].as_str().unwrap();
    assert!(text.contains("Since: ") && text.contains("freshd ack 17"), "{text}");
}

#[tokio::test]
async fn a_layout_rejected_twice_is_not_sent_a_third_time() {
    let answer = HttpAnswer::status(400, "invalid_blocks");
    let sink = HttpSink::start(vec![answer.clone(), answer]).await;
    let error = permanent(send(&slack(&sink), opening(), None).await);
    assert!(error.contains("400: invalid_blocks"), "{error}");
    assert_eq!(sink.record().requests.len(), 2);
}

#[tokio::test]
async fn slacks_own_word_for_a_final_refusal_is_named() {
    for (status, word) in [
        (404, "no_service"),
        (403, "invalid_token"),
        (410, "channel_is_archived"),
        (400, "invalid_payload"),
    ] {
        let sink = HttpSink::start(vec![HttpAnswer::status(status, word)]).await;
        let error = permanent(send(&slack(&sink), opening(), None).await);
        assert!(error.contains(word) && error.contains(&status.to_string()), "{error}");
        assert!(!error.contains("CANARY") && !error.contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn too_many_messages_wait_as_long_as_slack_asks() {
    let answer = HttpAnswer::Says(429, &[("Retry-After", "30")], "rate_limited".into());
    let sink = HttpSink::start(vec![answer]).await;
    let (error, wait) = temporary(send(&slack(&sink), opening(), None).await);
    assert_eq!(wait, Some(30));
    assert!(error.contains("429: rate_limited"), "{error}");
}

#[tokio::test]
async fn what_the_header_says_is_not_said_once_more_by_a_line() {
    for (what, is_said) in [("stock (stock) is late", false), ("stock was late", true)] {
        let mut message = opening();
        message.put_above("What", what);
        let said = texts(&posted(message).await)
            .iter()
            .any(|text| text.contains("<b>What</b>"));
        assert_eq!(said, is_said, "{what}");
    }
}
