//! Runs whose inputs are not fresh: held back for a while, or started and marked, as the job's `on_stale` says. Whoever starts
//! one by hand wants it now: it is never held.

use std::sync::Arc;

use super::backlog::Todo;
use super::{Engine, Wake};
use crate::model::{Job, Name, OnStale, Outcome, RunId, Trigger, format_duration, format_time, later};

/// What the inputs of a run that has not begun say.
pub(super) enum Inputs {
    /// It may begin; with a remark, where it reads what is not fresh.
    Begin(Option<String>),
    /// It waits, or is over.
    NotNow,
}

impl Engine {
    /// Whether a run may begin for all that its inputs are. Asked again whenever the state of one of them changes, and when
    /// it has waited long enough.
    pub(super) fn look_at_inputs(&mut self, id: RunId, job: &Arc<Job>) -> Inputs {
        let Some(run) = self.runs.get(&id).filter(|run| run.attempts == 0) else {
            return Inputs::Begin(None);
        };
        let created_at = run.created_at;
        let is_by_hand = matches!(run.trigger, Trigger::Manual | Trigger::RetryByHand);
        let stale = match job.policy.on_stale {
            OnStale::Run => Vec::new(),
            OnStale::LastGood | OnStale::Hold(_) => self.stale_inputs(job),
        };
        self.held_for_inputs.remove(&id);
        if stale.is_empty() {
            return Inputs::Begin(None);
        }
        if is_by_hand {
            return Inputs::Begin(Some(format!("started by hand although {}", words(&stale))));
        }
        let OnStale::Hold(patience) = job.policy.on_stale else {
            return Inputs::Begin(Some(format!("started although {}", words(&stale))));
        };
        let until = later(created_at, patience);
        if until <= self.now.wall {
            let waited = format_duration(patience);
            let reason = format!("input stale: waited {waited} for it, and {}", words(&stale));
            if let Some(job) = self.close(id, Outcome::Skipped, Some(reason)) {
                self.start_next_waiting(&job);
            }
            return Inputs::NotNow;
        }
        self.held_for_inputs.insert(id);
        if job.policy.pool.is_some() {
            self.stand_aside(id);
        }
        self.wakes.arm(Wake::Inputs(id), until);
        let names: Vec<&str> = stale.iter().map(|(name, _)| name.as_str()).collect();
        let until = format_time(until, &self.settings.timezone);
        self.wait(
            id,
            format!("waits for {} to be fresh, until {until}", names.join(" and ")),
        );
        Inputs::NotNow
    }

    /// The inputs of a job that do not keep their promises, each with the reason.
    fn stale_inputs(&self, job: &Job) -> Vec<(Name, String)> {
        let inputs = self.lineage.inputs_of_job(job.name.as_str()).into_iter();
        let standing = |name: &Name| Some(self.standing(self.settings.datasets.get(name)?));
        let stale = inputs.filter_map(|name| {
            let standing = standing(name).filter(|standing| !standing.state.keeps_promise())?;
            let state = standing.state.as_str().replace('_', " ");
            Some((name.clone(), format!("{name} is {state}: {}", standing.reason)))
        });
        stale.collect()
    }

    /// A run has waited long enough for its inputs.
    pub(super) fn inputs_due(&mut self, id: RunId) {
        if self.held_for_inputs.contains(&id) {
            self.start_or_wait(id);
        }
    }

    /// Other settings are in force: what a run waited for may not be an input of its job any more.
    pub(super) fn look_at_held(&mut self) {
        self.backlog
            .extend(self.held_for_inputs.iter().copied().map(Todo::Start));
    }

    /// The state of a dataset was looked at: whoever waited for it may begin.
    pub(super) fn input_changed(&mut self, name: &Name) {
        if self.held_for_inputs.is_empty() {
            return;
        }
        let readers = self.lineage.jobs_reading(name.as_str());
        let waits = |id: &RunId| self.runs.get(id).is_some_and(|run| readers.contains(&run.job));
        let waiting: Vec<RunId> = self.held_for_inputs.iter().copied().filter(waits).collect();
        for id in waiting {
            self.start_or_wait(id);
        }
    }
}

fn words(stale: &[(Name, String)]) -> String {
    let stale: Vec<&str> = stale.iter().map(|(_, words)| words.as_str()).collect();
    stale.join(", and ")
}
