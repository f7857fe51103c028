//! Puts a backup in the place of a database that cannot be used, in steps that can be cut short anywhere.
//!
//! First the database to come is made whole beside the old one, with a row in it that says what it goes on from. Once it
//! has its name, the restoration is decided: whoever opens the directory next goes on with it before anything else.
//!
//! | cut short after | is there | the next start |
//! |---|---|---|
//! | (nothing), a part of it is written | the old database | begins anew: the old one is as unusable as before |
//! | it has its name | the old database, the one to come | sets the old one aside, file by file |
//! | the old one is set aside, in part or whole | what is left of it, the one to come | goes on where that ended |
//! | the one to come is in place | it alone, with its row | draws conclusions from the row |
//!
//! The log goes aside before the database does, and both before the new one comes: SQLite would write the old log into
//! whatever database it finds beside it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::lock::FILE_MODE;
use super::rows::restored::{RESTORATION_UPSERT, store_restoration};
use super::{DATABASE_FILE, OpenError, backup, load, migrate, seen};
use crate::model::{Restoration, Seen};

/// The database to come, whole.
const INCOMING: &str = "freshd.db.restoring";

/// The same while it is being written.
const PARTIAL: &str = "freshd.db.restoring-partial";

/// What SQLite puts behind the name of a database for its other files, in the order in which they go aside.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", ""];

/// What the records are to go on from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'a> {
    /// The newest backup that can be relied on; an empty database when there is none.
    Newest,
    /// This file, or nothing.
    File(&'a Path),
}

/// What is to be restored, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    pub(super) dir: &'a Path,
    pub(super) steps: &'a [&'a str],
    pub(super) now: Timestamp,
    pub(super) origin: Origin<'a>,
    /// What is wrong with the database that is there, in words.
    pub(super) because: &'a str,
    /// A word for the name that it gets.
    pub(super) word: &'a str,
}

/// Replaces the database, and says with what.
pub(super) fn replace(plan: &Plan<'_>) -> Result<Restoration, OpenError> {
    prepare(plan)?;
    let done = finish(plan.dir)?;
    done.ok_or_else(|| OpenError::Other {
        doing: "find the restored copy for",
        file: plan.dir.join(DATABASE_FILE),
        detail: "it has vanished".to_owned(),
    })
}

/// Makes the database to come. When this returns, the restoration is decided and survives a power cut.
pub(super) fn prepare(plan: &Plan<'_>) -> Result<(), OpenError> {
    let in_dir = |error| OpenError::of_io(plan.dir, error);
    let partial = plan.dir.join(PARTIAL);
    let source = source_of(plan)?;
    clear(&partial).map_err(in_dir)?;
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&partial);
    made.map_err(in_dir)?;
    let written = write(plan, source.as_deref(), &partial);
    if let Err(error) = written {
        // It takes room, which may be what is missing.
        let _ = clear(&partial);
        return Err(error);
    }
    sync(&partial).map_err(in_dir)?;
    fs::rename(&partial, plan.dir.join(INCOMING)).map_err(in_dir)?;
    sync(plan.dir).map_err(in_dir)
}

/// The backup to go on from.
fn source_of(plan: &Plan<'_>) -> Result<Option<PathBuf>, OpenError> {
    match plan.origin {
        Origin::File(file) => {
            backup::verify(file).map_err(|detail| OpenError::UnusableBackup {
                file: file.into(),
                detail,
            })?;
            Ok(Some(file.into()))
        }
        Origin::Newest => newest_usable(plan.dir),
    }
}

/// The newest backup of a state directory that can be relied on.
pub(super) fn newest_usable(dir: &Path) -> Result<Option<PathBuf>, OpenError> {
    let kept = backup::kept(dir).map_err(|error| OpenError::of_io(dir, error))?;
    for kept in kept {
        match backup::verify(&kept.path) {
            Ok(_) => return Ok(Some(kept.path)),
            Err(detail) => tracing::error!(
                file = %kept.path.display(),
                "a backup cannot be relied on, an older one is looked at: {detail}"
            ),
        }
    }
    Ok(None)
}

fn write(plan: &Plan<'_>, source: Option<&Path>, partial: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::of_sqlite("restore", partial, &error);
    if let Some(source) = source {
        // Not copied byte by byte: a file that somebody else copied may have a log of its own.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let unusable = |error: rusqlite::Error| OpenError::of_sqlite("restore", source, &error);
        let source = Connection::open_with_flags(source, flags).map_err(unusable)?;
        let name = partial.to_string_lossy();
        source.execute("VACUUM INTO ?1", [&*name]).map_err(unusable)?;
    }
    let mut connection = Connection::open(partial).map_err(failed)?;
    migrate::migrate(&mut connection, plan.dir, plan.steps, plan.now)?;
    let from = load::snapshot(&connection).map_err(failed)?.newest_record_at;
    let is_there = COMPANIONS.iter().any(|end| {
        plan.dir
            .join(format!("{DATABASE_FILE}{end}"))
            .symlink_metadata()
            .is_ok()
    });
    let seen = seen::read(plan.dir);
    let restoration = Restoration {
        at: plan.now,
        from: source.and(from),
        until: from.map_or(plan.now, |from| from.max(plan.now)),
        backup: source
            .and_then(Path::file_name)
            .map(|name| name.to_string_lossy().into_owned()),
        because: plan.because.to_owned(),
        set_aside: is_there.then(|| aside_name(plan)),
        seen,
        taken_up_at: None,
        last_run: None,
    };
    record(&mut connection, &restoration).map_err(failed)
}

/// Writes down that the records go on from here, and that this database has come further than the one before.
pub(super) fn record(connection: &mut Connection, restoration: &Restoration) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    store_restoration(&mut transaction.prepare(RESTORATION_UPSERT)?, restoration)?;
    let seen = restoration.seen.as_ref().map_or(0, |seen: &Seen| seen.changes);
    let seen = i64::try_from(seen).unwrap_or(i64::MAX - 1);
    transaction.execute("UPDATE state_directory SET changes = max(changes, ?1) + 1", [seen])?;
    transaction.commit()
}

/// A name that nothing has: what was set aside once is never overwritten.
fn aside_name(plan: &Plan<'_>) -> String {
    let base = format!("{DATABASE_FILE}.{}-{}", plan.word, plan.now.strftime("%Y%m%dT%H%M%SZ"));
    let is_free = |name: &String| {
        let taken = |end: &&str| plan.dir.join(format!("{name}{end}")).symlink_metadata().is_ok();
        !COMPANIONS.iter().any(taken)
    };
    let numbered = (2_u32..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone())
        .chain(numbered)
        .find(is_free)
        .unwrap_or_default()
}

/// Goes on with a restoration that was decided, to its end; `None` when none was.
pub(super) fn finish(dir: &Path) -> Result<Option<Restoration>, OpenError> {
    finish_steps(dir, usize::MAX)
}

/// The same, cut short after so many renames.
pub(super) fn finish_steps(dir: &Path, renames_max: usize) -> Result<Option<Restoration>, OpenError> {
    let in_dir = |error| OpenError::of_io(dir, error);
    let incoming = dir.join(INCOMING);
    clear(&dir.join(PARTIAL)).map_err(in_dir)?;
    if incoming.symlink_metadata().is_err() {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read = Connection::open_with_flags(&incoming, flags)
        .and_then(|connection| load::restoration(&connection))
        .map_err(|error| error.to_string());
    let Ok(Some(restoration)) = read else {
        // A copy, of which the original is still in `backup/`.
        tracing::error!(?read, "what was to be restored cannot be read, and is made anew");
        fs::remove_file(&incoming).map_err(in_dir)?;
        return Ok(None);
    };
    let mut renames = 0;
    let mut rename = |from: &Path, to: &Path| -> io::Result<bool> {
        if renames == renames_max {
            return Ok(false);
        }
        renames += 1;
        fs::rename(from, to).map(|()| true)
    };
    for end in COMPANIONS {
        let present = dir.join(format!("{DATABASE_FILE}{end}"));
        let Some(aside) = restoration
            .set_aside
            .as_ref()
            .filter(|_| present.symlink_metadata().is_ok())
        else {
            continue;
        };
        if !rename(&present, &dir.join(format!("{aside}{end}"))).map_err(in_dir)? {
            return Ok(None);
        }
        sync(dir).map_err(in_dir)?;
    }
    if !rename(&incoming, &dir.join(DATABASE_FILE)).map_err(in_dir)? {
        return Ok(None);
    }
    sync(dir).map_err(in_dir)?;
    Ok(Some(restoration))
}

/// Removes a file that a restoration was cut short with, and SQLite's own beside it.
fn clear(partial: &Path) -> io::Result<()> {
    for end in ["", "-journal", "-wal", "-shm"] {
        let mut name = partial.as_os_str().to_owned();
        name.push(end);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path).and_then(|file| file.sync_all())
}
