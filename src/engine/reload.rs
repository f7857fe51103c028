//! A new configuration is taken whole; running runs keep what they started with.

use std::collections::HashMap;
use std::sync::Arc;

use super::Engine;
use super::backlog::Todo;
use crate::lineage::Lineage;
use crate::model::{AcceptedSettings, Dataset, Job, Name, Rule, RunState, Settings};

impl Engine {
    /// Takes a checked configuration in place of the one in force.
    pub(super) fn reloaded(&mut self, settings: Arc<Settings>, accepted: AcceptedSettings) {
        // What is due at this very instant is still decided by the configuration before; with very much of it, at least
        // what the new one would not decide about any more.
        self.tick(usize::MAX);
        let edited = |(name, job): &(&Name, &Arc<Job>)| settings.jobs.get(*name).is_none_or(|new| !is_same(job, new));
        let edited: Vec<Name> = self
            .settings
            .jobs
            .iter()
            .filter(edited)
            .map(|(name, _)| name.clone())
            .collect();
        let is_left = self.is_full() || self.is_behind() || self.space_hold.is_some();
        for name in edited.iter().filter(|_| is_left) {
            self.job_due_before(name, "edited");
        }
        self.backlog
            .retain(|todo| !matches!(todo, Todo::Job(_) | Todo::Data(_) | Todo::Accepted));
        let before = std::mem::take(&mut self.backlog);
        let is_renamed = |name: &Name, dataset: &Dataset| {
            let before = self.settings.datasets.get(name);
            before.is_some_and(|before| before.file != dataset.file)
        };
        for (name, dataset) in &settings.datasets {
            if is_renamed(name, dataset)
                && let Some(state) = self.data.get_mut(name)
            {
                // That was somewhere else.
                state.sighted = None;
            }
        }
        // What is left is looked at again when it has been taken on.
        self.placed.retain(|name, placed| {
            let dataset = settings.datasets.get(name);
            dataset.is_some_and(|dataset| dataset.file.as_ref() == Some(&placed.file))
        });
        let are_reminders_new = self.settings.alerts.reminders != settings.alerts.reminders;
        self.is_fallback_new |= self.settings.fallback != settings.fallback;
        self.lineage = Lineage::new(&settings);
        self.triggers = triggers(&settings);
        self.settings = settings;
        if are_reminders_new {
            self.remind_anew();
        }
        let gone = |run: &&crate::model::Run| {
            !self.settings.jobs.contains_key(&run.job) && matches!(run.state, RunState::Waiting | RunState::BackingOff)
        };
        let mut gone: Vec<_> = self.runs.values().filter(gone).map(|run| run.id).collect();
        gone.sort_unstable();
        // Each of them is cancelled, for want of its job.
        self.backlog.extend(gone.into_iter().map(Todo::Resume));
        self.refit_pools();
        self.accept(accepted);
        self.backlog.extend(before);
        self.work_off();
    }
}

impl Engine {
    /// What people should know of a configuration that is, or is to be, in force: for each dataset whose file was renamed
    /// since its newest version, where that lies.
    pub fn left_behind(&self, settings: &Settings) -> Vec<String> {
        let datasets = settings.datasets.values();
        let left = datasets.filter_map(|dataset| {
            let current = self.data.get(&dataset.name)?.current.as_ref()?;
            current.left_words(dataset)
        });
        left.collect()
    }
}

/// Whether a job goes on with its cursor.
fn is_same(job: &Job, new: &Job) -> bool {
    (job.enabled, &job.digest) == (new.enabled, &new.digest)
}

/// The jobs that each dataset starts.
pub(super) fn triggers(settings: &Settings) -> HashMap<Name, Vec<Name>> {
    let mut triggers: HashMap<Name, Vec<Name>> = HashMap::new();
    for (name, job) in &settings.jobs {
        if let Some(Rule::On(datasets)) = job.schedule.as_ref().map(|schedule| &schedule.rule) {
            for dataset in datasets {
                triggers.entry(dataset.clone()).or_default().push(name.clone());
            }
        }
    }
    triggers
}
