//! Copies of the whole database, taken while it is in use and proven by reading them as a start does.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::error::{BackupError, damage};
use super::lock::{FILE_MODE, make_dir};
use super::{BACKUP_DIR, load, migrate, seen};
use crate::model::Snapshot;

/// Daily backups that are kept.
pub const DAILY_KEPT: usize = 7;

/// Room that must be left beside a backup: the database goes on growing while it is written.
const SPARE_BYTES: u64 = 16 << 20;

/// How the name of a daily backup begins.
const DAILY: &str = "daily-";

/// The time in the name of a backup; names so sort by time.
const TIME_IN_NAME: &str = "%Y%m%dT%H%M%SZ";

/// What a backup holds, read from the backup itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it lies.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Runs in it.
    pub runs: u64,
    /// Its newest record.
    pub newest_record_at: Option<Timestamp>,
    /// Transactions that it holds, signs of life left out.
    pub(super) changes: u64,
}

/// Copies the database behind `connection` to `target`, which appears whole, proven and for its owner alone, or not at
/// all. `replace` says that a file in its place may go.
pub(super) fn copy_to(connection: &Connection, target: &Path, replace: bool) -> Result<Backup, BackupError> {
    let failed = |source| BackupError::of_io(target, source);
    let (Some(dir), Some(name)) = (target.parent(), target.file_name().and_then(|name| name.to_str())) else {
        return Err(failed(io::ErrorKind::InvalidFilename.into()));
    };
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    match fs::symlink_metadata(target) {
        Ok(there) if there.is_dir() => return Err(BackupError::IsADirectory { file: target.into() }),
        Ok(_) if !replace => return Err(BackupError::Exists { file: target.into() }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    check_room(connection, target, dir)?;
    let partial = dir.join(format!(".{name}.freshd-partial"));
    let copied = write_partial(connection, &partial, target).and_then(|backup| {
        put_in_place(&partial, target, replace)?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
        Ok(backup)
    });
    if copied.is_err() {
        // Whatever there is of it is in the way of the next try, and takes room that is short.
        let _ = fs::remove_file(&partial);
    }
    copied
}

fn write_partial(connection: &Connection, partial: &Path, target: &Path) -> Result<Backup, BackupError> {
    let failed = |source| BackupError::of_io(target, source);
    match fs::remove_file(partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    // SQLite would let everybody read it; it takes an empty file as it is.
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(partial);
    made.map_err(failed)?;
    let name = partial
        .to_str()
        .ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
    connection
        .execute("VACUUM INTO ?1", [name])
        .map_err(|error| BackupError::of_sqlite(target, &error))?;
    File::open(partial).and_then(|file| file.sync_all()).map_err(failed)?;
    let layout = migrate::layout(connection).map_err(|error| BackupError::of_sqlite(target, &error))?;
    let read = verify(partial).map_err(|detail| BackupError::Unreadable {
        file: target.into(),
        detail,
    })?;
    if read.layout != layout {
        return Err(BackupError::Unreadable {
            file: target.into(),
            detail: format!("its layout is {} instead of {layout}", read.layout),
        });
    }
    Ok(Backup {
        file: target.into(),
        ..read.backup
    })
}

/// A name that is taken meanwhile is not taken over, unless that is wanted.
fn put_in_place(partial: &Path, target: &Path, replace: bool) -> Result<(), BackupError> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let failed = |source| BackupError::of_io(target, source);
    if replace {
        return fs::rename(partial, target).map_err(failed);
    }
    match renameat_with(CWD, partial, CWD, target, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::EXIST) => Err(BackupError::Exists { file: target.into() }),
        // A file system that cannot promise it; the look before it has to do.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => fs::rename(partial, target).map_err(failed),
        Err(error) => Err(failed(error.into())),
    }
}

fn check_room(connection: &Connection, target: &Path, dir: &Path) -> Result<(), BackupError> {
    let bytes = size(connection).map_err(|error| BackupError::of_sqlite(target, &error))?;
    let room = rustix::fs::statvfs(dir).map_err(|error| BackupError::of_io(target, error.into()))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let needed = bytes.saturating_add(SPARE_BYTES);
    if free < needed {
        return Err(BackupError::NoRoom {
            file: target.into(),
            needed,
            free,
        });
    }
    Ok(())
}

/// Bytes of the database with everything in its log.
fn size(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let bytes = pragma("page_count")?.saturating_mul(pragma("page_size")?);
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// A backup that can be relied on.
pub(super) struct Verified {
    pub(super) backup: Backup,
    pub(super) layout: i64,
}

/// Reads a backup through, and then as a start does. The error says why it cannot be relied on.
///
/// Of an older layout only the first is done here; the second follows once it is brought up to date.
pub(super) fn verify(file: &Path) -> Result<Verified, String> {
    let said = |error: rusqlite::Error| error.to_string();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(said)?;
    if !migrate::is_ours(&connection).map_err(said)? {
        return Err("it is not a freshd database".to_owned());
    }
    let layout = migrate::layout(&connection).map_err(said)?;
    let known = i64::try_from(migrate::STEPS.len()).unwrap_or(i64::MAX);
    if layout > known {
        return Err(format!(
            "its layout is {layout}, which is that of a newer freshd; this one knows {known}"
        ));
    }
    if layout == 0 {
        return Err("it holds nothing".to_owned());
    }
    if let Some(damage) = damage(&connection).map_err(said)? {
        return Err(damage);
    }
    let (mut changes, mut newest_record_at) = (0, None);
    if layout == known {
        let snapshot: Snapshot = load::snapshot(&connection).map_err(said)?;
        newest_record_at = snapshot.newest_record_at;
        changes = seen::changes(&connection).map_err(said)?;
    }
    let runs: i64 = connection
        .query_row("SELECT count(*) FROM runs", [], |row| row.get(0))
        .map_err(said)?;
    let bytes = fs::metadata(file).map_err(|error| error.to_string())?.len();
    let backup = Backup {
        file: file.into(),
        bytes,
        runs: u64::try_from(runs).unwrap_or(0),
        newest_record_at,
        changes,
    };
    Ok(Verified { backup, layout })
}

/// Where a daily backup that is taken at `now` lies.
pub(super) fn daily_path(state_dir: &Path, now: Timestamp) -> PathBuf {
    let name = format!("{DAILY}{}.db", now.strftime(TIME_IN_NAME));
    state_dir.join(BACKUP_DIR).join(name)
}

/// Where the copy lies that is taken of layout `layout` at `now`, before it is brought up to date.
pub(super) fn layout_path(state_dir: &Path, layout: usize, now: Timestamp) -> PathBuf {
    let name = format!("layout-{layout}-{}.db", now.strftime(TIME_IN_NAME));
    state_dir.join(BACKUP_DIR).join(name)
}

/// A file in `backup/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept {
    /// When it was taken, as in its name: `20261127T041500Z`.
    pub(super) time: String,
    pub(super) path: PathBuf,
    pub(super) is_daily: bool,
}

/// Everything in `backup/` that has the name of a backup, the newest first.
pub(super) fn kept(state_dir: &Path) -> io::Result<Vec<Kept>> {
    let dir = state_dir.join(BACKUP_DIR);
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut kept = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(stem) = name.strip_suffix(".db").filter(|stem| !stem.starts_with('.')) else {
            continue;
        };
        let Some((kind, time)) = stem.rsplit_once('-') else {
            continue;
        };
        kept.push(Kept {
            time: time.to_owned(),
            is_daily: format!("{kind}-") == DAILY,
            path,
        });
    }
    kept.sort();
    kept.reverse();
    Ok(kept)
}

/// Whether a backup was taken on the day of `now`, in UTC.
pub(super) fn is_of_today(kept: &Kept, now: Timestamp) -> bool {
    kept.is_daily && kept.time.starts_with(&now.strftime("%Y%m%dT").to_string())
}

/// Takes a daily backup now and removes the oldest of those that are too many. Those from before an update stay.
pub(super) fn take_daily(connection: &Connection, state_dir: &Path, now: Timestamp) -> Result<Backup, BackupError> {
    let target = daily_path(state_dir, now);
    let failed = |source| BackupError::of_io(&target, source);
    make_dir(&state_dir.join(BACKUP_DIR)).map_err(failed)?;
    let backup = copy_to(connection, &target, true)?;
    for old in kept(state_dir)
        .map_err(failed)?
        .iter()
        .filter(|kept| kept.is_daily)
        .skip(DAILY_KEPT)
    {
        if let Err(error) = fs::remove_file(&old.path) {
            tracing::warn!(file = %old.path.display(), %error, "an old backup cannot be removed");
        }
    }
    Ok(backup)
}
