//! What is remembered of a version, so that later ones can be compared with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Jump, Name, VersionNumber, elapsed};

/// With how many versions a candidate is compared at most.
pub const COMPARED_MAX: usize = 8;

/// With fewer versions nothing is said yet: it is still being learned what is usual.
pub const COMPARED_MIN: usize = 4;

/// Most different values of a column that are remembered.
pub const CODES_MAX: usize = 1_000;

/// Longest value that is remembered, in bytes.
pub const CODE_BYTES_MAX: usize = 100;

/// Most columns of which anything is remembered.
pub const PROFILE_COLUMNS_MAX: usize = 1_000;

/// Most bytes of different values that are remembered of all columns together.
pub const PROFILE_CODES_BYTES_MAX: usize = 1 << 20;

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
    /// Columns of which nothing, or not the different values, is remembered, since there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Profile {
    /// Adds a column as far as the bounds allow; they come in the order of jobs.toml.
    pub fn add(&mut self, name: String, mut column: ColumnProfile) {
        let bytes = |column: &ColumnProfile| -> usize { column.codes.iter().flatten().map(String::len).sum() };
        if self.columns.len() >= PROFILE_COLUMNS_MAX {
            self.left_out += 1;
            return;
        }
        if bytes(&column) + self.columns.values().map(bytes).sum::<usize>() > PROFILE_CODES_BYTES_MAX {
            column.codes = None;
            self.left_out += 1;
        }
        self.columns.insert(name, column);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_over_all_columns() {
        let mut profile = Profile::default();
        for number in 0..100_000 {
            profile.add(format!("column {number}"), ColumnProfile::default());
        }
        assert_eq!(profile.columns.len(), PROFILE_COLUMNS_MAX);
        assert_eq!(profile.left_out, 99_000);
        let mut profile = Profile::default();
        for number in 0..20 {
            let codes = (0..CODES_MAX).map(|code| format!("{code:0>100}")).collect();
            let column = ColumnProfile {
                codes: Some(codes),
                ..ColumnProfile::default()
            };
            profile.add(format!("column {number}"), column);
        }
        let kept = profile.columns.values().filter(|column| column.codes.is_some()).count();
        assert_eq!((profile.columns.len(), kept, profile.left_out), (20, 10, 10));
    }
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
    /// Checks that begin at a later version than these, since a jump was expected.
    pub since: Vec<Jump>,
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

/// What so much later comes for the same day of the week was made for that of another week.
const OTHER_WEEK: Duration = Duration::from_hours(84);

/// What versions have in common, `of` a [`Comparison`], behind their count: `Fridays`, or where several of them are of one
/// day, `on Fridays`; and behind their numbers from how many days they are then.
pub fn of_days(of: &str, versions: usize, days: usize) -> (String, String) {
    match days {
        _ if days == versions || !WEEKDAYS.contains(&of) => (of.to_owned(), String::new()),
        1 => (format!("on {of}"), ", all of one day".to_owned()),
        days => (format!("on {of}"), format!(", of {days} days")),
    }
}

impl Comparison {
    /// So few that nothing can be said yet.
    pub fn is_learning(&self) -> bool {
        self.versions.len() < COMPARED_MIN
    }

    /// `learning 2/4`.
    pub fn progress(&self) -> String {
        format!("learning {}/{COMPARED_MIN}", self.versions.len())
    }

    /// `learning 2/4 Fridays`; of a check that begins anew, `learning 2/4 Fridays since the expected change in version 7`.
    pub fn progress_words(&self) -> String {
        let since = match self.since.as_slice() {
            [jump] => format!(" since the expected change in version {}", jump.version),
            _ => String::new(),
        };
        let (of, _) = of_days(self.of, self.versions.len(), self.days());
        format!("{} {of}{since}", self.progress())
    }

    /// From how many days of that week the versions are. All are made for the same day of the week, so that those of
    /// different ones come almost a week after each other, however late each is.
    pub fn days(&self) -> usize {
        let pairs = self.versions.iter().zip(self.versions.iter().skip(1));
        let is_other =
            |(before, after): &(&Arc<Past>, &Arc<Past>)| elapsed(before.arrived_at, after.arrived_at) >= OTHER_WEEK;
        usize::from(!self.versions.is_empty()) + pairs.filter(is_other).count()
    }

    /// With what one check compares: where a jump of it was expected, with that version and those that came after.
    #[must_use]
    pub fn of_check(&self, name: &str, column: Option<&str>) -> Self {
        let jumped = |jump: &&Jump| jump.check.name == name && jump.check.column.as_deref() == column;
        let since = self.since.iter().find(jumped);
        let is_later = |past: &&Arc<Past>| since.is_none_or(|jump| past.number >= jump.version);
        Self {
            of: self.of,
            versions: self.versions.iter().filter(is_later).cloned().collect(),
            since: since.cloned().into_iter().collect(),
        }
    }
}
