//! What comes to the fallback in the stead of others: the first at once, and what follows soon after it in one. A mail server
//! that is gone is not one message for each thing that its teams are to know.

use jiff::Timestamp;

use super::digest::is_digest;
use super::lines::AddressLine;
use super::outbox::Outbox;
use super::overtaken::is_asked_for;
use super::{Engine, Wake};
use crate::model::{Address, Notification, NotificationId, Purpose, Severity, later};

impl Outbox {
    /// Whether a reader who knows nothing else of it misses nothing by reading it a little later.
    fn can_wait(&self, one: &Notification) -> bool {
        let message = &one.message;
        let is_urgent = match message.purpose {
            Purpose::Recovery => one
                .incident
                .is_some_and(|id| self.is_known_at(id, &one.address, &message.thread)),
            Purpose::Escalation => true,
            _ => is_asked_for(message),
        };
        message.severity == Severity::Warning && !is_urgent
    }

    /// Whether a message comes in the stead of somebody, and can wait for others like it. What is critical cannot, nor what that
    /// waits behind; nor can what nobody has answered, what a person asks for, nor the end of what its reader has heard of.
    fn comes_with_others(&self, one: &Notification) -> bool {
        let comes_in_stead = one.message.stands_in_for.is_some() && one.tries == 0;
        let Some(incident) = one.incident.filter(|_| comes_in_stead) else {
            return false;
        };
        let line = (incident, one.address.clone());
        self.can_wait(one) && self.line(&line).all(|other| self.can_wait(other))
    }

    /// Whether a message, or a digest with one of those it tells of, comes in the stead of somebody.
    fn is_in_stead(&self, one: &Notification) -> bool {
        let of_digest = || self.gathered(&one.address).into_iter().filter_map(|id| self.get(id));
        let is_one = |one: &Notification| one.message.stands_in_for.is_some();
        is_one(one) || is_digest(one) && of_digest().any(is_one)
    }

    /// Until when what comes in somebody's stead waits at an address, where that is known.
    pub(super) fn next_in_stead(&self, address: &Address, now: Timestamp) -> Option<Timestamp> {
        let line = self.by_address.get(address)?;
        line.next_in_stead.filter(|at| *at > now)
    }

    /// Whether a message waits to be told together with others that come in somebody's stead: until their time comes, or
    /// while the one before is on its way.
    pub(super) fn waits_for_others(&self, one: &Notification, now: Timestamp) -> bool {
        let line = self.by_address.get(&one.address).into_iter();
        let mut under_way = line.flat_map(|line| &line.in_flight).filter_map(|id| self.get(*id));
        let waits = self.next_in_stead(&one.address, now).is_some() || under_way.any(|sent| self.is_in_stead(sent));
        waits && self.comes_with_others(one)
    }

    /// The first of what comes in somebody's stead goes, and the others wait for what it comes to.
    pub(super) fn is_behind_another(&self, one: &Notification, sent: &[NotificationId]) -> bool {
        let mut sent = sent.iter().filter_map(|id| self.get(*id));
        self.comes_with_others(one) && sent.any(|sent| self.is_in_stead(sent))
    }
}

impl Engine {
    /// What has waited to be told together in the stead of others goes by one message, if it is more than one.
    pub(super) fn gather_in_stead(&mut self, address: &Address) {
        let now = self.now.wall;
        let is_gathered = self.gathering(address).is_gathered();
        let line = self.outbox.by_address.get(address);
        let is_due = |line: &&AddressLine| line.next_in_stead.is_some_and(|at| at <= now);
        let Some(line) = line.filter(|line| is_gathered && !line.is_held).filter(is_due) else {
            return;
        };
        let unsent = line.unsent().filter_map(|id| self.outbox.get(id));
        let with_others = unsent.filter(|one| self.outbox.comes_with_others(one) && !self.outbox.is_held_back(one));
        let (count, is_free) = (with_others.take(2).count(), line.in_flight.is_empty());
        let Some(line) = self.outbox.by_address.get_mut(address) else {
            return;
        };
        match count {
            0 if is_free => line.next_in_stead = None,
            0 | 1 => {}
            _ => line.go_together(now),
        }
    }

    /// A message was taken: if it came in the stead of somebody, the next such ones wait for each other. Those that wait already
    /// wait no longer by it.
    pub(super) fn note_in_stead(&mut self, taken: &Notification) {
        let rules = self.gathering(&taken.address);
        if !rules.is_gathered() || !self.outbox.is_in_stead(taken) {
            return;
        }
        if self.outbox.next_in_stead(&taken.address, self.now.wall).is_some() {
            return;
        }
        let next = later(self.now.wall, rules.every);
        if let Some(line) = self.outbox.by_address.get_mut(&taken.address) {
            line.next_in_stead = Some(next);
            self.wakes.arm(Wake::Address(Box::new(taken.address.clone())), next);
        }
    }
}
