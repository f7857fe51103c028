//! What happened in a week.

use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::Reader;
use crate::model::{Address, WEEK_INCIDENTS_MAX, Week, first_by_halving, share_of_range, time_without_life};
use crate::store::ReadError;
use crate::store::column::{Cells, count, us};
use crate::store::rows::alerts::{INCIDENT_COLUMNS, read_incident};

/// The first run from a number on, and whether it began too early.
const RUN_FROM: &str = "SELECT id, created_at_us < ?2 FROM runs WHERE id >= ?1 ORDER BY id LIMIT 1";

/// The first message from a number on, and whether it was decided too early.
const MESSAGE_FROM: &str = "SELECT id, created_at_us < ?2 FROM notifications WHERE id >= ?1 ORDER BY id LIMIT 1";

/// Runs from a number on that began in a span, by job and by how they ended. What never began counts when it was due: after
/// a downtime it is recorded late.
const RUNS: &str = "
SELECT job, outcome, count(*) FROM runs
WHERE id >= ?1 AND outcome IS NOT NULL AND due_until_us IS NULL AND CASE
    WHEN outcome IN ('missed', 'skipped') THEN coalesce(due_at_us, created_at_us) ELSE created_at_us
END BETWEEN ?2 AND ?3 - 1
GROUP BY job, outcome ORDER BY job, outcome";

/// Ranges from a number on of which a part was due in a span.
const RANGES: &str = "
SELECT job, outcome, occurrences, due_at_us, due_until_us FROM runs
WHERE id >= ?1 AND outcome IS NOT NULL AND due_until_us >= ?2 AND due_at_us < ?3
ORDER BY id";

/// Lives that are looked at: more of them in a week do not last long enough to be away for long.
const LIVES_MAX: u32 = 1_000;

/// Where messages from a number on were taken in a span; what is only sent to prove an address does not count.
const REACHED: &str = "
SELECT DISTINCT channel, address FROM notifications
WHERE id >= ?1 AND state = 'delivered' AND ended_at_us >= ?2 AND ended_at_us < ?3
    AND message ->> 'purpose' <> 'canary'
ORDER BY channel, address";

/// Real problems that were there in a span: those that are not over, and those that ended since it began. However many have
/// ended before that, none of them is looked at.
const INCIDENTS: &str = "
SELECT COLUMNS FROM (
    SELECT id AS known FROM incidents INDEXED BY incidents_by_end WHERE resolved_at_us IS NULL
    UNION ALL
    SELECT id FROM incidents INDEXED BY incidents_by_end WHERE resolved_at_us >= ?1
) CROSS JOIN incidents ON id = known
WHERE since_us < ?2 AND drill IS NULL ORDER BY id DESC LIMIT ?3";

impl Reader {
    /// What happened from `from` until `until`, as far as `[history]` keeps it. A message that waited for longer than three
    /// days is given up, so none was decided much earlier than it was taken. A rehearsal was no problem.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn week(&self, from: Timestamp, until: Timestamp) -> Result<Week, ReadError> {
        let reading = self.connection.unchecked_transaction()?;
        let first_run = self.first_since("runs", RUN_FROM, from)?;
        let runs = self.all(RUNS, (first_run, us(from), us(until)), |row| {
            let mut cells = Cells::of(row);
            Ok((cells.name()?, cells.word()?, cells.count()?))
        })?;
        let ranges = self.all(RANGES, (first_run, us(from), us(until)), |row| {
            let mut cells = Cells::of(row);
            let (job, outcome, occurrences) = (cells.name()?, cells.word()?, cells.count()?);
            let due = (cells.time()?, cells.time()?);
            Ok((job, outcome, share_of_range(occurrences, due, (from, until))))
        })?;
        let mut incidents = self.all(
            &incidents_sql(),
            (us(from), us(until), WEEK_INCIDENTS_MAX),
            read_incident,
        )?;
        incidents.reverse();
        let waited = crate::model::earlier(from, std::time::Duration::from_hours(4 * 24));
        let first_message = self.first_since("notifications", MESSAGE_FROM, waited)?;
        let reached = self.all(REACHED, (first_message, us(from), us(until)), |row| {
            let mut cells = Cells::of(row);
            Ok(Address {
                channel: cells.name()?,
                to: cells.get()?,
            })
        })?;
        drop(reading);
        Ok(Week {
            runs: runs.into_iter().chain(ranges).collect(),
            incidents,
            reached,
            down: time_without_life(&self.lives(LIVES_MAX)?, from, until),
        })
    }

    /// The first number of a table before which nothing is of `since` or later, but for what a clock that was set back has
    /// put there.
    fn first_since(&self, table: &str, sql: &str, since: Timestamp) -> Result<i64, ReadError> {
        let last = crate::store::load::last(&self.connection, table)?.unwrap_or(0);
        let first = first_by_halving(last, |id| {
            let mut statement = self.connection.prepare_cached(sql)?;
            let found = statement.query_row((count(id), us(since)), |row| {
                let mut cells = Cells::of(row);
                Ok((cells.count()?, cells.get()?))
            });
            found.optional()
        })?;
        Ok(count(first))
    }
}

fn incidents_sql() -> String {
    INCIDENTS.replace("COLUMNS", INCIDENT_COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_incidents_of_a_week_are_found_without_looking_at_those_of_the_years_before() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../schema.sql")).unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {}", incidents_sql());
        let mut statement = connection.prepare(&explain).unwrap();
        let steps = statement.query_map((1, 2, 3), |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        let of_incidents = steps.iter().filter(|step| step.contains("incidents"));
        assert!(of_incidents.clone().count() >= 3, "{steps:#?}");
        for step in of_incidents {
            assert!(step.starts_with("SEARCH"), "{step} reads the whole table: {steps:#?}");
        }
    }
}
