//! What probes see: a change of it is a new version; the same again is not newer.

use std::time::Duration;

use jiff::Timestamp;

use super::{Engine, Wake};
use crate::model::{AsOf, Fact, Measurement, Name, Observation, Version, later};

impl Engine {
    /// It is time to look at a dataset that no job here produces.
    pub(super) fn probe_due(&mut self, name: &Name) {
        let Some(dataset) = self.settings.datasets.get(name).cloned() else {
            return;
        };
        // Of pings there is nothing to look at.
        let Some(probe) = dataset.probe.as_ref().filter(|_| !dataset.is_told_of()) else {
            return;
        };
        self.wakes
            .arm(Wake::Probe(name.clone()), next_look(self.now.wall, probe.every));
        let state = self.data.entry(name.clone()).or_default();
        if !state.is_probing {
            state.is_probing = true;
            self.act(crate::model::Action::Probe(dataset));
        }
    }

    /// A probe has looked.
    pub(super) fn probed(&mut self, observation: Observation) {
        let name = observation.dataset.clone();
        let is_first = self.is_unseen_since_back(&name);
        let tells = match &observation.found {
            Ok(Some(_)) => true,
            // Something is still being written there.
            Ok(None) => observation.path.is_none(),
            Err(_) => false,
        };
        if let Some(state) = self.data.get_mut(&name) {
            state.is_probing = false;
            state.looked_at = Some(self.now.wall);
        }
        self.seen(observation, is_first);
        if let Some(state) = self.data.get_mut(&name).filter(|_| tells) {
            state.told_at = Some(self.now.wall);
        }
        if is_first && tells {
            // What has not come by now has not come in time.
            self.advance_slots(&name);
            self.dirty_data.insert(name);
        }
    }

    /// Takes up what a probe saw; `is_first` says whether no look has told anything since a downtime.
    fn seen(&mut self, mut observation: Observation, is_first: bool) {
        observation.at = self.as_past(observation.at);
        let written_at = observation.written_at.take();
        let name = observation.dataset.clone();
        let Some(dataset) = self
            .settings
            .datasets
            .get(&name)
            .filter(|dataset| dataset.probe.is_some() && !dataset.is_told_of())
            .cloned()
        else {
            return;
        };
        let state = self.data.entry(name.clone()).or_default();
        if observation.found == Ok(None) && observation.path.is_some() {
            // Something is still being written there: what was seen before stands until it has settled.
            return;
        }
        if let Ok(Some(measured)) = &observation.found
            && let Some(what) = emptiness(measured).filter(|_| !dataset.may_be_empty)
        {
            // What readers had is gone, and this is no delivery in its place.
            observation.found = Err(format!(
                "the file has {what}; if that can be right, set may_be_empty = true for the dataset"
            ));
        }
        if let Ok(Some(measured)) = &observation.found
            && dataset.requires_as_of
            && (measured.as_of.is_none() || matches!(dataset.as_of, AsOf::Start))
        {
            let why = "nothing in it says as of when it is, which requires_as_of asks for";
            observation.found = Err(why.to_owned());
        }
        let before = state.observation.as_ref().map(|before| before.found.clone());
        if before.as_ref() == Some(&observation.found) {
            return;
        }
        let current = state.current.clone();
        state.observation = Some(observation.clone());
        self.fact(Fact::Observation(observation.clone()));
        self.dirty_data.insert(name.clone());
        let Ok(Some(measured)) = observation.found else { return };
        let own_as_of = match dataset.as_of {
            AsOf::Start => None,
            _ => measured.as_of,
        };
        let same = current.filter(|current| is_same(current, &measured));
        if let Some(current) = &same
            && matches!(before, Some(Err(_)))
            && own_as_of.is_none_or(|as_of| as_of == current.as_of)
        {
            // It was there all the time; only the view of it was lost.
            return;
        }
        let came_at = written_at
            .filter(|_| is_first)
            .and_then(|at| self.written_while_down(at));
        let came_at = came_at.unwrap_or(observation.at);
        let as_of = own_as_of.unwrap_or(came_at);
        // The same content again is not newer, however late it is written or touched.
        let as_of = same.as_ref().map_or(as_of, |current| as_of.min(current.as_of));
        let version = Version {
            as_of,
            effective_as_of: as_of,
            rows: measured.rows,
            bytes: measured.bytes,
            sha256: measured.sha256,
            unchanged: same.is_some(),
            ..self.watched_version(&name, came_at)
        };
        if is_first {
            self.slots_as_of(&name, came_at);
        }
        self.watched_arrived(version);
    }

    /// The next version of a dataset that no job here produces, as of when it arrived.
    pub(super) fn watched_version(&mut self, name: &Name, at: Timestamp) -> Version {
        Version::arrived(name.clone(), self.next_version_number(name), at)
    }

    /// Readers see a version that no job here has made.
    pub(super) fn watched_arrived(&mut self, version: Version) {
        let name = version.dataset.clone();
        self.fact(Fact::Version(Box::new(version.clone())));
        self.arrived(version);
        self.trigger_readers(&name);
    }
}

/// What a file lacks that has nothing in it.
fn emptiness(measured: &Measurement) -> Option<&'static str> {
    match (measured.bytes, measured.rows) {
        (0, _) => Some("0 bytes"),
        (_, Some(0)) => Some("0 rows"),
        _ => None,
    }
}

/// When to look next: at whole multiples of `every`, so that a restart, which looks at once, puts off no later look.
fn next_look(now: Timestamp, every: Duration) -> Timestamp {
    let every_ms = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    let into_ms = now.as_millisecond().rem_euclid(every_ms);
    later(now, Duration::from_millis((every_ms - into_ms).unsigned_abs()))
}

/// Whether what a probe measured is the content of a version; without digests, whatever else is known of it.
fn is_same(version: &Version, measured: &Measurement) -> bool {
    if version.sha256.is_empty() || measured.sha256.is_empty() {
        return version.bytes == measured.bytes
            && version.rows == measured.rows
            && measured.as_of.is_none_or(|as_of| as_of == version.as_of);
    }
    version.sha256 == measured.sha256
}
