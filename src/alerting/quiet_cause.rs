//! What explains a problem that is told by itself: nobody is told of that for now, or was when it began.

use jiff::tz::TimeZone;

use super::words::what_words;
use crate::model::{Incident, Quiet, format_time};

/// What the cause is, why it is quiet, and until when: `export failed (#3), silenced until Fri 2026-11-27 18:00 by kari: the
/// servers move`.
pub fn quiet_cause_words(cause: &Incident, quiet: &Quiet, zone: &TimeZone) -> String {
    format!("{}, {}", told_cause_words(cause), quiet_words(quiet, zone))
}

/// What the cause is of something that was told by itself, where people are told of that, too: `export failed (#3)`.
pub fn told_cause_words(cause: &Incident) -> String {
    format!("{} {} (#{})", cause.subject, what_words(cause), cause.id)
}

/// Until when nobody is told of something, by whom and why: `silenced until Fri 2026-11-27 18:00 by kari: the servers move`.
pub fn quiet_words(quiet: &Quiet, zone: &TimeZone) -> String {
    let until = format_time(quiet.until(), zone);
    match quiet {
        Quiet::Silence(silence) => format!("silenced until {until} by {}: {}", silence.by, silence.because),
        Quiet::Window(window) => {
            let (name, author, because) = (&window.name, &window.author, &window.because);
            format!("under planned work ({name}) until {until} by {author}: {because}")
        }
    }
}
