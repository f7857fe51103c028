//! Opens a state directory for the one daemon that writes there; what is damaged is set aside and a backup goes on.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::error::damage;
use super::lock::{FILE_MODE, StateLock, make_dir};
use super::restore::{self, Origin, Plan};
use super::{DATABASE_FILE, OpenError, SEEN_FILE, backup, filesystem, load, migrate, owner, seen, suspect};
use crate::model::{Restoration, Snapshot};

/// Before this version a log that is reset during a checkpoint can damage the database.
const SQLITE_VERSION_MIN: (i32, &str) = (3_051_003, "3.51.3");

/// How long a statement waits for another program that holds the database.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(5);

/// What the writer keeps of the database in memory.
const PAGE_CACHE_KIB: i64 = 2 << 10;

/// The log keeps this much room on the disk, so that writing goes on in blocks the file already has.
pub(super) const LOG_BYTES_KEPT: i64 = 16 * 1024 * 1024;

/// A larger database is not read through at start, which would hold up every job: that is a chore for later. Unless
/// there is reason to suspect it.
const CHECKED_AT_START_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Directories that a daemon fills: where one of them is, there was a database.
const FILLED_BY_A_DAEMON: [&str; 5] = ["keeper", "logs", "run", "versions", "quarantine"];

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
    /// A database that is damaged, gone, or older than it was is not believed: see [`Snapshot::restoration`].
    ///
    /// # Errors
    /// Says why the directory cannot be used, and what to do.
    pub fn open(state_dir: &Path) -> Result<Self, OpenError> {
        Self::open_with(state_dir, migrate::STEPS, Timestamp::now())
    }

    /// The same, and everything decisions need of what happened before: what turns out to be damaged only then is set
    /// aside too.
    ///
    /// # Errors
    /// As of [`Store::open`], and when a row cannot be read.
    pub fn open_and_load(state_dir: &Path) -> Result<(Self, Snapshot), OpenError> {
        Self::mended(state_dir, migrate::STEPS, Timestamp::now(), load::snapshot)
    }

    /// Puts a backup in the place of the database: `file`, or the newest that can be relied on. The database that was
    /// there is set aside. The next start draws its conclusions.
    ///
    /// # Errors
    /// Says why that cannot be done, such as that a daemon runs; then nothing has changed.
    pub fn restore(state_dir: &Path, file: Option<&Path>, because: &str) -> Result<Restoration, OpenError> {
        if !state_dir.is_dir() {
            return Err(OpenError::NoStateDirectory { dir: state_dir.into() });
        }
        let _lock = locked(state_dir)?;
        restore::finish(state_dir)?;
        let newest = match file {
            Some(_) => None,
            None => restore::newest_usable(state_dir)?,
        };
        // To begin anew is what a damaged database leaves no choice of; nobody asks for it by hand.
        let Some(file) = file.or(newest.as_deref()) else {
            return Err(OpenError::NoBackup { dir: state_dir.into() });
        };
        restore::replace(&Plan {
            dir: state_dir,
            steps: migrate::STEPS,
            now: Timestamp::now(),
            origin: Origin::File(file),
            because,
            word: "replaced",
        })
    }

    /// Everything decisions need of what happened before.
    ///
    /// # Errors
    /// Fails when a row cannot be read.
    pub fn load(&self) -> Result<Snapshot, super::ReadError> {
        Ok(load::snapshot(&self.connection)?)
    }

    /// The state directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn open_with(state_dir: &Path, steps: &[&str], now: Timestamp) -> Result<Self, OpenError> {
        Self::mended(state_dir, steps, now, |_| Ok(())).map(|(store, ())| store)
    }

    fn mended<T>(
        state_dir: &Path,
        steps: &[&str],
        now: Timestamp,
        read: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<(Self, T), OpenError> {
        let in_dir = |error| OpenError::of_io(state_dir, error);
        make_dir(state_dir).map_err(in_dir)?;
        let lock = locked(state_dir)?;
        restore::finish(state_dir)?;
        let file = state_dir.join(DATABASE_FILE);
        let opened = || {
            let connection = ready(state_dir, steps, now)?;
            let read = read(&connection).map_err(|error| OpenError::of_sqlite("read", &file, &error))?;
            Ok((connection, read))
        };
        let (connection, read) = match opened() {
            Err(OpenError::Damaged { detail, .. }) => {
                restore::replace(&Plan {
                    dir: state_dir,
                    steps,
                    now,
                    origin: Origin::Newest,
                    because: &format!("{DATABASE_FILE} was damaged: {detail}"),
                    word: "damaged",
                })?;
                opened()?
            }
            other => other?,
        };
        suspect::clear(state_dir);
        let dir = state_dir.to_path_buf();
        Ok((Self { connection, dir, lock }, read))
    }
}

/// Takes the lock of a directory that is there, and in which a database may lie.
fn locked(state_dir: &Path) -> Result<StateLock, OpenError> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN.0 {
        return Err(OpenError::SqliteTooOld {
            found: rusqlite::version(),
            needed: SQLITE_VERSION_MIN.1,
        });
    }
    let kind = filesystem::network_kind(state_dir).map_err(|error| OpenError::of_io(state_dir, error))?;
    if let Some(kind) = kind {
        let dir = state_dir.to_path_buf();
        return Err(OpenError::NetworkFileSystem { dir, kind });
    }
    owner::check(state_dir)?;
    StateLock::take(state_dir)
}

/// Opens the database, brings it up to date, and sees that it has come as far as it had.
fn ready(state_dir: &Path, steps: &[&str], now: Timestamp) -> Result<Connection, OpenError> {
    let file = state_dir.join(DATABASE_FILE);
    let was_there = was_there(state_dir);
    let damaged = |detail: &str| OpenError::Damaged {
        file: file.clone(),
        detail: detail.to_owned(),
    };
    let failed = |error: rusqlite::Error| match OpenError::of_sqlite("open", &file, &error) {
        // With the rest of a state directory around it, it was one.
        OpenError::NotADatabase { .. } if was_there => damaged("it cannot be read as a database any more"),
        other => other,
    };
    let is_missing = file.symlink_metadata().is_err();
    // SQLite would let everybody read it, and gives its other files the mode of this one.
    let bytes = OpenOptions::new()
        .read(true)
        .append(true)
        .create(!was_there)
        .mode(FILE_MODE)
        .open(&file)
        .and_then(|file| file.metadata())
        .map(|metadata| metadata.len());
    let bytes = match bytes {
        Err(_) if is_missing && was_there => return Err(damaged("it is gone")),
        Ok(0) if was_there => return Err(damaged("it is empty")),
        other => other.map_err(|error| OpenError::of_io(state_dir, error))?,
    };
    let mut connection = match connect(&file, bytes, suspect::reason(state_dir).is_some()).map_err(failed)? {
        Opened::Ours(connection) => connection,
        Opened::Disowned if was_there => return Err(damaged("its header does not say any more that it is freshd's")),
        Opened::Foreign | Opened::Disowned => return Err(OpenError::NotADatabase { file: file.clone() }),
        Opened::Damaged(detail) => return Err(damaged(&detail)),
    };
    if was_there && migrate::layout(&connection).map_err(failed)? == 0 {
        return Err(damaged("it holds nothing"));
    }
    migrate::migrate(&mut connection, state_dir, steps, now)?;
    distrust_an_older_one(&mut connection, state_dir, now).map_err(failed)?;
    Ok(connection)
}

/// Whether a daemon has kept its records here before.
fn was_there(state_dir: &Path) -> bool {
    let is_filled =
        |name: &&str| std::fs::read_dir(state_dir.join(name)).is_ok_and(|mut entries| entries.next().is_some());
    state_dir.join(SEEN_FILE).exists()
        || backup::kept(state_dir).is_ok_and(|kept| !kept.is_empty())
        || FILLED_BY_A_DAEMON.iter().any(is_filled)
}

/// A sound database that knows less than it did is what a restored one is: its log was lost, or somebody put an old copy
/// in its place.
fn distrust_an_older_one(connection: &mut Connection, state_dir: &Path, now: Timestamp) -> rusqlite::Result<()> {
    let Some(noted) = seen::read(state_dir) else {
        return Ok(());
    };
    let found = seen::changes(connection)?;
    if found >= noted.changes {
        return Ok(());
    }
    let from = load::snapshot(connection)?.newest_record_at;
    let restoration = Restoration {
        at: now,
        from,
        until: from.map_or(now, |from| from.max(now)),
        backup: None,
        because: format!(
            "{DATABASE_FILE} was older than the records were: its last {} changes were gone, with a log that was cut \
             or removed, or because an older file was put in its place",
            noted.changes - found
        ),
        set_aside: None,
        seen: Some(noted),
        taken_up_at: None,
        last_run: None,
    };
    restore::record(connection, &restoration)
}

enum Opened {
    Ours(Connection),
    Foreign,
    /// It has freshd's tables, and does not say that it is freshd's.
    Disowned,
    Damaged(String),
}

fn connect(file: &Path, bytes: u64, is_suspect: bool) -> rusqlite::Result<Opened> {
    let connection = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_WAIT)?;
    if !migrate::is_ours(&connection)? {
        return Ok(match connection.table_exists(None, "state_directory")? {
            true => Opened::Disowned,
            false => Opened::Foreign,
        });
    }
    if (is_suspect || bytes <= CHECKED_AT_START_BYTES_MAX)
        && let Some(detail) = damage(&connection)?
    {
        return Ok(Opened::Damaged(detail));
    }
    // Counts only before the first table is made: later it would take a VACUUM, and is written anew all the same.
    if bytes == 0 {
        connection.pragma_update(None, "auto_vacuum", "incremental")?;
    }
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
