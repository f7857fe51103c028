//! A problem that comes and goes: what an incident keeps of its turns while nobody is told of each.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{About, Incident, Name};

/// A problem that comes and goes. Its incident stays open through all of it, until it was well for long enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flapping {
    /// When the first of the openings that were counted was told.
    #[schemars(with = "super::Instant")]
    pub since: Timestamp,
    /// How often the problem has begun since, that time included.
    pub times: u32,
    /// Since when it is well; nothing while it is not.
    #[schemars(with = "Option<super::Instant>")]
    pub well_since: Option<Timestamp>,
    /// Good evaluations since then; no more than two are counted.
    pub good: u32,
    /// The time of the run, version or look that the last of them was about.
    #[schemars(with = "Option<super::Instant>")]
    pub good_at: Option<Timestamp>,
    /// Each time that it was well in the meantime and did not stay so, the newest last; of very many the newest.
    pub spells: Vec<Spell>,
}

/// A time in which a problem that comes and goes was gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spell {
    /// When it was over.
    #[schemars(with = "super::Instant")]
    pub from: Timestamp,
    /// When it was back.
    #[schemars(with = "super::Instant")]
    pub to: Timestamp,
}

impl Flapping {
    /// `flapping, 5 times since 20:14, well since 21:02`, behind the state of an incident; `told` writes a time.
    pub fn words(&self, told: impl Fn(Timestamp) -> String) -> String {
        let well = self.well_since.map(|at| format!(", well since {}", told(at)));
        format!(
            "flapping, {} times since {}{}",
            self.times,
            told(self.since),
            well.unwrap_or_default()
        )
    }
}

impl Incident {
    /// Since when what comes and goes is well, while it is.
    pub fn well_since(&self) -> Option<Timestamp> {
        self.flapping.as_ref()?.well_since
    }

    /// How it is shown; `kind` is what its problem is called. What is over is no longer well in between.
    pub fn shown(&self, kind: String) -> Shown {
        let flapping = self.flapping.as_ref().filter(|_| self.resolved_at.is_none());
        Shown::of(flapping, kind, self.kind_since.unwrap_or(self.since), &self.reason)
    }
}

/// What is wrong with a thing, as whoever looks is told of it: what comes and goes may be well just then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// How it is, behind its name: what kind of problem it has, or that it is well.
    pub how: String,
    /// Since when it is so.
    pub since: Timestamp,
    /// Why; while it is well, why it is wrong when it is, with the kind.
    pub why: String,
    /// Whether it is well just now.
    pub is_well: bool,
}

impl Shown {
    /// Since when it is well, while it is.
    pub fn well(&self) -> Option<Timestamp> {
        self.is_well.then_some(self.since)
    }

    /// `kind` is what its problem is called, `since` when that began.
    pub fn of(flapping: Option<&Flapping>, kind: String, since: Timestamp, reason: &str) -> Self {
        match flapping.and_then(|flapping| flapping.well_since) {
            Some(well_since) => Self {
                how: "comes and goes, well".to_owned(),
                since: well_since,
                why: format!("{kind}: {reason}"),
                is_well: true,
            },
            None => Self {
                how: kind,
                since,
                why: reason.to_owned(),
                is_well: false,
            },
        }
    }
}

/// How far back openings are counted, and how long it must be well before what flaps is over.
pub const FLAPPING_WITHIN: Duration = Duration::from_hours(1);

/// So many of the last incidents are looked at, at a start, for openings of the last hour.
pub const OPENINGS_LOOKED_AT: usize = 1_000;

/// That somebody was told of a problem that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What kind of thing it was about.
    pub about: About,
    /// Its name.
    pub subject: Name,
    /// When it was told.
    pub at: Timestamp,
}

impl Opened {
    /// Of an incident that is over, if it was told and its turns are counted.
    pub fn of(incident: &Incident) -> Option<Self> {
        let is_counted = incident.about != About::Freshd && incident.drill.is_none();
        let at = incident.opened_at.filter(|_| is_counted)?;
        Some(Self {
            about: incident.about,
            subject: incident.subject.clone(),
            at,
        })
    }
}
