//! The daemon's status as windows read it: what is fine, and what is not.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use super::times;
use crate::model::{Ack, AddressState, IncidentState, Outcome, RunState, Severity, Shortage};

/// Everything `status` says.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Status {
    /// When it was so.
    pub(super) at: Timestamp,
    timezone: Option<String>,
    #[serde(default)]
    pub(super) datasets: Vec<DatasetState>,
    #[serde(default)]
    pub(super) jobs: Vec<JobState>,
    #[serde(default)]
    pub(super) incidents: Vec<OpenIncident>,
    #[serde(default)]
    pub(super) undelivered: Vec<Undelivered>,
    #[serde(default)]
    pub(super) clock_held_until: Option<Timestamp>,
    /// Since when nothing is started for want of space, and what lacks.
    #[serde(default)]
    pub(super) disk_full_since: Option<Timestamp>,
    #[serde(default)]
    pub(super) disk_full: Option<Shortage>,
    /// Since when not even what was decided can be stored.
    #[serde(default)]
    pub(super) unstored_since: Option<Timestamp>,
    #[serde(default)]
    pub(super) daemon: Option<DaemonState>,
}

/// The daemon itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct DaemonState {
    pub(super) started_at: Timestamp,
    pub(super) version: String,
}

/// A dataset as it stands.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct DatasetState {
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) state: String,
    pub(super) effective_as_of: Option<Timestamp>,
    pub(super) limited_by: Option<String>,
    pub(super) deadline: Option<Timestamp>,
    pub(super) owner: String,
    #[serde(default)]
    pub(super) tells: Vec<String>,
    #[serde(default)]
    pub(super) reason: String,
}

/// A job as it stands.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct JobState {
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) last: Option<LastRun>,
    #[serde(default)]
    pub(super) running: Vec<GoingRun>,
    pub(super) next_due: Option<Timestamp>,
    pub(super) schedule: Option<String>,
    pub(super) owner: String,
    #[serde(default)]
    pub(super) tells: Vec<String>,
}

/// A job's last run that had a process.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct LastRun {
    pub(super) run: u64,
    pub(super) outcome: Option<Outcome>,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) reason: Option<String>,
    /// The last line it printed.
    pub(super) printed: Option<String>,
}

/// A run that goes on.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct GoingRun {
    pub(super) state: RunState,
    pub(super) attempt: u32,
    pub(super) started_at: Option<Timestamp>,
    pub(super) retry_at: Option<Timestamp>,
}

/// An incident that is not resolved.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OpenIncident {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) about: String,
    pub(super) subject: String,
    pub(super) state: IncidentState,
    pub(super) severity: Severity,
    pub(super) since: Timestamp,
    pub(super) notify_at: Timestamp,
    pub(super) cause: Option<u64>,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) addresses: Vec<AddressState>,
    pub(super) ack: Option<Ack>,
    #[serde(default)]
    pub(super) readers: Vec<Reads>,
    #[serde(default)]
    pub(super) owner: String,
}

/// Somebody who reads what is wrong.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Reads {
    pub(super) who: String,
    pub(super) at: Option<Timestamp>,
}

/// A message that could not be delivered yet.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Undelivered {
    pub(super) to: String,
    pub(super) tries: u32,
    pub(super) error: Option<String>,
    pub(super) next_try_at: Timestamp,
}

impl Status {
    /// Reads what the daemon said.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        Self::deserialize(value).map_err(|error| {
            format!("the daemon speaks another language ({error}); is it of another version? restart it")
        })
    }

    /// The zone in which people are told times.
    pub(super) fn zone(&self) -> TimeZone {
        self.timezone
            .as_deref()
            .and_then(times::zone_named)
            .unwrap_or(TimeZone::UTC)
    }

    /// Whether nothing needs anybody.
    pub(super) fn is_fine(&self) -> bool {
        self.datasets.iter().all(DatasetState::keeps_promise)
            && !self.jobs.iter().any(JobState::is_failing)
            && self.incidents.is_empty()
            && self.undelivered.is_empty()
            && self.clock_held_until.is_none()
            && self.disk_full.is_none()
            && self.unstored_since.is_none()
    }
}

impl DatasetState {
    /// Whether readers have what they were promised.
    pub(super) fn keeps_promise(&self) -> bool {
        matches!(self.state.as_str(), "fresh" | "due_soon" | "held" | "paused")
    }
}

impl JobState {
    /// Whether its last run failed; also while the next one is under way.
    pub(super) fn is_failing(&self) -> bool {
        let set_aside = matches!(self.state.as_str(), "paused" | "disabled");
        let failed = self
            .last
            .as_ref()
            .and_then(|last| last.outcome)
            .is_some_and(Outcome::is_failure);
        self.state == "failing" || (failed && !set_aside)
    }
}
