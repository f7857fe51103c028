//! Teams: an Adaptive Card through a workflow's URL, within the size that Teams takes.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::failure::Failure;
use super::groups::groups;
use super::http::{self, Answer};
use super::links::Links;
use super::tone;
use super::{
    COMMANDS_MAX, FACT_CHARS_MAX, FACTS_MAX, HEADLINE_CHARS_MAX, OUTPUT_LINE_CHARS_MAX, clean, link, output_tail,
};
use crate::model::{Message, MessageFact, Purpose, Secret, Severity};

/// Largest request that Teams takes is 28 KB; whether those are 1,000 or 1,024 bytes each it does not say.
const BODY_BYTES_MAX: usize = 28_000;

/// Longest title shown, in characters.
const TITLE_CHARS_MAX: usize = 200;

/// Longest label of a fact shown, in characters.
const LABEL_CHARS_MAX: usize = 60;

/// The last version of the schema that Teams shows everywhere.
const CARD_VERSION: &str = "1.4";

/// How the connectors of old say in an answer of 200 that nothing was posted.
const REFUSAL: &str = "delivery failed";

/// What stands before the status in it.
const REFUSAL_STATUS: &str = "HTTP error ";

/// Posts a message as a card.
pub(super) async fn send(
    client: &reqwest::Client,
    url: &Secret,
    message: &Message,
    links: Links<'_>,
) -> Result<(), Failure> {
    let answer = http::post_and_hear(client, url, HeaderMap::new(), body(message, links)).await?;
    match refusal(&answer) {
        Some(failure) => Err(failure),
        None => answer.judge(),
    }
}

/// What an accepted request says of not having been accepted.
fn refusal(answer: &Answer) -> Option<Failure> {
    let said = answer.said();
    if !(200..300).contains(&answer.status) || !said.to_lowercase().contains(REFUSAL) {
        return None;
    }
    let status = said.split(REFUSAL_STATUS).nth(1);
    let status: Option<u16> = status.and_then(|rest| rest.get(..3)?.parse().ok());
    let error = format!("{} answered {}, but: {said}", answer.host, answer.status);
    Some(match status {
        Some(408 | 425 | 429 | 500..600) | None => Failure::temporary_until(error, answer.retry_after_seconds),
        Some(_) => Failure::permanent(error),
    })
}

/// How much of a message is shown. What is left out is said.
#[derive(Clone, Copy, Debug)]
struct Shown {
    facts: usize,
    output: usize,
    commands: usize,
}

impl Shown {
    /// As much as is ever shown of a message.
    fn most(message: &Message) -> Self {
        Self {
            facts: facts(message).len().min(FACTS_MAX),
            output: output_tail(message).1.len(),
            commands: message.commands.len().min(COMMANDS_MAX),
        }
    }

    fn lines(self) -> usize {
        self.facts + self.output + self.commands
    }

    /// Leaves out as many lines, of what is missed least: old output first, then what can be typed, the last facts at the
    /// end.
    fn without(mut self, mut lines: usize) -> Self {
        for count in [&mut self.output, &mut self.commands, &mut self.facts] {
            let left_out = lines.min(*count);
            *count -= left_out;
            lines -= left_out;
        }
        self
    }
}

/// The request's body, below the limit whatever the message is. No more is left out than that takes.
fn body(message: &Message, links: Links<'_>) -> String {
    let most = Shown::most(message);
    let without = |lines| envelope(message, most.without(lines), links).to_string();
    let whole = without(0);
    if whole.len() <= BODY_BYTES_MAX {
        return whole;
    }
    // Each card is written to be measured: by halves, for there may be hundreds of lines.
    let (mut fewest, mut enough) = (1, most.lines());
    while fewest < enough {
        let tried = fewest.midpoint(enough);
        if without(tried).len() <= BODY_BYTES_MAX {
            enough = tried;
        } else {
            fewest = tried + 1;
        }
    }
    without(enough)
}

fn envelope(message: &Message, shown: Shown, links: Links<'_>) -> Value {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card(message, shown, links),
        }],
    })
}

fn card(message: &Message, shown: Shown, links: Links<'_>) -> Value {
    let mut body = vec![
        text(&[run(
            &clean::line(&tone::title(message), TITLE_CHARS_MAX),
            &[("weight", "Bolder"), ("size", "Medium"), ("color", colour(message))],
        )]),
        text(&[run(&headline(message), &[])]),
    ];
    // They fit by how a digest is written.
    for group in groups(message) {
        body.push(title(&group.title));
        body.extend(group.lines.iter().map(|line| tight(&[run(line, &[])])));
    }
    let facts = facts(message);
    let first = facts.iter().take(shown.facts).enumerate();
    body.extend(first.map(|(number, fact)| fact_line(fact, number == 0)));
    left_out(&mut body, facts.len() - shown.facts, "more facts");
    let lines = &message.output[message.output.len() - shown.output..];
    if !message.output.is_empty() {
        body.push(title("Last lines of output"));
        left_out(&mut body, message.output.len() - shown.output, "earlier lines");
        body.extend(
            lines
                .iter()
                .map(|line| code(&clean::output_line(line, OUTPUT_LINE_CHARS_MAX))),
        );
    }
    if !message.commands.is_empty() {
        body.push(title("What you can do"));
        let commands = message.commands.iter().take(shown.commands);
        body.extend(commands.map(|command| code(&clean::line(command, FACT_CHARS_MAX))));
        left_out(&mut body, message.commands.len() - shown.commands, "more");
    }
    body.push(text(&[subtle(&tone::origin(message), &[("size", "Small")])]));
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": CARD_VERSION,
        "msteams": { "width": "Full" },
        "body": body,
    });
    let leads_to = |title: &str, url: &str| json!({ "type": "Action.OpenUrl", "title": title, "url": url });
    let mut actions: Vec<Value> = link(message).map(|url| leads_to("Runbook", url)).into_iter().collect();
    actions.extend(links.offers().map(|(words, url)| leads_to(words, url)));
    if !actions.is_empty() {
        card["actions"] = json!(actions);
    }
    card
}

fn headline(message: &Message) -> String {
    clean::line(&message.headline, HEADLINE_CHARS_MAX)
}

/// What stands below the first sentences, but for what the title says.
fn facts(message: &Message) -> Vec<&MessageFact> {
    let facts = message.facts.iter();
    facts.filter(|fact| !tone::is_in_title(message, fact)).collect()
}

/// The first stands apart from what is above it.
fn fact_line(fact: &MessageFact, is_first: bool) -> Value {
    let label = format!("{}  ", clean::line(&fact.label, LABEL_CHARS_MAX));
    let runs = [
        run(&label, &[("weight", "Bolder")]),
        run(&clean::line(&fact.text, FACT_CHARS_MAX), &[]),
    ];
    if is_first { text(&runs) } else { tight(&runs) }
}

fn title(words: &str) -> Value {
    text(&[run(words, &[("weight", "Bolder")])])
}

fn code(line: &str) -> Value {
    // A run must not be empty.
    let line = if line.is_empty() { " " } else { line };
    tight(&[run(line, &[("fontType", "Monospace")])])
}

fn left_out(body: &mut Vec<Value>, count: usize, what: &str) {
    if count > 0 {
        body.push(tight(&[subtle(&format!("({count} {what} left out)"), &[])]));
    }
}

/// A paragraph. Its runs are shown as they are: what a job printed can be no link and call nobody.
fn text(runs: &[Value]) -> Value {
    json!({ "type": "RichTextBlock", "inlines": runs })
}

/// A paragraph close to the one before.
fn tight(runs: &[Value]) -> Value {
    json!({ "type": "RichTextBlock", "spacing": "None", "inlines": runs })
}

fn run(words: &str, looks: &[(&str, &str)]) -> Value {
    let mut run = json!({ "type": "TextRun", "text": words });
    for (key, value) in looks {
        run[*key] = json!(value);
    }
    run
}

/// Less striking than the rest, on whatever background: `Light` would be white on white.
fn subtle(words: &str, looks: &[(&str, &str)]) -> Value {
    let mut run = run(words, looks);
    run["isSubtle"] = json!(true);
    run
}

fn colour(message: &Message) -> &'static str {
    match (message.purpose, message.severity) {
        _ if message.is_drill() => "Accent",
        _ if message.is_partly_over() => "Warning",
        _ if message.is_closed() => "Accent",
        _ if message.is_over() => "Good",
        (Purpose::Weekly | Purpose::Canary | Purpose::Test, _) => "Accent",
        (_, Severity::Critical) => "Attention",
        (_, Severity::Warning) => "Warning",
    }
}
