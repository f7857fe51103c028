//! What was tried and not taken: how often, and when it is tried again.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Engine;
use super::lines::AddressLine;
use super::outbox::Outbox;
use crate::model::{Address, Notification, NotificationId, Outage};

impl Outbox {
    /// What waits for addresses that do not take it, and since when: what was tried, since it was decided; what was not,
    /// since its address takes nothing. What is only gathered, or waits for its turn or an end, is on its way.
    pub(super) fn refused(&self) -> impl Iterator<Item = (Timestamp, &Address)> {
        let to_send = self.values().filter(|one| !self.is_held_back(one));
        to_send.filter_map(|one| {
            let outage = self.by_address.get(&one.address).and_then(|line| line.outage.as_ref());
            let untried_since = outage.map(|outage| outage.since.max(one.created_at));
            let since = Some(one.created_at).filter(|_| one.tries > 0).or(untried_since);
            Some((since?, &one.address))
        })
    }
}

impl Engine {
    /// An address that takes nothing is one entry, whatever waits for it; what an address has refused that takes others is
    /// one each.
    pub(super) fn undelivered(&self) -> Vec<Value> {
        let mut entries = Vec::new();
        for (address, line) in &self.outbox.by_address {
            if let Some(outage) = &line.outage {
                entries.extend(self.held_up(address, line, outage));
                continue;
            }
            let waiting = line.digest.iter().chain(&line.waiting);
            let tried = waiting
                .filter_map(|id| self.outbox.get(*id))
                .filter(|one| one.tries > 0);
            entries.extend(tried.map(|one| self.refused_itself(one, line)));
        }
        entries
    }

    fn held_up(&self, address: &Address, line: &AddressLine, outage: &Outage) -> Option<Value> {
        let waiting = || line.waiting.iter().chain(&line.gathered);
        let first: NotificationId = *line.digest.iter().chain(waiting()).next()?;
        let is_left = self.outbox.get(outage.last).is_some();
        Some(json!({
            "id": if is_left { outage.last } else { first },
            "to": address.to_string(),
            "tries": outage.failed,
            "error": outage.error,
            "next_try_at": self.next_turn(address),
            "behind": waiting().count().saturating_sub(1),
        }))
    }

    fn refused_itself(&self, tried: &Notification, line: &AddressLine) -> Value {
        let next_try_at = tried.next_try_at.max(self.now.wall);
        json!({
            "id": tried.id,
            "to": tried.address.to_string(),
            "tries": tried.tries,
            "error": tried.last_error,
            "next_try_at": line.pace.map_or(next_try_at, |pace| pace.max(next_try_at)),
            "behind": 0,
        })
    }
}
