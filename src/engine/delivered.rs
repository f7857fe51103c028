//! What a try at sending came to, and what follows for others from it.

use std::time::Duration;

use super::Engine;
use super::digest::is_digest;
use super::lines::Refusal;
use crate::model::{Delivery, DeliveryOutcome, Fact, Name, Notification, NotificationId, NotificationState, Purpose};

/// Longest wait that another side's Retry-After can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

impl Engine {
    /// A try at sending ended.
    pub(super) fn delivered(&mut self, id: NotificationId, outcome: DeliveryOutcome, receipt: Option<String>) {
        if !self.outbox.in_flight.remove(&id) {
            return;
        }
        let Some(mut notification) = self.outbox.remove(id) else {
            return;
        };
        notification.tries += 1;
        self.settle(&mut notification, &outcome);
        notification.receipt = receipt;
        if outcome.is_answer() {
            self.server_answered(&notification, &outcome);
        }
        self.note_thread(&notification);
        self.fact(Fact::Delivery(Delivery {
            notification: id,
            number: notification.tries,
            at: self.now.wall,
            outcome,
        }));
        let is_over = self.outbox.is_over_behind(&notification);
        if notification.state == NotificationState::Pending && is_over {
            // It is over already: the recovery that waits behind it says it all.
            self.collapsed(notification.clone());
        } else {
            self.fact(Fact::Notification(notification.clone()));
            self.ended_or_waits(&notification, is_over);
            if notification.state == NotificationState::Delivered {
                self.end_overtaken(&notification);
            }
        }
        if let Some(incident) = notification.incident {
            // Somebody may have taken it on while this was on its way.
            self.tell_anew_at(incident, &notification.address);
            self.forget_if_told(incident);
        }
        if notification.message.purpose != Purpose::Test || notification.state == NotificationState::Delivered {
            self.give_up_what_is_old(&notification.address);
            self.go_on(&notification.address);
        }
    }

    /// Whether a message is delivered by what the other side answered, dead, or to be tried again; and what that says of
    /// its address.
    fn settle(&mut self, notification: &mut Notification, outcome: &DeliveryOutcome) {
        let now = self.now.wall;
        let is_test = notification.message.purpose == Purpose::Test;
        let answered_meanwhile = self.was_answered_meanwhile(notification);
        match outcome {
            DeliveryOutcome::Accepted => {
                notification.state = NotificationState::Delivered;
                notification.last_error = None;
            }
            DeliveryOutcome::Temporary { error, .. } | DeliveryOutcome::Unreachable { error } => {
                notification.last_error = Some(error.clone());
                if is_test {
                    notification.state = NotificationState::Dead;
                } else {
                    let refusal = Refusal {
                        error,
                        asked: outcome.retry_after().min(RETRY_AFTER_MAX),
                        is_unreachable: outcome.is_unreachable(),
                        answered_meanwhile,
                    };
                    self.address_refused(notification, refusal);
                }
            }
            DeliveryOutcome::Permanent { error } | DeliveryOutcome::Unsent { error } => {
                notification.last_error = Some(error.clone());
                notification.state = NotificationState::Dead;
            }
        }
        if notification.state != NotificationState::Pending {
            notification.ended_at = Some(now);
        }
        // That nobody takes a message by which somebody tries an address out says nothing of those that wait. That it was
        // taken says that they can go: whoever has mended the mail server need not wait for the next try.
        let says_that_it_works = match outcome {
            DeliveryOutcome::Accepted => true,
            // What cannot be sent is at fault itself, and holds up no other.
            DeliveryOutcome::Permanent { .. } | DeliveryOutcome::Unsent { .. } => !is_test,
            DeliveryOutcome::Temporary { .. } | DeliveryOutcome::Unreachable { .. } => false,
        };
        if says_that_it_works {
            self.address_answered(notification);
        }
    }

    /// What follows for others from a message that was delivered, died, or is to be tried again.
    pub(super) fn ended_or_waits(&mut self, notification: &Notification, is_over: bool) {
        self.note_heard(notification);
        if notification.state == NotificationState::Pending {
            self.outbox.insert(notification.clone());
            self.stand_in(notification);
            return;
        }
        if is_digest(notification) {
            self.digest_ended(notification);
            return;
        }
        self.tested(notification);
        if notification.state == NotificationState::Dead {
            // Of what is over nobody else is told: the recovery that waits behind it, or is to follow soon, says it all, and
            // falls back itself.
            if !is_over && !self.outbox.is_held_back(notification) {
                let error = notification.last_error.as_deref().unwrap_or_default();
                let why = self.unreached(
                    &notification.message.team,
                    &notification.address,
                    error,
                    notification.incident,
                );
                self.fall_back(notification, &|_| why.clone());
            }
            self.address_is_broken(notification);
        } else {
            self.note_end(notification);
            self.own_problem_is_over(&Name::from(notification.address.to_string()));
        }
    }
}
