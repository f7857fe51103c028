//! Threads at channels that number messages by themselves: what the first of each is called there, so that others follow it.

use std::collections::{BTreeMap, HashMap};

use super::Engine;
use crate::model::{Address, IncidentId, Notification, Threaded};

/// What the other side calls the first message of each thread, by incident.
#[derive(Clone, Debug, Default)]
pub(super) struct Threads {
    first: HashMap<IncidentId, BTreeMap<(Address, String), String>>,
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
        let place = (threaded.address, threaded.thread);
        of_incident.insert(place, threaded.receipt);
    }

    /// What a message follows. Without it, be it that the first is not known to have been taken, it begins a thread.
    pub(super) fn followed_by(&self, notification: &Notification) -> Option<String> {
        let place = (notification.address.clone(), notification.message.thread.clone());
        self.first.get(&notification.incident?)?.get(&place).cloned()
    }
}

impl Engine {
    /// A message was taken, and is called so by the other side.
    pub(super) fn note_thread(&mut self, notification: &Notification) {
        if let Some(threaded) = Threaded::of(notification) {
            self.threads.note(threaded);
        }
    }

    /// One message less of an incident is on its way: what is remembered for the others is forgotten with the last.
    pub(super) fn forget_if_told(&mut self, incident: IncidentId) {
        self.outbox.forget_end(incident);
        if self.incidents.get(incident).is_none() && !self.outbox.is_anything_waiting(incident) {
            self.threads.first.remove(&incident);
        }
    }
}
