//! Copies of the whole database, taken while it is in use and proven to be readable.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::error::damage;

/// Copies the database behind `connection` to `target`, which appears whole or not at all.
pub(super) fn copy_to(connection: &Connection, target: &Path) -> Result<(), String> {
    let dir = target.parent().ok_or("the copy needs a directory")?;
    super::lock::make_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let partial = target.with_extension("partial");
    let on_partial = |error: std::io::Error| format!("{}: {error}", partial.display());
    if partial.try_exists().map_err(on_partial)? {
        fs::remove_file(&partial).map_err(on_partial)?;
    }
    let name = partial.to_str().ok_or("the copy needs a name in UTF-8")?;
    connection
        .execute("VACUUM INTO ?1", [name])
        .map_err(|error| error.to_string())?;
    let copy =
        Connection::open_with_flags(&partial, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| error.to_string())?;
    if let Some(damage) = damage(&copy).map_err(|error| error.to_string())? {
        return Err(format!("the copy cannot be read: {damage}"));
    }
    drop(copy);
    let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all());
    sync(&partial).map_err(on_partial)?;
    fs::rename(&partial, target).map_err(on_partial)?;
    sync(dir).map_err(on_partial)
}
