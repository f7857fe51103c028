//! Finds a place near the end of a long output, so that whoever looks at its end need not take all of it apart.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use super::segment::{HEADER, Segment, segments};
use super::source::Source;

/// So much before what is asked for is looked through for a line that says its own time: what was read at once from a job
/// has one time, and is no longer on disk, even of empty lines on stderr alone.
const SEARCH_BYTES: u64 = 192 << 10;

const COPY_BYTES: usize = 64 << 10;

/// A line near the end of an output.
pub(super) struct Place {
    /// What begins with it.
    pub(super) source: Source,
    /// The segment of the ring that it lies in; `None` in the first part, or where that does not matter.
    pub(super) segment: Option<u64>,
    /// Lines before it, counted by their ends.
    pub(super) lines_before: u64,
}

/// Finds a line with at least so many bytes of the files behind it; `None` where reading all of it is as good.
pub(super) fn near_end(log: &Path, bytes: u64) -> io::Result<Option<Place>> {
    let window = bytes.saturating_add(SEARCH_BYTES);
    match Source::open(log)? {
        Source::Plain(head) => in_files(log, head, window),
        packed => in_stream(packed, window),
    }
}

fn in_files(log: &Path, mut head: File, window: u64) -> io::Result<Option<Place>> {
    let ring = segments(log)?;
    let mut lines_before = 0;
    let mut parts: Vec<(Option<Segment>, File)> = Vec::with_capacity(2);
    if ring.is_empty() {
        parts.push((None, head));
    } else {
        // What was left out between it and the ring is told by whoever reads both.
        lines_before += count_lines(&mut head, u64::MAX)?;
        parts.extend(ring.into_iter().map(|(segment, file)| (Some(segment), file)));
    }
    let mut lengths = Vec::with_capacity(2);
    for (_, file) in &parts {
        lengths.push(file.metadata()?.len());
    }
    let Some(mut from) = lengths.iter().sum::<u64>().checked_sub(window) else {
        return Ok(None);
    };
    for ((segment, mut file), length) in parts.into_iter().zip(lengths) {
        if from >= length {
            from -= length;
            lines_before += count_lines(&mut file, length)?;
            continue;
        }
        file.seek(SeekFrom::Start(from))?;
        let mut searched = Vec::new();
        (&file).take(SEARCH_BYTES).read_to_end(&mut searched)?;
        let Some(begin) = line_with_time(&searched) else {
            return Ok(None);
        };
        file.rewind()?;
        lines_before += count_lines(&mut file, from + begin as u64)?;
        return Ok(Some(Place {
            source: Source::Plain(file),
            segment: segment.map(|segment| segment.number),
            lines_before,
        }));
    }
    Ok(None)
}

/// What is packed can only be read from its beginning: all of it is, and its end kept.
fn in_stream(packed: Source, window: u64) -> io::Result<Option<Place>> {
    let Ok(window) = usize::try_from(window) else {
        return Ok(None);
    };
    let mut packed = packed;
    let mut kept: Vec<u8> = Vec::new();
    let mut lines_before = 0;
    let mut is_all = true;
    let mut is_in_ring = false;
    loop {
        let read = (&mut packed).take(window as u64).read_to_end(&mut kept)?;
        if let Some(over) = kept.len().checked_sub(window).filter(|over| *over > 0) {
            is_all = false;
            is_in_ring |= has_header(&kept[..over]);
            lines_before += memchr::memchr_iter(b'\n', &kept[..over]).count() as u64;
            kept.drain(..over);
        }
        if read == 0 {
            break;
        }
    }
    if is_all {
        return Ok(None);
    }
    let searched = kept.len().min(usize::try_from(SEARCH_BYTES).unwrap_or(usize::MAX));
    let Some(begin) = line_with_time(&kept[..searched]) else {
        return Ok(None);
    };
    // What was left out before the ring is told by whoever reads both sides of it.
    if !is_in_ring && has_header(&kept[begin - 1..]) {
        return Ok(None);
    }
    lines_before += memchr::memchr_iter(b'\n', &kept[..begin]).count() as u64;
    let mut from = Cursor::new(kept);
    from.set_position(begin as u64);
    Ok(Some(Place {
        source: Source::Kept(from),
        segment: None,
        lines_before,
    }))
}

/// Where the first whole line begins that says its own time, and of which no beginning lies further up.
fn line_with_time(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).map(|end| end + 1).find(|begin| {
        let line = &bytes[*begin..];
        let line = line.strip_prefix(b"!").unwrap_or(line);
        line.first().is_some_and(u8::is_ascii_digit)
    })
}

/// Whether a segment begins behind the first newline; no text of a job stands where a line begins.
fn has_header(bytes: &[u8]) -> bool {
    memchr::memmem::find_iter(bytes, HEADER).any(|at| {
        let before = &bytes[..at];
        before.strip_suffix(b"/").unwrap_or(before).ends_with(b"\n")
    })
}

/// Lines that end in the next so many bytes.
fn count_lines(file: &mut File, bytes: u64) -> io::Result<u64> {
    let mut from = BufReader::with_capacity(COPY_BYTES, file.take(bytes));
    let mut lines = 0;
    loop {
        let available = from.fill_buf()?;
        if available.is_empty() {
            return Ok(lines);
        }
        lines += memchr::memchr_iter(b'\n', available).count() as u64;
        let read = available.len();
        from.consume(read);
    }
}
