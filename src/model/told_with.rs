//! With which incidents another was told, and when: what explains it may change, and may be over before it is.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AddressState, Incident, IncidentId, Notification, Purpose, Reach};

/// Of many such times an incident remembers the last.
const TOLD_WITH_MAX: usize = 20;

/// A time in which an incident was told with what explained it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToldWith {
    /// What explained it.
    pub cause: IncidentId,
    /// From when.
    #[schemars(with = "super::Instant")]
    pub from: Timestamp,
    /// Until when, unless it still does.
    #[schemars(with = "Option<super::Instant>")]
    pub until: Option<Timestamp>,
}

impl ToldWith {
    /// Whether what was written then about the cause tells of what it explained: not its end, by which nobody hears that
    /// anything is wrong.
    pub fn covers(&self, written_at: Timestamp, purpose: Purpose) -> bool {
        let is_then = written_at >= self.from && self.until.is_none_or(|until| written_at <= until);
        is_then && purpose != Purpose::Recovery
    }

    /// The same of a message about the cause.
    pub fn covers_message(&self, notification: &Notification) -> bool {
        self.covers(notification.created_at, notification.message.purpose)
    }
}

impl Incident {
    /// From now on another incident explains it, and it is told with that.
    pub fn attach_to(&mut self, cause: IncidentId, now: Timestamp) {
        self.end_told_with(now);
        self.cause = Some(cause);
        self.told_with.push(ToldWith {
            cause,
            from: now,
            until: None,
        });
        let too_many = self.told_with.len().saturating_sub(TOLD_WITH_MAX);
        self.told_with.drain(..too_many);
    }

    /// From now on nothing explains it.
    pub fn detach(&mut self, now: Timestamp) {
        self.cause = None;
        self.end_told_with(now);
    }

    /// From now on nothing about what explains it tells of it: it is over, or stands alone.
    pub fn end_told_with(&mut self, now: Timestamp) {
        if let Some(last) = self.told_with.last_mut().filter(|last| last.until.is_none()) {
            last.until = Some(now.max(last.from));
        }
    }
}

/// Who was reached, as `told` has it: `team by address`.
pub fn reached(addresses: &[AddressState]) -> Vec<String> {
    let told = addresses.iter().filter(|one| one.state == Reach::Told);
    told.map(|one| format!("{} by {}", one.team, one.to)).collect()
}
