//! Opens a state directory for the one daemon that writes there.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::error::damage;
use super::lock::{FILE_MODE, StateLock, make_dir};
use super::{DATABASE_FILE, OpenError, ReadError, filesystem, load, migrate};
use crate::model::Snapshot;

/// Before this version a log that is reset during a checkpoint can damage the database.
const SQLITE_VERSION_MIN: (i32, &str) = (3_051_003, "3.51.3");

/// How long a statement waits for another program that holds the database.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(5);

/// What the writer keeps of the database in memory.
const PAGE_CACHE_KIB: i64 = 16 * 1024;

/// The log keeps this much room on the disk, so that writing goes on in blocks the file already has.
pub(super) const LOG_BYTES_KEPT: i64 = 16 * 1024 * 1024;

/// A larger database is not read through at start, which would hold up every job: that is a chore for later.
const CHECKED_AT_START_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A state directory that belongs to this process.
#[derive(Debug)]
pub struct Store {
    pub(super) connection: Connection,
    pub(super) dir: PathBuf,
    pub(super) lock: StateLock,
}

impl Store {
    /// Makes `state_dir` and the database in it where they are missing, takes the directory's lock, and brings the
    /// database up to date.
    ///
    /// # Errors
    /// Says why the directory cannot be used, and what to do.
    pub fn open(state_dir: &Path) -> Result<Self, OpenError> {
        Self::open_with(state_dir, migrate::STEPS, Timestamp::now())
    }

    /// Everything decisions need of what happened before.
    ///
    /// # Errors
    /// Fails when a row cannot be read.
    pub fn load(&self) -> Result<Snapshot, ReadError> {
        Ok(load::snapshot(&self.connection)?)
    }

    /// The state directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn open_with(state_dir: &Path, steps: &[&str], now: Timestamp) -> Result<Self, OpenError> {
        if rusqlite::version_number() < SQLITE_VERSION_MIN.0 {
            return Err(OpenError::SqliteTooOld {
                found: rusqlite::version(),
                needed: SQLITE_VERSION_MIN.1,
            });
        }
        let in_dir = |error| OpenError::of_io(state_dir, error);
        make_dir(state_dir).map_err(in_dir)?;
        if let Some(kind) = filesystem::network_kind(state_dir).map_err(in_dir)? {
            return Err(OpenError::NetworkFileSystem {
                dir: state_dir.to_path_buf(),
                kind,
            });
        }
        let lock = StateLock::take(state_dir)?;
        let file = state_dir.join(DATABASE_FILE);
        // SQLite would let everybody read it, and gives its other files the mode of this one.
        let bytes = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(FILE_MODE)
            .open(&file)
            .and_then(|file| file.metadata())
            .map_err(in_dir)?
            .len();
        let mut connection = connect(&file, bytes)
            .map_err(|error| OpenError::of_sqlite("open", &file, &error))
            .and_then(|opened| match opened {
                Opened::Ours(connection) => Ok(connection),
                Opened::Foreign => Err(OpenError::NotADatabase { file: file.clone() }),
                Opened::Damaged(detail) => Err(OpenError::Damaged {
                    file: file.clone(),
                    detail,
                }),
            })?;
        migrate::migrate(&mut connection, state_dir, steps, now)?;
        Ok(Self {
            connection,
            dir: state_dir.to_path_buf(),
            lock,
        })
    }
}

enum Opened {
    Ours(Connection),
    Foreign,
    Damaged(String),
}

fn connect(file: &Path, bytes: u64) -> rusqlite::Result<Opened> {
    let connection = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_WAIT)?;
    if !migrate::is_ours(&connection)? {
        return Ok(Opened::Foreign);
    }
    if bytes <= CHECKED_AT_START_BYTES_MAX
        && let Some(detail) = damage(&connection)?
    {
        return Ok(Opened::Damaged(detail));
    }
    // Counts only before the first table is made: later it would take a VACUUM.
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -PAGE_CACHE_KIB)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // The writer does this itself: SQLite would not tell it of errors.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |row| row.get::<_, i64>(0))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_KEPT, |row| row.get::<_, i64>(0))?;
    Ok(Opened::Ours(connection))
}
