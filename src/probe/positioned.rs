//! A file that is read here and there, with a place of its own; how much was read can be watched.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads at its own place: the place of the file itself stays where it is.
pub(super) struct Positioned<'a> {
    file: &'a File,
    bytes_read: &'a AtomicU64,
    place: u64,
    /// The size at the beginning: what grows behind it meanwhile is not looked at.
    end: u64,
}

impl<'a> Positioned<'a> {
    pub(super) fn new(file: &'a File, bytes_read: &'a AtomicU64) -> io::Result<Self> {
        Ok(Self {
            file,
            bytes_read,
            place: 0,
            end: file.metadata()?.len(),
        })
    }
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.place)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.file.read_at(&mut buffer[..wanted], self.place)?;
        self.place += count as u64;
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Seek for Positioned<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
            SeekFrom::Current(by) => self.place.checked_add_signed(by),
        };
        self.place = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.place)
    }
}
