//! Back after freshd's own downtime: what became true meanwhile is told to each address by one message.

use std::time::Duration;

use jiff::Timestamp;

use super::Engine;
use crate::model::{Address, IncidentId, IncidentState, WhyGathered, elapsed, later};

/// A shorter time is no downtime: the last sign of life of a daemon that was killed may be a minute old.
const DOWNTIME_MIN: Duration = Duration::from_mins(2);

/// What keepers, probes and looks have to tell has come so soon after everything was looked at.
const HEARD_WITHIN: Duration = Duration::from_secs(3);

/// freshd runs again after a time in which it did not: the daemon was down, or the machine asleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Back {
    /// Until when it surely ran before.
    from: Timestamp,
    /// Since when it runs again.
    until: Timestamp,
    /// Until when what comes to light is taken for something that was so before.
    listens_until: Timestamp,
    /// Until when what is to be told is gathered: until then, and until what began has waited for its cause to show.
    gathers_until: Timestamp,
}

impl Engine {
    /// This life begins: was there one before, and a time in between?
    pub(super) fn note_downtime(&mut self) {
        let known = self
            .seen_before
            .map(|seen| seen.max(self.newest_record_at.unwrap_or(seen)));
        if let Some(from) = known.filter(|_| self.clock_hold.is_none()) {
            self.note_gap(from);
        }
    }

    /// The engine is woken: so late that the machine was asleep meanwhile? `before` is when it last decided anything.
    pub(super) fn note_sleep(&mut self, before: Timestamp) {
        let is_held = self.clock_hold.is_some() || self.space_hold.is_some() || self.is_behind();
        let due = self.wakes.next(self.now).filter(|_| !is_held);
        if due.is_some_and(|due| elapsed(due, self.now.wall) > self.downtime_min()) {
            self.note_gap(before);
        }
    }

    fn note_gap(&mut self, from: Timestamp) {
        let now = self.now.wall;
        if elapsed(from, now) > self.downtime_min() {
            self.back = Some(Back {
                from,
                until: now,
                listens_until: later(now, HEARD_WITHIN),
                gathers_until: later(now, HEARD_WITHIN),
            });
        }
    }

    fn downtime_min(&self) -> Duration {
        DOWNTIME_MIN.max(self.settings.alerts.group_wait)
    }

    /// For how long messages are gathered at most.
    pub(super) fn gathers_for(&self) -> Duration {
        self.settings.alerts.group_wait.saturating_add(2 * HEARD_WITHIN)
    }

    /// Everything was looked at, which may have taken a while.
    pub(super) fn all_looked_at(&mut self) {
        let now = self.now.wall;
        let is_soon = later(now, self.settings.alerts.group_wait);
        let waiting = self
            .incidents
            .values()
            .filter(|one| one.state == IncidentState::Waiting);
        let waiting = waiting.map(|one| one.notify_at).filter(|at| *at <= is_soon).max();
        if let Some(back) = self.back.as_mut().filter(|back| back.gathers_until >= now) {
            back.listens_until = later(now, HEARD_WITHIN);
            self.gather_until(waiting.unwrap_or(now));
        }
    }

    /// Something began that is told when it has waited for its cause to show.
    pub(super) fn gather_with(&mut self, id: IncidentId) {
        let waiting = self.incidents.get(id).filter(|one| one.state == IncidentState::Waiting);
        let Some(notify_at) = waiting.map(|one| one.notify_at) else {
            return;
        };
        if self.back.is_some_and(|back| self.now.wall <= back.listens_until) {
            self.gather_until(notify_at);
        }
    }

    fn gather_until(&mut self, told_at: Timestamp) {
        let Some(back) = &mut self.back else { return };
        back.gathers_until = back.gathers_until.max(later(told_at, HEARD_WITHIN));
        let until = back.gathers_until;
        for line in self.outbox.by_address.values_mut() {
            line.gathers_until(until);
        }
    }

    /// A message is about to be put in: it waits for the others, if freshd has just come back.
    pub(super) fn gather_when_back(&mut self, address: &Address) {
        let now = self.now.wall;
        let Some(back) = self.back.filter(|back| now < back.gathers_until && back.until <= now) else {
            return;
        };
        if self.gathering(address).is_gathered() {
            let line = self.outbox.by_address.entry(address.clone()).or_default();
            line.came_back(back.gathers_until, back.why());
        }
    }

    /// From when until when freshd did not run, while what it missed is being told.
    pub(super) fn was_down(&self) -> Option<(Timestamp, Timestamp)> {
        let back = self.back.filter(|back| self.now.wall <= back.gathers_until)?;
        Some((back.from, back.until))
    }
}

impl Back {
    fn why(self) -> WhyGathered {
        WhyGathered::Downtime {
            from: self.from,
            until: self.until,
        }
    }
}
