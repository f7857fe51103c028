//! Space kept for the moment when the disk is full, so that what is known by then can still be recorded.
//!
//! A file of zeros in the state directory, with real blocks under it. It is given back slice by slice, each for a write
//! that met a full disk, since whatever else filled the disk will take what is free. What was given back is laid again
//! once there is enough for it and for what follows.

use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{FallocateFlags, Mode, OFlags, fallocate, statvfs};
use rustix::io::Errno;

use super::lock::FILE_MODE;
use crate::model::{Lack, Shortage};

/// The reserve, within the state directory.
pub const RESERVE_FILE: &str = "reserve";

/// Written to find out whether a quota is used up, within the state directory.
const QUOTA_PROBE_FILE: &str = ".quota";

/// Bytes of the whole reserve.
pub const RESERVE_BYTES: u64 = 16 << 20;

/// Bytes given back at a time: more than a commit of a busy daemon and the growth of a keeper's journal.
const SLICE_BYTES: u64 = 1 << 20;

/// The unit in which the kernel counts blocks.
const BLOCK_BYTES: u64 = 512;

/// With fewer bytes free beside the reserve, the disk counts as full: a keeper's journal and the logs of what is
/// started could not grow.
const FREE_BYTES_MIN: u64 = 4 << 20;

/// A disk that was full is not full any more when this much is free beside the reserve.
const FREE_BYTES_AGAIN: u64 = 2 * FREE_BYTES_MIN;

/// With fewer inodes free, the disk counts as full: each start makes a directory and a file, and SQLite some.
const FREE_FILES_MIN: u64 = 64;

/// The same for one that was.
const FREE_FILES_AGAIN: u64 = 2 * FREE_FILES_MIN;

/// The reserve of one state directory, and how much space there is beside it.
#[derive(Debug)]
pub struct Reserve {
    dir: PathBuf,
    /// The disk was full at the last look, or at a write since.
    is_short: bool,
    /// The file system cannot set blocks aside: there is no reserve.
    is_unsupported: bool,
}

/// What is free for freshd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Free {
    bytes: u64,
    /// `None` on a file system that makes inodes as it needs them.
    files: Option<u64>,
}

impl Reserve {
    /// That of `state_dir`, whether it is laid or not.
    pub fn of(state_dir: &Path) -> Self {
        Self {
            dir: state_dir.to_path_buf(),
            is_short: false,
            is_unsupported: false,
        }
    }

    /// Looks how much space there is, and lays the reserve again if there is enough. `Err` says what lacks since `now`.
    ///
    /// The bytes free beside the reserve come with `Ok`.
    pub fn look(&mut self, now: Timestamp) -> Result<u64, Shortage> {
        let found = self.look_and_lay(now);
        self.is_short = found.is_err();
        found
    }

    /// A write met a full disk: gives a slice of the reserve back. `false` when nothing of it is left.
    pub fn give_back(&mut self) -> bool {
        self.is_short = true;
        let file = OpenOptions::new().write(true).open(self.file());
        let given = file.and_then(|file| match file.metadata()?.len() {
            0 => Ok(false),
            // A file system that copies what it changes may want room for that too: then all of it goes.
            bytes => file
                .set_len(bytes.saturating_sub(SLICE_BYTES))
                .or_else(|_| std::fs::remove_file(self.file()))
                .map(|()| true),
        });
        given.unwrap_or(false)
    }

    /// What lacks, as far as that can be told without trying anything.
    pub fn shortage(&self, now: Timestamp) -> Shortage {
        let left = free(&self.dir).map_or(0, |free| free.bytes);
        self.lacks(now, Lack::Bytes, left, self.needed())
    }

    fn look_and_lay(&mut self, now: Timestamp) -> Result<u64, Shortage> {
        let Ok(free) = free(&self.dir) else {
            // Whoever writes will be told what is wrong.
            return Ok(u64::MAX);
        };
        let files_min = if self.is_short {
            FREE_FILES_AGAIN
        } else {
            FREE_FILES_MIN
        };
        if let Some(files) = free.files.filter(|files| *files < files_min) {
            return Err(self.lacks(now, Lack::Files, files, FREE_FILES_AGAIN));
        }
        let laid = self.bytes();
        if laid >= RESERVE_BYTES || self.is_unsupported {
            let bytes_min = if self.is_short {
                FREE_BYTES_AGAIN
            } else {
                FREE_BYTES_MIN
            };
            return if free.bytes < bytes_min {
                Err(self.lacks(now, Lack::Bytes, free.bytes, FREE_BYTES_AGAIN))
            } else {
                Ok(free.bytes)
            };
        }
        let needed = self.needed();
        if free.bytes < needed {
            return Err(self.lacks(now, Lack::Bytes, free.bytes, needed));
        }
        match self.lay(laid) {
            // Some file systems say yes, and set nothing aside.
            Ok(()) => self.is_unsupported = self.bytes() < RESERVE_BYTES,
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.is_unsupported = true,
            // More than a quota allows.
            Err(_) => return Err(self.lacks(now, Lack::Bytes, 0, needed)),
        }
        Ok(free.bytes - (RESERVE_BYTES - laid))
    }

    /// Sets the blocks of the whole reserve aside. What else must be free is set aside for a moment too: a quota shows
    /// itself only to who takes.
    fn lay(&self, laid: u64) -> rustix::io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
        let file = rustix::fs::open(self.file(), flags, Mode::from_raw_mode(FILE_MODE))?;
        let taken = allocate(&file, RESERVE_BYTES + FREE_BYTES_AGAIN);
        let kept = if taken.is_ok() { RESERVE_BYTES } else { laid };
        rustix::fs::ftruncate(&file, kept)?;
        taken
    }

    /// Bytes that must be free before the disk counts as not full any more.
    fn needed(&self) -> u64 {
        RESERVE_BYTES.saturating_sub(self.bytes()) + FREE_BYTES_AGAIN
    }

    fn lacks(&self, since: Timestamp, lack: Lack, left: u64, needed: u64) -> Shortage {
        Shortage {
            dir: self.dir.clone(),
            since,
            lack,
            left,
            needed,
        }
    }

    /// Bytes of the reserve that have blocks. A copy of a state directory may have a file of holes.
    fn bytes(&self) -> u64 {
        std::fs::metadata(self.file()).map_or(0, |file| file.len().min(file.blocks() * BLOCK_BYTES))
    }

    fn file(&self) -> PathBuf {
        self.dir.join(RESERVE_FILE)
    }
}

fn allocate(file: &OwnedFd, bytes: u64) -> rustix::io::Result<()> {
    loop {
        match fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// Whether a quota keeps this user from writing to `dir`, as a small file shows that is written and removed.
pub(super) fn is_over_quota(dir: &Path) -> bool {
    let probe = dir.join(QUOTA_PROBE_FILE);
    let written = std::fs::write(&probe, [1; 4096]);
    let _ = std::fs::remove_file(&probe);
    written.is_err_and(|error| error.kind() == std::io::ErrorKind::QuotaExceeded)
}

fn free(dir: &Path) -> rustix::io::Result<Free> {
    let found = statvfs(dir)?;
    let is_root = rustix::process::geteuid().is_root();
    // The last part of a file system may be for root alone.
    let (blocks, files) = if is_root {
        (found.f_bfree, found.f_ffree)
    } else {
        (found.f_bavail, found.f_favail)
    };
    Ok(Free {
        bytes: blocks.saturating_mul(found.f_frsize),
        files: (found.f_files > 0).then_some(files),
    })
}
