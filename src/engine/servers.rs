//! A server that answers anybody may take what waits for others: what they could not be told because nobody answered is
//! tried at once, and not by what each of them has waited so far.

use super::Engine;
use super::backlog::Todo;
use crate::model::{Address, DeliveryOutcome, Server};

impl Engine {
    /// A try at an address ended. If its server answered, whatever it said, the others that it serves have their turn now.
    pub(super) fn server_answered(&mut self, address: &Address, outcome: &DeliveryOutcome) {
        if matches!(outcome, DeliveryOutcome::Unreachable { .. }) {
            return;
        }
        let waiting = self.outbox.by_address.iter().filter(|(other, line)| {
            // What is on its way is the try.
            *other != address && line.in_flight.is_empty() && line.is_unreachable()
        });
        let waiting: Vec<Address> = waiting.map(|(other, _)| other.clone()).collect();
        if waiting.is_empty() {
            return;
        }
        let Some(server) = self.server_of(address) else {
            return;
        };
        for other in waiting {
            if self.server_of(&other).as_ref() == Some(&server) {
                self.try_now(&other);
                self.backlog.push_back(Todo::Address(other));
            }
        }
    }

    /// The next try is due. How often it has failed counts on: one that meets nobody again waits for longer than before.
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
