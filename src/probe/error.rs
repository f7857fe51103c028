//! Why a file could not be measured, in words for the person who makes it.

use std::io;
use std::path::PathBuf;

use super::as_of::TimeError;
use super::meter::RECORD_BYTES_MAX;

/// Why a file could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// Nothing has that name.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The name.
        path: PathBuf,
    },
    /// Something has that name, but its bytes cannot be read as those of a file.
    #[error("{} is {what}, not a regular file", path.display())]
    NotAFile {
        /// The name.
        path: PathBuf,
        /// What it is, with its article.
        what: &'static str,
    },
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// What was read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody wrote to it meanwhile.
    #[error("{} changed while it was read; something still writes to it", path.display())]
    Changed {
        /// What was read.
        path: PathBuf,
    },
    /// It was read, and its content is not what the dataset says it is.
    #[error(transparent)]
    Content(#[from] ContentError),
}

/// What is wrong with the content of a file, in words for the person who makes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Only empty lines.
    #[error("there is no header; the first line must name the columns")]
    NoHeader,
    /// Two columns with one name.
    #[error("line {line}: the header names the column `{column}` twice; give each column a name of its own")]
    DuplicateColumn {
        /// Where the header is.
        line: u64,
        /// The name.
        column: String,
    },
    /// The column that `as_of` names is not there.
    #[error("there is no column `{column}` for as_of; {}", found_instead(nearest.as_deref(), columns))]
    MissingColumn {
        /// The name in the rule.
        column: String,
        /// The header's name that comes closest.
        nearest: Option<String>,
        /// The header, shortened.
        columns: String,
    },
    /// A record with more or fewer values than the header has names.
    #[error("line {line}: {found} {} where the header names {expected}{}", values(*found), cut_off(*last))]
    UnequalColumns {
        /// Where the record begins.
        line: u64,
        /// Columns of the header.
        expected: u64,
        /// Values of the record.
        found: u64,
        /// Nothing follows, and no line break ends it: the file may be cut off.
        last: bool,
    },
    /// The file ends inside quotes.
    #[error("line {line}: a quote is opened and never closed")]
    OpenQuote {
        /// Where it is opened.
        line: u64,
    },
    /// A record beyond `RECORD_BYTES_MAX`.
    #[error("line {line}: a record is longer than {} MiB; is a quote left open?", RECORD_BYTES_MAX >> 20)]
    RecordTooLong {
        /// Where it begins.
        line: u64,
    },
    /// Bytes that are no UTF-8.
    #[error("line {line}, column {column}: not valid UTF-8; write the file as UTF-8, not as Latin-1 or Windows-1252")]
    NotUtf8 {
        /// Where the record begins.
        line: u64,
        /// Which of its values, from 1.
        column: usize,
    },
    /// A value of the `as_of` column that gives no instant.
    #[error("line {line} (row {row}): `{value}` in column `{column}` {why}")]
    AsOf {
        /// Where the record begins.
        line: u64,
        /// Which row, from 1, the header not counted.
        row: u64,
        /// The column.
        column: String,
        /// The value, shortened.
        value: String,
        /// Why not.
        why: TimeError,
    },
    /// The file's name does not fit the pattern of `as_of`.
    #[error("the file name `{name}` does not give a time by the pattern `{pattern}`: {why}")]
    Name {
        /// The name.
        name: String,
        /// The pattern.
        pattern: String,
        /// Where they part.
        why: String,
    },
}

fn found_instead(nearest: Option<&str>, columns: &str) -> String {
    match nearest {
        Some(nearest) => format!("the header has `{nearest}`, which comes closest"),
        None => format!("the header has {columns}"),
    }
}

fn cut_off(last: bool) -> &'static str {
    if last {
        ", and the file ends there: it may be cut off"
    } else {
        ""
    }
}

fn values(count: u64) -> &'static str {
    if count == 1 { "value" } else { "values" }
}
