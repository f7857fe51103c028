//! News overtakes what its team has not heard yet: an opening that waited while its address took nothing is not sent beside the
//! news that tells it as it is by now. It ends when that was taken, so that nothing is lost while it was not.

use super::Engine;
use super::outbox::Outbox;
use crate::model::{Address, IncidentId, Message, Notification, NotificationId, Purpose, SENT_AGAIN};

impl Outbox {
    /// Whether a message is not sent as long as other news waits behind it, or is on its way, that tells its team all of it.
    pub(super) fn is_overtaken(&self, one: &Notification) -> bool {
        let Some(incident) = one.incident.filter(|_| self.can_be_overtaken(one)) else {
            return false;
        };
        let mut behind = self
            .waiting_at(incident, &one.address)
            .filter(|other| other.id > one.id);
        behind.any(|news| news.digest.is_none() && self.overtakes(&news.message, one))
    }

    /// What is sent first of what waits for an address about an incident.
    pub(super) fn first_to_send(&self, incident: IncidentId, address: &Address) -> Option<NotificationId> {
        let mut waiting = self.waiting_at(incident, address);
        waiting.find(|one| !self.is_overtaken(one)).map(|first| first.id)
    }

    /// Whether news that is about to be put in for an address is the first of its thread that its team is to hear, although
    /// something waits there already: that is overtaken.
    pub(super) fn is_first_to_be_heard(&self, news: &Message, incident: IncidentId, address: &Address) -> bool {
        let waiting = self.waiting_at(incident, address);
        let mut waiting = waiting.filter(|one| is_of_same(news, one)).peekable();
        let is_any = waiting.peek().is_some();
        is_any && waiting.all(|one| self.can_be_overtaken(one)) && !self.has_heard(news, incident, address)
    }

    /// Whether news for a team says all that an earlier message would have told it. To whoever has heard nothing of it, only
    /// what is written for them does.
    fn overtakes(&self, news: &Message, one: &Notification) -> bool {
        let is_for_them = match news.purpose {
            Purpose::Opening | Purpose::Impact => true,
            Purpose::Update => one
                .incident
                .is_some_and(|incident| self.has_heard(news, incident, &one.address)),
            _ => false,
        };
        is_for_them && is_of_same(news, one) && !is_asked_for(news)
    }

    /// Whether a message waits by itself, and says nothing but how things stand.
    fn can_be_overtaken(&self, one: &Notification) -> bool {
        let tells_how_it_is = matches!(
            one.message.purpose,
            Purpose::Opening | Purpose::Impact | Purpose::Update | Purpose::Reminder
        );
        let is_unsent = one.digest.is_none() && !self.in_flight.contains(&one.id);
        tells_how_it_is && is_unsent && !is_asked_for(&one.message)
    }

    /// Whether an address has taken anything of a message's thread for its team. What it took of that thread for another
    /// team, or for this one of another thread, says nothing.
    fn has_heard(&self, message: &Message, incident: IncidentId, address: &Address) -> bool {
        self.is_known_to(message.told_for(), incident, address, &message.thread)
    }
}

impl Engine {
    /// A message was taken: what it has overtaken is told by it.
    pub(super) fn end_overtaken(&mut self, taken: &Notification) {
        let Some(incident) = taken.incident else { return };
        let waiting = self.outbox.waiting_at(incident, &taken.address);
        let overtaken = waiting.filter(|one| {
            one.id < taken.id && self.outbox.can_be_overtaken(one) && self.outbox.overtakes(&taken.message, one)
        });
        for id in overtaken.map(|one| one.id).collect::<Vec<_>>() {
            if let Some(notification) = self.outbox.remove(id) {
                self.collapsed(notification);
            }
        }
    }
}

/// Whether a message is for the same team, and of the same thread.
fn is_of_same(news: &Message, one: &Notification) -> bool {
    news.thread == one.message.thread && news.told_for() == one.told_for()
}

/// Whether a person has asked for a message once more: it is sent, in the words of then.
pub(super) fn is_asked_for(message: &Message) -> bool {
    message.facts.iter().any(|fact| fact.label == SENT_AGAIN)
}
