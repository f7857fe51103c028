//! Syntax errors of TOML: where each is, what to write instead, and the rest of the file saved from it.

use std::ops::Range;

use toml::de::DeTable;

use super::excerpt::is_header;

/// Most tables of one file that are blanked out before the rest of it is given up.
const HOLES_MAX: usize = 50;

/// Most broken lines of one table that are told one by one.
const LINES_MAX: usize = 200;

/// What could be made of a text.
#[derive(Debug, Default)]
pub(super) struct Repaired {
    /// The text with the broken parts blanked out.
    pub(super) text: String,
    /// One for each broken part.
    pub(super) errors: Vec<SyntaxError>,
    /// What was blanked out.
    pub(super) holes: Vec<Hole>,
}

/// A part of a text that cannot be parsed.
#[derive(Debug)]
pub(super) struct Hole {
    /// What was blanked out.
    pub(super) blank: Range<usize>,
    /// The table it lies in, from its header to the next.
    pub(super) table: Range<usize>,
}

/// One syntax error.
#[derive(Debug)]
pub(super) struct SyntaxError {
    /// What is marked.
    pub(super) span: Range<usize>,
    /// What is wrong.
    pub(super) message: String,
    /// What to write instead.
    pub(super) help: String,
}

/// Finds the syntax errors of a text and blanks out as little as lets the rest be parsed.
///
/// A table is judged line by line where its lines stand alone; a table with a broken value of
/// several lines is blanked out whole, and only the first of its errors is told.
pub(super) fn repair(text: &str) -> Repaired {
    let mut repaired = Repaired::default();
    let mut working = text.to_owned();
    while let Err(error) = DeTable::parse(&working) {
        let span = error.span().unwrap_or(0..0);
        let start = opening(text, error.message(), span.start.min(text.len()));
        // An empty span at the start of a line points behind the line before.
        let behind = span.is_empty() && start == span.start;
        let table = table_around(text, start.saturating_sub(usize::from(behind)));
        let already_blank = working[table.clone()].trim().is_empty();
        if repaired.holes.len() >= HOLES_MAX || already_blank {
            repaired.errors.push(explain(text, error.message(), span));
            repaired.holes.push(Hole {
                blank: 0..text.len(),
                table: 0..text.len(),
            });
            working = blanked(&working, [&(0..text.len())]);
            break;
        }
        let lines = broken_lines(&working, &table);
        let saved = blanked(&working, lines.iter().map(|(line, _)| line));
        if !lines.is_empty() && DeTable::parse(&saved[table.clone()]).is_ok() {
            for (line, error) in lines {
                let span = error.span().unwrap_or(0..0);
                let span = line.start + span.start..line.start + span.end;
                repaired.errors.push(explain(text, error.message(), span));
                repaired.holes.push(Hole {
                    blank: line,
                    table: table.clone(),
                });
            }
            working = saved;
        } else if error.message() == "duplicate key" && !is_header(line_at(text, start)) {
            repaired.errors.push(explain(text, error.message(), span));
            working = blanked(&working, [&line_range(text, start)]);
            repaired.holes.push(Hole {
                blank: line_range(text, start),
                table,
            });
        } else {
            let span = if start == span.start { span } else { start..start + 3 };
            repaired.errors.push(explain(text, error.message(), span));
            working = blanked(&working, [&table]);
            repaired.holes.push(Hole {
                blank: table.clone(),
                table,
            });
        }
    }
    repaired.text = working;
    repaired
}

/// The lines of a table that cannot be parsed by themselves, when each of them is a `key = value`.
fn broken_lines(text: &str, table: &Range<usize>) -> Vec<(Range<usize>, toml::de::Error)> {
    let mut broken = Vec::new();
    let mut start = table.start;
    for line in text[table.clone()].split_inclusive('\n') {
        let range = start..start + line.len();
        start = range.end;
        let Err(error) = DeTable::parse(line) else {
            continue;
        };
        let key = line.split('=').next().unwrap_or("").trim();
        let alone = line.contains('=')
            && !is_header(line)
            && !line.contains("\"\"\"")
            && !line.contains("'''")
            && !key.is_empty()
            && key.chars().all(|c| c.is_alphanumeric() || "_-.\"' ".contains(c));
        if !alone || broken.len() == LINES_MAX {
            return Vec::new();
        }
        broken.push((range, error));
    }
    broken
}

/// Where a text of several lines that is never closed begins; else `at`.
fn opening(text: &str, message: &str, at: usize) -> usize {
    let quotes = if message.starts_with("invalid multi-line basic string") {
        "\"\"\""
    } else if message.starts_with("invalid multi-line literal string") {
        "'''"
    } else {
        return at;
    };
    text.get(..at).and_then(|before| before.rfind(quotes)).unwrap_or(at)
}

fn table_around(text: &str, at: usize) -> Range<usize> {
    let mut start = 0;
    let mut place = 0;
    for line in text.split_inclusive('\n') {
        if is_header(line) {
            if place > at {
                return start..place;
            }
            start = place;
        }
        place += line.len();
    }
    start..text.len()
}

fn line_range(text: &str, at: usize) -> Range<usize> {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    start..end
}

fn line_at(text: &str, at: usize) -> &str {
    &text[line_range(text, at)]
}

/// The text with every byte of these ranges but line ends replaced by a space, so that places stay true.
fn blanked<'r>(text: &str, ranges: impl IntoIterator<Item = &'r Range<usize>>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in ranges {
        for byte in &mut bytes[range.clone()] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    // Ranges begin and end between characters.
    String::from_utf8(bytes).unwrap_or_default()
}

/// Says what a message of the parser means for the author of the file.
fn explain(text: &str, message: &str, span: Range<usize>) -> SyntaxError {
    let mut span = span.start.min(text.len())..span.end.min(text.len());
    // An empty span points behind the culprit, often at the end of its line.
    let before = text.get(..span.start).unwrap_or("").trim_end();
    if span.is_empty() && !before.is_empty() {
        let last = before.chars().next_back().map_or(1, char::len_utf8);
        span = before.len() - last..before.len();
    }
    let word = text.get(span.clone()).unwrap_or("");
    // Not a letter more: behind the key there may be a secret.
    let line = line_at(text, span.start).trim_start();
    let key_end = line.find(|c: char| !(c.is_alphanumeric() || "_-.".contains(c)));
    let key = match &line[..key_end.unwrap_or(line.len())] {
        "" => "KEY",
        key => key,
    };
    let (message, help) = if message.starts_with("string values must be quoted") {
        if word.trim_matches(['=', ' ']).is_empty() {
            (format!("`{key}` has no value"), format!("write `{key} = ...`"))
        } else {
            let help = "put the text between double quotes".to_owned();
            ("a text must stand in quotes".to_owned(), help)
        }
    } else if message.starts_with("invalid basic string") {
        let help = "end it with `\"` on the same line".to_owned();
        ("the text is not closed".to_owned(), help)
    } else if message.starts_with("invalid literal string") {
        let help = "end it with `'` on the same line".to_owned();
        ("the text is not closed".to_owned(), help)
    } else if message.starts_with("invalid multi-line") {
        let help = "end it with the same three quotes that begin it".to_owned();
        ("the text is not closed".to_owned(), help)
    } else if message.starts_with("unclosed table") {
        let help = "write the whole header on one line, as in [jobs.NAME]".to_owned();
        ("the header is not closed by `]`".to_owned(), help)
    } else if message.starts_with("unclosed array") {
        let help = "end the list with `]`".to_owned();
        ("the list is not closed".to_owned(), help)
    } else if message.starts_with("unclosed inline table") {
        let help = "end the table with `}`".to_owned();
        ("the table is not closed".to_owned(), help)
    } else if message == "duplicate key" {
        duplicate(text, &span)
    } else if message.starts_with("key with no value") {
        let help = format!("write `{key} = ...`, or take the line out");
        (format!("`{key}` has no value"), help)
    } else if message.starts_with("missing comma") {
        let help = "put a comma between two values".to_owned();
        ("a comma is missing".to_owned(), help)
    } else if message.starts_with("missing escaped value") {
        let help = "write `\\\\` for a backslash, or put the text between single quotes".to_owned();
        ("a backslash begins an escape that does not exist".to_owned(), help)
    } else if message.starts_with("unexpected leading zero") {
        let help = "write the number without the zero, or in quotes if it is a text".to_owned();
        ("a number must not begin with 0".to_owned(), help)
    } else {
        let help = "write `key = value` lines below `[section.name]` headers, as TOML wants them";
        (format!("not valid TOML: {message}"), help.to_owned())
    };
    SyntaxError { span, message, help }
}

fn duplicate(text: &str, span: &Range<usize>) -> (String, String) {
    let line = line_at(text, span.start).trim();
    let word = text.get(span.clone()).unwrap_or("");
    let first = is_header(line)
        .then(|| text.lines().position(|other| other.trim() == line))
        .flatten();
    let message = match first {
        Some(first) => format!("`{word}` is defined twice, first on line {}", first + 1),
        None => format!("`{word}` is written twice"),
    };
    (message, "keep one of the two".to_owned())
}
