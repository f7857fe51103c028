//! What the store says of runs: read-only, beside the daemon.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

/// A look into the store of a daemon.
pub(crate) struct Records {
    connection: Connection,
}

/// What became of the occurrences within a span of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ended {
    pub(crate) succeeded: u32,
    pub(crate) skipped: u32,
    pub(crate) others: u32,
    /// Start minus due time of each that was started, in milliseconds.
    pub(crate) late_ms: Vec<f64>,
}

impl Records {
    pub(crate) fn open(state_dir: &Path) -> anyhow::Result<Self> {
        let file = state_dir.join(freshd::store::DATABASE_FILE);
        let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(Self { connection })
    }

    /// How many runs go on, waiting ones included. Cheap: there is an index of those alone.
    pub(crate) fn unfinished(&self) -> anyhow::Result<u32> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT count(*) FROM runs WHERE state <> 'final'")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// What became of the occurrences due from `from_s` until before `until_s`, in seconds since 1970.
    pub(crate) fn ended(&self, from_s: i64, until_s: i64) -> anyhow::Result<Ended> {
        let sql = "SELECT outcome, due_at_us, started_at_us FROM runs
            WHERE due_at_us >= ?1 AND due_at_us < ?2 AND state = 'final'";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![from_s * 1_000_000, until_s * 1_000_000])?;
        let mut ended = Ended::default();
        while let Some(row) = rows.next()? {
            let outcome: String = row.get(0)?;
            let (due, started): (i64, Option<i64>) = (row.get(1)?, row.get(2)?);
            match outcome.as_str() {
                "succeeded" => ended.succeeded += 1,
                "skipped" => ended.skipped += 1,
                _ => ended.others += 1,
            }
            if let Some(started) = started {
                ended.late_ms.push((started - due) as f64 / 1e3);
            }
        }
        Ok(ended)
    }
}
