//! Questions about versions and slots.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::params;

use super::Reader;
use crate::model::{Name, Ping, RunId, Slot, Version, VersionNumber, VersionRef, VersionState};
use crate::store::ReadError;
use crate::store::column::{Cells, count};
use crate::store::rows::data::{SLOT_COLUMNS, VERSION_COLUMNS, VERSION_COLUMNS_BARE, read_slot, read_version};
use crate::store::rows::pings::{PING_COLUMNS, read_ping};

/// Walks from dataset to dataset within an index.
const PUBLISHED_FILES: &str = "
WITH RECURSIVE known (dataset) AS (
    SELECT min(dataset) FROM versions
    UNION ALL
    SELECT (SELECT min(dataset) FROM versions WHERE dataset > known.dataset)
    FROM known WHERE dataset IS NOT NULL
)
SELECT versions.dataset, number, file FROM known CROSS JOIN versions ON versions.dataset = known.dataset AND number = (
    SELECT max(number) FROM versions WHERE dataset = known.dataset AND state = 'published'
)
WHERE file IS NOT NULL AND run IS NOT NULL";

/// The last accepted versions of a dataset, at most so many, the newest first.
fn accepted() -> String {
    format!(
        "SELECT {VERSION_COLUMNS} FROM versions INDEXED BY versions_by_state
         WHERE dataset = ?1 AND state = 'published' ORDER BY number DESC LIMIT ?2"
    )
}

impl Reader {
    /// What was said of a dataset by pings, the last first.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn pings_of(&self, dataset: &Name, limit: u32) -> Result<Vec<Ping>, ReadError> {
        self.all(
            &format!("SELECT {PING_COLUMNS} FROM pings WHERE dataset = ?1 ORDER BY number DESC LIMIT ?2"),
            params![dataset.as_str(), limit],
            read_ping,
        )
    }

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

    /// The last versions of a dataset that were accepted, newest first.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn accepted_of(&self, dataset: &Name, limit: u32) -> Result<Vec<Version>, ReadError> {
        self.all(&accepted(), params![dataset.as_str(), limit], read_version)
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

    /// The accepted versions of a dataset that arrived since an instant, and the last one from before that; newest first, and
    /// nothing older is read.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn accepted_since(&self, dataset: &Name, since: Timestamp, limit: u32) -> Result<Vec<Version>, ReadError> {
        let mut statement = self.connection.prepare_cached(&accepted())?;
        let mut rows = statement.query(params![dataset.as_str(), limit])?;
        let mut found: Vec<Version> = Vec::new();
        while found.last().is_none_or(|last| last.arrived_at >= since)
            && let Some(row) = rows.next()?
        {
            found.push(read_version(row)?);
        }
        Ok(found)
    }

    /// When the accepted versions of a dataset arrived since an instant, each with its `effective_as_of`, and the last one
    /// from before that; newest first, and nothing older is read.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn arrivals_since(
        &self,
        dataset: &Name,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Timestamp, Timestamp)>, ReadError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT arrived_at_us, effective_as_of_us FROM versions INDEXED BY versions_by_state
             WHERE dataset = ?1 AND state = 'published' ORDER BY number DESC LIMIT ?2",
        )?;
        let mut rows = statement.query(params![dataset.as_str(), limit])?;
        let mut found: Vec<(Timestamp, Timestamp)> = Vec::new();
        while found.last().is_none_or(|(arrived_at, _)| *arrived_at >= since)
            && let Some(row) = rows.next()?
        {
            let mut cells = Cells::of(row);
            found.push((cells.time()?, cells.time()?));
        }
        Ok(found)
    }

    /// The number of a dataset's newest version, or of its newest in one state.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn newest_number(
        &self,
        dataset: &Name,
        state: Option<VersionState>,
    ) -> Result<Option<VersionNumber>, ReadError> {
        let newest = match state {
            Some(state) => self.one(
                "SELECT max(number) FROM versions INDEXED BY versions_by_state WHERE dataset = ?1 AND state = ?2",
                params![dataset.as_str(), state.as_str()],
                |row| Cells::of(row).count_maybe(),
            )?,
            None => self.one(
                "SELECT max(number) FROM versions WHERE dataset = ?1",
                params![dataset.as_str()],
                |row| Cells::of(row).count_maybe(),
            )?,
        };
        Ok(newest.flatten().map(VersionNumber))
    }

    /// Where the newest published version of each dataset was put, for those that a run made.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn published_files(&self) -> Result<Vec<(VersionRef, PathBuf)>, ReadError> {
        let found = self.all(PUBLISHED_FILES, [], |row| {
            let mut cells = Cells::of(row);
            let version = VersionRef {
                dataset: cells.name()?,
                number: VersionNumber(cells.count()?),
            };
            Ok(Some(version).zip(cells.path_maybe()?))
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// One version without what it teaches, for whoever only tells of it.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn bare_version(&self, version: &VersionRef) -> Result<Option<Version>, ReadError> {
        self.one(
            &format!("SELECT {VERSION_COLUMNS_BARE} FROM versions WHERE dataset = ?1 AND number = ?2"),
            params![version.dataset.as_str(), count(version.number.0)],
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
