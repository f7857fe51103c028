//! Makes text of unknown origin fit to show: no escape sequences, no control characters, bounded.

use sha2::{Digest, Sha256};

/// Stands for every character that must not be shown or sent.
const REPLACED: char = '\u{fffd}';

/// How much of a text is looked at for each character that is kept of it.
const BYTES_READ_PER_CHAR: usize = 16;

/// Longest identifier made by [`identifier`], in bytes.
const IDENTIFIER_BYTES_MAX: usize = 120;

/// One line for a reader: escape sequences dropped, line breaks and tabs as spaces, other control
/// characters and text-direction overrides replaced visibly, cut with an ellipsis at `chars_max`.
pub(super) fn line(text: &str, chars_max: usize) -> String {
    let plain = plain(text, chars_max);
    cut(
        plain.trim().chars().map(|character| match character {
            '\n' | '\r' | '\t' => ' ',
            other => shown(other),
        }),
        chars_max,
    )
}

/// One line of what another has said, as [`line()`]: where it is cut, how much is left out stands behind it, within
/// `chars_max`.
pub(super) fn saying(text: &str, chars_max: usize) -> String {
    let said = line(text, chars_max + 1);
    if said.chars().count() <= chars_max {
        return said;
    }
    let total = text.trim().chars().count();
    let note = |kept: usize| format!("… ({} more characters left out)", total.saturating_sub(kept));
    let kept = chars_max.saturating_sub(note(0).chars().count());
    let begin: String = said.chars().take(kept).collect();
    format!("{}{}", begin.trim_end(), note(kept))
}

/// One line of a job's output: as [`line()`], but its indentation is kept.
pub(super) fn output_line(text: &str, chars_max: usize) -> String {
    let plain = plain(text, chars_max).replace('\t', "    ");
    cut(plain.trim_end().chars().map(shown), chars_max)
}

/// The value of a mail header: anything that could end it or begin another is replaced visibly.
pub(super) fn header(text: &str, chars_max: usize) -> String {
    cut(text.trim().chars().map(shown), chars_max)
}

/// A name that is safe inside a Message-ID, an HTTP header and a file name.
///
/// Letters, digits, `.`, `_` and `-` stay. A name that had to be changed gets a digest of the
/// original, so that two different ones never become the same.
pub(super) fn identifier(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => character,
            _ => '-',
        })
        .collect();
    let usable = !kept.is_empty()
        && kept.len() <= IDENTIFIER_BYTES_MAX
        && !kept.starts_with('.')
        && !kept.ends_with('.')
        && !kept.contains("..");
    if usable && kept == text {
        return kept;
    }
    let stem: String = kept.replace('.', "-").chars().take(IDENTIFIER_BYTES_MAX - 17).collect();
    format!("{stem}-{}", digest(text))
}

/// Sixteen hexadecimal digits that stand for a text.
pub(super) fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let start = digest.iter().take(8);
    format!("{:016x}", start.fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte)))
}

/// Without escape sequences, and not much longer than will be kept: these texts may be huge.
fn plain(text: &str, chars_max: usize) -> String {
    let end = text.floor_char_boundary(chars_max.saturating_mul(BYTES_READ_PER_CHAR));
    anstream::adapter::strip_str(&text[..end]).to_string()
}

fn shown(character: char) -> char {
    match character {
        // Overrides and isolates of text direction can make a line read as something else.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => REPLACED,
        control if control.is_control() => REPLACED,
        other => other,
    }
}

fn cut(characters: impl Iterator<Item = char>, chars_max: usize) -> String {
    let mut kept = String::new();
    for (count, character) in characters.enumerate() {
        if count == chars_max {
            kept.pop();
            kept.push('…');
            break;
        }
        kept.push(character);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_loses_escapes_and_shows_what_was_replaced() {
        assert_eq!(line("  \x1b[31mred\x1b[0m\tand\r\nmore\0 ", 99), "red and  more");
        assert_eq!(line("a\u{202e}b", 99), "a\u{fffd}b");
        assert_eq!(line("abcdef", 4), "abc…");
        assert_eq!(line("abcd", 4), "abcd");
    }

    #[test]
    fn where_a_saying_is_cut_it_says_how_much_is_left_out() {
        assert_eq!(saying("no such hook", 40), "no such hook");
        let said = saying(&format!("begin {}", "x".repeat(1_000)), 60);
        assert_eq!(said, "begin xxxxxxxxxxxxxxxxxxxxx… (979 more characters left out)");
        assert!(said.chars().count() <= 60);
        assert_eq!(saying("it ends so…", 40), "it ends so…");
    }

    #[test]
    fn output_keeps_its_indentation() {
        assert_eq!(output_line("\tat row 7\n", 99), "    at row 7");
    }

    #[test]
    fn a_header_cannot_be_ended() {
        assert_eq!(
            header("stock\r\nBcc: all@seafood.example\0", 99),
            "stock\u{fffd}\u{fffd}Bcc: all@seafood.example\u{fffd}"
        );
    }

    #[test]
    fn an_identifier_stays_in_its_directory_and_apart_from_others() {
        assert_eq!(identifier("n-17.2_x"), "n-17.2_x");
        for hostile in [
            "../../etc/passwd",
            "",
            ".",
            "..",
            "a/b",
            "a b",
            "æ",
            ".hidden",
            "a\r\nb",
        ] {
            let made = identifier(hostile);
            assert!(made.len() > 16 && !made.contains(['/', '.', '\r', '\n', ' ']), "{made}");
        }
        assert_ne!(identifier("a/b"), identifier("a b"));
        assert_ne!(identifier("a/b"), "a-b");
        assert!(identifier(&"x".repeat(5000)).len() <= IDENTIFIER_BYTES_MAX);
    }
}
