//! Gives free pages back to the file system, a few at a time: those behind them are moved to their places.
//!
//! A file that is filled again soon keeps its pages, for the next rows. A `VACUUM` would need the room of the whole
//! database once more, and every commit would wait for it.

use rusqlite::{Connection, Result};

/// Free pages that stay, 4 MiB: a database that small is no bother.
const FREE_PAGES_KEPT: i64 = 1_024;

/// A quarter of the pages may be free: a history at its limits needs no more, and its file stays as it is.
const FREE_PART_KEPT: i64 = 4;

/// Pages given back in one transaction, 1 MiB: what a commit may have to wait for.
const RELEASED_PAGES_MAX: u32 = 256;

/// Gives some back when many are free; whether there may be more to give.
pub(super) fn some(connection: &Connection) -> Result<bool> {
    let count = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let free = count("freelist_count")?;
    if free < FREE_PAGES_KEPT || free < count("page_count")? / FREE_PART_KEPT {
        return Ok(false);
    }
    connection.execute_batch(&format!("PRAGMA incremental_vacuum({RELEASED_PAGES_MAX})"))?;
    Ok(count("freelist_count")? < free)
}
