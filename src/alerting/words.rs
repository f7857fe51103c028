//! The words of a message: what a tired person understands at 23:15 on a Friday.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::goes_on::GoesOn;
use super::impact::as_read_by;
use super::lines::facts;
use super::refused::Refused;
use super::sentences::headline;
use super::titles::{called, data_called, in_subject};
use super::to_type::commands;
use crate::freshness::{DataState, Standing};
use crate::model::{
    ANSWER, Attempt, DISK, Dataset, IMPACT_THREAD, Incident, IncidentId, Job, Message, Name, OpenWindow, Owner,
    ProblemKind, Purpose, Run, SUBJECT_MARK, Silence, Version, both_ends,
};

/// Lines of output quoted in a message.
const OUTPUT_LINES_MAX: usize = 12;
/// Characters of one quoted line.
const OUTPUT_COLUMNS_MAX: usize = 200;

/// How the subject of a reader's thread ends.
pub(super) const NOT_AS_PROMISED: &str = "not as promised";

/// What is the matter with a disk.
pub(super) const IS_FULL: &str = "is full";

/// What is the matter with what comes and goes.
pub(super) const IS_FLAPPING: &str = "is flapping";

/// Everything a message is made from.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// When the message is decided.
    pub now: Timestamp,
    /// The zone in which its readers are told times.
    pub zone: &'a TimeZone,
    /// The zone of the times in words that are on record.
    pub recorded_in: &'a TimeZone,
    /// What it is about.
    pub incident: &'a Incident,
    /// Its reason, for those readers.
    pub why: String,
    /// From when until when freshd did not run, where it has just found out what it missed.
    pub was_down: Option<(Timestamp, Timestamp)>,
    /// Whether jobs.toml still names what it is about.
    pub is_configured: bool,
    /// The team that it is written to, as people call it.
    pub team_called: String,
    /// The team that answers for it, as people call it.
    pub owner: String,
    /// Whether there is one: what nobody answers for, the fallback is told of.
    pub is_owned: bool,
    /// Whether that team knows.
    pub owner_reach: OwnerReach,
    /// Where nobody who was to be told has taken anything yet: what the addresses last answered, or nothing.
    pub unheard: Option<String>,
    /// Whether those for whom it is written were told of it as people downstream, where they were told before: they go on
    /// in that thread.
    pub told_as_reader: Option<bool>,
    /// Whether it goes to an address of that team's own, and not to whoever stands in for it or is called by its chain.
    pub is_meant: bool,
    /// The job that failed or should have delivered.
    pub job: Option<JobSide<'a>>,
    /// That this job has failed, where the alert is about the dataset that it makes and came first.
    pub failure: Option<&'a Incident>,
    /// The datasets concerned, nearest first.
    pub data: Vec<DataSide<'a>>,
    /// Of those that come in parts, how each part stands.
    pub parts: BTreeMap<Name, Vec<PartSide>>,
    /// Of those that are not as promised at the end, where people are told of them from then on.
    pub goes_on: BTreeMap<Name, GoesOn>,
    /// Every dataset that is made from what it is about, nearest first, whether or not it is broken already.
    pub made_from_it: Vec<Name>,
    /// Of those that are not as promised and are told of elsewhere: how they stand.
    pub told_apart: BTreeMap<Name, Apart>,
    /// At the end, those that were told with it and are as promised again, as people call them.
    pub mended: BTreeMap<Name, String>,
    /// Those for which they answer who read the message.
    pub owned: BTreeSet<Name>,
    /// Of what is made from it and concerns those who read it downstream, what breaks its promise next, and how many there are
    /// that do later.
    pub breaks_next: Option<(DataSide<'a>, usize)>,
    /// Who reads them, first reader first.
    pub readers: Vec<Reading>,
    /// Silences that kept people from being told of it, or do.
    pub silenced: Vec<&'a Silence>,
    /// The planned work that kept people from being told of it, or does.
    pub planned: Option<OpenWindow>,
    /// What explains it, of which nobody is told for now.
    pub quiet_cause: Option<String>,
    /// What explains it, where it was told by itself before people were told of that.
    pub told_cause: Option<&'a Incident>,
    /// Of an address that cannot be reached: the team that is told there, as people call it.
    pub of_address: Option<String>,
    /// And what to type to try it out.
    pub proof: Option<String>,
    /// What the job's last run made and the checks refused.
    pub refused: Option<Refused<'a>>,
}

/// How a dataset stands that is made from what a message is about, is not as promised, and is no effect of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// As people call it.
    pub called: String,
    /// How it stands.
    pub state: DataState,
    /// The incident by which people are told of it, if they are.
    pub incident: Option<IncidentId>,
}

/// Whether those who answer for something have been told of it, by what their own addresses have taken: the best of them
/// counts, which comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnerReach {
    /// One of their addresses has taken a message about it.
    Told,
    /// None has, and a message waits for one of them that has refused none for good.
    NotYet,
    /// None has, and one has refused it for good.
    Refused,
    /// None has, and none is to.
    Nobody,
}

/// A job with its last run.
#[derive(Clone, Copy, Debug)]
pub struct JobSide<'a> {
    /// The job.
    pub job: &'a Job,
    /// Its last run that had a process; the one under way, where that has failed attempts and is what there is to say.
    pub run: Option<&'a Run>,
    /// That run's last attempt that has ended.
    pub attempt: Option<&'a Attempt>,
    /// A run of it that is under way.
    pub going: Option<&'a Run>,
    /// Somebody has paused it.
    pub is_paused: bool,
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

/// A part of a dataset as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartSide {
    /// Its short name.
    pub name: Name,
    /// How it stands.
    pub state: DataState,
    /// As of when its data is, if there is any.
    pub as_of: Option<Timestamp>,
}

/// Somebody reads a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// As people call it.
    pub who: String,
    /// The team that answers for the reader.
    pub team: Name,
    /// Whether it is a job, and no system or team.
    pub is_job: bool,
    /// What it reads.
    pub dataset: Name,
    /// The same as people call it.
    pub called: String,
    /// When it reads next, where that is known.
    pub at: Option<Timestamp>,
}

/// Writes one message to one team.
pub fn message(id: String, purpose: Purpose, team: &Name, situation: &Situation<'_>) -> Message {
    let incident = situation.incident;
    let is_impact = !is_owner_thread(purpose, team, situation);
    let is_reader = is_reader(purpose, team, situation);
    let seen = is_impact.then(|| as_read_by(purpose, team, situation));
    let situation = seen.as_ref().unwrap_or(situation);
    let thread = if is_impact { IMPACT_THREAD } else { "-owner" };
    let stem = stem(is_impact, situation);
    let is_first = matches!(purpose, Purpose::Opening | Purpose::Impact);
    let subject = if is_first { stem } else { format!("{ANSWER}{stem}") };
    Message {
        thread: format!(
            "{}.incident-{}{thread}",
            id.split('.').next().unwrap_or(&id),
            incident.id
        ),
        incident: Some(incident.id),
        purpose,
        severity: incident.severity,
        kind: Some(incident.kind),
        about: Some(incident.about),
        subject_name: incident.subject.clone(),
        since: Some(incident.since),
        subject,
        headline: headline(purpose, is_impact, team, situation),
        facts: facts(purpose, team, situation),
        incidents: Vec::new(),
        gathered: None,
        stands_in_for: None,
        team_title: None,
        resent_at: None,
        kind_since: incident.kind_since,
        output: if is_reader || purpose == Purpose::Recovery {
            Vec::new()
        } else {
            output(situation)
        },
        commands: commands(purpose, is_reader, situation),
        team: team.clone(),
        owner: situation.owner.clone(),
        at: situation.now,
        zone: None,
        trace: trace(situation),
        id,
    }
}

/// The chain that it is about: that of the job's last run, else that of the data.
fn trace(situation: &Situation<'_>) -> Option<String> {
    let run = situation.job.and_then(|side| side.run).map(Run::trace_id);
    let data = || situation.data.first()?.current?.provenance.trace.clone();
    run.or_else(data)
}

/// Owners and readers have threads of their own: a reader never saw the opening.
fn is_owner_thread(purpose: Purpose, team: &Name, situation: &Situation<'_>) -> bool {
    let answers = || situation.incident.told_to_answer() == Some(team);
    match purpose {
        Purpose::Opening
        | Purpose::Escalation
        | Purpose::Digest
        | Purpose::Weekly
        | Purpose::Canary
        | Purpose::Test => true,
        Purpose::Impact => false,
        Purpose::Update | Purpose::Reminder | Purpose::Recovery => {
            situation.told_as_reader.map_or_else(answers, |is_reader| !is_reader)
        }
    }
}

/// Whether it goes to those who only read or own what is broken. Whose job has failed is to mend it, whoever answers for the
/// data.
pub(super) fn is_reader(purpose: Purpose, team: &Name, situation: &Situation<'_>) -> bool {
    !is_owner_thread(purpose, team, situation) && !is_for_its_job(team, situation)
}

/// Whether an alert about a dataset goes to the team of the job that has failed to make it.
pub(super) fn is_for_its_job(team: &Name, situation: &Situation<'_>) -> bool {
    let failed = situation.job.filter(|_| situation.failure.is_some());
    failed.is_some_and(|side| matches!(&side.job.owner, Owner::Team(owner) if owner == team))
}

/// The part of the subject that never changes within a thread. It is a header, and one line whatever it is made from.
fn stem(is_impact: bool, situation: &Situation<'_>) -> String {
    let incident = situation.incident;
    let (called, what) = match situation.data.first() {
        Some(data) if is_impact => (data_called(data.dataset), NOT_AS_PROMISED),
        _ => (called(situation), what_words(incident)),
    };
    let stem = format!("{SUBJECT_MARK}{} {what} (#{})", in_subject(called), incident.id);
    stem.replace(char::is_control, " ")
}

/// What is the matter with the subject.
pub(super) fn what_words(incident: &Incident) -> &'static str {
    if is_about_disk(incident) {
        IS_FULL
    } else if incident.flapping.is_some() {
        IS_FLAPPING
    } else {
        incident.kind.words()
    }
}

/// The same of what is over: `was stale`.
pub(super) fn was_words(incident: &Incident) -> String {
    past(what_words(incident))
}

/// What is the matter, of what is over: `could not be reached`.
pub(super) fn past(words: &str) -> String {
    let was = words.strip_prefix("is ").map(|how| format!("was {how}"));
    let could_not = || words.strip_prefix("cannot ").map(|what| format!("could not {what}"));
    was.or_else(could_not).unwrap_or_else(|| words.to_owned())
}

/// Whether it is about the disk on which freshd records what happens.
pub(super) fn is_about_disk(incident: &Incident) -> bool {
    incident.kind == ProblemKind::Freshd && incident.subject.as_str() == DISK
}

fn output(situation: &Situation<'_>) -> Vec<String> {
    let Some(attempt) = situation.job.and_then(|side| side.attempt) else {
        return Vec::new();
    };
    let lines = attempt.output.last_lines(OUTPUT_LINES_MAX).into_iter();
    lines.map(|line| both_ends(line, OUTPUT_COLUMNS_MAX)).collect()
}

/// By what an incident concerns a team that does not answer for it: a broken dataset that it reads, and how; else a broken
/// one that it owns, or whatever it reads.
pub(super) fn concerns<'a>(
    team: &Name,
    situation: &'a Situation<'_>,
) -> (Option<&'a Reading>, Option<&'a DataSide<'a>>) {
    let data = &situation.data;
    let of = |reader: &Reading| data.iter().find(|data| data.dataset.name == reader.dataset);
    let mut reads = situation.readers.iter().filter(|reader| reader.team == *team);
    let broken = reads.clone().find(|reader| of(reader).is_some_and(is_broken));
    let owned = data.iter().find(|data| is_broken(data) && owns(team, data));
    if broken.is_none() && owned.is_some() {
        return (None, owned);
    }
    let reader = broken.or_else(|| reads.next());
    let read = reader.and_then(of);
    (reader, read.or_else(|| data.iter().find(|data| is_broken(data))))
}

/// How a team reads a dataset, if it does.
pub(super) fn reads<'a>(team: &Name, data: &DataSide<'_>, situation: &'a Situation<'_>) -> Option<&'a Reading> {
    let mut readers = situation.readers.iter();
    readers.find(|reader| reader.team == *team && reader.dataset == data.dataset.name)
}

/// Whether a team reads a dataset or answers for it.
pub(super) fn is_own(team: &Name, data: &DataSide<'_>, situation: &Situation<'_>) -> bool {
    owns(team, data) || reads(team, data, situation).is_some()
}

/// Whether a team answers for a dataset.
pub(super) fn owns(team: &Name, data: &DataSide<'_>) -> bool {
    matches!(&data.dataset.owner, Owner::Team(owner) if owner == team)
}

pub(super) fn is_broken(data: &DataSide<'_>) -> bool {
    !data.standing.state.keeps_promise()
}
