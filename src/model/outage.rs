//! What is remembered of an address between messages: that it takes nothing, and when it gets the next one.

use jiff::Timestamp;

use super::{Address, NotificationId, WhyGathered};

/// What is remembered of an address between messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRecord {
    /// The address.
    pub address: Address,
    /// Set while it takes nothing.
    pub outage: Option<Outage>,
    /// Set while it is caught up with.
    pub pace: Option<Pace>,
    /// Before this, what comes here in the stead of others waits to be told together.
    pub next_in_stead: Option<Timestamp>,
    /// Before this, the ends of what it knows by digests alone wait to be told together.
    pub next_end_at: Option<Timestamp>,
}

/// An address does not take what it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When the first of these tries failed.
    pub since: Timestamp,
    /// Failed tries in a row.
    pub failed: u32,
    /// What the other side last said.
    pub error: String,
    /// When the next message is tried.
    pub next_try_at: Timestamp,
    /// The message that was tried last.
    pub last: NotificationId,
    /// Whether two messages failed in a row. One alone may be at fault itself, so the next is tried at once.
    pub is_certain: bool,
    /// Whether the last try met no server at all: one that answers anybody may take this too.
    pub is_unreachable: bool,
    /// After how many failed tries the last one was granted that was made at once, since its server had answered another.
    pub at_once_after: Option<u32>,
}

impl Outage {
    /// Whether the next try may be made at once, since its server has answered another. When the one before that was made at
    /// once met nobody either, it is not the server that is away: until the next has failed at its own time there is no other.
    pub fn may_be_tried_at_once(&self) -> bool {
        self.is_unreachable && self.at_once_after.is_none_or(|failed| self.failed > failed + 1)
    }
}

/// An address is told what waits for it in one message after the other, and not at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// When it gets the next one.
    pub next_at: Timestamp,
    /// Why: an outage or a flood. What is gathered once is not remembered so.
    pub why: WhyGathered,
}

impl AddressRecord {
    /// Whether nothing is to be remembered of the address.
    pub fn is_empty(&self) -> bool {
        self.outage.is_none() && self.pace.is_none() && self.next_in_stead.is_none() && self.next_end_at.is_none()
    }

    /// When the address is tried next, if that is known: what waits for it is not sent before.
    pub fn next_try_at(&self) -> Option<Timestamp> {
        let next_try_at = self.outage.as_ref().map(|outage| outage.next_try_at);
        next_try_at.max(self.pace.map(|pace| pace.next_at))
    }
}
