//! A server that answers anybody may take what waits for others: what they could not be told because nobody answered is
//! tried at once, and not by what each of them has waited so far.

use super::Engine;
use super::backlog::Todo;
use crate::model::{Address, DeliveryOutcome, Notification, Purpose, Server};

impl Engine {
    /// A server has said something to a message that was tried, whatever it said: the others that it serves and that were
    /// not reached have their turn now, once: who meets nobody there all the same goes by its own time. Where it is a mail server and took what somebody tried it out with, so have those
    /// that it had refused for a while: it has no other way to say that it is in order again.
    pub(super) fn server_answered(&mut self, tried: &Notification, outcome: &DeliveryOutcome) {
        let address = &tried.address;
        let is_tried_out = tried.message.purpose == Purpose::Test && *outcome == DeliveryOutcome::Accepted;
        let concerned = self.outbox.by_address.iter().filter(|(other, line)| {
            let waits = line.is_unreachable() || is_tried_out && line.outage.is_some();
            *other != address && (waits || !line.in_flight.is_empty())
        });
        let concerned: Vec<Address> = concerned.map(|(other, _)| other.clone()).collect();
        if concerned.is_empty() {
            return;
        }
        let Some(server) = self.server_of(address) else {
            return;
        };
        for other in concerned {
            if self.server_of(&other).as_ref() != Some(&server) {
                continue;
            }
            let Some(line) = self.outbox.by_address.get_mut(&other) else {
                continue;
            };
            let is_mail = matches!(server, Server::Mail { .. });
            if !line.in_flight.is_empty() {
                // What is on its way is the try, unless it meets nobody all the same: then it may have begun too early.
                line.answered_meanwhile.extend(&line.in_flight);
            } else if is_tried_out && (is_mail || line.is_unreachable()) || line.tries_at_once() {
                self.try_now(&other);
                self.backlog.push_back(Todo::Address(other));
            }
        }
    }

    /// Whether the server of a message said something to another while this one was on its way.
    pub(super) fn was_answered_meanwhile(&mut self, tried: &Notification) -> bool {
        let line = self.outbox.by_address.get_mut(&tried.address);
        line.is_some_and(|line| line.answered_meanwhile.remove(&tried.id))
    }

    /// The next try is due. How often it has failed counts on: one that meets nobody again waits for longer than before, and is
    /// not brought forward once more.
    fn try_now(&mut self, address: &Address) {
        let now = self.now.wall;
        let line = self.outbox.by_address.get_mut(address);
        if let Some(outage) = line.and_then(|line| line.outage.as_mut()) {
            outage.next_try_at = outage.next_try_at.min(now);
        }
        self.refused_may_go(address);
        self.keep_line(address);
    }

    fn server_of(&self, address: &Address) -> Option<Server> {
        self.settings.channels.get(&address.channel)?.kind.server()
    }
}
