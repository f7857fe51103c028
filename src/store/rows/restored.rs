//! Rows of `restorations`: what the records went on from when those before were lost.

use rusqlite::{Result, Row, Statement, params};

use crate::model::{Restoration, RunId};
use crate::store::column::{Cells, count_maybe, json, us, us_maybe};

/// Stores a restoration. Only what was concluded from it ever changes.
pub(in crate::store) const RESTORATION_UPSERT: &str = "
INSERT INTO restorations (at_us, from_us, until_us, backup, because, set_aside, seen, taken_up_at_us, last_run)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (at_us) DO UPDATE SET
    until_us = excluded.until_us,
    taken_up_at_us = excluded.taken_up_at_us,
    last_run = excluded.last_run";

/// What `read_restoration` expects.
pub(in crate::store) const RESTORATION_COLUMNS: &str =
    "at_us, from_us, until_us, backup, because, set_aside, seen, taken_up_at_us, last_run";

/// Occurrences that have a run although their job's cursor has not reached them. One look into the index for each job.
pub(in crate::store) const KNOWN_AHEAD: &str = "
SELECT jobs.job, runs.due_at_us FROM jobs CROSS JOIN runs INDEXED BY runs_by_occurrence
ON runs.job = jobs.job AND runs.due_at_us > jobs.cursor_us
ORDER BY 1, 2";

/// Stores `restoration` by `RESTORATION_UPSERT`.
pub(in crate::store) fn store_restoration(statement: &mut Statement, restoration: &Restoration) -> Result<usize> {
    statement.execute(params![
        us(restoration.at),
        us_maybe(restoration.from),
        us(restoration.until),
        restoration.backup,
        restoration.because,
        restoration.set_aside,
        restoration.seen.as_ref().map(json).transpose()?,
        us_maybe(restoration.taken_up_at),
        count_maybe(restoration.last_run.map(|id| id.0)),
    ])
}

/// Reads `RESTORATION_COLUMNS`.
pub(in crate::store) fn read_restoration(row: &Row) -> Result<Restoration> {
    let mut cells = Cells::of(row);
    Ok(Restoration {
        at: cells.time()?,
        from: cells.time_maybe()?,
        until: cells.time()?,
        backup: cells.get()?,
        because: cells.get()?,
        set_aside: cells.get()?,
        seen: cells.json_maybe()?,
        taken_up_at: cells.time_maybe()?,
        last_run: cells.count_maybe()?.map(RunId),
    })
}
