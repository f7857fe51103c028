//! What can go wrong with the store, told apart by what the caller does next.

use std::io;
use std::path::{Path, PathBuf};

use super::lock::is_full;
use super::reserve::is_over_quota;
use rusqlite::{Error as SqliteError, ErrorCode, ffi};

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory cannot be made or written to.
    #[error("cannot write to the state directory {}: {source}; name another one with --state, or give it to the user freshd runs as", dir.display())]
    NotWritable {
        /// The state directory.
        dir: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others have made the directory or can change it.
    #[error("the state directory {} {why}; {help}", dir.display())]
    NotItsOwn {
        /// The state directory.
        dir: PathBuf,
        /// What is wrong with it, as the end of a sentence about it.
        why: String,
        /// What to do.
        help: String,
    },
    /// The directory lies on a file system that is mounted read-only.
    #[error("the state directory {} is on a read-only file system; name another one with --state", dir.display())]
    ReadOnlyFileSystem {
        /// The state directory.
        dir: PathBuf,
    },
    /// Another daemon has the directory.
    #[error("another freshd{} already runs on {}", pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(), dir.display())]
    AlreadyRunning {
        /// The state directory.
        dir: PathBuf,
        /// The other process, where its lock file says.
        pid: Option<u32>,
    },
    /// Locks and shared memory do not work there as SQLite needs them.
    #[error("the state directory {} is on a network file system ({kind}), where a database can be damaged; name a directory on a local disk with --state", dir.display())]
    NetworkFileSystem {
        /// The state directory.
        dir: PathBuf,
        /// The kind of file system.
        kind: String,
    },
    /// The SQLite this binary was built with can damage a database.
    #[error(
        "freshd was built with SQLite {found}, but needs {needed} or later: earlier ones can damage a database; build it again with the bundled SQLite"
    )]
    SqliteTooOld {
        /// The version it has.
        found: &'static str,
        /// The version it needs.
        needed: &'static str,
    },
    /// A newer freshd wrote the database.
    #[error("{} was written by a newer freshd: its layout is {found}, this freshd knows {known}; start the newer freshd, or restore a backup of layout {known} from {}/", file.display(), super::BACKUP_DIR)]
    Newer {
        /// The database.
        file: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest layout known here.
        known: i64,
    },
    /// The file is something else.
    #[error("{} is not a freshd database; move it away, or name another state directory with --state", file.display())]
    NotADatabase {
        /// The file.
        file: PathBuf,
    },
    /// The database is damaged.
    #[error("{} is damaged: {detail}", file.display())]
    Damaged {
        /// The database.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A backup was named that cannot be used. Nothing has changed.
    #[error("{} cannot be restored: {detail}; nothing was changed", file.display())]
    UnusableBackup {
        /// The backup.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// There is nothing to restore from. Nothing has changed.
    #[error("there is no backup in {}/{} that can be used; name a file", dir.display(), super::BACKUP_DIR)]
    NoBackup {
        /// The state directory.
        dir: PathBuf,
    },
    /// There is no state directory.
    #[error("there is no state directory {}; name the one of the daemon with --state", dir.display())]
    NoStateDirectory {
        /// Its name.
        dir: PathBuf,
    },
    /// There is no room to begin.
    #[error("no space is left for the state directory {}; make room and start again", dir.display())]
    DiskFull {
        /// The state directory.
        dir: PathBuf,
    },
    /// Anything else; what was being done, and what SQLite says.
    #[error("cannot {doing} {}: {detail}", file.display())]
    Other {
        /// As in "cannot open".
        doing: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

impl OpenError {
    /// What an error of the file system below `dir` means.
    pub(super) fn of_io(dir: &Path, source: io::Error) -> Self {
        let dir = dir.to_path_buf();
        match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnlyFileSystem { dir },
            _ if is_full(&source) => Self::DiskFull { dir },
            _ => Self::NotWritable { dir, source },
        }
    }

    /// What an error of SQLite on `file` means, met while `doing` something.
    pub(super) fn of_sqlite(doing: &'static str, file: &Path, error: &SqliteError) -> Self {
        let file = file.to_path_buf();
        let dir = || file.parent().unwrap_or(&file).to_path_buf();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { file },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged {
                file,
                detail: error.to_string(),
            },
            Some(ErrorCode::DiskFull) => Self::DiskFull { dir: dir() },
            // The shared index of the log could not be cut short or grow.
            _ if is_of_shared_index(error) => Self::DiskFull { dir: dir() },
            _ if is_failed_write(error) && is_over_quota(&dir()) => Self::DiskFull { dir: dir() },
            Some(ErrorCode::ReadOnly) => Self::ReadOnlyFileSystem { dir: dir() },
            _ => Self::Other {
                doing,
                detail: error.to_string(),
                file,
            },
        }
    }
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Something has that name.
    #[error("{} exists; name another file, or say --replace", file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// A directory has that name.
    #[error("{} is a directory; name a file in it", file.display())]
    IsADirectory {
        /// The directory.
        file: PathBuf,
    },
    /// There is not enough room, and nothing was written; or there was not, and it is removed again.
    #[error("there is no room for {}: it needs {needed} bytes, and {free} are free", file.display())]
    NoRoom {
        /// The backup.
        file: PathBuf,
        /// Bytes that it needs, with some to spare.
        needed: u64,
        /// Bytes that there are.
        free: u64,
    },
    /// It cannot be written there.
    #[error("{} cannot be written: {source}", file.display())]
    NotWritable {
        /// The backup.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database itself is damaged.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// It was written, and what can be read of it is not what was copied. It is removed again.
    #[error("{} cannot be relied on: {detail}", file.display())]
    Unreadable {
        /// The backup.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The database cannot be read.
    #[error(transparent)]
    Read(ReadError),
}

impl From<ReadError> for BackupError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damaged(why) => Self::Damaged(why),
            other => Self::Read(other),
        }
    }
}

impl BackupError {
    /// What an error of the file system about `file` means.
    pub(super) fn of_io(file: &Path, source: io::Error) -> Self {
        let file = file.to_path_buf();
        Self::NotWritable { file, source }
    }

    /// What an error of SQLite means, met while `file` was written.
    pub(super) fn of_sqlite(file: &Path, error: &SqliteError) -> Self {
        let file = file.to_path_buf();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            Some(ErrorCode::DiskFull) => Self::NotWritable {
                file,
                source: io::ErrorKind::StorageFull.into(),
            },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure) => Self::NotWritable {
                file,
                source: io::Error::other(error.to_string()),
            },
            _ => Self::Read(ReadError::Sqlite(error.to_string())),
        }
    }
}

/// Whether writing failed, and not syncing: nothing that was written before is in doubt.
pub(super) fn is_failed_write(error: &SqliteError) -> bool {
    error
        .sqlite_error()
        .is_some_and(|failure| failure.extended_code == ffi::SQLITE_IOERR_WRITE)
}

fn is_of_shared_index(error: &SqliteError) -> bool {
    let codes = [ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR_SHMOPEN];
    error
        .sqlite_error()
        .is_some_and(|failure| codes.contains(&failure.extended_code))
}

/// Why a commit is not durable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The facts contradict what is stored. A mistake in freshd: the daemon must end rather than act on them.
    #[error("the store refuses {0}")]
    Conflict(String),
    /// The disk or the database is full. Temporary: nothing of the commit is stored, and it can be tried again.
    #[error("no space is left for the database; make room, freshd tries again")]
    Full,
    /// Another program holds the database. Temporary: nothing of the commit is stored, and it can be tried again.
    #[error("another program holds the database; end its transaction, freshd tries again")]
    Busy,
    /// Reading, writing or syncing failed, so that nobody knows what is on the disk. The process must end.
    #[error("the database cannot be written: {0}")]
    Io(String),
    /// The database is damaged. The process must end; the next start goes on from a backup.
    #[error("the database is damaged ({0}); the next start sets it aside and goes on from the newest backup")]
    Damaged(String),
    /// The writer is gone.
    #[error("the writer of the store has ended")]
    Closed,
}

impl CommitError {
    /// Whether the same commit may succeed later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Full | Self::Busy => true,
            Self::Conflict(_) | Self::Io(_) | Self::Damaged(_) | Self::Closed => false,
        }
    }

    /// Whether nobody knows any more what is on the disk: nothing is stored from then on.
    pub fn is_lasting(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Damaged(_))
    }

    /// What an error of SQLite means for a commit; `what` names the fact.
    pub(super) fn of_sqlite(what: &str, error: &SqliteError) -> Self {
        let Some(failure) = error.sqlite_error() else {
            return Self::Conflict(format!("{what}: {error}"));
        };
        match failure.code {
            ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch => {
                Self::Conflict(format!("{what}: {error}"))
            }
            ErrorCode::DiskFull => Self::Full,
            // The shared index of the log could not grow: that, too, is a full disk.
            _ if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => Self::Full,
            // The log could not be cut short, which some file systems need space for. All in it is in the database.
            _ if failure.extended_code == ffi::SQLITE_IOERR_TRUNCATE => Self::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(error.to_string()),
            _ => Self::Io(error.to_string()),
        }
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nothing was ever recorded there.
    #[error("there is no {} in {}; start freshd there first, or name its state directory with --state", super::DATABASE_FILE, dir.display())]
    NoDatabase {
        /// The state directory.
        dir: PathBuf,
    },
    /// The user may not read it.
    #[error("cannot read {}: {source}; run this as the user freshd runs as", file.display())]
    NotReadable {
        /// The database.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is not a freshd database", file.display())]
    NotADatabase {
        /// The file.
        file: PathBuf,
    },
    /// Its layout is not the one this binary reads.
    #[error("{} has layout {found}, this freshd reads {known}; {}", file.display(), if found < known { "start the daemon of this version once, it brings the database up to date" } else { "use the freshd that the daemon runs" })]
    OtherLayout {
        /// The database.
        file: PathBuf,
        /// Its layout.
        found: i64,
        /// The layout known here.
        known: i64,
    },
    /// It is damaged.
    #[error("the database is damaged: {0}; a restart of freshd sets it aside and goes on from the newest backup")]
    Damaged(String),
    /// SQLite cannot answer.
    #[error("cannot read the database: {0}")]
    Sqlite(String),
}

impl From<SqliteError> for ReadError {
    fn from(error: SqliteError) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            _ => Self::Sqlite(error.to_string()),
        }
    }
}

/// The first sentence a failed self-check of SQLite says, or nothing when all is well.
pub(super) fn damage(connection: &rusqlite::Connection) -> Result<Option<String>, SqliteError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((verdict != "ok").then_some(verdict))
}
