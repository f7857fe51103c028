//! The versions that a start begins from, and what those before them teach.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Result};

use super::column::Cells;
use super::load::all;
use super::rows::data;
use crate::model::{COMPARED_MAX, RunState, Snapshot};

/// Every dataset with a version, and the highest number.
const VERSION_NUMBERS: &str = "
WITH RECURSIVE known (dataset) AS (
    SELECT min(dataset) FROM versions
    UNION ALL
    SELECT (SELECT min(dataset) FROM versions WHERE dataset > known.dataset)
    FROM known WHERE dataset IS NOT NULL
)
SELECT dataset, (SELECT max(number) FROM versions WHERE dataset = known.dataset)
FROM known WHERE dataset IS NOT NULL";

/// Of one dataset: everything being published, the last two published, the newest refused.
const VERSIONS_AT_START: &str = "
dataset = ?1 AND number IN (
    SELECT number FROM versions WHERE dataset = ?1 AND state = 'publishing'
    UNION ALL
    SELECT number FROM (
        SELECT number FROM versions WHERE dataset = ?1 AND state = 'published'
        ORDER BY number DESC LIMIT 2
    )
    UNION ALL
    SELECT number FROM (
        SELECT number FROM versions WHERE dataset = ?1 AND state = 'quarantined'
        ORDER BY number DESC LIMIT 1
    )
)
ORDER BY number";

/// Every dataset with versions that teach anything, with each day of a week.
///
/// Walks from dataset to dataset within an index that knows no others.
const PAST: &str = "
WITH RECURSIVE known (dataset) AS (
    SELECT min(dataset) FROM versions INDEXED BY versions_by_weekday WHERE weekday IS NOT NULL AND state = 'published'
    UNION ALL
    SELECT (
        SELECT min(dataset) FROM versions INDEXED BY versions_by_weekday
        WHERE weekday IS NOT NULL AND state = 'published' AND dataset > known.dataset
    )
    FROM known WHERE dataset IS NOT NULL
),
days (day) AS (VALUES (1), (2), (3), (4), (5), (6), (7))
SELECT known.dataset, day FROM known CROSS JOIN days WHERE dataset IS NOT NULL";

/// The last ?3 of one of those.
const PAST_OF_DAY: &str = "
FROM versions INDEXED BY versions_by_weekday
WHERE dataset = ?1 AND weekday = ?2 AND weekday IS NOT NULL AND state = 'published'
ORDER BY number DESC LIMIT ?3";

pub(super) fn load_versions(reading: &Connection, snapshot: &mut Snapshot) -> Result<()> {
    snapshot.version_numbers = all(reading, VERSION_NUMBERS, |row| {
        let mut cells = Cells::of(row);
        Ok((cells.name()?, cells.count()?))
    })?;
    let mut newest = reading.prepare(&format!(
        "SELECT {} FROM versions WHERE {VERSIONS_AT_START}",
        data::VERSION_COLUMNS
    ))?;
    for (dataset, _) in &snapshot.version_numbers {
        for version in newest.query_map([dataset.as_str()], data::read_version)? {
            snapshot.versions.push(version?);
        }
    }
    load_pinned_versions(reading, snapshot)
}

/// Versions that unfinished runs were given, however many came since.
fn load_pinned_versions(reading: &Connection, snapshot: &mut Snapshot) -> Result<()> {
    let known = snapshot
        .versions
        .iter()
        .map(|version| (version.dataset.clone(), version.number));
    let mut known: HashSet<_> = known.collect();
    let mut version = reading.prepare(&format!(
        "SELECT {} FROM versions WHERE dataset = ?1 AND number = ?2",
        data::VERSION_COLUMNS
    ))?;
    let unfinished = snapshot.runs.iter().filter(|run| run.state != RunState::Final);
    for input in unfinished.flat_map(|run| &run.inputs) {
        if known.insert((input.dataset.clone(), input.number)) {
            let number = i64::try_from(input.number.0).unwrap_or(i64::MAX);
            let key = rusqlite::params![input.dataset.as_str(), number];
            let found = version.query_row(key, data::read_version).optional()?;
            snapshot.versions.extend(found);
        }
    }
    Ok(())
}

pub(super) fn load_past(reading: &Connection, snapshot: &mut Snapshot) -> Result<()> {
    let days: Vec<(String, i8)> = all(reading, PAST, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut of_day = reading.prepare(&format!("SELECT {} {PAST_OF_DAY}", data::PAST_COLUMNS))?;
    for (dataset, day) in days {
        let most = i64::try_from(COMPARED_MAX).unwrap_or(i64::MAX);
        for past in of_day.query_map(rusqlite::params![dataset, day, most], data::read_past)? {
            snapshot.past.extend(past?);
        }
    }
    snapshot
        .past
        .sort_by(|a, b| (&a.dataset, a.number).cmp(&(&b.dataset, b.number)));
    Ok(())
}
