//! Questions about versions and slots.

use rusqlite::params;

use super::Reader;
use crate::model::{Name, RunId, Slot, Version, VersionRef};
use crate::store::ReadError;
use crate::store::column::count;
use crate::store::rows::data::{SLOT_COLUMNS, VERSION_COLUMNS, read_slot, read_version};

impl Reader {
    /// A dataset's versions, newest first.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn versions_of(&self, dataset: &Name, limit: u32) -> Result<Vec<Version>, ReadError> {
        self.all(
            &format!(
                "SELECT {VERSION_COLUMNS} FROM versions
                 WHERE dataset = ?1 ORDER BY number DESC LIMIT ?2"
            ),
            params![dataset.as_str(), limit],
            read_version,
        )
    }

    /// What a run made, and what was restored of that, by number.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn versions_of_run(&self, run: RunId) -> Result<Vec<Version>, ReadError> {
        self.all(
            &format!(
                "SELECT {VERSION_COLUMNS} FROM versions INDEXED BY versions_by_run
                 WHERE run = ?1 ORDER BY dataset, number"
            ),
            params![count(run.0)],
            read_version,
        )
    }

    /// One version.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn version(&self, version: &VersionRef) -> Result<Option<Version>, ReadError> {
        self.one(
            &format!("SELECT {VERSION_COLUMNS} FROM versions WHERE dataset = ?1 AND number = ?2"),
            params![version.dataset.as_str(), count(version.number.0)],
            read_version,
        )
    }

    /// A dataset's slots, the latest due first; those laid down ahead of time come before all others.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn slots_of(&self, dataset: &Name, limit: u32) -> Result<Vec<Slot>, ReadError> {
        self.all(
            &format!(
                "SELECT {SLOT_COLUMNS} FROM slots
                 WHERE dataset = ?1 ORDER BY due_at_us DESC LIMIT ?2"
            ),
            params![dataset.as_str(), limit],
            read_slot,
        )
    }
}
