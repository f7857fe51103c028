//! What is put on record by hand: a reason and a name, within what a line of a report can hold.

/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 1_000;
/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 100;

/// A reason, for clap.
pub(super) fn reason(text: &str) -> Result<String, String> {
    within(text, REASON_CHARS_MAX)
}

/// The name of whoever decides, for clap.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty; leave it out to be named by your login".to_owned());
    }
    within(text, NAME_CHARS_MAX)
}

fn within(text: &str, most: usize) -> Result<String, String> {
    if text.chars().count() > most {
        return Err(format!("it is longer than {most} characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_on_record_is_bounded() {
        assert_eq!(reason(&"é".repeat(1_000)), Ok("é".repeat(1_000)));
        assert_eq!(
            reason(&"x".repeat(1_001)),
            Err("it is longer than 1000 characters".to_owned())
        );
        assert_eq!(name("olav"), Ok("olav".to_owned()));
        assert!(name(" ").is_err() && name(&"x".repeat(101)).is_err());
    }
}
