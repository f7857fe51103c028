//! Rows of `weekly_reports`.

use rusqlite::{Result, Row, Statement, params};

use crate::model::WeeklyReport;
use crate::store::column::{Cells, us};

/// Stores up to when a team has got its report.
pub(in crate::store) const WEEKLY_UPSERT: &str = "
INSERT INTO weekly_reports (team, until_us) VALUES (?1, ?2)
ON CONFLICT (team) DO UPDATE SET until_us = excluded.until_us";

/// All of them, by team.
pub(in crate::store) const WEEKLY_ALL: &str = "SELECT team, until_us FROM weekly_reports ORDER BY team";

/// Stores `report` by `WEEKLY_UPSERT`; how many rows changed.
pub(in crate::store) fn store_weekly(statement: &mut Statement, report: &WeeklyReport) -> Result<usize> {
    statement.execute(params![report.team.as_str(), us(report.until)])
}

/// Reads a row of `WEEKLY_ALL`.
pub(in crate::store) fn read_weekly(row: &Row) -> Result<WeeklyReport> {
    let mut cells = Cells::of(row);
    Ok(WeeklyReport {
        team: cells.name()?,
        until: cells.time()?,
    })
}
