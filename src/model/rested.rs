//! For how long nobody was reminded of an incident, and nobody called, because a silence or planned work kept it quiet.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Incident, elapsed};

/// How long that was since those who answer for it were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rested {
    /// In all, but for what goes on, in milliseconds.
    pub total_ms: u64,
    /// Since when it rests, if it does.
    #[schemars(with = "Option<super::Instant>")]
    pub since: Option<Timestamp>,
}

impl Rested {
    /// It rests from now on. Says whether it did not before.
    pub fn begin(&mut self, now: Timestamp) -> bool {
        let is_new = self.since.is_none();
        self.since.get_or_insert(now);
        is_new
    }

    /// It rests no more. Says whether it did.
    pub fn end(&mut self, now: Timestamp) -> bool {
        let since = self.since.take();
        let more = since.map_or(Duration::ZERO, |since| elapsed(since, now));
        let more = u64::try_from(more.as_millis()).unwrap_or(u64::MAX);
        self.total_ms = self.total_ms.saturating_add(more);
        since.is_some()
    }

    /// For how long it has rested by now.
    pub fn total(self, now: Timestamp) -> Duration {
        let goes_on = self.since.map_or(Duration::ZERO, |since| elapsed(since, now));
        Duration::from_millis(self.total_ms).saturating_add(goes_on)
    }

    /// The clock was wrong and is right now: it has not rested for longer than people know of it.
    pub fn redate(&mut self, told_at: Option<Timestamp>, now: Timestamp) {
        self.since = self.since.map(|since| since.min(now));
        let most = told_at.map_or(Duration::ZERO, |told_at| elapsed(told_at, now));
        self.total_ms = self.total_ms.min(u64::try_from(most.as_millis()).unwrap_or(u64::MAX));
    }
}

impl Incident {
    /// For how long nobody has answered who could have: only who has been told can, and while it rests nobody is asked to.
    pub fn unanswered_for(&self, now: Timestamp) -> Duration {
        elapsed(self.theirs_since().unwrap_or(self.since), now).saturating_sub(self.rested.total(now))
    }
}
