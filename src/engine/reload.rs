//! A new configuration is taken whole; running runs keep what they started with.

use std::collections::HashMap;
use std::sync::Arc;

use super::Engine;
use crate::lineage::Lineage;
use crate::model::{AcceptedSettings, Name, Outcome, Rule, RunState, Settings};

impl Engine {
    /// Takes a checked configuration in place of the one in force.
    pub(super) fn reloaded(&mut self, settings: Arc<Settings>, accepted: AcceptedSettings) {
        // What is due at this very instant is still decided by the configuration before.
        self.tick();
        self.lineage = Lineage::new(&settings);
        self.triggers = triggers(&settings);
        self.settings = settings;
        let gone = |run: &&crate::model::Run| {
            !self.settings.jobs.contains_key(&run.job) && matches!(run.state, RunState::Waiting | RunState::BackingOff)
        };
        let mut gone: Vec<_> = self.runs.values().filter(gone).map(|run| run.id).collect();
        gone.sort_unstable();
        for id in gone {
            self.finish(
                id,
                Outcome::Cancelled,
                Some("its job was removed from jobs.toml".to_owned()),
            );
        }
        self.refit_pools();
        self.accept(accepted);
    }
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
