//! Taking an incident on: by whom, for how long, and by what a message offers it.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Address, Incident, IncidentId, Message, Notification, NotificationId, Request, later};

/// How long the link of a message takes its incident on.
pub const ACK_LINK_LIFE: Duration = Duration::from_hours(7 * 24);

/// So many acknowledgements before the last one are kept of an incident, the newest.
pub const EARLIER_ACKS_MAX: usize = 50;

/// Longest note or reason that comes from a page or a link, in characters.
pub const NOTE_CHARS_MAX: usize = 500;

/// Somebody has taken an incident on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ack {
    /// Who.
    pub by: String,
    /// When.
    #[schemars(with = "super::Instant")]
    pub at: Timestamp,
    /// Until when it keeps reminders quiet: of an incident that is over, until its end at the latest.
    #[schemars(with = "super::Instant")]
    pub until: Timestamp,
    /// What they had to say.
    #[serde(default)]
    pub note: Option<String>,
}

impl Ack {
    /// `kari` or `kari (looking at the share)`.
    pub fn who(&self) -> String {
        match &self.note {
            Some(note) => format!("{} ({note})", self.by),
            None => self.by.clone(),
        }
    }

    /// What is said to whoever takes it on while this one has it; `told` writes a time.
    pub fn taken_over_words(&self, told: impl Fn(Timestamp) -> String) -> String {
        format!(
            "it is taken over from {}, who had it since {}",
            self.who(),
            told(self.at)
        )
    }
}

impl Incident {
    /// Nobody has it any more, or another does from now on: who had it stays on record. Whoever takes on once more what they
    /// have has it since the first time, with the note of then unless there is a new one; what has become something else
    /// since is taken on anew.
    pub fn set_ack(&mut self, ack: Option<Ack>) {
        let before = self.ack.take();
        let is_same = |before: &Ack| self.kind_since.is_none_or(|changed_at| changed_at <= before.at);
        let has_it = |before: &&Ack| {
            let mut again = ack.iter().filter(|ack| ack.by == before.by && ack.at < before.until);
            again.next().is_some() && is_same(before)
        };
        if let (Some(before), Some(ack)) = (before.as_ref().filter(has_it), &ack) {
            let note = ack.note.clone().or_else(|| before.note.clone());
            self.ack = Some(Ack {
                at: before.at,
                note,
                ..ack.clone()
            });
            return;
        }
        self.earlier_acks.extend(before);
        self.ack = ack;
        let too_many = self.earlier_acks.len().saturating_sub(EARLIER_ACKS_MAX);
        self.earlier_acks.drain(..too_many);
    }

    /// Everybody who has taken it on, the first first.
    pub fn all_acks(&self) -> impl Iterator<Item = &Ack> {
        self.earlier_acks.iter().chain(&self.ack)
    }

    /// Whether the link of a message has done its work: somebody has taken it on, or it has changed, since that was sent.
    pub fn has_used(&self, link: NotificationId) -> bool {
        self.links_used.is_some_and(|used| link <= used)
    }

    /// Whether nobody has it, and whoever follows the link of this offer takes it on.
    pub fn is_offered_by(&self, offer: &AckOffer, now: Timestamp) -> bool {
        let is_free = self.resolved_at.is_none() && self.taken_on(now).is_none();
        is_free && offer.until > now && !self.has_used(offer.message)
    }

    /// Who has it now.
    pub fn taken_on(&self, now: Timestamp) -> Option<&Ack> {
        self.ack.as_ref().filter(|ack| ack.until > now)
    }
}

impl Request {
    /// Takes an incident on, without a note and without a link.
    pub fn ack(incident: IncidentId) -> Self {
        Self::Ack {
            incident,
            note: None,
            link: None,
        }
    }
}

/// What to type to take an incident on.
pub fn ack_command(incident: IncidentId) -> String {
    format!("freshd ack {incident}")
}

impl Message {
    /// Whether it asks its reader to take the incident on: whoever is offered the command may be offered a link.
    pub fn offers_ack(&self) -> bool {
        self.incident
            .is_some_and(|incident| self.commands.contains(&ack_command(incident)))
    }
}

impl Notification {
    /// Until when its link works; `None` where it has none.
    pub fn link_until(&self) -> Option<Timestamp> {
        AckOffer::of(self).map(|offer| offer.until)
    }
}

/// That a message asks its reader to take its incident on: all that its link is made from. It is no link yet: that takes
/// the key of the state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AckOffer {
    /// The message.
    pub message: NotificationId,
    /// Its incident.
    pub incident: IncidentId,
    /// Where it goes.
    pub address: Address,
    /// When it was written.
    pub written_at: Timestamp,
    /// Until when its link works.
    pub until: Timestamp,
}

impl AckOffer {
    /// What a notification offers, if it does.
    pub fn of(notification: &Notification) -> Option<Self> {
        let Notification {
            id, address, message, ..
        } = notification;
        Self::by(*id, notification.incident?, address, message, notification.created_at)
    }

    /// The same of the words of a message to an address, stored then.
    pub fn by(
        id: NotificationId,
        incident: IncidentId,
        address: &Address,
        message: &Message,
        created_at: Timestamp,
    ) -> Option<Self> {
        message.offers_ack().then(|| Self {
            message: id,
            incident,
            address: address.clone(),
            written_at: message.at,
            until: later(created_at, ACK_LINK_LIFE),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plain_incident;

    fn ack(by: &str, second: i64, note: Option<&str>) -> Ack {
        let at = Timestamp::from_second(second).expect("a time");
        Ack {
            by: by.to_owned(),
            at,
            until: later(at, Duration::from_hours(1)),
            note: note.map(str::to_owned),
        }
    }

    #[test]
    fn whoever_takes_on_what_they_have_keeps_their_note_and_when_it_was() {
        let mut incident = plain_incident("j", Timestamp::UNIX_EPOCH);
        incident.set_ack(Some(ack("anna", 0, Some("looking"))));
        incident.set_ack(Some(ack("anna", 60, None)));
        let expected = Ack {
            until: ack("anna", 60, None).until,
            ..ack("anna", 0, Some("looking"))
        };
        assert_eq!(incident.ack, Some(expected));
        assert_eq!(incident.earlier_acks, []);
        incident.set_ack(Some(ack("anna", 90, Some("found it"))));
        assert_eq!(
            incident.ack.as_ref().and_then(|ack| ack.note.as_deref()),
            Some("found it")
        );
        // What ran out, or is something else by now, is taken on anew, and another takes it over.
        incident.set_ack(Some(ack("anna", 7_200, None)));
        incident.set_ack(Some(ack("bob", 7_260, None)));
        assert_eq!(incident.earlier_acks.len(), 2);
        incident.kind_since = Some(ack("bob", 7_300, None).at);
        incident.set_ack(Some(ack("bob", 7_320, None)));
        assert_eq!(incident.earlier_acks.len(), 3);
        assert_eq!(incident.ack, Some(ack("bob", 7_320, None)));
    }
}
