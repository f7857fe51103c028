//! Which rows a start begins from, chosen as the real store chooses them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Memory;
use crate::model::{
    About, COMPARED_MAX, FLAPPING_WITHIN, Incident, IncidentId, IncidentState, Name, NotificationState,
    OPENINGS_LOOKED_AT, Opened, Outcome, Past, Run, RunId, RunState, Slot, SlotState, Told, Version, VersionState,
    earlier, first_missed,
};

impl Memory {
    /// Runs that are not final, and each job's last that tells how the job is.
    pub(super) fn runs_at_start(&self) -> Vec<Run> {
        let mut last: BTreeMap<&Name, RunId> = BTreeMap::new();
        for run in self.runs.values() {
            let tells = run
                .outcome
                .is_some_and(|outcome| !matches!(outcome, Outcome::Missed | Outcome::Skipped | Outcome::Cancelled));
            if tells {
                last.insert(&run.job, run.id);
            }
        }
        let wanted = |run: &&Run| run.state != RunState::Final || last.get(&run.job) == Some(&run.id);
        self.runs.values().filter(wanted).cloned().collect()
    }

    /// Datasets whose problem is over and whose cause is not, by that.
    pub(super) fn mended(&self) -> Vec<(IncidentId, Name)> {
        let going: BTreeSet<IncidentId> = self.unresolved.values().copied().collect();
        let over = self.incidents.values().filter(|incident| {
            let is_over = incident.state == IncidentState::Resolved && incident.about == About::Dataset;
            is_over && incident.cause.is_some_and(|cause| going.contains(&cause))
        });
        let mended = over.filter_map(|incident| Some((incident.cause?, incident.subject.clone())));
        mended.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Incidents that were told within the last hour and are over.
    pub(super) fn openings(&self) -> Vec<Opened> {
        let Some(since) = self.newest_record_at.map(|at| earlier(at, FLAPPING_WITHIN)) else {
            return Vec::new();
        };
        let last = self.incidents.values().rev().take(OPENINGS_LOOKED_AT);
        let over = last.filter(|incident| incident.state == IncidentState::Resolved);
        let mut openings: Vec<(IncidentId, Opened)> = over
            .filter_map(|incident| Some((incident.id, Opened::of(incident)?)))
            .filter(|(_, opened)| opened.at > since)
            .collect();
        openings.sort_by_key(|(id, opened)| (opened.at, *id));
        openings.into_iter().map(|(_, opened)| opened).collect()
    }

    /// What became of the messages about incidents that are not over, with which such a one was told, or of which something is
    /// on its way.
    pub(super) fn told(&self) -> Vec<Told> {
        let all = self.notifications.values();
        let pending = all.clone().filter(|one| one.state == NotificationState::Pending);
        let known: BTreeSet<IncidentId> = pending
            .filter_map(|one| one.incident)
            .chain(self.unresolved.values().copied())
            .chain(self.unresolved_incidents().iter().flat_map(Incident::told_with_causes))
            .collect();
        let told = all.filter_map(Told::of);
        let mut told: Vec<Told> = told.filter(|told| known.contains(&told.incident)).collect();
        told.sort_by_key(|told| told.at);
        told
    }

    pub(super) fn version_numbers(&self) -> Vec<(Name, u64)> {
        let mut highest: BTreeMap<Name, u64> = BTreeMap::new();
        for (dataset, number) in self.versions.keys() {
            highest.insert(dataset.clone(), *number);
        }
        highest.into_iter().collect()
    }

    /// Everything being published, the last two published and the newest refused of each dataset; then whatever else
    /// unfinished runs were given.
    pub(super) fn versions_at_start(&self, runs: &[Run]) -> Vec<Version> {
        let mut found: Vec<Version> = Vec::new();
        for (dataset, highest) in self.version_numbers() {
            let (first, last) = ((dataset.clone(), 0), (dataset, highest));
            let newest = |state: VersionState, count: usize| {
                let of_state = self.versions.range(first.clone()..=last.clone()).rev();
                of_state.filter(move |(_, version)| version.state == state).take(count)
            };
            let publishing = newest(VersionState::Publishing, usize::MAX);
            let published = newest(VersionState::Published, 2);
            let refused = newest(VersionState::Quarantined, 1);
            let mut of_dataset: Vec<_> = publishing.chain(published).chain(refused).collect();
            of_dataset.sort_by_key(|(key, _)| key.1);
            found.extend(of_dataset.into_iter().map(|(_, version)| version.clone()));
        }
        let unfinished = runs.iter().filter(|run| run.state != RunState::Final);
        for input in unfinished.flat_map(|run| &run.inputs) {
            let known = |version: &Version| version.dataset == input.dataset && version.number == input.number;
            if !found.iter().any(known) {
                found.extend(self.versions.get(&(input.dataset.clone(), input.number.0)).cloned());
            }
        }
        found
    }

    /// Of each dataset and weekday the last accepted versions that teach anything.
    pub(super) fn past_at_start(&self) -> Vec<Past> {
        let mut counts: BTreeMap<(&Name, i8), usize> = BTreeMap::new();
        let mut found: Vec<Past> = Vec::new();
        for (_, version) in self.versions.iter().rev() {
            let Some(past) = version.past() else { continue };
            let count = counts.entry((&version.dataset, past.lesson.weekday)).or_default();
            *count += 1;
            if *count <= COMPARED_MAX {
                found.push(past);
            }
        }
        found.reverse();
        found
    }

    /// Slots that are undecided, and each dataset's newest decided one that tells of it, and the newest excused one behind
    /// that; each of the two with the one behind it, if that was withdrawn. If the first of them was missed, with the first
    /// that was missed up to it.
    pub(super) fn slots_at_start(&self) -> Vec<Slot> {
        let is_open = |slot: &Slot| matches!(slot.state, SlotState::Pending | SlotState::Late);
        let is_excused = |slot: &Slot| slot.state == SlotState::Excused;
        let tells = |slot: &Slot| !is_open(slot) && !is_excused(slot) && slot.state != SlotState::Withdrawn;
        let mut newest: Vec<(&Name, Timestamp)> = Vec::new();
        let mut first: Vec<Slot> = Vec::new();
        let mut of_dataset: BTreeMap<&Name, Vec<&Slot>> = BTreeMap::new();
        for slot in self.slots.values() {
            of_dataset.entry(&slot.dataset).or_default().push(slot);
        }
        for (dataset, slots) in of_dataset {
            let telling = slots.iter().rposition(|slot| tells(slot));
            let excused = slots
                .iter()
                .rposition(|slot| is_excused(slot))
                .filter(|place| Some(*place) > telling);
            let missed = telling.filter(|place| slots[*place].state == SlotState::Missed);
            let before = missed.and_then(|place| first_missed(slots[..place].iter().rev().copied()));
            first.extend(before.cloned());
            let places = [telling, excused].into_iter().flatten();
            newest.extend(places.map(|place| (dataset, slots[place].due_at)));
        }
        let mut found: Vec<Slot> = self.slots.values().filter(|slot| is_open(slot)).cloned().collect();
        found.append(&mut first);
        for (dataset, due_at) in newest {
            let from = self.slots.range((dataset.clone(), due_at)..);
            let of_dataset = from.take_while(|((name, _), _)| name == dataset).map(|(_, slot)| slot);
            let is_wanted = |slot: &&Slot| slot.due_at == due_at || slot.state == SlotState::Withdrawn;
            found.extend(of_dataset.take(2).filter(is_wanted).cloned());
        }
        found.sort_by(|a, b| (&a.dataset, a.due_at).cmp(&(&b.dataset, b.due_at)));
        found
    }
}
