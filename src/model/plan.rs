//! What an edited jobs.toml would change, for whom, and how it would have gone with it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// The edit of a configuration, before it is taken on. The answer of `plan --json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Plan {
    /// The file that was read.
    pub file: String,
    /// What is in force; `None` where freshd never ran.
    pub running: Option<InForce>,
    /// Errors for which it would be refused, each with its place. Nothing else is known then.
    pub mistakes: Vec<String>,
    /// What differs, by section and name; everything where freshd never ran.
    pub changes: Vec<PlannedChange>,
    /// Since when deliveries were played.
    #[schemars(with = "Option<super::Instant>")]
    pub since: Option<Timestamp>,
    /// Datasets of which the promise differs, by name.
    pub promises: Vec<PlannedPromise>,
    /// Datasets of which the promise differs that were not played, since there were too many.
    pub promises_left_out: usize,
}

/// A configuration that was taken on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InForce {
    /// When.
    #[schemars(with = "super::Instant")]
    pub at: Timestamp,
    /// Who started or reloaded freshd.
    pub by: String,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Changed,
}

/// An entry that an edit touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// `jobs`, `datasets` and so on; of a key on top of the file the key itself.
    pub section: String,
    /// The entry's name; `None` for what is no entry of a section, like `[alerts]`.
    pub name: Option<String>,
    /// What became of it.
    pub kind: ChangeKind,
    /// What it says of each key that differs.
    pub keys: Vec<ChangedKey>,
}

/// A key that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChangedKey {
    /// With the tables it stands in: `due.grace`. Empty where the entry itself is the value.
    pub key: String,
    /// As TOML; `None` where it was not written. Secrets are hidden.
    pub before: Option<String>,
    /// As TOML; `None` where it is not written any more. Secrets are hidden.
    pub after: Option<String>,
}

/// An entry that an edit touches, and what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedChange {
    /// The edit itself.
    #[serde(flatten)]
    pub change: Change,
    /// Teams it concerns: who answers for it, and who reads what comes of it. `nobody` is among them where nobody answers.
    pub teams: Vec<String>,
    /// When a job is next due, where the edit changes that.
    pub next_due: Option<NextDue>,
    /// What else follows, in sentences.
    pub notes: Vec<String>,
}

/// When a job is next due, before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NextDue {
    /// As it is in force.
    #[schemars(with = "Option<super::Instant>")]
    pub before: Option<Timestamp>,
    /// As it is planned.
    #[schemars(with = "Option<super::Instant>")]
    pub after: Option<Timestamp>,
}

/// How a dataset's promise went, and how it would have gone as planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedPromise {
    /// The dataset.
    pub dataset: String,
    /// The team that would have been told.
    pub owner: String,
    /// As it is in force; `None` where it is new.
    pub before: Option<Kept>,
    /// As planned.
    pub after: Kept,
}

/// How often a promise was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Kept {
    /// Deliveries of which the deadline was over.
    pub due: usize,
    /// Those that were not there by then.
    pub late: usize,
    /// Times in which the data was older than promised.
    pub stale: usize,
    /// When it broke, the newest first; the last few.
    #[schemars(with = "Vec<super::Instant>")]
    pub broken_at: Vec<Timestamp>,
}
