//! What is beyond `[history]`, and forgetting it, as the real store does both.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Memory;
use crate::model::{
    ACCEPTANCES_KEPT_MAX, Aged, AgedRun, AttemptId, Forgotten, HistoryLimit, HistoryLimits, INCIDENTS_KEPT_MAX,
    Incident, IncidentId, IncidentState, LIVES_KEPT_MAX, Name, NotificationState, REFUSED_KEPT_MIN, Run, RunId,
    RunState, SearchFrom, Slot, SlotState, Version, VersionRef, VersionState, first_by_halving,
};

/// Runs of one piece that a world forgets: few, so that a round has many commits to die at.
const PIECE_RUNS: usize = 8;

impl Memory {
    /// The next piece of what is beyond `limits`.
    pub(in crate::simulation) fn piece(&self, limits: &HistoryLimits, from: &SearchFrom) -> Aged {
        let mut found = self.aged(limits);
        if let SearchFrom::Runs(Some((job, last))) = from {
            found.runs.retain(|run| (&run.job, run.id) > (job, *last));
        }
        if found.runs.len() <= PIECE_RUNS {
            return found;
        }
        found.runs.truncate(PIECE_RUNS);
        let last = found.runs.last().map(|run| (run.job.clone(), run.id));
        Aged {
            runs: found.runs,
            next: Some(SearchFrom::Runs(last)),
            ..Aged::default()
        }
    }

    /// Everything that is beyond `limits`, in one piece; the real store finds the same in several.
    pub fn aged(&self, limits: &HistoryLimits) -> Aged {
        let before = limits.each.before;
        let newest_life = self.lives.keys().next_back().copied().unwrap_or(0);
        let is_old_life = |(number, seen_at): (u64, Timestamp)| {
            number < newest_life && (seen_at < before || number <= newest_life.saturating_sub(LIVES_KEPT_MAX))
        };
        let lives = self.lives.values().map(|life| (life.number, life.seen_at));
        let steps_kept = usize::try_from(LIVES_KEPT_MAX).unwrap_or(usize::MAX);
        let too_many = self.clock_steps.len().saturating_sub(steps_kept);
        let steps = self.clock_steps.iter().enumerate();
        Aged {
            runs: self.aged_runs(limits),
            versions: self.aged_versions(limits),
            slots: self.aged_slots(limits),
            incidents: self.aged_incidents(limits),
            notifications: {
                let newest = self.notifications.keys().next_back().copied();
                let old = self.notifications.values().filter(|known| {
                    let is_alone = known.incident.is_none() && known.state != NotificationState::Pending;
                    is_alone && known.created_at < before && Some(known.id) != newest
                });
                old.map(|known| known.id).collect()
            },
            lives: lives
                .filter(|life| is_old_life(*life))
                .map(|(number, _)| number)
                .collect(),
            clock_steps: steps
                .filter(|(place, step)| *place < too_many || step.at < before)
                .map(|(_, step)| step.clone())
                .collect(),
            acceptances: self.aged_acceptances(before),
            texts: Vec::new(),
            logs: Vec::new(),
            next: None,
        }
    }

    fn aged_runs(&self, limits: &HistoryLimits) -> Vec<AgedRun> {
        let last: BTreeSet<RunId> = self.runs_at_start().iter().map(|run| run.id).collect();
        let newest = self.runs.keys().next_back().copied();
        let jobs: BTreeSet<Name> = self.runs.values().map(|run| run.job.clone()).collect();
        let mut made_by: BTreeMap<RunId, Vec<VersionRef>> = BTreeMap::new();
        for version in self.versions.values() {
            if let Some(run) = version.run {
                made_by.entry(run).or_default().push(reference(version));
            }
        }
        let mut found = Vec::new();
        for job in jobs {
            let limit = limits.of(&job);
            let last_old = self.runs_before(limit.before);
            let of_job = || self.runs.values().filter(|run| run.job == job);
            let behind = of_job().rev().nth(limit.runs as usize).map_or(RunId(0), |run| run.id);
            for run in of_job() {
                let ended_at = run.ended_at.unwrap_or(run.created_at);
                let too_many = run.id <= behind;
                let too_old = run.id.0 <= last_old && ended_at < limit.before;
                let stays = run.state != RunState::Final || last.contains(&run.id) || Some(run.id) == newest;
                if stays || !(too_many || too_old) {
                    continue;
                }
                let versions = made_by.get(&run.id).cloned().unwrap_or_default();
                if versions.iter().all(|version| self.is_beyond(limits, version)) {
                    found.push(AgedRun {
                        id: run.id,
                        job: job.clone(),
                        attempts: run.attempts,
                        ended_at,
                        versions,
                        limit: if too_many {
                            HistoryLimit::Runs
                        } else {
                            HistoryLimit::Keep
                        },
                    });
                }
            }
        }
        found
    }

    /// Whether a version is needed no more: as the current one, to be restored, or by a run that goes on.
    fn is_beyond(&self, limits: &HistoryLimits, wanted: &VersionRef) -> bool {
        let key = (wanted.dataset.clone(), wanted.number.0);
        let Some(version) = self.versions.get(&key) else {
            return false;
        };
        let kept = match version.state {
            VersionState::Published => limits.published_kept(&wanted.dataset),
            VersionState::Quarantined => REFUSED_KEPT_MIN,
            VersionState::Publishing => return false,
        };
        let newer = self.versions.range(key..).skip(1);
        let newer = newer.take_while(|((dataset, _), _)| *dataset == wanted.dataset);
        let newer = newer.filter(|(_, other)| other.state == version.state);
        let newer = newer.take(kept as usize).count();
        let going = self.runs.values().filter(|run| run.state != RunState::Final);
        newer >= kept as usize && !going.flat_map(|run| &run.inputs).any(|input| input == wanted)
    }

    fn aged_versions(&self, limits: &HistoryLimits) -> Vec<VersionRef> {
        let mut found = Vec::new();
        for (dataset, _) in self.version_numbers() {
            let unmade = || {
                let of_dataset = self.versions.values().filter(|version| version.dataset == dataset);
                of_dataset.filter(|version| version.run.is_none())
            };
            let behind = unmade().rev().nth(limits.each.runs as usize);
            let behind = behind.map_or(0, |version| version.number.0);
            let beyond = |version: &&Version| version.number.0 <= behind || version.arrived_at < limits.each.before;
            let beyond = unmade().filter(beyond).map(reference);
            found.extend(beyond.filter(|version| self.is_beyond(limits, version)));
        }
        found
    }

    fn aged_slots(&self, limits: &HistoryLimits) -> Vec<(Name, Timestamp)> {
        let mut datasets: Vec<&Name> = self.slots.keys().map(|(dataset, _)| dataset).collect();
        datasets.dedup();
        let mut found = Vec::new();
        for dataset in datasets {
            let of_dataset = || self.slots.values().filter(|slot| slot.dataset == *dataset);
            let behind = of_dataset()
                .rev()
                .nth(limits.each.runs as usize)
                .map(|slot| slot.due_at);
            let tells =
                |slot: &&Slot| is_decided(slot) && !matches!(slot.state, SlotState::Excused | SlotState::Withdrawn);
            let Some(told) = of_dataset().rev().filter(tells).nth(1) else {
                continue;
            };
            let is_beyond = |slot: &&Slot| {
                let beyond = behind.is_some_and(|behind| slot.due_at <= behind) || slot.due_at < limits.each.before;
                beyond && is_decided(slot) && slot.due_at < told.due_at
            };
            found.extend(
                of_dataset()
                    .filter(is_beyond)
                    .map(|slot| (dataset.clone(), slot.due_at)),
            );
        }
        found
    }

    fn aged_incidents(&self, limits: &HistoryLimits) -> Vec<IncidentId> {
        let newest = self.incidents.keys().next_back().copied().unwrap_or(IncidentId(0));
        let too_many = newest.0.saturating_sub(INCIDENTS_KEPT_MAX);
        let before = limits.each.before;
        let last_old = first_by_halving(newest.0, |id| {
            let found = self.incidents.range(IncidentId(id)..).next();
            Ok::<_, std::convert::Infallible>(found.map(|(id, incident)| (id.0, incident.since < before)))
        });
        let Ok(last_old) = last_old;
        let unresolved = self.unresolved.values().filter_map(|id| self.incidents.get(id));
        let explained_by = |incident: &Incident| incident.told_with_causes().into_iter().chain(incident.cause);
        let causes: BTreeSet<IncidentId> = unresolved.clone().flat_map(explained_by).collect();
        let going: BTreeSet<IncidentId> = unresolved.map(|incident| incident.id).collect();
        let is_explained = |incident: &Incident| incident.cause.is_some_and(|cause| going.contains(&cause));
        let newest_told = self.notifications.keys().next_back().copied();
        let on_its_way = self.notifications.values().filter(|told| {
            let is_pending = told.state == NotificationState::Pending;
            is_pending || Some(told.id) == newest_told
        });
        let to_be_told: BTreeSet<IncidentId> = on_its_way.filter_map(|told| told.incident).collect();
        let beyond = self.incidents.values().filter(|incident| {
            let id = incident.id;
            let old = id.0 <= last_old && incident.resolved_at.is_some_and(|at| at < before);
            let is_over = incident.state == IncidentState::Resolved && id < newest;
            let is_needed = causes.contains(&id) || is_explained(incident) || to_be_told.contains(&id);
            is_over && (id.0 <= too_many || old) && !is_needed
        });
        beyond.map(|incident| incident.id).collect()
    }

    fn aged_acceptances(&self, before: Timestamp) -> Vec<(String, Timestamp)> {
        let too_many = self.accepted.len().saturating_sub(ACCEPTANCES_KEPT_MAX as usize);
        let going = || self.runs.values().filter(|run| run.state != RunState::Final);
        let earlier = self
            .accepted
            .iter()
            .enumerate()
            .take(self.accepted.len().saturating_sub(1));
        let beyond = earlier.filter(|(place, (digest, at))| {
            (*at < before || *place < too_many) && going().all(|run| run.settings_digest != *digest)
        });
        beyond.map(|(_, acceptance)| acceptance.clone()).collect()
    }

    /// The highest number up to which runs were decided on before an instant, as far as the clock only went forward.
    fn runs_before(&self, before: Timestamp) -> u64 {
        let last = self.runs.keys().next_back().map_or(0, |id| id.0);
        let found = first_by_halving(last, |id| {
            let found = self.runs.range(RunId(id)..).next();
            Ok::<_, std::convert::Infallible>(found.map(|(id, run): (_, &Run)| (id.0, run.created_at < before)))
        });
        let Ok(found) = found;
        found
    }

    /// Forgets rows; what must never go is refused as the statements of the real store refuse it.
    pub(super) fn forget(&mut self, forgotten: &Forgotten) {
        for id in &forgotten.runs {
            let newest = self.runs.keys().next_back().copied();
            let is_over = |run: &Run| run.state == RunState::Final && Some(run.id) != newest;
            if self.runs.get(id).is_some_and(is_over)
                && let Some(run) = self.runs.remove(id)
            {
                let (first, last) = (
                    AttemptId { run: *id, number: 0 },
                    AttemptId {
                        run: *id,
                        number: u32::MAX,
                    },
                );
                self.attempts.extract_if(first..=last, |_, _| true).for_each(drop);
                if let Some(due_at) = run.due_at {
                    self.occurrences.remove(&(run.job, due_at));
                }
            }
        }
        let gone: BTreeSet<RunId> = forgotten.runs.iter().copied().collect();
        let is_gone = |run: RunId| gone.contains(&run) && !self.runs.contains_key(&run);
        self.versions
            .retain(|_, version| version.state == VersionState::Publishing || !version.run.is_some_and(is_gone));
        for gone in &forgotten.versions {
            let key = (gone.dataset.clone(), gone.number.0);
            let newest = self.version_numbers().into_iter().find(|known| known.0 == gone.dataset);
            let is_unmade = |version: &Version| version.run.is_none() && version.state != VersionState::Publishing;
            if newest.is_some_and(|newest| gone.number.0 < newest.1) && self.versions.get(&key).is_some_and(is_unmade) {
                self.versions.remove(&key);
            }
        }
        for key in &forgotten.slots {
            if self.slots.get(key).is_some_and(is_decided) {
                self.slots.remove(key);
            }
        }
        for id in &forgotten.incidents {
            let newest = self.incidents.keys().next_back().copied();
            let newest_told = self.notifications.keys().next_back().copied();
            let mut told = self.notifications.values().filter(|told| told.incident == Some(*id));
            let stays = told.any(|told| told.state == NotificationState::Pending || Some(told.id) == newest_told);
            let incident = self.incidents.get(id);
            let is_over = incident.is_some_and(|incident| incident.state == IncidentState::Resolved);
            if is_over && !stays && Some(*id) != newest {
                self.incidents.remove(id);
                self.notifications.retain(|_, told| told.incident != Some(*id));
            }
        }
        for id in &forgotten.notifications {
            let newest = self.notifications.keys().next_back().copied();
            let known = self.notifications.get(id);
            let is_over =
                known.is_some_and(|known| known.incident.is_none() && known.state != NotificationState::Pending);
            if is_over && Some(*id) != newest {
                self.notifications.remove(id);
            }
        }
        for number in &forgotten.lives {
            if self.lives.keys().next_back() != Some(number) {
                self.lives.remove(number);
            }
        }
        self.clock_steps.retain(|step| !forgotten.clock_steps.contains(step));
        let newest = self.accepted.last().cloned();
        self.accepted
            .retain(|acceptance| Some(acceptance) == newest.as_ref() || !forgotten.acceptances.contains(acceptance));
    }
}

fn is_decided(slot: &Slot) -> bool {
    !matches!(slot.state, SlotState::Pending | SlotState::Late)
}

fn reference(version: &Version) -> VersionRef {
    VersionRef {
        dataset: version.dataset.clone(),
        number: version.number,
    }
}
