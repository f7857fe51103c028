//! `PagerDuty`: events of its Events API v2, one alert for each thread of an incident.

use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::http::{self, Answer};
use super::links::Links;
use super::{
    COMMANDS_MAX, FACT_CHARS_MAX, FACTS_MAX, HEADLINE_CHARS_MAX, OUTPUT_LINE_CHARS_MAX, OUTPUT_LINES_MAX, clean, link,
    output_tail, tone,
};
use crate::model::{AND_MORE, Message, Purpose, Secret, Severity};

/// Longest summary that is taken, in characters.
const SUMMARY_CHARS_MAX: usize = 1024;

/// Longest name of a thing, in characters.
const NAME_CHARS_MAX: usize = 200;

/// Longest label of a fact, in characters.
const LABEL_CHARS_MAX: usize = 60;

/// Largest event that is taken.
const EVENT_BYTES_MAX: usize = 512 * 1024;

/// Most bytes of one character in JSON.
const CHAR_BYTES_MAX: usize = 4;

/// Names, keys, times and what holds them together.
const FRAME_BYTES: usize = 32 * 1024;

// No event is ever too large, so that nothing has to be cut for its size as a whole.
const _: () = assert!(
    CHAR_BYTES_MAX
        * (SUMMARY_CHARS_MAX
            + HEADLINE_CHARS_MAX
            + FACTS_MAX * (FACT_CHARS_MAX + LABEL_CHARS_MAX)
            + COMMANDS_MAX * FACT_CHARS_MAX
            + OUTPUT_LINES_MAX * OUTPUT_LINE_CHARS_MAX)
        + FRAME_BYTES
        <= EVENT_BYTES_MAX
);

/// Posts the event of a message. A test is triggered and resolved at once, so that nothing of it stays open.
pub(super) async fn send(
    client: &reqwest::Client,
    url: &Secret,
    routing_key: &Secret,
    message: &Message,
    links: Links<'_>,
) -> Result<(), Failure> {
    match message.purpose {
        Purpose::Recovery => post(client, url, &resolve(routing_key, message)).await,
        // Nothing but a test is ever sent of these.
        Purpose::Weekly | Purpose::Canary | Purpose::Test => {
            post(client, url, &trigger(routing_key, message, links)).await?;
            post(client, url, &resolve(routing_key, message)).await
        }
        Purpose::Opening
        | Purpose::Update
        | Purpose::Impact
        | Purpose::Reminder
        | Purpose::Escalation
        | Purpose::Digest => post(client, url, &trigger(routing_key, message, links)).await,
    }
}

async fn post(client: &reqwest::Client, url: &Secret, event: &Value) -> Result<(), Failure> {
    let answer = http::post(client, url, HeaderMap::new(), event.to_string()).await?;
    let said = complaints(&answer).unwrap_or_else(|| answer.said().to_owned());
    answer.judge_saying(&said)
}

/// What is wrong with the event, as `PagerDuty` lists it.
fn complaints(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_str(&answer.body).ok()?;
    let message = body["message"].as_str().unwrap_or_default();
    let errors: Vec<&str> = body["errors"].as_array()?.iter().filter_map(Value::as_str).collect();
    Some(format!("{message} ({})", errors.join("; ")))
}

/// Opens an alert, or adds to the one that is open under the same key.
fn trigger(routing_key: &Secret, message: &Message, links: Links<'_>) -> Value {
    let mut payload = json!({
        "summary": clean::line(
            &format!("{}: {}", message.title(), tone::behind_title(message)),
            SUMMARY_CHARS_MAX
        ),
        "source": source(message),
        "severity": severity(message),
        "timestamp": message.at,
        "component": clean::line(message.subject_name.as_str(), NAME_CHARS_MAX),
        "group": clean::line(&message.owner, NAME_CHARS_MAX),
        "custom_details": details(message),
    });
    if let Some(kind) = message.kind {
        payload["class"] = json!(kind.as_str());
    }
    let mut event = json!({
        "routing_key": routing_key.reveal(),
        "event_action": "trigger",
        "dedup_key": clean::identifier(&message.thread),
        "client": "freshd",
        "payload": payload,
    });
    if let Some(url) = links.page {
        event["client_url"] = json!(url);
    }
    let runbook = link(message).map(|url| ("Runbook", url));
    let offers = runbook.into_iter().chain(links.offers());
    let offers: Vec<Value> = offers
        .map(|(words, url)| json!({ "href": url, "text": words }))
        .collect();
    if !offers.is_empty() {
        event["links"] = json!(offers);
    }
    event
}

fn resolve(routing_key: &Secret, message: &Message) -> Value {
    json!({
        "routing_key": routing_key.reveal(),
        "event_action": "resolve",
        "dedup_key": clean::identifier(&message.thread),
    })
}

/// What it is about, which must not be empty.
fn source(message: &Message) -> String {
    let name = clean::line(message.subject_name.as_str(), NAME_CHARS_MAX);
    match message.about {
        Some(about) if !name.is_empty() => format!("{}{} {name}", tone::mark(message), about.as_str()),
        _ => "freshd".to_owned(),
    }
}

fn severity(message: &Message) -> &'static str {
    match (message.purpose, message.severity) {
        (Purpose::Weekly | Purpose::Canary | Purpose::Test, _) => "info",
        (_, Severity::Critical) => "critical",
        (_, Severity::Warning) => "warning",
    }
}

fn details(message: &Message) -> Value {
    let mut details = Map::new();
    let mut label = String::new();
    for fact in message.facts.iter().take(FACTS_MAX) {
        let text = clean::line(&fact.text, FACT_CHARS_MAX);
        // Such a fact belongs to the one above it, and in an object nothing stands above anything.
        if fact.label != AND_MORE {
            label = clean::line(&fact.label, LABEL_CHARS_MAX);
        }
        let known = details.entry(label.clone());
        // Each reader is a fact of its own, and all have one label.
        let known = known.or_insert_with(|| json!(""));
        *known = match known.as_str() {
            Some("") | None => json!(text),
            Some(before) => json!(format!("{before}\n{text}")),
        };
    }
    // What has no such fact, as a weekly report, says it in its headline.
    let what = details.entry("What".to_owned());
    what.or_insert_with(|| json!(clean::line(&message.headline, HEADLINE_CHARS_MAX)));
    let commands = message.commands.iter().take(COMMANDS_MAX);
    let commands: Vec<_> = commands.map(|command| clean::line(command, FACT_CHARS_MAX)).collect();
    if !commands.is_empty() {
        details.insert("What you can do".into(), json!(commands));
    }
    let (left_out, lines) = output_tail(message);
    let output: Vec<_> = lines
        .iter()
        .map(|line| clean::output_line(line, OUTPUT_LINE_CHARS_MAX))
        .collect();
    if !output.is_empty() {
        details.insert("Last lines of output".into(), json!(output));
    }
    if left_out > 0 {
        details.insert("Earlier lines left out".into(), json!(left_out));
    }
    Value::Object(details)
}
