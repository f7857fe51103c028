//! A message that was given up is put in again, because a person asks for it.

use serde_json::json;

use super::Engine;
use super::digest::is_digest;
use super::trying_out::proof_words;
use crate::model::{
    Action, Message, Notification, NotificationId, NotificationState, Purpose, Reply, SENT_AGAIN, format_time,
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
        if dead.message.purpose == Purpose::Test {
            return Err(format!(
                "message {id} was a test; `{}` sends another",
                proof_words(&dead.message.team, address)
            ));
        }
        if is_digest(dead) {
            return Err(format!(
                "message {id} is a digest; `freshd incidents ID` of each that it tells of lists what to send again"
            ));
        }
        if !self.is_in_use(address) {
            return Err(format!(
                "nobody is told by {address} any more: jobs.toml does not name it"
            ));
        }
        if let Some(incident) = dead.incident
            && self.incidents.get(incident).is_none()
            && dead.message.purpose != Purpose::Recovery
        {
            return Err(format!(
                "incident {incident} is over, and what says so is another message"
            ));
        }
        let is_same = |other: &&Notification| {
            other.id != id
                && other.address == *address
                && (other.incident, other.told_for()) == (dead.incident, dead.told_for())
                && (&other.message.purpose, &other.message.at) == (&dead.message.purpose, &dead.message.at)
                && matches!(other.state, NotificationState::Pending | NotificationState::Delivered)
        };
        // What is put in just now may not be on record yet.
        match others.iter().chain(self.outbox.values()).find(is_same) {
            Some(again) => Err(format!("message {id} was sent again already, as message {}", again.id)),
            None => Ok(()),
        }
    }

    /// The same words as a message of its own, which waits for its turn like any other.
    fn send_again(&mut self, dead: &Notification, by: &str) -> NotificationId {
        let id = self.new_notification_id();
        let mut message = Message::clone(&dead.message);
        message.id = self.message_id(id);
        let written = format_time(dead.message.at, self.zone_at(dead.message.told_for(), &dead.address));
        let asked = format!(
            "on request of {by}, as message {} could not be delivered; written {written}",
            dead.id
        );
        message.put_above(SENT_AGAIN, &asked);
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
