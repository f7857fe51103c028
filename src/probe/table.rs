//! Reads the rows of a file, whatever they are written in, and hands each to whoever looks at them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};

use jiff::Timestamp;

use super::apart::read_apart;
use super::as_of::NewestTime;
use super::csv_table::read_csv;
use super::error::ContentError;
use super::fixed_table::read_fixed;
use super::json_table::read_json;
use super::meter::Meter;
use super::positioned::Positioned;
use super::progress::Progress;
use super::text::{HEAD_BYTES_MAX, Text};
use super::trailer::WithoutTrailer;
use super::unpack::Unpacked;
use crate::model::{AsOf, Format, Reading};

/// Longest record; it bounds the memory of reading one, whatever the file holds.
pub(super) const RECORD_BYTES_MAX: u64 = 4 << 20;

/// Most columns that are kept in mind of JSON, where each object may name others.
pub(super) const COLUMNS_MAX: usize = 4096;

/// How different a column's name may be and still be named as the one that was meant.
const NEAREST_SIMILARITY_MIN: f64 = 0.75;

/// How much of a value an error shows.
const VALUE_CHARS_MAX: usize = 60;

/// Looks at rows while a file is read.
pub trait Rows {
    /// The columns whose values `row` is given, in this order. Asked once, before the first row.
    fn wanted(&self) -> Vec<String>;

    /// One row.
    fn row(&mut self, row: &Row<'_>);
}

/// One row of a file.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The line on which it begins, from 1; of a sheet or a table, which row it is there.
    pub line: u64,
    /// The values of the wanted columns; `None` where it has none: an empty text, null, or no such column.
    pub values: &'a [Option<&'a str>],
}

/// Nobody looks at the rows; they are only counted.
#[derive(Clone, Copy, Debug)]
pub struct NoRows;

impl Rows for NoRows {
    fn wanted(&self) -> Vec<String> {
        Vec::new()
    }

    fn row(&mut self, _: &Row<'_>) {}
}

/// What one pass over the content of a file tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// Rows without the header; `None` for opaque content, or where it could not be read to the end.
    pub(super) rows: Option<u64>,
    /// The names of its columns, in order; of JSON, in the order in which they first came.
    pub(super) columns: Vec<String>,
    /// The largest time in the `as_of` column.
    pub(super) newest: Option<Timestamp>,
    /// The first bytes, unpacked.
    pub(super) head: Vec<u8>,
    /// The last byte, unpacked.
    pub(super) last_byte: Option<u8>,
    /// The last line, where it is no row.
    pub(super) trailer: Option<String>,
    /// Why there is no `newest`, although there should be.
    pub(super) as_of: Option<ContentError>,
    /// Lines that look like rows and lie within a value.
    pub(super) swallowed: Option<Swallowed>,
}

/// Rows that became part of a value, since a quote was opened before and closed behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swallowed {
    /// Where the quote is opened.
    pub line: u64,
    /// How many lines the value has.
    pub lines: u64,
}

/// Reads content to its end, or to what is wrong with it, as `format` whatever `reading` says of that. The outer error is the system's, the inner one the content's.
pub(super) fn read_table<R: Read>(
    meter: &mut Meter<R>,
    format: &Format,
    reading: &Reading,
    as_of: &AsOf,
    rows: &mut dyn Rows,
) -> io::Result<(Table, Result<(), ContentError>)> {
    let mut head = Vec::new();
    let unpacked = Unpacked::new(meter, reading.compression, &mut head);
    let mut text = match unpacked {
        Ok(unpacked) => Text::new(unpacked, reading.encoding),
        Err(error) => {
            let table = Table {
                head,
                ..Table::default()
            };
            return Ok((table, Err(content_of(error)?)));
        }
    };
    let mut pass = Pass::new(as_of, format.row_word(), rows);
    let (result, trailer) = if reading.has_trailer {
        let mut lines = WithoutTrailer::new(&mut text);
        let result = read_rows(&mut lines, format, &mut pass);
        (result, lines.last_line())
    } else {
        (read_rows(&mut text, format, &mut pass), None)
    };
    let content = match result {
        Ok(content) => content,
        Err(error) => Err(content_of(error)?),
    };
    let table = Table {
        trailer,
        head: text.head().to_owned(),
        last_byte: text.last_byte(),
        ..pass.table(content.is_ok())
    };
    Ok((table, content))
}

/// Reads a format that has its rows all over the file, and not one after the other. The results are as above.
pub(super) fn read_scattered(
    file: &File,
    format: &Format,
    as_of: &AsOf,
    rows: &mut dyn Rows,
    progress: &Progress,
) -> io::Result<(Table, Result<(), ContentError>)> {
    let mut head = Vec::new();
    Positioned::new(file, progress)?
        .take(HEAD_BYTES_MAX as u64)
        .read_to_end(&mut head)?;
    let mut pass = Pass::new(as_of, format.row_word(), rows);
    let content = if head.is_empty() {
        Ok(())
    } else {
        read_apart(file, format, &mut pass, progress)?
    };
    let table = Table {
        head,
        ..pass.table(content.is_ok())
    };
    Ok((table, content))
}

fn read_rows(text: &mut dyn Read, format: &Format, pass: &mut Pass<'_>) -> io::Result<Result<(), ContentError>> {
    match format {
        Format::Csv { delimiter } => read_csv(text, *delimiter, pass),
        Format::Json | Format::JsonLines => read_json(text, format, pass),
        Format::Fixed { columns, skip_lines } => read_fixed(text, columns, *skip_lines, pass),
        Format::Xlsx { .. } | Format::Parquet => Err(io::Error::other("not a text")),
    }
}

/// What is wrong with the content, where that is why reading failed; else the error as it is.
pub(super) fn content_of(error: io::Error) -> io::Result<ContentError> {
    error.downcast::<ContentError>()
}

/// What is learned of the rows as they pass.
pub(super) struct Pass<'a> {
    rows: &'a mut dyn Rows,
    /// The columns that somebody wants; the one of `as_of` is the last.
    pub(super) wanted: Vec<String>,
    as_of: Option<&'a str>,
    /// By what a row is found.
    row_word: &'static str,
    newest: NewestTime<'a>,
    /// Reading goes on all the same: whatever else is wrong is told with it.
    as_of_error: Option<ContentError>,
    pub(super) columns: Vec<String>,
    pub(super) count: u64,
    pub(super) swallowed: Option<Swallowed>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(as_of: &'a AsOf, row_word: &'static str, rows: &'a mut dyn Rows) -> Self {
        let (as_of, zone) = match as_of {
            AsOf::Column { column, zone } => (Some(column.as_str()), zone.as_ref()),
            AsOf::Start | AsOf::Mtime | AsOf::Pattern { .. } => (None, None),
        };
        let mut wanted = rows.wanted();
        wanted.extend(as_of.map(str::to_owned));
        Self {
            rows,
            wanted,
            as_of,
            row_word,
            newest: NewestTime::new(zone),
            as_of_error: None,
            columns: Vec::new(),
            count: 0,
            swallowed: None,
        }
    }

    /// What was learned; `is_good` when there was nothing wrong to the end.
    fn table(self, is_good: bool) -> Table {
        Table {
            // A count that ended at an error counts nothing.
            rows: is_good.then_some(self.count),
            newest: self.newest.largest().filter(|_| is_good && self.as_of_error.is_none()),
            as_of: self.as_of_error,
            swallowed: self.swallowed,
            columns: self.columns,
            ..Table::default()
        }
    }

    /// The names of the columns are known: where is each wanted one? What is wrong is that two have one name.
    pub(super) fn name_columns(&mut self, names: Vec<String>) -> Result<Vec<Option<usize>>, String> {
        let mut seen = BTreeSet::new();
        // Some tools leave the column of row numbers without a name.
        let repeated = names
            .iter()
            .find(|name| !name.is_empty() && !seen.insert(name.as_str()));
        let repeated = repeated.map(|name| shortened(name));
        self.columns = names;
        if let Some(repeated) = repeated {
            return Err(repeated);
        }
        self.check_columns();
        let place = |wanted: &String| self.columns.iter().position(|column| column == wanted);
        Ok(self.wanted.iter().map(place).collect())
    }

    /// The columns are known: is the one of `as_of` among them?
    pub(super) fn check_columns(&mut self) {
        let Some(wanted) = self.as_of else { return };
        if !self.columns.iter().any(|column| column == wanted) {
            self.as_of_error = Some(ContentError::MissingColumn {
                column: wanted.to_owned(),
                nearest: nearest(wanted, &self.columns),
                columns: listed(&self.columns),
            });
        }
    }

    /// Takes a row whose values are those of `wanted`.
    pub(super) fn take(&mut self, line: u64, values: &[Option<&str>]) {
        self.count += 1;
        let mut own = values;
        if let (Some(column), Some((value, others))) = (self.as_of, values.split_last()) {
            own = others;
            let value = value.unwrap_or_default();
            if self.as_of_error.is_none()
                && let Err(why) = self.newest.add(value)
            {
                let row = match self.row_word {
                    "line" => format!(" (row {})", self.count),
                    _ => String::new(),
                };
                self.as_of_error = Some(ContentError::AsOf {
                    place: format!("{} {line}{row}", self.row_word),
                    column: column.to_owned(),
                    value: shortened(value),
                    why,
                });
            }
        }
        self.rows.row(&Row { line, values: own });
    }
}

/// Delimiters that no name of a column holds by chance.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// The delimiter within the only name: the file was read by another one.
pub fn other_delimiter(columns: &[String]) -> Option<char> {
    let [only] = columns else { return None };
    let count = |delimiter: &char| only.matches(*delimiter).count();
    DELIMITERS.into_iter().max_by_key(count).filter(|most| count(most) > 0)
}

/// The name among `columns` that comes closest to one that is not there.
pub fn nearest(wanted: &str, columns: &[String]) -> Option<String> {
    if other_delimiter(columns).is_some() {
        return None;
    }
    let wanted = wanted.to_lowercase();
    columns
        .iter()
        .map(|column| (strsim::jaro_winkler(&wanted, &column.trim().to_lowercase()), column))
        .filter(|(similarity, _)| *similarity >= NEAREST_SIMILARITY_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, column)| shortened(column))
}

/// Names of columns as a message shows them: bounded.
pub fn listed(columns: &[String]) -> String {
    let names = shortened(&columns.join(", "));
    match other_delimiter(columns) {
        Some('\t') => format!("one name only, `{names}`; say delimiter = \"tab\" if that is between the values"),
        Some(other) => format!("one name only, `{names}`; say delimiter = \"{other}\" if that is between the values"),
        None => names,
    }
}

/// A value as a message shows it: bounded and printable.
pub fn shortened(value: &str) -> String {
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = value.chars().take(VALUE_CHARS_MAX).map(printable).collect();
    if value.chars().nth(VALUE_CHARS_MAX).is_some() {
        short.push('…');
    }
    short
}
