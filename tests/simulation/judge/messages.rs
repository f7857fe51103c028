//! A decided message arrives at least once or is shown dead, under one id, and never before it is stored.

use std::collections::HashMap;
use std::time::Duration;

use freshd::model::{
    Address, DeliveryOutcome, Fact, Notification, NotificationId, NotificationState, Purpose, TAKEN_ON, elapsed,
};
use freshd::simulation::Answer;

use super::overtaking::overtakes;
use super::{Judged, Ledger, hold};

const AT_LEAST_ONCE: &str = "told at least once";

/// A message may be given up untried once it is so old and so many tries at its address have failed.
const GIVEN_UP_AFTER: Duration = Duration::from_hours(72);
const FAILED_MIN: u32 = 8;

/// What was really sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Messages {
    by_id: HashMap<NotificationId, Sent>,
    ids: HashMap<String, NotificationId>,
    /// Tries that freshd may have been told of as failed, by address.
    failed: HashMap<Address, u32>,
}

#[derive(Clone, Debug, Default)]
struct Sent {
    message_id: String,
    tries: u32,
    arrived: bool,
    taken: bool,
}

impl Messages {
    /// freshd is about to send something.
    pub(super) fn sends(notification: &Notification, ledger: &Ledger) -> Judged {
        let stored = ledger.notifications.get(&notification.id);
        let fine = stored.is_some_and(|stored| stored.state == NotificationState::Pending);
        hold(fine, "commit before act", || {
            format!(
                "message {} to {} is sent before it is stored",
                notification.id, notification.address
            )
        })?;
        hold(notification.digest.is_none(), "told once", || {
            format!("message {} is sent, and in a digest too", notification.id)
        })?;
        let before = ledger
            .pending
            .range(..notification.id)
            .filter_map(|id| ledger.notifications.get(id))
            .find(|other| {
                other.incident.is_some()
                    && other.incident == notification.incident
                    && other.address == notification.address
                    && !overtakes(notification, other, ledger.notifications.values())
            });
        hold(before.is_none(), "in order", || {
            format!(
                "message {} is sent before {:?}",
                notification.id,
                before.map(|other| other.id)
            )
        })
    }

    /// Somebody at the other end has it, or has refused it.
    pub(super) fn tried(&mut self, notification: &Notification, answer: &Answer, ledger: &Ledger) -> Judged {
        let id = notification.id;
        let message_id = &notification.message.id;
        let owner = *self.ids.entry(message_id.clone()).or_insert(id);
        hold(owner == id, "the same message", || {
            format!("messages {owner} and {id} are both called {message_id}")
        })?;
        let sent = self.by_id.entry(id).or_default();
        if sent.tries == 0 {
            sent.message_id.clone_from(message_id);
        }
        hold(sent.message_id == *message_id, "the same message", || {
            format!("message {id} was called {} and is now {message_id}", sent.message_id)
        })?;
        let stored = ledger.notifications.get(&id).map(|stored| &stored.message);
        hold(stored == Some(&notification.message), "the same message", || {
            format!("message {id} is not sent as it is stored")
        })?;
        sent.tries += 1;
        if answer.outcome != DeliveryOutcome::Accepted {
            *self.failed.entry(notification.address.clone()).or_default() += 1;
        }
        sent.arrived |= answer.arrives;
        sent.taken |= answer.outcome == DeliveryOutcome::Accepted;
        Ok(())
    }

    /// What is told of a message is what became of it.
    pub(super) fn stored(&self, notification: &Notification, facts: &[Fact], ledger: &Ledger) -> Judged {
        let id = notification.id;
        if let Some(digest) = notification.digest {
            return self.in_digest(notification, digest, ledger);
        }
        let sent = self.by_id.get(&id).cloned().unwrap_or_default();
        match notification.state {
            NotificationState::Pending => Ok(()),
            NotificationState::Delivered => hold(sent.arrived && sent.taken, AT_LEAST_ONCE, || {
                format!("message {id} is told as delivered, and was not")
            }),
            NotificationState::Dead => {
                let ended_at = notification.ended_at.unwrap_or(notification.created_at);
                let is_old = elapsed(notification.created_at, ended_at) >= GIVEN_UP_AFTER;
                let failed = self.failed.get(&notification.address).copied().unwrap_or(0);
                let is_hopeless = is_old && failed >= FAILED_MIN;
                hold(sent.tries > 0 || is_hopeless, AT_LEAST_ONCE, || {
                    format!("message {id} is dead untried")
                })
            }
            NotificationState::Collapsed => {
                let says_all = |other: &Notification| {
                    let is_taken_news = other.state == NotificationState::Delivered
                        && overtakes(other, notification, ledger.notifications.values());
                    (other.message.purpose == Purpose::Recovery || is_taken_news)
                        && other.incident == notification.incident
                        && other.address == notification.address
                };
                let in_step = facts
                    .iter()
                    .any(|fact| matches!(fact, Fact::Notification(other) if says_all(other)));
                let stored = ledger.notifications.range(id..).any(|(_, other)| says_all(other));
                let is_other = || is_other_by_now(notification, ledger);
                let is_told = || is_told_anew(notification, facts) || need_not_answer(notification, facts, ledger);
                hold(in_step || stored || is_other() && is_told(), AT_LEAST_ONCE, || {
                    format!("message {id} is left out, and nothing says it all")
                })
            }
        }
    }

    /// What is in a digest stays there, is named by it, and is told as the digest is.
    fn in_digest(&self, notification: &Notification, digest: NotificationId, ledger: &Ledger) -> Judged {
        let id = notification.id;
        let told = ledger.notifications.get(&digest);
        let is_named = told.is_some_and(|told| {
            let mut lines = told.message.incidents.iter();
            told.address == notification.address && lines.any(|line| Some(line.incident) == notification.incident)
        });
        hold(is_named, AT_LEAST_ONCE, || {
            format!("message {id} is in digest {digest}, which does not say so")
        })?;
        let sent = self.by_id.get(&digest).cloned().unwrap_or_default();
        let fine = match notification.state {
            NotificationState::Pending => true,
            NotificationState::Delivered => sent.arrived && sent.taken,
            NotificationState::Dead => sent.tries > 0,
            NotificationState::Collapsed => false,
        };
        let is_alike = told.is_some_and(|told| told.state == notification.state);
        hold(fine && is_alike, AT_LEAST_ONCE, || {
            format!(
                "message {id} is told as {:?} by digest {digest}, and was not",
                notification.state
            )
        })
    }
}

/// Whether another says the same thing to the same, and for the same.
fn is_alike(one: &Notification, other: &Notification) -> bool {
    one.incident.is_some()
        && (one.incident, &one.address) == (other.incident, &other.address)
        && one.told_for() == other.told_for()
}

/// Whether somebody has taken an incident on since a message was written, or has it no more of whom that says so.
fn is_other_by_now(notification: &Notification, ledger: &Ledger) -> bool {
    let ended_at = notification.ended_at.unwrap_or(notification.created_at);
    let incident = notification.incident.and_then(|id| ledger.incidents.get(&id));
    match incident.and_then(|incident| incident.taken_on(ended_at)) {
        Some(ack) => ack.at >= notification.message.at,
        None => notification.message.facts.iter().any(|fact| fact.label == TAKEN_ON),
    }
}

/// Whether a new message takes the place of one in the same step, which is still to arrive then. Only news does.
fn is_told_anew(notification: &Notification, facts: &[Fact]) -> bool {
    let is_news = |other: &Notification| {
        matches!(
            other.message.purpose,
            Purpose::Opening | Purpose::Impact | Purpose::Update
        )
    };
    facts.iter().any(|fact| {
        matches!(fact, Fact::Notification(other) if other.id > notification.id
            && other.state == NotificationState::Pending && is_news(other) && is_alike(notification, other))
    })
}

/// Whether a message asks for what somebody has done since it was written, and its reader knows of its incident: the first
/// word of it is never withdrawn.
fn need_not_answer(notification: &Notification, facts: &[Fact], ledger: &Ledger) -> bool {
    let asks = matches!(notification.message.purpose, Purpose::Reminder | Purpose::Escalation);
    let incident = notification.incident.and_then(|id| ledger.incidents.get(&id));
    let ended_at = notification.ended_at.unwrap_or(notification.created_at);
    let is_answered = incident.is_some_and(|incident| incident.taken_on(ended_at).is_some());
    let is_known = || {
        let in_step = facts.iter().filter_map(|fact| match fact {
            Fact::Notification(other) => Some(other),
            _ => None,
        });
        let mut others = in_step.chain(ledger.notifications.values());
        others.any(|other| other.state == NotificationState::Delivered && is_alike(notification, other))
    };
    asks && is_answered && is_known()
}
