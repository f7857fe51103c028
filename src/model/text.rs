//! Text of unknown origin: which characters must not be shown as they are.

/// Whether a character is obeyed instead of shown: controls, and those that hide themselves, break lines or turn the
/// direction of what stands beside them.
pub fn has_power(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
