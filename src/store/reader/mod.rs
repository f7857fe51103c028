//! Answers the questions of the windows, beside the daemon or without it; changes nothing.

mod aged;
mod aged_others;
mod alerts;
mod care;
mod data;
mod dead;
mod history;
mod life;
mod silences;
mod week;

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Params, Row};
use rustix::fs::Access;
use rustix::io::Errno;

use super::open::BUSY_WAIT;
use super::{DATABASE_FILE, ReadError, load, migrate};
use crate::model::Snapshot;

pub use alerts::{Outbox, Part};
pub use history::HistoryFilter;

/// Statements a reader keeps prepared: each question has one or two.
const STATEMENTS_KEPT: usize = 32;

/// Reads a state directory. Each question is one short transaction of its own, on the calling thread.
///
/// Not shared between threads: each opens its own.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

impl Reader {
    /// Opens the database in `state_dir` for reading.
    ///
    /// # Errors
    /// Says why it cannot be read: it is not there, not ours, or of another layout than this freshd writes.
    pub fn open(state_dir: &Path) -> Result<Self, ReadError> {
        let file = state_dir.join(DATABASE_FILE);
        // Only asked, not opened: whoever closes a file takes away every lock that his process has on it, the writer's
        // too. Without that anybody who opens the database next takes himself for its only user, and removes its log.
        match rustix::fs::access(&file, Access::READ_OK) {
            Ok(()) => {}
            Err(Errno::NOENT) => {
                return Err(ReadError::NoDatabase {
                    dir: state_dir.to_path_buf(),
                });
            }
            Err(errno) => {
                let source = errno.into();
                return Err(ReadError::NotReadable { file, source });
            }
        }
        let connection = Connection::open_with_flags(
            &file,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        let ours = match migrate::is_ours(&connection) {
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => false,
            other => other?,
        };
        if !ours {
            return Err(ReadError::NotADatabase { file });
        }
        let known = i64::try_from(migrate::STEPS.len()).unwrap_or(i64::MAX);
        match migrate::layout(&connection)? {
            // Made, but never written to.
            0 => Err(ReadError::NoDatabase {
                dir: state_dir.to_path_buf(),
            }),
            found if found != known => Err(ReadError::OtherLayout { file, found, known }),
            _ => Ok(Self { connection }),
        }
    }

    /// What a daemon would begin from if it started now.
    ///
    /// # Errors
    /// Fails when a row cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, ReadError> {
        Ok(load::snapshot(&self.connection)?)
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ReadError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params, read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, ReadError> {
        Ok(self.all(sql, params, read)?.pop())
    }
}
