//! Datasets between events: versions, promised slots, probes, and the state that follows.

use std::sync::Arc;

use super::{Engine, Wake};
use crate::freshness::{self, Standing, View};
use crate::model::{
    Action, AsOf, Dataset, Fact, Name, Observation, Outcome, Publishing, RunState, Slot, SlotState, Version,
    VersionNumber, VersionRef, VersionState, later,
};

/// Slots laid down in one step after a long downtime; what lies between is not told apart.
const SLOTS_MAX: usize = 1_000;

/// What is known of a dataset between events.
#[derive(Debug, Default)]
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

    /// Whether a version the job's run made is already being put in place.
    pub(super) fn is_publishing(&self, job: &Name, number: VersionNumber) -> bool {
        let dataset = self.settings.jobs.get(job).and_then(|job| job.produces.as_ref());
        dataset
            .and_then(|dataset| self.data.get(dataset))
            .is_some_and(|state| state.publishing.iter().any(|version| version.number == number))
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
            self.fact(Fact::Version(version));
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
    fn arrived(&mut self, version: Version) {
        let dataset = version.dataset.clone();
        let in_use = self.versions_in_use(&dataset);
        let must_change = self
            .settings
            .datasets
            .get(&dataset)
            .is_some_and(|dataset| dataset.must_change);
        let Some(state) = self.data.get_mut(&dataset) else {
            return;
        };
        let mut facts = Vec::new();
        // One delivery counts for one slot: the oldest that is still open to it.
        for slot in &mut state.slots {
            if let Some(decided) = freshness::deliver(slot, &version, must_change) {
                *slot = decided.clone();
                facts.push(Fact::Slot(decided));
                break;
            }
        }
        if let Some(before) = state.current.replace(version) {
            state.pinned.push(before);
        }
        state.pinned.retain(|version| in_use.contains(&version.number));
        forget_decided(&mut state.slots);
        self.step.facts.extend(facts);
        self.dirty_data.insert(dataset);
    }

    fn versions_in_use(&self, dataset: &Name) -> Vec<VersionNumber> {
        let inputs = self.runs.values().flat_map(|run| &run.inputs);
        inputs
            .filter(|input| input.dataset == *dataset)
            .map(|input| input.number)
            .collect()
    }

    /// Time passed a point that matters to a dataset.
    pub(super) fn data_due(&mut self, name: &Name) {
        self.advance_slots(name);
        self.dirty_data.insert(name.clone());
    }

    /// Lays down the slots to come and closes those whose time is over.
    pub(super) fn advance_slots(&mut self, name: &Name) {
        let Some(dataset) = self.settings.datasets.get(name).cloned() else {
            return;
        };
        if dataset.due.is_none() {
            return;
        }
        let now = self.now.wall;
        let state = self.data.entry(name.clone()).or_default();
        let mut changed = Vec::new();
        for _ in 0..SLOTS_MAX {
            let laid = match state.slots.last() {
                None => freshness::first_slot(&dataset, now),
                Some(last) if last.due_at <= now => freshness::next_slot(&dataset, last),
                Some(_) => None,
            };
            let Some(mut slot) = laid else { break };
            let early = dataset.due.as_ref().is_some_and(|due| due.early.is_some());
            let already = state.current.as_ref().filter(|_| early);
            if let Some(met) = already.and_then(|version| freshness::deliver(&slot, version, dataset.must_change)) {
                slot = met;
            }
            changed.push(slot.clone());
            state.slots.push(slot);
        }
        for index in 0..state.slots.len() {
            let next_due_at = state.slots.get(index + 1).map(|next| next.due_at);
            if let Some(closed) = freshness::close(&state.slots[index], next_due_at, now) {
                changed.push(closed.clone());
                state.slots[index] = closed;
            }
        }
        forget_decided(&mut state.slots);
        self.step.facts.extend(changed.into_iter().map(Fact::Slot));
    }

    /// It is time to look at a dataset that no job here produces.
    pub(super) fn probe_due(&mut self, name: &Name) {
        let Some(dataset) = self.settings.datasets.get(name).cloned() else {
            return;
        };
        let Some(probe) = &dataset.probe else { return };
        self.wakes
            .arm(Wake::Probe(name.clone()), later(self.now.wall, probe.every));
        let state = self.data.entry(name.clone()).or_default();
        if !state.is_probing {
            state.is_probing = true;
            self.act(Action::Probe(dataset));
        }
    }

    /// A probe has looked: a change of what it found is a new version.
    pub(super) fn probed(&mut self, observation: Observation) {
        let name = observation.dataset.clone();
        let Some(dataset) = self.settings.datasets.get(&name).cloned() else {
            return;
        };
        let state = self.data.entry(name.clone()).or_default();
        state.is_probing = false;
        if observation.found == Ok(None) && observation.path.is_some() {
            // Something is still being written there: what was seen before stands until it has settled.
            return;
        }
        let is_news = state
            .observation
            .as_ref()
            .is_none_or(|before| before.found != observation.found);
        state.observation = Some(observation.clone());
        if !is_news {
            return;
        }
        self.fact(Fact::Observation(observation.clone()));
        self.dirty_data.insert(name.clone());
        if let Ok(Some(measured)) = observation.found {
            let number = self.next_version_number(&name);
            let as_of = match dataset.as_of {
                AsOf::Start => observation.at,
                _ => measured.as_of.unwrap_or(observation.at),
            };
            let version = Version {
                dataset: name.clone(),
                number,
                state: VersionState::Published,
                arrived_at: observation.at,
                as_of,
                effective_as_of: as_of,
                limited_by: None,
                run: None,
                attempt: None,
                inputs: Vec::new(),
                rows: measured.rows,
                bytes: measured.bytes,
                sha256: measured.sha256,
                unchanged: false,
                checks: Vec::new(),
                reason: None,
            };
            self.fact(Fact::Version(version.clone()));
            self.arrived(version);
            self.trigger_readers(&name);
        }
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

    /// Asks again for what a crash may have cut short: verdicts and publications are idempotent.
    pub(super) fn resume_publications(&mut self) {
        let judging: Vec<_> = self
            .runs
            .values()
            .filter(|run| run.state == RunState::Judging)
            .map(|run| {
                (
                    crate::model::AttemptId {
                        run: run.id,
                        number: run.attempts,
                    },
                    run.job.clone(),
                    run.version,
                )
            })
            .collect();
        for (id, job, version) in judging {
            let Some(job) = self.settings.jobs.get(&job).cloned() else {
                let reason = "its job was removed from jobs.toml".to_owned();
                self.finish(id.run, Outcome::Cancelled, Some(reason));
                continue;
            };
            let dataset = job
                .produces
                .as_ref()
                .and_then(|name| self.settings.datasets.get(name))
                .cloned();
            let going_on = dataset.as_ref().and_then(|dataset| {
                let state = self.data.get(&dataset.name)?;
                state
                    .publishing
                    .iter()
                    .find(|publishing| Some(publishing.number) == version)
                    .cloned()
            });
            match (going_on, dataset, self.staged(&job, id)) {
                (Some(version), Some(dataset), Some(staged)) => {
                    let publishing = self.publishing(version, dataset, staged);
                    self.act(Action::Publish(Box::new(publishing)));
                }
                (None, Some(_), Some(_)) => self.judge(id),
                _ => self.finish(id.run, Outcome::Succeeded, None),
            }
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

/// Keeps the slots that may still change, and the newest decided one for the state.
fn forget_decided(slots: &mut Vec<Slot>) {
    let is_open = |slot: &Slot| matches!(slot.state, SlotState::Pending | SlotState::Late);
    let newest_decided = slots.iter().rposition(|slot| !is_open(slot));
    let mut index = 0;
    slots.retain(|slot| {
        let keep = is_open(slot) || Some(index) == newest_decided;
        index += 1;
        keep
    });
}
