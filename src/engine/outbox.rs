//! Notifications: stored with their cause, sent in order, tried until delivered or given up.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Engine, Wake};
use crate::alerting::retry::{GIVE_UP_AFTER, retry_delay};
use crate::model::{
    Action, Address, Delivery, DeliveryOutcome, Fact, IncidentId, Message, MessageFact, Name, Notification,
    NotificationId, NotificationState, Purpose, Reply, Severity, elapsed, later,
};

/// Longest wait that another side's Retry-After can ask for, in seconds.
const RETRY_AFTER_SECONDS_MAX: u64 = 3_600;

/// Notifications that are not yet delivered.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) pending: BTreeMap<NotificationId, Notification>,
    /// Being sent right now: not sent a second time meanwhile.
    pub(super) in_flight: HashSet<NotificationId>,
    /// Requests that wait for a test message to be delivered.
    pub(super) tests: HashMap<NotificationId, u64>,
}

impl Engine {
    /// Writes and stores one notification, and sends it when it is its turn.
    pub(super) fn notify(&mut self, incident: IncidentId, purpose: Purpose, team: &Name, address: Address) {
        let Some(about) = self.incidents.get(&incident).cloned() else {
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
        let waiting = |notification: &&Notification| {
            notification.incident == Some(incident)
                && notification.address == *address
                && !self.outbox.in_flight.contains(&notification.id)
        };
        let superseded: Vec<_> = self
            .outbox
            .pending
            .values()
            .filter(waiting)
            .map(|waiting| waiting.id)
            .collect();
        for id in superseded {
            if let Some(mut notification) = self.outbox.pending.remove(&id) {
                notification.state = NotificationState::Collapsed;
                notification.ended_at = Some(self.now.wall);
                self.fact(Fact::Notification(notification));
            }
        }
    }

    /// A message by which somebody tries out an address.
    pub(super) fn notify_test(&mut self, team: &Name, address: Address, by: &str) -> NotificationId {
        let id = self.new_notification_id();
        let told = address.to_string();
        let message = Message {
            id: self.message_id(id),
            thread: format!("test-{id}"),
            incident: None,
            purpose: Purpose::Test,
            severity: Severity::Warning,
            kind: None,
            subject_name: team.clone(),
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
        };
        self.put(id, None, address, message);
        id
    }

    /// The same at every try, and unique over all state directories.
    fn message_id(&self, id: NotificationId) -> String {
        format!("{:016x}.{id}", self.seed)
    }

    fn put(&mut self, id: NotificationId, incident: Option<IncidentId>, address: Address, message: Message) {
        let notification = Notification {
            id,
            incident,
            address,
            message,
            state: NotificationState::Pending,
            tries: 0,
            next_try_at: self.now.wall,
            created_at: self.now.wall,
            ended_at: None,
            last_error: None,
        };
        self.fact(Fact::Notification(notification.clone()));
        self.outbox.pending.insert(id, notification);
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
        let is_before = |other: &Notification| {
            other.id < id && other.incident == notification.incident && other.address == notification.address
        };
        if notification.incident.is_some() && self.outbox.pending.values().any(is_before) {
            return;
        }
        if notification.next_try_at > self.now.wall {
            let at = notification.next_try_at;
            self.wakes.arm(Wake::Notification(id), at);
            return;
        }
        let notification = notification.clone();
        self.outbox.in_flight.insert(id);
        self.act(Action::Send(Box::new(notification)));
    }

    /// A try at sending ended.
    pub(super) fn delivered(&mut self, id: NotificationId, outcome: DeliveryOutcome) {
        self.outbox.in_flight.remove(&id);
        let Some(mut notification) = self.outbox.pending.get(&id).cloned() else {
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
                let delay = match retry_after_seconds {
                    Some(seconds) => std::time::Duration::from_secs((*seconds).min(RETRY_AFTER_SECONDS_MAX)),
                    None => retry_delay(notification.tries, crate::planner::hash(self.seed, id.0)),
                };
                notification.next_try_at = later(now, delay);
                if elapsed(notification.created_at, now) >= GIVE_UP_AFTER || notification.incident.is_none() {
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
        self.fact(Fact::Notification(notification.clone()));
        if let Some(request) = self.outbox.tests.remove(&id) {
            self.reply_to_test(request, &notification);
        }
        if notification.state == NotificationState::Pending {
            self.wakes.arm(Wake::Notification(id), notification.next_try_at);
            self.outbox.pending.insert(id, notification);
            return;
        }
        self.outbox.pending.remove(&id);
        if notification.state == NotificationState::Dead {
            self.fall_back(&notification);
        }
        let next = self.outbox.pending.values().find(|next| {
            next.incident.is_some() && next.incident == notification.incident && next.address == notification.address
        });
        if let Some(next) = next.map(|next| next.id) {
            self.notification_due(next);
        }
    }

    /// What could not be delivered goes to the fallback, unless it went there already.
    fn fall_back(&mut self, dead: &Notification) {
        let Some(incident) = dead.incident else { return };
        for address in self.settings.fallback.clone() {
            let known = self.incidents.get(&incident).cloned();
            let told = known
                .as_ref()
                .is_some_and(|incident| incident.told.iter().any(|(_, told)| *told == address));
            if told || address == dead.address {
                continue;
            }
            let id = self.new_notification_id();
            let mut message = dead.message.clone();
            message.id = self.message_id(id);
            let error = dead.last_error.clone().unwrap_or_default();
            let text = format!("{} could not be reached: {error}", dead.address);
            message.facts.insert(
                0,
                MessageFact {
                    label: "Instead of".to_owned(),
                    text,
                },
            );
            if let Some(mut incident) = known {
                incident
                    .told
                    .push((Name::from(super::incidents::FALLBACK), address.clone()));
                self.fact(Fact::Incident(incident.clone()));
                self.incidents.insert(incident.id, incident);
            }
            self.put(id, Some(incident), address, message);
        }
    }

    fn reply_to_test(&mut self, request: u64, notification: &Notification) {
        let reply = match notification.state {
            NotificationState::Delivered => Reply::Done(serde_json::json!({
                "address": notification.address.to_string(),
                "delivered": true,
            })),
            _ => Reply::Refused(format!(
                "{}: {}",
                notification.address,
                notification.last_error.as_deref().unwrap_or("not delivered")
            )),
        };
        self.act(Action::Reply { id: request, reply });
    }
}
