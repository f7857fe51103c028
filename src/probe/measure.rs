//! One pass over a file: size, digest, rows and newest business time, in memory that does not grow with the file.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::{ByteRecord, ReaderBuilder};
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};

use super::as_of::{NewestTime, time_in_name};
use super::error::{ContentError, MeasureError};
use super::meter::Meter;
use crate::model::{AsOf, Dataset, Format, Measurement};

/// Between two reads of the file.
const BUFFER_BYTES: usize = 64 << 10;

/// How different a column's name may be and still be named as the one that was meant.
const NEAREST_SIMILARITY_MIN: f64 = 0.75;

/// How much of a value an error shows.
const VALUE_CHARS_MAX: usize = 60;

/// All that one pass tells, also of a file whose content is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Size and digest always; rows and `as_of` as far as the content allows.
    pub measurement: Measurement,
    /// What is wrong with the content.
    pub content: Result<(), ContentError>,
    /// The first bytes, at most 512.
    pub head: Vec<u8>,
    /// The last byte, unless there is none.
    pub last_byte: Option<u8>,
    /// When the file was last written.
    pub modified_at: Timestamp,
}

/// Measures a file by the rules of its dataset. A symbolic link is not followed.
///
/// A file of no bytes has no rows and no `as_of`; whether that is fine is not for this room to say.
pub fn measure(path: &Path, dataset: &Dataset) -> Result<Measurement, MeasureError> {
    let file = open_regular(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let survey = survey(
        &file,
        path,
        &name,
        dataset.checks.format,
        &dataset.as_of,
        &AtomicU64::new(0),
    )?;
    survey.content?;
    Ok(survey.measurement)
}

/// Opens a regular file, and nothing else: no symbolic link, no directory, no pipe that would block.
pub fn open_regular(path: &Path) -> Result<File, MeasureError> {
    open(path, OFlags::NOFOLLOW)
}

/// The same, through symbolic links.
pub(super) fn open_followed(path: &Path) -> Result<File, MeasureError> {
    open(path, OFlags::empty())
}

/// Reads a file once, from its beginning. `path` is for errors, `name` for an `as_of` in the name.
///
/// `bytes_read` counts up meanwhile, so that another thread can tell a large file from a share that hangs.
pub fn survey(
    file: &File,
    path: &Path,
    name: &str,
    format: Option<Format>,
    as_of: &AsOf,
    bytes_read: &AtomicU64,
) -> Result<Survey, MeasureError> {
    let failed = |source| MeasureError::Io {
        path: path.to_owned(),
        source,
    };
    let before = file.metadata().map_err(failed)?;
    let modified = before.modified().map_err(failed)?;
    let modified_at = Timestamp::try_from(modified).map_err(|error| failed(io::Error::other(error)))?;
    // As fine as it is stored: what a later life of freshd sees again must look the same.
    let modified_at = Timestamp::from_microsecond(modified_at.as_microsecond()).unwrap_or(modified_at);
    // A writer that never stops must not keep the reader for ever.
    let whole = Counted { file, bytes_read }.take(before.len());
    let (mut survey, times) = survey_reader(whole, format, as_of).map_err(failed)?;
    let after = file.metadata().map_err(failed)?;
    if !unchanged(&before, &after, survey.measurement.bytes) {
        return Err(MeasureError::Changed { path: path.to_owned() });
    }
    survey.modified_at = modified_at;
    survey.measurement.as_of = match as_of {
        AsOf::Start => None,
        AsOf::Column { .. } => times,
        AsOf::Mtime => Some(modified_at),
        AsOf::Pattern { pattern, zone } => match time_in_name(pattern, name, zone) {
            Ok(time) => Some(time),
            Err(error) => {
                survey.content = survey.content.and(Err(ContentError::Name {
                    name: name.to_owned(),
                    pattern: pattern.clone(),
                    why: error.to_string(),
                }));
                None
            }
        },
    };
    Ok(survey)
}

/// A file whose reader can be watched.
struct Counted<'a> {
    file: &'a File,
    bytes_read: &'a AtomicU64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Whether what was read is what is there: all of it, and nobody wrote meanwhile.
pub(super) fn unchanged(before: &Metadata, after: &Metadata, bytes_read: u64) -> bool {
    let times = (before.modified().ok(), after.modified().ok());
    bytes_read == before.len() && after.len() == before.len() && times.0 == times.1
}

/// The part of a survey that is in the bytes alone, and the newest time of the `as_of` column.
pub(super) fn survey_reader<R: Read>(
    reader: R,
    format: Option<Format>,
    as_of: &AsOf,
) -> io::Result<(Survey, Option<Timestamp>)> {
    let column = match as_of {
        AsOf::Column { column, zone } => Some((column.as_str(), NewestTime::new(zone.as_ref()))),
        AsOf::Start | AsOf::Mtime | AsOf::Pattern { .. } => None,
    };
    let delimiter = match (format, &column) {
        (Some(Format::Csv { delimiter }), _) => Some(delimiter),
        (None, Some(_)) => Some(b','),
        (None, None) => None,
    };
    let (mut meter, rows, content, newest) = match delimiter {
        None => (Meter::new(reader), None, Ok(()), None),
        Some(delimiter) => {
            let meter = Meter::following_csv(reader, delimiter);
            let mut pass = CsvPass::new(meter, delimiter, column);
            let content = pass.run()?;
            let newest = pass.column.and_then(|(_, newest)| newest.largest());
            (pass.reader.into_inner(), Some(pass.rows), content, newest)
        }
    };
    meter.drain()?;
    let survey = Survey {
        head: meter.head().to_owned(),
        last_byte: meter.last_byte(),
        content: content.clone(),
        modified_at: Timestamp::UNIX_EPOCH,
        measurement: Measurement {
            bytes: meter.bytes_read(),
            // A count that ended at an error counts nothing.
            rows: rows.filter(|_| content.is_ok()),
            sha256: meter.sha256(),
            as_of: None,
        },
    };
    Ok((survey, newest.filter(|_| content.is_ok())))
}

struct CsvPass<'a, R> {
    reader: csv::Reader<Meter<R>>,
    record: ByteRecord,
    column: Option<(&'a str, NewestTime<'a>)>,
    rows: u64,
}

/// One record of the parser, or why there is none.
enum Next {
    Record { line: u64 },
    End,
    Wrong(ContentError),
}

impl<'a, R: Read> CsvPass<'a, R> {
    fn new(meter: Meter<R>, delimiter: u8, column: Option<(&'a str, NewestTime<'a>)>) -> Self {
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(false)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(meter);
        Self {
            reader,
            record: ByteRecord::new(),
            column,
            rows: 0,
        }
    }

    /// The outer error is the disk's, the inner one the content's.
    fn run(&mut self) -> io::Result<Result<(), ContentError>> {
        let as_of_index = match self.next()? {
            Next::Record { line } => match self.read_header(line) {
                Ok(index) => index,
                Err(error) => return Ok(Err(error)),
            },
            Next::End if self.reader.get_ref().bytes_read() == 0 => return Ok(Ok(())),
            Next::End => return Ok(Err(ContentError::NoHeader)),
            Next::Wrong(error) => return Ok(Err(error)),
        };
        loop {
            match self.next()? {
                Next::Record { line } => {
                    self.rows += 1;
                    if let Err(error) = self.read_row(line, as_of_index) {
                        return Ok(Err(error));
                    }
                }
                Next::End => break,
                Next::Wrong(error) => return Ok(Err(error)),
            }
        }
        Ok(match self.reader.get_ref().open_quote_line() {
            Some(line) => Err(ContentError::OpenQuote { line }),
            None => Ok(()),
        })
    }

    fn next(&mut self) -> io::Result<Next> {
        let result = self.reader.read_byte_record(&mut self.record);
        let line = self.reader.get_mut().next_record_line().unwrap_or(0);
        let error = match result {
            Ok(true) => return Ok(self.check_text(line)),
            Ok(false) => return Ok(Next::End),
            Err(error) => error,
        };
        match error.into_kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                let open = self.reader.get_ref().open_quote_line();
                let at_end = !self.reader.read_byte_record(&mut self.record).unwrap_or(true);
                let ended = matches!(self.reader.get_ref().last_byte(), Some(b'\n' | b'\r'));
                Ok(Next::Wrong(match open {
                    // An open quote swallows the rest of the file, which looks like missing columns.
                    Some(line) if at_end => ContentError::OpenQuote { line },
                    _ => ContentError::UnequalColumns {
                        line,
                        expected: expected_len,
                        found: len,
                        last: at_end && !ended,
                    },
                }))
            }
            csv::ErrorKind::Io(error) => {
                let meter = self.reader.get_ref();
                match (meter.open_quote_line(), meter.too_long_line()) {
                    (_, Some(line)) => Ok(Next::Wrong(ContentError::RecordTooLong { line })),
                    (_, None) => Err(error),
                }
            }
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }

    fn check_text(&self, line: u64) -> Next {
        let invalid = |value: &[u8]| std::str::from_utf8(value).is_err();
        match self.record.iter().position(invalid) {
            Some(index) => Next::Wrong(ContentError::NotUtf8 {
                line,
                column: index + 1,
            }),
            None => Next::Record { line },
        }
    }

    fn read_header(&self, line: u64) -> Result<Option<usize>, ContentError> {
        let columns: Vec<&str> = self.record.iter().map(text).collect();
        let mut seen = BTreeSet::new();
        for &column in &columns {
            // Some tools leave the column of row numbers without a name.
            if !column.is_empty() && !seen.insert(column) {
                return Err(ContentError::DuplicateColumn {
                    line,
                    column: shortened(column),
                });
            }
        }
        let Some((wanted, _)) = self.column else {
            return Ok(None);
        };
        let index = columns.iter().position(|column| *column == wanted);
        index.map(Some).ok_or_else(|| ContentError::MissingColumn {
            column: wanted.to_owned(),
            nearest: nearest(wanted, &columns),
            columns: shortened(&columns.join(", ")),
        })
    }

    fn read_row(&mut self, line: u64, as_of_index: Option<usize>) -> Result<(), ContentError> {
        let (Some(index), Some((column, newest))) = (as_of_index, &mut self.column) else {
            return Ok(());
        };
        let value = text(self.record.get(index).unwrap_or_default());
        newest.add(value).map_err(|why| ContentError::AsOf {
            line,
            row: self.rows,
            column: (*column).to_owned(),
            value: shortened(value),
            why,
        })
    }
}

fn open(path: &Path, flags: OFlags) -> Result<File, MeasureError> {
    let not_a_file = |what| MeasureError::NotAFile {
        path: path.to_owned(),
        what,
    };
    let failed = |source| MeasureError::Io {
        path: path.to_owned(),
        source,
    };
    // Without NONBLOCK, opening a named pipe waits for somebody to write to it.
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(rustix::io::Errno::NOENT) => {
            return Err(MeasureError::Missing { path: path.to_owned() });
        }
        Err(rustix::io::Errno::LOOP) if flags.contains(OFlags::NOFOLLOW) => {
            return Err(not_a_file("a symbolic link"));
        }
        Err(rustix::io::Errno::NXIO) => return Err(not_a_file("a socket or device")),
        Err(error) => return Err(failed(error.into())),
    };
    let kind = file.metadata().map_err(failed)?.file_type();
    match kind {
        _ if kind.is_file() => Ok(file),
        _ if kind.is_dir() => Err(not_a_file("a directory")),
        _ if kind.is_fifo() => Err(not_a_file("a named pipe")),
        _ => Err(not_a_file("a device")),
    }
}

/// Only for values that `check_text` has let through.
fn text(value: &[u8]) -> &str {
    std::str::from_utf8(value).unwrap_or_default()
}

fn nearest(wanted: &str, columns: &[&str]) -> Option<String> {
    let wanted = wanted.to_lowercase();
    columns
        .iter()
        .map(|column| (strsim::jaro_winkler(&wanted, &column.trim().to_lowercase()), column))
        .filter(|(similarity, _)| *similarity >= NEAREST_SIMILARITY_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, column)| shortened(column))
}

/// A value as an error shows it: bounded and printable.
fn shortened(value: &str) -> String {
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut short: String = value.chars().take(VALUE_CHARS_MAX).map(printable).collect();
    if value.chars().nth(VALUE_CHARS_MAX).is_some() {
        short.push('…');
    }
    short
}
