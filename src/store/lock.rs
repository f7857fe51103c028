//! The lock by which a state directory has one daemon.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{LOCK_FILE, OpenError};

/// Only its owner may enter a state directory that freshd makes.
const DIR_MODE: u32 = 0o700;

/// Only their owner may read the files in it.
pub(super) const FILE_MODE: u32 = 0o600;

/// A process id in the lock file takes this much, whatever it is.
const PID_COLUMNS: usize = 10;

/// How long a lock is waited for: a child that a dead daemon was just starting still holds it, until its exec.
const LOCK_WAIT: Duration = Duration::from_millis(500);

/// How often it is asked for meanwhile.
const LOCK_ASKED_EVERY: Duration = Duration::from_millis(10);

/// Held while a daemon lives.
///
/// The lock belongs to the open file, so the kernel gives it back when the process dies, however it dies; closing
/// another descriptor of the same file does not (as it would with fcntl's older locks).
#[derive(Debug)]
pub(super) struct StateLock {
    _file: File,
}

impl StateLock {
    /// Takes the lock of `dir`.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let failed = |error| OpenError::of_io(dir, error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(dir.join(LOCK_FILE))
            .map_err(failed)?;
        match try_lock_for(&file, LOCK_WAIT) {
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
        // For the message above. The lock itself does not depend on it, and must be had on a full disk too: what is
        // written over the last number needs no space.
        let named = file
            .rewind()
            .and_then(|()| writeln!(file, "{:<PID_COLUMNS$}", std::process::id()));
        match named {
            Err(error) if !is_full(&error) => Err(failed(error)),
            _ => Ok(Self { _file: file }),
        }
    }
}

/// Whether there is no space on the disk, or by a quota.
pub(super) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

fn try_lock_for(file: &File, wait: Duration) -> Result<(), TryLockError> {
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if began.elapsed() < wait => {
                std::thread::sleep(LOCK_ASKED_EVERY);
            }
            other => return other,
        }
    }
}

/// Makes a directory for its owner alone; one that is there stays as it is.
pub(super) fn make_dir(dir: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)
}
