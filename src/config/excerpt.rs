//! The line shown with a problem, with everything that may be a secret blotted out.

use std::ops::Range;

use super::logins::has_login;

/// What stands for a hidden value.
const BLOT: &str = "***";

/// Keys whose values are shown in `[channels]`; every other value there may be a secret.
const SHOWN_IN_CHANNELS: &[&str] = &[
    "type",
    "server",
    "host",
    "port",
    "from",
    "to",
    "address",
    "channel",
    "username",
    "ca",
    "dir",
    "user",
    "group",
    "timeout",
    "file",
    "env",
    "credential",
];

/// Parts of a key that make its value a secret wherever it stands.
const SECRET_KEY_PARTS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "private",
    "credential",
];

/// The line of `text` in which `span` begins, and the part of it that the span marks; `header` is the header
/// line of the table it stands in.
pub(super) fn excerpt(text: &str, header: &str, line: Range<usize>, span: &Range<usize>) -> (String, Range<usize>) {
    let shown = &text[line.clone()];
    let start = span.start.clamp(line.start, line.end) - line.start;
    let end = span.end.clamp(line.start + start, line.end) - line.start;
    let mark = if start < end {
        start..end
    } else {
        one_character(shown, start)
    };
    let section = header.trim().trim_start_matches('[').trim_start();
    blot(shown, mark, &hidden(shown, section))
}

/// Marks the character at `start`, or the last one of the line.
fn one_character(line: &str, start: usize) -> Range<usize> {
    let start = match line[start..].chars().next() {
        Some(_) => start,
        None => line.char_indices().next_back().map_or(0, |(place, _)| place),
    };
    let length = line[start..].chars().next().map_or(0, char::len_utf8);
    start..start + length
}

/// Where the lines begin that are headers of tables.
pub(super) fn header_starts(text: &str) -> Vec<usize> {
    let mut start = 0;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        if is_header(line) {
            found.push(start);
        }
        start += line.len();
    }
    found
}

/// Whether a line is the header of a table, as far as its beginning tells.
pub(super) fn is_header(line: &str) -> bool {
    line.trim_start().strip_prefix('[').is_some_and(|rest| {
        rest.trim_start_matches('[')
            .trim_start()
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
    })
}

/// The parts of a line that must not be shown.
fn hidden(line: &str, section: &str) -> Vec<Range<usize>> {
    if is_header(line) || line.trim_start().starts_with('#') {
        return Vec::new();
    }
    let in_channels = section.starts_with("channels") || line.trim_start().starts_with("channels");
    let in_env = section.ends_with(".env]");
    let assignments = assignments(line);
    if assignments.is_empty() {
        // A line without a key belongs to a value that began above.
        let whole = in_channels || in_env || looks_secret(line) || has_login(line);
        return whole.then_some(0..line.len()).into_iter().collect();
    }
    let mut hidden = Vec::new();
    let mut env_depth = 0;
    // Labels are shown to whoever sees an alert.
    let all_labels = section.ends_with(".labels]");
    let mut labels_until = 0;
    for assignment in &assignments {
        let key = assignment.key.to_ascii_lowercase();
        let last = key.rsplit('.').next().unwrap_or(&key).trim_matches(['"', '\'', ' ']);
        let value = &line[assignment.value.clone()];
        if key.split('.').any(|part| part.trim() == "env") && value.starts_with('{') {
            env_depth = assignment.value.end.max(line.len());
        }
        if last == "labels" && value.starts_with('{') {
            labels_until = line.len();
        }
        let is_label = all_labels
            || assignment.value.start < labels_until
            || key.split('.').rev().nth(1).is_some_and(|part| part.trim() == "labels");
        let names_a_place = matches!(last, "file" | "env" | "credential");
        let is_secret = has_login(value)
            || if in_channels {
                let is_shown = SHOWN_IN_CHANNELS.contains(&last) || is_label && !looks_secret(last);
                assignment.unclear || !is_shown || value.contains('@') && last == "server"
            } else {
                in_env
                    || assignment.value.start < env_depth
                    || key.split('.').rev().nth(1).is_some_and(|part| part == "env")
                    || (!names_a_place && looks_secret(last))
                    || (assignment.unclear && looks_secret(value))
            };
        let is_table = value.starts_with('{') && line[assignment.value.start..].contains('=');
        if is_secret && !is_table && !value.is_empty() {
            hidden.push(assignment.value.clone());
        }
    }
    hidden
}

fn looks_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    SECRET_KEY_PARTS.iter().any(|part| text.contains(part))
}

struct Assignment<'a> {
    key: &'a str,
    /// From the first character of the value to its end as far as this line tells.
    value: Range<usize>,
    /// Something stands behind the value that does not belong there: perhaps the rest of a secret.
    unclear: bool,
}

/// Every `key = value` of a line, those of inline tables included; good enough for broken lines too.
fn assignments(line: &str) -> Vec<Assignment<'_>> {
    let mut found = Vec::new();
    let mut key_start = 0;
    let mut place = 0;
    let bytes = line.as_bytes();
    while place < bytes.len() {
        match bytes[place] {
            b'=' => {
                let key = line[key_start..place].trim();
                let start = place + 1 + (line[place + 1..].len() - line[place + 1..].trim_start().len());
                let (end, unclear) = value_end(line, start);
                found.push(Assignment {
                    key,
                    value: start..end,
                    unclear,
                });
                // Look into an inline table, jump over anything else.
                place = if bytes.get(start) == Some(&b'{') {
                    start + 1
                } else {
                    end.max(start)
                };
                key_start = place;
                continue;
            }
            b',' | b'{' | b'}' => key_start = place + 1,
            b'#' if found.is_empty() => break,
            _ => {}
        }
        place += 1;
    }
    found
}

/// Where a value that begins at `start` ends: behind its closing quote, else before a comma or brace; and
/// whether something unclear follows, which then belongs to it.
fn value_end(line: &str, start: usize) -> (usize, bool) {
    let rest = &line[start..];
    let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let stop = rest.find([',', '}']).unwrap_or(rest.len());
        let token = rest[..stop].trim();
        let plain = token.starts_with('{') || matches!(token, "" | "true" | "false");
        let number = token.chars().all(|c| c.is_ascii_digit() || "+-._:TZ".contains(c));
        return if plain || number {
            (start + stop, false)
        } else {
            (line.len(), !rest.starts_with('['))
        };
    };
    let mut escaped = false;
    for (place, character) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' && quote == '"' {
            escaped = true;
        } else if character == quote {
            let end = start + place + 1;
            let tail = line[end..].trim_start();
            let clean = tail.is_empty() || tail.starts_with([',', '}', '#', ']']);
            return if clean { (end, false) } else { (line.len(), true) };
        }
    }
    (line.len(), true)
}

/// Replaces the hidden parts and moves the mark accordingly.
fn blot(line: &str, mark: Range<usize>, hidden: &[Range<usize>]) -> (String, Range<usize>) {
    let mut text = String::with_capacity(line.len());
    let mut moved = mark.clone();
    let mut copied = 0;
    for part in hidden {
        if part.start < copied {
            continue;
        }
        text.push_str(&line[copied..part.start]);
        let blot_start = text.len();
        text.push_str(BLOT);
        if mark.start >= part.end {
            moved.start = mark.start + text.len() - part.end;
        } else if mark.start >= part.start {
            moved.start = blot_start;
        }
        if mark.end >= part.end {
            moved.end = mark.end + text.len() - part.end;
        } else if mark.end > part.start {
            moved.end = text.len();
        }
        copied = part.end;
    }
    text.push_str(&line[copied..]);
    (text, moved)
}
