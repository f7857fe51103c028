//! Brings a database to the layout this freshd writes, one step after the other.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use super::lock::make_dir;
use super::{BACKUP_DIR, DATABASE_FILE, OpenError, backup};

/// Step n leads from layout n to layout n + 1. A step that was released never changes again.
pub(super) const STEPS: &[&str] = &[include_str!("schema.sql")];

/// Says in the file's header that it is freshd's: "frsh".
pub(super) const APPLICATION_ID: i64 = 0x6672_7368;

/// The layout of the database behind `connection`; 0 when there is nothing in it yet.
pub(super) fn layout(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Whether the database behind `connection` is freshd's, or empty.
pub(super) fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let id: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let empty: bool = connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(id == APPLICATION_ID || (id == 0 && empty))
}

/// Takes every step of `steps` that the database in `dir` has not taken yet, each in one transaction.
///
/// A database that holds something is copied to `backup/` first, where the copy stays.
pub(super) fn migrate(
    connection: &mut Connection,
    dir: &Path,
    steps: &[&str],
    now: Timestamp,
) -> Result<(), OpenError> {
    let file = dir.join(DATABASE_FILE);
    let failed = |error: rusqlite::Error| OpenError::of_sqlite("bring up to date", &file, &error);
    let found = layout(connection).map_err(failed)?;
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer { file, found, known });
    }
    let taken = usize::try_from(found).map_err(|_| OpenError::NotADatabase { file: file.clone() })?;
    if taken == steps.len() {
        return Ok(());
    }
    if taken > 0 {
        let unkept = |detail: String| OpenError::Other {
            doing: "copy, before bringing it up to date,",
            file: file.clone(),
            detail,
        };
        make_dir(&dir.join(BACKUP_DIR)).map_err(|error| unkept(error.to_string()))?;
        let copy = backup::layout_path(dir, taken, now);
        backup::copy_to(connection, &copy, true).map_err(|error| unkept(error.to_string()))?;
    }
    // Tables are rebuilt by name: references are checked at the end of a step instead of in its middle.
    connection.pragma_update(None, "foreign_keys", false).map_err(failed)?;
    for (number, step) in steps.iter().enumerate().skip(taken) {
        take(connection, number + 1, step).map_err(failed)?;
    }
    connection.pragma_update(None, "foreign_keys", true).map_err(failed)
}

fn take(connection: &mut Connection, layout: usize, step: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(step)?;
    let dangling: bool = transaction.query_row("SELECT count(*) > 0 FROM pragma_foreign_key_check", [], |row| {
        row.get(0)
    })?;
    if dangling {
        return Err(rusqlite::Error::ToSqlConversionFailure(
            format!("the step to layout {layout} leaves references to nothing").into(),
        ));
    }
    if layout == 1 {
        // SQLite seeds its random numbers from the system's.
        transaction.execute_batch("INSERT INTO state_directory (only, seed) VALUES (1, random())")?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", i64::try_from(layout).unwrap_or(i64::MAX))?;
    transaction.commit()
}
