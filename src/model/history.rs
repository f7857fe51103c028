//! How much of the past is kept, what lies beyond that, and what was forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ClockStep, IncidentId, Name, NotificationId, RunId, VersionRef};

/// Rows of one piece of removal, about: what a due job may have to wait for.
pub const PIECE_ROWS_MAX: u32 = 200;

/// Resolved incidents kept in all, whatever their age.
pub const INCIDENTS_KEPT_MAX: u64 = 100_000;

/// Lives of the daemon, and steps of the clock, that are kept, whatever their age.
pub const LIVES_KEPT_MAX: u64 = 10_000;

/// Acceptances of a configuration that are kept, whatever their age, with the texts that they name.
pub const ACCEPTANCES_KEPT_MAX: u32 = 500;

/// Texts that no life and no accepted configuration names: only when there are so many are all runs looked at, to find
/// those that none of them names either.
pub const TEXTS_LEFT_MAX: u32 = 500;

/// Refused candidates of each dataset that stay on record for as long as their files do.
pub const REFUSED_KEPT_MIN: u32 = 20;

/// `[history]`: how much of the past is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryRules {
    /// Of each job that says nothing of its own, and of everything that is no job's.
    pub each: Keep,
    /// Bytes of the output of all jobs together.
    pub all_log_bytes: u64,
}

impl Default for HistoryRules {
    fn default() -> Self {
        Self {
            each: Keep {
                age: Duration::from_hours(400 * 24),
                runs: 10_000,
                log_bytes: 1 << 30,
            },
            all_log_bytes: 10 << 30,
        }
    }
}

/// How much is kept of one job. What is beyond any of the three goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// For so long after its end.
    pub age: Duration,
    /// The newest so many runs, also those that were missed or skipped.
    pub runs: u32,
    /// Bytes of output on the disk, the newest first.
    pub log_bytes: u64,
}

/// Which limit of `[history]` something was beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryLimit {
    /// Too old.
    Keep,
    /// Too many since.
    Runs,
    /// Too much output of this job since.
    Logs,
    /// Too much output of all jobs since.
    LogsTotal,
}

impl HistoryLimit {
    /// Its key in `[history]`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Runs => "runs",
            Self::Logs => "logs",
            Self::LogsTotal => "logs_total",
        }
    }
}

/// How much is kept of one job, at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What ended before is too old. [`Timestamp::MIN`] while ages cannot be told.
    pub before: Timestamp,
    /// The newest so many runs.
    pub runs: u32,
    /// Bytes of output.
    pub log_bytes: u64,
}

/// All limits, at one instant: what a search for what is beyond them needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Of each job that has none of its own, and of everything that is no job's.
    pub each: Limit,
    /// Of jobs that have limits of their own.
    pub jobs: BTreeMap<Name, Limit>,
    /// Earlier versions that stay restorable, by dataset; of one that is not here, none.
    pub keep_versions: BTreeMap<Name, u32>,
    /// Bytes of the output of all jobs together.
    pub all_log_bytes: u64,
}

impl HistoryLimits {
    /// Those of one job, also of one that is no longer configured.
    pub fn of(&self, job: &Name) -> Limit {
        self.jobs.get(job).copied().unwrap_or(self.each)
    }

    /// Published versions of a dataset whose rows stay: the current one, the one before it, which a start looks at, and
    /// those that can be restored.
    pub fn published_kept(&self, dataset: &Name) -> u32 {
        let earlier = self.keep_versions.get(dataset).copied().unwrap_or(0);
        earlier.saturating_add(1).max(2)
    }
}

/// Where a search goes on: behind the row that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchFrom {
    /// Runs, job by job, oldest first.
    Runs(Option<(Name, RunId)>),
    /// Versions that no run made.
    Versions(Option<VersionRef>),
    /// Promised deliveries, dataset by dataset, oldest first.
    Slots(Option<(Name, Timestamp)>),
    /// Incidents with what was told of them.
    Incidents(Option<IncidentId>),
    /// Notifications about no incident.
    Notifications(Option<NotificationId>),
    /// Lives, steps of the clock, accepted configurations.
    Own,
    /// Texts that nothing names any more. To find them all runs are looked at, so that it is a piece of its own.
    Texts,
    /// The output of attempts, which lies in files.
    Logs,
}

impl SearchFrom {
    /// From the beginning.
    pub const START: Self = Self::Runs(None);
}

/// What a search found beyond the limits: one piece of it, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aged {
    /// Final runs.
    pub runs: Vec<AgedRun>,
    /// Versions that no run made.
    pub versions: Vec<VersionRef>,
    /// Decided slots, by dataset and due time.
    pub slots: Vec<(Name, Timestamp)>,
    /// Resolved incidents.
    pub incidents: Vec<IncidentId>,
    /// Notifications that are about no incident and no longer pending.
    pub notifications: Vec<NotificationId>,
    /// Lives of the daemon, by number.
    pub lives: Vec<u64>,
    /// Steps of the clock.
    pub clock_steps: Vec<ClockStep>,
    /// Acceptances of a configuration, by digest and time.
    pub acceptances: Vec<(String, Timestamp)>,
    /// Digests of configurations and boot ids that nothing names.
    pub texts: Vec<String>,
    /// Output of which there is too much.
    pub logs: Vec<LogsForgotten>,
    /// Where to go on; `None` when there is no more.
    pub next: Option<SearchFrom>,
}

/// A run beyond the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgedRun {
    /// Its number.
    pub id: RunId,
    /// Its job.
    pub job: Name,
    /// How many attempts it had.
    pub attempts: u32,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The versions that it made; they go with it.
    pub versions: Vec<VersionRef>,
    /// What it is beyond.
    pub limit: HistoryLimit,
}

/// Rows that are no more: the second fact about many rows. Forgetting what is forgotten changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// When it was decided.
    pub at: Timestamp,
    /// Runs, with their attempts and the versions that they made.
    pub runs: Vec<RunId>,
    /// Versions that no run made.
    pub versions: Vec<VersionRef>,
    /// Slots, by dataset and due time.
    pub slots: Vec<(Name, Timestamp)>,
    /// Incidents, with what was told of them.
    pub incidents: Vec<IncidentId>,
    /// Notifications that are about no incident.
    pub notifications: Vec<NotificationId>,
    /// Lives of the daemon, by number.
    pub lives: Vec<u64>,
    /// Steps of the clock.
    pub clock_steps: Vec<ClockStep>,
    /// Acceptances of a configuration, with its text when none is left.
    pub acceptances: Vec<(String, Timestamp)>,
    /// Digests of configurations and boot ids that nothing names.
    pub texts: Vec<String>,
    /// For readers of the history: until when the runs of these jobs are gone.
    pub runs_of: Vec<RunsForgotten>,
    /// For readers of the output: until which run that of these jobs is gone, although the run is not.
    pub logs_of: Vec<LogsForgotten>,
}

impl Forgotten {
    /// Nothing, at an instant.
    pub fn nothing(at: Timestamp) -> Self {
        Self {
            at,
            runs: Vec::new(),
            versions: Vec::new(),
            slots: Vec::new(),
            incidents: Vec::new(),
            notifications: Vec::new(),
            lives: Vec::new(),
            clock_steps: Vec::new(),
            acceptances: Vec::new(),
            texts: Vec::new(),
            runs_of: Vec::new(),
            logs_of: Vec::new(),
        }
    }
}

/// Older runs of a job are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunsForgotten {
    /// The job.
    pub job: Name,
    /// When the last of them ended.
    pub until: Timestamp,
    /// What that one was beyond.
    pub limit: HistoryLimit,
}

/// The output of a job's older runs is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogsForgotten {
    /// The job.
    pub job: Name,
    /// The last run of which it is gone.
    pub until: RunId,
    /// What it was beyond.
    pub limit: HistoryLimit,
}

/// What is remembered of what a job has lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// When the last run that is gone ended, and what it was beyond.
    pub runs: Option<(Timestamp, HistoryLimit)>,
    /// The last run whose output is gone although the run is not, when that was removed, and why.
    pub logs: Option<(RunId, Timestamp, HistoryLimit)>,
}

/// Files that are no longer needed, once the rows that named them are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Output of runs that are gone: job, run, and how many attempts it had.
    pub outputs: Vec<(Name, RunId, u32)>,
    /// Output of runs up to one that stay.
    pub logs: Vec<LogsForgotten>,
    /// Runs that go on: their output stays, whatever their number.
    pub spared: Vec<RunId>,
}

/// What went, or would go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruned {
    /// Runs.
    pub runs: u64,
    /// Their attempts.
    pub attempts: u64,
    /// Versions, of which only the record was left.
    pub versions: u64,
    /// Promised deliveries.
    pub slots: u64,
    /// Incidents, and messages that were about none.
    pub incidents: u64,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Pruned {
    /// Counts a piece that was found.
    pub fn count(&mut self, aged: &Aged) {
        let of = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.runs += of(aged.runs.len());
        self.attempts += aged.runs.iter().map(|run| u64::from(run.attempts)).sum::<u64>();
        self.versions += of(aged.versions.len()) + aged.runs.iter().map(|run| of(run.versions.len())).sum::<u64>();
        self.slots += of(aged.slots.len());
        self.incidents += of(aged.incidents.len()) + of(aged.notifications.len());
    }
}

/// The first of numbers up to `last` before which nothing is of `since` or later, where times only grow with numbers:
/// found by halving, without an index on time.
///
/// `at_or_after` tells of a number the first that exists from there on, and whether that is earlier than wanted.
///
/// # Errors
/// Whatever `at_or_after` fails with.
pub fn first_by_halving<E>(
    last: u64,
    mut at_or_after: impl FnMut(u64) -> Result<Option<(u64, bool)>, E>,
) -> Result<u64, E> {
    let (mut low, mut high) = (0, last);
    while low < high {
        let middle = low + (high - low) / 2;
        match at_or_after(middle)? {
            Some((found, true)) => low = found + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}
