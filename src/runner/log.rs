//! Keeps what an attempt prints: its first part as it came, then a ring of its last part, each line with its time.
//!
//! On disk an output is text, readable as it stands. What each line begins with says how it is to be read:
//!
//! - a time, then a space: a line of stdout that began then;
//! - a space: a line that began at the same time as the one before;
//! - `!` before either: a line of stderr;
//! - `+` before that: the rest of a line whose beginning lies further up, in another file, or was left out;
//! - `/` before all that: the line before was broken off by this one, and the newline between them was not printed;
//! - `#`: where in the whole output the file begins (`tail` files only), or, as `#gap`, that something may be missing
//!   here which nobody counted.
//!
//! So `/+!2026-02-03T04:05:06.789Z ` begins the rest of a line of stderr that breaks into one of stdout.
//!
//! The first part is the file itself; the last part alternates between `.tail0` and `.tail1`, each at most half of
//! the limit, the older one replaced when the newer is full. Limits count bytes on disk. What is final is packed into
//! one file (`logpack`).

mod resume;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::OFlags;

use super::files::{make_private_dir, open_beneath};
use crate::model::Output;

/// Longest `Output::tail`.
pub const TAIL_BYTES_MAX: usize = 2 << 10;

/// Smallest limit that is honoured: a few lines must fit.
const LIMIT_BYTES_MIN: u64 = 1 << 10;

/// `2026-02-03T04:05:06.789Z`.
pub(super) const STAMP_BYTES: usize = 24;

/// Longest a prefix gets: `\n/+!`, the stamp, a space.
const PREFIX_BYTES_MAX: usize = STAMP_BYTES + 5;

/// Which of its two outputs a job printed something to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// Both, in the order of their descriptors.
    pub const BOTH: [Self; 2] = [Self::Stdout, Self::Stderr];

    /// As JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// Its place in a pair of values, one for each stream.
    pub(super) fn index(self) -> usize {
        self as usize
    }
}

/// The file of the ring that holds segment `segment`.
pub(super) fn tail_path(log: &Path, segment: u64) -> PathBuf {
    let mut name = OsString::from(log);
    name.push(if segment.is_multiple_of(2) { ".tail0" } else { ".tail1" });
    PathBuf::from(name)
}

/// Formats a time as the log does. Done once per read, not per line.
pub(super) fn stamp(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// The output of one attempt on its way to disk. Needs about `TAIL_BYTES_MAX` of memory whatever is printed.
#[derive(Debug)]
pub(super) struct OutputLog {
    path: PathBuf,
    limit_bytes: u64,
    part: Option<Part>,
    /// Bytes the job printed in the full segment before the current one, given up when that one is full too.
    former_bytes: u64,
    next_segment: u64,
    total_bytes: u64,
    dropped_bytes: u64,
    /// Of each stream, whether its last line goes on.
    in_line: [bool; 2],
    /// Whose line it is that the file ends within.
    open_line: Option<Stream>,
    /// The disk refused something: the file may end anywhere.
    torn: bool,
    tail: Vec<u8>,
    tail_of: Stream,
}

#[derive(Debug)]
struct Part {
    file: File,
    disk_bytes: u64,
    limit_bytes: u64,
    /// Bytes the job printed that are in it.
    job_bytes: u64,
    /// Nothing of the job is in it yet: its first line needs its time.
    fresh: bool,
}

impl OutputLog {
    /// Nothing is made on disk before the first byte.
    pub(super) fn new(path: PathBuf, limit_bytes: u64) -> Self {
        Self {
            path,
            limit_bytes: limit_bytes.max(LIMIT_BYTES_MIN),
            part: None,
            former_bytes: 0,
            next_segment: 0,
            total_bytes: 0,
            dropped_bytes: 0,
            in_line: [false; 2],
            open_line: None,
            torn: false,
            tail: Vec::new(),
            tail_of: Stream::Stdout,
        }
    }

    /// Whether there is a file for what comes next.
    pub(super) fn is_open(&self) -> bool {
        self.part.is_some()
    }

    /// Makes the file, when it is known that something will come. Should it fail, `write` tries again and counts.
    pub(super) fn open(&mut self) {
        self.part = self.open_head().ok();
    }

    /// Takes bytes as they were read. Never fails: what the disk refuses is counted as dropped.
    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8], stamp: &str, scratch: &mut Vec<u8>) {
        self.total_bytes += bytes.len() as u64;
        self.keep_tail(stream, bytes);
        let mut rest = bytes;
        let mut stamped = false;
        while !rest.is_empty() {
            match self.write_some(stream, &mut rest, stamp, &mut stamped, scratch) {
                Ok(()) => {}
                Err(lost) => {
                    self.dropped_bytes += lost;
                    self.torn = true;
                    // What the disk refuses now it will refuse for the whole read; the next one tries again.
                    self.dropped_bytes += rest.len() as u64;
                    self.in_line[stream.index()] = !bytes.ends_with(b"\n");
                    return;
                }
            }
        }
    }

    /// Fills the current part, or opens the next. The error is the number of bytes that were lost.
    fn write_some(
        &mut self,
        stream: Stream,
        rest: &mut &[u8],
        stamp: &str,
        stamped: &mut bool,
        scratch: &mut Vec<u8>,
    ) -> Result<(), u64> {
        if self.part.is_none() {
            self.part = Some(self.open_head().map_err(|_| 0_u64)?);
        }
        let Some(part) = &mut self.part else {
            return Ok(());
        };
        scratch.clear();
        let mut taken = 0;
        let mut full = false;
        while !rest.is_empty() {
            let room = part.limit_bytes.saturating_sub(part.disk_bytes + scratch.len() as u64);
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            if room <= PREFIX_BYTES_MAX {
                full = true;
                break;
            }
            let before = scratch.len();
            let goes_on = self.in_line[stream.index()];
            if part.fresh || self.torn || self.open_line != Some(stream) {
                if self.torn {
                    scratch.push(b'\n');
                } else if self.open_line.is_some() {
                    scratch.extend_from_slice(b"\n/");
                }
                if goes_on {
                    scratch.push(b'+');
                }
                if stream == Stream::Stderr {
                    scratch.push(b'!');
                }
                if !*stamped || part.fresh || self.torn {
                    scratch.extend_from_slice(stamp.as_bytes());
                    *stamped = true;
                }
                scratch.push(b' ');
            }
            part.fresh = false;
            self.torn = false;
            let room = room - (scratch.len() - before);
            let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let (now, later) = rest.split_at(line.min(room));
            scratch.extend_from_slice(now);
            taken += now.len() as u64;
            let is_whole = now.ends_with(b"\n");
            self.in_line[stream.index()] = !is_whole;
            self.open_line = (!is_whole).then_some(stream);
            *rest = later;
        }
        if part.file.write_all(scratch).is_err() {
            part.disk_bytes = part.file.metadata().map_or(0, |file| file.len());
            return Err(taken);
        }
        part.disk_bytes += scratch.len() as u64;
        part.job_bytes += taken;
        if full {
            let begins_at = self.total_bytes - rest.len() as u64;
            self.open_segment(begins_at).map_err(|_| 0_u64)?;
        }
        Ok(())
    }

    fn open_head(&self) -> io::Result<Part> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let file = match open_beneath(&self.path, flags) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(dir) = self.path.parent() {
                    make_private_dir(dir)?;
                }
                open_beneath(&self.path, flags)?
            }
            opened => opened?,
        };
        Ok(Part {
            file,
            disk_bytes: 0,
            limit_bytes: self.limit_bytes,
            job_bytes: 0,
            fresh: true,
        })
    }

    /// Begins a new segment of the ring in the place of the one before the last. It is a new file, so that
    /// somebody who reads the old one can read on.
    fn open_segment(&mut self, begins_at: u64) -> io::Result<()> {
        let segment = self.next_segment;
        let path = tail_path(&self.path, segment);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = open_beneath(&path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        let header = format!("# freshd segment={segment} begins_at={begins_at}\n");
        file.write_all(header.as_bytes())?;
        self.dropped_bytes += self.former_bytes;
        // The first part is never given up.
        self.former_bytes = match &self.part {
            Some(part) if segment > 0 => part.job_bytes,
            _ => 0,
        };
        self.next_segment += 1;
        self.open_line = None;
        self.part = Some(Part {
            file,
            disk_bytes: header.len() as u64,
            limit_bytes: self.limit_bytes / 2,
            job_bytes: 0,
            fresh: true,
        });
        Ok(())
    }

    /// Makes bytes part of the last lines: those of one stream never within a line of the other.
    fn keep_tail(&mut self, stream: Stream, bytes: &[u8]) {
        if std::mem::replace(&mut self.tail_of, stream) != stream && self.tail.last().is_some_and(|last| *last != b'\n')
        {
            self.add_to_tail(b"\n");
        }
        self.add_to_tail(bytes);
    }

    fn add_to_tail(&mut self, bytes: &[u8]) {
        if bytes.len() >= TAIL_BYTES_MAX {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - TAIL_BYTES_MAX..]);
            return;
        }
        self.tail.extend_from_slice(bytes);
        // Not with each line: there may be millions.
        if self.tail.len() >= 2 * TAIL_BYTES_MAX {
            self.tail.drain(..self.tail.len() - TAIL_BYTES_MAX);
        }
    }

    /// What there is to tell of it.
    pub(super) fn finish(self) -> Output {
        let mut tail = &self.tail[self.tail.len().saturating_sub(TAIL_BYTES_MAX)..];
        if self.total_bytes > tail.len() as u64 {
            // Whole lines only, where there is a whole one.
            if let Some(end) = memchr::memchr(b'\n', tail).filter(|end| end + 1 < tail.len()) {
                tail = &tail[end + 1..];
            }
        }
        let mut text = String::from_utf8_lossy(tail).into_owned();
        if text.len() > TAIL_BYTES_MAX {
            // Each invalid byte became three.
            let from = text.ceil_char_boundary(text.len() - TAIL_BYTES_MAX);
            text.drain(..from);
        }
        Output {
            bytes: self.total_bytes,
            dropped_bytes: self.dropped_bytes,
            tail: text,
        }
    }
}
