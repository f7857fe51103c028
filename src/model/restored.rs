//! Records that were lost: what they go on from, and what else is left of what they said.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AttemptId, Name, RunId, Trigger, Version};

/// The records went on from a backup, or began anew, because the database before them was damaged, gone or replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restoration {
    /// When the database was put in place. No two have the same.
    pub at: Timestamp,
    /// The newest record that it begins with; `None` when the records began anew.
    pub from: Option<Timestamp>,
    /// Until when something may have happened that is not in the records.
    pub until: Timestamp,
    /// Name of the backup they go on from; `None` when there was none, or when the file was put in place by hand.
    pub backup: Option<String>,
    /// What was wrong with the database before, in words.
    pub because: String,
    /// Name that the database before has now; `None` when there was nothing to set aside.
    pub set_aside: Option<String>,
    /// How far the database before is known to have come.
    pub seen: Option<Seen>,
    /// When a start had drawn its conclusions and had told everybody; `None` while that is to be done.
    pub taken_up_at: Option<Timestamp>,
    /// Highest run number that may have been used until then, once that start had settled it. No row need show it, and
    /// runs are numbered above it all the same.
    pub last_run: Option<RunId>,
}

/// How far a database had come, by a witness beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The boot in which it was noted. A power cut since then may have taken the last notes with it.
    pub boot_id: String,
    /// Commits so far that held more than signs of life.
    pub changes: u64,
    /// Highest run number.
    pub run: u64,
    /// Highest incident number.
    pub incident: u64,
    /// Highest notification number.
    pub notification: u64,
}

/// What is found beside the database of things that its records do not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Highest run number in the name of any log, directory or journalled attempt.
    pub last_run: u64,
    /// Highest version number of each dataset, by the directories and sidecars that have one.
    pub version_numbers: Vec<(Name, u64)>,
    /// The version that readers see of each dataset whose file agrees with a sidecar.
    pub in_place: Vec<Version>,
}

/// An attempt that a keeper knows and the records do not. What becomes of it follows as for any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAttempt {
    /// Which.
    pub id: AttemptId,
    /// Its job.
    pub job: Name,
    /// The occurrence it was started for, where its keeper wrote that down.
    pub due_at: Option<Timestamp>,
    /// Why its run began, where its keeper wrote that down.
    pub trigger: Option<Trigger>,
    /// When it was handed to the process.
    pub at: Timestamp,
}

/// An attempt of which a log is all that is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Which.
    pub id: AttemptId,
    /// Its job.
    pub job: Name,
    /// When it first printed.
    pub from: Timestamp,
    /// When it last printed.
    pub until: Timestamp,
}

impl Restoration {
    /// Whether the end of a run is one of those that are unknown because of it.
    pub fn hides(&self, ended_at: Option<Timestamp>) -> bool {
        ended_at == Some(self.until)
    }
}

impl Found {
    /// Whether the version that readers see was made by this run: then that run succeeded.
    pub fn was_published_by(&self, run: RunId) -> Option<&Version> {
        self.in_place.iter().find(|version| version.run == Some(run))
    }
}
