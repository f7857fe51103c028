//! What waits for an address is told in the words of now once somebody takes its incident on, or has it no more: whoever reads
//! it later is not asked for what has been done, nor told that somebody has what nobody has.

use std::collections::BTreeMap;

use super::Engine;
use super::dead_messages::goes_instead;
use super::overtaken::is_asked_for;
use crate::alerting::INSTEAD_OF;
use crate::model::{
    Address, Fact, Incident, IncidentId, IncidentState, Message, Name, Notification, NotificationId, Purpose, TAKEN_ON,
};

/// What waits by itself at one address in one thread for one team.
#[derive(Debug, Default)]
struct Waiting {
    each: Vec<(NotificationId, Purpose)>,
    /// The oldest of it that is to be told in other words.
    stale: Option<Notification>,
    /// One is on its way: what becomes of it decides about the others.
    is_under_way: bool,
}

impl Engine {
    /// Somebody has taken an incident on, or has it no more.
    pub(super) fn tell_waiting_anew(&mut self, id: IncidentId) {
        let addresses: Vec<Address> = self.outbox.addresses_of(id).cloned().collect();
        for address in addresses {
            self.tell_anew_at(id, &address);
        }
    }

    /// Where what waits for an address was written before that, a message in the words of now takes its place. A reminder is
    /// withdrawn instead, since an acknowledgement lets them rest, unless it is the first that its reader would hear; and so is
    /// what calls somebody who knows, since nobody need answer any more.
    pub(super) fn tell_anew_at(&mut self, id: IncidentId, address: &Address) {
        if self.outbox.first_waiting(id, address).is_none() {
            return;
        }
        let is_told = |it: &&Incident| it.state == IncidentState::Open && it.ends_by().is_none() && it.drill.is_none();
        let Some(incident) = self.incidents.get(id).filter(is_told).cloned() else {
            return;
        };
        for ((team, is_impact), waiting) in self.waits_at(&incident, address) {
            let Some(stale) = waiting.stale.filter(|_| !waiting.is_under_way) else {
                continue;
            };
            let is_any = |purpose: &Purpose| waiting.each.iter().any(|(_, one)| one == purpose);
            let is_known = self.outbox.is_known_to(&team, id, address, &stale.message.thread);
            let news = [Purpose::Opening, Purpose::Impact, Purpose::Update];
            let purpose = match (is_known, is_impact) {
                (true, _) => news.into_iter().find(is_any),
                (false, true) => Some(Purpose::Impact),
                (false, false) => Some(Purpose::Opening),
            };
            // Nothing goes before its place is taken.
            let was_held = self.hold_line(address, true);
            if let Some(purpose) = purpose {
                let new = self.new_notification_id();
                let to = (&team, address);
                let mut message = self.write_first(&self.message_id(new), purpose, to, &incident, Some(is_impact));
                if let Some(instead_of) = instead_of(&stale.message) {
                    goes_instead(&mut message, instead_of);
                }
                self.put(new, Some(id), address.clone(), message);
                self.take_place(new, &stale);
            }
            for (one, _) in waiting.each {
                if let Some(notification) = self.outbox.remove(one) {
                    self.collapsed(notification);
                }
            }
            self.hold_line(address, was_held);
            self.go_on(address);
        }
    }

    /// Sets whether anything is sent to an address for now; says whether it was.
    fn hold_line(&mut self, address: &Address, is_held: bool) -> bool {
        let line = self.outbox.by_address.entry(address.clone()).or_default();
        std::mem::replace(&mut line.is_held, is_held)
    }

    /// A message is stood in for and given up when the one would have been in whose place it is, and is tried no sooner while its
    /// address takes nothing. It was not tried itself.
    fn take_place(&mut self, new: NotificationId, stale: &Notification) {
        let Some(one) = self.outbox.get_mut(new) else { return };
        one.created_at = stale.created_at;
        let one = one.clone();
        self.wait_to_stand_in(&one);
        self.fact(Fact::Notification(one));
        let line = self.outbox.by_address.get_mut(&stale.address);
        let outage = line.and_then(|line| line.outage.as_mut());
        if let Some(outage) = outage.filter(|outage| outage.last == stale.id) {
            outage.last = new;
        }
    }

    /// What waits at an address about an incident and tells how it stands, by the team that it is for and whether that is told
    /// as one downstream. What is in a digest is told by that.
    fn waits_at(&self, incident: &Incident, address: &Address) -> BTreeMap<(Name, bool), Waiting> {
        let mut waits: BTreeMap<(Name, bool), Waiting> = BTreeMap::new();
        for one in self.outbox.waiting_at(incident.id, address) {
            let message = &one.message;
            let is_news = match message.purpose {
                Purpose::Opening | Purpose::Impact | Purpose::Update | Purpose::Reminder | Purpose::Escalation => true,
                Purpose::Recovery | Purpose::Digest | Purpose::Weekly | Purpose::Canary | Purpose::Test => false,
            };
            // What is for those who were there before an edit of jobs.toml is not told anew.
            let is_theirs = self.is_told_at(message.told_for(), address);
            if !is_news || !is_theirs || one.digest.is_some() || is_asked_for(message) {
                continue;
            }
            let of_team = waits.entry((message.told_for().clone(), message.is_impact()));
            let of_team = of_team.or_default();
            of_team.each.push((one.id, message.purpose));
            of_team.is_under_way |= self.outbox.in_flight.contains(&one.id);
            // What news has overtaken is told by that.
            let is_stale = self.is_other_by_now(incident, message) && !self.outbox.is_overtaken(one);
            if is_stale && of_team.stale.is_none() {
                of_team.stale = Some(one.clone());
            }
        }
        waits
    }

    /// Whether somebody has taken an incident on since a message was written, or has it no more of whom that says so.
    fn is_other_by_now(&self, incident: &Incident, message: &Message) -> bool {
        match incident.taken_on(self.now.wall) {
            Some(ack) => ack.at > message.at || ack.at == message.at && !says_taken_on(message),
            None => says_taken_on(message),
        }
    }
}

fn says_taken_on(message: &Message) -> bool {
    message.facts.iter().any(|fact| fact.label == TAKEN_ON)
}

/// In whose stead a message goes to the fallback, if it does.
fn instead_of(message: &Message) -> Option<&str> {
    message.stands_in_for.as_ref()?;
    let told = message.facts.iter().find(|fact| fact.label == INSTEAD_OF);
    told.map(|fact| fact.text.as_str())
}
