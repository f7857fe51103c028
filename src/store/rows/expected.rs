//! Rows of `expectations`.

use rusqlite::{Result, Row, Statement, params};

use crate::model::Expectation;
use crate::store::column::{Cells, json_list, us};

/// Stores an expectation over the one before.
pub(in crate::store) const EXPECTATION_UPSERT: &str = "
INSERT INTO expectations (dataset, because, by, at_us, until_us, versions, used, jumps)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (dataset) DO UPDATE SET
    because = excluded.because,
    by = excluded.by,
    at_us = excluded.at_us,
    until_us = excluded.until_us,
    versions = excluded.versions,
    used = excluded.used,
    jumps = excluded.jumps";

/// What `read_expectation` expects.
pub(in crate::store) const EXPECTATION_COLUMNS: &str = "dataset, because, by, at_us, until_us, versions, used, jumps";

/// Stores `expectation` by `EXPECTATION_UPSERT`; how many rows changed.
pub(in crate::store) fn store_expectation(statement: &mut Statement, expectation: &Expectation) -> Result<usize> {
    statement.execute(params![
        expectation.dataset.as_str(),
        expectation.because,
        expectation.by,
        us(expectation.at),
        us(expectation.until),
        expectation.versions,
        json_list(&expectation.used)?,
        json_list(&expectation.jumps)?,
    ])
}

/// Reads `EXPECTATION_COLUMNS`.
pub(in crate::store) fn read_expectation(row: &Row) -> Result<Expectation> {
    let mut cells = Cells::of(row);
    Ok(Expectation {
        dataset: cells.name()?,
        because: cells.get()?,
        by: cells.get()?,
        at: cells.time()?,
        until: cells.time()?,
        versions: cells.get()?,
        used: cells.json()?,
        jumps: cells.json()?,
    })
}
