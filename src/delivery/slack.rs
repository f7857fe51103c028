//! Slack: Block Kit through an incoming webhook, within Slack's limits.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::failure::Failure;
use super::links::Links;
use super::tone::{self, Tone};
use super::{
    COMMANDS_MAX, FACT_CHARS_MAX, FACTS_MAX, HEADLINE_CHARS_MAX, OUTPUT_LINE_CHARS_MAX, clean, digest_lines, http,
    open, output_tail,
};
use crate::model::{Message, MessageFact, Secret};

/// Longest header that Slack shows.
const HEADER_CHARS_MAX: usize = 150;

/// Longest text of one section that Slack takes.
const SECTION_CHARS_MAX: usize = 3000;

/// Longest text of a whole message, all blocks together.
const MESSAGE_CHARS_MAX: usize = 10_000;

// Shares of it.
const HEADLINE_SHARE_CHARS: usize = 2000;
const FACTS_SHARE_CHARS: usize = 2 * 2000;
const COMMANDS_SHARE_CHARS: usize = 1200;
const OUTPUT_SHARE_CHARS: usize = 1400;
const LINK_SHARE_CHARS: usize = 300;
const CONTEXT_SHARE_CHARS: usize = 300;

/// Titles, fences, and words on what was left out.
const FRAME_CHARS: usize = 300;

const _: () = assert!(
    HEADER_CHARS_MAX
        + HEADLINE_SHARE_CHARS
        + FACTS_SHARE_CHARS
        + COMMANDS_SHARE_CHARS
        + OUTPUT_SHARE_CHARS
        + 2 * LINK_SHARE_CHARS
        + CONTEXT_SHARE_CHARS
        + FRAME_CHARS
        <= MESSAGE_CHARS_MAX
);

/// The text that stands where blocks cannot be shown.
const FALLBACK_CHARS_MAX: usize = SECTION_CHARS_MAX;

/// Posts a message; where Slack rejects the layout, once more as text only.
pub(super) async fn send(
    client: &reqwest::Client,
    url: &Secret,
    message: &Message,
    links: Links<'_>,
) -> Result<(), Failure> {
    let body = in_blocks(message, links).to_string();
    let answer = http::post(client, url, HeaderMap::new(), body).await?;
    if answer.status == 400 && answer.said().contains("invalid_blocks") {
        let body = as_text(message, links).to_string();
        let answer = http::post(client, url, HeaderMap::new(), body).await?;
        return answer.judge();
    }
    answer.judge()
}

/// A message as blocks, with the text that stands where they cannot be shown.
pub(super) fn in_blocks(message: &Message, links: Links<'_>) -> Value {
    json!({ "text": fallback(message), "blocks": blocks(message, links) })
}

/// A message as text only.
pub(super) fn as_text(message: &Message, links: Links<'_>) -> Value {
    json!({ "text": text_only(message, links) })
}

fn blocks(message: &Message, links: Links<'_>) -> Vec<Value> {
    let tone = Tone::of(message);
    let title = clean::line(&tone::title(message), HEADER_CHARS_MAX - tone.emoji.len() - 1);
    let mut blocks = vec![
        json!({
            "type": "header",
            "text": { "type": "plain_text", "text": format!("{} {title}", tone.emoji), "emoji": true },
        }),
        section(&headline(message)),
    ];
    blocks.extend(fact_sections(message).iter().map(|facts| section(facts)));
    blocks.extend(incident_sections(message).iter().map(|lines| section(lines)));
    blocks.extend(output(message).map(|output| section(&output)));
    blocks.extend(commands(message).map(|commands| section(&commands)));
    blocks.extend(link_lines(message, links).map(|line| section(&line)));
    let context = format!(
        "{}*{}*, {}",
        tone::mark(message),
        tone.word,
        escaped(&tone::origin(message), CONTEXT_SHARE_CHARS)
    );
    blocks.push(json!({
        "type": "context",
        "elements": [{ "type": "mrkdwn", "text": context, "verbatim": true }],
    }));
    blocks
}

fn section(text: &str) -> Value {
    // Verbatim: names of channels and people inside a message of ours must call nobody.
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

fn headline(message: &Message) -> String {
    let headline = clean::line(&message.headline, HEADLINE_CHARS_MAX);
    // A section must not be empty.
    let headline = if headline.is_empty() {
        "(no text)".into()
    } else {
        headline
    };
    escaped(&headline, HEADLINE_SHARE_CHARS)
}

/// The facts in as few sections as hold them.
fn fact_sections(message: &Message) -> Vec<String> {
    let mut sections = vec![String::new()];
    let mut chars_left = FACTS_SHARE_CHARS;
    for (shown, fact) in message.facts.iter().take(FACTS_MAX).enumerate() {
        let line = fact_line(fact);
        let chars = line.chars().count() + 1;
        if chars > chars_left {
            let left_out = message.facts.len() - shown;
            sections.push(format!("({left_out} more facts left out)"));
            break;
        }
        chars_left -= chars;
        let fits = sections
            .last()
            .is_some_and(|section| section.chars().count() + chars <= SECTION_CHARS_MAX);
        if !fits {
            sections.push(String::new());
        }
        if let Some(section) = sections.last_mut() {
            if !section.is_empty() {
                section.push('\n');
            }
            section.push_str(&line);
        }
    }
    sections.retain(|section| !section.is_empty());
    sections
}

/// The incidents of a digest, in as few sections as hold them; they fit by how a digest is written.
fn incident_sections(message: &Message) -> Vec<String> {
    let mut sections: Vec<String> = Vec::new();
    for (title, lines) in [("*Open*", open(message)), ("*Over*", digest_lines(message, true))] {
        let title = (!lines.is_empty()).then(|| title.to_owned());
        for line in title
            .into_iter()
            .chain(lines.iter().map(|line| escaped(&line.text, SECTION_CHARS_MAX)))
        {
            let chars = line.chars().count() + 1;
            let last = sections.last_mut();
            match last.filter(|last| last.chars().count() + chars <= SECTION_CHARS_MAX) {
                Some(last) => {
                    last.push('\n');
                    last.push_str(&line);
                }
                None => sections.push(line),
            }
        }
    }
    sections
}

fn fact_line(fact: &MessageFact) -> String {
    let text = clean::line(&fact.text, FACT_CHARS_MAX);
    let is_address = text.starts_with("https://") || text.starts_with("http://");
    let text = if is_address && !text.contains(['<', '>', '|', ' ']) {
        format!("<{}>", escaped(&text, FACT_CHARS_MAX))
    } else {
        escaped(&text, FACT_CHARS_MAX)
    };
    format!("*{}*  {text}", escaped(&clean::line(&fact.label, 60), 120))
}

/// The last lines of the output that fit.
fn output(message: &Message) -> Option<String> {
    let (mut left_out, lines) = output_tail(message);
    let lines: Vec<String> = lines
        .iter()
        .map(|line| preformatted(&clean::output_line(line, OUTPUT_LINE_CHARS_MAX)))
        .collect();
    let mut chars = 0;
    let shown = lines
        .iter()
        .rev()
        .take_while(|line| {
            chars += line.chars().count() + 1;
            chars <= OUTPUT_SHARE_CHARS
        })
        .count();
    left_out += lines.len() - shown;
    let title = match left_out {
        0 => "Last lines of output".to_owned(),
        _ => format!("Last lines of output ({left_out} earlier lines left out)"),
    };
    let tail = lines[lines.len() - shown..].join("\n");
    (shown > 0).then(|| format!("{title}\n```\n{tail}\n```"))
}

fn commands(message: &Message) -> Option<String> {
    let mut chars_left = COMMANDS_SHARE_CHARS;
    let lines: Vec<String> = message
        .commands
        .iter()
        .take(COMMANDS_MAX)
        .map(|command| preformatted(&clean::line(command, FACT_CHARS_MAX)))
        .map_while(|line| {
            chars_left = chars_left.checked_sub(line.chars().count() + 1)?;
            Some(line)
        })
        .collect();
    (!lines.is_empty()).then(|| format!("{}What you can do\n```\n{}\n```", tone::mark(message), lines.join("\n")))
}

/// Links rather than buttons: Slack tells apps of pressed buttons, and warns where none listens.
fn link_lines(message: &Message, links: Links<'_>) -> impl Iterator<Item = String> {
    let mark = tone::mark(message);
    links.offers().map(move |(words, link)| {
        let link = escaped(link, LINK_SHARE_CHARS - words.len());
        format!("{mark}<{link}|{words}>")
    })
}

/// What a phone's lock screen and a screen reader get: little, so it begins with what happened.
fn fallback(message: &Message) -> String {
    escaped(&clean::line(&message.headline, HEADLINE_CHARS_MAX), FALLBACK_CHARS_MAX)
}

/// Everything that the blocks say, without blocks.
fn text_only(message: &Message, links: Links<'_>) -> String {
    let title = clean::line(&tone::title(message), HEADER_CHARS_MAX);
    let mut parts = vec![escaped(&title, FALLBACK_CHARS_MAX), fallback(message)];
    parts.extend(fact_sections(message));
    parts.extend(incident_sections(message));
    parts.extend(output(message));
    parts.extend(commands(message));
    parts.extend(link_lines(message, links));
    parts.join("\n\n")
}

/// Inside a preformatted block: three backticks would end it.
fn preformatted(line: &str) -> String {
    escaped(line, SECTION_CHARS_MAX).replace("```", "`\u{200b}`\u{200b}`")
}

/// The three characters that Slack reads as markup, cut between characters and never inside `&amp;`.
fn escaped(text: &str, chars_max: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut chars = 0;
    for character in text.chars() {
        let replacement = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ => "",
        };
        chars += replacement.len().max(1);
        if chars >= chars_max {
            escaped.push('…');
            break;
        }
        if replacement.is_empty() {
            escaped.push(character);
        } else {
            escaped.push_str(replacement);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_never_cut_in_half() {
        assert_eq!(escaped("a<!channel>&b", 99), "a&lt;!channel&gt;&amp;b");
        assert_eq!(escaped("ab&cd", 6), "ab…");
        assert_eq!(escaped("ab&cd", 9), "ab&amp;c…");
        assert_eq!(escaped("æøå", 99), "æøå");
    }

    #[test]
    fn output_cannot_end_its_own_block() {
        assert!(!preformatted("before ``` after ````").contains("```"));
    }
}
