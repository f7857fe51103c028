//! Reads what an attempt printed back from disk, also while it is still being written, and when it was packed.

mod end;
mod line;
mod segment;
mod source;

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::log::{STAMP_BYTES, Stream};
use crate::model::Redactor;
pub use line::{LineKind, LogLine};
use segment::{Segment, skip_to_segment};
pub(super) use segment::{newest_segment, segments};
use source::Source;

/// Longest piece of a line that is handed out at once.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// Longest beginning of a line, and of a line of freshd's own.
const PREFIX_BYTES_MAX: usize = 4 * STAMP_BYTES;

/// Opens an output for reading.
///
/// # Errors
/// When the file cannot be opened; an attempt that printed nothing has none (`NotFound`).
pub fn read_log(log: &Path) -> io::Result<LogReader> {
    Ok(reader(log, Source::open(log)?))
}

/// Opens an output near its end: with at least so many bytes of its files before that, where there are more. Returns the
/// lines before it as well, counted by their ends; what was left out between files is among them.
///
/// # Errors
/// As of `read_log`, and when what comes before cannot be read.
pub fn read_log_end(log: &Path, bytes: u64) -> io::Result<(LogReader, u64)> {
    let Some(place) = end::near_end(log, bytes)? else {
        return Ok((read_log(log)?, 0));
    };
    let reader = LogReader {
        segment: place.segment,
        is_from_beginning: false,
        ..reader(log, place.source)
    };
    Ok((reader, place.lines_before))
}

fn reader(log: &Path, source: Source) -> LogReader {
    LogReader {
        log: log.to_owned(),
        file: BufReader::with_capacity(LINE_BYTES_MAX, source),
        segment: None,
        is_from_beginning: true,
        at: Timestamp::UNIX_EPOCH,
        stream: Stream::Stdout,
        in_line: [false; 2],
        begun: Begun::No,
        text: Vec::new(),
        job_bytes: 0,
        kept_bytes: 0,
        part_bytes: 0,
        former_part_bytes: 0,
        next: None,
        failed: false,
        redactor: Redactor::default(),
    }
}

/// Hands out the lines of an output in the order in which they were read from the job.
///
/// `next` returns `None` at the end of what is there. More may come: to follow an output that still grows, ask
/// again later. `finish` hands out a last line that has no newline.
#[derive(Debug)]
pub struct LogReader {
    log: PathBuf,
    file: BufReader<Source>,
    /// The segment of the ring that is being read; `None` in the first part.
    segment: Option<u64>,
    /// Whether all before was read, so that what is missing before a segment can be told.
    is_from_beginning: bool,
    at: Timestamp,
    stream: Stream,
    /// Of each stream, whether what was handed out last is a piece of a line.
    in_line: [bool; 2],
    begun: Begun,
    text: Vec<u8>,
    /// Bytes the job had printed up to here.
    job_bytes: u64,
    /// Of these, bytes that are kept.
    kept_bytes: u64,
    /// Of these, bytes in the file that is being read, and in the one before.
    part_bytes: u64,
    former_part_bytes: u64,
    /// What is handed out before anything else is read.
    next: Option<LogLine>,
    failed: bool,
    redactor: Redactor,
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
    /// Behind the text of a line of this stream, or before its first byte.
    InLine(Stream),
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
    /// Hides these secrets in what it hands out. One of which a part stands in the next piece or line is not recognised.
    #[must_use]
    pub fn hiding(self, redactor: Redactor) -> Self {
        Self { redactor, ..self }
    }

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
            Begun::Text => Ending::InLine(self.stream),
        }
    }

    /// Of each stream, whether its last line was handed out as a piece.
    pub(super) fn in_line(&self) -> [bool; 2] {
        self.in_line
    }

    fn next_line(&mut self) -> io::Result<Option<LogLine>> {
        if let Some(line) = self.next.take() {
            return Ok(Some(line));
        }
        loop {
            let available = self.file.fill_buf()?;
            if available.is_empty() {
                match self.next_file()? {
                    Moved::Not => return Ok(None),
                    Moved::Without => {}
                    Moved::Over(line) => return Ok(Some(line)),
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
                self.begun = Begun::No;
                // Its writer wrote both at once. Only where a page of memory ends between them may the newline be seen
                // alone, and then what was broken off counts as whole.
                let is_broken_off = self.file.fill_buf()?.first() == Some(&b'/');
                self.count(end as u64 + u64::from(!is_broken_off));
                if !is_broken_off {
                    return Ok(Some(self.line(LineKind::Whole)));
                }
                if let Some(piece) = self.unfinished() {
                    return Ok(Some(piece));
                }
                continue;
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
        self.in_line[self.stream.index()] = kind == LineKind::Piece;
        LogLine {
            at: self.at,
            text: self.redactor.bytes(std::mem::take(&mut self.text)),
            kind,
            stream: self.stream,
        }
    }

    /// What there is of a line that goes on elsewhere.
    fn unfinished(&mut self) -> Option<LogLine> {
        self.in_line[self.stream.index()] = true;
        (!self.text.is_empty()).then(|| self.line(LineKind::Piece))
    }

    fn gap(&self, why: &str) -> LogLine {
        LogLine {
            at: self.at,
            text: format!("… {why} …").into_bytes(),
            kind: LineKind::Gap,
            stream: Stream::Stdout,
        }
    }

    /// Reads what a line begins with, as far as it is there, since it may not be whole yet. A line may be all beginning:
    /// then it is of freshd itself, and perhaps to be handed out.
    fn read_prefix(&mut self) -> io::Result<Option<LogLine>> {
        let available = self.file.fill_buf()?;
        if available.is_empty() {
            return Ok(None);
        }
        let room = (PREFIX_BYTES_MAX + 1).saturating_sub(self.text.len());
        let window = &available[..available.len().min(room)];
        let end = memchr::memchr2(b' ', b'\n', window);
        self.text.extend_from_slice(&window[..end.unwrap_or(window.len())]);
        let byte = end.map(|end| window[end]);
        let taken = end.map_or(window.len(), |end| end + 1);
        self.file.consume(taken);
        self.begun = Begun::Prefix;
        let Some(byte) = byte else {
            return self.bounded_prefix();
        };
        if byte == b'\n' {
            self.begun = Begun::No;
            let text = std::mem::take(&mut self.text);
            if let Some(segment) = Segment::of_header(&text) {
                return Ok(self.enter(segment));
            }
            // Else what is left of a line that the disk refused.
            let gap = text.strip_prefix(b"#gap ");
            return Ok(gap.map(|gap| self.gap(&String::from_utf8_lossy(gap))));
        }
        let marked = self.text.strip_prefix(b"/").unwrap_or(&self.text);
        if byte == b' ' && marked.first() != Some(&b'#') {
            let marked = marked.strip_prefix(b"+").unwrap_or(marked);
            let stamp = marked.strip_prefix(b"!");
            self.stream = if stamp.is_some() {
                Stream::Stderr
            } else {
                Stream::Stdout
            };
            // Without a time of its own it has that of the line before.
            let stamp = std::str::from_utf8(stamp.unwrap_or(marked)).ok();
            if let Some(at) = stamp.and_then(|stamp| stamp.parse().ok()) {
                self.at = at;
            }
            self.text.clear();
            self.begun = Begun::Text;
            return Ok(None);
        }
        self.text.push(byte);
        self.bounded_prefix()
    }

    /// Nothing that freshd writes has so long a beginning.
    fn bounded_prefix(&self) -> io::Result<Option<LogLine>> {
        if self.text.len() > PREFIX_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is not an output kept by freshd", self.log.display()),
            ));
        }
        Ok(None)
    }

    /// At the end of a file, moves on to the next one of the ring, or into the packed log that they have become.
    fn next_file(&mut self) -> io::Result<Moved> {
        if !self.file.get_ref().is_plain() {
            return Ok(Moved::Not);
        }
        let is_ahead = |segment: &Segment| self.segment.is_none_or(|current| segment.number > current);
        let next = segments(&self.log)?.into_iter().find(|(segment, _)| is_ahead(segment));
        let packed = match &next {
            Some(_) => None,
            None => Source::open_packed(&self.log)?,
        };
        if next.is_none() && packed.is_none() {
            return Ok(Moved::Not);
        }
        // The writer may have finished the old file between our look at its end and at the new one.
        if !self.file.fill_buf()?.is_empty() {
            return Ok(Moved::Without);
        }
        if let Some((_, file)) = next {
            // What it begins with says the rest.
            self.file = BufReader::with_capacity(LINE_BYTES_MAX, Source::Plain(file));
        } else if let Some(packed) = packed {
            self.file = BufReader::with_capacity(LINE_BYTES_MAX, packed);
            let Some(segment) = skip_to_segment(&mut self.file, self.segment)? else {
                return Ok(Moved::Without);
            };
            let unfinished = self.leave_line();
            let gap = self.enter(segment);
            return Ok(match (unfinished, gap) {
                (Some(unfinished), gap) => {
                    self.next = gap;
                    Moved::Over(unfinished)
                }
                (None, Some(gap)) => Moved::Over(gap),
                (None, None) => Moved::Without,
            });
        }
        Ok(self.leave_line().map_or(Moved::Without, Moved::Over))
    }

    /// Ends a line that the file ends within: it goes on in the next one, behind a `+`.
    fn leave_line(&mut self) -> Option<LogLine> {
        let was_text = std::mem::replace(&mut self.begun, Begun::No) == Begun::Text;
        if was_text {
            return self.unfinished();
        }
        self.text.clear();
        None
    }

    /// Begins a segment of the ring, and says what was left out before it.
    fn enter(&mut self, segment: Segment) -> Option<LogLine> {
        self.segment = Some(segment.number);
        self.former_part_bytes = std::mem::take(&mut self.part_bytes);
        let is_told = std::mem::replace(&mut self.is_from_beginning, true);
        let left_out = segment.begins_at.saturating_sub(self.job_bytes);
        self.job_bytes = self.job_bytes.max(segment.begins_at);
        (left_out > 0 && is_told).then(|| self.gap(&format!("{left_out} bytes left out")))
    }
}

enum Moved {
    Not,
    Without,
    Over(LogLine),
}
