//! Tones as invisible marks in a text, made into colours or into nothing when it is printed.
//!
//! A mark takes no column, so that a marked text can be laid out as if it were plain.

use anstyle::{AnsiColor, Reset, Style};

use crate::model::has_power;

/// What a piece of text means to the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Wrong.
    Bad,
    /// Needs an eye.
    Warn,
    /// Well.
    Good,
    /// Going on.
    Busy,
    /// Less important than the rest.
    Dim,
    /// More important than the rest.
    Strong,
}

/// Ends a tone; stands at the beginning of each cell too, so that a cut one does not run into the next.
pub(super) const END: char = '\u{2060}';

/// Format characters without width, which no text of ours needs.
const MARKS: std::ops::RangeInclusive<char> = '\u{2060}'..='\u{206f}';

const TONES: [(char, Tone); 6] = [
    ('\u{2061}', Tone::Bad),
    ('\u{2062}', Tone::Warn),
    ('\u{2063}', Tone::Good),
    ('\u{2064}', Tone::Busy),
    ('\u{206a}', Tone::Dim),
    ('\u{206b}', Tone::Strong),
];

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Warn => AnsiColor::Yellow.on_default(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Busy => AnsiColor::Cyan.on_default(),
            Self::Dim => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
        }
    }
}

/// The text in a tone.
pub(super) fn tone(tone: Tone, text: impl std::fmt::Display) -> String {
    let mark = TONES
        .iter()
        .find(|(_, known)| *known == tone)
        .map_or(END, |(mark, _)| *mark);
    format!("{mark}{text}{END}")
}

/// A text from elsewhere: in one line, and without marks.
pub(super) fn clean(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join(" ⏎ ").chars().filter(|c| !MARKS.contains(c)).collect()
}

/// Makes marks into colours, or takes them out. Control characters have no power behind this point.
pub(super) fn painted(text: &str, color: bool) -> String {
    let mut painted = String::with_capacity(text.len());
    let mut open = false;
    for c in text.chars() {
        match c {
            '\n' => {
                close(&mut open, &mut painted);
                painted.push('\n');
            }
            '\t' => painted.push_str("    "),
            c if MARKS.contains(&c) => {
                close(&mut open, &mut painted);
                let tone = TONES.iter().find(|(mark, _)| *mark == c);
                if let Some((_, tone)) = tone.filter(|_| color) {
                    painted.push_str(&tone.style().render().to_string());
                    open = true;
                }
            }
            c if has_power(c) => painted.push(char::REPLACEMENT_CHARACTER),
            c => painted.push(c),
        }
    }
    close(&mut open, &mut painted);
    painted
}

fn close(open: &mut bool, painted: &mut String) {
    if std::mem::take(open) {
        painted.push_str(&Reset.render().to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_a_colour_on_a_terminal_and_nothing_elsewhere() {
        let text = format!("{} fine", tone(Tone::Bad, "late"));
        assert_eq!(painted(&text, false), "late fine");
        assert_eq!(painted(&text, true), "\u{1b}[1m\u{1b}[31mlate\u{1b}[0m fine");
    }

    #[test]
    fn a_name_from_elsewhere_cannot_drive_the_terminal() {
        let name = clean("a\u{1b}[2Jb\u{2061}c\r\n\nd");
        assert_eq!(painted(&name, true), "a\u{fffd}[2Jbc ⏎ d");
        let turned = clean("gvc.\u{202e}exe\u{200b}\u{2028}.");
        assert_eq!(painted(&turned, true), "gvc.\u{fffd}exe\u{fffd}\u{fffd}.");
    }
}
