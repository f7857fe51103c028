//! Proposes checks from a few files that are known to be good, each with the evidence for it.

mod column;
mod files;
mod words;

use std::path::PathBuf;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::model::Checks;
use crate::probe::MeasureError;
use files::{Seen, read};

/// One line of a `[datasets.NAME.checks]` section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProposedCheck {
    /// The key and its value, as they are written in jobs.toml.
    pub line: String,
    /// What was seen that speaks for it.
    pub evidence: String,
}

/// Why nothing can be proposed.
#[derive(Debug, thiserror::Error)]
pub enum ProposeError {
    /// A file cannot be read, or not as the one before.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// A file is not what the others are.
    #[error("{}: {why}", path.display())]
    Unlike {
        /// Which.
        path: PathBuf,
        /// In words.
        why: String,
    },
}

/// What the files have in common, as checks that all of them pass.
///
/// Each file is read twice: for its columns, and for their values. What is remembered of a file does not grow with it.
/// They are read as `known` says, where it names a `format`: that is how the dataset's next version will be read. Else it is
/// found out. `zone` is that of times without an offset.
pub fn propose(files: &[PathBuf], known: Option<&Checks>, zone: &TimeZone) -> Result<Vec<ProposedCheck>, ProposeError> {
    let known = known.filter(|known| known.reading.format.is_some());
    let mut seen: Vec<Seen> = Vec::new();
    for path in files {
        let reading = seen.first().map(|first| &first.reading);
        let reading = reading.or(known.map(|known| &known.reading)).cloned();
        seen.push(read(path, reading, seen.first(), zone)?);
    }
    let mut lines = Vec::new();
    if let Some(first) = seen.first() {
        words::reading(first, known.is_some(), &mut lines);
        if let Some(trailer) = known.and_then(|known| known.trailer.as_ref()) {
            words::trailer(trailer, &mut lines);
        }
        words::whole(&seen, &mut lines);
        let has_times = column::has_times_of_writing(&seen);
        for place in 0..first.columns.len() {
            lines.extend(column::rule(&seen, place, has_times));
        }
    }
    Ok(lines)
}

/// `8 files`.
fn of_files(count: usize) -> String {
    if count == 1 {
        "the one file".to_owned()
    } else {
        format!("all {count} files")
    }
}
