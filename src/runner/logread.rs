//! Reads what an attempt printed back from disk, also while it is still being written.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::log::{STAMP_BYTES, tail_path};

/// Longest piece of a line that is handed out at once.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// A line an attempt printed, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When its first byte was read.
    pub at: Timestamp,
    /// The bytes as printed, without the newline. For a gap, a sentence.
    pub text: Vec<u8>,
    /// What it is.
    pub kind: LineKind,
}

/// What a line of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// A whole line.
    Whole,
    /// A piece of a line that goes on in the next `LogLine`.
    Piece,
    /// The text says how many bytes were left out here, or that some may be missing.
    Gap,
}

/// Opens an output for reading.
///
/// # Errors
/// When the file cannot be opened; an attempt that printed nothing has none (`NotFound`).
pub fn read_log(log: &Path) -> io::Result<LogReader> {
    Ok(LogReader {
        log: log.to_owned(),
        file: BufReader::with_capacity(LINE_BYTES_MAX, File::open(log)?),
        segment: None,
        at: Timestamp::UNIX_EPOCH,
        begun: Begun::No,
        text: Vec::new(),
        job_bytes: 0,
        kept_bytes: 0,
        part_bytes: 0,
        former_part_bytes: 0,
        failed: false,
    })
}

/// Hands out the lines of an output in the order in which they were printed.
///
/// `next` returns `None` at the end of what is there. More may come: to follow an output that still grows, ask
/// again later. `finish` hands out a last line that has no newline.
#[derive(Debug)]
pub struct LogReader {
    log: PathBuf,
    file: BufReader<File>,
    /// The segment of the ring that is being read; `None` in the first part.
    segment: Option<u64>,
    at: Timestamp,
    begun: Begun,
    text: Vec<u8>,
    /// Bytes the job had printed up to here.
    job_bytes: u64,
    /// Of these, bytes that are kept.
    kept_bytes: u64,
    /// Of these, bytes in the file that is being read, and in the one before.
    part_bytes: u64,
    former_part_bytes: u64,
    failed: bool,
}

/// What was read, in bytes as the job printed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    /// Printed up to here.
    pub(super) printed: u64,
    /// Of these, those that are kept.
    pub(super) kept: u64,
    /// Of these, those in the file read last.
    pub(super) in_part: u64,
    /// Those in the file before it.
    pub(super) in_former_part: u64,
}

/// Where the end of what is there lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Between two lines.
    LineEnd,
    /// Behind the text of a line, or before its first byte.
    InLine,
    /// In what a line begins with: its writer was interrupted.
    InPrefix,
}

/// How much of the current line was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    /// Not even what it begins with.
    No,
    /// Its prefix, which lies in `text`, is not whole.
    Prefix,
    /// Its text.
    Text,
}

impl Iterator for LogReader {
    type Item = io::Result<LogLine>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let line = self.next_line();
        self.failed = line.is_err();
        line.transpose()
    }
}

impl LogReader {
    /// The rest of a last line without newline; call it when the attempt has ended and `next` returned `None`.
    pub fn finish(&mut self) -> Option<LogLine> {
        if self.text.is_empty() || self.begun != Begun::Text {
            return None;
        }
        Some(self.line(LineKind::Whole))
    }

    /// How much was read so far.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            printed: self.job_bytes,
            kept: self.kept_bytes,
            in_part: self.part_bytes,
            in_former_part: self.former_part_bytes,
        }
    }

    /// Where reading stands.
    pub(super) fn ending(&self) -> Ending {
        match self.begun {
            Begun::No => Ending::LineEnd,
            Begun::Prefix => Ending::InPrefix,
            Begun::Text => Ending::InLine,
        }
    }

    fn next_line(&mut self) -> io::Result<Option<LogLine>> {
        loop {
            let available = self.file.fill_buf()?;
            if available.is_empty() {
                match self.next_segment()? {
                    Moved::Not => return Ok(None),
                    Moved::Without => {}
                    Moved::Over(gap) => return Ok(Some(gap)),
                }
                continue;
            }
            if self.begun != Begun::Text {
                if let Some(gap) = self.read_prefix()? {
                    return Ok(Some(gap));
                }
                continue;
            }
            let room = LINE_BYTES_MAX - self.text.len();
            let window = &available[..available.len().min(room)];
            if let Some(end) = memchr::memchr(b'\n', window) {
                self.text.extend_from_slice(&window[..end]);
                self.file.consume(end + 1);
                self.count(end as u64 + 1);
                self.begun = Begun::No;
                return Ok(Some(self.line(LineKind::Whole)));
            }
            let taken = window.len();
            self.text.extend_from_slice(window);
            self.file.consume(taken);
            self.count(taken as u64);
            if self.text.len() == LINE_BYTES_MAX {
                return Ok(Some(self.line(LineKind::Piece)));
            }
        }
    }

    fn count(&mut self, bytes: u64) {
        self.job_bytes += bytes;
        self.kept_bytes += bytes;
        self.part_bytes += bytes;
    }

    fn line(&mut self, kind: LineKind) -> LogLine {
        LogLine {
            at: self.at,
            text: std::mem::take(&mut self.text),
            kind,
        }
    }

    /// Reads what a line begins with, byte by byte, since it may not be whole yet. A line may be all beginning: then it
    /// is of freshd itself, and perhaps to be handed out.
    fn read_prefix(&mut self) -> io::Result<Option<LogLine>> {
        let Some(&byte) = self.file.fill_buf()?.first() else {
            return Ok(None);
        };
        self.file.consume(1);
        if self.begun == Begun::No && byte == b' ' {
            self.begun = Begun::Text;
            return Ok(None);
        }
        self.begun = Begun::Prefix;
        if byte == b'\n' {
            self.begun = Begun::No;
            let text = std::mem::take(&mut self.text);
            // Else a header, or what is left of a line that the disk refused.
            return Ok(text.strip_prefix(b"#gap ").map(|gap| LogLine {
                at: self.at,
                text: format!("… {} …", String::from_utf8_lossy(gap)).into_bytes(),
                kind: LineKind::Gap,
            }));
        }
        if byte == b' ' && self.text.first() != Some(&b'#') {
            let stamp = self.text.strip_prefix(b"+").unwrap_or(&self.text);
            if let Some(at) = std::str::from_utf8(stamp).ok().and_then(|stamp| stamp.parse().ok()) {
                self.at = at;
            }
            self.text.clear();
            self.begun = Begun::Text;
            return Ok(None);
        }
        self.text.push(byte);
        if self.text.len() > 4 * STAMP_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is not an output kept by freshd", self.log.display()),
            ));
        }
        Ok(None)
    }

    /// Moves on to the next segment of the ring, if there is one.
    fn next_segment(&mut self) -> io::Result<Moved> {
        let mut next: Option<(Segment, File)> = None;
        for parity in 0..2 {
            let Some((segment, file)) = open_segment(&tail_path(&self.log, parity))? else {
                continue;
            };
            let is_ahead = self.segment.is_none_or(|current| segment.number > current);
            if is_ahead && next.as_ref().is_none_or(|(found, _)| segment.number < found.number) {
                next = Some((segment, file));
            }
        }
        let Some((segment, file)) = next else {
            return Ok(Moved::Not);
        };
        // The writer may have finished the old file between our look at its end and at the new one.
        if !self.file.fill_buf()?.is_empty() {
            return Ok(Moved::Without);
        }
        self.segment = Some(segment.number);
        self.former_part_bytes = std::mem::take(&mut self.part_bytes);
        self.file = BufReader::with_capacity(LINE_BYTES_MAX, file);
        let left_out = segment.begins_at.saturating_sub(self.job_bytes);
        self.job_bytes = self.job_bytes.max(segment.begins_at);
        let unfinished = std::mem::take(&mut self.text);
        let was_text = std::mem::replace(&mut self.begun, Begun::No) == Begun::Text;
        if left_out > 0 {
            return Ok(Moved::Over(LogLine {
                at: self.at,
                text: format!("… {left_out} bytes left out …").into_bytes(),
                kind: LineKind::Gap,
            }));
        }
        if was_text && !unfinished.is_empty() {
            // The line goes on in the new file, behind a `+`.
            return Ok(Moved::Over(LogLine {
                at: self.at,
                text: unfinished,
                kind: LineKind::Piece,
            }));
        }
        Ok(Moved::Without)
    }
}

enum Moved {
    Not,
    Without,
    Over(LogLine),
}

/// A file of the ring, as its header names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Counts the files of the ring, those replaced included.
    pub(super) number: u64,
    /// Bytes the job had printed before it.
    begins_at: u64,
}

/// The file of the ring that was begun last, if there is any.
pub(super) fn newest_segment(log: &Path) -> io::Result<Option<Segment>> {
    let even = open_segment(&tail_path(log, 0))?;
    let odd = open_segment(&tail_path(log, 1))?;
    let segments = even.into_iter().chain(odd).map(|(segment, _)| segment);
    Ok(segments.max_by_key(|segment| segment.number))
}

fn open_segment(path: &Path) -> io::Result<Option<(Segment, File)>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut header = [0_u8; 128];
    let read = std::os::unix::fs::FileExt::read_at(&file, &mut header, 0)?;
    let header = String::from_utf8_lossy(&header[..read]);
    let Some((header, _)) = header.split_once('\n') else {
        return Ok(None);
    };
    let number = |key: &str| {
        header
            .split(' ')
            .find_map(|word| word.strip_prefix(key)?.parse::<u64>().ok())
    };
    Ok(number("segment=")
        .zip(number("begins_at="))
        .map(|(number, begins_at)| (Segment { number, begins_at }, file)))
}
