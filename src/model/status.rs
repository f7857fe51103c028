//! The daemon's status as windows read it: what is fine, and what is not.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Ack, AddressState, ByHand, ChannelOff, Drill, Expected, ExpectedState, FirstRun, Flapping, IncidentState,
    OpenWindow, Outcome, OwnDowntime, Released, RunState, Severity, Shortage, Shown, Silence,
};

/// Everything `status` says.
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    /// When it was so.
    pub at: Timestamp,
    timezone: Option<String>,
    /// Each as it stands.
    #[serde(default)]
    pub datasets: Vec<DatasetState>,
    /// Each as it stands.
    #[serde(default)]
    pub jobs: Vec<JobState>,
    /// Those that are not resolved, waiting and attached ones included.
    #[serde(default)]
    pub incidents: Vec<OpenIncident>,
    /// Rehearsals that go on.
    #[serde(default)]
    pub drills: Vec<OpenIncident>,
    /// Messages that were tried and are not taken yet.
    #[serde(default)]
    pub undelivered: Vec<Undelivered>,
    /// Windows of planned work that are open.
    #[serde(default)]
    pub maintenance: Vec<OpenWindow>,
    /// Silences that stand.
    #[serde(default)]
    pub silences: Vec<Silence>,
    /// Until when a wrong clock holds everything.
    #[serde(default)]
    pub clock_held_until: Option<Timestamp>,
    /// When freshd itself was down last, and what was promised then.
    #[serde(default)]
    pub down: Option<OwnDowntime>,
    /// Since when nothing is started for want of space.
    #[serde(default)]
    pub disk_full_since: Option<Timestamp>,
    /// What lacks then.
    #[serde(default)]
    pub disk_full: Option<Shortage>,
    /// Since when not even what was decided can be stored.
    #[serde(default)]
    pub unstored_since: Option<Timestamp>,
    /// What keeps freshd from doing what it is for.
    #[serde(default)]
    pub self_test: Vec<String>,
    /// The sign of life for somebody elsewhere, where one is given.
    #[serde(default)]
    pub heartbeat: Option<HeartbeatState>,
    /// Channels whose receivers have asked to be left alone.
    #[serde(default)]
    pub channels_off: Vec<ChannelOff>,
    /// Who says so; older ones say nothing.
    #[serde(default)]
    pub daemon: Option<DaemonState>,
}

/// How the sign of life for somebody elsewhere goes.
#[derive(Clone, Debug, Deserialize)]
pub struct HeartbeatState {
    /// When one was last taken in this life of the daemon.
    pub taken_at: Option<Timestamp>,
    /// Why the last one was withheld, or not taken.
    pub error: Option<String>,
}

/// The daemon itself.
#[derive(Clone, Debug, Deserialize)]
pub struct DaemonState {
    /// When this life of it began.
    pub started_at: Timestamp,
    /// Its version.
    pub version: String,
}

/// A dataset as it stands.
#[derive(Clone, Debug, Deserialize)]
pub struct DatasetState {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// One of the states of the manual: `fresh`, `late` and so on.
    pub state: String,
    /// As of when the data itself is.
    #[serde(default)]
    pub as_of: Option<Timestamp>,
    /// As of when the data is, what it was made from included.
    pub effective_as_of: Option<Timestamp>,
    /// When freshd accepted the newest version.
    #[serde(default)]
    pub arrived_at: Option<Timestamp>,
    /// The newest version's number.
    #[serde(default)]
    pub version: Option<u64>,
    /// The number of the version that readers see; `None` when others have removed or changed it.
    #[serde(default)]
    pub served: Option<u64>,
    /// Rows of the newest version, without the header.
    #[serde(default)]
    pub rows: Option<u64>,
    /// The ancestor that makes it so old.
    pub limited_by: Option<String>,
    /// When its promise breaks, or broke.
    pub deadline: Option<Timestamp>,
    /// The team that answers, or `nobody`.
    pub owner: String,
    /// That team's addresses.
    #[serde(default)]
    pub tells: Vec<String>,
    /// The title of the team that answers.
    #[serde(default)]
    pub owner_title: Option<String>,
    /// Why it is in this state.
    #[serde(default)]
    pub reason: String,
    /// The job that makes it.
    #[serde(default)]
    pub producer: Option<String>,
    /// Of what was never seen, the first run of that job.
    #[serde(skip)]
    pub first_run: Option<FirstRun>,
    /// The window of planned work that is open for it.
    #[serde(default)]
    pub maintenance: Option<OpenWindow>,
    /// The silence that stands over it.
    #[serde(default)]
    pub silence: Option<Silence>,
    /// What a person decided about the newest version: it was released, or put back.
    #[serde(default)]
    pub by_hand: Option<ByHand>,
    /// What a person had expected, where checks passed the newest version for that.
    #[serde(default)]
    pub as_expected: Option<Expected>,
    /// The jump that a person expects of its next versions.
    #[serde(default)]
    pub expected: Option<ExpectedState>,
}

/// A job as it stands.
#[derive(Clone, Debug, Deserialize)]
pub struct JobState {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// `ok`, `failing`, `running` and so on.
    pub state: String,
    /// Why it waits, tries again or is paused.
    pub reason: Option<String>,
    /// A person has paused it. A run by hand may go on all the same.
    #[serde(default)]
    pub paused: bool,
    /// Its last run that had a process.
    pub last: Option<LastRun>,
    /// Runs that go on.
    #[serde(default)]
    pub running: Vec<GoingRun>,
    /// When it is next due by the clock.
    pub next_due: Option<Timestamp>,
    /// Its schedule as written.
    pub schedule: Option<String>,
    /// The window of planned work that is open for it.
    #[serde(default)]
    pub maintenance: Option<OpenWindow>,
    /// The silence that stands over it.
    #[serde(default)]
    pub silence: Option<Silence>,
    /// The team that answers, or `nobody`.
    pub owner: String,
    /// That team's addresses.
    #[serde(default)]
    pub tells: Vec<String>,
    /// The title of the team that answers.
    #[serde(default)]
    pub owner_title: Option<String>,
}

/// A job's last run that had a process.
#[derive(Clone, Debug, Deserialize)]
pub struct LastRun {
    /// Its number.
    pub run: u64,
    /// How it ended; `None` while it goes on.
    pub outcome: Option<Outcome>,
    /// When.
    pub ended_at: Option<Timestamp>,
    /// Why it ended so.
    pub reason: Option<String>,
    /// Who published what it made, although it was refused.
    #[serde(default)]
    pub released: Option<Released>,
    /// The last line it printed.
    pub printed: Option<String>,
}

/// A run that goes on.
#[derive(Clone, Debug, Deserialize)]
pub struct GoingRun {
    /// Its number.
    pub run: u64,
    /// Where it stands.
    pub state: RunState,
    /// Its newest attempt.
    pub attempt: u32,
    /// When its first process started.
    pub started_at: Option<Timestamp>,
    /// When the next attempt starts.
    pub retry_at: Option<Timestamp>,
}

/// An incident that is not resolved.
#[derive(Clone, Debug, Deserialize)]
pub struct OpenIncident {
    /// Its number.
    pub id: u64,
    /// What is wrong.
    pub kind: String,
    /// `job`, `dataset` or `freshd`.
    pub about: String,
    /// Its name.
    pub subject: String,
    /// Where it stands.
    pub state: IncidentState,
    /// How bad it is.
    pub severity: Severity,
    /// Since when.
    pub since: Timestamp,
    /// Since when it is of this kind, where something else was wrong before.
    pub kind_since: Option<Timestamp>,
    /// What was wrong at first, where that is something else by now.
    #[serde(default)]
    pub first_kind: Option<String>,
    /// When it is told, if it only waits.
    pub notify_at: Timestamp,
    /// That it is over but for its end, and when that is told at the latest.
    pub ends_by: Option<Timestamp>,
    /// The incident that explains it.
    pub cause: Option<u64>,
    /// The incident that explains it, where it was told by itself before people were told of that.
    #[serde(default)]
    pub behind: Option<u64>,
    /// The problem in one sentence.
    #[serde(default)]
    pub reason: String,
    /// How every address that was to be told stands.
    #[serde(default)]
    pub addresses: Vec<AddressState>,
    /// Who has taken it on.
    pub ack: Option<Ack>,
    /// That it comes and goes, and how often it has.
    #[serde(default)]
    pub flapping: Option<Flapping>,
    /// That it is a rehearsal.
    #[serde(default)]
    pub drill: Option<Drill>,
    /// Who reads what is wrong, the first to read first.
    #[serde(default)]
    pub readers: Vec<Reads>,
    /// The team that answers, or `nobody`.
    #[serde(default)]
    pub owner: String,
    /// The window of planned work for which nobody is told of it.
    #[serde(default)]
    pub maintenance: Option<OpenWindow>,
    /// The silence for which nobody is told of it.
    #[serde(default)]
    pub silence: Option<Silence>,
}

impl OpenIncident {
    /// Since when what comes and goes is well, while it is.
    pub fn well_since(&self) -> Option<Timestamp> {
        self.flapping.as_ref()?.well_since
    }

    /// How it is shown; `kind` is what its problem is called.
    pub fn shown(&self, kind: String) -> Shown {
        let since = self.kind_since.unwrap_or(self.since);
        Shown::of(self.flapping.as_ref(), kind, since, &self.reason)
    }
}

/// Somebody who reads what is wrong.
#[derive(Clone, Debug, Deserialize)]
pub struct Reads {
    /// A system, team or job.
    pub who: String,
    /// What it reads.
    #[serde(default)]
    pub dataset: String,
    /// When it next reads.
    pub at: Option<Timestamp>,
}

/// An address that takes nothing, or a message that it has refused although it takes others.
#[derive(Clone, Debug, Deserialize)]
pub struct Undelivered {
    /// The address.
    pub to: String,
    /// How often it was tried in vain.
    pub tries: u32,
    /// What the other side last said.
    pub error: Option<String>,
    /// When it is tried again.
    pub next_try_at: Timestamp,
    /// How many further messages wait for the same address.
    #[serde(default)]
    pub behind: u32,
}

impl Status {
    /// How many messages are not taken yet: those that were refused, and those that wait for the same address.
    pub fn undelivered_messages(&self) -> usize {
        self.undelivered.iter().map(|tried| 1 + tried.behind as usize).sum()
    }

    /// Reads what the daemon said.
    pub fn read(value: &Value) -> Result<Self, String> {
        let mut status = Self::deserialize(value).map_err(|error| {
            format!("the daemon speaks another language ({error}); is it of another version? restart it")
        })?;
        status.note_first_runs();
        Ok(status)
    }

    /// The zone in which people are told times.
    pub fn zone(&self) -> TimeZone {
        self.timezone
            .as_deref()
            .and_then(|name| TimeZone::get(name).ok())
            .unwrap_or(TimeZone::UTC)
    }

    /// Whether somebody elsewhere waits in vain for a sign of life.
    pub fn has_no_heartbeat(&self) -> bool {
        self.heartbeat
            .as_ref()
            .is_some_and(|heartbeat| heartbeat.error.is_some())
    }

    /// Incidents that are not explained by another; the others are effects of these.
    pub fn causes(&self) -> impl Iterator<Item = &OpenIncident> {
        let is_known = |id: u64| self.incidents.iter().any(|incident| incident.id == id);
        self.incidents
            .iter()
            .filter(move |incident| !incident.cause.is_some_and(is_known))
    }

    /// What freshd finds of itself, and that somebody elsewhere waits in vain for a sign of life; a line for each.
    pub fn found_of_itself(&self) -> Vec<String> {
        let mut found = self.self_test.clone();
        let error = self.heartbeat.as_ref().and_then(|heartbeat| heartbeat.error.as_ref());
        found.extend(error.map(|error| format!("no heartbeat: {error}")));
        found
    }

    /// Whether nothing needs anybody.
    pub fn is_fine(&self) -> bool {
        self.datasets.iter().all(DatasetState::keeps_promise)
            && !self.jobs.iter().any(JobState::is_failing)
            && self.incidents.is_empty()
            && self.undelivered.is_empty()
            && self.self_test.is_empty()
            && !self.has_no_heartbeat()
            && self.clock_held_until.is_none()
            && self.disk_full.is_none()
            && self.unstored_since.is_none()
    }
}

impl DatasetState {
    /// Whether readers have what they were promised.
    pub fn keeps_promise(&self) -> bool {
        matches!(self.state.as_str(), "fresh" | "due_soon" | "held" | "paused")
    }
}

impl JobState {
    /// Whether its last run failed, and nobody has released what it made; also while the next one is under way.
    pub fn is_failing(&self) -> bool {
        let set_aside = matches!(self.state.as_str(), "paused" | "disabled");
        let last = self.last.as_ref().filter(|last| last.released.is_none());
        let failed = last.and_then(|last| last.outcome).is_some_and(Outcome::is_failure);
        self.state == "failing" || (failed && !set_aside)
    }
}
