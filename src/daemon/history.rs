//! Work of a round of `[history]` off the main loop: search for what is beyond the limits, and remove its files.

mod outputs;
mod pace;
mod sweep;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;
use tracing::warn;

pub(super) use outputs::directories;
pub(super) use pace::Pace;

use crate::model::{Aged, Event, HistoryLimits, Leftovers, PIECE_ROWS_MAX, Pruned, SearchFrom, Settings};
use crate::planner;
use crate::store::{ReadError, Reader};

/// The directory of outputs in the state directory.
pub(super) const LOGS_DIR: &str = "logs";

/// Files that were removed, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Files {
    count: u64,
    bytes: u64,
}

impl std::ops::AddAssign for Files {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.bytes += other.bytes;
    }
}

/// Finds the next piece of what is beyond the limits, after a pause; answered by `Event::Aged`, whatever happens.
pub(super) fn search(
    state_dir: PathBuf,
    limits: Arc<HistoryLimits>,
    from: SearchFrom,
    pause: Duration,
    events: UnboundedSender<Event>,
) {
    tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        let found = tokio::task::spawn_blocking(move || found(&state_dir, &limits, from)).await;
        let found =
            found.unwrap_or_else(|panic| Err(format!("freshd failed while searching, which is a bug: {panic}")));
        if let Err(why) = &found {
            warn!("could not look for what is beyond [history]: {why}");
        }
        let _ = events.send(Event::Aged(found.map(Box::new)));
    });
}

/// Reads what happened in a week; answered by `Event::LookedBack`, whatever happens.
pub(super) fn look_back(state_dir: PathBuf, (from, until): (Timestamp, Timestamp), events: UnboundedSender<Event>) {
    tokio::spawn(async move {
        let read = move || {
            let reader = Reader::open(&state_dir).map_err(|error| error.to_string())?;
            reader.week(from, until).map_err(|error| error.to_string())
        };
        let week = tokio::task::spawn_blocking(read).await;
        let week = week.unwrap_or_else(|panic| Err(format!("freshd failed while reading, which is a bug: {panic}")));
        if let Err(why) = &week {
            warn!("could not read what happened in the last week: {why}");
        }
        let week = week.map(Box::new);
        let _ = events.send(Event::LookedBack { until, week });
    });
}

/// Removes the files of what is forgotten; answered by `Event::Removed`, whatever happens.
pub(super) fn remove(state_dir: PathBuf, leftovers: Leftovers, events: UnboundedSender<Event>) {
    off_the_loop(events, move || outputs::remove(&state_dir.join(LOGS_DIR), &leftovers));
}

/// Removes what no row names; answered by `Event::Removed`, whatever happens.
pub(super) fn sweep(state_dir: PathBuf, events: UnboundedSender<Event>) {
    off_the_loop(events, move || match sweep::sweep(&state_dir, Timestamp::now(), true) {
        Ok(removed) => removed,
        Err(error) => {
            warn!(%error, "could not look for files that nothing names");
            Files::default()
        }
    });
}

fn off_the_loop(events: UnboundedSender<Event>, work: impl FnOnce() -> Files + Send + 'static) {
    tokio::spawn(async move {
        let removed = tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| {
            warn!(%panic, "could not remove files, which is a bug");
            Files::default()
        });
        let (files, bytes) = (removed.count, removed.bytes);
        let _ = events.send(Event::Removed { files, bytes });
    });
}

fn found(state_dir: &Path, limits: &HistoryLimits, from: SearchFrom) -> Result<Aged, String> {
    if from == SearchFrom::Logs {
        return Ok(Aged {
            logs: outputs::beyond(&state_dir.join(LOGS_DIR), limits),
            ..Aged::default()
        });
    }
    let reader = Reader::open(state_dir).map_err(|error| error.to_string())?;
    let aged = reader.aged(limits, from, PIECE_ROWS_MAX);
    aged.map_err(|error| error.to_string())
}

/// What a round would remove under these settings, with or without a daemon; nothing is changed.
///
/// Output of runs that go on is counted as if they were over.
///
/// # Errors
/// Fails when the state directory cannot be read.
pub fn would_prune(state_dir: &Path, settings: &Settings, now: Timestamp) -> Result<Pruned, ReadError> {
    let reader = Reader::open(state_dir)?;
    let limits = planner::history_limits(settings, now, &reader.snapshot()?.clock_leaps);
    let logs = state_dir.join(LOGS_DIR);
    let mut pruned = Pruned::default();
    let mut files = sweep::sweep(state_dir, now, false)?;
    let mut next = Some(SearchFrom::START);
    while let Some(from) = next {
        let mut aged = reader.aged(&limits, from, PIECE_ROWS_MAX)?;
        pruned.count(&aged);
        for run in &aged.runs {
            files += outputs::of_run(&logs, &run.job, run.id, run.attempts, false);
        }
        // Texts are not counted, and those that are found are found again until they are gone.
        next = aged.next.take().filter(|next| *next != SearchFrom::Texts);
    }
    for beyond in outputs::beyond(&logs, &limits) {
        files += outputs::until(&logs, &beyond, &[], false);
    }
    (pruned.files, pruned.bytes) = (files.count, files.bytes);
    Ok(pruned)
}
