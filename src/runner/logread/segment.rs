//! The files of the ring that keeps the end of an output: which there are, and where each begins.

use std::fs::File;
use std::io::{self, BufRead};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::super::files::open_beneath;
use super::super::log::tail_path;

/// What a segment begins with, in a file of its own or among the others in a packed one.
pub(super) const HEADER: &[u8] = b"# freshd segment=";

/// Longer than any header.
const HEADER_BYTES_MAX: usize = 128;

/// A file of the ring, as its header names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Segment {
    /// Counts the files of the ring, those replaced included.
    pub(in super::super) number: u64,
    /// Bytes the job had printed before it.
    pub(super) begins_at: u64,
}

impl Segment {
    /// Reads the line that a segment begins with, without its newline; `None` for any other line.
    pub(super) fn of_header(line: &[u8]) -> Option<Self> {
        let words = line.strip_prefix(b"/").unwrap_or(line);
        if !words.starts_with(HEADER) {
            return None;
        }
        let words = std::str::from_utf8(words).ok()?;
        let number = |key: &str| {
            words
                .split(' ')
                .find_map(|word| word.strip_prefix(key)?.parse::<u64>().ok())
        };
        Some(Self {
            number: number("segment=")?,
            begins_at: number("begins_at=")?,
        })
    }
}

/// The file of the ring that was begun last, if there is any.
pub(in super::super) fn newest_segment(log: &Path) -> io::Result<Option<Segment>> {
    Ok(segments(log)?.pop().map(|(segment, _)| segment))
}

/// The files of the ring that lie there, in the order in which they were begun.
pub(in super::super) fn segments(log: &Path) -> io::Result<Vec<(Segment, File)>> {
    let mut found = Vec::with_capacity(2);
    for parity in 0..2 {
        found.extend(open_segment(&tail_path(log, parity))?);
    }
    found.sort_by_key(|(segment, _)| segment.number);
    Ok(found)
}

fn open_segment(path: &Path) -> io::Result<Option<(Segment, File)>> {
    let file = match open_beneath(path, OFlags::RDONLY) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut header = [0_u8; HEADER_BYTES_MAX];
    let read = file.read_at(&mut header, 0)?;
    let Some(end) = memchr::memchr(b'\n', &header[..read]) else {
        return Ok(None);
    };
    Ok(Segment::of_header(&header[..end]).map(|segment| (segment, file)))
}

/// Reads on to the first line that begins a segment behind `current`, and over it.
pub(super) fn skip_to_segment(from: &mut impl BufRead, current: Option<u64>) -> io::Result<Option<Segment>> {
    let mut line = Vec::with_capacity(HEADER_BYTES_MAX);
    loop {
        line.clear();
        loop {
            let available = from.fill_buf()?;
            if available.is_empty() {
                return Ok(None);
            }
            let end = memchr::memchr(b'\n', available);
            let bytes = end.unwrap_or(available.len());
            let room = HEADER_BYTES_MAX - line.len();
            line.extend_from_slice(&available[..bytes.min(room)]);
            from.consume(end.map_or(bytes, |end| end + 1));
            if end.is_some() {
                break;
            }
        }
        let found = Segment::of_header(&line).filter(|found| current.is_none_or(|current| found.number > current));
        if found.is_some() {
            return Ok(found);
        }
    }
}
