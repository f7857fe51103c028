//! The lock by which a state directory has one daemon.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::{LOCK_FILE, OpenError};

/// Only its owner may enter a state directory that freshd makes.
const DIR_MODE: u32 = 0o700;

/// Only their owner may read the files in it.
pub(super) const FILE_MODE: u32 = 0o600;

/// Held while a daemon lives.
///
/// The lock belongs to the open file, so the kernel gives it back when the process dies, however it dies; closing
/// another descriptor of the same file does not (as it would with fcntl's older locks).
#[derive(Debug)]
pub(super) struct StateLock {
    _file: File,
}

impl StateLock {
    /// Makes `dir` if it is not there, and takes its lock.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let failed = |error| OpenError::of_io(dir, error);
        make_dir(dir).map_err(failed)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(dir.join(LOCK_FILE))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file
                    .read_to_string(&mut text)
                    .ok()
                    .and_then(|_| text.trim().parse().ok());
                return Err(OpenError::AlreadyRunning {
                    dir: dir.to_path_buf(),
                    pid,
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // For the message above; the lock itself does not depend on it.
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// Makes a directory for its owner alone; one that is there stays as it is.
pub(super) fn make_dir(dir: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)
}
