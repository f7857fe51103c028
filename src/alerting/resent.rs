//! The words of a message that somebody asks for once more: marked, and with how it stands by now where that is another matter.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::at_first::{before_it_changed, what_and_at_first};
use super::words::was_words;
use crate::model::{
    BY_NOW, DRILL_MARK, Incident, IncidentState, Message, Purpose, RESENT_MARK, SENT_AGAIN, WRONG_AGAIN, format_time,
};

/// Stands between how it is by now and an end that is no longer true.
const AS_WRITTEN: &str = "As written then: ";

/// Makes the words of then into a message of now. `asked` says who asked for it and why; `known` is the incident that it is
/// about, or the one that is there about the same since that is over, with what people call its subject.
pub fn resent(message: &mut Message, asked: &str, known: Option<(&Incident, &str)>, now: Timestamp, zone: &TimeZone) {
    as_written(message);
    let written = format_time(message.at, zone);
    let as_written_then = std::mem::take(&mut message.headline);
    let (drill_mark, sentence) = parted(&as_written_then);
    let mut headline = format!("{drill_mark}{RESENT_MARK}{written}] ");
    if let Some((known, called)) = known.filter(|(it, _)| is_other(message, it, now)) {
        let words = by_now(known, called, now, zone);
        let is_end = message.purpose == Purpose::Recovery;
        let is_wrong_again = is_end && !message.is_drill() && is_wrong(known);
        let label = if is_wrong_again { WRONG_AGAIN } else { BY_NOW };
        // Nobody is to take it for good news, nor what was for what is. What is over and stays so says itself how it is.
        if is_wrong_again || !is_end {
            headline.push_str(&format!("{label}: {words}. {AS_WRITTEN}"));
        }
        message.put_above(label, &words);
    }
    message.headline = headline + sentence;
    message.put_above(SENT_AGAIN, &format!("{asked}; written {written}"));
    message.resent_at = Some(now);
}

/// The mark of a rehearsal, where there is one, and what is said behind it.
fn parted(headline: &str) -> (&str, &str) {
    let rest = headline.strip_prefix(DRILL_MARK).map(str::trim_start);
    let rest = rest.unwrap_or(headline);
    headline.split_at(headline.len() - rest.len())
}

/// Takes off what an earlier time put on: who asked for that, and how it stood by then.
fn as_written(message: &mut Message) {
    if let Some(mark) = message.resent_mark() {
        message.headline = message.headline.replacen(&format!("{mark} "), "", 1);
        if let Some((_, written)) = message.headline.split_once(AS_WRITTEN) {
            message.headline = format!("{}{written}", parted(&message.headline).0);
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
fn by_now(known: &Incident, called: &str, now: Timestamp, zone: &TimeZone) -> String {
    let time = |at| format_time(at, zone);
    let since = known.since_words(time);
    let mut words = match known.ends_by() {
        // How bad it was would read as how it is.
        Some(_) => format!(
            "{called} {} (#{}), since {since}; that is over, and what it broke is not good again yet",
            was_words(known),
            known.id
        ),
        None => format!(
            "{called} {} (#{}), {}, since {since}",
            what_and_at_first(known),
            known.id,
            known.severity.as_str()
        ),
    };
    if let Some(well_since) = known.well_since() {
        words.push_str(&format!("; well since {}", time(well_since)));
    }
    if let Some(ack) = known.taken_on(now) {
        words.push_str(&format!(
            "; taken on by {} until {}{}",
            ack.by,
            time(ack.until),
            before_it_changed(known, ack)
        ));
    }
    words
}
