//! Published files that others change: what a look finds is a fact, until the next version or the old one is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Engine;
use crate::model::{Dataset, Fact, Measurement, Name, Observation, Placed, Sighting, Version, VersionRef};

impl Engine {
    /// The published files as they should lie where readers look, for whoever looks. Those that are about to be replaced
    /// are left out.
    ///
    /// They are shared: whoever looks every few seconds at ten thousand of them copies none.
    pub fn placed(&self) -> &BTreeMap<Name, Arc<Placed>> {
        &self.placed
    }

    /// What is known of a dataset, or of its file, has changed.
    pub(super) fn note_placed(&mut self, name: &Name) {
        let dataset = self.settings.datasets.get(name).filter(|dataset| is_produced(dataset));
        match dataset.and_then(|dataset| self.placed_of(dataset)) {
            Some(placed) if self.placed.get(name).is_some_and(|known| **known == placed) => {}
            Some(placed) => {
                self.placed.insert(name.clone(), Arc::new(placed));
            }
            None => {
                self.placed.remove(name);
            }
        }
    }

    fn placed_of(&self, dataset: &Dataset) -> Option<Placed> {
        let state = self.data.get(&dataset.name)?;
        let current = state.current.as_ref().filter(|current| current.run.is_some())?;
        let is_known_whole = state
            .seen_at(dataset.file.as_deref())
            .is_none_or(|seen| matches!(&seen.found, Ok(Some(measured)) if measured.sha256 == current.sha256));
        state.publishing.is_empty().then(|| Placed {
            version: VersionRef {
                dataset: dataset.name.clone(),
                number: current.number,
            },
            file: dataset.file.clone().unwrap_or_default(),
            bytes: current.bytes,
            sha256: current.sha256.clone(),
            // What was found wrong before a restart is over only when somebody looks again.
            stamp: current
                .stamp
                .filter(|_| current.left_at(dataset).is_none() && (state.sighted.is_some() || is_known_whole)),
            before: state.sighted.clone(),
        })
    }

    /// A published file is not as it was known to be.
    pub(super) fn sighted(&mut self, sighting: Sighting) {
        let Sighting {
            version,
            file,
            at,
            found,
        } = sighting;
        let name = version.dataset;
        let at = self.as_past(at);
        let dataset = self.settings.datasets.get(&name).cloned();
        // What was looked at may not be what readers look at any more.
        let dataset = dataset.filter(|dataset| is_produced(dataset) && dataset.file.as_ref() == Some(&file));
        let Some((dataset, state)) = dataset.zip(self.data.get_mut(&name)) else {
            return;
        };
        // What was looked at may have been replaced since, or just now.
        let is_due = state.publishing.is_empty();
        let Some(current) = state
            .current
            .as_ref()
            .filter(|current| is_due && current.number == version.number)
        else {
            return;
        };
        state.sighted = Some(found.clone());
        let is_whole = matches!(&found, Ok(Some((_, digest))) if *digest == current.sha256);
        // The file was renamed in jobs.toml, and by whoever did that where it lies, too.
        let moved = match &found {
            Ok(Some((stamp, _))) if is_whole && current.left_at(&dataset).is_some() => Some(Version {
                file: Some(file.clone()),
                stamp: Some(*stamp),
                ..current.clone()
            }),
            _ => None,
        };
        if let Some(moved) = &moved {
            state.current = Some(moved.clone());
        }
        let before = state.seen_at(Some(&file)).map(|before| before.found.clone());
        let found = found.map(|lying| {
            lying.map(|(stamp, sha256)| Measurement {
                bytes: stamp.bytes,
                sha256,
                ..Measurement::default()
            })
        });
        let is_news = before.as_ref() != Some(&found) && !(is_whole && before.is_none());
        if let Some(moved) = moved {
            self.fact(Fact::Version(Box::new(moved)));
            self.dirty_data.insert(name.clone());
        }
        if is_news {
            self.observed(&name, found, at);
        }
        self.note_placed(&name);
    }

    /// A new version is in place: what others did to the one before is over.
    pub(super) fn forget_sighting(&mut self, name: &Name) {
        let Some(state) = self.data.get_mut(name) else { return };
        state.sighted = None;
        let Some(current) = state.current.as_ref().filter(|current| current.run.is_some()) else {
            return;
        };
        let found = Measurement {
            bytes: current.bytes,
            sha256: current.sha256.clone(),
            ..Measurement::default()
        };
        if state.observation.is_some() {
            self.observed(name, Ok(Some(found)), self.now.wall);
        }
    }

    fn observed(&mut self, name: &Name, found: Result<Option<Measurement>, String>, at: jiff::Timestamp) {
        let file = self
            .settings
            .datasets
            .get(name)
            .and_then(|dataset| dataset.file.clone());
        let Some(state) = self.data.get_mut(name) else {
            return;
        };
        let observation = Observation {
            dataset: name.clone(),
            at,
            found,
            path: file,
            written_at: None,
        };
        state.observation = Some(observation.clone());
        self.fact(Fact::Observation(observation));
        self.dirty_data.insert(name.clone());
    }
}

/// Whether freshd itself puts the file where readers look.
fn is_produced(dataset: &Dataset) -> bool {
    dataset.probe.is_none() && dataset.file.is_some()
}
