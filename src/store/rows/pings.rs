//! Rows of `pings`.

use rusqlite::{Result, Row, Statement, params};

use crate::model::{Name, Ping, PingWord};
use crate::store::column::{Cells, us};

/// Pings of one dataset that are kept.
const PINGS_KEPT_MAX: u32 = 1_000;

/// Stores a ping. The whole row is its key.
pub(in crate::store) const PING_INSERT: &str = "
INSERT INTO pings (dataset, at_us, kind, exit_status, rid, text) SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE NOT EXISTS (
    SELECT 1 FROM pings
    WHERE dataset = ?1 AND at_us = ?2 AND kind = ?3 AND exit_status IS ?4 AND rid IS ?5 AND text = ?6
)";

/// Removes those of a dataset that are older than its newest ?2.
pub(in crate::store) const PINGS_FORGET: &str = "
DELETE FROM pings WHERE dataset = ?1 AND number <= (
    SELECT number FROM pings WHERE dataset = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2
)";

/// What `read_ping` expects.
pub(in crate::store) const PING_COLUMNS: &str = "dataset, at_us, kind, exit_status, rid, text";

/// Stores `ping` by `PING_INSERT`.
pub(in crate::store) fn store_ping(statement: &mut Statement, ping: &Ping) -> Result<usize> {
    statement.execute(params![
        ping.dataset.as_str(),
        us(ping.at),
        ping.word.kind.as_str(),
        ping.word.exit_status,
        ping.rid,
        ping.text,
    ])
}

/// Keeps the newest by `PINGS_FORGET`.
pub(in crate::store) fn forget_older(statement: &mut Statement, dataset: &Name) -> Result<()> {
    statement.execute(params![dataset.as_str(), PINGS_KEPT_MAX]).map(drop)
}

/// Reads `PING_COLUMNS`.
pub(in crate::store) fn read_ping(row: &Row) -> Result<Ping> {
    let mut cells = Cells::of(row);
    Ok(Ping {
        dataset: cells.name()?,
        at: cells.time()?,
        word: PingWord {
            kind: cells.word()?,
            exit_status: cells.get()?,
        },
        rid: cells.get()?,
        text: cells.get()?,
    })
}
