//! What a reader does for the database itself: copies it, and reads it through.

use std::path::Path;

use jiff::Timestamp;

use super::Reader;
use crate::store::backup::{self, Backup};
use crate::store::error::{BackupError, damage};
use crate::store::{ReadError, seen};

impl Reader {
    /// Copies the whole database, as it is at this instant, to `target`, which appears whole and proven or not at all.
    /// `replace` says that a file in its place may go.
    ///
    /// # Errors
    /// Says why there is no copy, or why it cannot be relied on.
    pub fn backup_to(&self, target: &Path, replace: bool) -> Result<Backup, BackupError> {
        backup::copy_to(&self.connection, target, replace)
    }

    /// Takes the daily backup of `state_dir` now, and removes the oldest of those that are too many.
    ///
    /// # Errors
    /// As of [`Reader::backup_to`].
    pub fn backup_daily(&self, state_dir: &Path, now: Timestamp) -> Result<Backup, BackupError> {
        backup::take_daily(&self.connection, state_dir, now)
    }

    /// Whether `state_dir` wants a daily backup at `now`: there is none of that day, in UTC, and something more than
    /// signs of life was recorded since the last one.
    ///
    /// # Errors
    /// Fails when the database or the directory of backups cannot be read.
    pub fn wants_daily_backup(&self, state_dir: &Path, now: Timestamp) -> Result<bool, BackupError> {
        let kept = backup::kept(state_dir).map_err(|error| BackupError::of_io(state_dir, error))?;
        if kept.iter().any(|kept| backup::is_of_today(kept, now)) {
            return Ok(false);
        }
        let Some(last) = kept.iter().find(|kept| kept.is_daily) else {
            return Ok(true);
        };
        let changes = seen::changes(&self.connection).map_err(ReadError::from)?;
        // One that cannot be read is none.
        Ok(backup::verify(&last.path).map_or(true, |last| last.backup.changes != changes))
    }

    /// Reads the whole database through, and says what is damaged. Takes minutes for millions of runs.
    ///
    /// # Errors
    /// Fails when it cannot be read at all.
    pub fn damage(&self) -> Result<Option<String>, ReadError> {
        match damage(&self.connection).map_err(ReadError::from) {
            Err(ReadError::Damaged(why)) => Ok(Some(why)),
            other => other,
        }
    }
}
