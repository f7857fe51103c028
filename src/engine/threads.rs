//! Threads: in which of them a team is told of an incident, so that what follows and the end stand there too; and what the
//! first message of each said and is called at channels that number messages by themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Engine;
use crate::alerting;
use crate::model::{
    Ack, AckOffer, Action, Address, IMPACT_THREAD, Incident, IncidentId, IncidentState, Message, Name, Notification,
    NotificationState, Purpose, ThreadRoot, Threaded, earlier,
};

/// What first messages were to say is said after a while, however much was to be sent before.
const CHANGED_WITHIN: Duration = Duration::from_hours(1);

/// The first message of each thread, by incident.
#[derive(Clone, Debug, Default)]
pub(super) struct Threads {
    first: HashMap<IncidentId, BTreeMap<(Address, String), ThreadRoot>>,
}

impl Threads {
    pub(super) fn of(known: Vec<Threaded>) -> Self {
        let mut threads = Self::default();
        for threaded in known {
            threads.note(threaded);
        }
        threads
    }

    /// One more message has a name: only one that begins a thread has, so where the thread before is gone, the newest is
    /// what the others follow.
    fn note(&mut self, threaded: Threaded) {
        let of_incident = self.first.entry(threaded.incident).or_default();
        let place = (threaded.address, threaded.root.message.thread.clone());
        of_incident.insert(place, threaded.root);
    }

    /// One more message was taken behind the first of its thread: what it offers is the newest there.
    fn note_behind(&mut self, notification: &Notification) {
        let place = (notification.address.clone(), notification.message.thread.clone());
        let of_incident = notification.incident.and_then(|incident| self.first.get_mut(&incident));
        if let Some(root) = of_incident.and_then(|first| first.get_mut(&place)) {
            root.offer = AckOffer::of(notification);
        }
    }

    /// What a message follows. Without it, be it that the first is not known to have been taken, it begins a thread.
    pub(super) fn followed_by(&self, notification: &Notification) -> Option<ThreadRoot> {
        let place = (notification.address.clone(), notification.message.thread.clone());
        self.first.get(&notification.incident?)?.get(&place).cloned()
    }
}

impl Engine {
    /// A message was taken, and is called so by the other side.
    pub(super) fn note_thread(&mut self, notification: &Notification) {
        let Some(threaded) = Threaded::of(notification) else {
            if notification.state == NotificationState::Delivered {
                self.threads.note_behind(notification);
            }
            return;
        };
        let (id, address, root) = (threaded.incident, threaded.address.clone(), threaded.root.clone());
        self.threads.note(threaded);
        // What has happened while it was on its way.
        self.show_since(&address, root, id, notification.message.at);
    }

    /// The life before may have ended before first messages were changed as it was decided: that is asked for again, unless
    /// what was taken behind them since says it, or it was decided long before.
    pub(super) fn show_again(&mut self) {
        let Some(seen_before) = self.seen_before else { return };
        let since = earlier(seen_before, CHANGED_WITHIN);
        let mut again: Vec<(IncidentId, Address, ThreadRoot, Timestamp)> = Vec::new();
        for (id, threads) in &self.threads.first {
            for ((address, _), root) in threads {
                let heard = self.outbox.heard(root.message.told_for(), *id, address);
                let last = heard.and_then(|heard| heard.written_at).unwrap_or(root.message.at);
                again.push((*id, address.clone(), root.clone(), last.max(since)));
            }
        }
        again.sort_by(|(id, address, ..), (other, elsewhere, ..)| (id, address).cmp(&(other, elsewhere)));
        for (id, address, root, since) in again {
            self.show_since(&address, root, id, since);
        }
    }

    /// Has the first message of a thread say what has happened since, and nobody is sent a message of there.
    fn show_since(&mut self, address: &Address, root: ThreadRoot, id: IncidentId, since: Timestamp) {
        let Some(incident) = self
            .incidents
            .get(id)
            .filter(|it| it.state == IncidentState::Open && it.drill.is_none())
        else {
            return;
        };
        let ack = incident.taken_on(self.now.wall).filter(|ack| ack.at >= since).cloned();
        let is_escalated = incident.escalated_by_now().iter().any(|step| step.at > since);
        match ack {
            Some(ack) => self.show_at(address, root, id, taken_on(&ack)),
            None if is_escalated && !root.message.is_impact() => self.show_at(address, root, id, escalated),
            None => {}
        }
    }

    /// Has the first message of a thread say something of which nobody is sent a message there.
    fn show_at(
        &mut self,
        address: &Address,
        root: ThreadRoot,
        id: IncidentId,
        says: impl Fn(&Message, &Incident, Timestamp, &TimeZone) -> Option<Message>,
    ) {
        let (zone, _) = self.working_time(&root.message.team);
        let incident = self.incidents.get(id);
        let newest = incident.and_then(|incident| {
            // It may have become worse since.
            let first = Message {
                severity: incident.severity,
                kind: Some(incident.kind),
                ..Message::clone(&root.message)
            };
            says(&first, incident, self.now.wall, &zone)
        });
        if let Some(newest) = newest {
            let root = ThreadRoot {
                offer: self.offered_at(address, &root, id),
                ..root
            };
            self.act(Action::Change {
                channel: address.channel.clone(),
                root: Box::new(root),
                newest: Box::new(newest),
            });
        }
    }

    /// By what the incident of a thread can be taken on there, if nobody has it: by the newest message that offers it, be it
    /// that this one waits.
    fn offered_at(&self, address: &Address, root: &ThreadRoot, id: IncidentId) -> Option<AckOffer> {
        let incident = self.incidents.get(id)?;
        let line = (id, address.clone());
        let waiting = self
            .outbox
            .line(&line)
            .filter(|one| one.message.thread == root.message.thread);
        let waiting = waiting.filter_map(AckOffer::of).max_by_key(|offer| offer.message);
        let newest = waiting.or_else(|| root.offer.clone());
        newest.filter(|offer| incident.is_offered_by(offer, self.now.wall))
    }

    /// Somebody else was called, because nobody has answered: those who were told before see it, in the first message of each
    /// of their threads.
    pub(super) fn show_escalation(&mut self, id: IncidentId, to: &[Address]) {
        let roots = self.threads.first.get(&id).cloned().unwrap_or_default();
        for ((address, _), root) in roots {
            if !root.message.is_impact() && !to.contains(&address) {
                self.show_at(&address, root, id, escalated);
            }
        }
    }

    /// Somebody has taken an incident on, of which nobody is sent a message: the first message of each of its threads says so.
    pub(super) fn show_ack(&mut self, id: IncidentId, ack: &Ack) {
        let roots = self.threads.first.get(&id).cloned().unwrap_or_default();
        for ((address, _), root) in roots {
            self.show_at(&address, root, id, taken_on(ack));
        }
    }

    /// One message less of an incident is on its way: what is remembered for the others is forgotten with the last.
    pub(super) fn forget_if_told(&mut self, incident: IncidentId) {
        self.outbox.forget_end(incident);
        if self.incidents.get(incident).is_none() && !self.outbox.is_anything_waiting(incident) {
            self.threads.first.remove(&incident);
            self.forget_heard_of(incident);
        }
    }

    /// Whether a team was told of an incident at an address as one downstream; both where it was told as one that answers
    /// for it, too. That is the first then.
    pub(super) fn told_as_reader(&self, incident: IncidentId, team: &Name, address: &Address) -> BTreeSet<bool> {
        self.threads_of(incident, team, address, |_| true)
    }

    /// The same by what was taken or given up, and by what waits as far as that counts.
    fn threads_of(
        &self,
        incident: IncidentId,
        team: &Name,
        address: &Address,
        counts: impl Fn(&Notification) -> bool,
    ) -> BTreeSet<bool> {
        let heard = self.outbox.heard(team, incident, address).into_iter();
        let ended = heard.flat_map(|heard| heard.threads.iter().map(|thread| thread.ends_with(IMPACT_THREAD)));
        ended
            .chain(self.threads_waiting(incident, team, address, counts))
            .collect()
    }

    fn threads_waiting(
        &self,
        incident: IncidentId,
        team: &Name,
        address: &Address,
        counts: impl Fn(&Notification) -> bool,
    ) -> BTreeSet<bool> {
        let line = (incident, address.clone());
        let waiting = self.outbox.line(&line).filter(|waiting| waiting.told_for() == team);
        let waiting = waiting.filter(|waiting| counts(waiting));
        waiting.map(|waiting| waiting.message.is_impact()).collect()
    }

    /// Says of a team that has heard nothing yet if it does not answer for an incident.
    fn is_only_reader(&self, team: &Name, incident: &Incident) -> Option<bool> {
        (self.is_configured(incident) && self.owner_of(incident).0 != *team).then_some(true)
    }

    /// Whoever was told hears of the end in each thread in which it was: a mail program shows it there, and a pager has an
    /// alert for each.
    pub(super) fn tell_end(&mut self, incident: &Incident) {
        let id = incident.id;
        let mut stood_in: BTreeSet<(Address, Option<bool>)> = BTreeSet::new();
        for (team, address) in &incident.told {
            let all = self.told_as_reader(id, team, address);
            let is_former = !self.is_told_at(team, address) || self.is_withdrawn(team, incident, address);
            let is_sent = |one: &Notification| one.digest.is_some() || self.outbox.in_flight.contains(&one.id);
            let heard = self.outbox.heard(team, id, address);
            let known = match heard.is_some_and(|heard| heard.first_at.is_some()) {
                // What an address has refused that is no longer its team's, nobody reads there.
                false if is_former => self.threads_waiting(id, team, address, is_sent),
                _ => self.threads_of(id, team, address, |one| one.tries > 0 || is_sent(one)),
            };
            self.collapse(id, address, team);
            let threads: Vec<Option<bool>> = match known.is_empty() {
                false => known.into_iter().map(Some).collect(),
                // Whoever has seen nothing of it there, and is told elsewhere by now or has nothing to do with it, needs no
                // end of it.
                true if is_former => {
                    self.go_on(address);
                    continue;
                }
                // Of what nobody has seen the end is told by itself.
                true => vec![all.first().copied().or_else(|| self.is_only_reader(team, incident))],
            };
            for as_reader in threads {
                // The fallback may stand in for several teams.
                let is_once = self.stands_in_for(team, address);
                if is_once && !stood_in.insert((address.clone(), as_reader)) {
                    continue;
                }
                self.outbox.remember_end(id, address.clone());
                self.notify_in_thread(id, Purpose::Recovery, team, address.clone(), as_reader);
            }
        }
    }
}

/// Whom nobody's answer has called is said to those who answer for it, and to no reader.
fn taken_on(ack: &Ack) -> impl Fn(&Message, &Incident, Timestamp, &TimeZone) -> Option<Message> {
    move |root, incident, now, zone| {
        let escalated = match root.is_impact() {
            true => &[],
            false => incident.escalated_by_now(),
        };
        Some(alerting::acknowledged(root, escalated, ack, now, zone))
    }
}

fn escalated(root: &Message, incident: &Incident, now: Timestamp, zone: &TimeZone) -> Option<Message> {
    alerting::escalated(root, incident.escalated_by_now(), now, zone)
}
