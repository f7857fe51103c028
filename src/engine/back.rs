//! Back after freshd's own downtime: what became true meanwhile is told to each address by one message.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::Engine;
use super::backlog::Todo;
use crate::alerting::DataSide;
use crate::alerting::retry::STAND_IN_AFTER;
use crate::model::{
    About, Address, Comeback, DownDeliveries, Fact, Incident, IncidentId, IncidentState, Notification,
    NotificationState, earlier, elapsed, later,
};

/// A shorter time is no downtime: the last sign of life of a daemon that was killed may be a minute old.
const DOWNTIME_MIN: Duration = Duration::from_mins(2);

/// What keepers, probes and looks have to tell has come so soon after everything was looked at.
const HEARD_WITHIN: Duration = Duration::from_secs(3);

/// What was due to be told while freshd did not run is decided so long before: by then most of that has come.
const TOLD_BEFORE: Duration = Duration::from_secs(1);

/// Whoever takes long to decide what has come due, be it at a start or after the machine's sleep, gathers what is found
/// meanwhile, for so long at most: then what is known is told while the rest is decided.
const LOOKS_WITHIN: Duration = Duration::from_mins(1);

/// Who comes back again and again goes on gathering for so long, or for as long as what was found waits for its cause: then
/// what waits is told, whatever is still to come.
pub(super) const GATHERED_AGAIN_WITHIN: Duration = Duration::from_mins(5);

impl Engine {
    /// This life begins: was there one before, and a time in between? One that was cut short while it gathered has told
    /// nobody: that is left to this one.
    pub(super) fn note_downtime(&mut self) {
        let known = self
            .seen_before
            .map(|seen| seen.max(self.newest_record_at.unwrap_or(seen)));
        let Some(from) = known.filter(|_| self.clock_hold.is_none()) else {
            return;
        };
        if !self.note_gap(from) {
            self.gather_again(from);
        }
        self.gather_what_waits();
    }

    /// The engine is woken: so late that the machine was asleep meanwhile? `before` is when it last decided anything.
    pub(super) fn note_sleep(&mut self, before: Timestamp) {
        let is_held = self.clock_hold.is_some() || self.space_hold.is_some() || self.is_behind();
        let due = self.wakes.next(self.now).filter(|_| !is_held);
        if due.is_some_and(|due| elapsed(due, self.now.wall) > self.downtime_min()) && self.note_gap(before) {
            self.gather_what_waits();
            self.look_at_flapping();
            self.fact(Fact::Life(self.life.clone()));
        }
    }

    /// Says whether that is a downtime. Whoever was down before, and has told nobody of it yet, was down since then.
    fn note_gap(&mut self, from: Timestamp) -> bool {
        let now = self.now.wall;
        if elapsed(from, now) <= self.downtime_min() {
            return false;
        }
        let untold = self.life.back.filter(|back| is_cut_short(back, from));
        self.listens_until = Some(later(now, HEARD_WITHIN));
        self.life.back = Some(Comeback {
            from: untold.map_or(from, |untold| untold.from),
            until: now,
            gathers_until: later(now, HEARD_WITHIN),
            deliveries: untold.map_or_else(DownDeliveries::default, |untold| untold.deliveries),
        });
        true
    }

    /// The life before was cut short at `from`, and this one follows at once: it goes on where that was.
    fn gather_again(&mut self, from: Timestamp) {
        let now = self.now.wall;
        let longest = GATHERED_AGAIN_WITHIN.max(self.gathers_for());
        if let Some(back) = self.life.back.as_mut().filter(|back| is_cut_short(back, from))
            && now < later(back.until, longest)
        {
            self.listens_until = Some(later(now, HEARD_WITHIN));
            back.gathers_until = back.gathers_until.max(later(now, HEARD_WITHIN));
        }
    }

    /// What the life before put in for a digest that it did not come to write is told by one all the same.
    fn gather_what_waits(&mut self) {
        let Some(back) = self.life.back else { return };
        let is_of_it = |one: &&Notification| {
            let until = match one.message.stands_in_for {
                Some(_) => stood_in_until(&back),
                None => back.gathers_until,
            };
            one.incident.is_some() && one.tries == 0 && one.created_at > back.from && one.created_at <= until
        };
        let waiting: BTreeSet<Address> = self
            .outbox
            .values()
            .filter(is_of_it)
            .map(|one| one.address.clone())
            .collect();
        // And what an address did not take before goes with that.
        let lines = self.outbox.by_address.iter();
        let failing = lines.filter(|(_, line)| line.outage.is_some() && line.unsent().next().is_some());
        let failing = failing
            .map(|(address, _)| address.clone())
            .filter(|_| self.now.wall < back.gathers_until);
        for address in waiting.into_iter().chain(failing.collect::<Vec<_>>()) {
            self.gather_for(&address, back);
        }
    }

    pub(super) fn downtime_min(&self) -> Duration {
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
        if self.is_gathering() {
            self.listens_until = Some(later(now, HEARD_WITHIN));
            self.gather_until(waiting.unwrap_or(now));
        }
    }

    /// What has come due is still being decided, over many steps: what is found goes into the digest all the same.
    pub(super) fn gather_while_looking(&mut self) {
        let now = self.now.wall;
        let Some(back) = self.life.back.filter(|_| self.listens_until.is_some()) else {
            return;
        };
        if now >= later(self.life.started_at.max(back.until), LOOKS_WITHIN) {
            return;
        }
        if self.backlog.iter().rev().any(|todo| *todo == Todo::Incidents) {
            self.gather_until(now);
        } else if self.was_asleep_until(&back) && self.is_left_since(&back) {
            // No end of looking says how long what is found waits for its cause: that is heard as it begins.
            self.listens_until = Some(later(now, HEARD_WITHIN));
            self.gather_until(now);
        }
    }

    /// Whether this life was asleep until then, rather than beginning then.
    fn was_asleep_until(&self, back: &Comeback) -> bool {
        back.until > self.life.started_at
    }

    /// Whether something that came due before then is still to be decided.
    fn is_left_since(&self, back: &Comeback) -> bool {
        self.is_unevaluated() || self.wakes.next(self.now).is_some_and(|due| due <= back.until)
    }

    /// Something began that is told when it has waited for its cause to show.
    pub(super) fn gather_with(&mut self, id: IncidentId) {
        let waiting = self.incidents.get(id).filter(|one| one.state == IncidentState::Waiting);
        let Some(notify_at) = waiting.map(|one| one.notify_at) else {
            return;
        };
        if self.listens_until.is_some_and(|until| self.now.wall <= until) {
            self.gather_until(notify_at);
        }
    }

    /// Looks at what others deliver have not told anything yet: what they tell until then goes into the digest.
    pub(super) fn gather_with_looks(&mut self, until: Timestamp) {
        if self.is_gathering() {
            self.listens_until = self.listens_until.max(Some(later(until, HEARD_WITHIN)));
            self.gather_until(until);
        }
    }

    fn gather_until(&mut self, told_at: Timestamp) {
        let until = later(told_at, HEARD_WITHIN);
        let Some(back) = self.life.back.as_mut().filter(|back| back.gathers_until < until) else {
            return;
        };
        back.gathers_until = until;
        for line in self.outbox.by_address.values_mut() {
            line.gathers_until(until);
        }
        // The next life is to know, should this one be cut short.
        self.fact(Fact::Life(self.life.clone()));
    }

    /// When it is decided whether an incident that was to be told while freshd did not run is told still: what ended
    /// meanwhile, of which the evidence comes in a moment, is nothing to be told of any more.
    pub(super) fn hears_until(&self, incident: &Incident) -> Option<Timestamp> {
        let listens_until = self.listens_until.filter(|_| incident.about != About::Freshd)?;
        let until = earlier(listens_until, TOLD_BEFORE);
        // A life that goes on with what another began has waited once, and does not begin anew.
        let is_first = self.life.back.is_some_and(|back| back.until >= self.life.started_at);
        (is_first && self.is_gathering() && self.now.wall < until).then_some(until)
    }

    /// Whether what freshd missed is still being gathered.
    fn is_gathering(&self) -> bool {
        let now = self.now.wall;
        let back = self.life.back.filter(|_| self.listens_until.is_some());
        back.is_some_and(|back| back.until <= now && now <= back.gathers_until)
    }

    /// A message is about to be put in: it waits for the others, if freshd has just come back.
    pub(super) fn gather_when_back(&mut self, address: &Address) {
        let now = self.now.wall;
        let back = self.life.back.filter(|back| now < back.gathers_until);
        if let Some(back) = back.filter(|_| self.is_gathering()) {
            self.gather_for(address, back);
        }
    }

    /// What freshd found when it was back is about to go to the fallback in the stead of somebody: with all that does so, in one.
    /// What was refused for good is known at once, and waits for what other addresses refuse with it; what is only not taken
    /// yet, for the last of what was found.
    pub(super) fn gather_in_stead_when_back(&mut self, unheard: &Notification, address: &Address) {
        let now = self.now.wall;
        let is_gathered = self.gathering(address).is_gathered();
        let Some(back) = self.found_when_back(unheard).filter(|_| is_gathered) else {
            return;
        };
        let soon = later(now, HEARD_WITHIN);
        let until = match unheard.state {
            NotificationState::Dead => soon,
            _ => soon.max(later(back.gathers_until, STAND_IN_AFTER)),
        };
        let line = self.outbox.by_address.entry(address.clone()).or_default();
        line.came_back_in_stead(until, back.why());
    }

    /// The comeback that a message was found by, while the fallback is told of it as of that.
    pub(super) fn found_when_back(&self, unheard: &Notification) -> Option<Comeback> {
        let back = self.life.back.filter(|back| self.now.wall <= stood_in_until(back))?;
        let is_found = unheard.created_at > back.from && unheard.created_at <= back.gathers_until;
        is_found.then_some(back)
    }

    fn gather_for(&mut self, address: &Address, back: Comeback) {
        if self.gathering(address).is_gathered() {
            let line = self.outbox.by_address.entry(address.clone()).or_default();
            line.came_back(back.gathers_until, back.why());
        }
    }

    /// From when until when freshd did not run, while what it missed is being told.
    pub(super) fn was_down(&self) -> Option<(Timestamp, Timestamp)> {
        let back = self.life.back.filter(|_| self.is_gathering())?;
        Some((back.from, back.until))
    }

    /// The downtime in which data broke of which people are told only now, with what has failed since: that may come when what
    /// freshd missed is gathered no more.
    pub(super) fn was_down_before(&self, told: &Incident, data: &[DataSide<'_>]) -> Option<(Timestamp, Timestamp)> {
        let back = self.life.back.filter(|_| told.opened_at == Some(self.now.wall))?;
        let broken = data.iter().filter(|side| side.standing.is_problem);
        let mut broken_at = broken.filter_map(|side| side.standing.reason_since);
        let is_of_it = broken_at.any(|at| at > back.from && at <= back.until);
        is_of_it.then_some((back.from, back.until))
    }
}

/// Until when the fallback is told of what was found as of a downtime. A try may take half a minute to fail.
fn stood_in_until(back: &Comeback) -> Timestamp {
    later(back.gathers_until, 2 * STAND_IN_AFTER)
}

/// Whether a life that was last seen at `seen` had not told yet what it had missed.
fn is_cut_short(back: &Comeback, seen: Timestamp) -> bool {
    seen < back.gathers_until
}
