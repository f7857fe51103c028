//! ntfy: a notification on a phone, as JSON to a topic.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::failure::Failure;
use super::groups::groups;
use super::links::{ACK_WORDS_SHORT, Links};
use super::tone;
use super::{COMMANDS_MAX, FACT_CHARS_MAX, FACTS_MAX, HEADLINE_CHARS_MAX, clean, http, link};
use crate::model::{Message, ProblemKind, Purpose, Secret, Severity};

/// Longest text that is taken as a message; a longer one would become a file to download.
const MESSAGE_BYTES_MAX: usize = 4096;

/// Largest request that is read, with all that JSON adds: twice the longest text.
const BODY_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;

/// What says that something was left out.
const LEFT_OUT: &str = "(the rest is left out; freshd incidents shows it)";

/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 200;

/// Longest label of a fact, in characters.
const LABEL_CHARS_MAX: usize = 60;

/// Publishes a message; `authorization` says who asks.
pub(super) async fn send(
    client: &reqwest::Client,
    url: &Secret,
    topic: &Secret,
    authorization: HeaderMap,
    message: &Message,
    links: Links<'_>,
) -> Result<(), Failure> {
    let body = body(topic, message, links);
    http::post(client, url, authorization, body).await?.judge()
}

/// The request's body. The text shrinks where its signs, each written as two, or long addresses would make it too large.
fn body(topic: &Secret, message: &Message, links: Links<'_>) -> String {
    let mut room = MESSAGE_BYTES_MAX;
    loop {
        let body = request(topic, message, links, room).to_string();
        let beyond = body.len().saturating_sub(BODY_BYTES_MAX);
        if beyond == 0 || room == 0 {
            return body;
        }
        room = room.saturating_sub(beyond.div_ceil(2));
    }
}

fn request(topic: &Secret, message: &Message, links: Links<'_>, room: usize) -> Value {
    let mut body = json!({
        "topic": topic.reveal(),
        "title": clean::line(&tone::title(message), TITLE_CHARS_MAX),
        "message": text(message, room),
        "priority": priority(message),
        "tags": tags(message),
    });
    let runbook = link(message);
    if let Some(url) = links.page.or(runbook) {
        body["click"] = json!(url);
    }
    let ack = links.ack.map(|url| view(ACK_WORDS_SHORT, url));
    // A tap goes to one page only.
    let runbook = runbook.filter(|_| links.page.is_some());
    let runbook = runbook.map(|url| view("Runbook", url));
    let actions: Vec<Value> = ack.into_iter().chain(runbook).collect();
    if !actions.is_empty() {
        body["actions"] = json!(actions);
    }
    body
}

/// A button that opens a page.
fn view(words: &str, url: &str) -> Value {
    json!({ "action": "view", "label": words, "url": url })
}

/// What happened, the facts and what can be typed, in whole lines. Where not all fit, the last facts are left out before
/// anything that can be typed. Output stays away: it is for a larger screen.
fn text(message: &Message, room: usize) -> String {
    let headline = clean::line(&message.headline, HEADLINE_CHARS_MAX);
    let facts = message.facts.iter().take(FACTS_MAX).map(|fact| {
        let label = clean::line(&fact.label, LABEL_CHARS_MAX);
        format!("{label}: {}", clean::line(&fact.text, FACT_CHARS_MAX))
    });
    let commands = message.commands.iter().take(COMMANDS_MAX);
    let commands = commands.map(|command| format!("> {}", clean::line(command, FACT_CHARS_MAX)));
    let incidents = groups(message).into_iter();
    let incidents = incidents.flat_map(|group| std::iter::once(format!("{}:", group.title)).chain(group.lines));
    let room = room.saturating_sub(LEFT_OUT.len() + 1);
    let (head, rest) = fitting([headline, String::new()], room);
    let tail: Vec<String> = commands.chain([tone::origin(message)]).collect();
    let body: Vec<String> = incidents.chain(facts).collect();
    let wanted = body.len() + tail.len();
    let (tail, rest) = fitting(tail, rest);
    let (mut body, _) = fitting(body, rest);
    if body.len() + tail.len() < wanted {
        body.push(LEFT_OUT.to_owned());
    }
    let lines: Vec<String> = head.into_iter().chain(body).chain(tail).collect();
    let text = lines.join("\n");
    // A message must not be empty, or the server writes one of its own.
    match text.trim() {
        "" => "(no text)".to_owned(),
        text => text.to_owned(),
    }
}

/// The first lines that fit into so many bytes, each with its end, and how many bytes are left.
fn fitting(lines: impl IntoIterator<Item = String>, bytes: usize) -> (Vec<String>, usize) {
    let mut left = bytes;
    let mut fit = Vec::new();
    for line in lines {
        let Some(rest) = left.checked_sub(line.len() + 1) else {
            break;
        };
        left = rest;
        fit.push(line);
    }
    (fit, left)
}

/// From 1, which makes no sound, to 5, which does not stop.
fn priority(message: &Message) -> u8 {
    match (message.purpose, message.severity) {
        _ if message.is_over() || message.purpose.is_proof() => 3,
        (Purpose::Reminder, Severity::Warning) => 3,
        (Purpose::Reminder, Severity::Critical) | (_, Severity::Warning) => 4,
        (_, Severity::Critical) => 5,
    }
}

/// A sign, which ntfy shows before the title, and words to filter by.
fn tags(message: &Message) -> Vec<&'static str> {
    let sign = match (message.purpose, message.severity) {
        _ if message.is_drill() => "performing_arts",
        _ if message.is_partly_over() => "large_yellow_circle",
        _ if message.is_closed() => "white_large_square",
        _ if message.is_over() => "white_check_mark",
        (Purpose::Weekly | Purpose::Canary | Purpose::Test, _) => "wrench",
        (Purpose::Impact, _) => "ocean",
        (_, Severity::Critical) => "rotating_light",
        (_, Severity::Warning) => "warning",
    };
    let mut tags = vec![sign, message.purpose.as_str()];
    tags.extend(message.kind.map(ProblemKind::as_str));
    // Its sign is the word of the other one.
    if message.severity == Severity::Critical
        && !message.is_drill()
        && !matches!(message.purpose, Purpose::Recovery | Purpose::Test)
    {
        tags.push("critical");
    }
    tags
}
