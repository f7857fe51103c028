//! What is remembered of a version, so that later ones can be compared with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Name, VersionNumber};

/// With how many versions a candidate is compared at most.
pub const COMPARED_MAX: usize = 8;

/// With fewer versions nothing is said yet: it is still being learned what is usual.
pub const COMPARED_MIN: usize = 4;

/// Most different values of a column that are remembered.
pub const CODES_MAX: usize = 1_000;

/// Longest value that is remembered, in bytes.
pub const CODE_BYTES_MAX: usize = 100;

/// A number that is neither infinite nor undefined, and so equal to itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Finite(f64);

impl Eq for Finite {}

impl Finite {
    /// The number, unless it is infinite or undefined.
    pub fn new(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self(number))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// What is remembered of a version beside its rows and bytes: the columns that rules are about, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The columns.
    pub columns: BTreeMap<String, ColumnProfile>,
}

/// What is remembered of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Rows in which it has a value.
    pub filled: u64,
    /// Rows in which it has none.
    pub empty: u64,
    /// Of a column of numbers with at least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// Of a column with a rule about codes: its different values in order; `None` when there are more than
    /// [`CODES_MAX`] or one is longer than [`CODE_BYTES_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes: Option<Vec<String>>,
}

/// What is remembered of the numbers of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// The smallest.
    pub min: Finite,
    /// The largest.
    pub max: Finite,
    /// All of them together.
    pub sum: Finite,
    /// The one in the middle; within 0.5 % where there are very many.
    pub median: Finite,
}

/// What a version teaches once it is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// The day for which it was made, in the zone of its job: 1 is Monday, 7 is Sunday.
    pub weekday: i8,
    /// What it is like.
    pub profile: Arc<Profile>,
}

/// An accepted version, as far as later ones are compared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its dataset.
    pub dataset: Name,
    /// Its number.
    pub number: VersionNumber,
    /// When it was accepted.
    pub arrived_at: Timestamp,
    /// Rows without the header, where the format has rows.
    pub rows: Option<u64>,
    /// Size.
    pub bytes: u64,
    /// Content digest in hex.
    pub sha256: String,
    /// What it teaches.
    pub lesson: Lesson,
}

/// The accepted versions that a candidate is compared with, as the engine has chosen them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What they have in common, for people: `Fridays`, or `versions` of any day.
    pub of: &'static str,
    /// Oldest first, at most [`COMPARED_MAX`].
    pub versions: Vec<Arc<Past>>,
}

/// The days of a week in the plural, Monday first.
pub const WEEKDAYS: [&str; 7] = [
    "Mondays",
    "Tuesdays",
    "Wednesdays",
    "Thursdays",
    "Fridays",
    "Saturdays",
    "Sundays",
];

impl Comparison {
    /// So few that nothing can be said yet.
    pub fn is_learning(&self) -> bool {
        self.versions.len() < COMPARED_MIN
    }

    /// `learning 2/4`.
    pub fn progress(&self) -> String {
        format!("learning {}/{COMPARED_MIN}", self.versions.len())
    }
}
