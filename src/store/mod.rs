//! What happened: SQLite, all SQL; one writer with group commit, readers, migrations, backups.

mod backup;
mod column;
mod error;
mod facts;
mod filesystem;
mod group;
mod load;
mod load_versions;
mod lock;
mod migrate;
mod open;
mod owner;
mod reader;
mod release;
mod restore;
mod reserve;
mod rows;
mod seen;
mod signing;
mod statements;
mod suspect;
mod writer;

#[cfg(test)]
mod tests;

pub use backup::{Backup, DAILY_KEPT};
pub use error::{BackupError, CommitError, OpenError, ReadError};
pub use open::Store;
pub use reader::{HistoryFilter, Outbox, Part, Reader};
pub use reserve::{RESERVE_BYTES, RESERVE_FILE, Reserve};
pub use signing::{KEY_FILE, SigningKey, ack_token_parts};
pub use suspect::suspect;
pub use writer::Writer;

/// The database, within the state directory.
pub const DATABASE_FILE: &str = "freshd.db";

/// Held by the one daemon that may write, within the state directory.
pub const LOCK_FILE: &str = "freshd.lock";

/// How far the database has come, within the state directory.
pub const SEEN_FILE: &str = "freshd.seen";

/// There while the next start is to read the database through, within the state directory.
pub const SUSPECT_FILE: &str = "freshd.suspect";

/// Where copies of the database are kept, within the state directory.
pub const BACKUP_DIR: &str = "backup";
