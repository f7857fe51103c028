//! What happened: SQLite, all SQL; one writer with group commit, readers, migrations.

mod backup;
mod column;
mod error;
mod facts;
mod filesystem;
mod group;
mod load;
mod lock;
mod migrate;
mod open;
mod reader;
mod reserve;
mod rows;
mod writer;

#[cfg(test)]
mod tests;

pub use error::{CommitError, OpenError, ReadError};
pub use open::Store;
pub use reader::{HistoryFilter, Reader};
pub use reserve::{RESERVE_BYTES, RESERVE_FILE, Reserve};
pub use writer::Writer;

/// The database, within the state directory.
pub const DATABASE_FILE: &str = "freshd.db";

/// Held by the one daemon that may write, within the state directory.
pub const LOCK_FILE: &str = "freshd.lock";

/// Where copies of the database are kept, within the state directory.
pub const BACKUP_DIR: &str = "backup";
