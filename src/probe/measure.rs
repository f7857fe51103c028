//! One pass over a file: size, digest, rows and newest business time, in memory that does not grow with the file.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};

use super::ahead::read_ahead;
use super::as_of::time_in_name;
use super::error::{ContentError, MeasureError};
use super::meter::Meter;
use super::positioned::Positioned;
use super::progress::Progress;
use super::table::{NoRows, Rows, Swallowed, Table, read_scattered, read_table};
use crate::model::{AsOf, Dataset, Format, Measurement, Reading, whole_microseconds};

/// All that one pass tells, also of a file whose content is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Size and digest always; rows and `as_of` as far as the content allows.
    pub measurement: Measurement,
    /// What is wrong with the content.
    pub content: Result<(), ContentError>,
    /// The first bytes, unpacked, at most 512; empty where there is no format.
    pub head: Vec<u8>,
    /// The last byte, unpacked, unless there is none or no format.
    pub last_byte: Option<u8>,
    /// The names of the columns, in order; of JSON, in the order in which they first came.
    pub columns: Vec<String>,
    /// The last line, where `reading` says that it is no row.
    pub trailer: Option<String>,
    /// Why nothing says as of when the data is, although something should.
    pub as_of: Option<ContentError>,
    /// Lines that look like rows and lie within a value.
    pub swallowed: Option<Swallowed>,
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
        &dataset.checks.reading,
        &dataset.as_of,
        &mut NoRows,
        &Progress::default(),
    )?;
    survey.content?;
    survey.as_of.map_or(Ok(()), Err)?;
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

/// Reads a file once, from its beginning. `path` is for errors, `name` for an `as_of` in the name; `rows` is given each
/// row of a format that has rows, up to the first that cannot be read.
///
/// `progress` goes on meanwhile, so that another thread can tell a large file from a share that hangs.
pub fn survey(
    file: &File,
    path: &Path,
    name: &str,
    reading: &Reading,
    as_of: &AsOf,
    rows: &mut dyn Rows,
    progress: &Progress,
) -> Result<Survey, MeasureError> {
    let failed = |source| MeasureError::Io {
        path: path.to_owned(),
        source,
    };
    let before = file.metadata().map_err(failed)?;
    let modified = before.modified().map_err(failed)?;
    let modified_at = Timestamp::try_from(modified).map_err(|error| failed(io::Error::other(error)))?;
    let modified_at = whole_microseconds(modified_at);
    // A writer that never stops must not keep the reader for ever.
    let whole = Counted { file, progress }.take(before.len());
    let (mut survey, times) = match &reading.format {
        Some(format) if !format.is_text() => {
            let (table, content) = read_scattered(file, format, as_of, rows, progress).map_err(failed)?;
            let mut meter = Meter::new(Positioned::new(file, progress).map_err(failed)?.take(before.len()));
            meter.drain().map_err(failed)?;
            surveyed(meter, table, content)
        }
        Some(_) if before.len() >= AHEAD_BYTES_MIN => {
            let look = |ahead| survey_metered(Meter::counting(ahead), reading, as_of, rows);
            let (surveyed, digest) = read_ahead(whole, look);
            let (mut survey, times) = surveyed.map_err(failed)?;
            survey.measurement.sha256 = digest;
            (survey, times)
        }
        _ => survey_reader(whole, reading, as_of, rows).map_err(failed)?,
    };
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
                survey.as_of = Some(ContentError::Name {
                    name: name.to_owned(),
                    pattern: pattern.clone(),
                    why: error.to_string(),
                });
                None
            }
        },
    };
    Ok(survey)
}

/// A smaller file is read before a second thread has begun.
const AHEAD_BYTES_MIN: u64 = 1 << 20;

/// A file whose reader can be watched.
struct Counted<'a> {
    file: &'a File,
    progress: &'a Progress,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.progress.check()?;
        let count = self.file.read(buffer)?;
        self.progress.add(count as u64);
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
    reading: &Reading,
    as_of: &AsOf,
    rows: &mut dyn Rows,
) -> io::Result<(Survey, Option<Timestamp>)> {
    survey_metered(Meter::new(reader), reading, as_of, rows)
}

fn survey_metered<R: Read>(
    mut meter: Meter<R>,
    reading: &Reading,
    as_of: &AsOf,
    rows: &mut dyn Rows,
) -> io::Result<(Survey, Option<Timestamp>)> {
    let format = match (reading.format.clone(), as_of) {
        (None, AsOf::Column { .. }) => Some(Format::Csv { delimiter: Some(b',') }),
        (format, _) => format,
    };
    let (table, content) = match format {
        Some(format) => read_table(&mut meter, &format, reading, as_of, rows)?,
        None => (Table::default(), Ok(())),
    };
    meter.drain()?;
    Ok(surveyed(meter, table, content))
}

fn surveyed<R: Read>(meter: Meter<R>, table: Table, content: Result<(), ContentError>) -> (Survey, Option<Timestamp>) {
    let survey = Survey {
        head: table.head,
        last_byte: table.last_byte,
        columns: table.columns,
        trailer: table.trailer,
        as_of: table.as_of,
        swallowed: table.swallowed,
        content,
        modified_at: Timestamp::UNIX_EPOCH,
        measurement: Measurement {
            bytes: meter.bytes_read(),
            rows: table.rows,
            sha256: meter.sha256(),
            as_of: None,
        },
    };
    (survey, table.newest)
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
