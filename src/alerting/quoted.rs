//! Words that are on record, for readers who are told times in a zone of their own.

use jiff::tz::TimeZone;

use super::words::Situation;
use crate::model::holds_time;

impl Situation<'_> {
    /// Words that are on record, for the readers of the message.
    pub(super) fn quoted(&self, words: &str) -> String {
        quoted(words, self.recorded_in, self.zone)
    }
}

/// Words in whose times one zone is meant, for readers who are told times in another: with the name of the first, where
/// they hold any.
pub fn quoted(words: &str, recorded_in: &TimeZone, zone: &TimeZone) -> String {
    match recorded_in.iana_name() {
        Some(name) if recorded_in != zone && holds_time(words) => format!("{words} (in {name})"),
        _ => words.to_owned(),
    }
}
