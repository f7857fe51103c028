//! The words of a digest: many messages to one address in one, each incident by its number.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::concern::Concern;
use super::digest_lines::{Fitting, first_named, fitting, in_order, known};
use crate::model::{
    Address, DRILL_MARK, DigestLine, DownDeliveries, Incident, Message, MessageFact, Name, Notification, Purpose,
    SUBJECT_MARK, Severity, WhyGathered, elapsed, format_age, format_time, zone_words,
};

/// How the fact is labelled that says in whose stead a message comes.
pub const INSTEAD_OF: &str = "Instead of";

/// How the fact is labelled that says why a message comes so long after what it tells of.
pub const TOLD_LATE: &str = "Told late";

/// How the fact is labelled that says what explains it, of which nobody is told for now.
pub(super) const CAUSE: &str = "Cause";

/// Most causes that are named.
const CAUSES_MAX: usize = 3;

/// Most problems that its subject names.
const IN_SUBJECT_MAX: usize = 2;

/// Most problems that its first sentence names.
const IN_SENTENCE_MAX: usize = 3;

/// Most sentences that say in whose stead it is sent.
const INSTEAD_OF_MAX: usize = 3;

/// Characters of each of them.
const INSTEAD_OF_CHARS_MAX: usize = 300;

/// Everything a digest is made from.
#[derive(Clone)]
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
    /// What was promised while freshd did not run, where that is why they are gathered.
    pub deliveries: DownDeliveries,
    /// The only dataset of which any was, as people call it.
    pub only_due: Option<String>,
    /// Each message that waits, oldest first, with its incident unless that is over.
    pub waiting: &'a [(&'a Notification, Option<&'a Incident>)],
    /// A team as people call it.
    pub title_of: &'a dyn Fn(&Name) -> String,
    /// In what an incident concerns the reader of a message. Asked only for what fits.
    pub concern_of: &'a dyn Fn(&Notification, &Incident) -> Concern,
    /// What explains an incident, of which nobody is told for now. Asked only for what is named.
    pub quiet_cause_of: &'a dyn Fn(&Incident) -> Option<String>,
}

/// Writes the digest. It names as many incidents as fit, at least one; what it does not name has to wait for the next.
pub fn digest(id: String, gather: &ToGather<'_>) -> Message {
    let all = in_order(gather);
    let found = all.len();
    let fitting = fitting(all, gather);
    let (in_subject, in_sentence) = (
        first_named(&fitting, IN_SUBJECT_MAX),
        first_named(&fitting, IN_SENTENCE_MAX),
    );
    let Fitting {
        lines: incidents,
        first_commands,
        ..
    } = fitting;
    let open = incidents.iter().filter(|line| !line.is_over).count();
    let worst = incidents
        .iter()
        .filter(|line| !line.is_over && !line.is_drill())
        .map(|line| line.severity)
        .max();
    let problems = counted(&incidents);
    let channel = &gather.address.channel;
    let is_known = is_known(&incidents, gather);
    let causes = quiet_causes(&incidents, gather);
    let is_one_cause = causes.len() == 1 && causes.values().all(|of_it| *of_it == incidents.len());
    let cause = causes.keys().next().filter(|_| is_one_cause);
    // What looks like an alarm is one.
    let all_over = if open == 0 { ", all over" } else { "" };
    let subject = match gather.why {
        WhyGathered::Outage | WhyGathered::Flood | WhyGathered::Together if is_known => {
            format!("{SUBJECT_MARK}{problems} still open")
        }
        WhyGathered::Outage => {
            format!("{SUBJECT_MARK}{problems} while {channel} could not be delivered{all_over}")
        }
        WhyGathered::Together if cause.is_some() => {
            format!("{SUBJECT_MARK}{problems} with one cause, which is kept quiet")
        }
        // Their names say more.
        WhyGathered::Flood | WhyGathered::Together if in_subject.is_some() => {
            format!("{SUBJECT_MARK}{problems}{all_over}")
        }
        WhyGathered::Flood | WhyGathered::Together => format!("{SUBJECT_MARK}{problems} at once{all_over}"),
        WhyGathered::Downtime { from, until } => {
            let down = format_age(elapsed(from, until));
            format!("{SUBJECT_MARK}{problems} after freshd was down for {down}{all_over}")
        }
    };
    let subject = match in_subject {
        Some(names) => format!("{subject}: {names}").replace(char::is_control, " "),
        None => subject,
    };
    let because = match gather.why {
        WhyGathered::Outage => format!("{} took no message for a while", gather.address),
        WhyGathered::Flood => "many came at once".to_owned(),
        WhyGathered::Together => match cause {
            Some(cause) => format!("they have one cause: {}", cause.trim_end_matches('.')),
            None => "they came together".to_owned(),
        },
        WhyGathered::Downtime { from, until } => down_words(from, until, gather.zone),
    };
    let is_said = cause.is_some() && gather.why == WhyGathered::Together;
    let due = gather.deliveries.words();
    let of = gather.only_due.as_ref().map(|only| format!(" of {only}"));
    let of = of.unwrap_or_default();
    let due = due.map_or_else(String::new, |due| {
        format!(" Of all deliveries{of} due meanwhile: {due}.")
    });
    let state = match incidents.len() - open {
        0 if is_known => " still open".to_owned(),
        0 if open == 1 => ", open".to_owned(),
        0 => ", all of them open".to_owned(),
        over if open == 0 => format!(", {} over", if over == 1 { "it is" } else { "all of them" }),
        over => format!(", {open} of them open, {over} over"),
    };
    let severity = match worst {
        Some(Severity::Critical) => "CRITICAL: ",
        Some(Severity::Warning) => "WARNING: ",
        None => "",
    };
    let told = match in_sentence {
        Some(names) => format!(": {names}. Told"),
        None => ", told".to_owned(),
    };
    Message {
        // Each is a conversation of its own: what an earlier one told of is another matter.
        thread: format!("{id}.digest"),
        incident: None,
        purpose: Purpose::Digest,
        severity: worst.unwrap_or(Severity::Warning),
        kind: None,
        about: None,
        since: None,
        subject_name: gather.team.clone(),
        subject,
        headline: format!("{severity}{problems}{state}{told} in one message because {because}.{due}"),
        facts: facts(
            gather,
            found - incidents.len(),
            &incidents,
            causes.keys().filter(|_| !is_said),
        ),
        commands: what_to_type(first_commands, &incidents, answers_for_any(&incidents, gather)),
        incidents,
        gathered: Some(gather.why),
        stands_in_for: None,
        team_title: None,
        resent_at: None,
        kind_since: None,
        output: Vec::new(),
        team: gather.team.clone(),
        owner: gather.team_title.clone(),
        at: gather.now,
        zone: Some(zone_words(gather.zone, gather.now)),
        trace: None,
        id,
    }
}

/// What to type: first what mends the worst of what its reader answers for, then what shows the rest.
fn what_to_type(first: Vec<String>, incidents: &[DigestLine], is_for_the_taking: bool) -> Vec<String> {
    let number = match incidents {
        [only] => only.incident.to_string(),
        _ => "NUMBER".to_owned(),
    };
    let mut rest = vec!["freshd status".to_owned(), "freshd incidents".to_owned()];
    rest.push(format!("freshd incidents {number}"));
    rest.extend(is_for_the_taking.then(|| format!("freshd ack {number}")));
    let mut commands = first;
    for command in rest {
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    commands
}

/// Whether its reader is told of anything open that they answer for: nobody else is asked to take that on.
fn answers_for_any(incidents: &[DigestLine], gather: &ToGather<'_>) -> bool {
    let open = incidents
        .iter()
        .filter(|line| !line.is_over)
        .map(|line| Some(line.incident));
    let open: BTreeSet<_> = open.collect();
    let mut told = gather.waiting.iter().map(|(notification, _)| notification);
    told.any(|one| open.contains(&one.incident) && !one.message.is_impact())
}

/// Whether it tells of nothing but what is open and was told before.
fn is_known(incidents: &[DigestLine], gather: &ToGather<'_>) -> bool {
    let of_line = |line: &DigestLine| {
        let purposes = gather.waiting.iter().map(|(notification, _)| notification);
        let purposes = purposes.filter(|notification| notification.incident == Some(line.incident));
        known(purposes.map(|notification| notification.message.purpose))
    };
    incidents.iter().all(|line| !line.is_over && of_line(line).is_some())
}

/// For how long freshd did not run, and when.
pub fn down_words(from: Timestamp, until: Timestamp, zone: &TimeZone) -> String {
    let (lasted, from, until) = (
        format_age(elapsed(from, until)),
        format_time(from, zone),
        format_time(until, zone),
    );
    format!("freshd did not run for {lasted}, from {from} to {until}")
}

fn counted(incidents: &[DigestLine]) -> String {
    let drills = incidents.iter().filter(|line| line.is_drill()).count();
    let problems = match incidents.len() - drills {
        1 => "1 problem".to_owned(),
        problems => format!("{problems} problems"),
    };
    let rehearsals = match drills {
        1 => "1 rehearsal".to_owned(),
        _ => format!("{drills} rehearsals"),
    };
    match (drills, incidents.len() - drills) {
        (0, _) => problems,
        (_, 0) => format!("{DRILL_MARK} {rehearsals}"),
        _ => format!("{problems} and {rehearsals}"),
    }
}

/// What explains the problems of a digest, of which nobody is told for now, and how many of them.
fn quiet_causes(incidents: &[DigestLine], gather: &ToGather<'_>) -> BTreeMap<String, usize> {
    let named: BTreeSet<_> = incidents
        .iter()
        .filter(|line| !line.is_over)
        .map(|line| line.incident)
        .collect();
    let open = gather.waiting.iter().filter_map(|(_, incident)| *incident);
    let open: BTreeMap<_, &Incident> = open.map(|incident| (incident.id, incident)).collect();
    let mut causes = BTreeMap::new();
    for (_, incident) in open.iter().filter(|(id, _)| named.contains(*id)) {
        if let Some(cause) = (gather.quiet_cause_of)(incident) {
            *causes.entry(cause).or_default() += 1;
        }
    }
    causes
}

fn facts<'a>(
    gather: &ToGather<'_>,
    left_out: usize,
    incidents: &[DigestLine],
    causes: impl Iterator<Item = &'a String>,
) -> Vec<MessageFact> {
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
        // What is sent again says that above it.
        let mut said = notification.message.facts.iter();
        let instead_of = said.find(|fact| fact.label == INSTEAD_OF);
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
    facts.extend(causes.take(CAUSES_MAX).map(|cause| fact(CAUSE, cause.clone())));
    if left_out > 0 {
        let text = format!("{left_out} further problems follow in a message of their own");
        facts.push(fact("Not all", text));
    }
    facts
}
