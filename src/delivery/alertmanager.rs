//! Alertmanager: what is open as firing alerts, what is over as resolved ones, by its API v2.
//!
//! An alert is known by its labels, which therefore stay the same while an incident is open. Only `severity` may rise; then
//! the alert that was known by the lower one is resolved in the same request.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::{FACT_CHARS_MAX, FACTS_MAX, HEADLINE_CHARS_MAX, clean, http, link};
use crate::model::{About, Message, Purpose, Secret, Severity, earlier, later};

/// Where alerts are taken, below the server's own path.
const PATH: &str = "api/v2/alerts";

/// How long an alert fires unless it is told again: through a restart of freshd and four repetitions that got lost.
/// With it the server's own `resolve_timeout` does not count.
const FIRES_FOR: Duration = Duration::from_mins(5);

/// Most alerts of one request.
const ALERTS_MAX: usize = 64;

/// Longest value of a label, in characters.
const LABEL_CHARS_MAX: usize = 200;

/// Longest summary, in characters.
const SUMMARY_CHARS_MAX: usize = 200;

/// Longest text of all facts together, in characters.
const FACTS_CHARS_MAX: usize = 4000;

/// What all alerts of one try share.
pub(super) struct Sending<'a> {
    /// Added to each alert's own labels.
    pub(super) labels: &'a [(String, String)],
    /// The page about what a message tells. Only that: an Alertmanager shows what it has to whoever reaches it, and is told it
    /// again when a link that takes an incident on may have done its work.
    pub(super) page_of: &'a (dyn Fn(&Message) -> Option<String> + Sync),
    /// Whether the server was told of all of them before.
    pub(super) again: bool,
    pub(super) now: Timestamp,
}

/// Posts the alerts of these messages.
pub(super) async fn send(
    client: &reqwest::Client,
    url: &Secret,
    authorization: &HeaderMap,
    messages: &[Message],
    sending: &Sending<'_>,
) -> Result<(), Failure> {
    let url = endpoint(url)?;
    let alerts: Vec<Value> = messages.iter().flat_map(|message| alerts(message, sending)).collect();
    let mut refused = Ok(());
    for alerts in alerts.chunks(ALERTS_MAX) {
        let body = Value::from(alerts).to_string();
        match http::post(client, &url, authorization.clone(), body).await?.judge() {
            // What is wrong with one alert is no reason to let the others end.
            Err(refusal @ Failure::Permanent { .. }) => refused = refused.and(Err(refusal)),
            judged => judged?,
        }
    }
    refused
}

/// The whole address, whether or not the path was written.
fn endpoint(url: &Secret) -> Result<Secret, Failure> {
    let mut url =
        Url::parse(url.reveal()).map_err(|error| Failure::unsent(format!("url is not a web address: {error}")))?;
    let path = url.path().trim_end_matches('/');
    if !path.ends_with(PATH) {
        let path = format!("{path}/{PATH}");
        url.set_path(&path);
    }
    Ok(Secret::new(url))
}

/// The alert of a message, and the one of lower severity that it takes the place of.
fn alerts(message: &Message, sending: &Sending<'_>) -> Vec<Value> {
    let now = sending.now;
    let is_over = message.purpose == Purpose::Recovery;
    let ends_at = if is_over { message.at } else { later(now, FIRES_FOR) };
    let mut alerts = vec![alert(message, sending, severity(message), ends_at)];
    // Once is enough while it fires: of itself the lower one ends by FIRES_FOR.
    if !message.purpose.is_proof() && message.severity == Severity::Critical && (is_over || !sending.again) {
        let ended_at = if is_over {
            message.at
        } else {
            earlier(now, Duration::from_secs(1))
        };
        alerts.push(alert(message, sending, Severity::Warning.as_str(), ended_at));
    }
    alerts
}

fn alert(message: &Message, sending: &Sending<'_>, severity: &str, ends_at: Timestamp) -> Value {
    let starts_at = message.since.unwrap_or(message.at).min(ends_at);
    json!({
        "labels": labels(message, sending.labels, severity),
        "annotations": annotations(message, (sending.page_of)(message)),
        "startsAt": starts_at,
        "endsAt": ends_at,
    })
}

fn severity(message: &Message) -> &'static str {
    match message.purpose {
        Purpose::Weekly | Purpose::Canary | Purpose::Test => "info",
        _ => message.severity.as_str(),
    }
}

/// What an alert is known by: nothing that changes while an incident is open, and no more of them than there are things
/// and teams.
fn labels(message: &Message, further: &[(String, String)], severity: &str) -> Value {
    let (name, key) = match message.about {
        // The same thing may be really wrong, which is another alert.
        Some(About::Job) if message.is_drill() => ("FreshdDrill", "job"),
        Some(About::Dataset) if message.is_drill() => ("FreshdDrill", "dataset"),
        Some(About::Job) => ("FreshdJob", "job"),
        Some(About::Dataset) => ("FreshdDataset", "dataset"),
        Some(About::Freshd) => ("FreshdItself", "part"),
        None => ("FreshdTest", "part"),
    };
    let mut labels = Map::new();
    for (label, value) in further {
        labels.insert(label.clone(), json!(value));
    }
    let mut set =
        |label: &str, value: &str| labels.insert(label.to_owned(), json!(clean::line(value, LABEL_CHARS_MAX)));
    set("alertname", name);
    set(key, message.subject_name.as_str());
    set("severity", severity);
    set("team", message.team.as_str());
    Value::Object(labels)
}

fn annotations(message: &Message, page: Option<String>) -> Value {
    let mut annotations = Map::new();
    let mut set = |name: &str, value: String| {
        if !value.is_empty() {
            annotations.insert(name.to_owned(), json!(value));
        }
    };
    set("summary", clean::line(message.title(), SUMMARY_CHARS_MAX));
    set("description", clean::line(&message.headline, HEADLINE_CHARS_MAX));
    set("facts", facts(message));
    set("owner", clean::line(&message.owner, LABEL_CHARS_MAX));
    set("kind", message.kind.map_or("", |kind| kind.as_str()).to_owned());
    set(
        "since",
        message.since.map_or_else(String::new, |since| since.to_string()),
    );
    set(
        "incident",
        message.incident.map_or_else(String::new, |id| id.to_string()),
    );
    set("runbook_url", link(message).unwrap_or_default().to_owned());
    set("incident_url", page.unwrap_or_default());
    Value::Object(annotations)
}

/// The facts as lines, as many as fit.
fn facts(message: &Message) -> String {
    let mut text = String::new();
    for (shown, fact) in message.facts.iter().take(FACTS_MAX).enumerate() {
        let label = clean::line(&fact.label, LABEL_CHARS_MAX);
        let line = format!("{label}: {}\n", clean::line(&fact.text, FACT_CHARS_MAX));
        if text.chars().count() + line.chars().count() > FACTS_CHARS_MAX {
            text.push_str(&format!("({} more facts left out)", message.facts.len() - shown));
            break;
        }
        text.push_str(&line);
    }
    text.trim_end().to_owned()
}
