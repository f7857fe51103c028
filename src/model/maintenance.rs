//! Planned work: when it is, on what, who announced it and why.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{About, Name, Schedule, format_time, moment_and_hint};

/// A `[maintenance.NAME]`: while one of its windows is open, nobody is told of what it concerns, and no delivery is waited
/// for that is due then.
#[derive(Clone, Debug)]
pub struct Maintenance {
    /// Its name.
    pub name: Name,
    /// When its windows are open.
    pub windows: Windows,
    /// Who announced it.
    pub author: String,
    /// Why.
    pub because: String,
    /// The datasets it concerns, those of its systems and jobs among them.
    pub datasets: BTreeSet<Name>,
    /// The jobs it concerns, those that read its systems among them.
    pub jobs: BTreeSet<Name>,
}

/// When windows are open.
#[derive(Clone, Debug)]
pub enum Windows {
    /// Once.
    Once(Window),
    /// From each occurrence of a rule on, for so long.
    Again {
        /// When one opens.
        schedule: Box<Schedule>,
        /// How long it stays open, in elapsed time; shorter than the time to the next one.
        length: Duration,
    },
}

/// A time in which a window is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant behind it.
    pub to: Timestamp,
}

impl Window {
    /// Whether it is open at an instant.
    pub fn holds(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

impl Maintenance {
    /// Whether it concerns a job or a dataset.
    pub fn concerns(&self, about: About, subject: &Name) -> bool {
        match about {
            About::Job => self.jobs.contains(subject),
            About::Dataset => self.datasets.contains(subject),
            About::Freshd => false,
        }
    }

    /// What it is called where it explains something: `maintenance stocktaking (Anna: counting all lots)`.
    pub fn words(&self) -> String {
        format!("maintenance {} ({}: {})", self.name, self.author, self.because)
    }
}

/// A window that is open, as windows and programs are told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenWindow {
    /// The maintenance.
    pub name: String,
    /// When nothing of it, and nothing that follows on its heels, is open any more.
    #[schemars(with = "super::Instant")]
    pub until: Timestamp,
    /// Who announced it.
    pub author: String,
    /// Why.
    pub because: String,
}

impl OpenWindow {
    /// For people: `stocktaking until Sun 06:00 (in 3h), by Anna: counting all lots`.
    pub fn words(&self, now: Timestamp, zone: &TimeZone) -> String {
        let until = moment_and_hint(self.until, now, zone);
        format!("{} until {until}, by {}: {}", self.name, self.author, self.because)
    }

    /// For messages, also when it is over: `stocktaking, until Sun 2026-11-29 06:00, by Anna: counting all lots`.
    pub fn span_words(&self, zone: &TimeZone) -> String {
        let until = format_time(self.until, zone);
        format!("{}, until {until}, by {}: {}", self.name, self.author, self.because)
    }
}
