//! Promised slots between events: laid down ahead of time, closed by the clock, kept in step with jobs.toml.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Engine;
use super::stands_for::stands_for_words;
use crate::freshness;
use crate::model::{AgePromise, DUE_COUNTED_MAX, Dataset, Fact, Name, Slot, SlotState, first_missed, format_time};

/// Slots laid down at once after a long downtime; the last of them stands for what lies between it and now.
const SLOTS_MAX: usize = 1_000;

impl Engine {
    /// Time passed a point that matters to a dataset.
    pub(super) fn data_due(&mut self, name: &Name) {
        self.advance_slots(name);
        self.dirty_data.insert(name.clone());
    }

    /// Lays down the slots to come and closes those whose time is over.
    pub(super) fn advance_slots(&mut self, name: &Name) {
        // Whether what was due while freshd was down has come is seen in a moment.
        let over_at = (!self.awaits_look(name)).then_some(self.now.wall);
        self.advance_slots_as_of(name, over_at);
    }

    /// The same, but closes those whose time was over at an instant, if any.
    pub(super) fn advance_slots_as_of(&mut self, name: &Name, over_at: Option<Timestamp>) {
        let Some(dataset) = self.settings.datasets.get(name).cloned() else {
            return;
        };
        // By a clock that is not believed nothing is promised and nothing is over.
        if dataset.due.is_none() || self.clock_hold.is_some() {
            return;
        }
        let now = self.now.wall;
        let state = self.data.entry(name.clone()).or_default();
        let zone = self.settings.timezone.clone();
        let mut changed = BTreeMap::new();
        let early = dataset.due.as_ref().is_some_and(|due| due.early.is_some());
        let mut stands_for_others = None;
        let mut lay = |slots: &mut Vec<Slot>, mut slot: Slot| {
            let used = |version: &&crate::model::Version| slots.iter().all(|slot| slot.version != Some(version.number));
            let arrived = |version: &&crate::model::Version| version.arrived_at <= now;
            let delivered = |version: &&crate::model::Version| !version.is_restored();
            let already = state.current.as_ref().filter(|_| early).filter(arrived).filter(used);
            let already = already.filter(delivered);
            if let Some(met) = already.and_then(|version| freshness::deliver(&slot, version, dataset.must_change)) {
                slot = met;
            }
            changed.insert(slot.due_at, slot.clone());
            slots.push(slot);
        };
        for _ in 0..SLOTS_MAX {
            let laid = match state.slots.last() {
                None => freshness::first_slot(&dataset, now),
                Some(last) if last.due_at > now => None,
                Some(last) if state.has_ended => freshness::first_slot_behind(&dataset, last, now),
                Some(last) => freshness::next_slot(&dataset, last),
            };
            state.has_ended = false;
            let Some(slot) = laid else { break };
            lay(&mut state.slots, slot);
        }
        if state.slots.last().is_some_and(|last| last.due_at <= now) {
            let newest = freshness::newest_slot(&dataset, now);
            if let Some((last, newest)) = state.slots.last_mut().zip(newest.as_ref())
                && freshness::next_slot(&dataset, last).is_some_and(|next| next.due_at < newest.due_at)
            {
                let until = format_time(newest.due_at, &zone);
                let count = freshness::promised_before(&dataset, last, newest.due_at, DUE_COUNTED_MAX);
                last.reason = Some(stands_for_words(count, &until));
                stands_for_others = Some(last.clone());
            }
            for slot in newest.into_iter().chain(freshness::slot_after(&dataset, now)) {
                if !is_laid(&state.slots, &slot) {
                    lay(&mut state.slots, slot);
                }
            }
        }
        changed.extend(stands_for_others.map(|slot| (slot.due_at, slot)));
        if let Some(over_at) = over_at {
            self.close_slots(name, over_at, &mut changed);
        }
        if let Some(state) = self.data.get_mut(name) {
            forget_decided(&mut state.slots);
        }
        self.step.facts.extend(changed.into_values().map(Fact::Slot));
    }

    /// Closes the slots whose time was over at an instant.
    pub(super) fn close_slots(&mut self, name: &Name, at: Timestamp, changed: &mut BTreeMap<Timestamp, Slot>) {
        let Some(state) = self.data.get_mut(name) else { return };
        let mut slots = std::mem::take(&mut state.slots);
        for index in 0..slots.len() {
            let next_due_at = slots.get(index + 1).map(|next| next.due_at);
            if let Some(mut closed) = freshness::close(&slots[index], next_due_at, at) {
                self.note_while_down(&slots[index], &mut closed);
                changed.insert(closed.due_at, closed.clone());
                slots[index] = closed;
            }
        }
        if let Some(state) = self.data.get_mut(name) {
            state.slots = slots;
        }
    }

    /// Notes since when an age is promised, which is counted for what was never seen.
    pub(super) fn date_promise(&mut self, name: &Name) {
        let is_promised = |dataset: &std::sync::Arc<Dataset>| dataset.max_age.is_some();
        let promised = self.settings.datasets.get(name).is_some_and(is_promised);
        // Under a clock that is not believed it begins when that has caught up, or is confirmed.
        let now = self.clock_hold.as_ref().map_or(self.now.wall, |hold| hold.until);
        let state = self.data.entry(name.clone()).or_default();
        let since = promised.then(|| state.promised_since.map_or(now, |since| since.min(now)));
        if state.promised_since != since {
            state.promised_since = since;
            let dataset = name.clone();
            self.fact(Fact::AgePromise(AgePromise { dataset, since }));
        }
    }

    /// Slots that are still open follow the promise as it is written now: what is no longer promised is withdrawn.
    pub(super) fn refit_slots(&mut self, name: &Name) {
        if self.clock_hold.is_some() {
            return;
        }
        let now = self.now.wall;
        let dataset = self.settings.datasets.get(name).cloned();
        let Some(state) = self.data.get_mut(name) else { return };
        let last_before = state.slots.last().map(|last| last.due_at);
        let mut changed = Vec::new();
        state.slots.retain_mut(|slot| {
            let may_follow = matches!(slot.state, SlotState::Pending | SlotState::Excused) && slot.deadline > now;
            if !is_open(slot) && !may_follow && slot.due_at <= now {
                return true;
            }
            let Some(mut promised) = dataset
                .as_ref()
                .and_then(|dataset| freshness::slot_at(dataset, slot.due_at))
            else {
                changed.push(withdrawn(slot, dataset.as_deref(), now));
                return false;
            };
            if slot.state == SlotState::Excused && slot.version.is_some() {
                // What came for it all the same.
                (promised.version, promised.decided_at) = (slot.version, slot.decided_at);
                if promised.state == SlotState::Pending {
                    promised.state = SlotState::Met;
                }
            }
            if may_follow && *slot != promised {
                *slot = promised;
                changed.push(slot.clone());
            }
            true
        });
        if changed.iter().any(|slot| slot.state == SlotState::Withdrawn) {
            // What was missed by another promise is no part of what is missed by this one.
            let newest = state.slots.iter().rfind(|slot| slot.state == SlotState::Missed);
            let newest = newest.map(|newest| newest.due_at);
            state
                .slots
                .retain(|slot| slot.state != SlotState::Missed || Some(slot.due_at) == newest);
        }
        // What was promised at times that are over is not laid down afterwards by a promise that is new.
        if state.slots.last().map(|last| last.due_at) != last_before {
            state.has_ended = true;
        }
        // What is promised more often than before is due before the slot that was laid down last.
        let last = state.slots.last().map(|last| last.due_at);
        let mut coming = dataset.as_ref().and_then(|dataset| freshness::slot_after(dataset, now));
        for _ in 0..SLOTS_MAX {
            let Some(slot) = coming.filter(|slot| last.is_some_and(|last| slot.due_at < last)) else {
                break;
            };
            coming = dataset
                .as_ref()
                .and_then(|dataset| freshness::next_slot(dataset, &slot));
            if !is_laid(&state.slots, &slot) {
                state.slots.push(slot.clone());
                changed.push(slot);
            }
        }
        state.slots.sort_by_key(|slot| slot.due_at);
        self.step.facts.extend(changed.into_iter().map(Fact::Slot));
    }
}

/// Whether the slot of this due time is among those laid down.
fn is_laid(slots: &[Slot], slot: &Slot) -> bool {
    slots.iter().any(|laid| laid.due_at == slot.due_at)
}

/// The end of a slot that nobody waits for any more.
fn withdrawn(slot: &Slot, dataset: Option<&Dataset>, now: Timestamp) -> Slot {
    let reason = match dataset {
        None => "its dataset was removed from jobs.toml",
        Some(dataset) if dataset.due.is_none() => "its dataset no longer promises deliveries",
        Some(_) => "its dataset no longer promises a delivery at this time",
    };
    Slot {
        state: SlotState::Withdrawn,
        version: None,
        decided_at: Some(now),
        reason: Some(reason.to_owned()),
        ..slot.clone()
    }
}

/// Keeps the slots that may still change, the newest decided one for the state, with the first of those that were missed up to
/// it, and the newest that was excused since.
pub(super) fn forget_decided(slots: &mut Vec<Slot>) {
    let is_excused = |slot: &Slot| slot.state == SlotState::Excused;
    let telling = slots.iter().rposition(|slot| !is_open(slot) && !is_excused(slot));
    let excused = slots
        .iter()
        .rposition(is_excused)
        .filter(|place| Some(*place) > telling);
    let missed = telling.filter(|place| slots[*place].state == SlotState::Missed);
    let first = missed.and_then(|place| first_missed(slots[..=place].iter().rev()));
    let first = first.map(|first| first.due_at);
    let mut index = 0;
    slots.retain(|slot| {
        let keep = is_open(slot) || [telling, excused].contains(&Some(index)) || first == Some(slot.due_at);
        index += 1;
        keep
    });
}

fn is_open(slot: &Slot) -> bool {
    matches!(slot.state, SlotState::Pending | SlotState::Late)
}
