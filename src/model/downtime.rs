//! freshd's own downtime: from when until when, and which promised deliveries fell into it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{WhyGathered, elapsed, format_time};

/// freshd runs again after a time in which it did not, and gathers what it has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comeback {
    /// Until when it surely ran before.
    pub from: Timestamp,
    /// Since when it runs again.
    pub until: Timestamp,
    /// Until when what is to be told is gathered: until then, and until what began has waited for its cause to show.
    pub gathers_until: Timestamp,
    /// The promised deliveries whose deadlines fell into it.
    pub deliveries: DownDeliveries,
}

/// Of promised deliveries of one dataset no more are counted than these that were too many to be told one by one.
pub const DUE_COUNTED_MAX: u64 = 100_000;

/// Promised deliveries whose deadlines passed while freshd did not run, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DownDeliveries {
    /// Deliveries not made before the next one was due.
    pub missed: u64,
    /// Deliveries not made by their deadline, or not before freshd was back.
    pub late: u64,
    /// Deliveries of which nobody can tell whether they came: what others deliver, and nobody saw.
    pub unknown: u64,
}

impl DownDeliveries {
    /// `3 missed, 2 late, 1 unknown`; nothing where none were due.
    pub fn words(&self) -> Option<String> {
        let counts = [(self.missed, "missed"), (self.late, "late"), (self.unknown, "unknown")];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let at_least = |count: u64| if count >= DUE_COUNTED_MAX { "at least " } else { "" };
        let words = counts.map(|(count, what)| format!("{}{count} {what}", at_least(*count)));
        let counts: Vec<String> = words.collect();
        (!counts.is_empty()).then(|| counts.join(", "))
    }
}

/// freshd's last downtime, as `status` tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnDowntime {
    /// Until when it surely ran before.
    #[schemars(with = "super::Instant")]
    pub from: Timestamp,
    /// Since when it runs again.
    #[schemars(with = "super::Instant")]
    pub until: Timestamp,
    /// The promised deliveries whose deadlines fell into it.
    #[serde(flatten)]
    pub deliveries: DownDeliveries,
}

impl OwnDowntime {
    /// It is news for so long.
    const NEWS_FOR: Duration = Duration::from_hours(24);

    /// `freshd was down from ... to ...; deliveries due meanwhile: 3 missed, 2 late`, as long as that is news.
    pub fn news(&self, now: Timestamp, zone: &TimeZone) -> Option<String> {
        if elapsed(self.until, now) > Self::NEWS_FOR {
            return None;
        }
        let (from, until) = (format_time(self.from, zone), format_time(self.until, zone));
        let due = self.deliveries.words();
        let due = due.map_or_else(String::new, |due| format!("; deliveries due meanwhile: {due}"));
        Some(format!("freshd was down from {from} to {until}{due}"))
    }
}

impl From<Comeback> for OwnDowntime {
    fn from(back: Comeback) -> Self {
        Self {
            from: back.from,
            until: back.until,
            deliveries: back.deliveries,
        }
    }
}

impl Comeback {
    /// Why what was found is told by one message.
    pub fn why(&self) -> WhyGathered {
        WhyGathered::Downtime {
            from: self.from,
            until: self.until,
        }
    }
}
