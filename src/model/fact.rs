//! Facts: what a step makes true and the store keeps; and the snapshot a start begins from.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Address, AddressRecord, AgePromise, Attempt, AttemptId, Comeback, Delivery, Expectation, Forgotten, Incident,
    IncidentId, Name, Notification, NotificationId, Observation, Opened, Past, Ping, Released, Restoration, Run, RunId,
    Silence, Slot, Threaded, Told, Version, WeeklyReport,
};

/// What a step makes true. Each is one whole row, but for three that say so: storing it twice changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a fact is a whole row, and the largest of them, an incident, is stored seldom"
)]
pub enum Fact {
    /// A job's cursor, pause or definition changed.
    Job(JobRecord),
    /// A run began, moved on or ended; or an occurrence was decided without one.
    Run(Run),
    /// What the last attempt of a run made is published after all, since a person said so. A fact about that run's row,
    /// whatever else stands there.
    Released(AttemptId, Released),
    /// An attempt was claimed, started or ended.
    Attempt(Attempt),
    /// A version was accepted, published or refused.
    Version(Box<Version>),
    /// A promised delivery was laid down or decided.
    Slot(Slot),
    /// A probe looked.
    Observation(Observation),
    /// A script that runs elsewhere has said something.
    Ping(Ping),
    /// An age begins to be promised, or is no longer.
    AgePromise(AgePromise),
    /// A person expects a jump of a dataset, or a version used that up.
    Expectation(Expectation),
    /// A person silences a job or dataset, or its silence ended before its time.
    Silence(Silence),
    /// An incident began, moved on or ended.
    Incident(Incident),
    /// A notification was decided or moved on.
    Notification(Notification),
    /// A try at sending ended.
    Delivery(Delivery),
    /// An address begins or goes on to take nothing, takes messages again, or gets them at another time.
    Address(AddressRecord),
    /// A life of the daemon began, was still going on, or ended.
    Life(Life),
    /// The wall clock was set.
    ClockStep(ClockStep),
    /// An operator said that the clock is right, although later times are recorded. A fact about many rows: with it no run
    /// and no slot that stands for a time still to come is one any more.
    ClockConfirmed(ClockConfirmation),
    /// A team's weekly report was due, and is decided.
    Weekly(WeeklyReport),
    /// A configuration was accepted.
    Settings(AcceptedSettings),
    /// The records go on from a backup, and what follows from that is decided.
    Restored(Restoration),
    /// Rows that are beyond `[history]` are no more.
    Forgotten(Box<Forgotten>),
}

impl Fact {
    /// The latest instant that it calls past; what it plans or promises does not count.
    pub fn recorded_at(&self) -> Option<Timestamp> {
        match self {
            Self::Job(record) => record.pause.as_ref().map(|pause| pause.since),
            Self::Run(run) => Some(run.created_at).max(run.started_at).max(run.ended_at),
            Self::Released(_, released) => Some(released.at),
            Self::Attempt(attempt) => Some(attempt.claimed_at).max(attempt.started_at).max(attempt.ended_at),
            Self::Version(version) => Some(version.arrived_at),
            Self::Slot(slot) => slot.decided_at,
            Self::Observation(observation) => Some(observation.at),
            Self::Ping(ping) => Some(ping.at),
            Self::AgePromise(promise) => promise.since,
            Self::Expectation(expectation) => Some(expectation.at),
            Self::Silence(silence) => Some(silence.from).max(silence.ended.as_ref().map(|end| end.at)),
            Self::Incident(incident) => Some(incident.since)
                .max(incident.opened_at)
                .max(incident.resolved_at)
                .max(incident.ack.as_ref().map(|ack| ack.at)),
            Self::Notification(notification) => Some(notification.created_at).max(notification.ended_at),
            Self::Delivery(delivery) => Some(delivery.at),
            // The try that it tells of is a fact of its own.
            Self::Address(_) => None,
            Self::Life(life) => Some(life.started_at).max(Some(life.seen_at)).max(life.ended_at),
            Self::ClockStep(step) => Some(step.at),
            Self::ClockConfirmed(confirmation) => Some(confirmation.at),
            Self::Settings(accepted) => Some(accepted.at),
            Self::Weekly(report) => Some(report.until),
            Self::Forgotten(forgotten) => Some(forgotten.at),
            Self::Restored(restoration) => Some(restoration.at).max(restoration.taken_up_at),
        }
    }
}

/// The latest record when these facts follow, in this order, on one whose time is `before`.
///
/// Records only become newer, until an operator confirms the clock: then what was recorded before is no measure of it.
pub fn newest_record<'fact>(
    before: Option<Timestamp>,
    facts: impl IntoIterator<Item = &'fact Fact>,
) -> Option<Timestamp> {
    facts.into_iter().fold(before, |newest, fact| match fact {
        Fact::ClockConfirmed(confirmation) => Some(confirmation.at),
        fact => newest.max(fact.recorded_at()),
    })
}

/// A clock that is set forward by more than this may be wrong now. Nothing is too old by it until people had a day.
pub const CLOCK_LEAP: Duration = Duration::from_hours(1);

/// After a longer downtime a clock may be wrong, too.
pub const DOWNTIME_LONG: Duration = Duration::from_hours(24);

/// What is remembered of a job between runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The job.
    pub job: Name,
    /// Latest occurrence about which something was decided. Never moves back, except to the instant at which an
    /// operator confirmed the clock.
    pub cursor: Timestamp,
    /// Digest of the definition the cursor belongs to: an edited job never catches up.
    pub digest: Arc<str>,
    /// Set while the job is paused; few are.
    pub pause: Option<Box<Pause>>,
}

/// A job is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who paused it.
    pub by: String,
    /// Why.
    pub because: String,
    /// Since when.
    pub since: Timestamp,
}

impl Pause {
    /// `paused by root: the move`.
    pub fn words(&self) -> String {
        format!("paused by {}: {}", self.by, self.because)
    }
}

/// One life of the daemon; the gap to the one before is freshd's own downtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Counts up from 1.
    pub number: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// The latest instant at which it was surely alive.
    pub seen_at: Timestamp,
    /// When it ended in order; `None` while it lives or when it was killed.
    pub ended_at: Option<Timestamp>,
    /// The boot it lived in.
    pub boot_id: String,
    /// freshd's version.
    pub version: String,
    /// The last downtime of which people are told by one message each: this life's, or one of a life before.
    pub back: Option<Comeback>,
}

/// The wall clock was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockStep {
    /// Wall time after it.
    pub at: Timestamp,
    /// By how much, in milliseconds; negative is backward.
    pub by_ms: i64,
}

/// An operator said that the clock is right, although it is earlier than what is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockConfirmation {
    /// When, by the clock that was confirmed. Everything recorded as later was recorded by a wrong one.
    pub at: Timestamp,
    /// The newest record until then.
    pub newest_record_at: Timestamp,
    /// Who confirmed it.
    pub by: String,
    /// Why.
    pub because: String,
}

/// What a confirmed clock makes of what was decided before, as far as decisions need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Missed occurrences recorded as one that begin before the instant and end after it.
    pub ranges: Vec<Run>,
    /// The last two slots of each dataset that are due by the instant, in order of due time.
    pub slots: Vec<Slot>,
}

/// A configuration that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedSettings {
    /// SHA-256 over all its files, in hex.
    pub digest: String,
    /// The files with their texts.
    pub files: Vec<(String, String)>,
    /// When it was accepted.
    pub at: Timestamp,
    /// Who started or reloaded freshd.
    pub by: String,
}

/// What a start begins from: everything decisions need of what happened before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Random number of this state directory, drawn when it was made: seeds derive from it.
    pub seed: u64,
    /// All jobs ever decided about, also those no longer configured.
    pub jobs: Vec<JobRecord>,
    /// Every run that is not final, and each job's last one that was neither missed nor skipped nor cancelled.
    pub runs: Vec<Run>,
    /// All attempts of those runs.
    pub attempts: Vec<Attempt>,
    /// Each dataset's newest versions: every one being published, the last two published, the newest refused.
    pub versions: Vec<Version>,
    /// Of each dataset whose versions teach anything: of each weekday the last [`COMPARED_MAX`](super::COMPARED_MAX) that
    /// were accepted, by dataset and number.
    pub past: Vec<Past>,
    /// Highest version number used, by dataset.
    pub version_numbers: Vec<(Name, u64)>,
    /// Each dataset's slots that are pending or late, the newest decided one with the one behind it, if that was withdrawn, and the
    /// first of those that were missed up to it.
    pub slots: Vec<Slot>,
    /// The last observation of each probed dataset.
    pub observations: Vec<Observation>,
    /// Datasets whose age is promised.
    pub age_promises: Vec<AgePromise>,
    /// The last expectation of each dataset of which something was expected, by dataset.
    pub expectations: Vec<Expectation>,
    /// The last silence of each subject that ever had one, by subject.
    pub silences: Vec<Silence>,
    /// Incidents that are not resolved.
    pub incidents: Vec<Incident>,
    /// Datasets whose problem is over, each with the incident that explained it, which is not: by these.
    pub mended: Vec<(IncidentId, Name)>,
    /// Of the last [`OPENINGS_LOOKED_AT`](super::OPENINGS_LOOKED_AT) incidents those that were told within [`FLAPPING_WITHIN`](super::FLAPPING_WITHIN)
    /// before the newest record and are over, the oldest first.
    pub openings: Vec<Opened>,
    /// Notifications that are pending.
    pub notifications: Vec<Notification>,
    /// Of resolved incidents of which a notification is pending: where any was written to, so that nobody hears twice
    /// of their end.
    pub ends_written: Vec<(IncidentId, Address)>,
    /// Of the last [`ENDS_LOOKED_AT`](super::ENDS_LOOKED_AT) notifications, the recoveries that were taken within [`REPEAT_ENDS_FOR`](super::REPEAT_ENDS_FOR) before the
    /// newest record, the oldest first.
    pub ends_taken: Vec<Notification>,
    /// Addresses that take nothing or are caught up with, in their order.
    pub addresses: Vec<AddressRecord>,
    /// Messages that were taken or given up, the oldest first: about incidents that are not resolved, or of which a message is
    /// pending.
    pub told: Vec<Told>,
    /// First messages of threads, the oldest first: of incidents that are not resolved, or of which a message is pending.
    pub threads: Vec<Threaded>,
    /// Up to when each team has got its weekly report, by team.
    pub weekly: Vec<WeeklyReport>,
    /// The last life of the daemon.
    pub life: Option<Life>,
    /// Latest time in any durable record, since the clock was last confirmed: it must not be earlier.
    pub newest_record_at: Option<Timestamp>,
    /// When an operator last confirmed the clock.
    pub clock_confirmation: Option<ClockConfirmation>,
    /// When the clock was last set forward by more than [`CLOCK_LEAP`], and when a life last began more than
    /// [`DOWNTIME_LONG`] after the one before: by a clock that may be wrong.
    pub clock_leaps: Vec<Timestamp>,
    /// Highest run number used.
    pub last_run: Option<RunId>,
    /// Highest incident number used.
    pub last_incident: Option<IncidentId>,
    /// Highest notification number used.
    pub last_notification: Option<NotificationId>,
    /// Digest of the configuration last accepted.
    pub settings_digest: Option<String>,
    /// When the records last went on from a backup.
    pub restoration: Option<Restoration>,
    /// Occurrences that have a run although they lie behind their job's cursor: their runs were found after the records
    /// had been lost.
    pub known_ahead: Vec<(Name, Timestamp)>,
}
