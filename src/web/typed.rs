//! What people type into the field of a form, or a program sends in its place.

use super::answer::Trouble;
use crate::model::NOTE_CHARS_MAX;

/// The reason for something, which is not done without one.
pub(super) fn needed(because: String, what: &str) -> Result<String, Trouble> {
    bounded(Some(because), ("because", "reason"))?.ok_or_else(|| Trouble::Field {
        name: "because",
        words: format!("{what} needs a reason: say in `because` why"),
    })
}

/// A text that people wrote into a field, called so, without what surrounds it; none where it is empty.
pub(super) fn bounded(text: Option<String>, (name, called): (&'static str, &str)) -> Result<Option<String>, Trouble> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match text {
        Some(text) if text.chars().count() > NOTE_CHARS_MAX => Err(Trouble::Field {
            name,
            words: format!("the {called} is longer than {NOTE_CHARS_MAX} characters"),
        }),
        text => Ok(text),
    }
}
