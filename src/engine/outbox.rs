//! Notifications: stored with their cause, sent in order, tried until delivered or given up.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::{Engine, Wake};
use crate::alerting::retry::{GIVE_UP_AFTER, retry_delay};
use crate::model::{
    Action, Address, Delivery, DeliveryOutcome, Fact, Heard, IncidentId, Message, MessageFact, Name, Notification,
    NotificationId, NotificationState, Purpose, Reply, Severity, elapsed, later,
};

/// Longest wait that another side's Retry-After can ask for, in seconds.
const RETRY_AFTER_SECONDS_MAX: u64 = 3_600;

/// Fewest tries before a notification is given up: time that passed while nothing could be tried does not count.
const TRIES_MIN: u32 = 8;

/// Longest time to the next try by any rule: an hour and its jitter.
const WAIT_MAX: Duration = Duration::from_mins(66);

/// Notifications that are not yet delivered.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    pending: BTreeMap<NotificationId, Notification>,
    /// The same by incident and address, where their order counts.
    lines: HashMap<IncidentId, BTreeMap<Address, BTreeSet<NotificationId>>>,
    /// Where the end of a resolved incident was written to, for as long as something of it is on its way: what dies
    /// late falls back only to those who do not hear of the end anyway.
    ended: HashMap<IncidentId, BTreeSet<Address>>,
    /// What each address has heard of the incidents that are not over.
    heard: HashMap<IncidentId, BTreeMap<Address, Heard>>,
    /// Being sent right now: not sent a second time meanwhile.
    in_flight: HashSet<NotificationId>,
    /// Requests that wait for a test message to be delivered.
    pub(super) tests: HashMap<NotificationId, u64>,
    /// How the messages of a test that already ended went, by request.
    test_results: HashMap<u64, Vec<serde_json::Value>>,
}

type Line = (IncidentId, Address);

fn line_of(notification: &Notification) -> Option<Line> {
    Some((notification.incident?, notification.address.clone()))
}

impl Outbox {
    /// Oldest first.
    pub(super) fn values(&self) -> impl Iterator<Item = &Notification> {
        self.pending.values()
    }

    pub(super) fn insert(&mut self, notification: Notification) {
        if let Some(line) = line_of(&notification) {
            let (incident, address) = line;
            let of_incident = self.lines.entry(incident).or_default();
            of_incident.entry(address).or_default().insert(notification.id);
        }
        self.pending.insert(notification.id, notification);
    }

    fn remove(&mut self, id: NotificationId) -> Option<Notification> {
        let notification = self.pending.remove(&id)?;
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

    /// The end of an incident is written to this address.
    pub(super) fn remember_end(&mut self, incident: IncidentId, address: Address) {
        self.ended.entry(incident).or_default().insert(address);
    }

    pub(super) fn hears_of_end(&self, incident: IncidentId, address: &Address) -> bool {
        self.ended.get(&incident).is_some_and(|told| told.contains(address))
    }

    /// Forgets who hears of the end of an incident once nothing of it is on its way.
    fn forget_end(&mut self, incident: IncidentId) {
        if !self.lines.contains_key(&incident) {
            self.ended.remove(&incident);
        }
    }

    pub(super) fn heard_of(&mut self, incident: IncidentId, address: &Address) -> &mut Heard {
        let of_incident = self.heard.entry(incident).or_default();
        of_incident.entry(address.clone()).or_default()
    }

    pub(super) fn heard(&self, incident: IncidentId, address: &Address) -> Option<&Heard> {
        self.heard.get(&incident)?.get(address)
    }

    /// The incident is over.
    pub(super) fn forget_heard(&mut self, incident: IncidentId) {
        self.heard.remove(&incident);
    }

    /// The oldest message about an incident that waits for an address.
    pub(super) fn first_waiting(&self, incident: IncidentId, address: &Address) -> Option<&Notification> {
        let first = self.lines.get(&incident)?.get(address)?.first()?;
        self.pending.get(first)
    }

    /// What waits for the same address about the same incident, in order.
    fn line(&self, (incident, address): &Line) -> impl Iterator<Item = &Notification> {
        let of_incident = self.lines.get(incident);
        let ids = of_incident.and_then(|lines| lines.get(address)).into_iter().flatten();
        ids.filter_map(|id| self.pending.get(id))
    }
}

impl Engine {
    /// Writes and stores one notification, and sends it when it is its turn.
    pub(super) fn notify(&mut self, incident: IncidentId, purpose: Purpose, team: &Name, address: Address) {
        let Some(about) = self.incidents.get(incident).cloned() else {
            return;
        };
        if purpose == Purpose::Recovery {
            self.collapse(incident, &address);
        }
        let id = self.new_notification_id();
        let message = self.write(self.message_id(id), purpose, team, &about);
        self.put(id, Some(incident), address, message);
    }

    /// What was never sent is replaced by the recovery, which says it all.
    fn collapse(&mut self, incident: IncidentId, address: &Address) {
        let line = (incident, address.clone());
        let unsent = self.outbox.line(&line).map(|waiting| waiting.id);
        let unsent: Vec<_> = unsent.filter(|id| !self.outbox.in_flight.contains(id)).collect();
        for id in unsent {
            if let Some(notification) = self.outbox.remove(id) {
                self.collapsed(notification);
            }
        }
    }

    fn collapsed(&mut self, mut notification: Notification) {
        notification.state = NotificationState::Collapsed;
        notification.ended_at = Some(self.now.wall);
        self.fact(Fact::Notification(notification));
    }

    /// Messages by which somebody tries out addresses. The asker is answered when all of them have ended.
    pub(super) fn notify_test(&mut self, request: u64, addresses: Vec<(Name, Address)>, by: &str) {
        let numbered: Vec<_> = addresses
            .into_iter()
            .map(|to| (self.new_notification_id(), to))
            .collect();
        self.outbox.tests.extend(numbered.iter().map(|(id, _)| (*id, request)));
        for (id, (team, address)) in numbered {
            self.put_test(id, &team, address, by);
        }
    }

    fn put_test(&mut self, id: NotificationId, team: &Name, address: Address, by: &str) {
        let told = address.to_string();
        let message = Message {
            id: self.message_id(id),
            thread: format!("test-{id}"),
            incident: None,
            purpose: Purpose::Test,
            severity: Severity::Warning,
            kind: None,
            about: None,
            subject_name: team.clone(),
            since: None,
            subject: format!("[freshd] Test message to {team}"),
            headline: format!(
                "This is a test: freshd on {} can reach {team} through {told}.",
                self.host.hostname
            ),
            facts: vec![MessageFact {
                label: "Asked by".to_owned(),
                text: by.to_owned(),
            }],
            output: Vec::new(),
            commands: vec!["freshd status".to_owned()],
            team: team.clone(),
            owner: self.team_title(team),
            at: self.now.wall,
            trace: None,
        };
        self.put(id, None, address, message);
    }

    /// The same at every try, and unique over all state directories.
    pub(super) fn message_id(&self, id: NotificationId) -> String {
        format!("{:016x}.{id}", self.seed)
    }

    pub(super) fn put(&mut self, id: NotificationId, incident: Option<IncidentId>, address: Address, message: Message) {
        self.will_repeat(&address);
        let notification = Notification {
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
        };
        self.fact(Fact::Notification(notification.clone()));
        self.outbox.insert(notification);
        self.notification_due(id);
    }

    /// Sends a notification if its time has come and nothing of its incident goes to the same address before it.
    pub(super) fn notification_due(&mut self, id: NotificationId) {
        let Some(notification) = self.outbox.pending.get(&id) else {
            return;
        };
        if self.outbox.in_flight.contains(&id) {
            return;
        }
        let is_first = |line: Line| self.outbox.line(&line).next().is_none_or(|first| first.id == id);
        if !line_of(notification).is_none_or(is_first) {
            return;
        }
        let notification = notification.clone();
        if notification.next_try_at > self.now.wall {
            self.stand_in(&notification);
            self.wait_for_next_try(&notification);
            return;
        }
        self.outbox.in_flight.insert(id);
        self.act(Action::Send(Box::new(notification)));
    }

    /// Looks again when the next try is due, and when the fallback is to be told meanwhile.
    fn wait_for_next_try(&mut self, notification: &Notification) {
        let stands_in_at = Self::stands_in_at(notification).filter(|at| *at > self.now.wall);
        let at = stands_in_at.map_or(notification.next_try_at, |at| at.min(notification.next_try_at));
        self.wakes.arm(Wake::Notification(notification.id), at);
    }

    /// A try at sending ended.
    pub(super) fn delivered(&mut self, id: NotificationId, outcome: DeliveryOutcome) {
        if !self.outbox.in_flight.remove(&id) {
            return;
        }
        let Some(mut notification) = self.outbox.remove(id) else {
            return;
        };
        let now = self.now.wall;
        notification.tries += 1;
        match &outcome {
            DeliveryOutcome::Accepted => {
                notification.state = NotificationState::Delivered;
                notification.ended_at = Some(now);
                notification.last_error = None;
            }
            DeliveryOutcome::Temporary {
                error,
                retry_after_seconds,
            } => {
                notification.last_error = Some(error.clone());
                let asked = Duration::from_secs(retry_after_seconds.unwrap_or(0).min(RETRY_AFTER_SECONDS_MAX));
                let delay = retry_delay(notification.tries, crate::planner::hash(self.seed, id.0)).max(asked);
                notification.next_try_at = later(now, delay);
                let too_old = elapsed(notification.created_at, now) >= GIVE_UP_AFTER && notification.tries >= TRIES_MIN;
                if too_old || notification.incident.is_none() {
                    notification.state = NotificationState::Dead;
                    notification.ended_at = Some(now);
                }
            }
            DeliveryOutcome::Permanent { error } => {
                notification.last_error = Some(error.clone());
                notification.state = NotificationState::Dead;
                notification.ended_at = Some(now);
            }
        }
        self.fact(Fact::Delivery(Delivery {
            notification: id,
            number: notification.tries,
            at: now,
            outcome,
        }));
        let line = line_of(&notification);
        let followers = line.as_ref().map(|line| {
            self.outbox
                .line(line)
                .map(|next| (next.id, next.message.purpose))
                .collect()
        });
        let followers: Vec<_> = followers.unwrap_or_default();
        let is_over = followers.iter().any(|(_, purpose)| *purpose == Purpose::Recovery);
        if notification.state == NotificationState::Pending && is_over {
            // It is over already: the recovery that waits behind it says it all.
            self.collapsed(notification.clone());
        } else {
            self.fact(Fact::Notification(notification.clone()));
        }
        self.note_heard(&notification);
        if notification.state != NotificationState::Pending {
            self.tested(&notification);
        }
        match notification.state {
            NotificationState::Pending if !is_over => {
                self.outbox.insert(notification.clone());
                self.stand_in(&notification);
                self.wait_for_next_try(&notification);
                return;
            }
            NotificationState::Dead => {
                // Of what is over nobody else is told: the recovery that waits behind it says it all, and falls back itself.
                if !is_over {
                    let error = notification.last_error.as_deref().unwrap_or_default();
                    let why = format!("{} could not be reached: {error}", notification.address);
                    self.fall_back(&notification, &why);
                }
                self.address_is_broken(&notification);
            }
            NotificationState::Delivered => {
                self.note_end(&notification);
                self.own_problem_is_over(&Name::from(notification.address.to_string()));
            }
            NotificationState::Pending | NotificationState::Collapsed => {}
        }
        if let Some((next, _)) = followers.first() {
            self.notification_due(*next);
        }
        if let Some(incident) = notification.incident {
            self.outbox.forget_end(incident);
        }
    }

    /// Looks at every notification again. A try that lies further ahead than any rule puts it was decided by
    /// another clock, and is due now.
    pub(super) fn resume_sending(&mut self) {
        let ids: Vec<_> = self.outbox.pending.keys().copied().collect();
        for id in ids {
            let latest = later(self.now.wall, WAIT_MAX);
            if let Some(notification) = self.outbox.pending.get_mut(&id)
                && notification.next_try_at > latest
            {
                notification.next_try_at = self.now.wall;
            }
            self.notification_due(id);
        }
    }

    /// Messages that wait were written now at the latest, whatever a wrong clock said.
    pub(super) fn redate_notifications(&mut self) {
        let now = self.now.wall;
        let mut changed = Vec::new();
        for notification in self.outbox.pending.values_mut() {
            if notification.created_at > now {
                notification.created_at = now;
                changed.push(notification.clone());
            }
        }
        self.step.facts.extend(changed.into_iter().map(Fact::Notification));
    }

    /// One of the messages of a test is delivered or dead; the asker is told when that is so of all.
    fn tested(&mut self, notification: &Notification) {
        let Some(request) = self.outbox.tests.remove(&notification.id) else {
            return;
        };
        let delivered = notification.state == NotificationState::Delivered;
        let told = self.outbox.test_results.entry(request).or_default();
        told.push(serde_json::json!({
            "address": notification.address.to_string(),
            "delivered": delivered,
            "error": notification.last_error.as_ref().filter(|_| !delivered),
        }));
        if self.outbox.tests.values().any(|waiting| *waiting == request) {
            return;
        }
        let told = self.outbox.test_results.remove(&request).unwrap_or_default();
        let delivered = told.iter().all(|one| one["delivered"] == true);
        let reply = Reply::Done(serde_json::json!({ "delivered": delivered, "messages": told }));
        self.act(Action::Reply { id: request, reply });
    }
}
