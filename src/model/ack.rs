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
    /// Nobody has it any more, or another does from now on: who had it stays on record.
    pub fn set_ack(&mut self, ack: Option<Ack>) {
        self.earlier_acks.extend(std::mem::replace(&mut self.ack, ack));
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
