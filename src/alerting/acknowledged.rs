//! What the first message of a thread says once somebody has taken its incident on, where it can be changed.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{ACKNOWLEDGED, Ack, Message, MessageFact, Purpose, format_time, zone_words};

/// The first message of a thread with an acknowledgement in place of what it said first; its readers are told times in that
/// zone.
pub fn acknowledged(first: &Message, ack: &Ack, now: Timestamp, zone: &TimeZone) -> Message {
    let text = format!("by {} until {}", ack.by, format_time(ack.until, zone));
    let note = ack.note.as_deref().map_or_else(String::new, |note| format!(": {note}"));
    Message {
        purpose: Purpose::Update,
        headline: format!("{ACKNOWLEDGED} {text}{note}"),
        facts: vec![MessageFact {
            label: ACKNOWLEDGED.to_owned(),
            text,
        }],
        at: now,
        zone: Some(zone_words(zone, now)),
        ..first.clone()
    }
}
