//! Files in the state directory that no row names: a crash came between forgetting and removing, or before it.
//!
//! A row is committed before its file is made. So a file that was there before the store was read, and has no row then,
//! has none any more. Three things are left alone all the same: what was changed within a day; what has a higher number
//! than any row, as after a backup was restored; and whatever has a name that freshd does not give. After records were lost,
//! no version goes while a run goes on that began before.

use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use super::outputs::{directories, file, in_dir};
use super::{Files, LOGS_DIR};
use crate::model::{AttemptId, Name, RunState, VersionNumber, VersionRef, elapsed};
use crate::store::{ReadError, Reader};

/// What was changed more recently may still be written to, whatever the rows say.
const AGE_MIN: Duration = Duration::from_hours(24);

/// Finds what no row names by a clock that says `now`, and removes it if it `is_to_go`.
pub(super) fn sweep(state_dir: &Path, now: Timestamp, is_to_go: bool) -> Result<Files, ReadError> {
    let mut found = outputs(state_dir, now, is_to_go)?;
    found += run_dirs(state_dir, now, is_to_go)?;
    // What it reads may be a version of which no record is left.
    if Reader::open(state_dir)?.has_run_of_lost_time()? {
        return Ok(found);
    }
    for kind in ["versions", "quarantine"] {
        found += versions(state_dir, kind, now, is_to_go)?;
    }
    Ok(found)
}

fn outputs(state_dir: &Path, now: Timestamp, is_to_go: bool) -> Result<Files, ReadError> {
    let logs = state_dir.join(LOGS_DIR);
    let mut found = Files::default();
    for job in directories(&logs) {
        let dir = logs.join(&job);
        // Listed before the store is read.
        let names = in_dir(&dir);
        let reader = Reader::open(state_dir)?;
        let last = reader.last_run()?;
        for (id, name) in names {
            let path = dir.join(name);
            let is_known = Some(id.run) > last || reader.job_of(id.run)?.is_some_and(|known| known.as_str() == job);
            if !is_known && is_old(&path, now) {
                found += file(&path, is_to_go);
            }
        }
        remove_if_empty(&dir, now, is_to_go);
    }
    Ok(found)
}

fn run_dirs(state_dir: &Path, now: Timestamp, is_to_go: bool) -> Result<Files, ReadError> {
    let runs = state_dir.join("run");
    let names = directories(&runs);
    let reader = Reader::open(state_dir)?;
    let last = reader.last_run()?;
    let mut found = Files::default();
    for name in names {
        let id = name.parse::<AttemptId>().ok();
        let Some(id) = id.filter(|id| Some(id.run) <= last) else {
            continue;
        };
        let goes_on = reader.run(id.run)?.is_some_and(|(run, _)| run.state != RunState::Final);
        if !goes_on {
            found += directory(&runs.join(name), now, is_to_go);
        }
    }
    Ok(found)
}

fn versions(state_dir: &Path, kind: &str, now: Timestamp, is_to_go: bool) -> Result<Files, ReadError> {
    let all = state_dir.join(kind);
    let mut found = Files::default();
    for dataset in directories(&all) {
        let dir = all.join(&dataset);
        let names = directories(&dir);
        let reader = Reader::open(state_dir)?;
        let dataset = Name::from(dataset);
        let newest = reader.versions_of(&dataset, 1)?.pop().map(|version| version.number);
        for name in names {
            let number = name.parse().ok().filter(|number: &u64| number.to_string() == name);
            let Some(number) = number.map(VersionNumber).filter(|number| Some(*number) < newest) else {
                continue;
            };
            let version = VersionRef {
                dataset: dataset.clone(),
                number,
            };
            if reader.version(&version)?.is_none() {
                found += directory(&dir.join(name), now, is_to_go);
            }
        }
        remove_if_empty(&dir, now, is_to_go);
    }
    Ok(found)
}

/// Counts what lies in an old directory, and removes all of it if it `is_to_go`.
fn directory(path: &Path, now: Timestamp, is_to_go: bool) -> Files {
    if !is_old(path, now) {
        return Files::default();
    }
    let mut found = Files { count: 1, bytes: 0 };
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        found += Files {
            count: 1,
            bytes: entry.metadata().map_or(0, |found| found.len()),
        };
    }
    // Goes from descriptor to descriptor and follows no link.
    if is_to_go && let Err(error) = fs::remove_dir_all(path) {
        warn!(directory = %path.display(), %error, "could not remove what nothing names");
        return Files::default();
    }
    found
}

/// Whoever wants to write there makes it again.
fn remove_if_empty(dir: &Path, now: Timestamp, is_to_go: bool) {
    if is_to_go && is_old(dir, now) {
        // It is an error where something lies there, which is as it should be.
        let _ = fs::remove_dir(dir);
    }
}

/// A clock that was set back makes it younger, and puts it off.
fn is_old(path: &Path, now: Timestamp) -> bool {
    let changed = fs::symlink_metadata(path).and_then(|found| found.modified());
    let at = changed.ok().and_then(|changed| Timestamp::try_from(changed).ok());
    at.is_some_and(|at| elapsed(at, now) > AGE_MIN)
}
