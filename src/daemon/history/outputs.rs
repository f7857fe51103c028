//! The output of attempts, `logs/JOB/RUN.ATTEMPT.log` with its tails: how much of it lies there, and removing it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use tracing::warn;

use super::Files;
use crate::model::{AttemptId, HistoryLimits, Leftovers, LogsForgotten, Name, RunId};
use crate::planner::{self, RunOutput};

/// What an attempt's output may lie in, behind `RUN.ATTEMPT`: as it was written, or packed, or half packed.
const SUFFIXES: [&str; 5] = [".log", ".log.tail0", ".log.tail1", ".log.zst", ".log.zst.new"];

/// Removes the output of runs that are forgotten, and of runs that have lost theirs.
pub(super) fn remove(logs: &Path, leftovers: &Leftovers) -> Files {
    let mut removed = Files::default();
    for (job, run, attempts) in &leftovers.outputs {
        removed += of_run(logs, job, *run, *attempts, true);
    }
    for beyond in &leftovers.logs {
        removed += until(logs, beyond, &leftovers.spared, true);
    }
    removed
}

/// Counts the output of one run, and removes it if it `is_to_go`.
pub(super) fn of_run(logs: &Path, job: &Name, run: RunId, attempts: u32, is_to_go: bool) -> Files {
    let dir = logs.join(job.as_str());
    let mut found = Files::default();
    for number in 1..=attempts {
        let id = AttemptId { run, number };
        for suffix in SUFFIXES {
            found += file(&dir.join(format!("{id}{suffix}")), is_to_go);
        }
    }
    found
}

/// Counts the output of a job's runs up to one, but for those that are spared, and removes it if it `is_to_go`.
pub(super) fn until(logs: &Path, beyond: &LogsForgotten, spared: &[RunId], is_to_go: bool) -> Files {
    let dir = logs.join(beyond.job.as_str());
    let mut found = Files::default();
    for (id, name) in in_dir(&dir) {
        if id.run <= beyond.until && !spared.contains(&id.run) {
            found += file(&dir.join(name), is_to_go);
        }
    }
    found
}

/// Until which run the output of each job is too much. What cannot be read is left for the next time.
pub(super) fn beyond(logs: &Path, limits: &HistoryLimits) -> Vec<LogsForgotten> {
    let mut all = Vec::new();
    for job in directories(logs) {
        let dir = logs.join(&job);
        let mut by_run: BTreeMap<RunId, u64> = BTreeMap::new();
        for (id, name) in in_dir(&dir) {
            let bytes = fs::symlink_metadata(dir.join(name)).map_or(0, |found| found.len());
            *by_run.entry(id.run).or_default() += bytes;
        }
        let outputs = by_run.into_iter().map(|(run, bytes)| RunOutput { run, bytes });
        all.push((Name::from(job), outputs.collect()));
    }
    planner::logs_beyond(limits, &all)
}

/// Names of the directories in one, in order; none when it is not there.
pub(in crate::daemon) fn directories(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    // A link is not followed.
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> = directories
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// Files of attempts in the directory of a job, with their names; nothing else that may lie there.
pub(super) fn in_dir(dir: &Path) -> Vec<(AttemptId, String)> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter_map(|name| {
            let stem = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix))?;
            Some((stem.parse().ok()?, name))
        })
        .collect()
}

/// Counts a file if it is there, and removes it if it `is_to_go`.
pub(super) fn file(path: &Path, is_to_go: bool) -> Files {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Files::default();
    };
    if is_to_go
        && let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        warn!(file = %path.display(), %error, "could not remove output that is no longer kept");
        return Files::default();
    }
    Files {
        count: 1,
        bytes: found.len(),
    }
}
