//! Who has taken an incident on, and who was called: what its end says of that, and before it the first message of a thread,
//! where that can be changed.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::at_first::before_it_changed;
use super::sentences::severity_word;
use super::words::Situation;
use crate::model::{
    ACKNOWLEDGED, Ack, DRILL_MARK, ESCALATED, Escalated, Incident, Message, MessageFact, Purpose, TAKEN_ON,
    format_time, zone_words,
};

/// Of many who have taken an incident on its end names the last.
const TAKEN_ON_MAX: usize = 5;

/// The first message of a thread, as grave as it is by now, with an acknowledgement in place of what it said first; its
/// readers are told times in that zone.
pub fn acknowledged(first: &Message, escalated: &[Escalated], ack: &Ack, now: Timestamp, zone: &TimeZone) -> Message {
    let text = format!("by {} until {}", ack.by, format_time(ack.until, zone));
    let note = ack.note.as_deref().map_or_else(String::new, |note| format!(": {note}"));
    let fact = MessageFact {
        label: ACKNOWLEDGED.to_owned(),
        text: text.clone(),
    };
    Message {
        facts: std::iter::once(fact).chain(escalations(escalated, zone)).collect(),
        ..as_of(first, format!("{ACKNOWLEDGED} {text}{note}"), now, zone)
    }
}

/// The same with whom nobody's answer has had called; nothing where nobody was.
pub fn escalated(first: &Message, escalated: &[Escalated], now: Timestamp, zone: &TimeZone) -> Option<Message> {
    let facts: Vec<MessageFact> = escalations(escalated, zone).collect();
    let last = facts.last()?;
    let headline = format!(
        "{}, nobody has answered: escalated {}",
        severity_word(first.severity),
        last.text
    );
    Some(Message {
        facts,
        ..as_of(first, headline, now, zone)
    })
}

/// A line for each step by which an incident was escalated.
pub(super) fn escalations<'a>(
    escalated: &'a [Escalated],
    zone: &'a TimeZone,
) -> impl Iterator<Item = MessageFact> + 'a {
    let words = escalated
        .iter()
        .filter_map(|step| step.words(|at| format_time(at, zone)));
    words.map(|text| MessageFact {
        label: ESCALATED.to_owned(),
        text,
    })
}

/// A line for each who has taken an incident on, with when they last did and what they last said, the first first.
pub(super) fn taken_on(incident: &Incident, zone: &TimeZone) -> Vec<MessageFact> {
    let mut last: Vec<Ack> = Vec::new();
    for ack in incident.all_acks() {
        let before = last.iter().position(|before| before.by == ack.by);
        let said = before.and_then(|place| last.remove(place).note);
        last.push(Ack {
            note: ack.note.clone().or(said),
            ..ack.clone()
        });
    }
    last.drain(..last.len().saturating_sub(TAKEN_ON_MAX));
    let lines = last.into_iter().map(|ack| MessageFact {
        label: TAKEN_ON.to_owned(),
        text: taken_on_words(incident, &ack, zone),
    });
    lines.collect()
}

/// By whom and when one thing was taken on: `by kari (looking at the share), Fri 2026-11-27 22:20`.
pub(super) fn taken_on_words(incident: &Incident, ack: &Ack, zone: &TimeZone) -> String {
    let changed = before_it_changed(incident, ack);
    format!("by {}, {}{changed}", ack.who(), format_time(ack.at, zone))
}

/// The last of them in a sentence; nothing where nobody has.
pub(super) fn taken_on_sentence(incident: &Incident, zone: &TimeZone) -> String {
    incident.all_acks().last().map_or_else(String::new, |ack| {
        let changed = before_it_changed(incident, ack);
        format!(" Taken on by {}, {}{changed}.", ack.by, format_time(ack.at, zone))
    })
}

/// Who has it, until when, in a sentence; nothing while nobody has.
pub(super) fn taken_on_now(situation: &Situation<'_>) -> String {
    let ack = situation.incident.taken_on(situation.now);
    ack.map_or_else(String::new, |ack| {
        format!(
            " Taken on by {} until {}{}.",
            ack.by,
            format_time(ack.until, situation.zone),
            before_it_changed(situation.incident, ack)
        )
    })
}

fn as_of(first: &Message, headline: String, now: Timestamp, zone: &TimeZone) -> Message {
    Message {
        purpose: Purpose::Update,
        // It stands alone on a locked phone.
        headline: match first.is_drill() {
            true => format!("{DRILL_MARK} {headline}"),
            false => headline,
        },
        at: now,
        zone: Some(zone_words(zone, now)),
        ..first.clone()
    }
}
