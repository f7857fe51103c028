//! Events of `OpenLineage`: what a system elsewhere says of the datasets that a run of its makes.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Engine;
use super::pings::{failure, last_of};
use crate::model::{Fact, LineageWord, Measurement, Name, PINGED, Ping, PingKind, PingWord, VersionRef, is_ping_run};

impl Engine {
    /// Puts on record what is said of each dataset, and what follows from it. Events may come late, twice, or behind those of
    /// a later run: what is no newer than what is known is on record, and nothing follows from it.
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
        let said_at = word.at.min(self.now.wall);
        for name in &made {
            let ping = Ping {
                dataset: name.clone(),
                at: self.now.wall,
                word: told,
                rid: Some(word.run.clone()),
                text: text.clone(),
            };
            if is_news && self.is_newer(name, said_at) && !self.has_said(&ping) {
                self.data.entry(name.clone()).or_default().pinged = Some(ping.clone());
                if word.kind == PingKind::Success {
                    self.arrived_by_lineage(name, said_at, &inputs);
                } else {
                    self.observe_ping(name, said_at, Err(failure(told, &text)));
                }
            }
            self.fact(Fact::Ping(ping));
        }
        Ok(json!({ "run": word.run, "datasets": made }))
    }

    /// Whether what was so at an instant is newer than the version that readers see, and than the failure told of last.
    fn is_newer(&self, name: &Name, said_at: Timestamp) -> bool {
        let arrived = self.current_version(name).map(|(version, _)| version.as_of);
        let told_of = self
            .data
            .get(name)
            .and_then(|state| state.seen_at(Some(Path::new(PINGED))));
        let failed = told_of.filter(|seen| seen.found.is_err()).map(|seen| seen.at);
        arrived.max(failed).is_none_or(|known| known < said_at)
    }

    /// Whether it is the last thing that was news, said again: by a clock that is ahead no later than now, and so once more
    /// newer than all that is known; or the second of several events with which a client ends one run.
    fn has_said(&self, ping: &Ping) -> bool {
        let before = self.data.get(&ping.dataset).and_then(|state| state.pinged.as_ref());
        // What is no run's name any more, since a secret was hidden in it, tells no runs apart.
        let is_told_apart = ping.rid.as_deref().is_some_and(is_ping_run);
        is_told_apart && before.is_some_and(|before| before.word == ping.word && before.rid == ping.rid)
    }

    /// As of when its run has ended, or as old as what that has read.
    fn arrived_by_lineage(&mut self, name: &Name, said_at: Timestamp, inputs: &[VersionRef]) {
        self.observe_ping(name, said_at, Ok(Some(Measurement::default())));
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
