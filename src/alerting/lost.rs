//! The words about records that were lost: told once to everybody, since nobody's jobs are certain then.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{
    Found, Incident, Message, MessageFact, Name, ProblemKind, Purpose, Restoration, SUBJECT_MARK, Severity, format_time,
};

/// Names of one team's jobs in a message.
const JOBS_NAMED_MAX: usize = 20;

/// Everything such a message is made from.
#[derive(Clone, Copy, Debug)]
pub struct LostRecords<'a> {
    /// When the message is decided.
    pub now: Timestamp,
    /// The zone in which its readers are told times.
    pub zone: &'a TimeZone,
    /// What the records go on from.
    pub restoration: &'a Restoration,
    /// The incident that stands for it.
    pub incident: &'a Incident,
    /// The team that is told.
    pub team: &'a Name,
    /// The same as people call it.
    pub team_title: &'a str,
    /// The scheduled jobs of those who are told.
    pub jobs: &'a [Name],
    /// Attempts that keepers still knew.
    pub attempts_found: usize,
    /// What else was found.
    pub found: &'a Found,
}

/// Which records are lost, in words.
pub fn lost_span(restoration: &Restoration, zone: &TimeZone) -> String {
    let until = format_time(restoration.until, zone);
    match restoration.from {
        Some(from) => format!("freshd's records from {} to {until}", format_time(from, zone)),
        None => format!("all of freshd's records before {until}"),
    }
}

/// Why an occurrence, or the end of a run, is not known.
pub fn lost_reason(restoration: &Restoration, zone: &TimeZone) -> String {
    format!(
        "{} were lost with the database of that time; whether it ran, and how it ended, is not known",
        lost_span(restoration, zone)
    )
}

/// Writes the message to one team.
pub fn lost_records(id: String, lost: &LostRecords<'_>) -> Message {
    let restoration = lost.restoration;
    let mut facts = Vec::new();
    let mut fact = |label: &str, text: String| {
        facts.push(MessageFact {
            label: label.to_owned(),
            text,
        });
    };
    fact("Why", restoration.because.clone());
    fact("Goes on from", origin(restoration, lost.zone));
    if let Some(set_aside) = &restoration.set_aside {
        fact("Set aside as", format!("{set_aside}, in the state directory"));
    }
    fact(
        "Not known",
        "what ran in that time and how it ended, unless it was found again; who was told what; what was paused, \
         acknowledged or configured"
            .to_owned(),
    );
    fact(
        "Not repeated",
        "what was due in that time is recorded as missed, and nothing of it is made up for".to_owned(),
    );
    if let Some(again) = found_again(lost) {
        fact("Found again", again);
    }
    if !lost.jobs.is_empty() {
        fact("Look after", named(lost.jobs));
    }
    let span = lost_span(restoration, lost.zone);
    Message {
        thread: format!(
            "{}.incident-{}-owner",
            id.split('.').next().unwrap_or(&id),
            lost.incident.id
        ),
        incident: Some(lost.incident.id),
        purpose: Purpose::Opening,
        severity: Severity::Critical,
        kind: Some(ProblemKind::Freshd),
        about: Some(lost.incident.about),
        subject_name: lost.incident.subject.clone(),
        since: Some(lost.incident.since),
        subject: format!("{SUBJECT_MARK}records were lost (#{})", lost.incident.id),
        headline: format!(
            "CRITICAL: {span} are lost. freshd goes on, and does not know which of your jobs ran in that time."
        ),
        facts,
        incidents: Vec::new(),
        gathered: None,
        stands_in_for: None,
        team_title: None,
        resent_at: None,
        kind_since: None,
        output: Vec::new(),
        commands: vec![
            "freshd history --outcome missed".to_owned(),
            format!("freshd incidents {}", lost.incident.id),
            "freshd status".to_owned(),
        ],
        team: lost.team.clone(),
        owner: lost.team_title.to_owned(),
        at: lost.now,
        zone: None,
        trace: None,
        id,
    }
}

fn origin(restoration: &Restoration, zone: &TimeZone) -> String {
    let newest = restoration
        .from
        .map(|from| format!("whose newest record is of {}", format_time(from, zone)));
    match (&restoration.backup, newest) {
        (Some(backup), Some(newest)) => format!("the backup {backup}, {newest}"),
        (Some(backup), None) => format!("the backup {backup}"),
        (None, Some(newest)) => format!("the file that was there, {newest}"),
        (None, None) => "nothing: there was no backup that could be used".to_owned(),
    }
}

fn found_again(lost: &LostRecords<'_>) -> Option<String> {
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let found = [
        counted(
            lost.attempts_found,
            "attempt that its keeper knows",
            "attempts that their keepers know",
        ),
        counted(
            lost.found.in_place.len(),
            "version that readers see",
            "versions that readers see",
        ),
    ];
    let found: Vec<String> = found.into_iter().flatten().collect();
    (!found.is_empty()).then(|| found.join(", "))
}

fn named(jobs: &[Name]) -> String {
    let mut named: Vec<String> = jobs.iter().take(JOBS_NAMED_MAX).map(ToString::to_string).collect();
    if jobs.len() > JOBS_NAMED_MAX {
        named.push(format!("and {} more", jobs.len() - JOBS_NAMED_MAX));
    }
    named.join(", ")
}
