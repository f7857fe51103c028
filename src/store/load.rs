//! The snapshot that a start begins from, read in time that does not grow with the history.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::column::{Cells, us};
use super::load_versions::{load_past, load_versions};
use super::rows::{addresses, alerts, data, expected, life, restored, runs, silences, weekly};
use crate::model::{
    CLOCK_LEAP, DOWNTIME_LONG, ENDS_LOOKED_AT, IncidentId, Notification, NotificationId, REPEAT_ENDS_FOR, Restoration,
    RunId, Slot, SlotState, Snapshot, earlier,
};

/// Runs that are not final, and each job's last one that tells how the job is: neither missed nor skipped nor
/// ended by a person.
///
/// Walks from job to job within the index instead of grouping all runs there ever were.
pub(super) const RUNS_AT_START: &str = "
WITH RECURSIVE done (job) AS (
    SELECT min(job) FROM runs INDEXED BY runs_done_by_job WHERE outcome NOT IN ('missed', 'skipped')
    UNION ALL
    SELECT (
        SELECT min(job) FROM runs INDEXED BY runs_done_by_job
        WHERE outcome NOT IN ('missed', 'skipped') AND job > done.job
    )
    FROM done WHERE job IS NOT NULL
)
SELECT id FROM runs INDEXED BY runs_unfinished WHERE state <> 'final'
UNION ALL
SELECT (
    SELECT max(id) FROM runs INDEXED BY runs_done_by_job
    WHERE outcome NOT IN ('missed', 'skipped') AND outcome <> 'cancelled' AND job = done.job
)
FROM done WHERE job IS NOT NULL
ORDER BY 1";

/// The newest decided slot of every dataset that tells of it, and its newest excused one.
const SLOTS_DECIDED_LAST: &str = "
WITH RECURSIVE known (dataset) AS (
    SELECT min(dataset) FROM slots
    UNION ALL
    SELECT (SELECT min(dataset) FROM slots WHERE dataset > known.dataset)
    FROM known WHERE dataset IS NOT NULL
)
SELECT dataset, (
    SELECT due_at_us FROM slots
    WHERE dataset = known.dataset AND state NOT IN ('pending', 'late', 'excused', 'withdrawn')
    ORDER BY due_at_us DESC LIMIT 1
), (
    SELECT due_at_us FROM slots
    WHERE dataset = known.dataset AND state = 'excused'
    ORDER BY due_at_us DESC LIMIT 1
)
FROM known WHERE dataset IS NOT NULL";

/// The first slot of a dataset that was missed up to ?2, since one came.
const SLOT_MISSED_FIRST: &str = "
SELECT due_at_us FROM slots
WHERE dataset = ?1 AND due_at_us < ?2 AND state = 'missed' AND due_at_us > coalesce((
    SELECT due_at_us FROM slots
    WHERE dataset = ?1 AND due_at_us < ?2
        AND (state IN ('met', 'recovered', 'withdrawn') OR (state = 'excused' AND version IS NOT NULL))
    ORDER BY due_at_us DESC LIMIT 1
), -9223372036854775808)
ORDER BY due_at_us LIMIT 1";

/// Where anything was written to about resolved incidents of which something is still on its way.
const ENDS_WRITTEN: &str = "
WITH ended (incident) AS (
    SELECT DISTINCT incident FROM notifications INDEXED BY notifications_pending
    WHERE state = 'pending' AND incident IN (SELECT id FROM incidents WHERE state = 'resolved')
)
SELECT DISTINCT incident, channel, address
FROM ended JOIN notifications INDEXED BY notifications_by_incident USING (incident)
ORDER BY 1, 2, 3";

/// When the clock was last set forward by more than so many milliseconds.
const STEP_FORWARD_LAST: &str = "SELECT at_us FROM clock_steps WHERE by_ms > ?1 ORDER BY number DESC LIMIT 1";

/// When a life last began more than so many microseconds after the one before.
const LONG_DOWNTIME_LAST: &str = "
SELECT later.started_at_us FROM lives AS later JOIN lives AS earlier ON earlier.number = later.number - 1
WHERE later.started_at_us - earlier.seen_at_us > ?1 ORDER BY later.number DESC LIMIT 1";

/// What became of the messages about incidents that are not over, or of which something is on its way. CROSS JOIN: these few
/// come first.
const TOLD: &str = "
WITH known (id) AS (
    SELECT id FROM incidents INDEXED BY incidents_unresolved WHERE state <> 'resolved'
    UNION SELECT incident FROM notifications INDEXED BY notifications_pending
    WHERE state = 'pending' AND incident IS NOT NULL
    UNION SELECT with_it.value ->> 'cause' FROM incidents INDEXED BY incidents_unresolved, json_each(told_with) AS with_it
    WHERE state <> 'resolved'
)
SELECT incident, channel, address, ended_at_us, created_at_us, notifications.state = 'dead', last_error,
    message ->> 'thread', message ->> 'subject', coalesce(message ->> 'stands_in_for', message ->> 'team'), digest IS NOT NULL,
    message -> 'purpose', message ->> 'stands_in_for' IS NOT NULL
FROM known CROSS JOIN notifications INDEXED BY notifications_by_incident ON incident = known.id
WHERE notifications.state IN ('delivered', 'dead') AND ended_at_us IS NOT NULL
ORDER BY ended_at_us, notifications.id";

/// Recoveries taken since ?1 among the last ?2 notifications: walks back along their numbers, and no further.
const ENDS_TAKEN: &str = "
(SELECT * FROM notifications ORDER BY id DESC LIMIT ?2)
WHERE state = 'delivered' AND ended_at_us >= ?1 AND message ->> 'purpose' = 'recovery'
ORDER BY id";

/// Reads everything at one instant.
pub(super) fn snapshot(connection: &Connection) -> Result<Snapshot> {
    let reading = connection.unchecked_transaction()?;
    let (seed, newest_record_at) =
        reading.query_row("SELECT seed, newest_record_at_us FROM state_directory", [], |row| {
            let mut cells = Cells::of(row);
            Ok((cells.bits()?, cells.time_maybe()?))
        })?;
    let mut snapshot = Snapshot {
        seed,
        newest_record_at,
        last_run: last(&reading, "runs")?.map(RunId),
        last_incident: last(&reading, "incidents")?.map(IncidentId),
        last_notification: last(&reading, "notifications")?.map(NotificationId),
        ..Snapshot::default()
    };
    snapshot.jobs = all(
        &reading,
        &format!("SELECT {} FROM jobs ORDER BY job", runs::JOB_COLUMNS),
        runs::read_job,
    )?;
    load_runs(&reading, &mut snapshot)?;
    load_versions(&reading, &mut snapshot)?;
    load_past(&reading, &mut snapshot)?;
    load_slots(&reading, &mut snapshot)?;
    snapshot.observations = all(
        &reading,
        &format!(
            "SELECT {} FROM observations ORDER BY dataset",
            data::OBSERVATION_COLUMNS
        ),
        data::read_observation,
    )?;
    snapshot.age_promises = all(
        &reading,
        "SELECT dataset, since_us FROM age_promises ORDER BY dataset",
        data::read_age_promise,
    )?;
    snapshot.expectations = all(
        &reading,
        &format!(
            "SELECT {} FROM expectations ORDER BY dataset",
            expected::EXPECTATION_COLUMNS
        ),
        expected::read_expectation,
    )?;
    snapshot.silences = all(&reading, &silences::last_of_each(), silences::read_silence)?;
    snapshot.incidents = all(
        &reading,
        &format!(
            "SELECT {} FROM incidents WHERE state <> 'resolved' ORDER BY id",
            alerts::INCIDENT_COLUMNS
        ),
        alerts::read_incident,
    )?;
    snapshot.mended = all(&reading, alerts::MENDED, alerts::read_mended)?;
    snapshot.openings = alerts::openings(&reading, newest_record_at)?;
    snapshot.notifications = all(
        &reading,
        &format!(
            "SELECT {} FROM notifications WHERE state = 'pending' ORDER BY id",
            alerts::NOTIFICATION_COLUMNS
        ),
        alerts::read_notification,
    )?;
    snapshot.ends_written = all(&reading, ENDS_WRITTEN, alerts::read_end_written)?;
    snapshot.ends_taken = ends_taken(&reading, newest_record_at)?;
    snapshot.addresses = all(&reading, &addresses::all(), addresses::read_address)?;
    snapshot.told = all(&reading, TOLD, alerts::read_told)?;
    snapshot.threads = all(&reading, alerts::THREADS, alerts::read_thread)?;
    snapshot.weekly = all(&reading, weekly::WEEKLY_ALL, weekly::read_weekly)?;
    snapshot.life = reading
        .query_row(
            &format!("SELECT {} FROM lives ORDER BY number DESC LIMIT 1", life::LIFE_COLUMNS),
            [],
            life::read_life,
        )
        .optional()?;
    snapshot.clock_confirmation = reading
        .query_row(
            &format!(
                "SELECT {} FROM clock_confirmations ORDER BY number DESC LIMIT 1",
                life::CLOCK_CONFIRMATION_COLUMNS
            ),
            [],
            life::read_clock_confirmation,
        )
        .optional()?;
    let leaps = [
        (STEP_FORWARD_LAST, CLOCK_LEAP.as_millis()),
        (LONG_DOWNTIME_LAST, DOWNTIME_LONG.as_micros()),
    ];
    for (sql, by) in leaps {
        let by = i64::try_from(by).unwrap_or(i64::MAX);
        let leap = reading.query_row(sql, [by], |row| Cells::of(row).time()).optional()?;
        snapshot.clock_leaps.extend(leap);
    }
    snapshot.restoration = restoration(&reading)?;
    if snapshot.restoration.is_some() {
        snapshot.known_ahead = all(&reading, restored::KNOWN_AHEAD, |row| {
            let mut cells = Cells::of(row);
            Ok((cells.name()?, cells.time()?))
        })?;
    }
    snapshot.settings_digest = reading
        .query_row(
            "SELECT digest FROM acceptances ORDER BY number DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(snapshot)
}

fn ends_taken(reading: &Connection, newest_record_at: Option<Timestamp>) -> Result<Vec<Notification>> {
    let Some(since) = newest_record_at.map(|at| earlier(at, REPEAT_ENDS_FOR)) else {
        return Ok(Vec::new());
    };
    let sql = format!("SELECT {} FROM {ENDS_TAKEN}", alerts::NOTIFICATION_COLUMNS);
    let looked_at = i64::try_from(ENDS_LOOKED_AT).unwrap_or(i64::MAX);
    let mut statement = reading.prepare(&sql)?;
    statement
        .query_map(params![us(since), looked_at], alerts::read_notification)?
        .collect()
}

/// The last time the records went on from a backup.
pub(super) fn restoration(reading: &Connection) -> Result<Option<Restoration>> {
    reading
        .query_row(
            &format!(
                "SELECT {} FROM restorations ORDER BY number DESC LIMIT 1",
                restored::RESTORATION_COLUMNS
            ),
            [],
            restored::read_restoration,
        )
        .optional()
}

fn load_runs(reading: &Connection, snapshot: &mut Snapshot) -> Result<()> {
    let ids: String = reading.query_row(
        &format!("SELECT json_group_array(id) FROM ({RUNS_AT_START})"),
        [],
        |row| row.get(0),
    )?;
    // One statement that walks a list is much cheaper than ten thousand; CROSS JOIN keeps the order of the list.
    let known = "(SELECT value AS known FROM json_each(?1))";
    snapshot.runs = reading
        .prepare(&format!(
            "SELECT {} FROM {known} CROSS JOIN runs ON id = known",
            runs::RUN_COLUMNS
        ))?
        .query_map([&ids], runs::read_run)?
        .collect::<Result<_>>()?;
    snapshot.attempts = reading
        .prepare(&format!(
            "SELECT {} FROM {known} CROSS JOIN attempts ON run = known",
            runs::ATTEMPT_COLUMNS
        ))?
        .query_map([&ids], runs::read_attempt)?
        .collect::<Result<_>>()?;
    Ok(())
}

fn load_slots(reading: &Connection, snapshot: &mut Snapshot) -> Result<()> {
    snapshot.slots = all(
        reading,
        &format!(
            "SELECT {} FROM slots INDEXED BY slots_undecided WHERE state IN ('pending', 'late')",
            data::SLOT_COLUMNS
        ),
        data::read_slot,
    )?;
    let decided: Vec<(String, Option<i64>, Option<i64>)> = all(reading, SLOTS_DECIDED_LAST, |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    let mut slot = reading.prepare(&format!(
        "SELECT {} FROM slots WHERE dataset = ?1 AND due_at_us = ?2",
        data::SLOT_COLUMNS
    ))?;
    let mut behind = reading.prepare(&format!(
        "SELECT {} FROM slots WHERE dataset = ?1 AND due_at_us > ?2 ORDER BY due_at_us LIMIT 1",
        data::SLOT_COLUMNS
    ))?;
    let mut first_missed = reading.prepare(SLOT_MISSED_FIRST)?;
    for (dataset, telling, excused) in decided {
        // What was excused before that is history.
        let excused = excused.filter(|excused| telling.is_none_or(|telling| telling < *excused));
        for due_at_us in [telling, excused].into_iter().flatten() {
            let key = rusqlite::params![dataset, due_at_us];
            let known = slot.query_row(key, data::read_slot)?;
            if known.state == SlotState::Missed {
                // With it the trouble began that goes on.
                let first: Option<i64> = first_missed.query_row(key, |row| row.get(0)).optional()?;
                let first = first.map(|first| slot.query_row(rusqlite::params![dataset, first], data::read_slot));
                snapshot.slots.extend(first.transpose()?);
            }
            snapshot.slots.push(known);
            let behind = behind.query_row(key, data::read_slot).optional()?;
            let is_withdrawn = |slot: &Slot| slot.state == SlotState::Withdrawn;
            snapshot.slots.extend(behind.filter(is_withdrawn));
        }
    }
    snapshot
        .slots
        .sort_by(|a, b| (&a.dataset, a.due_at).cmp(&(&b.dataset, b.due_at)));
    Ok(())
}

pub(super) fn last(reading: &Connection, table: &str) -> Result<Option<u64>> {
    reading.query_row(&format!("SELECT max(id) FROM {table}"), [], |row| {
        Cells::of(row).count_maybe()
    })
}

pub(super) fn all<T>(reading: &Connection, sql: &str, read: impl FnMut(&Row) -> Result<T>) -> Result<Vec<T>> {
    reading.prepare(sql)?.query_map([], read)?.collect()
}
