//! A message that was given up is put in again, because a person asks for it.

use serde_json::json;

use super::Engine;
use crate::alerting::{self, to_others};
use crate::model::{
    Action, Incident, Message, Notification, NotificationId, NotificationState, Reply, Said, unused_words,
};

impl Engine {
    /// Somebody asks for a message to be sent again: as it is on record, with what else went to its address about the same
    /// incident; or why it cannot be found. The answer follows the commit.
    pub(super) fn resend_asked(
        &mut self,
        request: u64,
        by: &str,
        found: Result<(Box<Notification>, Vec<Notification>), String>,
    ) {
        let reply = found.and_then(|(dead, others)| {
            self.may_be_sent_again(&dead, &others)?;
            Ok(self.send_again(&dead, by))
        });
        let reply = match reply {
            Ok(id) => Reply::Done(json!({ "message": id })),
            Err(why) => Reply::Refused(why),
        };
        self.act(Action::Reply { id: request, reply });
    }

    fn may_be_sent_again(&self, dead: &Notification, others: &[Notification]) -> Result<(), String> {
        let (id, address) = (dead.id, &dead.address);
        match dead.state {
            NotificationState::Dead => {}
            NotificationState::Delivered => return Err(format!("message {id} was taken by {address}")),
            NotificationState::Pending => return Err(format!("message {id} is still tried at {address}")),
            NotificationState::Collapsed => {
                return Err(format!("message {id} was never sent, since a later one says it all"));
            }
        }
        let is_over = dead
            .incident
            .is_some_and(|incident| self.incidents.get(incident).is_none());
        // What is put in just now may not be on record yet.
        match dead.settled(is_over, others.iter().chain(self.outbox.values()).map(Said::from)) {
            Some(why) => Err(why),
            None if !self.is_in_use(address) => Err(unused_words(address)),
            None => Ok(()),
        }
    }

    /// The incident that a message is about; where that is over, the one that is there about the same since, unless nobody is
    /// told of that for now.
    fn known_by_now(&self, dead: &Notification) -> Option<&Incident> {
        let message = &dead.message;
        let own = dead.incident.and_then(|incident| self.incidents.get(incident));
        let since = || {
            let known = self.incidents.about(message.about?, &message.subject_name)?;
            (known.drill.is_none() && self.quiet_until(known).is_none()).then_some(known)
        };
        own.or_else(since)
    }

    /// The same words as a message of its own, which waits for its turn like any other.
    fn send_again(&mut self, dead: &Notification, by: &str) -> NotificationId {
        let id = self.new_notification_id();
        let mut message = Message::clone(&dead.message);
        message.id = self.message_id(id);
        if !self.is_own_address(dead.told_for(), &dead.address) {
            // It was theirs when that was written.
            to_others(&mut message, &self.team_title(dead.told_for()));
        }
        let asked = format!("on request of {by}, as message {} could not be delivered", dead.id);
        let zone = self.zone_at(dead.message.told_for(), &dead.address);
        let known = self.known_by_now(dead);
        let known = known.map(|known| (known, self.thing_called(known.about, &known.subject)));
        alerting::resent(&mut message, &asked, known, self.now.wall, zone);
        if let Some(incident) = dead.incident.filter(|incident| self.incidents.get(*incident).is_none()) {
            // The fallback was told of this end when it died first.
            for address in self.settings.fallback.clone() {
                self.outbox.remember_end(incident, address);
            }
        }
        self.put(id, dead.incident, dead.address.clone(), message);
        id
    }
}
