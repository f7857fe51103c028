//! The plain text of a mail, laid out for a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::groups::groups;
use super::links::Links;
use super::{
    COMMANDS_MAX, FACT_CHARS_MAX, FACTS_MAX, HEADLINE_CHARS_MAX, OUTPUT_LINE_CHARS_MAX, clean, output_tail, tone,
};
use crate::model::{Message, MessageFact, WHY};

/// Widest line of running text, facts and output. Commands are never broken: they are copied.
const COLUMNS_MAX: usize = 72;

/// Widest column of labels; a longer label pushes its own text aside.
const LABEL_COLUMNS_MAX: usize = 16;

/// What happened first, then the facts, what to type and the links, and the output, of which there
/// may be much.
pub(super) fn render(message: &Message, links: Links<'_>) -> String {
    let mut page = String::new();
    running(
        &mut page,
        ["", ""],
        &clean::line(&message.headline, HEADLINE_CHARS_MAX),
        COLUMNS_MAX,
    );
    facts(&mut page, message);
    incidents(&mut page, message);
    commands(&mut page, message);
    for (words, link) in links.offers() {
        // On a line of its own, never broken: mail programs make it a link.
        push(&mut page, "", &format!("\n{words}:"));
        push(&mut page, "  ", link);
    }
    output(&mut page, message);
    // "-- " begins a signature: mail programs show it apart and leave it out of replies.
    page.push_str("\n-- \n");
    let origin = format!("freshd: {}", tone::origin(message));
    running(&mut page, ["", ""], &origin, COLUMNS_MAX);
    page
}

/// What stands below the first sentences. The reason is not said once more where they have said it in the same words.
pub(super) fn shown_facts(message: &Message) -> Vec<&MessageFact> {
    let said = clean::line(&message.headline, HEADLINE_CHARS_MAX);
    let is_said = |fact: &MessageFact| fact.label == WHY && said.contains(&clean::line(&fact.text, FACT_CHARS_MAX));
    let facts = message.facts.iter().filter(|fact| !is_said(fact));
    facts.take(FACTS_MAX).collect()
}

fn facts(page: &mut String, message: &Message) {
    let shown = shown_facts(message);
    if shown.is_empty() {
        return;
    }
    page.push('\n');
    let labels: Vec<String> = shown
        .iter()
        .map(|fact| clean::line(&fact.label, COLUMNS_MAX / 2))
        .collect();
    let width = labels
        .iter()
        .map(|label| label.chars().count())
        .max()
        .unwrap_or_default()
        .min(LABEL_COLUMNS_MAX);
    for (label, fact) in labels.iter().zip(shown) {
        let text = clean::line(&fact.text, FACT_CHARS_MAX);
        let lead = format!("  {label:<width$}  ");
        let columns = lead.chars().count();
        let indented = " ".repeat(columns);
        running(page, [&lead, &indented], &text, COLUMNS_MAX - columns);
    }
}

fn incidents(page: &mut String, message: &Message) {
    for group in groups(message) {
        push(page, "", &format!("\n{}:", group.title));
        for line in group.in_pieces() {
            running(page, ["  ", "    "], &line, COLUMNS_MAX - 4);
        }
    }
}

fn output(page: &mut String, message: &Message) {
    let (left_out, lines) = output_tail(message);
    if lines.is_empty() {
        return;
    }
    page.push_str("\nLast lines of output:\n");
    if left_out > 0 {
        push(page, "", &format!("  ({left_out} earlier lines left out)"));
    }
    for line in lines {
        let line = clean::output_line(line, OUTPUT_LINE_CHARS_MAX);
        let mut lead = "  | ";
        for piece in pieces(&line, COLUMNS_MAX - lead.len()) {
            push(page, lead, &piece);
            lead = "  |   ";
        }
    }
}

fn commands(page: &mut String, message: &Message) {
    if message.commands.is_empty() {
        return;
    }
    push(page, "", "\nWhat you can do:");
    for command in message.commands.iter().take(COMMANDS_MAX) {
        push(page, "  ", &clean::line(command, FACT_CHARS_MAX));
    }
}

/// Running text in lines; what stands before the first, and before the others.
fn running(page: &mut String, [first, others]: [&str; 2], text: &str, columns: usize) {
    for (number, line) in wrapped(text, columns).iter().enumerate() {
        push(page, if number == 0 { first } else { others }, line);
    }
}

fn push(page: &mut String, lead: &str, line: &str) {
    let whole = format!("{lead}{line}");
    page.push_str(whole.trim_end());
    page.push('\n');
}

/// Breaks running text between words; a word that fits no line stands alone and is kept whole. Scripts that are written
/// without spaces are broken between their letters.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        for (place, unit) in units(word).into_iter().enumerate() {
            let gap = usize::from(place == 0 && !line.is_empty());
            if !line.is_empty() && line.width() + gap + unit.width() > columns {
                lines.push(std::mem::take(&mut line));
            } else if gap > 0 {
                line.push(' ');
            }
            line.push_str(unit);
        }
    }
    lines.push(line);
    lines
}

/// The parts of a word between which a line may end: on both sides of a letter that takes two columns.
fn units(word: &str) -> Vec<&str> {
    let mut units = Vec::new();
    let mut from = 0;
    for (at, letter) in word.char_indices() {
        if letter.width() == Some(2) {
            units.extend([&word[from..at], &word[at..at + letter.len_utf8()]]);
            from = at + letter.len_utf8();
        }
    }
    units.push(&word[from..]);
    units.retain(|unit| !unit.is_empty());
    units
}

/// Breaks output behind the last blank of the second half of a line, else at the column; later pieces are indented by two
/// more. Nothing of it is left out, blanks neither.
fn pieces(line: &str, columns: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let (mut piece, mut width) = (String::new(), 0);
    for letter in line.chars() {
        let room = if pieces.is_empty() { columns } else { columns - 2 };
        let needed = letter.width().unwrap_or(0);
        if width + needed > room {
            let blank = piece.rfind(' ').filter(|at| piece[..*at].width() >= room / 2);
            let rest = blank.map_or_else(String::new, |at| piece.split_off(at + 1));
            width = rest.width();
            pieces.push(std::mem::replace(&mut piece, rest));
        }
        piece.push(letter);
        width += needed;
    }
    if !piece.is_empty() || pieces.is_empty() {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_text_breaks_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a-very-long-word b", 4), ["a-very-long-word", "b"]);
        assert_eq!(wrapped("", 4), [""]);
        assert_eq!(wrapped("a 在庫エクス (x)", 6), ["a 在庫", "エクス", "(x)"]);
    }

    #[test]
    fn long_output_breaks_at_the_column_and_loses_nothing() {
        assert_eq!(pieces("abcdefghij", 6), ["abcdef", "ghij"]);
        assert_eq!(pieces("abcdef", 6), ["abcdef"]);
        assert_eq!(pieces("abcdefghijklm", 6), ["abcdef", "ghij", "klm"]);
        assert_eq!(pieces("", 6), [""]);
        assert_eq!(pieces("abc def ghi", 6), ["abc ", "def ", "ghi"]);
        assert_eq!(pieces("a bcdefghi", 6), ["a bcde", "fghi"]);
        assert_eq!(pieces("在庫エクスポ", 6), ["在庫エ", "クス", "ポ"]);
    }
}
