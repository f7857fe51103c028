//! The words of a message that somebody asks for once more: marked, and with how it stands by now where that is another matter.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words::what_words;
use crate::model::{
    BY_NOW, DRILL_MARK, Incident, IncidentState, Message, Purpose, RESENT_MARK, SENT_AGAIN, WRONG_AGAIN, format_time,
};

/// Stands between how it is by now and an end that is no longer true.
const AS_WRITTEN: &str = "As written then: ";

/// Makes the words of then into a message of now. `asked` says who asked for it and why; `known` is the incident that it is
/// about, or the one that is there about the same since that is over.
pub fn resent(message: &mut Message, asked: &str, known: Option<&Incident>, now: Timestamp, zone: &TimeZone) {
    as_written(message);
    let written = format_time(message.at, zone);
    if let Some(words) = known
        .filter(|it| is_other(message, it, now))
        .map(|it| by_now(it, now, zone))
    {
        let is_end = message.purpose == Purpose::Recovery && !message.is_drill();
        if is_end && known.is_some_and(is_wrong) {
            // Nobody is to take it for good news.
            message.headline = format!("{WRONG_AGAIN}: {words}. {AS_WRITTEN}{}", message.headline);
            message.put_above(WRONG_AGAIN, &words);
        } else {
            message.put_above(BY_NOW, &words);
        }
    }
    message.put_above(SENT_AGAIN, &format!("{asked}; written {written}"));
    let mark = format!("{RESENT_MARK}{written}]");
    message.headline = match message.headline.strip_prefix(DRILL_MARK) {
        Some(rest) => format!("{DRILL_MARK} {mark}{rest}"),
        None => format!("{mark} {}", message.headline),
    };
    message.resent_at = Some(now);
}

/// Takes off what an earlier time put on: who asked for that, and how it stood by then.
fn as_written(message: &mut Message) {
    if let Some(mark) = message.resent_mark() {
        message.headline = message.headline.replacen(&format!("{mark} "), "", 1);
        if let Some((_, written)) = message.headline.split_once(AS_WRITTEN) {
            message.headline = written.to_owned();
        }
        message
            .facts
            .retain(|fact| ![SENT_AGAIN, BY_NOW, WRONG_AGAIN].contains(&fact.label.as_str()));
    }
}

/// Whether things are not as a message says that they are.
fn is_other(message: &Message, known: &Incident, now: Timestamp) -> bool {
    message.incident != Some(known.id)
        || (message.kind, message.severity) != (Some(known.kind), known.severity)
        || known.well_since().is_some()
        || known.ends_by().is_some()
        || known.taken_on(now).is_some_and(|ack| ack.at > message.at)
}

/// Whether something is wrong just now, and not only known to have been.
fn is_wrong(known: &Incident) -> bool {
    known.state != IncidentState::Resolved && known.well_since().is_none() && known.ends_by().is_none()
}

/// How an incident stands, in one line.
fn by_now(known: &Incident, now: Timestamp, zone: &TimeZone) -> String {
    let time = |at| format_time(at, zone);
    let mut words = format!(
        "{} {} (#{}), {}, since {}",
        known.subject,
        what_words(known),
        known.id,
        known.severity.as_str(),
        known.since_words(time)
    );
    if let Some(well_since) = known.well_since() {
        words.push_str(&format!("; well since {}", time(well_since)));
    }
    if known.ends_by().is_some() {
        words.push_str("; its own problem is gone");
    }
    if let Some(ack) = known.taken_on(now) {
        words.push_str(&format!("; taken on by {} until {}", ack.by, time(ack.until)));
    }
    words
}
