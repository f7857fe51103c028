//! Looks at a published file where readers find it, to see whether it is still what was put there.

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use super::disk::{Directory, PublishError, digest, stamp};
use crate::model::{Lying, Placed, Stamp};

/// What lies where readers look; `Ok(None)` when nothing does.
///
/// It is read only when its size, time or inode are not known and its size alone does not show that it is something else;
/// `bytes_read` counts what was read so far.
///
/// # Errors
/// Says, in words, why it cannot be told.
pub fn sight(placed: &Placed, bytes_read: &AtomicU64) -> Result<Option<Lying>, String> {
    match found(placed, bytes_read) {
        Ok(found) => Ok(found),
        // A directory or a link in its place is no version, whatever it leads to.
        Err(PublishError::NotAFile { .. }) => Ok(Some((Stamp::default(), String::new()))),
        Err(PublishError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn found(placed: &Placed, bytes_read: &AtomicU64) -> Result<Option<Lying>, PublishError> {
    let (Some(parent), Some(name)) = (placed.file.parent(), placed.file.file_name()) else {
        return Ok(None);
    };
    let directory = Directory::open(parent)?;
    let Some(file) = directory.file(name)? else {
        return Ok(None);
    };
    let metadata = file.metadata().map_err(directory.failed("look at", name))?;
    let stamp = stamp(&metadata);
    if let Some(digest) = placed.known(stamp) {
        return Ok(Some((stamp, digest)));
    }
    let content = Counted {
        file: &file,
        bytes_read,
    };
    let digest = digest(content).map_err(directory.failed("read", name))?;
    Ok(Some((stamp, digest)))
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
