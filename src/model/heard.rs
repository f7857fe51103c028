//! What has become of the messages about one incident for each team at each of its addresses: told, not yet, or given up.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AckOffer, Address, AddressRecord, IncidentId, Message, Name, Notification, NotificationState, Purpose};

/// The end of one message, as a start learns of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The incident it is about.
    pub incident: IncidentId,
    /// For whom: two teams may share an address.
    pub team: Name,
    /// Where it went.
    pub address: Address,
    /// When it was taken or given up.
    pub at: Timestamp,
    /// When it was written.
    pub written_at: Timestamp,
    /// What the other side last said, if it was given up.
    pub given_up: Option<String>,
    /// The thread that the message belongs to.
    pub thread: String,
    /// Its subject.
    pub subject: String,
    /// Whether it was told as a line of a digest: its address has no message of its own under that subject.
    pub in_digest: bool,
    /// What it was for.
    pub purpose: Purpose,
    /// Whether the fallback was told it in place of the team.
    pub in_stead: bool,
}

impl Told {
    /// What became of a message about an incident, once it was taken or given up.
    pub fn of(notification: &Notification) -> Option<Self> {
        let given_up = match notification.state {
            NotificationState::Delivered => None,
            NotificationState::Dead => Some(notification.last_error.clone().unwrap_or_default()),
            NotificationState::Pending | NotificationState::Collapsed => return None,
        };
        Some(Self {
            incident: notification.incident?,
            team: notification.told_for().clone(),
            address: notification.address.clone(),
            at: notification.ended_at?,
            written_at: notification.created_at,
            given_up,
            thread: notification.message.thread.clone(),
            subject: notification.message.subject.clone(),
            in_digest: notification.digest.is_some(),
            purpose: notification.message.purpose,
            in_stead: notification.message.stands_in_for.is_some(),
        })
    }
}

/// The first message of a thread, where the other side has a name for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadRoot {
    /// As the other side calls it.
    pub receipt: String,
    /// What it said when it was sent.
    pub message: Arc<Message>,
    /// By what the thread's incident can be taken on: of the newest message in it that was taken, if that offers it.
    pub offer: Option<AckOffer>,
}

/// The first message of a thread at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threaded {
    /// The incident it is about.
    pub incident: IncidentId,
    /// Where it went.
    pub address: Address,
    /// That message, which names the thread.
    pub root: ThreadRoot,
}

impl Threaded {
    /// What others may follow, if the other side has said what it calls it.
    pub fn of(notification: &Notification) -> Option<Self> {
        Some(Self {
            incident: notification.incident?,
            address: notification.address.clone(),
            root: ThreadRoot {
                receipt: notification.receipt.clone()?,
                message: notification.message.clone(),
                offer: AckOffer::of(notification),
            },
        })
    }
}

/// All that one team has heard of one incident at one of its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// When it first took a message.
    pub first_at: Option<Timestamp>,
    /// When it last took one.
    pub last_at: Option<Timestamp>,
    /// When that which was written last of those it took was written.
    pub written_at: Option<Timestamp>,
    /// When one was last given up, and why, unless a later one was taken.
    pub given_up: Option<(Timestamp, String)>,
    /// The threads that its messages belong to.
    pub threads: BTreeSet<String>,
    /// Each of them, the newest at the end.
    pub each: Vec<HeardOne>,
}

/// One message that was taken or given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardOne {
    /// What it was for.
    pub purpose: Purpose,
    /// When it was written.
    pub written_at: Timestamp,
    /// When it was taken or given up.
    pub at: Timestamp,
    /// What the other side last said, if it was given up.
    pub given_up: Option<String>,
    /// Whether the fallback was told it in place of the team.
    pub in_stead: bool,
}

impl From<&Told> for HeardOne {
    fn from(told: &Told) -> Self {
        Self {
            purpose: told.purpose,
            written_at: told.written_at,
            at: told.at,
            given_up: told.given_up.clone(),
            in_stead: told.in_stead,
        }
    }
}

impl Heard {
    /// Whether it was told as one downstream alone.
    pub fn is_impact(&self) -> bool {
        self.threads.iter().all(|thread| thread.ends_with(super::IMPACT_THREAD))
    }

    /// One more message ended; the newest last.
    pub fn note(&mut self, told: &Told) {
        self.threads.insert(told.thread.clone());
        self.note_one(told.into());
    }

    pub(super) fn note_one(&mut self, one: HeardOne) {
        match &one.given_up {
            None => {
                self.first_at.get_or_insert(one.at);
                self.last_at = Some(one.at);
                self.written_at = self.written_at.max(Some(one.written_at));
                self.given_up = None;
            }
            Some(error) => self.given_up = Some((one.at, error.clone())),
        }
        self.each.push(one);
    }
}

/// Whether a team knows of an incident by one of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// It has taken a message.
    Told,
    /// It has taken none yet; one is tried on.
    NotYet,
    /// It has taken none, and the last was given up.
    GivenUp,
}

/// What stands before a team in whose place the fallback was told.
pub const IN_STEAD_OF: &str = "the fallback for ";

/// How one address stands towards one incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressState {
    /// The team it is told for.
    pub team: Name,
    /// The address.
    pub to: String,
    /// Whether it is the fallback's, which is told there in place of the team.
    #[serde(default)]
    pub in_stead: bool,
    /// Whether it knows.
    pub state: Reach,
    /// When it first took a message; since when one waits; when the last was given up.
    #[schemars(with = "Option<super::Instant>")]
    pub at: Option<Timestamp>,
    /// Since when a message waits to be taken, also where an earlier one was.
    #[schemars(with = "Option<super::Instant>")]
    pub waiting_since: Option<Timestamp>,
    /// How often the address was tried in vain since it last took anything, while a message waits.
    pub tries: u32,
    /// When it is tried again, or gets what waits for it in one, while a message waits for that.
    #[serde(default)]
    #[schemars(with = "Option<super::Instant>")]
    pub next_try_at: Option<Timestamp>,
    /// What the other side last said, unless all is told.
    pub error: Option<String>,
}

impl AddressState {
    /// By what it has heard, the oldest message that waits for it, and what is remembered of it, if it takes none or is
    /// caught up with. `None` where it has heard nothing, and is to hear nothing: what waited for it was withdrawn.
    pub fn new(
        team: &Name,
        address: &Address,
        heard: &Heard,
        waiting: Option<&Notification>,
        record: Option<&AddressRecord>,
    ) -> Option<Self> {
        let given_up = heard.given_up.as_ref();
        let (state, at) = match (heard.first_at, waiting, given_up) {
            (Some(first), _, _) => (Reach::Told, Some(first)),
            (None, Some(waiting), _) => (Reach::NotYet, Some(waiting.created_at)),
            (None, None, Some((at, _))) => (Reach::GivenUp, Some(*at)),
            (None, None, None) => return None,
        };
        let outage = record.and_then(|record| record.outage.as_ref());
        let said_to_it = |waiting: &Notification| match outage {
            Some(outage) => Some(outage.error.clone()),
            None => waiting.last_error.clone(),
        };
        let tries = |waiting: &Notification| outage.map_or(waiting.tries, |outage| outage.failed.max(waiting.tries));
        let said = waiting.and_then(said_to_it);
        Some(Self {
            team: team.clone(),
            to: address.to_string(),
            in_stead: heard.each.iter().all(|one| one.in_stead)
                && waiting.is_none_or(|waiting| waiting.message.stands_in_for.is_some()),
            state,
            at,
            waiting_since: waiting.map(|waiting| waiting.created_at),
            tries: waiting.map_or(0, tries),
            next_try_at: waiting.and_then(|waiting| waiting.waits_until(record)),
            error: said.or_else(|| given_up.map(|(_, error)| error.clone())),
        })
    }

    /// Who reads what goes there, by what its team is called.
    pub fn reader(&self, team: &str) -> String {
        match self.in_stead {
            true => format!("{IN_STEAD_OF}{team}"),
            false => team.to_owned(),
        }
    }
}
