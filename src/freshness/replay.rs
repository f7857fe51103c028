//! What a promise would have said of deliveries that are recorded: for an edit that is not in force yet.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::slots::{close, delivered_for, next_slot, slot_after};
use crate::model::{Dataset, Slot, SlotState, Version};
use crate::schedule;

/// Deliveries that are looked at, at most: a month of one a minute.
const SLOTS_MAX: usize = 45_000;

/// What would have become of a promise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Deliveries of which the deadline was over.
    pub due: usize,
    /// Those that were not there by then.
    pub late: Vec<Broken>,
    /// Times in which the data was older than promised.
    pub stale: Vec<Broken>,
}

/// A time in which a promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Since when.
    pub from: Timestamp,
    /// Until when; `None`: it still is, or the delivery never came.
    pub until: Option<Timestamp>,
}

/// Plays a dataset's promise from `since` to `until` over its accepted versions, in the order in which they arrived. The
/// last one from before `since` is the version that readers saw then.
pub fn replay(dataset: &Dataset, versions: &[Version], since: Timestamp, until: Timestamp) -> Replayed {
    let (due, late) = deliveries(dataset, versions, since, until);
    Replayed {
        due,
        late,
        stale: ages(dataset, versions, since, until),
    }
}

/// How many deliveries were due, and those that were late.
fn deliveries(dataset: &Dataset, versions: &[Version], since: Timestamp, until: Timestamp) -> (usize, Vec<Broken>) {
    let mut laid = Laid::from(dataset, since);
    for version in versions.iter().filter(|version| version.arrived_at <= until) {
        laid.pass(version.arrived_at);
        let open: Vec<Slot> = laid.open.iter().cloned().collect();
        if let Some((place, met)) = delivered_for(dataset, &open, version) {
            laid.open[place] = met;
        }
    }
    laid.pass(until);
    laid.finish(until)
}

/// The slots of a promise as time passes: those that are over, and those that a delivery may still meet.
struct Laid<'d> {
    dataset: &'d Dataset,
    open: VecDeque<Slot>,
    over: Vec<Slot>,
}

impl<'d> Laid<'d> {
    fn from(dataset: &'d Dataset, since: Timestamp) -> Self {
        Self {
            dataset,
            open: slot_after(dataset, since).into_iter().collect(),
            over: Vec::new(),
        }
    }

    /// Lays slots down until one is due behind `now`, and closes those of which the time is over.
    fn pass(&mut self, now: Timestamp) {
        while let Some(last) = self.open.back().filter(|last| last.due_at <= now)
            && self.open.len() + self.over.len() < SLOTS_MAX
        {
            let Some(next) = next_slot(self.dataset, last) else {
                break;
            };
            self.open.push_back(next);
            self.close(now);
        }
        self.close(now);
    }

    fn close(&mut self, now: Timestamp) {
        for place in 0..self.open.len() {
            let next = self.open.get(place + 1).map(|next| next.due_at);
            if let Some(closed) = close(&self.open[place], next, now) {
                self.open[place] = closed;
            }
        }
        // The last one stays: the next is laid down behind it.
        while self.open.len() > 1 && !matches!(self.open[0].state, SlotState::Pending | SlotState::Late) {
            self.over.extend(self.open.pop_front());
        }
    }

    fn finish(mut self, until: Timestamp) -> (usize, Vec<Broken>) {
        self.over.extend(self.open);
        let due = self.over.into_iter().filter(|slot| slot.deadline <= until);
        let due: Vec<Slot> = due.collect();
        let late = due.iter().filter_map(|slot| {
            let until = match slot.state {
                SlotState::Late | SlotState::Missed => None,
                SlotState::Recovered => slot.decided_at,
                SlotState::Pending | SlotState::Met | SlotState::Excused | SlotState::Withdrawn => return None,
            };
            Some(Broken {
                from: slot.deadline,
                until,
            })
        });
        (due.len(), late.collect())
    }
}

/// Times in which readers had something older than promised.
fn ages(dataset: &Dataset, versions: &[Version], since: Timestamp, until: Timestamp) -> Vec<Broken> {
    let Some(max_age) = dataset.max_age else {
        return Vec::new();
    };
    let mut stale: Vec<Broken> = Vec::new();
    for (place, version) in versions.iter().enumerate() {
        let replaced_at = versions.get(place + 1).map(|next| next.arrived_at);
        let end = replaced_at.unwrap_or(until).min(until);
        let older_at = schedule::older_at(dataset.counted_in.as_ref(), version.effective_as_of, max_age);
        let Some(from) = older_at
            .map(|at| at.max(version.arrived_at).max(since))
            .filter(|from| *from < end)
        else {
            continue;
        };
        let until = replaced_at.filter(|at| *at <= until);
        match stale.last_mut() {
            // What replaced it was too old as well.
            Some(last) if last.until == Some(from) => last.until = until,
            _ => stale.push(Broken { from, until }),
        }
    }
    stale
}
