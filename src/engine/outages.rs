//! An address that takes nothing: what it remembers, who is told instead meanwhile, and when what waits is given up.

use std::time::Duration;

use jiff::Timestamp;

use super::backlog::Todo;
use super::lines::{AddressLine, Refusal};
use super::outbox::Outbox;
use super::{Engine, Wake};
use crate::alerting::retry::{GIVE_UP_AFTER, STAND_IN_AFTER};
use crate::model::{
    Address, AddressRecord, Fact, Notification, NotificationId, NotificationState, Purpose, Severity, elapsed, later,
};

/// Fewest tries before a notification is given up: time that passed while nothing could be tried does not count.
const TRIES_MIN: u32 = 8;

/// Longest time to the next try by any rule: an hour and its jitter.
const WAIT_MAX: Duration = Duration::from_mins(66);

impl Outbox {
    /// How each address stands goes on as it was stored. What is gathered once is known by the digest under way.
    pub(super) fn recall_lines(&mut self, records: Vec<AddressRecord>, now: Timestamp) {
        for record in records {
            let line = self.by_address.entry(record.address.clone()).or_default();
            line.recall(record);
        }
        let under_way: Vec<NotificationId> = self.by_address.values().filter_map(|line| line.digest).collect();
        for digest in under_way {
            let Some(digest) = self.get(digest).cloned() else {
                continue;
            };
            let line = self.by_address.entry(digest.address).or_default();
            if line.pace.is_none() {
                line.pace = Some(now);
                line.why_gathered = digest.message.gathered.unwrap_or_default();
            }
        }
    }

    /// When an address that takes messages is next told what waits for it, while it is caught up with.
    pub(super) fn next_digest_at(&self, address: &Address) -> Option<Timestamp> {
        let line = self.by_address.get(address)?;
        line.pace.filter(|_| line.outage.is_none())
    }
}

impl Engine {
    /// A message was not taken: it is tried again, or given up when it is old and its address has failed often enough.
    pub(super) fn address_refused(&mut self, notification: &mut Notification, refusal: Refusal<'_>) {
        let now = self.now.wall;
        let seed = crate::planner::hash(self.seed, notification.id.0);
        let line = self.outbox.by_address.entry(notification.address.clone()).or_default();
        let was_reached = line.outage.is_none();
        let is_at_once = line.refused(notification.id, refusal, now, seed);
        let failed = line.outage.as_ref().map_or(0, |outage| outage.failed);
        let tries = notification.tries.max(failed);
        notification.next_try_at = match is_at_once {
            true => now,
            false => later(now, refusal.delay(tries, seed)),
        };
        if elapsed(notification.created_at, now) >= GIVE_UP_AFTER && tries >= TRIES_MIN {
            notification.state = NotificationState::Dead;
        }
        // Nobody stood in for what waited while the address took messages.
        let behind: Vec<NotificationId> = match was_reached {
            true => line.waiting.iter().chain(&line.gathered).copied().collect(),
            false => line.gathered.iter().copied().collect(),
        };
        for id in behind {
            if let Some(behind) = self.outbox.get(id).cloned() {
                self.wait_to_stand_in(&behind);
            }
        }
    }

    /// The other side took a message, or refused that one for good. What it refused while it took nothing goes on at once;
    /// a single message that may be at fault itself does so only when somebody has tried the address out.
    pub(super) fn address_answered(&mut self, notification: &Notification) {
        let now = self.now.wall;
        let rules = self.gathering(&notification.address);
        if notification.state == NotificationState::Delivered {
            self.note_in_stead(notification);
            self.note_end_by_digest(notification);
        }
        let line = self.outbox.by_address.entry(notification.address.clone()).or_default();
        let is_taken = notification.state == NotificationState::Delivered;
        let goes_on = if notification.message.purpose == Purpose::Test {
            line.proven(rules, now);
            true
        } else {
            line.answered(is_taken, rules, now)
        };
        if goes_on {
            self.refused_may_go(&notification.address);
        }
    }

    /// What an address has refused waits no longer for a time of its own.
    pub(super) fn refused_may_go(&mut self, address: &Address) {
        let now = self.now.wall;
        let Some(line) = self.outbox.by_address.get(address) else {
            return;
        };
        let digest = line.digest.filter(|id| !line.in_flight.contains(id));
        let refused: Vec<NotificationId> = digest.into_iter().chain(line.unsent()).collect();
        for id in refused {
            if let Some(refused) = self.outbox.get_mut(id).filter(|one| one.tries > 0) {
                refused.next_try_at = now;
                let refused = refused.clone();
                self.fact(Fact::Notification(refused));
            }
        }
    }

    /// Looks at a message again when the fallback is to be told of it instead.
    pub(super) fn wait_to_stand_in(&mut self, notification: &Notification) {
        if let Some(at) = Self::stands_in_at(notification) {
            self.wakes
                .arm(Wake::Notification(notification.id), at.max(self.now.wall));
        }
    }

    /// Tells the fallback of a message that waits while its address takes nothing; or, of what breaks a promise, while
    /// the address is caught up with: that it gets digests is no reason for nobody to know.
    pub(super) fn notification_due(&mut self, id: NotificationId) {
        let Some(notification) = self.outbox.get(id).cloned() else {
            return;
        };
        if self.outbox.outage_error(&notification.address).is_some() {
            self.stand_in(&notification);
        } else if self.outbox.next_digest_at(&notification.address).is_some() {
            // Nobody could be told while freshd did not run.
            let line = self.outbox.by_address.get(&notification.address);
            let back_since = line.and_then(AddressLine::back_since);
            let patient_until = back_since.map(|since| later(since, STAND_IN_AFTER));
            match patient_until.filter(|until| *until > self.now.wall) {
                Some(until) => self.wakes.arm(Wake::Notification(id), until),
                None => self.stand_in_for_digest(&notification.address),
            }
        }
    }

    /// Tells the fallback, in one, of all that has waited too long for the digest of an address that takes messages. What
    /// is only a warning is in time with it.
    fn stand_in_for_digest(&mut self, address: &Address) {
        let now = self.now.wall;
        let is_critical = |one: &Notification| one.message.severity == Severity::Critical;
        let is_due = |one: &Notification| Self::stands_in_at(one).is_some_and(|at| at <= now);
        let Some(line) = self.outbox.by_address.get(address) else {
            return;
        };
        let unsent = line.unsent().filter_map(|id| self.outbox.get(id));
        let waiting: Vec<Notification> = unsent.filter(|one| is_critical(one) && is_due(one)).cloned().collect();
        self.tell_fallback_together(address, |engine| {
            for notification in waiting {
                if engine.is_full() {
                    // Each is looked at by itself too.
                    engine.wakes.arm(Wake::Notification(notification.id), now);
                } else {
                    engine.stand_in(&notification);
                }
            }
        });
    }

    /// What is too old is given up without a try of its own when its address has failed often enough: as much as fits this
    /// step.
    pub(super) fn give_up_what_is_old(&mut self, address: &Address) {
        let now = self.now.wall;
        loop {
            let Some(line) = self.outbox.by_address.get(address) else {
                return;
            };
            let Some(outage) = line.outage.as_ref().filter(|outage| outage.failed >= TRIES_MIN) else {
                return;
            };
            let error = outage.error.clone();
            let is_old = |id: &NotificationId| {
                let created_at = self.outbox.get(*id).map(|one| one.created_at);
                created_at.is_some_and(|at| elapsed(at, now) >= GIVE_UP_AFTER)
            };
            let Some(id) = line.unsent().next().filter(is_old) else {
                return;
            };
            if self.is_full() {
                self.backlog.push_back(Todo::GiveUp(address.clone()));
                return;
            }
            let Some(mut notification) = self.outbox.remove(id) else {
                return;
            };
            notification.state = NotificationState::Dead;
            notification.ended_at = Some(now);
            notification.last_error = Some(error);
            let is_over = self.outbox.is_over_behind(&notification);
            self.fact(Fact::Notification(notification.clone()));
            self.ended_or_waits(&notification, is_over);
            if let Some(incident) = notification.incident {
                self.forget_if_told(incident);
            }
        }
    }

    /// Looks at every line again, and at what the fallback may have to be told of. A try that lies further ahead than any
    /// rule puts it was decided by another clock, and is due now.
    pub(super) fn resume_sending(&mut self) {
        let now = self.now.wall;
        let waiting: Vec<Notification> = self.outbox.values().cloned().collect();
        for notification in waiting {
            if let Some(one) = self.outbox.get_mut(notification.id)
                && one.next_try_at > later(now, WAIT_MAX)
            {
                one.next_try_at = now;
            }
            self.wait_to_stand_in(&notification);
        }
        let every = self.settings.alerts.digest_every.max(self.gathers_for());
        for line in self.outbox.by_address.values_mut() {
            line.redate(now, WAIT_MAX, every);
        }
        let addresses: Vec<Address> = self.outbox.by_address.keys().cloned().collect();
        for address in addresses {
            self.backlog.push_back(Todo::Address(address));
        }
        self.resume_tests();
    }

    /// Messages that wait were written now at the latest, whatever a wrong clock said.
    pub(super) fn redate_notifications(&mut self) {
        let now = self.now.wall;
        let ahead = self
            .outbox
            .values()
            .filter(|one| one.created_at > now)
            .map(|one| one.id);
        for id in ahead.collect::<Vec<_>>() {
            if let Some(one) = self.outbox.get_mut(id) {
                one.created_at = now;
                let one = one.clone();
                self.fact(Fact::Notification(one));
            }
        }
    }
}
