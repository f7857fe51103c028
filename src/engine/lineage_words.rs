//! Events of `OpenLineage`: what a system elsewhere says of the datasets that a run of its makes.

use serde_json::{Value, json};

use super::Engine;
use super::pings::{failure, last_of};
use crate::model::{Fact, LineageWord, Measurement, Name, Ping, PingKind, PingWord, VersionRef};

impl Engine {
    /// Puts on record what is said of each dataset, and what follows from it. Events may come late, twice, or behind those of
    /// a later run: what is no newer than the data that has arrived is on record, and nothing follows from it.
    pub(super) fn told_by_lineage(&mut self, word: &LineageWord) -> Result<Value, String> {
        let is_news = matches!(word.kind, PingKind::Success | PingKind::Fail);
        if is_news && let Some(why) = self.knows_no_time() {
            return Err(format!("{why}: send it again"));
        }
        let is_told_of = |name: &&Name| {
            let dataset = self.settings.datasets.get(*name);
            dataset.is_some_and(|dataset| dataset.lineage_name().is_some())
        };
        let made: Vec<Name> = word.makes.iter().filter(is_told_of).cloned().collect();
        // Before anything of it arrives: what reads and makes the same dataset has read the version before.
        let inputs: Vec<VersionRef> = word.reads.iter().filter_map(|name| self.read_version(name)).collect();
        let told = PingWord {
            kind: word.kind,
            exit_status: None,
        };
        let text = last_of(&word.text);
        for name in &made {
            let said_at = word.at.min(self.now.wall);
            let current = self.current_version(name).map(|(version, _)| version.as_of);
            let is_newer = current.is_none_or(|as_of| as_of < said_at);
            match word.kind {
                PingKind::Success if is_newer => self.arrived_by_lineage(name, said_at, &inputs),
                PingKind::Fail if is_newer => self.observe_ping(name, Err(failure(told, &text))),
                PingKind::Success | PingKind::Fail | PingKind::Start | PingKind::Log => {}
            }
            self.fact(Fact::Ping(Ping {
                dataset: name.clone(),
                at: self.now.wall,
                word: told,
                rid: Some(word.run.clone()),
                text: text.clone(),
            }));
        }
        Ok(json!({ "run": word.run, "datasets": made }))
    }

    /// As of when its run has ended, or as old as what that has read.
    fn arrived_by_lineage(&mut self, name: &Name, said_at: jiff::Timestamp, inputs: &[VersionRef]) {
        self.observe_ping(name, Ok(Some(Measurement::default())));
        let mut version = self.watched_version(name, said_at);
        version.arrived_at = self.now.wall;
        let inputs = inputs.iter().filter(|input| input.dataset != *name);
        for input in inputs {
            let Some(made_from) = self.version(input) else { continue };
            if made_from.effective_as_of < version.effective_as_of {
                version.effective_as_of = made_from.effective_as_of;
                version.limited_by = Some(made_from.limited_by.clone().unwrap_or_else(|| input.clone()));
            }
            version.inputs.push(input.clone());
        }
        self.watched_arrived(version);
    }

    /// The version of a dataset that whoever reads it now has read.
    fn read_version(&self, name: &Name) -> Option<VersionRef> {
        self.current_version(name).map(|(version, _)| version.reference())
    }
}
