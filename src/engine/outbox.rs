//! Notifications: stored with their cause, sent in order, tried until delivered or given up.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::Engine;
use super::digest::is_digest;
use super::heard::{HeardAt, Stems};
use super::lines::AddressLine;
use crate::model::{
    ANSWER, About, Address, Fact, IncidentId, Message, Name, Notification, NotificationId, NotificationState, Purpose,
    zone_words,
};

/// Notifications that are not yet delivered.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    pending: BTreeMap<NotificationId, Notification>,
    /// The same by incident and address, where their order counts.
    lines: HashMap<IncidentId, BTreeMap<Address, BTreeSet<NotificationId>>>,
    /// What waits for each address, about whatever incident.
    pub(super) by_address: BTreeMap<Address, AddressLine>,
    /// Where the end of a resolved incident was written to, for as long as something of it is on its way: what dies
    /// late falls back only to those who do not hear of the end anyway.
    ended: HashMap<IncidentId, BTreeSet<Address>>,
    /// What has been heard at each address of the incidents that are not over, of which something is on its way, or with which
    /// something that is there was told.
    pub(super) heard: HashMap<IncidentId, BTreeMap<Address, HeardAt>>,
    /// By what subjects the threads of the same were begun.
    pub(super) stems: HashMap<IncidentId, Stems>,
    /// Incidents that are over but for their end, which is about to say it all.
    pub(super) ending: HashSet<IncidentId>,
    /// Being sent right now: not sent a second time meanwhile.
    pub(super) in_flight: HashSet<NotificationId>,
    /// Requests that wait for a test message to be delivered.
    pub(super) tests: HashMap<NotificationId, u64>,
    /// How the messages of a test that already ended went, by request.
    pub(super) test_results: HashMap<u64, Vec<serde_json::Value>>,
}

pub(super) type Line = (IncidentId, Address);

fn line_of(notification: &Notification) -> Option<Line> {
    Some((notification.incident?, notification.address.clone()))
}

/// What a message is about, whichever incident it belongs to.
pub(super) fn thing_of(notification: &Notification) -> Option<(About, Name)> {
    let message = &notification.message;
    Some((message.about?, message.subject_name.clone()))
}

impl Outbox {
    /// Oldest first.
    pub(super) fn values(&self) -> impl Iterator<Item = &Notification> {
        self.pending.values()
    }

    pub(super) fn get(&self, id: NotificationId) -> Option<&Notification> {
        self.pending.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: NotificationId) -> Option<&mut Notification> {
        self.pending.get_mut(&id)
    }

    pub(super) fn insert(&mut self, notification: Notification) {
        let id = notification.id;
        if let Some(line) = line_of(&notification) {
            let (incident, address) = line;
            let of_incident = self.lines.entry(incident).or_default();
            of_incident.entry(address).or_default().insert(id);
        }
        if notification.message.purpose != Purpose::Test {
            let line = self.by_address.entry(notification.address.clone()).or_default();
            if let Some(thing) = thing_of(&notification) {
                line.things.entry(thing).or_default().insert(id);
            }
            match notification.digest {
                Some(_) => drop(line.gathered.insert(id)),
                None if is_digest(&notification) => line.digest = Some(id),
                None => drop(line.waiting.insert(id)),
            }
        }
        self.pending.insert(id, notification);
    }

    pub(super) fn remove(&mut self, id: NotificationId) -> Option<Notification> {
        let notification = self.pending.remove(&id)?;
        if let Some(line) = self.by_address.get_mut(&notification.address) {
            line.waiting.remove(&id);
            line.gathered.remove(&id);
            line.in_flight.remove(&id);
            line.digest.take_if(|digest| *digest == id);
            if let Some(thing) = thing_of(&notification)
                && let Some(others) = line.things.get_mut(&thing)
            {
                others.remove(&id);
                if others.is_empty() {
                    line.things.remove(&thing);
                }
            }
        }
        if let Some((incident, address)) = line_of(&notification)
            && let Some(of_incident) = self.lines.get_mut(&incident)
            && let Some(others) = of_incident.get_mut(&address)
        {
            others.remove(&id);
            if others.is_empty() {
                of_incident.remove(&address);
            }
            if of_incident.is_empty() {
                self.lines.remove(&incident);
            }
        }
        Some(notification)
    }

    /// Marks a message as on its way.
    pub(super) fn hand_over(&mut self, id: NotificationId) -> Option<Notification> {
        let notification = self.pending.get(&id)?;
        if !self.in_flight.insert(id) {
            return None;
        }
        if notification.message.purpose != Purpose::Test {
            let line = self.by_address.entry(notification.address.clone()).or_default();
            line.in_flight.insert(id);
            if line.outage.is_some() {
                line.probe = Some(id);
            }
        }
        Some(notification.clone())
    }

    /// What the digest under way to an address tells of, oldest first.
    pub(super) fn gathered(&self, address: &Address) -> Vec<NotificationId> {
        let line = self.by_address.get(address).into_iter();
        line.flat_map(|line| line.gathered.iter().copied()).collect()
    }

    /// Whether the recovery for the same team waits behind a message, which says it all. Whoever stands in for several
    /// teams gets one end for all of them in each thread.
    pub(super) fn is_over_behind(&self, notification: &Notification) -> bool {
        let Some(line) = line_of(notification) else {
            return false;
        };
        let mut behind = self.line(&line).filter(|other| other.id > notification.id);
        let is_for_all = |end: &Notification| {
            let (message, end) = (&notification.message, &end.message);
            message.stands_in_for.is_some() && end.stands_in_for.is_some() && message.thread == end.thread
        };
        behind.any(|other| {
            let is_theirs = other.told_for() == notification.told_for() || is_for_all(other);
            other.message.purpose == Purpose::Recovery && is_theirs
        })
    }

    /// What an address last said, while it takes nothing.
    pub(super) fn outage_error(&self, address: &Address) -> Option<&str> {
        let outage = self.by_address.get(address)?.outage.as_ref()?;
        Some(&outage.error)
    }

    /// The end of an incident is written to this address.
    pub(super) fn remember_end(&mut self, incident: IncidentId, address: Address) {
        self.ended.entry(incident).or_default().insert(address);
    }

    pub(super) fn hears_of_end(&self, incident: IncidentId, address: &Address) -> bool {
        self.ended.get(&incident).is_some_and(|told| told.contains(address))
    }

    /// Forgets who hears of the end of an incident once nothing of it is on its way.
    pub(super) fn forget_end(&mut self, incident: IncidentId) {
        if !self.lines.contains_key(&incident) {
            self.ended.remove(&incident);
        }
    }

    pub(super) fn is_anything_waiting(&self, incident: IncidentId) -> bool {
        self.lines.contains_key(&incident)
    }

    /// By what subject an address knows the thread of a message, else by what the thread was begun elsewhere: whatever has
    /// become of the incident since, people call it by one name in every channel.
    fn stem(&self, incident: IncidentId, address: &Address, message: &Message) -> Option<&str> {
        let thread = &message.thread;
        let line = (incident, address.clone());
        let waits = || self.line(&line).find(|waiting| waiting.message.thread == *thread);
        let subject = self
            .subject_of(incident, address, thread)
            .or_else(|| waits().map(|first| &first.message.subject))
            .or_else(|| self.first_subject(incident, thread, message.told_for()))?;
        Some(subject.strip_prefix(ANSWER).unwrap_or(subject))
    }

    /// Whether an address has taken a message of a thread, or is to get one before what is put in now. A line of a digest is
    /// none: it stands in a conversation of its own.
    fn has_begun(&self, incident: IncidentId, address: &Address, thread: &str) -> bool {
        let line = (incident, address.clone());
        let mut by_itself = self.line(&line).filter(|waiting| waiting.digest.is_none());
        self.has_taken(incident, address, thread) || by_itself.any(|waiting| waiting.message.thread == thread)
    }

    /// Addresses for which something about an incident waits.
    pub(super) fn addresses_of(&self, incident: IncidentId) -> impl Iterator<Item = &Address> {
        self.lines.get(&incident).into_iter().flat_map(BTreeMap::keys)
    }

    /// What waits about an incident, wherever it goes.
    pub(super) fn waiting_of(&self, incident: IncidentId) -> impl Iterator<Item = &Notification> {
        let lines = self.lines.get(&incident).into_iter().flat_map(BTreeMap::values);
        lines.flatten().filter_map(|id| self.pending.get(id))
    }

    /// The oldest message about an incident that waits for an address.
    pub(super) fn first_waiting(&self, incident: IncidentId, address: &Address) -> Option<&Notification> {
        let first = self.lines.get(&incident)?.get(address)?.first()?;
        self.pending.get(first)
    }

    /// The same for one of the teams that are told there.
    pub(super) fn first_waiting_for(
        &self,
        team: &Name,
        incident: IncidentId,
        address: &Address,
    ) -> Option<&Notification> {
        let line = (incident, address.clone());
        self.line(&line).find(|waiting| waiting.told_for() == team)
    }

    /// What waits for the same address about the same incident, in order.
    pub(super) fn line(&self, (incident, address): &Line) -> impl Iterator<Item = &Notification> {
        self.waiting_at(*incident, address)
    }

    /// What waits for an address about an incident, in order.
    pub(super) fn waiting_at(&self, incident: IncidentId, address: &Address) -> impl Iterator<Item = &Notification> {
        let of_incident = self.lines.get(&incident);
        let ids = of_incident.and_then(|lines| lines.get(address)).into_iter().flatten();
        ids.filter_map(|id| self.pending.get(id))
    }
}

impl Engine {
    /// Writes and stores one notification, and sends it when it is its turn.
    pub(super) fn notify(&mut self, incident: IncidentId, purpose: Purpose, team: &Name, address: Address) {
        // Where a team was told as one that answers for it, it goes on there.
        let as_reader = self.told_as_reader(incident, team, &address).first().copied();
        self.notify_in_thread(incident, purpose, team, address, as_reader);
    }

    /// The same in the thread of those downstream, or of those who answer for it, where it was told before.
    pub(super) fn notify_in_thread(
        &mut self,
        incident: IncidentId,
        purpose: Purpose,
        team: &Name,
        address: Address,
        as_reader: Option<bool>,
    ) {
        let Some(about) = self.incidents.get(incident).cloned() else {
            return;
        };
        // Whoever was told there before hears of the end there, too.
        if purpose != Purpose::Recovery {
            self.withdraw_elsewhere(incident, team);
        }
        self.hold_for_others(&about, purpose, &address);
        let id = self.new_notification_id();
        let mut message = match purpose == Purpose::Opening && about.opened_at < Some(self.now.wall) {
            // Whoever comes to it later reads how it is by now.
            true => self.write_first(&self.message_id(id), purpose, (team, &address), &about, as_reader),
            false => self.write(self.message_id(id), purpose, (team, &address), &about, as_reader),
        };
        if purpose == Purpose::Update && self.outbox.is_first_to_be_heard(&message, incident, &address) {
            let first = if message.is_impact() {
                Purpose::Impact
            } else {
                Purpose::Opening
            };
            message = self.write_first(&message.id, first, (team, &address), &about, as_reader);
        }
        self.say_instead_of(&mut message, &about, &address);
        self.put(id, Some(incident), address, message);
    }

    /// A team is told where jobs.toml has it reached now: what waits for an address that is no longer its own is not sent.
    fn withdraw_elsewhere(&mut self, incident: IncidentId, team: &Name) {
        let waiting = self.outbox.addresses_of(incident);
        let former: Vec<Address> = waiting.filter(|it| !self.is_told_at(team, it)).cloned().collect();
        for address in former {
            self.collapse(incident, &address, team);
            self.go_on(&address);
        }
    }

    /// What was never sent is replaced by the recovery, which says it all to its team. Another team that shares the address
    /// gets an end of its own, perhaps in a thread of its own.
    pub(super) fn collapse(&mut self, incident: IncidentId, address: &Address, team: &Name) {
        let line = (incident, address.clone());
        let waiting = self.outbox.line(&line);
        let waiting = waiting.filter(|waiting| waiting.digest.is_none() && waiting.told_for() == team);
        let unsent = waiting.map(|waiting| waiting.id);
        let unsent: Vec<_> = unsent.filter(|id| !self.outbox.in_flight.contains(id)).collect();
        for id in unsent {
            if let Some(notification) = self.outbox.remove(id) {
                self.collapsed(notification);
            }
        }
    }

    pub(super) fn collapsed(&mut self, mut notification: Notification) {
        notification.state = NotificationState::Collapsed;
        notification.ended_at = Some(self.now.wall);
        self.fact(Fact::Notification(notification));
    }

    /// The same at every try, and unique over all state directories.
    pub(super) fn message_id(&self, id: NotificationId) -> String {
        format!("{:016x}.{id}", self.seed)
    }

    pub(super) fn put(&mut self, id: NotificationId, incident: Option<IncidentId>, address: Address, message: Message) {
        self.will_repeat(&address);
        let mut message = match incident {
            Some(incident) => self.in_its_thread(incident, &address, message),
            None => message,
        };
        let is_test = message.purpose == Purpose::Test;
        if !is_test && message.zone.is_none() {
            let zone = self.zone_at(message.told_for(), &address);
            message.zone = Some(zone_words(zone, self.now.wall));
        }
        if !is_test {
            self.gather_when_back(&address);
        }
        let line = self.outbox.by_address.get(&address).filter(|_| !is_test);
        let pace = line.and_then(|line| line.pace);
        let mut notification = self.notification(id, incident, address, message);
        let waits = self.outbox.waits_for_others(&notification, self.now.wall);
        let next = self.outbox.next_in_stead(&notification.address, self.now.wall);
        let with_others = next.filter(|_| waits);
        notification.next_try_at = notification
            .next_try_at
            .max(pace.max(with_others).unwrap_or(self.now.wall));
        self.fact(Fact::Notification(notification.clone()));
        self.wait_to_stand_in(&notification);
        self.outbox.insert(notification.clone());
        if is_test {
            self.send(id);
        } else {
            self.go_on(&notification.address);
        }
    }

    /// A message under the subject by which its address knows the thread; what no message has come before is no answer.
    fn in_its_thread(&self, incident: IncidentId, address: &Address, message: Message) -> Message {
        let message = match self.outbox.stem(incident, address, &message).map(str::to_owned) {
            Some(stem) => message.under(&stem),
            None => message,
        };
        // What was heard is known while it goes on.
        let is_known =
            self.incidents.get(incident).is_none() || self.outbox.has_begun(incident, address, &message.thread);
        if is_known { message } else { message.as_first() }
    }

    /// One message to one address, decided now.
    pub(super) fn notification(
        &self,
        id: NotificationId,
        incident: Option<IncidentId>,
        address: Address,
        mut message: Message,
    ) -> Notification {
        let team = self.settings.teams.get(&message.team);
        message.team_title = team.and_then(|team| team.title.clone());
        Notification {
            id,
            incident,
            address,
            message: Arc::new(message),
            state: NotificationState::Pending,
            tries: 0,
            next_try_at: self.now.wall,
            created_at: self.now.wall,
            ended_at: None,
            last_error: None,
            receipt: None,
            digest: None,
        }
    }
}
