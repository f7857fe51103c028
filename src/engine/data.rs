//! Datasets between events: their versions, and the state that follows.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Engine;
use crate::freshness::{self, Resting, Standing, View};
use crate::model::{
    AttemptId, Dataset, Expectation, Expected, Fact, Judgement, Lesson, Lying, Name, Observation, Past, Provenance,
    Run, Slot, Version, VersionNumber, VersionRef, VersionState, kept_name,
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
    /// Accepted versions that teach anything, by number; of each weekday the last few.
    pub(super) past: Vec<Arc<Past>>,
    /// The jump that a person expects, or last expected.
    pub(super) expectation: Option<Expectation>,
    /// The highest number used.
    pub(super) last_number: u64,
    /// Slots that are pending or late, the newest decided one, and the first of those that were missed up to that, in order.
    pub(super) slots: Vec<Slot>,
    /// What was promised behind the last of them was withdrawn: a promise begins anew.
    pub(super) has_ended: bool,
    /// The last word on success or failure that a script had for it in this life of the daemon.
    pub(super) pinged: Option<crate::model::Ping>,
    /// Since when its age is promised.
    pub(super) promised_since: Option<Timestamp>,
    /// What the probe last saw.
    pub(super) observation: Option<Observation>,
    /// What the last look at its published file found, in this life of the daemon.
    pub(super) sighted: Option<Result<Option<Lying>, String>>,
    /// When a look last came back, in this life of the daemon.
    pub(super) looked_at: Option<Timestamp>,
    /// When one last told what lies there, in this life of the daemon.
    pub(super) told_at: Option<Timestamp>,
    /// A probe is looking right now.
    pub(super) is_probing: bool,
}

impl DataState {
    /// What was last seen at this place.
    pub(super) fn seen_at(&self, file: Option<&Path>) -> Option<&Observation> {
        let seen = self.observation.as_ref();
        seen.filter(|seen| seen.path.as_deref() == file)
    }

    /// The newest refused candidate, unless a newer version has overtaken it: then nobody may release it any more.
    pub(super) fn held_back(&self) -> Option<&Version> {
        let current = self.current.as_ref().map(|current| current.number);
        self.refused.as_ref().filter(|refused| Some(refused.number) > current)
    }
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
            // An earlier version that could not be restored is no candidate: nothing of it is held back.
            VersionState::Quarantined if version.is_restored() => {}
            VersionState::Quarantined => {
                self.refused.extend(version.attempt);
                state.refused = Some(version.clone());
            }
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

    /// Readers see a new version: promised slots are met.
    pub(super) fn arrived(&mut self, version: Version) {
        let dataset = version.dataset.clone();
        self.learn(&version);
        self.use_up_expectation(&version);
        if self.is_behind() {
            // It is meant for a slot that may not have been laid down yet.
            self.refit_slots(&dataset);
            self.advance_slots_as_of(&dataset, Some(version.arrived_at));
        }
        let pins = std::mem::take(&mut self.pins);
        let promised = self.settings.datasets.get(&dataset).cloned();
        let slots = self.data.get(&dataset).map_or(&[][..], |state| &state.slots);
        // One delivery counts for one slot: its own, or the oldest that is still open to it.
        if let Some(promised) = promised.filter(|_| !version.is_restored())
            && let Some((place, mut decided)) = freshness::delivered_for(&promised, slots, &version)
        {
            let before = slots[place].clone();
            self.note_while_down(&before, &mut decided);
            self.fact(Fact::Slot(decided.clone()));
            if let Some(state) = self.data.get_mut(&dataset) {
                state.slots[place] = decided;
            }
        }
        let state = self.data.entry(dataset.clone()).or_default();
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
        self.forget_sighting(&dataset);
        self.dirty_data.insert(dataset);
    }

    /// The state of a dataset now.
    pub(super) fn standing(&self, dataset: &Dataset) -> Standing {
        self.standing_in(dataset, &self.settings.timezone)
    }

    /// The same, with its reason for those who are told times in a zone.
    pub(super) fn standing_in(&self, dataset: &Dataset, zone: &TimeZone) -> Standing {
        self.standing_told(dataset, zone, true)
    }

    /// The reason of its state in words that are kept, and read when the data is older.
    pub(super) fn lasting_reason(&self, dataset: &Dataset) -> String {
        self.standing_told(dataset, &self.settings.timezone, false).reason
    }

    fn standing_told(&self, dataset: &Dataset, zone: &TimeZone, tells_age: bool) -> Standing {
        static NOTHING: std::sync::LazyLock<DataState> = std::sync::LazyLock::new(DataState::default);
        if !dataset.parts.is_empty() {
            let parts = dataset.part_names().filter_map(|(short, name)| {
                let part = self.settings.datasets.get(&name)?;
                Some((short.clone(), self.standing_told(part, zone, tells_age)))
            });
            return freshness::of_parts(&parts.collect::<Vec<_>>());
        }
        let state = self.data.get(&dataset.name).unwrap_or(&NOTHING);
        let made_by = self.lineage.producer_of(dataset.name.as_str());
        let producer = made_by.and_then(|job| self.jobs.get(job));
        let view = View {
            current: state.current.as_ref(),
            refused: state.held_back(),
            slots: &state.slots,
            observation: state.observation.as_ref(),
            producer: made_by,
            zone,
            tells_age,
            promised_since: state.promised_since,
            resting: made_by.and_then(|job| self.set_aside(job)),
            had_its_chance: state.observation.is_some() || producer.is_some_and(|job| job.last.is_some()),
        };
        let mut standing = freshness::standing(dataset, view, self.now.wall);
        if let Some(down) = self.broken_while_down(dataset, &standing) {
            standing.reason.push_str(&down.reason(zone));
        }
        standing
    }

    /// How people have set a job aside, if they have.
    pub(super) fn set_aside(&self, job: &Name) -> Option<Resting<'_>> {
        let pause = self.jobs.get(job).and_then(|state| state.record.pause.as_deref());
        let is_enabled = self.settings.jobs.get(job).is_none_or(|job| job.enabled);
        Resting::of(is_enabled, pause)
    }

    /// What an attempt made, as it will be published or kept aside.
    pub(super) fn new_version(
        &mut self,
        dataset: &Name,
        id: AttemptId,
        inputs: &[VersionRef],
        (judgement, expected): (Judgement, Option<Expected>),
        held: bool,
    ) -> Version {
        let started_at = self
            .attempts
            .get(&id)
            .and_then(|attempt| attempt.started_at)
            .unwrap_or(self.now.wall);
        let reported = self
            .attempts
            .get(&id)
            .is_some_and(|attempt| attempt.report.iter().any(|(key, _)| key == "as_of"));
        let run = self.runs.get(&id.run);
        let with = run.and_then(|run| self.started_with(run));
        let weekday = run.map_or(1, |run| self.weekday_of(run, with.as_ref()));
        let file = with
            .and_then(|with| with.dataset)
            .and_then(|dataset| dataset.file.clone());
        let before = self.current_version(dataset).map(|(version, _)| version.clone());
        let measured = judgement.measurement.clone();
        let unchanged = before
            .as_ref()
            .is_some_and(|before| before.sha256 == measured.sha256 && !before.sha256.is_empty());
        let mut as_of = measured.as_of.unwrap_or(started_at);
        if let Some(before) = before.filter(|_| unchanged && !reported) {
            // The same content again is not newer, however late it is written; only the job itself may say it is.
            as_of = as_of.min(before.as_of);
        }
        let mut effective = (as_of, None);
        for input in inputs {
            let Some(made_from) = self.version(input) else { continue };
            if made_from.effective_as_of < effective.0 {
                let limited_by = made_from.limited_by.clone().unwrap_or_else(|| input.clone());
                effective = (made_from.effective_as_of, Some(limited_by));
            }
        }
        let reason = held.then(|| judgement.refusal());
        let number = self.next_version_number(dataset);
        let run = self.runs.get(&id.run);
        Version {
            dataset: dataset.clone(),
            number,
            state: if held {
                VersionState::Quarantined
            } else {
                VersionState::Publishing
            },
            arrived_at: self.now.wall,
            as_of,
            effective_as_of: effective.0,
            limited_by: effective.1,
            run: Some(id.run),
            attempt: Some(id),
            inputs: inputs.to_vec(),
            rows: measured.rows,
            bytes: measured.bytes,
            sha256: measured.sha256,
            unchanged,
            reason,
            lesson: judgement.profile.map(|profile| Lesson {
                weekday,
                profile: Arc::new(profile),
            }),
            checks: judgement.checks,
            stamp: None,
            kept_as: file.as_deref().map(kept_name),
            file,
            provenance: Provenance {
                trace: run.map(Run::trace_id),
                settings: run.map(|run| run.settings_digest.clone()),
                script: judgement.script,
                by_hand: None,
                expected,
            },
        }
    }
}
