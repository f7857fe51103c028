//! What is left beside the database of a time whose records were lost: logs, directories, published files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use crate::checks;
use crate::engine::Engine;
use crate::model::{AttemptId, Event, Found, Restoration, RunState, Settings, Trace, Version, log_path};
use crate::runner::{attempt_of_log, last_written, read_log};
use crate::store::Reader;

/// Attempts of which the logs are looked at, the newest first.
const TRACES_MAX: usize = 10_000;

/// Traces that are told in one event.
const TRACES_PER_EVENT: usize = 500;

/// How long published files are looked at: one of them may lie on a share that hangs.
const FILES_WAIT: Duration = Duration::from_mins(2);

/// Everything the engine is to be told before `Started`, after what keepers know; nothing when no records were lost.
///
/// # Errors
/// Fails when what was left behind cannot be read.
pub(super) async fn left_behind(
    engine: &Engine,
    settings: &Settings,
    state_dir: &Path,
    known: &[AttemptId],
) -> io::Result<Vec<Event>> {
    let Some(restoration) = engine.lost_records().cloned() else {
        return Ok(Vec::new());
    };
    let dir = state_dir.to_path_buf();
    let known = known.to_vec();
    let looked = tokio::task::spawn_blocking(move || traces(&dir, &restoration, &known));
    // Without an answer numbers could be given again: freshd does not start then.
    let (traces, last_run) = looked.await.map_err(io::Error::other)??;
    let (versions_dir, quarantine_dir) = (state_dir.join("versions"), state_dir.join("quarantine"));
    let in_place = published(settings, &versions_dir).await;
    let mut version_numbers = checks::highest_numbers(&[&versions_dir, &quarantine_dir]);
    version_numbers.extend(
        in_place
            .iter()
            .map(|version| (version.dataset.clone(), version.number.0)),
    );
    let found = Found {
        last_run,
        version_numbers,
        in_place,
    };
    let mut events: Vec<Event> = traces
        .chunks(TRACES_PER_EVENT)
        .map(|some| Event::Traced(some.to_vec()))
        .collect();
    events.push(Event::Restored(Box::new(found)));
    Ok(events)
}

/// The versions that readers see, as far as their files can be read in time.
async fn published(settings: &Settings, versions_dir: &Path) -> Vec<Version> {
    let datasets = settings.datasets.values();
    let produced: Vec<_> = datasets.filter(|dataset| dataset.probe.is_none()).cloned().collect();
    let mut looks = tokio::task::JoinSet::new();
    for dataset in produced {
        let versions_dir = versions_dir.to_path_buf();
        looks.spawn_blocking(move || checks::in_place(&dataset, &versions_dir));
    }
    let mut found = Vec::new();
    let gathered = async {
        while let Some(looked) = looks.join_next().await {
            found.extend(looked.ok().flatten());
        }
    };
    if tokio::time::timeout(FILES_WAIT, gathered).await.is_err() {
        warn!("some published files could not be read in time; their versions stay unknown");
    }
    found.sort_by(|a, b| a.dataset.cmp(&b.dataset));
    found
}

/// What logs and directories of attempts say: those that the records do not know, oldest first, and the highest run.
fn traces(state_dir: &Path, restoration: &Restoration, known: &[AttemptId]) -> io::Result<(Vec<Trace>, u64)> {
    let mut last_run = known.iter().map(|id| id.run.0).max().unwrap_or(0);
    for entry in entries(&state_dir.join("run"))? {
        let id: Option<AttemptId> = entry.file_name().to_str().and_then(|name| name.parse().ok());
        last_run = last_run.max(id.map_or(0, |id| id.run.0));
    }
    let mut found: BTreeMap<AttemptId, Trace> = BTreeMap::new();
    for job in entries(&state_dir.join("logs"))? {
        let Some(name) = job.file_name().to_str().map(crate::model::Name::from) else {
            continue;
        };
        for log in entries(&job.path())? {
            let file_name = log.file_name();
            let Some(id) = file_name.to_str().and_then(attempt_of_log) else {
                continue;
            };
            last_run = last_run.max(id.run.0);
            let Some((from, until)) = span(&log_path(state_dir, &name, id)) else {
                continue;
            };
            // What printed last before the newest record is in the records.
            if restoration.from.is_some_and(|newest| until < newest) || known.contains(&id) {
                continue;
            }
            let job = name.clone();
            found.insert(id, Trace { id, job, from, until });
            if found.len() > TRACES_MAX {
                found.pop_first();
            }
        }
    }
    Ok((unrecorded(state_dir, found), last_run))
}

fn unrecorded(state_dir: &Path, found: BTreeMap<AttemptId, Trace>) -> Vec<Trace> {
    let reader = match Reader::open(state_dir) {
        Ok(reader) => reader,
        Err(error) => {
            warn!(%error, "what logs are left of cannot be compared with the records");
            return Vec::new();
        }
    };
    // A run that is over by the records has no attempt that they do not know.
    let is_recorded = |id: AttemptId| match reader.run(id.run) {
        Ok(Some((run, attempts))) => run.state == RunState::Final || attempts.iter().any(|attempt| attempt.id == id),
        Ok(None) => false,
        Err(_) => true,
    };
    found.into_values().filter(|trace| !is_recorded(trace.id)).collect()
}

/// When a log began and when it was last written to.
fn span(log: &Path) -> Option<(Timestamp, Timestamp)> {
    let mut reader = read_log(log).ok()?;
    // A first line that has no end yet began all the same.
    let first = reader.next().and_then(Result::ok).or_else(|| reader.finish())?;
    let until = last_written(log)?;
    Some((first.at, until.max(first.at)))
}

/// What lies in a directory; nothing where there is none. What cannot be read is an error: it is the evidence that
/// numbers were used.
fn entries(dir: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(dir).and_then(Iterator::collect) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        read => read.map_err(|error| {
            let why = format!("cannot read {}, which says what has run: {error}", dir.display());
            io::Error::new(error.kind(), why)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::pack_log;

    #[test]
    fn a_log_spans_from_its_first_line_to_its_last_change_whatever_it_lies_in() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("41.1.log");
        let began: Timestamp = "2026-02-03T04:05:06.789Z".parse().unwrap();
        // Of stderr, and without an end.
        fs::write(&log, format!("!{began} no listener")).unwrap();
        let (from, until) = span(&log).unwrap();
        assert_eq!(from, began);
        assert!(until > began);
        fs::write(&log, format!("!{began} no listener{}", "\n again".repeat(1_000))).unwrap();
        let spanned = span(&log);
        assert!(spanned.is_some_and(|(from, until)| from == began && until > began));
        pack_log(&log).unwrap().unwrap();
        assert_eq!(span(&log), spanned);
        fs::write(dir.path().join("42.1.log"), [0; 100]).unwrap();
        assert_eq!(span(&dir.path().join("42.1.log")), None);
    }
}
