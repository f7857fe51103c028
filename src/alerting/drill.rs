//! The words of a rehearsal: its subject and its first sentence say that it is one, and no alarm.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::titles::{in_subject, with_name};
use super::words::what_words;
use crate::model::{
    ANSWER, AddressState, DRILL_MARK as MARK, Drill, Incident, Message, MessageFact, Name, Purpose, Reach, drill_words,
    elapsed, format_age, format_time,
};

/// Everything that the message of a rehearsal is made from.
#[derive(Clone, Debug)]
pub struct Rehearsal<'a> {
    /// When the message is decided.
    pub now: Timestamp,
    /// The zone in which its readers are told times.
    pub zone: &'a TimeZone,
    /// Its incident.
    pub incident: &'a Incident,
    /// What makes it a rehearsal.
    pub drill: &'a Drill,
    /// What people call the job or dataset that it is about, where that is not its name.
    pub title: Option<&'a str>,
    /// The team that answers for it, as people call it.
    pub owner: String,
    /// Every address that it was to be told to, and whether that has taken anything of it.
    pub addresses: Vec<AddressState>,
    /// The teams that are told there, as people call them.
    pub teams: BTreeMap<Name, String>,
    /// What is wrong with it in earnest, meanwhile.
    pub real: Option<&'a Incident>,
}

impl Rehearsal<'_> {
    /// What it is about, as people call it.
    fn called(&self) -> &str {
        self.title.unwrap_or(self.incident.subject.as_str())
    }
}

/// Writes one message of a rehearsal to one team.
pub fn drill_message(id: String, purpose: Purpose, team: &Name, rehearsal: &Rehearsal<'_>) -> Message {
    let incident = rehearsal.incident;
    let called = in_subject(rehearsal.called());
    let stem = format!("{MARK} freshd rehearses with {called} (#{})", incident.id);
    let is_first = purpose == Purpose::Opening;
    Message {
        thread: format!("{}.incident-{}-owner", id.split('.').next().unwrap_or(&id), incident.id),
        incident: Some(incident.id),
        purpose,
        severity: incident.severity,
        kind: Some(incident.kind),
        about: Some(incident.about),
        subject_name: incident.subject.clone(),
        since: Some(incident.since),
        subject: if is_first { stem } else { format!("{ANSWER}{stem}") },
        headline: format!("{MARK} {}", headline(purpose, rehearsal)),
        facts: facts(purpose, rehearsal),
        incidents: Vec::new(),
        gathered: None,
        stands_in_for: None,
        team_title: None,
        resent_at: None,
        kind_since: None,
        output: Vec::new(),
        commands: commands(purpose, incident),
        team: team.clone(),
        owner: rehearsal.owner.clone(),
        at: rehearsal.now,
        zone: None,
        trace: None,
        id,
    }
}

fn headline(purpose: Purpose, rehearsal: &Rehearsal<'_>) -> String {
    let (incident, drill) = (rehearsal.incident, rehearsal.drill);
    let since = format_age(elapsed(incident.since, rehearsal.now));
    let real = match rehearsal.real {
        None => format!("nothing is wrong with {}", rehearsal.called()),
        Some(real) => format!("it is no alarm. Apart from it, {}", real_words(real, rehearsal)),
    };
    let ordered = format!("This is a rehearsal, ordered by {}: {real}.", drill.by);
    let until = format_time(drill.until, rehearsal.zone);
    match purpose {
        Purpose::Recovery => {
            let real = rehearsal.real.map(|real| real_words(real, rehearsal));
            let real = real.map_or_else(String::new, |real| format!(" Apart from it, {real}."));
            format!(
                "The rehearsal is over: {}. It was no alarm.{real}",
                drill_words(incident)
            )
        }
        Purpose::Reminder => format!("Nobody has answered for {since}. {ordered} Please acknowledge it by {until}."),
        Purpose::Escalation => {
            let is_known = rehearsal.addresses.iter().any(|address| address.state == Reach::Told);
            let why = match is_known {
                true => format!("Nobody has answered for {since}"),
                false => format!("{} could not be told for {since}", rehearsal.owner),
            };
            format!("{why}, so this rehearsal comes to you. {ordered} Please acknowledge it by {until}.")
        }
        _ => format!("{ordered} Please acknowledge it by {until}, as if it were real."),
    }
}

/// What is wrong with the same in earnest: nobody is to take that for a part of the rehearsal, nor the rehearsal for word that
/// all is well.
fn real_words(real: &Incident, rehearsal: &Rehearsal<'_>) -> String {
    let since = format_time(real.since, rehearsal.zone);
    format!(
        "{} {} since {since} (#{})",
        rehearsal.called(),
        what_words(real),
        real.id
    )
}

fn facts(purpose: Purpose, rehearsal: &Rehearsal<'_>) -> Vec<MessageFact> {
    let (incident, drill, zone) = (rehearsal.incident, rehearsal.drill, rehearsal.zone);
    let mut facts = Vec::new();
    let mut say = |label: &str, text: String| {
        facts.push(MessageFact {
            label: label.to_owned(),
            text,
        });
    };
    say(
        "What",
        format!(
            "a rehearsal with {} {}",
            incident.about.as_str(),
            with_name(rehearsal.title, incident.subject.as_str())
        ),
    );
    say("Ordered by", drill.by.clone());
    say("Since", format_time(incident.since, zone));
    match (purpose, incident.resolved_at) {
        (Purpose::Recovery, ended) => {
            say("Until", format_time(ended.unwrap_or(rehearsal.now), zone));
            say("Result", drill_words(incident));
            for (label, has_taken) in [("Told", true), ("Not reached", false)] {
                let of_them = rehearsal.addresses.iter();
                let of_them = of_them.filter(|address| (address.state == Reach::Told) == has_taken);
                // Each reader once, with all by which it was told.
                let mut named: Vec<(String, Vec<&str>)> = Vec::new();
                for address in of_them {
                    let team = rehearsal.teams.get(&address.team);
                    let reader = address.reader(team.map_or(address.team.as_str(), String::as_str));
                    match named.iter_mut().find(|(known, _)| *known == reader) {
                        Some((_, by)) => by.push(&address.to),
                        None => named.push((reader, vec![&address.to])),
                    }
                }
                let named = named.iter().map(|(reader, by)| format!("{reader} by {}", in_a_row(by)));
                let named: Vec<String> = named.collect();
                if !named.is_empty() {
                    say(label, named.join("; "));
                }
            }
        }
        _ => say(
            "Ends",
            format!("{}, or when somebody acknowledges it", format_time(drill.until, zone)),
        ),
    }
    say("Owner", rehearsal.owner.clone());
    facts
}

/// `mail:ops@sea.example, pager and log`.
fn in_a_row(addresses: &[&str]) -> String {
    match addresses {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => addresses.join(", "),
    }
}

fn commands(purpose: Purpose, incident: &Incident) -> Vec<String> {
    match purpose {
        Purpose::Recovery => vec![format!("freshd incidents {}", incident.id)],
        _ => vec![format!("freshd ack {}", incident.id)],
    }
}
