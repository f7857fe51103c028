//! Why a file could not be measured, in words for the person who makes it.

use std::io;
use std::path::PathBuf;

use super::as_of::TimeError;
use super::table::RECORD_BYTES_MAX;

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

/// What kept freshd itself from reading or judging a file, which is no word about the file.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct Hindered {
    why: String,
}

impl Hindered {
    /// In words for whoever looks after the machine.
    pub fn new(why: &str) -> Self {
        Self { why: why.to_owned() }
    }
}

impl From<Hindered> for io::Error {
    fn from(hindered: Hindered) -> Self {
        Self::other(hindered)
    }
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
    #[error("line {line}: a record is longer than {} MiB; is a quote or bracket left open?", RECORD_BYTES_MAX >> 20)]
    RecordTooLong {
        /// Where it begins.
        line: u64,
    },
    /// Bytes that are no UTF-8.
    #[error(
        "line {line}{}: not valid UTF-8; write the file as UTF-8, or say encoding = \"windows-1252\" if it is that",
        in_column(*column)
    )]
    NotUtf8 {
        /// Where the record begins.
        line: u64,
        /// Which of its values, from 1, where that can be told.
        column: Option<usize>,
    },
    /// Two bytes for each character.
    #[error("the file is UTF-16; write it as UTF-8")]
    Utf16,
    /// A byte that no text has in it.
    #[error("line {line}: a NUL byte; the file may be damaged, or no text at all")]
    Nul {
        /// Where it is.
        line: u64,
    },
    /// A byte without a meaning in the encoding that the dataset names.
    #[error("line {line}: the byte {byte:02x} is no {encoding}{}", perhaps_windows(encoding))]
    OutsideEncoding {
        /// Where it is.
        line: u64,
        /// Which.
        byte: u8,
        /// What the dataset says.
        encoding: &'static str,
    },
    /// UTF-8 where the dataset names something else.
    #[error("the file is UTF-8, not {encoding}; write encoding = \"utf-8\", or let it be written as it was")]
    IsUtf8 {
        /// What the dataset says.
        encoding: &'static str,
    },
    /// Not packed, or with something else.
    #[error("the file is not packed with {compression}; pack it, or say compression = \"none\"")]
    NotPacked {
        /// What the dataset says.
        compression: &'static str,
    },
    /// The package ends early.
    #[error("the {compression} file is cut off: it ends after {bytes} bytes of content, before its own end")]
    PackageCutOff {
        /// What it is packed with.
        compression: &'static str,
        /// What could be unpacked.
        bytes: u64,
    },
    /// The package is damaged.
    #[error("the {compression} file cannot be unpacked behind {bytes} bytes of content: {why}")]
    PackageBroken {
        /// What it is packed with.
        compression: &'static str,
        /// What could be unpacked.
        bytes: u64,
        /// What the unpacker says.
        why: String,
    },
    /// Something behind the end of the package that is no other.
    #[error(
        "something follows behind the end of the {compression} file, after {bytes} bytes of content; is it two files in one?"
    )]
    AfterPackage {
        /// What it is packed with.
        compression: &'static str,
        /// What was unpacked.
        bytes: u64,
    },
    /// No JSON.
    #[error("line {line}: no valid JSON, {why}{}", cut_off(*last))]
    JsonBroken {
        /// Where it is wrong.
        line: u64,
        /// What the parser says.
        why: String,
        /// The file ends in the middle of it.
        last: bool,
    },
    /// JSON, but no object.
    #[error("line {line}: not an object; each record must be one, as in {{\"lot\": \"L1\"}}")]
    NoObject {
        /// Where it begins.
        line: u64,
    },
    /// JSON without the array that holds the records.
    #[error("the file is {}, not a JSON array of objects", found.unwrap_or("without content"))]
    NoArray {
        /// What it begins with.
        found: Option<&'static str>,
    },
    /// The array of records never ends.
    #[error("line {line}: the array is not closed, and the file ends there: it may be cut off")]
    OpenArray {
        /// Where the record begins in which the file ends.
        line: u64,
    },
    /// Something between two records that is no comma.
    #[error("line {line}: a comma or a record is missing in the array")]
    ArrayBroken {
        /// Where.
        line: u64,
    },
    /// Something behind the array of records.
    #[error("line {line}: the array is closed, and something follows; is it two files in one?")]
    AfterArray {
        /// Where.
        line: u64,
    },
    /// A line of fixed width that does not reach as far as the columns.
    #[error("line {line}: {found} {} where the columns reach to {expected}{}", characters(*found), cut_off(*last))]
    ShortLine {
        /// Which.
        line: u64,
        /// How far the columns reach, in characters.
        expected: u64,
        /// Characters of the line.
        found: u64,
        /// Nothing follows, and no line break ends it: the file may be cut off.
        last: bool,
    },
    /// A workbook, or what should be one, that cannot be read.
    #[error("the workbook cannot be read: {why}")]
    Workbook {
        /// Why not, and what to do.
        why: String,
    },
    /// A workbook or a Parquet file in which something is wrong at a row.
    #[error("row {row}: {why}")]
    Sheet {
        /// As a spreadsheet counts it; of Parquet from 1.
        row: u64,
        /// What, and what to do.
        why: String,
    },
    /// A Parquet file that cannot be read.
    #[error("the Parquet file cannot be read: {why}")]
    Parquet {
        /// Why not, and what to do.
        why: String,
    },
    /// A value of the `as_of` column that gives no instant.
    #[error("{place}: `{value}` in column `{column}` {why}")]
    AsOf {
        /// Where the record begins: `line 7 (row 6)`, the header not counted; of a sheet `row 7`.
        place: String,
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

fn in_column(column: Option<usize>) -> String {
    column.map(|column| format!(", column {column}")).unwrap_or_default()
}

fn perhaps_windows(encoding: &str) -> &'static str {
    match encoding {
        "latin-1" => "; say encoding = \"windows-1252\" if it is that",
        _ => "",
    }
}

fn cut_off(last: bool) -> &'static str {
    if last {
        ", and the file ends there: it may be cut off"
    } else {
        ""
    }
}

fn characters(count: u64) -> &'static str {
    if count == 1 { "character" } else { "characters" }
}

fn values(count: u64) -> &'static str {
    if count == 1 { "value" } else { "values" }
}

impl From<ContentError> for io::Error {
    /// Lets a reader tell what is wrong with the content; `read_table` takes it out again.
    fn from(error: ContentError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}
