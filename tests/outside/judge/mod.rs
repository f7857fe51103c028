//! The judge: what jobs, readers and receivers wrote down themselves, against what freshd has recorded.
//!
//! It is pure: everything it looks at is in a [`Case`]. Nothing may go on any more when a case is taken.

mod alerts;
mod data;
mod decisions;
mod outcomes;
mod overlap;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use freshd::model::{Attempt, AttemptId, Delivery, Incident, Notification, NotificationId, Run, RunId, Version};
use jiff::Timestamp;

use super::evidence::Evidence;
use super::fleet::Kind;
use super::reader::Seen;
use super::sinks::Arrivals;

/// Everything that is known when all is quiet.
pub(crate) struct Case {
    /// The jobs.
    pub(crate) kinds: Vec<Kind>,
    /// When they were on.
    pub(crate) windows: Vec<Window>,
    /// What they wrote down.
    pub(crate) evidence: Evidence,
    /// What the reader of the published files saw.
    pub(crate) seen: Seen,
    /// Messages at the mail server.
    pub(crate) mails: Arrivals,
    /// Messages at the HTTP receiver.
    pub(crate) hooks: Arrivals,
    /// Messages in the directory of the fallback, by id, with the incidents that they name.
    pub(crate) outbox: BTreeMap<String, BTreeSet<u64>>,
    /// Runs by hand that freshd has said it begins.
    pub(crate) asked: Vec<RunId>,
    /// The published files, by dataset.
    pub(crate) published: Vec<Published>,
    /// Jobs whose processes still live, in words.
    pub(crate) survivors: Vec<String>,
    /// What freshd has recorded.
    pub(crate) records: Records,
    /// Whether every message must have ended by now.
    pub(crate) is_told: bool,
}

/// A time in which the jobs were on, between two in which they were off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Before freshd was told to switch them on.
    pub(crate) on_from: Timestamp,
    /// After it had.
    pub(crate) on_by: Timestamp,
    /// Before it was told to switch them off.
    pub(crate) off_from: Timestamp,
    /// After it had.
    pub(crate) off_by: Timestamp,
    /// How often a keeper was killed.
    pub(crate) keeper_kills: usize,
    /// Whether the disk was full for a while.
    pub(crate) was_full: bool,
}

/// What lies where readers look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Published {
    /// The file.
    pub(crate) file: Option<Vec<u8>>,
    /// Its sidecar.
    pub(crate) sidecar: Option<serde_json::Value>,
}

/// What freshd has recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    /// Runs with their attempts.
    pub(crate) runs: BTreeMap<RunId, (Run, Vec<Attempt>)>,
    /// Incidents with everything that was to be sent about them.
    pub(crate) incidents: Vec<(Incident, Told)>,
    /// Digests that tell of several of those messages in one, with the tries at sending each.
    pub(crate) digests: BTreeMap<NotificationId, (Notification, Vec<Delivery>)>,
    /// Versions by dataset, the oldest first.
    pub(crate) versions: Vec<Vec<Version>>,
}

/// Messages about one incident, in the order in which they were decided, with the tries at sending each.
pub(crate) type Told = Vec<(Notification, Vec<Delivery>)>;

/// What is not as promised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Complaint {
    /// The promise.
    pub(crate) check: &'static str,
    /// What is wrong, with the evidence.
    pub(crate) text: String,
}

/// Complaints in the making.
#[derive(Default)]
struct Complaints(Vec<Complaint>);

impl Complaints {
    fn unless(&mut self, holds: bool, check: &'static str, text: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Complaint { check, text: text() });
        }
    }
}

impl Case {
    /// What is not as promised.
    pub(crate) fn judge(&self) -> Vec<Complaint> {
        let mut complaints = Complaints::default();
        self.each_ran_once(&mut complaints);
        self.outcomes_are_true(&mut complaints);
        self.occurrences_are_decided(&mut complaints);
        self.nothing_overlaps(&mut complaints);
        self.published_is_whole(&mut complaints);
        self.everybody_is_told(&mut complaints);
        complaints.0
    }

    fn kind(&self, run: &Run) -> &Kind {
        Kind::of(&self.kinds, &run.job)
    }

    /// The window in which something was decided.
    fn window(&self, at: Timestamp) -> Option<&Window> {
        self.windows
            .iter()
            .find(|window| (window.on_from..=window.off_by).contains(&at))
            .or(self.windows.iter().rfind(|window| window.on_from <= at))
    }

    fn attempt(&self, id: AttemptId) -> Option<(&Run, &Attempt)> {
        let (run, attempts) = self.records.runs.get(&id.run)?;
        let attempt = attempts.iter().find(|attempt| attempt.id == id)?;
        Some((run, attempt))
    }
}
