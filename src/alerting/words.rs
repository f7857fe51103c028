//! The words of a message: what a tired person understands at 23:15 on a Friday.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::freshness::{DataState, Standing};
use crate::model::{
    Attempt, Dataset, Incident, Job, Message, MessageFact, Name, Outcome, ProblemKind, Purpose, Run, Severity, Version,
    elapsed, format_age, format_time,
};

/// Lines of output quoted in a message.
const OUTPUT_LINES_MAX: usize = 12;
/// Characters of one quoted line.
const OUTPUT_COLUMNS_MAX: usize = 200;
/// Readers named in one message.
const READERS_MAX: usize = 12;

/// Everything a message is made from.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// When the message is decided.
    pub now: Timestamp,
    /// The zone in which its readers are told times.
    pub zone: &'a TimeZone,
    /// What it is about.
    pub incident: &'a Incident,
    /// The team that answers for it, as people call it.
    pub owner: String,
    /// The job that failed or should have delivered.
    pub job: Option<JobSide<'a>>,
    /// The datasets concerned, nearest first.
    pub data: Vec<DataSide<'a>>,
    /// Who reads them, first reader first.
    pub readers: Vec<Reading>,
}

/// A job with its last run.
#[derive(Clone, Copy, Debug)]
pub struct JobSide<'a> {
    /// The job.
    pub job: &'a Job,
    /// Its last run that had a process.
    pub run: Option<&'a Run>,
    /// That run's last attempt.
    pub attempt: Option<&'a Attempt>,
}

/// A dataset as it stands.
#[derive(Clone, Debug)]
pub struct DataSide<'a> {
    /// The dataset.
    pub dataset: &'a Dataset,
    /// Its state.
    pub standing: Standing,
    /// The version readers see.
    pub current: Option<&'a Version>,
}

/// Somebody reads a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// As people call it.
    pub who: String,
    /// The team that answers for the reader.
    pub team: Name,
    /// What it reads.
    pub dataset: Name,
    /// When it reads next, where that is known.
    pub at: Option<Timestamp>,
}

/// Writes one message to one team.
pub fn message(id: String, purpose: Purpose, team: &Name, situation: &Situation<'_>) -> Message {
    let incident = situation.incident;
    let is_impact = !is_owner_thread(purpose, team, situation);
    let thread = if is_impact { "impact" } else { "owner" };
    let stem = stem(is_impact, situation);
    let is_first = matches!(purpose, Purpose::Opening | Purpose::Impact);
    Message {
        thread: format!(
            "{}.incident-{}-{thread}",
            id.split('.').next().unwrap_or(&id),
            incident.id
        ),
        incident: Some(incident.id),
        purpose,
        severity: incident.severity,
        kind: Some(incident.kind),
        subject_name: incident.subject.clone(),
        subject: if is_first { stem } else { format!("Re: {stem}") },
        headline: headline(purpose, is_impact, team, situation),
        facts: facts(purpose, team, situation),
        output: if is_impact || purpose == Purpose::Recovery {
            Vec::new()
        } else {
            output(situation)
        },
        commands: commands(purpose, is_impact, situation),
        team: team.clone(),
        owner: situation.owner.clone(),
        at: situation.now,
        id,
    }
}

/// Owners and readers have threads of their own: a reader never saw the opening.
fn is_owner_thread(purpose: Purpose, team: &Name, situation: &Situation<'_>) -> bool {
    let first_told = situation.incident.told.first().map(|(team, _)| team);
    match purpose {
        Purpose::Opening | Purpose::Escalation | Purpose::Test => true,
        Purpose::Impact => false,
        Purpose::Update | Purpose::Reminder | Purpose::Recovery => first_told == Some(team),
    }
}

/// The part of the subject that never changes within a thread.
fn stem(is_impact: bool, situation: &Situation<'_>) -> String {
    let incident = situation.incident;
    match situation.data.first() {
        Some(data) if is_impact => format!(
            "[freshd] {} not as promised (#{})",
            data_title(data.dataset),
            incident.id
        ),
        _ => format!(
            "[freshd] {} {} (#{})",
            incident.subject,
            kind_words(incident.kind),
            incident.id
        ),
    }
}

fn kind_words(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Stale => "is stale",
        ProblemKind::Late => "is late",
        ProblemKind::Unknown => "cannot be told",
        ProblemKind::Failed => "failed",
        ProblemKind::Rejected => "was rejected",
        ProblemKind::Suspect => "is suspect",
        ProblemKind::Lost => "was lost",
        ProblemKind::Stuck => "is stuck",
        ProblemKind::ChannelBroken => "cannot deliver",
        ProblemKind::Freshd => "has a problem",
    }
}

fn headline(purpose: Purpose, is_impact: bool, team: &Name, situation: &Situation<'_>) -> String {
    let body = match purpose {
        Purpose::Recovery => return recovery_headline(situation),
        Purpose::Impact => impact_sentence(team, situation),
        _ if is_impact => impact_sentence(team, situation),
        Purpose::Update if situation.data.iter().any(is_broken) => broken_sentence(situation),
        Purpose::Opening | Purpose::Update | Purpose::Reminder | Purpose::Escalation | Purpose::Test => {
            problem_sentence(situation)
        }
    };
    let since = format_age(elapsed(situation.incident.since, situation.now));
    match purpose {
        Purpose::Reminder => format!("Still open after {since}: {body}"),
        Purpose::Escalation => format!("Nobody has answered for {since}: {body}"),
        _ => match situation.incident.severity {
            Severity::Critical => format!("CRITICAL: {body}"),
            Severity::Warning => format!("WARNING: {body}"),
        },
    }
}

fn problem_sentence(situation: &Situation<'_>) -> String {
    let incident = situation.incident;
    match &situation.job {
        Some(side) if incident.subject == side.job.name => {
            let tries = side.run.map_or(1, |run| run.attempts);
            let tries = if tries > 1 {
                format!(" after {tries} attempts")
            } else {
                String::new()
            };
            let mut text = format!(
                "{} {}{tries}: {}.",
                job_title(side.job),
                failed_word(side),
                incident.reason
            );
            text.push_str(&consequence(situation));
            text
        }
        _ => broken_sentence(situation),
    }
}

fn failed_word(side: &JobSide<'_>) -> &'static str {
    match side.run.and_then(|run| run.outcome) {
        Some(Outcome::Rejected) => "delivered data that the checks refused",
        Some(Outcome::TimedOut) => "did not end in time",
        Some(Outcome::Lost) => "ended without a trace",
        Some(Outcome::SpawnFailed) => "could not be started",
        Some(Outcome::Succeeded) => "is suspect",
        _ => "failed",
    }
}

/// What will break, and who notices first.
fn consequence(situation: &Situation<'_>) -> String {
    let Some(data) = situation.data.first() else {
        return String::new();
    };
    let mut text = String::new();
    if is_broken(data) {
        text.push_str(&format!(
            " {} is {}.",
            data_title(data.dataset),
            state_words(data.standing.state)
        ));
    } else if let Some(deadline) = data.standing.deadline {
        text.push_str(&format!(
            " {} goes stale {}.",
            data_title(data.dataset),
            format_time(deadline, situation.zone)
        ));
    }
    if let Some(first) = situation.readers.iter().find(|reader| reader.at.is_some()) {
        text.push_str(&format!(" {} reads it first, {}.", first.who, when(first, situation)));
    }
    text
}

fn broken_sentence(situation: &Situation<'_>) -> String {
    let Some(data) = situation
        .data
        .iter()
        .find(|data| is_broken(data))
        .or(situation.data.first())
    else {
        return format!("{}: {}.", situation.incident.subject, situation.incident.reason);
    };
    let mut text = format!(
        "{} is {}: {}.",
        data_title(data.dataset),
        state_words(data.standing.state),
        data.standing.reason
    );
    if let Some(side) = situation.job.filter(|side| side.job.name == situation.incident.subject) {
        text.push_str(&format!(" The cause: {} {}.", job_title(side.job), failed_word(&side)));
    }
    if let Some(first) = situation.readers.iter().find(|reader| reader.at.is_some()) {
        text.push_str(&format!(" {} reads it first, {}.", first.who, when(first, situation)));
    }
    text
}

fn impact_sentence(team: &Name, situation: &Situation<'_>) -> String {
    let reads = situation.readers.iter().find(|reader| reader.team == *team);
    let concerned = reads
        .and_then(|reader| situation.data.iter().find(|data| data.dataset.name == reader.dataset))
        .or_else(|| situation.data.iter().find(|data| is_broken(data)));
    let Some(data) = concerned else {
        return broken_sentence(situation);
    };
    let mut text = format!(
        "{}, which {} {}, is {}: {}.",
        data_title(data.dataset),
        reads.map_or("you", |reader| reader.who.as_str()),
        if reads.is_some() { "reads" } else { "own" },
        state_words(data.standing.state),
        data.standing.reason
    );
    if let Some(reader) = reads.filter(|reader| reader.at.is_some()) {
        text.push_str(&format!(" {} reads it next {}.", reader.who, when(reader, situation)));
    }
    text.push_str(&format!(" {} answers for it and has been told.", situation.owner));
    text
}

fn recovery_headline(situation: &Situation<'_>) -> String {
    let incident = situation.incident;
    let lasted = format_age(elapsed(incident.since, incident.resolved_at.unwrap_or(situation.now)));
    let data = situation
        .data
        .first()
        .filter(|data| data.standing.state.keeps_promise());
    match (data, &situation.job) {
        (Some(data), _) if data.current.is_some() => {
            let as_of = data.standing.effective_as_of.unwrap_or(situation.now);
            format!(
                "RESOLVED after {lasted}: {} is {} again, as of {}.",
                data_title(data.dataset),
                state_words(data.standing.state),
                format_time(as_of, situation.zone)
            )
        }
        (_, Some(side)) => format!("RESOLVED after {lasted}: {} works again.", job_title(side.job)),
        _ => format!("RESOLVED after {lasted}: {}.", incident.subject),
    }
}

fn facts(purpose: Purpose, team: &Name, situation: &Situation<'_>) -> Vec<MessageFact> {
    let zone = situation.zone;
    let incident = situation.incident;
    let mut facts = Vec::new();
    let mut say = |label: &str, text: String| {
        facts.push(MessageFact {
            label: label.to_owned(),
            text,
        })
    };
    say("What", format!("{} {}", incident.subject, kind_words(incident.kind)));
    say("Since", format_time(incident.since, zone));
    if let Some(ended) = incident.resolved_at {
        say("Until", format_time(ended, zone));
    }
    say("Why", incident.reason.clone());
    for data in &situation.data {
        let name = data_title(data.dataset);
        match data.current {
            Some(version) => {
                let limited = version
                    .limited_by
                    .as_ref()
                    .map_or_else(String::new, |by| format!(", limited by {by}"));
                let as_of = format_time(version.effective_as_of, zone);
                let arrived = format_time(version.arrived_at, zone);
                say("Data as of", format!("{as_of}{limited}: {name}"));
                say(
                    "Readers see",
                    format!("version {} of {name}, arrived {arrived}", version.number),
                );
            }
            None => say("Readers see", format!("no version of {name} yet")),
        }
        match (is_broken(data), data.standing.deadline) {
            (true, _) => say(
                "Broken",
                format!(
                    "{name} is {}: {}",
                    state_words(data.standing.state),
                    data.standing.reason
                ),
            ),
            (false, Some(deadline)) if purpose != Purpose::Recovery => {
                say("Goes stale", format!("{name}, {}", format_time(deadline, zone)));
            }
            (false, _) => say("State", format!("{name} is {}", state_words(data.standing.state))),
        }
    }
    if let Some(side) = &situation.job
        && let Some(run) = side.run
    {
        say("Tried", tried(side.job, run, zone));
        if let Some(message) = side
            .attempt
            .and_then(|attempt| attempt.report.iter().find(|(key, _)| key == "message"))
        {
            say("Job says", message.1.clone());
        }
    }
    for reader in situation.readers.iter().take(READERS_MAX) {
        let own = if reader.team == *team { " (you)" } else { "" };
        say(
            "Read by",
            format!("{}{own}, {}: {}", reader.who, when(reader, situation), reader.dataset),
        );
    }
    if situation.readers.len() > READERS_MAX {
        say("Read by", format!("and {} more", situation.readers.len() - READERS_MAX));
    }
    say("Owner", situation.owner.clone());
    let runbook = situation
        .job
        .and_then(|side| side.job.runbook.as_ref())
        .or_else(|| situation.data.iter().find_map(|data| data.dataset.runbook.as_ref()));
    if let Some(runbook) = runbook {
        say("Runbook", runbook.clone());
    }
    facts
}

fn tried(job: &Job, run: &Run, zone: &TimeZone) -> String {
    let times = match run.attempts {
        1 => "1 attempt".to_owned(),
        n => format!("{n} attempts"),
    };
    let span = match (run.started_at, run.ended_at) {
        (Some(from), Some(to)) => format!(
            ", {} to {}",
            format_time(from, zone),
            zone.to_datetime(to).strftime("%H:%M")
        ),
        _ => String::new(),
    };
    format!("{times} of {}, run {}{span}", job.name, run.id)
}

fn output(situation: &Situation<'_>) -> Vec<String> {
    let Some(attempt) = situation.job.and_then(|side| side.attempt) else {
        return Vec::new();
    };
    let lines: Vec<&str> = attempt.output.tail.lines().collect();
    lines[lines.len().saturating_sub(OUTPUT_LINES_MAX)..]
        .iter()
        .map(|line| line.chars().take(OUTPUT_COLUMNS_MAX).collect())
        .collect()
}

fn commands(purpose: Purpose, is_impact: bool, situation: &Situation<'_>) -> Vec<String> {
    let incident = situation.incident;
    let mut commands = Vec::new();
    match (is_impact, situation.data.first()) {
        (true, Some(data)) => commands.push(format!("freshd why {}", data.dataset.name)),
        _ => commands.push(format!("freshd why {}", incident.subject)),
    }
    if purpose == Purpose::Recovery || is_impact {
        return commands;
    }
    if let Some(side) = &situation.job {
        commands.push(format!("freshd logs {}", side.job.name));
        commands.push(format!("freshd run {} --wait", side.job.name));
    }
    commands.push(format!("freshd ack {}", incident.id));
    commands
}

fn is_broken(data: &DataSide<'_>) -> bool {
    !data.standing.state.keeps_promise()
}

/// People say stale for whatever is not as fresh as promised; the exact rule stands in the reason.
fn state_words(state: DataState) -> &'static str {
    match state {
        DataState::Fresh | DataState::Paused | DataState::DueSoon => "fresh",
        DataState::Late | DataState::Stale => "stale",
        DataState::Suspect => "suspect",
        DataState::Held => "held back",
        DataState::Unknown => "unknown",
    }
}

fn when(reader: &Reading, situation: &Situation<'_>) -> String {
    reader
        .at
        .map_or_else(|| "at no known time".to_owned(), |at| format_time(at, situation.zone))
}

fn job_title(job: &Job) -> String {
    titled(job.title.as_deref(), &job.name)
}

fn data_title(dataset: &Dataset) -> String {
    titled(dataset.title.as_deref(), &dataset.name)
}

fn titled(title: Option<&str>, name: &Name) -> String {
    match title {
        Some(title) => format!("{title} ({name})"),
        None => name.to_string(),
    }
}
