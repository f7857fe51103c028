//! Promised deliveries: laid down ahead of time, met by versions, closed by the clock.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Dataset, Due, Slot, SlotState, Version, earlier, elapsed, later};
use crate::schedule;

/// The smallest step of time that is stored.
const INSTANT: Duration = Duration::from_micros(1);

/// The slot a dataset begins with: the first whose deadline is still ahead.
///
/// A slot that is due but within its grace counts: what arrives now still meets it.
pub fn first_slot(dataset: &Dataset, now: Timestamp) -> Option<Slot> {
    let due = dataset.due.as_ref()?;
    slot_after(dataset, earlier(now, due.grace))
}

/// The slot that a promise begins anew with, behind what was promised before.
pub fn first_slot_behind(dataset: &Dataset, last: &Slot, now: Timestamp) -> Option<Slot> {
    let due = dataset.due.as_ref()?;
    slot_after(dataset, earlier(now, due.grace).max(last.due_at))
}

/// The first slot that is due later than `after`.
pub fn slot_after(dataset: &Dataset, after: Timestamp) -> Option<Slot> {
    let due = dataset.due.as_ref()?;
    let at = schedule::next_open(&due.schedule, after)?.at;
    let before = schedule::previous(&due.schedule, at).map(|occurrence| occurrence.at);
    Some(slot(dataset, due, at, before))
}

/// The newest slot that is due by `now`.
pub fn newest_slot(dataset: &Dataset, now: Timestamp) -> Option<Slot> {
    let due = dataset.due.as_ref()?;
    let newest = schedule::previous(&due.schedule, later(now, INSTANT))?;
    slot_at(dataset, newest.at)
}

/// The slot that follows `slot`.
pub fn next_slot(dataset: &Dataset, slot_before: &Slot) -> Option<Slot> {
    let due = dataset.due.as_ref()?;
    let at = schedule::next_open(&due.schedule, slot_before.due_at)?.at;
    Some(slot(dataset, due, at, Some(slot_before.due_at)))
}

/// How many deliveries are promised from `first` on that are due before an instant, up to `most`; what is excused is not.
pub fn promised_before(dataset: &Dataset, first: &Slot, before: Timestamp, most: u64) -> u64 {
    let mut count = u64::from(first.state != SlotState::Excused);
    let mut coming = next_slot(dataset, first);
    while let Some(slot) = coming.filter(|slot| slot.due_at < before && count < most) {
        count += u64::from(slot.state != SlotState::Excused);
        coming = next_slot(dataset, &slot);
    }
    count
}

/// The slot due at `due_at`, if the dataset still promises one then.
pub fn slot_at(dataset: &Dataset, due_at: Timestamp) -> Option<Slot> {
    slot_after(dataset, earlier(due_at, INSTANT)).filter(|slot| slot.due_at == due_at)
}

/// What a published version does to a slot: met in time, recovered afterwards, noted where it is excused, or nothing.
pub fn deliver(slot: &Slot, version: &Version, must_change: bool) -> Option<Slot> {
    let counts = version.arrived_at >= slot.opens_at
        && slot.covers.is_none_or(|covers| version.effective_as_of >= covers)
        && !(must_change && version.unchanged);
    let state = match slot.state {
        // What arrived in time counts as such, even if freshd hears of it a moment after the deadline.
        SlotState::Pending | SlotState::Late if version.arrived_at <= slot.deadline => SlotState::Met,
        SlotState::Pending | SlotState::Late => SlotState::Recovered,
        // What comes for it all the same is its own, and meets no other one.
        SlotState::Excused if slot.version.is_none() => SlotState::Excused,
        SlotState::Excused | SlotState::Missed | SlotState::Met | SlotState::Recovered | SlotState::Withdrawn => {
            return None;
        }
    };
    counts.then(|| Slot {
        state,
        version: Some(version.number),
        decided_at: Some(version.arrived_at),
        ..slot.clone()
    })
}

/// The one slot that a published version is delivered for, by its place, with what becomes of it.
///
/// A slot that is still pending and near enough has its own delivery: what comes then is not the late one of the slot
/// before, which was never delivered. Otherwise it is the oldest that is open.
pub fn delivered_for(dataset: &Dataset, slots: &[Slot], version: &Version) -> Option<(usize, Slot)> {
    let open = slots.iter().enumerate();
    let open = open.filter_map(|(place, slot)| Some((place, slot, deliver(slot, version, dataset.must_change)?)));
    let open: Vec<_> = open.collect();
    let own = open
        .iter()
        .find(|(_, slot, _)| slot.state == SlotState::Pending && is_near(dataset, slot, version.arrived_at));
    let (place, _, decided) = own.or(open.first())?;
    Some((*place, decided.clone()))
}

/// Whether what arrives now is meant for this slot: within `early`, else nearer to its due time than to the one before.
fn is_near(dataset: &Dataset, slot: &Slot, arrived_at: Timestamp) -> bool {
    let Some(due) = dataset.due.as_ref().filter(|due| due.early.is_none()) else {
        return true;
    };
    let before = schedule::previous(&due.schedule, slot.due_at).map(|occurrence| occurrence.at);
    before.is_none_or(|before| elapsed(arrived_at, slot.due_at) <= elapsed(before, arrived_at))
}

/// What the passing of time does to a slot: late after its deadline, missed once the next one is due.
pub fn close(slot: &Slot, next_due_at: Option<Timestamp>, now: Timestamp) -> Option<Slot> {
    let missed = next_due_at.is_some_and(|next| next <= now);
    let (state, decided_at) = match slot.state {
        SlotState::Pending | SlotState::Late if missed && slot.deadline <= now => {
            (SlotState::Missed, next_due_at.max(Some(slot.deadline)))
        }
        SlotState::Pending if slot.deadline <= now => (SlotState::Late, Some(slot.deadline)),
        SlotState::Pending
        | SlotState::Late
        | SlotState::Missed
        | SlotState::Met
        | SlotState::Recovered
        | SlotState::Excused
        | SlotState::Withdrawn => {
            return None;
        }
    };
    Some(Slot {
        state,
        decided_at,
        ..slot.clone()
    })
}

/// What becomes of a slot that is due by `now` when it turns out that a clock that was ahead has closed it.
pub fn reopen(slot: &Slot, now: Timestamp) -> Option<Slot> {
    let (state, decided_at) = match slot.state {
        SlotState::Late | SlotState::Missed if slot.deadline > now => (SlotState::Pending, None),
        // The next one is not due yet.
        SlotState::Missed if slot.decided_at > Some(now) => (SlotState::Late, Some(slot.deadline)),
        SlotState::Pending
        | SlotState::Late
        | SlotState::Missed
        | SlotState::Met
        | SlotState::Recovered
        | SlotState::Excused
        | SlotState::Withdrawn => return None,
    };
    Some(Slot {
        state,
        decided_at,
        ..slot.clone()
    })
}

fn slot(dataset: &Dataset, due: &Due, at: Timestamp, before: Option<Timestamp>) -> Slot {
    let deadline = later(at, due.grace);
    let opens_at = match due.early {
        Some(early) => earlier(at, early),
        // Since the previous due time; what arrived within that slot's grace met that slot, not this one.
        None => before.map_or(Timestamp::MIN, |before| later(before, due.grace).min(at)),
    };
    let planned = schedule::open_at(dataset.maintenance.iter().map(AsRef::as_ref), at);
    let reason = planned.map(|(maintenance, _)| maintenance.words());
    Slot {
        dataset: dataset.name.clone(),
        due_at: at,
        opens_at,
        warn_at: earlier(deadline, due.warn),
        deadline,
        covers: due.covers.and_then(|covers| at.checked_add(covers).ok()),
        state: if reason.is_some() {
            SlotState::Excused
        } else {
            SlotState::Pending
        },
        version: None,
        decided_at: None,
        reason,
    }
}
