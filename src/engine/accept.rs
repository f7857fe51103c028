//! Makes the state fit the configuration in force: jobs and datasets are taken on, removed ones are let go.

use std::sync::Arc;

use super::Engine;
use super::backlog::Todo;
use super::jobs::JobState;
use crate::model::{AcceptedSettings, Fact, Job, JobRecord, Name};

impl Engine {
    /// Notes the configuration as accepted, and leaves it to the backlog to take on what it says: new and edited jobs
    /// begin now and never catch up, datasets get their slots, probes look.
    pub(super) fn accept(&mut self, accepted: AcceptedSettings) {
        if self.accepted.as_deref() != Some(accepted.digest.as_str()) {
            self.accepted = Some(accepted.digest.clone());
            self.fact(Fact::Settings(accepted));
        }
        let is_gone = |name: &&Name| !self.settings.jobs.contains_key(*name);
        let mut removed: Vec<Name> = self.jobs.keys().filter(is_gone).cloned().collect();
        removed.sort();
        self.backlog.extend(removed.into_iter().map(Todo::Job));
        self.backlog.extend(self.settings.jobs.keys().cloned().map(Todo::Job));
        let mut removed: Vec<Name> = self.data.keys().cloned().collect();
        removed.retain(|name| !self.settings.datasets.contains_key(name));
        removed.sort();
        self.backlog.extend(removed.into_iter().map(Todo::Data));
        self.backlog
            .extend(self.settings.datasets.keys().cloned().map(Todo::Data));
        self.backlog.push_back(Todo::Accepted);
    }

    /// Every job and dataset fits the configuration: their problems are looked at again.
    pub(super) fn accepted_all(&mut self) {
        self.look_at_everything();
        self.look_at_held();
        self.forget_silences();
        self.end_drills_of_nothing();
        self.look_at_windows();
        self.forget_addresses();
        self.looks_for_fallback = true;
        self.repeat_soon();
        self.weekly_due();
        // There was a line for each job and each dataset; there rarely is again.
        self.backlog.shrink_to_fit();
        self.wakes.shrink_to_fit();
        self.jobs.shrink_to_fit();
    }

    /// Looks again at the problems of everything that is configured, and of what has an open incident.
    pub(super) fn look_at_everything(&mut self) {
        self.dirty_jobs.extend(self.settings.jobs.keys().cloned());
        self.dirty_data.extend(self.settings.datasets.keys().cloned());
        // Open problems of what is no longer configured are over.
        let subjects: Vec<_> = self
            .incidents
            .values()
            .map(|incident| incident.subject.clone())
            .collect();
        self.dirty_jobs.extend(subjects.iter().cloned());
        self.dirty_data.extend(subjects);
    }

    /// Makes sure that a configured job is the one its cursor belongs to; a removed one that comes back is another.
    pub(super) fn take_on(&mut self, name: &Name) {
        let Some(job) = self.settings.jobs.get(name) else {
            self.let_go(name);
            return;
        };
        let state = self.jobs.get_mut(name);
        if let Some(known) = state.filter(|state| is_defined_by(&state.record.digest, job)) {
            if job.enabled {
                // One copy of what was read from the store and from jobs.toml.
                known.record.digest = job.digest.clone();
            }
            return;
        }
        let digest = definition(job);
        let before = self.jobs.swap_remove(name);
        let pause = before.as_ref().and_then(|before| before.record.pause.clone());
        // Under a clock that is not believed it begins when that has caught up, or is confirmed.
        let now = self.clock_hold.as_ref().map_or(self.now.wall, |hold| hold.until);
        let cursor = before.as_ref().map_or(now, |before| before.record.cursor.max(now));
        let record = JobRecord {
            job: name.clone(),
            cursor,
            digest,
            pause,
        };
        self.fact(Fact::Job(record.clone()));
        let (going, last) = before.map_or((Vec::new(), None), |before| (before.going, before.last));
        self.jobs.insert(
            name.clone(),
            JobState {
                record,
                next: None,
                going,
                last,
            },
        );
    }

    /// A job that is removed and comes back is a new one: it never catches up.
    fn let_go(&mut self, name: &Name) {
        let state = self.jobs.get_mut(name);
        if let Some(state) = state.filter(|state| !state.record.digest.is_empty()) {
            state.record.digest = Arc::from("");
            state.next = None;
            let record = state.record.clone();
            self.fact(Fact::Job(record));
        }
    }

    /// Makes sure that the slots of a dataset are those that are promised now, and that its probe looks.
    pub(super) fn take_on_data(&mut self, name: &Name) {
        self.date_promise(name);
        self.refit_slots(name);
        self.advance_slots(name);
        self.probe_due(name);
    }
}

/// What is written before the digest of a job that is switched off.
const OFF: &str = "off ";

/// What makes a job the one its cursor belongs to. A job that was switched off begins anew when it is switched on.
fn definition(job: &Job) -> Arc<str> {
    if job.enabled {
        job.digest.clone()
    } else {
        format!("{OFF}{}", job.digest).into()
    }
}

/// Whether `definition` would write this.
pub(super) fn is_defined_by(written: &str, job: &Job) -> bool {
    match written.strip_prefix(OFF) {
        Some(digest) => !job.enabled && *digest == *job.digest,
        None => job.enabled && *written == *job.digest,
    }
}
