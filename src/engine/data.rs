//! Datasets between events: their versions, and the state that follows.

use std::sync::Arc;

use super::Engine;
use super::spec::staged;
use crate::freshness::{self, Standing, View};
use crate::model::{
    Action, AttemptId, Dataset, Fact, Name, Observation, Outcome, Publishing, RunState, Slot, Version, VersionNumber,
    VersionRef, VersionState,
};

/// What is known of a dataset between events.
#[derive(Clone, Debug, Default)]
pub(super) struct DataState {
    /// The version readers see.
    pub(super) current: Option<Version>,
    /// Earlier versions that runs still going on were given.
    pub(super) pinned: Vec<Version>,
    /// The newest refused candidate.
    pub(super) refused: Option<Version>,
    /// Versions that are being put in place.
    pub(super) publishing: Vec<Version>,
    /// The highest number used.
    pub(super) last_number: u64,
    /// Slots that are pending or late, and the newest decided one, in order.
    pub(super) slots: Vec<Slot>,
    /// What the probe last saw.
    pub(super) observation: Option<Observation>,
    /// A probe is looking right now.
    pub(super) is_probing: bool,
}

impl Engine {
    pub(super) fn current_version(&self, dataset: &Name) -> Option<(&Version, VersionRef)> {
        let version = self.data.get(dataset)?.current.as_ref()?;
        Some((
            version,
            VersionRef {
                dataset: dataset.clone(),
                number: version.number,
            },
        ))
    }

    pub(super) fn version(&self, wanted: &VersionRef) -> Option<&Version> {
        let state = self.data.get(&wanted.dataset)?;
        state
            .current
            .iter()
            .chain(&state.pinned)
            .find(|version| version.number == wanted.number)
    }

    pub(super) fn next_version_number(&mut self, dataset: &Name) -> VersionNumber {
        let state = self.data.entry(dataset.clone()).or_default();
        state.last_number += 1;
        VersionNumber(state.last_number)
    }

    pub(super) fn remember(&mut self, version: &Version) {
        let state = self.data.entry(version.dataset.clone()).or_default();
        match version.state {
            VersionState::Quarantined => state.refused = Some(version.clone()),
            VersionState::Publishing => state.publishing.push(version.clone()),
            VersionState::Published => state.current = Some(version.clone()),
        }
        self.dirty_data.insert(version.dataset.clone());
    }

    /// Whether a version is already being put in place.
    pub(super) fn is_publishing(&self, dataset: &Name, number: VersionNumber) -> bool {
        let state = self.data.get(dataset);
        state.is_some_and(|state| state.publishing.iter().any(|version| version.number == number))
    }

    /// Versions that a run was given are kept in mind for as long as it goes on.
    pub(super) fn pin(&mut self, inputs: &[VersionRef]) {
        for input in inputs {
            *self.pins.entry(input.clone()).or_default() += 1;
        }
    }

    /// The run that was given them is over.
    pub(super) fn unpin(&mut self, inputs: &[VersionRef]) {
        for input in inputs {
            if let Some(count) = self.pins.get_mut(input) {
                *count -= 1;
                if *count == 0 {
                    self.pins.remove(input);
                }
            }
        }
    }

    /// An accepted version is in place, or could not be put there.
    pub(super) fn published(&mut self, wanted: &VersionRef, result: Result<(), String>) {
        let Some(state) = self.data.get_mut(&wanted.dataset) else {
            return;
        };
        let Some(index) = state
            .publishing
            .iter()
            .position(|version| version.number == wanted.number)
        else {
            return;
        };
        let mut version = state.publishing.remove(index);
        let run = version.run;
        if let Err(why) = result {
            let reason = format!("its output could not be put in place: {why}");
            version.state = VersionState::Quarantined;
            version.reason = Some(reason.clone());
            self.fact(Fact::Version(version.clone()));
            self.remember(&version);
            self.keep_refused(version.clone());
            if let Some(attempt) = version.attempt {
                self.end_attempt(attempt, Outcome::Failed, Some(&reason));
            }
            if let Some(run) = run {
                self.attempt_failed(run, Outcome::Failed, Some(reason));
            }
            return;
        }
        version.state = VersionState::Published;
        self.fact(Fact::Version(version.clone()));
        let warned = version
            .checks
            .iter()
            .find(|check| check.verdict == crate::model::Verdict::Warn);
        let warned = warned.map(|check| check.message.clone());
        self.arrived(version);
        if let Some(run) = run {
            let reason = self.runs.get(&run).and_then(|run| run.reason.clone()).or(warned);
            self.finish(run, Outcome::Succeeded, reason);
        }
        self.trigger_readers(&wanted.dataset);
    }

    /// Readers see a new version: promised slots are met.
    pub(super) fn arrived(&mut self, version: Version) {
        let dataset = version.dataset.clone();
        let pins = std::mem::take(&mut self.pins);
        let promised = self.settings.datasets.get(&dataset).cloned();
        let state = self.data.entry(dataset.clone()).or_default();
        let mut facts = Vec::new();
        // One delivery counts for one slot: its own, or the oldest that is still open to it.
        if let Some(promised) = promised
            && let Some((place, decided)) = freshness::delivered_for(&promised, &state.slots, &version)
        {
            state.slots[place] = decided.clone();
            facts.push(Fact::Slot(decided));
        }
        if let Some(before) = state.current.replace(version) {
            state.pinned.push(before);
        }
        let is_pinned = |version: &Version| {
            pins.contains_key(&VersionRef {
                dataset: version.dataset.clone(),
                number: version.number,
            })
        };
        state.pinned.retain(is_pinned);
        super::promises::forget_decided(&mut state.slots);
        self.pins = pins;
        self.step.facts.extend(facts);
        self.dirty_data.insert(dataset);
    }

    /// The state of a dataset now.
    pub(super) fn standing(&self, dataset: &Dataset) -> Standing {
        static NOTHING: std::sync::LazyLock<DataState> = std::sync::LazyLock::new(DataState::default);
        let state = self.data.get(&dataset.name).unwrap_or(&NOTHING);
        let producer = self
            .lineage
            .producer_of(dataset.name.as_str())
            .and_then(|job| self.jobs.get(job));
        let newer = |refused: &&Version| {
            state
                .current
                .as_ref()
                .is_none_or(|current| current.number < refused.number)
        };
        let view = View {
            current: state.current.as_ref(),
            refused: state.refused.as_ref().filter(newer),
            slots: &state.slots,
            observation: state.observation.as_ref(),
            zone: &self.settings.timezone,
            paused: producer.is_some_and(|job| job.record.pause.is_some()),
            had_its_chance: state.observation.is_some() || producer.is_some_and(|job| job.last.is_some()),
        };
        freshness::standing(dataset, view, self.now.wall)
    }

    /// Asks again for what a crash may have cut short: verdicts, publications and refusals are idempotent.
    pub(super) fn resume_publications(&mut self) {
        let mut judging: Vec<_> = self
            .runs
            .values()
            .filter(|run| run.state == RunState::Judging)
            .cloned()
            .collect();
        judging.sort_by_key(|run| run.id);
        for run in judging {
            let id = AttemptId {
                run: run.id,
                number: run.attempts,
            };
            let Some(with) = self.started_with(&run) else {
                let reason = "its job was removed from jobs.toml".to_owned();
                self.finish(run.id, Outcome::Cancelled, Some(reason));
                continue;
            };
            let going_on = with.dataset.as_ref().and_then(|dataset| {
                let state = self.data.get(&dataset.name)?;
                state
                    .publishing
                    .iter()
                    .find(|publishing| Some(publishing.number) == run.version)
                    .cloned()
            });
            let staged = with.dataset.as_ref().and_then(|dataset| staged(dataset, id));
            match (going_on, with.dataset, staged) {
                (Some(version), Some(dataset), Some(staged)) => {
                    let publishing = self.publishing(version, dataset, staged);
                    self.act(Action::Publish(Box::new(publishing)));
                }
                (None, Some(_), Some(_)) => self.judge(id),
                _ => self.finish(run.id, Outcome::Succeeded, None),
            }
        }
        let is_newest = |state: &&DataState| {
            let refused = state.refused.as_ref().map(|refused| refused.number);
            refused > state.current.as_ref().map(|current| current.number)
        };
        let refused = self
            .data
            .values()
            .filter(is_newest)
            .filter_map(|state| state.refused.clone());
        let mut refused: Vec<_> = refused.collect();
        refused.sort_by(|a, b| a.dataset.cmp(&b.dataset));
        for version in refused {
            self.keep_refused(version);
        }
    }

    /// Moves a refused candidate to quarantine.
    fn keep_refused(&mut self, version: Version) {
        let Some(id) = version.attempt else { return };
        let with = self
            .runs
            .get(&id.run)
            .and_then(|run| self.started_with(run))
            .and_then(|with| with.dataset);
        let dataset = with.or_else(|| self.settings.datasets.get(&version.dataset).cloned());
        let staged = dataset.as_ref().and_then(|dataset| staged(dataset, id));
        if let Some((dataset, staged)) = dataset.zip(staged) {
            let publishing = self.publishing(version, dataset, staged);
            self.act(Action::Quarantine(Box::new(publishing)));
        }
    }

    pub(super) fn publishing(&self, version: Version, dataset: Arc<Dataset>, staged: std::path::PathBuf) -> Publishing {
        Publishing {
            version,
            dataset,
            staged,
            versions_dir: self.host.state_dir.join("versions"),
            quarantine_dir: self.host.state_dir.join("quarantine"),
        }
    }
}
