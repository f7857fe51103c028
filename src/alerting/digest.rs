//! The words of a digest: many messages to one address in one, each incident by its number.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words::what_words;
use crate::model::{
    Address, DigestLine, Incident, Message, MessageFact, Name, Notification, Purpose, SUBJECT_MARK, Severity, WhyGathered,
    elapsed, format_age, format_time,
};

/// How the fact is labelled that says in whose stead a message comes.
pub const INSTEAD_OF: &str = "Instead of";

/// Most sentences that say in whose stead it is sent.
const INSTEAD_OF_MAX: usize = 3;

/// Characters of each of them.
const INSTEAD_OF_CHARS_MAX: usize = 300;

/// Everything a digest is made from.
#[derive(Clone, Debug)]
pub struct ToGather<'a> {
    /// When it is decided.
    pub now: Timestamp,
    /// The zone in which its readers are told times.
    pub zone: &'a TimeZone,
    /// Where it goes.
    pub address: &'a Address,
    /// The team that is told.
    pub team: &'a Name,
    /// The same as people call it.
    pub team_title: String,
    /// Why messages are gathered.
    pub why: WhyGathered,
    /// Characters that all lines of one digest may have, so that it fits what the channel takes.
    pub chars_max: usize,
    /// Each message that waits, oldest first, with its incident unless that is over.
    pub waiting: &'a [(&'a Notification, Option<&'a Incident>)],
}

/// Writes the digest. It names as many incidents as fit, at least one; what it does not name has to wait for the next.
pub fn digest(id: String, gather: &ToGather<'_>) -> Message {
    let all = lines(gather);
    let found = all.len();
    let incidents = fitting(all, gather.chars_max);
    let open = incidents.iter().filter(|line| !line.is_over).count();
    let worst = incidents
        .iter()
        .filter(|line| !line.is_over)
        .map(|line| line.severity)
        .max();
    let problems = counted(incidents.len());
    let channel = &gather.address.channel;
    let subject = match gather.why {
        WhyGathered::Outage => format!("{SUBJECT_MARK}{problems} while {channel} could not be delivered"),
        WhyGathered::Flood => format!("{SUBJECT_MARK}{problems} at once"),
        WhyGathered::Downtime { from, until } => {
            let down = format_age(elapsed(from, until));
            format!("{SUBJECT_MARK}{problems} after freshd was down for {down}")
        }
    };
    let because = match gather.why {
        WhyGathered::Outage => format!("{} took no message for a while", gather.address),
        WhyGathered::Flood => "many came at once".to_owned(),
        WhyGathered::Downtime { from, until } => down_words(from, until, gather.zone),
    };
    let state = match incidents.len() - open {
        0 => "all of them open".to_owned(),
        over if open == 0 => format!("{} over", if over == 1 { "it is" } else { "all of them" }),
        over => format!("{open} of them open, {over} over"),
    };
    let severity = match worst {
        Some(Severity::Critical) => "CRITICAL: ",
        Some(Severity::Warning) => "WARNING: ",
        None => "",
    };
    Message {
        thread: format!("{}.digest", id.split('.').next().unwrap_or(&id)),
        incident: None,
        purpose: Purpose::Digest,
        severity: worst.unwrap_or(Severity::Warning),
        kind: None,
        about: None,
        since: None,
        subject_name: gather.team.clone(),
        subject,
        headline: format!("{severity}{problems}, {state}, told in one message because {because}."),
        facts: facts(gather, found - incidents.len(), &incidents),
        incidents,
        gathered: Some(gather.why),
        output: Vec::new(),
        commands: ["freshd status", "freshd incidents", "freshd incidents NUMBER"]
            .map(str::to_owned)
            .to_vec(),
        team: gather.team.clone(),
        owner: gather.team_title.clone(),
        at: gather.now,
        trace: None,
        id,
    }
}

/// For how long freshd did not run, and when.
pub(super) fn down_words(from: Timestamp, until: Timestamp, zone: &TimeZone) -> String {
    let (lasted, from, until) = (
        format_age(elapsed(from, until)),
        format_time(from, zone),
        format_time(until, zone),
    );
    format!("freshd did not run for {lasted}, from {from} to {until}")
}

fn counted(count: usize) -> String {
    match count {
        1 => "1 problem".to_owned(),
        _ => format!("{count} problems"),
    }
}

/// One line for each incident: what is open before what is over, the worst first, then the oldest.
fn lines(gather: &ToGather<'_>) -> Vec<DigestLine> {
    let mut lines = std::collections::BTreeMap::new();
    for (notification, incident) in gather.waiting {
        let Some(id) = notification.incident else { continue };
        let message = &notification.message;
        let line = match incident {
            Some(incident) => DigestLine {
                incident: id,
                is_over: false,
                severity: incident.severity,
                kind: Some(incident.kind),
                subject_name: incident.subject.clone(),
                since: Some(incident.since),
                text: format!(
                    "#{id} {} {}, {}, since {}",
                    incident.subject,
                    what_words(incident),
                    incident.severity.as_str(),
                    format_time(incident.since, gather.zone)
                ),
            },
            None => DigestLine {
                incident: id,
                is_over: true,
                severity: message.severity,
                kind: message.kind,
                subject_name: message.subject_name.clone(),
                since: None,
                text: match message.kind {
                    Some(kind) => format!("#{id} {} {}", message.subject_name, kind.words()),
                    None => format!("#{id} {}", message.subject_name),
                },
            },
        };
        lines.insert(id, line);
    }
    let mut lines: Vec<DigestLine> = lines.into_values().collect();
    lines.sort_by_key(|line| {
        let severity = (!line.is_over).then_some(line.severity);
        (line.is_over, std::cmp::Reverse(severity), line.since, line.incident)
    });
    lines
}

/// The first lines that fit, at least one.
fn fitting(mut lines: Vec<DigestLine>, chars_max: usize) -> Vec<DigestLine> {
    let mut chars = 0;
    let fit = lines
        .iter()
        .take_while(|line| {
            chars += room(&line.text);
            chars <= chars_max
        })
        .count();
    lines.truncate(fit.max(1));
    lines
}

/// Characters that a line takes with what stands around it, where `&`, `<` and `>` are written out.
fn room(text: &str) -> usize {
    let room_of = |character| match character {
        '&' => 5,
        '<' | '>' => 4,
        _ => 1,
    };
    text.chars().map(room_of).sum::<usize>() + 2
}

fn facts(gather: &ToGather<'_>, left_out: usize, incidents: &[DigestLine]) -> Vec<MessageFact> {
    let fact = |label: &str, text: String| MessageFact {
        label: label.to_owned(),
        text,
    };
    let mut facts: Vec<MessageFact> = Vec::new();
    let named = |notification: &Notification| {
        incidents
            .iter()
            .any(|line| Some(line.incident) == notification.incident)
    };
    for (notification, _) in gather.waiting {
        let first = notification.message.facts.first();
        let instead_of = first.filter(|fact| fact.label == INSTEAD_OF);
        let is_new = |text: &str| facts.iter().all(|fact| !text.starts_with(&fact.text));
        if let Some(instead_of) = instead_of.filter(|fact| named(notification) && is_new(&fact.text)) {
            if facts.len() == INSTEAD_OF_MAX {
                break;
            }
            facts.push(fact(
                INSTEAD_OF,
                instead_of.text.chars().take(INSTEAD_OF_CHARS_MAX).collect(),
            ));
        }
    }
    if left_out > 0 {
        let text = format!("{left_out} further problems follow in a message of their own");
        facts.push(fact("Not all", text));
    }
    facts
}
