//! Reads a journal back: every whole record, also behind what cannot be read, and whether that is damage or a torn tail.

use std::fs;
use std::io;
use std::path::Path;

use super::{HEADER_BYTES, RECORD_BYTES_MAX, Record};
use crate::runner::files::naming;

/// What can be read of a journal.
#[derive(Debug, Default)]
pub(in crate::runner) struct Contents {
    /// All whole records, in the order in which they were written, also those behind a broken one.
    pub(in crate::runner) records: Vec<Record>,
    /// Where the first one ends that something else than a record follows.
    pub(in crate::runner) valid_bytes: u64,
    /// Set when it does not say everything it once said: this is no torn tail, something damaged the file.
    pub(in crate::runner) damage: Option<Damage>,
}

/// What is wrong with a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runner) struct Damage {
    /// Where the first bytes lie that can be read as no record.
    at: usize,
    /// How many there are of them, in all.
    bytes: usize,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes cannot be read, the first at byte {}", self.bytes, self.at)
    }
}

/// Reads a journal. A torn tail is no error: it was never synced, so nothing was done because of it. A journal that
/// is not there says nothing.
pub(in crate::runner) fn read(path: &Path) -> io::Result<Contents> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::default()),
        Err(error) => return Err(naming(&error, "read", path)),
    };
    Ok(contents_of(&bytes))
}

pub(super) fn contents_of(bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let mut rest = bytes;
    while let Some((record, length)) = first_record(rest) {
        contents.records.push(record);
        rest = &rest[length..];
    }
    let valid = bytes.len() - rest.len();
    contents.valid_bytes = valid as u64;
    let mut unread = 0;
    // A record tells itself by its checksum, wherever it begins.
    while let Some((skipped, record, length)) = next_record(rest) {
        unread += skipped;
        contents.records.push(record);
        rest = &rest[skipped + length..];
    }
    let is_tail_torn = is_torn(rest);
    if unread > 0 || !is_tail_torn {
        let tail = if is_tail_torn { 0 } else { without_zeros(rest).len() };
        contents.damage = Some(Damage {
            at: valid,
            bytes: unread + tail,
        });
    }
    contents
}

fn first_record(bytes: &[u8]) -> Option<(Record, usize)> {
    let (length, checksum, json) = header(bytes)?;
    let json = json.get(..length)?;
    if crc32fast::hash(json) != checksum {
        return None;
    }
    let record = serde_json::from_slice(json).ok()?;
    Some((record, HEADER_BYTES + length))
}

/// The next whole record, with the bytes that come before it and are none.
fn next_record(bytes: &[u8]) -> Option<(usize, Record, usize)> {
    (0..bytes.len()).find_map(|skipped| {
        let (record, length) = first_record(&bytes[skipped..])?;
        Some((skipped, record, length))
    })
}

/// A length that can be believed, the checksum, and what follows.
fn header(bytes: &[u8]) -> Option<(usize, u32, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    // No record is shorter than `"fence"`: runs of zeros are not read as empty records.
    (2..=RECORD_BYTES_MAX)
        .contains(&length)
        .then_some((length, u32::from_le_bytes(*checksum), rest))
}

/// Whether a rest without a whole record is what a write leaves that was cut short by a power cut: nothing, or zeros and
/// something behind them, or the beginning of a record with zeros, or the end of the file, where the rest of it should be.
/// A text that is there to its last byte, and is no record all the same, was written whole and changed later.
fn is_torn(rest: &[u8]) -> bool {
    let written = without_zeros(rest);
    if written.len() <= HEADER_BYTES || written.starts_with(&[0; HEADER_BYTES]) {
        return true;
    }
    let Some((length, _, json)) = header(written) else {
        return false;
    };
    let begins_well = json.starts_with(b"{\"") || json == b"{" || b"\"fence".starts_with(json);
    let is_whole = || serde_json::from_slice::<serde::de::IgnoredAny>(json).is_ok();
    begins_well && json.len() < length && !json.contains(&0) && !is_whole()
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}
