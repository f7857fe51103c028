//! Looks at a dataset that no job here produces.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::error::MeasureError;
use super::glob::{ENTRIES_MAX, walk};
use super::measure::{open_followed, survey};
use super::progress::Progress;
use super::table::NoRows;
use crate::model::{Dataset, Measurement, Observation, ProbeTarget};

/// Looks at a probed dataset; `at` is now, and `progress` is for whoever waits.
///
/// - A settled file is read whole, so that a touch or a copy of the same bytes can be told from new data.
///   Its `as_of` follows the dataset's rule; without one it is `None`, and its arrival counts.
/// - Of the files that match a pattern, the newest settled one counts; a newer one still being written
///   leaves the view on the one before.
/// - A file that is still being written, with no settled one to show, is `Ok(None)` with its `path`: nothing has
///   arrived, which neither makes a new version nor casts doubt on the one before. Nothing there at all is
///   `Ok(None)` without a path.
/// - `Err` is for what the probe cannot tell: a missing directory, a permission, a directory or pipe in the
///   place of the file, a content that cannot be read.
pub fn observe(dataset: &Dataset, at: Timestamp, progress: &Progress) -> Observation {
    let view = match dataset.probe.as_ref().map(|probe| &probe.target) {
        None | Some(ProbeTarget::Ping(_) | ProbeTarget::OpenLineage(_)) => {
            View::of(None, Err("there is nothing to look at".to_owned()))
        }
        Some(ProbeTarget::File(path)) => look_at(path, dataset, at, progress),
        Some(ProbeTarget::Glob(pattern)) => match newest(pattern, at, dataset.settle, ENTRIES_MAX) {
            Err(error) => View::of(None, Err(error)),
            Ok(Newest::Nothing) => View::of(None, Ok(None)),
            Ok(Newest::Unsettled(path)) => View::of(Some(path), Ok(None)),
            Ok(Newest::Settled(path)) => look_at(&path, dataset, at, progress),
        },
    };
    Observation {
        dataset: dataset.name.clone(),
        at,
        found: view.found,
        path: view.path,
        written_at: view.written_at,
    }
}

/// What a look sees.
struct View {
    path: Option<PathBuf>,
    found: Result<Option<Measurement>, String>,
    written_at: Option<Timestamp>,
}

impl View {
    /// One in which nothing says when it was written.
    fn of(path: Option<PathBuf>, found: Result<Option<Measurement>, String>) -> Self {
        Self {
            path,
            found,
            written_at: None,
        }
    }
}

fn look_at(path: &Path, dataset: &Dataset, at: Timestamp, progress: &Progress) -> View {
    let seen = Some(path.to_owned());
    let failed = |error: &MeasureError| View::of(seen.clone(), Err(error.to_string()));
    let file = match open_followed(path) {
        Ok(file) => file,
        Err(MeasureError::Missing { .. }) => return View::of(None, nothing_at(path)),
        Err(error) => return failed(&error),
    };
    match file.metadata() {
        Err(error) => {
            return View::of(seen, Err(format!("cannot read {}: {error}", path.display())));
        }
        Ok(metadata) if !settled(&metadata, at, dataset.settle) => return View::of(seen, Ok(None)),
        Ok(_) => {}
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let reading = &dataset.checks.reading;
    match survey(&file, path, &name, reading, &dataset.as_of, &mut NoRows, progress) {
        Ok(survey) => match survey.content.and(survey.as_of.map_or(Ok(()), Err)) {
            Ok(()) => View {
                written_at: Some(put_there_at(&file, survey.modified_at)),
                ..View::of(seen, Ok(Some(survey.measurement)))
            },
            Err(error) => View::of(seen, Err(format!("{}: {error}", path.display()))),
        },
        Err(MeasureError::Changed { .. }) => View::of(seen, Ok(None)),
        Err(error) => failed(&error),
    }
}

/// When a file came to be there: a copy that keeps the time of its source, or a rename, is as new as the last change of the
/// file itself, which nobody can set.
fn put_there_at(file: &File, modified_at: Timestamp) -> Timestamp {
    let changed_at = |metadata: &Metadata| {
        let micros = metadata.ctime().checked_mul(1_000_000)?;
        Timestamp::from_microsecond(micros.checked_add(metadata.ctime_nsec() / 1_000)?).ok()
    };
    let changed_at = file.metadata().ok().as_ref().and_then(changed_at);
    changed_at.map_or(modified_at, |changed_at| changed_at.max(modified_at))
}

/// A missing file is an answer; with its directory missing, too, a share may not be mounted.
fn nothing_at(path: &Path) -> Result<Option<Measurement>, String> {
    match path.parent() {
        Some(directory) if !directory.is_dir() => Err(format!(
            "the directory {} does not exist; is a share not mounted?",
            directory.display()
        )),
        _ => Ok(None),
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Newest {
    Nothing,
    Settled(PathBuf),
    Unsettled(PathBuf),
}

pub(super) fn newest(pattern: &str, at: Timestamp, settle: Duration, entries_max: u64) -> Result<Newest, String> {
    let (mut best, mut unsettled) = (None, None);
    walk(pattern, entries_max, &mut |path, metadata| {
        let place = if settled(&metadata, at, settle) {
            &mut best
        } else {
            &mut unsettled
        };
        // Of two files of the same instant, the later name.
        let found = Some((metadata.modified().ok(), path));
        if found > *place {
            *place = found;
        }
    })?;
    Ok(match (best, unsettled) {
        (Some((_, path)), _) => Newest::Settled(path),
        (None, Some((_, path))) => Newest::Unsettled(path),
        (None, None) => Newest::Nothing,
    })
}

/// Whether nobody wrote to it for `settle`.
///
/// A modification time further in the future than that was set by hand or by a foreign clock; it is no
/// sign of a write just now, and waiting for it would take for ever.
fn settled(metadata: &Metadata, at: Timestamp, settle: Duration) -> bool {
    let modified = metadata.modified().ok();
    let modified = modified.and_then(|time| Timestamp::try_from(time).ok());
    modified.is_none_or(|modified| at.duration_since(modified).unsigned_abs() >= settle)
}
