//! What explains a problem, where nobody is told of that for now.

use jiff::tz::TimeZone;

use super::words::what_words;
use crate::model::{Incident, Quiet, format_time};

/// What the cause is, why it is quiet, and until when: `export failed (#3), silenced until Fri 2026-11-27 18:00 by kari: the
/// servers move`.
pub fn quiet_cause_words(cause: &Incident, quiet: &Quiet, zone: &TimeZone) -> String {
    let what = format!("{} {} (#{})", cause.subject, what_words(cause), cause.id);
    format!("{what}, {}", quiet_words(quiet, zone))
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
