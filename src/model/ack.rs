//! Taking an incident on: by whom, for how long, and by what a message offers it.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Incident, IncidentId, Message, Notification, Request, later};

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
        self.message.offers_ack().then(|| later(self.created_at, ACK_LINK_LIFE))
    }
}
