//! A file that is read from its beginning once more, with a place of its own; how much was read can be watched.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use super::progress::Progress;

/// Reads at its own place: the place of the file itself stays where it is.
pub(super) struct Positioned<'a> {
    file: &'a File,
    progress: &'a Progress,
    place: u64,
    /// The size at the beginning: what grows behind it meanwhile is not looked at.
    end: u64,
}

impl<'a> Positioned<'a> {
    pub(super) fn new(file: &'a File, progress: &'a Progress) -> io::Result<Self> {
        Ok(Self {
            file,
            progress,
            place: 0,
            end: file.metadata()?.len(),
        })
    }
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.progress.check()?;
        let left = usize::try_from(self.end.saturating_sub(self.place)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.file.read_at(&mut buffer[..wanted], self.place)?;
        self.place += count as u64;
        self.progress.add(count as u64);
        Ok(count)
    }
}
