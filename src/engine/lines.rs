//! One line for each address: what waits for it, and whose turn it is after an outage and in a flood.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::alerting::retry::retry_delay;
use crate::model::{About, Address, AddressRecord, Name, NotificationId, Outage, Pace, WhyGathered, elapsed, later};

/// So many messages that wait when an address takes one again are left alone: each goes on its own.
pub(super) const LEFT_ALONE_MAX: usize = 5;

/// An address that took so many messages within `FLOOD_WITHIN` gets the next ones gathered.
pub(super) const FLOOD_MAX: usize = 20;

/// How far back messages are counted.
const FLOOD_WITHIN: Duration = Duration::from_hours(1);

/// How messages to an address are gathered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gathering {
    /// Characters of incidents in one digest; `None` where every message goes by itself.
    pub(super) chars_max: Option<usize>,
    /// While it is caught up with, it gets a message no more often than this.
    pub(super) every: Duration,
    /// For so long the ends of what an address knows by digests alone wait for others like them, once one was taken.
    pub(super) ends_within: Duration,
    /// Whether the other side knows a thing by its name alone, and not by the incident: what comes last is what counts
    /// there, so that all messages about the thing keep their order.
    pub(super) is_by_name: bool,
}

impl Gathering {
    /// Whether many messages are told by one.
    pub(super) fn is_gathered(self) -> bool {
        self.chars_max.is_some()
    }
}

/// What a message that was not taken says of its address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal<'a> {
    /// What the other side said.
    pub(super) error: &'a str,
    /// For how long it asked to be left alone.
    pub(super) asked: Duration,
    /// Whether no server answered at all.
    pub(super) is_unreachable: bool,
    /// Whether that server answered another while this one was on its way.
    pub(super) answered_meanwhile: bool,
}

impl Refusal<'_> {
    /// How long the next try waits, by the number of failed ones in a row, and at least as long as asked.
    pub(super) fn delay(&self, failed: u32, seed: u64) -> Duration {
        retry_delay(failed, seed).max(self.asked)
    }

    /// A try that met nobody, because it began before its server was back, says nothing of how that is now.
    fn began_too_early(&self) -> bool {
        self.is_unreachable && self.answered_meanwhile
    }
}

/// What waits for one address. Messages by which somebody tries it out stand outside.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressLine {
    /// What is to be sent by itself or gathered, oldest first; what is on its way too.
    pub(super) waiting: BTreeSet<NotificationId>,
    /// The same by what it is about.
    pub(super) things: BTreeMap<(About, Name), BTreeSet<NotificationId>>,
    /// Being sent right now, digests included.
    pub(super) in_flight: BTreeSet<NotificationId>,
    /// What of that is on its way since before its server last answered another. Not stored: after a restart all that was on
    /// its way is tried again at once.
    pub(super) answered_meanwhile: BTreeSet<NotificationId>,
    /// The digest under way.
    pub(super) digest: Option<NotificationId>,
    /// What it tells of.
    pub(super) gathered: BTreeSet<NotificationId>,
    /// Set while the address takes nothing.
    pub(super) outage: Option<Outage>,
    /// The message whose try counts, while it is on its way: what was handed over with others before fails with them.
    pub(super) probe: Option<NotificationId>,
    /// Set while it is caught up with: when it gets its next message.
    pub(super) pace: Option<Timestamp>,
    /// Why what waits is gathered, while it is caught up with.
    pub(super) why_gathered: WhyGathered,
    /// When it took messages within the last hour. Not stored: after a restart counting begins anew.
    taken_at: VecDeque<Timestamp>,
    /// Before this, what comes here in the stead of others waits to be told together.
    pub(super) next_in_stead: Option<Timestamp>,
    /// Before this, the ends of what it knows by digests alone wait to be told together.
    pub(super) next_end_at: Option<Timestamp>,
    /// Whether nothing is sent for now, because more is about to be put in.
    pub(super) is_held: bool,
    /// As it is stored, unless it takes what comes.
    stored: Option<AddressRecord>,
}

impl AddressLine {
    /// Goes on with what was stored of the address.
    pub(super) fn recall(&mut self, record: AddressRecord) {
        self.outage.clone_from(&record.outage);
        self.next_in_stead = record.next_in_stead;
        self.next_end_at = record.next_end_at;
        if let Some(pace) = record.pace {
            (self.pace, self.why_gathered) = (Some(pace.next_at), pace.why);
        }
        self.stored = Some(record);
    }

    /// What a restart has to know of the address.
    pub(super) fn record(&self, address: &Address) -> AddressRecord {
        let pace = self.pace.filter(|_| !self.why_gathered.is_once());
        AddressRecord {
            address: address.clone(),
            outage: self.outage.clone(),
            pace: pace.map(|next_at| Pace {
                next_at,
                why: self.why_gathered,
            }),
            next_in_stead: self.next_in_stead,
            next_end_at: self.next_end_at,
        }
    }

    /// The same, if that has changed. What is gathered once is known by what waits.
    pub(super) fn changed_record(&mut self, address: &Address) -> Option<AddressRecord> {
        let record = self.record(address);
        let as_before = match &self.stored {
            Some(stored) => *stored == record,
            None => record.is_empty(),
        };
        if as_before {
            return None;
        }
        self.stored = Some(record.clone()).filter(|record| !record.is_empty());
        Some(record)
    }

    /// Whether nothing waits for the address, and nothing is about to be put in.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.gathered.is_empty() && self.digest.is_none() && !self.is_held
    }

    /// Of what the address did before nothing counts any more.
    pub(super) fn forget(&mut self) {
        self.outage = None;
        self.next_in_stead = None;
        self.next_end_at = None;
        self.caught_up();
    }

    /// Whether its server did not answer when it was tried last.
    pub(super) fn is_unreachable(&self) -> bool {
        self.outage.as_ref().is_some_and(|outage| outage.is_unreachable)
    }

    /// What waits and is not on its way, oldest first.
    pub(super) fn unsent(&self) -> impl Iterator<Item = NotificationId> {
        self.waiting.difference(&self.in_flight).copied()
    }

    /// freshd has come back: what is put in until then is told together, unless it is gathered for another reason; and with it
    /// what an address that took nothing before has not been told yet.
    pub(super) fn came_back(&mut self, until: Timestamp, why: WhyGathered) {
        let is_free = self.pace.is_none() && (self.outage.is_none() || self.digest.is_none());
        if is_free || (self.is_back() && self.digest.is_none()) {
            (self.pace, self.why_gathered) = (self.pace.max(Some(until)), why);
        }
    }

    /// The same of what comes in the stead of others, which goes with whatever of that goes first.
    pub(super) fn came_back_in_stead(&mut self, until: Timestamp, why: WhyGathered) {
        let is_free = self.pace.is_none() && self.outage.is_none();
        if is_free || (self.is_back() && self.digest.is_none()) {
            (self.pace, self.why_gathered) = (Some(self.pace.map_or(until, |pace| pace.min(until))), why);
        }
    }

    /// What freshd found when it came back is told later than it looked at first.
    pub(super) fn gathers_until(&mut self, until: Timestamp) {
        if self.is_back() && self.digest.is_none() {
            self.pace = self.pace.max(Some(until));
        }
    }

    fn is_back(&self) -> bool {
        self.back_since().is_some()
    }

    /// Since when freshd runs again, while what it missed meanwhile is gathered.
    pub(super) fn back_since(&self) -> Option<Timestamp> {
        match self.why_gathered {
            WhyGathered::Downtime { until, .. } => self.pace.map(|_| until),
            WhyGathered::Outage | WhyGathered::Flood | WhyGathered::Together => None,
        }
    }

    /// What waits is told by one message, if it is more than one and nothing else gathers it.
    pub(super) fn go_together(&mut self, now: Timestamp) {
        if self.pace.is_none() && self.outage.is_none() && self.unsent().count() > 1 {
            (self.pace, self.why_gathered) = (Some(now), WhyGathered::Together);
        }
    }

    /// Whether what goes together still waits for what was on its way before.
    fn goes_together(&self) -> bool {
        self.why_gathered == WhyGathered::Together && self.gathered.is_empty() && self.unsent().count() > 1
    }

    /// How many more may be handed over before it is a flood.
    pub(super) fn room(&mut self, now: Timestamp) -> usize {
        self.taken_at.retain(|at| elapsed(*at, now) < FLOOD_WITHIN);
        FLOOD_MAX.saturating_sub(self.taken_at.len() + self.in_flight.len())
    }

    /// A message was not taken. Says whether the next try is made at once.
    pub(super) fn refused(&mut self, id: NotificationId, refusal: Refusal<'_>, now: Timestamp, seed: u64) -> bool {
        let is_probe = self.probe.take() == Some(id);
        let before = self.outage.take();
        let (failed, is_certain) = match &before {
            None => (1, false),
            Some(outage) if is_probe => (outage.failed + 1, outage.is_certain || outage.last != id),
            // Handed over before the first one failed: one more witness counts, and not each of them.
            Some(outage) if outage.is_certain => (outage.failed, true),
            Some(outage) => (outage.failed + 1, true),
        };
        let mut outage = Outage {
            since: before.as_ref().map_or(now, |outage| outage.since),
            failed,
            error: refusal.error.to_owned(),
            next_try_at: later(now, refusal.delay(failed, seed)),
            last: id,
            is_certain,
            is_unreachable: refusal.is_unreachable,
            at_once_after: before.and_then(|outage| outage.at_once_after),
        };
        // What was handed over with others before fails with them, and is no try of its own.
        let is_at_once = refusal.began_too_early() && (!is_probe || outage.may_be_tried_at_once());
        if is_at_once {
            outage.next_try_at = now;
            outage.at_once_after = Some(failed);
        }
        self.outage = Some(outage);
        is_at_once
    }

    /// The next try is made at once, because its server has answered another, where that may help.
    pub(super) fn tries_at_once(&mut self) -> bool {
        let outage = self.outage.as_mut().filter(|outage| outage.may_be_tried_at_once());
        let Some(outage) = outage else {
            return false;
        };
        outage.at_once_after = Some(outage.failed);
        true
    }

    /// The other side has answered: it took a message, or refused that one for good. Says whether others that were
    /// refused meanwhile may go on at once.
    pub(super) fn answered(&mut self, is_taken: bool, rules: Gathering, now: Timestamp) -> bool {
        if is_taken {
            self.taken_at.push_back(now);
        }
        let outage = self.outage.take();
        self.probe = None;
        let is_little = self.unsent().count() <= LEFT_ALONE_MAX;
        let is_once = self.pace.is_some() && self.why_gathered.is_once();
        if is_once && (is_little || self.pace > Some(now)) {
            // That it was taken says nothing of what is still being gathered; and what was gathered is told by one.
            if self.pace <= Some(now) && !self.goes_together() {
                self.caught_up();
            }
        } else if self.pace.is_some() {
            self.pace = Some(later(now, rules.every));
            self.waited_by(outage.as_ref(), rules, now);
        } else if outage.is_some() {
            self.gather_what_waits(rules, now);
        }
        outage.is_some_and(|outage| outage.is_certain)
    }

    /// Somebody has tried the address out, and it took that: what waits can go, by the pace that it has.
    pub(super) fn proven(&mut self, rules: Gathering, now: Timestamp) {
        let outage = self.outage.take();
        self.probe = None;
        if outage.is_some() && self.pace.is_none() {
            self.gather_what_waits(rules, now);
        }
        self.waited_by(outage.as_ref(), rules, now);
    }

    /// What came in a flood, and waited by an outage for longer than it had by that, is told as of the outage.
    fn waited_by(&mut self, outage: Option<&Outage>, rules: Gathering, now: Timestamp) {
        let is_long = outage.is_some_and(|outage| elapsed(outage.since, now) > rules.every);
        if is_long && self.pace.is_some() && self.why_gathered == WhyGathered::Flood {
            self.why_gathered = WhyGathered::Outage;
        }
    }

    /// Much that has waited for the end of an outage is told by digests.
    fn gather_what_waits(&mut self, rules: Gathering, now: Timestamp) {
        if rules.is_gathered() && self.unsent().count() > LEFT_ALONE_MAX {
            (self.pace, self.why_gathered) = (Some(now), WhyGathered::Outage);
        }
    }

    /// Begins to gather, because it is a flood: until so long after the message taken last.
    pub(super) fn flooded(&mut self, now: Timestamp, every: Duration, handed_over: usize) {
        let is_idle = self.in_flight.is_empty() && handed_over == 0;
        let last = self.taken_at.back().filter(|_| is_idle);
        self.pace = Some(later(last.copied().unwrap_or(now), every));
    }

    /// It is caught up with.
    pub(super) fn caught_up(&mut self) {
        self.pace = None;
        self.why_gathered = WhyGathered::Flood;
    }

    /// What lies further ahead than any rule puts it was decided by another clock, and is due now.
    pub(super) fn redate(&mut self, now: Timestamp, wait_max: Duration, every: Duration) {
        self.taken_at.retain(|at| *at <= now);
        self.next_in_stead.take_if(|at| *at > later(now, every));
        self.next_end_at.take_if(|at| *at > later(now, every));
        if let Some(outage) = &mut self.outage {
            outage.since = outage.since.min(now);
            if outage.next_try_at > later(now, wait_max) {
                outage.next_try_at = now;
            }
        }
        if let Some(pace) = self.pace.as_mut().filter(|pace| **pace > later(now, every)) {
            *pace = now;
        }
    }
}
