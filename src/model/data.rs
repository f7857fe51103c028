//! Versions of datasets, promised slots, and what was measured and judged.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AttemptId, Dataset, Expected, HandKind, Lesson, Name, Past, Profile, Provenance, RunId, Script, Stamp,
    VersionNumber,
};

/// One version of one dataset: `stock@42`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct VersionRef {
    /// The dataset.
    pub dataset: Name,
    /// The version.
    pub number: VersionNumber,
}

impl std::fmt::Display for VersionRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.dataset, self.number)
    }
}

/// Where a version stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    /// Accepted; its atomic rename is under way and is repeated after a crash.
    Publishing,
    /// Readers see it, or saw it until a later one came.
    Published,
    /// Refused by the checks, or freshd could not judge it or put it in place; its file lies in quarantine.
    Quarantined,
}

impl VersionState {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publishing => "publishing",
            Self::Published => "published",
            Self::Quarantined => "quarantined",
        }
    }
}

/// One state of a dataset, accepted or refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// The dataset.
    pub dataset: Name,
    /// Counts up within the dataset, refused candidates included.
    pub number: VersionNumber,
    /// Where it stands.
    pub state: VersionState,
    /// When freshd accepted or refused it; when it was put there, where that was while freshd was down.
    #[schemars(with = "super::Instant")]
    pub arrived_at: Timestamp,
    /// Newest business time inside it.
    #[schemars(with = "super::Instant")]
    pub as_of: Timestamp,
    /// The smaller of its own `as_of` and those of the inputs it was made from.
    #[schemars(with = "super::Instant")]
    pub effective_as_of: Timestamp,
    /// The ancestor that limits `effective_as_of`, when it is not the version itself.
    pub limited_by: Option<VersionRef>,
    /// The run that made it; `None` for probed data.
    pub run: Option<RunId>,
    /// The attempt that made it.
    pub attempt: Option<AttemptId>,
    /// Input versions it was made from.
    pub inputs: Vec<VersionRef>,
    /// Rows without the header, where the format has rows.
    pub rows: Option<u64>,
    /// Size.
    pub bytes: u64,
    /// Content digest in hex; empty for probed data that is only looked at.
    pub sha256: String,
    /// The content equals the version before.
    pub unchanged: bool,
    /// What was checked, and how it went.
    pub checks: Vec<CheckResult>,
    /// Why it was refused, in words.
    pub reason: Option<String>,
    /// By what its file is known again where readers look, once it is there.
    #[serde(default)]
    pub stamp: Option<Stamp>,
    /// Where readers find it, or found it, or were to: the dataset's file as jobs.toml named it then. `None` for probed
    /// data.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The name of its copy in `versions/`, or in quarantine, which stays when the dataset's file gets another one.
    /// `None` for probed data, of which nothing is kept.
    #[serde(default)]
    pub kept_as: Option<String>,
    /// What else made it what it is.
    #[serde(default)]
    pub provenance: Provenance,
    /// What it teaches once it is accepted, where rules compare with versions before.
    #[serde(skip)]
    pub lesson: Option<Lesson>,
}

impl Version {
    /// A version that readers see, of which nothing is known but that it arrived at `at`, with data of that time.
    pub fn arrived(dataset: Name, number: VersionNumber, at: Timestamp) -> Self {
        Self {
            dataset,
            number,
            state: VersionState::Published,
            arrived_at: at,
            as_of: at,
            effective_as_of: at,
            limited_by: None,
            run: None,
            attempt: None,
            inputs: Vec::new(),
            rows: None,
            bytes: 0,
            sha256: String::new(),
            unchanged: false,
            checks: Vec::new(),
            reason: None,
            stamp: None,
            file: None,
            kept_as: None,
            provenance: Provenance::default(),
            lesson: None,
        }
    }

    /// Whether a person has put the content of an earlier version in place once more: no delivery.
    pub fn is_restored(&self) -> bool {
        let by_hand = self.provenance.by_hand.as_ref();
        by_hand.is_some_and(|by_hand| matches!(by_hand.kind, HandKind::Restored(_)))
    }

    /// Where it was put, when that is not where readers of the dataset look now: its `file` was renamed in jobs.toml, and
    /// nothing was put there yet.
    pub fn left_at(&self, dataset: &Dataset) -> Option<&Path> {
        let is_produced = dataset.probe.is_none() && dataset.file.is_some() && self.run.is_some();
        let file = self.file.as_deref().filter(|_| is_produced)?;
        (dataset.file.as_deref() != Some(file)).then_some(file)
    }

    /// What somebody who renames the dataset's file must know, while this is its newest version.
    pub fn left_words(&self, dataset: &Dataset) -> Option<String> {
        let (left_at, file) = (self.left_at(dataset)?, dataset.file.as_deref()?);
        let (what, remedy) = left_behind(&self.reference(), left_at, file);
        Some(format!("{what}; {remedy}"))
    }

    /// Whether it was refused, and a person has published it after all.
    pub fn is_released(&self) -> bool {
        let by_hand = self.provenance.by_hand.as_ref();
        by_hand.is_some_and(|by_hand| matches!(by_hand.kind, HandKind::Released))
    }

    /// What a person expected, when checks would not have passed it without that.
    pub fn passed_as_expected(&self) -> Option<&Expected> {
        let expected = self.provenance.expected.as_ref();
        expected.filter(|expected| !expected.checks.is_empty())
    }

    /// Which version it is.
    pub fn reference(&self) -> VersionRef {
        VersionRef {
            dataset: self.dataset.clone(),
            number: self.number,
        }
    }

    /// What later versions are compared with, when this one was accepted and teaches anything.
    pub fn past(&self) -> Option<Past> {
        let lesson = self.lesson.clone()?;
        (self.state == VersionState::Published).then(|| Past {
            dataset: self.dataset.clone(),
            number: self.number,
            arrived_at: self.arrived_at,
            rows: self.rows,
            bytes: self.bytes,
            sha256: self.sha256.clone(),
            lesson,
        })
    }
}

/// What it means that a dataset's file is `file` now, while its newest version lies at `left_at`; and what can be done.
pub fn left_behind(version: &VersionRef, left_at: &Path, file: &Path) -> (String, String) {
    let dataset = &version.dataset;
    let (left_at, file) = (left_at.display(), file.display());
    let what = format!(
        "`{dataset}` was published at {left_at} until now, and {version} stays there, where somebody may still read it"
    );
    let remedy =
        format!("the next version comes to {file}; `freshd restore {version} --because TEXT` puts this one there, too");
    (what, remedy)
}

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Odd, but published.
    Warn,
    /// Not published.
    Hold,
}

/// The answer of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    /// The check as jobs.toml names it: `rows.min`.
    pub name: String,
    /// The column it is about.
    pub column: Option<String>,
    /// The answer.
    pub verdict: Verdict,
    /// What should be.
    pub expected: String,
    /// What is.
    pub actual: String,
    /// A sentence for people.
    pub message: String,
}

/// The checks that compare with versions before, as jobs.toml names them.
const CHECKS_BY_HABIT: [&str; 7] = [
    "rows.change",
    "bytes.change",
    "median",
    "sum",
    "nulls",
    "codes.new",
    "codes.vanished",
];

impl CheckResult {
    /// Whether it compares with versions before, and did not find what is usual.
    pub fn is_odd_by_habit(&self) -> bool {
        self.verdict != Verdict::Pass && CHECKS_BY_HABIT.contains(&self.name.as_str())
    }
}

/// What was measured of a candidate or of probed data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// Size.
    pub bytes: u64,
    /// Rows without the header, where the format has rows.
    pub rows: Option<u64>,
    /// Content digest in hex; empty when the content was not read.
    pub sha256: String,
    /// Newest business time found by the dataset's `as_of` rule.
    #[schemars(with = "Option<super::Instant>")]
    pub as_of: Option<Timestamp>,
}

/// What the checks say of one candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// What was measured; empty when the candidate is missing.
    pub measurement: Measurement,
    /// Every check with its answer.
    pub checks: Vec<CheckResult>,
    /// The script that wrote it, as far as it can be told.
    pub script: Option<Script>,
    /// What the candidate is like, where rules compare with versions before and it could be read to its end.
    pub profile: Option<Profile>,
}

impl Judgement {
    /// The worst answer among the checks.
    pub fn verdict(&self) -> Verdict {
        let has = |verdict| self.checks.iter().any(|check| check.verdict == verdict);
        if has(Verdict::Hold) {
            Verdict::Hold
        } else if has(Verdict::Warn) {
            Verdict::Warn
        } else {
            Verdict::Pass
        }
    }
}

/// Why something could not be done about a candidate that the checks have not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setback {
    /// In words.
    pub why: String,
    /// The machine's doing, such as a full disk: worth another try soon.
    pub may_pass: bool,
}

/// What a probe last saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// The dataset.
    pub dataset: Name,
    /// When it looked.
    #[schemars(with = "super::Instant")]
    pub at: Timestamp,
    /// What it found; `Err` says why it cannot tell, `Ok(None)` that there is nothing there.
    pub found: Result<Option<Measurement>, String>,
    /// The file it looked at, where there is one.
    pub path: Option<PathBuf>,
    /// When what was found was last written or put there, where a file says so. Known as it is looked at, and not kept.
    #[serde(skip)]
    pub written_at: Option<Timestamp>,
}

/// Where a slot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlotState {
    /// Its deadline is ahead and nothing counted yet.
    Pending,
    /// Delivered in time.
    Met,
    /// Its deadline passed without a delivery.
    Late,
    /// The next slot came due and it was still not delivered.
    Missed,
    /// Delivered after its deadline.
    Recovered,
    /// Due while a window of maintenance is open: nobody waits for it, and nothing that comes meets it.
    Excused,
    /// Nobody waits for it any more: what promised it is gone or says another time, or a wrong clock decided about it.
    Withdrawn,
}

impl SlotState {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Met => "met",
            Self::Late => "late",
            Self::Missed => "missed",
            Self::Recovered => "recovered",
            Self::Excused => "excused",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// One promised delivery. Its row exists ahead of time and independently of any run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Slot {
    /// The dataset.
    pub dataset: Name,
    /// When the delivery is due. Unique within the dataset.
    #[schemars(with = "super::Instant")]
    pub due_at: Timestamp,
    /// From when on a delivery counts.
    #[schemars(with = "super::Instant")]
    pub opens_at: Timestamp,
    /// From when on the dataset is `due_soon`.
    #[schemars(with = "super::Instant")]
    pub warn_at: Timestamp,
    /// When it becomes late.
    #[schemars(with = "super::Instant")]
    pub deadline: Timestamp,
    /// Smallest `as_of` that counts.
    #[schemars(with = "Option<super::Instant>")]
    pub covers: Option<Timestamp>,
    /// Where it stands.
    pub state: SlotState,
    /// The version that met or recovered it, or came for it though it was excused.
    pub version: Option<VersionNumber>,
    /// When its state last changed.
    #[schemars(with = "Option<super::Instant>")]
    pub decided_at: Option<Timestamp>,
    /// Why it was excused or withdrawn, or that it stands for others too, in words.
    pub reason: Option<String>,
}

/// Since when a dataset is promised to be no older than some age: what was never seen is not excused for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgePromise {
    /// The dataset.
    pub dataset: Name,
    /// Since when a `max_age` stands in jobs.toml, whatever it was meanwhile; `None` once it no longer does.
    pub since: Option<Timestamp>,
}
