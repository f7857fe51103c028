//! A line that a job printed: colours become classes, everything else that a terminal would obey becomes visible or goes.

use anstyle_parse::{DefaultCharAccumulator, Params, Parser, Perform};
use maud::{Markup, html};

use crate::model::has_power;

/// Pieces of one line with a style of their own; what follows has the last one.
const PIECES_MAX: usize = 500;

/// What the sequences of a terminal can do to a text here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    /// One of the eight colours.
    color: Option<u8>,
    bold: bool,
    dim: bool,
}

impl Look {
    fn class(self) -> Option<String> {
        let mut classes = Vec::new();
        classes.extend(self.color.map(|color| format!("c{color}")));
        classes.extend(self.bold.then(|| "bold".to_owned()));
        classes.extend(self.dim.then(|| "dim".to_owned()));
        (!classes.is_empty()).then(|| classes.join(" "))
    }
}

/// A line as markup.
pub(super) fn line(bytes: &[u8]) -> Markup {
    let mut reading = Reading::default();
    let mut parser = Parser::<DefaultCharAccumulator>::new();
    // The parser would swallow what is no UTF-8.
    for byte in String::from_utf8_lossy(bytes).bytes() {
        parser.advance(&mut reading, byte);
    }
    reading.end();
    html! {
        @for (look, text) in &reading.pieces {
            @match look.class() {
                Some(class) => { span class=(class) { (text) } }
                None => { (text) }
            }
        }
    }
}

#[derive(Default)]
struct Reading {
    look: Look,
    text: String,
    pieces: Vec<(Look, String)>,
}

impl Reading {
    fn end(&mut self) {
        if !self.text.is_empty() {
            self.pieces.push((self.look, std::mem::take(&mut self.text)));
        }
    }

    fn take_on(&mut self, look: Look) {
        if look != self.look && self.pieces.len() < PIECES_MAX {
            self.end();
            self.look = look;
        }
    }
}

impl Perform for Reading {
    fn print(&mut self, c: char) {
        self.text
            .push(if has_power(c) { char::REPLACEMENT_CHARACTER } else { c });
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\t' => self.text.push('\t'),
            // What stands behind it would have replaced what stands before it.
            b'\r' => self.text.push('␍'),
            0x00..=0x1f => self.text.extend(char::from_u32(0x2400 + u32::from(byte))),
            _ => self.text.push(char::REPLACEMENT_CHARACTER),
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: u8) {
        if action != b'm' || !intermediates.is_empty() || ignore {
            return;
        }
        let mut look = self.look;
        let mut codes = params.iter().filter_map(|code| code.first().copied());
        if params.is_empty() {
            look = Look::default();
        }
        while let Some(code) = codes.next() {
            match code {
                0 => look = Look::default(),
                1 => look.bold = true,
                2 => look.dim = true,
                22 => (look.bold, look.dim) = (false, false),
                30..=37 => look.color = u8::try_from(code - 30).ok(),
                90..=97 => look.color = u8::try_from(code - 90).ok(),
                // A colour of a larger palette is not ours to show; its own numbers are no codes.
                38 | 48 => match codes.next() {
                    Some(5) => drop(codes.next()),
                    Some(2) => drop((codes.next(), codes.next(), codes.next())),
                    _ => {}
                },
                39 => look.color = None,
                _ => {}
            }
        }
        self.take_on(look);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shows(bytes: &[u8], markup: &str) {
        assert_eq!(line(bytes).into_string(), markup);
    }

    #[test]
    fn colours_become_classes() {
        shows(
            b"\x1b[1;31mred\x1b[0m and \x1b[92mgreen\x1b[m.",
            "<span class=\"c1 bold\">red</span> and <span class=\"c2\">green</span>.",
        );
        shows(b"\x1b[38;5;31mx\x1b[39my", "xy");
    }

    #[test]
    fn markup_of_a_job_is_text() {
        shows(
            b"</code><script>alert('1')</script>&amp;\"",
            "&lt;/code&gt;&lt;script&gt;alert('1')&lt;/script&gt;&amp;amp;&quot;",
        );
        // Nor does a sequence in the middle of a tag hide it.
        shows(b"<scr\x1b[0mipt>", "&lt;script&gt;");
    }

    #[test]
    fn what_a_terminal_would_obey_is_gone_or_visible() {
        shows(b"a\x1b[2Jb\x1b]0;title\x07c\x1b]8;;javascript:1\x1b\\link", "abclink");
        shows(b"10%\r99%\x00\x08", "10%␍99%␀␈");
        shows("gvc.\u{202e}exe\u{200b}".as_bytes(), "gvc.\u{fffd}exe\u{fffd}");
        shows(b"bad \xff byte", "bad \u{fffd} byte");
    }

    #[test]
    fn a_line_of_nothing_but_colours_stays_small() {
        let bytes = b"\x1b[31mx\x1b[32my".repeat(10_000);
        let markup = line(&bytes).into_string();
        assert!(markup.matches("<span").count() <= PIECES_MAX + 1);
        assert!(markup.matches('x').count() >= 10_000);
    }
}
