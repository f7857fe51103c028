//! Slack: Block Kit through an incoming webhook, within Slack's limits.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::failure::Failure;
use super::groups::groups;
use super::links::Links;
use super::text::shown_facts;
use super::tone::{self, Tone};
use super::{COMMANDS_MAX, FACT_CHARS_MAX, HEADLINE_CHARS_MAX, OUTPUT_LINE_CHARS_MAX, clean, http, output_tail};
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

/// Longest label of a fact, in characters.
const LABEL_CHARS_MAX: usize = 60;

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
    json!({ "text": fallback(message), "mrkdwn": false, "blocks": blocks(message, links) })
}

/// A message as text only. Slack knows no way to write a star or an underscore in marked text, so none of it is marked.
pub(super) fn as_text(message: &Message, links: Links<'_>) -> Value {
    json!({ "text": text_only(message, links), "mrkdwn": false })
}

fn blocks(message: &Message, links: Links<'_>) -> Vec<Value> {
    let tone = Tone::of(message);
    let title = clean::line(&tone::title(message), HEADER_CHARS_MAX - tone.emoji.len() - 1);
    let mut blocks = vec![
        json!({
            "type": "header",
            "text": { "type": "plain_text", "text": format!("{} {title}", tone.emoji), "emoji": true },
        }),
        json!({ "type": "section", "text": plain(&headline(message)) }),
    ];
    let lines = [fact_lines(message), incident_lines(message)];
    let pieces = lines.into_iter().flat_map(in_pieces);
    blocks.extend(pieces.map(|lines| rich_text(&lines)));
    blocks.extend(output(message).map(|output| section(&fenced(&output))));
    blocks.extend(commands(message).map(|commands| section(&fenced(&commands))));
    blocks.extend(link_lines(links).map(|line| section(&line)));
    let context = format!(
        "{}, {}",
        tone.word,
        clean::line(&tone::origin(message), CONTEXT_SHARE_CHARS)
    );
    blocks.push(json!({ "type": "context", "elements": [plain(&context)] }));
    blocks
}

/// Of what freshd writes itself, and code, which no mark of the text inside can end.
fn section(text: &str) -> Value {
    // Verbatim: names of channels and people inside a message of ours must call nobody.
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
}

/// Shown as it is: stars, underscores and backticks in the titles and names of others mark nothing.
fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

/// Lines that are shown as they are, but for what stands bold before each.
fn rich_text(lines: &[Line]) -> Value {
    let mut elements = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            elements.push(json!({ "type": "text", "text": "\n" }));
        }
        if !line.label.is_empty() {
            elements.push(json!({ "type": "text", "text": line.label, "style": { "bold": true } }));
        }
        let text = match line.label.is_empty() || line.text.is_empty() {
            true => line.text.clone(),
            false => format!("  {}", line.text),
        };
        if line.is_address() {
            elements.push(json!({ "type": "text", "text": "  " }));
            elements.push(json!({ "type": "link", "url": line.text }));
        } else if !text.is_empty() {
            elements.push(json!({ "type": "text", "text": text }));
        }
    }
    json!({ "type": "rich_text", "elements": [{ "type": "rich_text_section", "elements": elements }] })
}

/// A line with what stands bold before it.
struct Line {
    label: String,
    text: String,
}

impl Line {
    fn chars(&self) -> usize {
        self.label.chars().count() + self.text.chars().count() + 3
    }

    /// Whether it is a page to open rather than a text.
    fn is_address(&self) -> bool {
        let is_web = self.text.starts_with("https://") || self.text.starts_with("http://");
        is_web && !self.label.is_empty() && !self.text.contains(['<', '>', '|', ' '])
    }

    fn in_text(&self) -> String {
        match (self.label.as_str(), self.text.as_str()) {
            ("", text) => escaped(text, SECTION_CHARS_MAX),
            (label, "") => escaped(label, SECTION_CHARS_MAX),
            (label, text) => escaped(&format!("{label}: {text}"), SECTION_CHARS_MAX),
        }
    }
}

fn headline(message: &Message) -> String {
    let headline = clean::line(&message.headline, HEADLINE_CHARS_MAX.min(HEADLINE_SHARE_CHARS));
    // A section must not be empty.
    if headline.is_empty() {
        "(no text)".into()
    } else {
        headline
    }
}

/// The facts that fit, and how many are left out.
fn fact_lines(message: &Message) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut chars_left = FACTS_SHARE_CHARS;
    let mut facts = shown_facts(message);
    facts.retain(|fact| !tone::is_in_title(message, fact));
    for (shown, fact) in facts.iter().enumerate() {
        let line = fact_line(fact);
        let Some(left) = chars_left.checked_sub(line.chars()) else {
            let left_out = facts.len() - shown;
            lines.push(Line {
                label: String::new(),
                text: format!("({left_out} more facts left out)"),
            });
            break;
        };
        chars_left = left;
        lines.push(line);
    }
    lines
}

/// The incidents of a digest; they fit by how a digest is written.
fn incident_lines(message: &Message) -> Vec<Line> {
    let mut all = Vec::new();
    for group in groups(message) {
        all.push(Line {
            label: group.title,
            text: String::new(),
        });
        all.extend(group.lines.into_iter().map(|text| Line {
            label: String::new(),
            text,
        }));
    }
    all
}

/// Lines in as few pieces as hold them.
fn in_pieces(lines: Vec<Line>) -> Vec<Vec<Line>> {
    let mut pieces: Vec<Vec<Line>> = Vec::new();
    let mut chars_left: usize = 0;
    for line in lines {
        match (chars_left.checked_sub(line.chars()), pieces.last_mut()) {
            (Some(left), Some(last)) => {
                chars_left = left;
                last.push(line);
            }
            _ => {
                chars_left = SECTION_CHARS_MAX.saturating_sub(line.chars());
                pieces.push(vec![line]);
            }
        }
    }
    pieces
}

fn fact_line(fact: &MessageFact) -> Line {
    Line {
        label: clean::line(&fact.label, LABEL_CHARS_MAX),
        text: clean::line(&fact.text, FACT_CHARS_MAX),
    }
}

/// The last lines of the output that fit, and above them what they are.
fn output(message: &Message) -> Option<(String, String)> {
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
    (shown > 0).then(|| (title, lines[lines.len() - shown..].join("\n")))
}

fn commands(message: &Message) -> Option<(String, String)> {
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
    (!lines.is_empty()).then(|| ("What you can do".to_owned(), lines.join("\n")))
}

/// Lines of code below what they are.
fn fenced((title, lines): &(String, String)) -> String {
    format!("{title}\n```\n{lines}\n```")
}

/// Links rather than buttons: Slack tells apps of pressed buttons, and warns where none listens.
fn link_lines(links: Links<'_>) -> impl Iterator<Item = String> {
    links.offers().map(|(words, link)| {
        let link = escaped(link, LINK_SHARE_CHARS - words.len());
        format!("<{link}|{words}>")
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
    let in_lines = |lines: &[Line]| lines.iter().map(Line::in_text).collect::<Vec<_>>().join("\n");
    parts.extend(Some(in_lines(&fact_lines(message))).filter(|facts| !facts.is_empty()));
    parts.extend(Some(in_lines(&incident_lines(message))).filter(|incidents| !incidents.is_empty()));
    let code = output(message).into_iter().chain(commands(message));
    parts.extend(code.map(|(title, lines)| format!("{title}\n{lines}")));
    parts.extend(link_lines(links));
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
