//! Packs the files of an output that is final into one, `.log.zst`: what lies there is text, and shrinks to a tenth.
//!
//! The files stand in it one behind the other, as `zstdcat` shows them. A crash at any step loses nothing: what is packed
//! is written beside them and synced, takes its name, and only then do they go. Where both lie there, the packed one is
//! whole and counts.

use std::ffi::OsString;
use std::fs::{self, File, FileTimes};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use rustix::fs::OFlags;
use zstd::stream::write::Encoder;

use super::files::open_beneath;
use super::log::tail_path;
use super::logread::segments;

/// An output of fewer bytes stays as it is: on disk it would not get smaller by a block.
pub const PACK_BYTES_MIN: u64 = 4 << 10;

/// Zstandard's own default: logs get hardly smaller by more work.
const LEVEL: i32 = 3;

/// As much of what was before is looked at for repetitions, as a power of two: a reader needs that much memory.
const WINDOW_LOG: u32 = 20;

/// More than any packed log of ours asks a reader for.
pub(super) const WINDOW_LOG_MAX: u32 = 23;

const COPY_BYTES: usize = 64 << 10;

/// What packing came to, in bytes on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Of the files before.
    pub before_bytes: u64,
    /// Of the one that they became.
    pub after_bytes: u64,
}

/// Where the packed form of an output lies.
pub fn packed_path(log: &Path) -> PathBuf {
    with_ending(log, ".zst")
}

/// When the last of an output was written; `None` when there is none.
pub fn last_written(log: &Path) -> Option<Timestamp> {
    let paths = [log.to_owned(), tail_path(log, 0), tail_path(log, 1), packed_path(log)];
    let changed = paths
        .iter()
        .filter_map(|path| fs::metadata(path).and_then(|file| file.modified()).ok());
    Timestamp::try_from(changed.max()?).ok()
}

/// Whether there is something for `pack_log` to do, as far as can be seen without reading any of it.
pub fn is_worth_packing(log: &Path) -> bool {
    let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let is_large = || length(log) + length(&tail_path(log, 0)) + length(&tail_path(log, 1)) >= PACK_BYTES_MIN;
    fs::exists(log).unwrap_or(false) && (is_large() || fs::exists(packed_path(log)).unwrap_or(false))
}

/// Where it is made.
fn unfinished_path(log: &Path) -> PathBuf {
    with_ending(log, ".zst.new")
}

fn with_ending(log: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(log);
    name.push(ending);
    PathBuf::from(name)
}

/// Packs an output that nobody writes to any more, or goes on with that where it was cut short. `None` when there is
/// nothing to do: it is small, or packed, or not there.
///
/// # Errors
/// When a file cannot be read or made; then all is as it was.
pub fn pack_log(log: &Path) -> io::Result<Option<Packed>> {
    let head = match open_beneath(log, OFlags::RDONLY) {
        Ok(head) => head,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if fs::exists(packed_path(log))? {
        remove_plain(log)?;
        return Ok(None);
    }
    let mut files = vec![head];
    files.extend(segments(log)?.into_iter().map(|(_, file)| file));
    let before = lengths(&files)?;
    let before_bytes = before.iter().sum();
    if before_bytes < PACK_BYTES_MIN {
        return Ok(None);
    }
    let unfinished = unfinished_path(log);
    let packed = write_packed(&unfinished, &files).and_then(|packed| {
        // Whoever still writes has the last word, and is packed another time.
        let is_final = lengths(&files)? == before && segments(log)?.len() + 1 == files.len();
        if is_final { Ok(packed) } else { Err(still_written(log)) }
    });
    let packed = packed.and_then(|packed| {
        fs::rename(&unfinished, packed_path(log))?;
        Ok(packed)
    });
    let after_bytes = match packed {
        Ok(after_bytes) => after_bytes,
        Err(error) => {
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
    };
    if let Some(dir) = log.parent() {
        File::open(dir)?.sync_all()?;
    }
    remove_plain(log)?;
    Ok(Some(Packed {
        before_bytes,
        after_bytes,
    }))
}

fn still_written(log: &Path) -> io::Error {
    let why = format!("{} is still written to", log.display());
    io::Error::new(io::ErrorKind::ResourceBusy, why)
}

fn lengths(files: &[File]) -> io::Result<Vec<u64>> {
    files.iter().map(|file| Ok(file.metadata()?.len())).collect()
}

/// The first part last: as long as it lies there, somebody will come back for the others.
fn remove_plain(log: &Path) -> io::Result<()> {
    for path in [tail_path(log, 0), tail_path(log, 1), log.to_owned()] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Writes and syncs the packed file, and returns its length. It counts as changed when the last of them was: by that
/// age is told.
fn write_packed(path: &Path, files: &[File]) -> io::Result<u64> {
    let file = open_beneath(path, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC)?;
    let mut encoder = Encoder::new(file, LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.include_checksum(true)?;
    let mut buffer = vec![0; COPY_BYTES];
    let mut last = b'\n';
    let mut changed = SystemTime::UNIX_EPOCH;
    for mut file in files {
        if last != b'\n' {
            // A line that goes on in the next file: this newline was not printed.
            encoder.write_all(b"\n/")?;
        }
        loop {
            let read = file.read(&mut buffer)?;
            let Some(end) = buffer[..read].last() else { break };
            last = *end;
            encoder.write_all(&buffer[..read])?;
        }
        changed = changed.max(file.metadata()?.modified()?);
    }
    let file = encoder.finish()?;
    file.set_times(FileTimes::new().set_modified(changed))?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}
