//! Text of unknown origin: which characters must not be shown as they are.

/// Whether a character is obeyed instead of shown: controls, and those that hide themselves, break lines or turn the
/// direction of what stands beside them.
pub fn has_power(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a character shows nothing, or turns what stands beside it, and is no part of how a language is written: joiners
/// and marks of direction are.
pub fn is_invisible(c: char) -> bool {
    has_power(c) && !matches!(c, '\u{200c}'..='\u{200f}')
}

/// One line of what a person has written: breaks and tabs are spaces, and what has power without being part of how a
/// language is written is replaced visibly.
pub fn one_line(text: &str) -> String {
    let shown = |c| match c {
        '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        c if is_invisible(c) => '\u{fffd}',
        c => c,
    };
    text.trim().chars().map(shown).collect()
}

/// A line of at most so many characters, or its beginning and its end: what was the matter often stands last.
pub fn both_ends(line: &str, chars_max: usize) -> String {
    const CUT: &str = " … ";
    let count = line.chars().count();
    if count <= chars_max {
        return line.to_owned();
    }
    let of_end = chars_max / 2;
    let of_beginning = chars_max - of_end - CUT.chars().count();
    let beginning: String = line.chars().take(of_beginning).collect();
    let end: String = line.chars().skip(count - of_end).collect();
    format!("{beginning}{CUT}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_told_from_how_a_language_is_written() {
        for hidden in [
            '\n',
            '\u{7f}',
            '\u{200b}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{e0041}',
            '\u{e007f}',
        ] {
            assert!(has_power(hidden) && is_invisible(hidden), "{hidden:?}");
        }
        for joiner in ['\u{200c}', '\u{200d}', '\u{200f}'] {
            assert!(has_power(joiner) && !is_invisible(joiner), "{joiner:?}");
        }
        for shown in ['a', 'å', '在', ' ', '\u{301}', '\u{fe0f}', '🐟'] {
            assert!(!has_power(shown), "{shown:?}");
        }
    }
}
