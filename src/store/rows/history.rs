//! What is forgotten of every table, and the rows of `forgotten` that tell of it.
//!
//! Each statement refuses by its own condition what must never go, whoever asks: what is not over, and the row with the
//! highest number of a table, from which numbers are counted on.

use std::collections::HashMap;

use rusqlite::{Connection, Result, Row, params};

use crate::model::{Forgotten, Gone, HistoryLimit, RunId};
use crate::store::column::{Cells, count, us};

/// Removes a final run; its attempts go with it.
const RUN_FORGET: &str = "
DELETE FROM runs WHERE id = ?1 AND state = 'final' AND id < (SELECT max(id) FROM runs)";

/// Removes what a run made, once the run is gone.
const VERSIONS_OF_RUN_FORGET: &str = "
DELETE FROM versions WHERE run = ?1 AND state <> 'publishing' AND NOT EXISTS (SELECT 1 FROM runs WHERE id = ?1)";

/// Removes a version that no run made.
const VERSION_FORGET: &str = "
DELETE FROM versions WHERE dataset = ?1 AND number = ?2 AND run IS NULL AND state <> 'publishing'
    AND number < (SELECT max(number) FROM versions WHERE dataset = ?1)";

/// Removes a decided slot.
const SLOT_FORGET: &str = "
DELETE FROM slots WHERE dataset = ?1 AND due_at_us = ?2 AND state <> 'pending' AND state <> 'late'";

/// Removes a resolved incident; its notifications and the tries at sending them go with it.
const INCIDENT_FORGET: &str = "
DELETE FROM incidents WHERE id = ?1 AND state = 'resolved' AND id < (SELECT max(id) FROM incidents)
    AND NOT EXISTS (
        SELECT 1 FROM notifications INDEXED BY notifications_by_incident
        WHERE incident = ?1 AND (state = 'pending' OR notifications.id = (SELECT max(id) FROM notifications))
    )";

/// Removes a notification that is about no incident, and the tries at sending it.
const NOTIFICATION_FORGET: &str = "
DELETE FROM notifications WHERE id = ?1 AND incident IS NULL AND state <> 'pending'
    AND id < (SELECT max(id) FROM notifications)";

/// Removes a life of the daemon, but not the last.
const LIFE_FORGET: &str = "DELETE FROM lives WHERE number = ?1 AND number < (SELECT max(number) FROM lives)";

/// Removes a step of the clock.
const CLOCK_STEP_FORGET: &str = "DELETE FROM clock_steps WHERE at_us = ?1 AND by_ms = ?2";

/// Removes an acceptance, but not the last.
const ACCEPTANCE_FORGET: &str = "
DELETE FROM acceptances WHERE digest = ?1 AND at_us = ?2 AND number < (SELECT max(number) FROM acceptances)";

/// Removes the text of a configuration of which no acceptance is left.
const SETTINGS_FORGET: &str = "
DELETE FROM settings WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM acceptances WHERE digest = ?1)";

/// Removes a text, unless it has become the digest of an accepted configuration again.
const TEXT_FORGET: &str = "
DELETE FROM texts WHERE text = ?1 AND NOT EXISTS (SELECT 1 FROM settings WHERE digest = ?1)";

/// Remembers until when a job's runs are gone.
const RUNS_FORGOTTEN_UPSERT: &str = "
INSERT INTO forgotten (job, runs_until_us, runs_limit) VALUES (?1, ?2, ?3)
ON CONFLICT (job) DO UPDATE SET runs_until_us = excluded.runs_until_us, runs_limit = excluded.runs_limit
WHERE forgotten.runs_until_us IS NULL OR forgotten.runs_until_us <= excluded.runs_until_us";

/// Remembers until which run a job's output is gone.
const LOGS_FORGOTTEN_UPSERT: &str = "
INSERT INTO forgotten (job, logs_until_run, logs_at_us, logs_limit) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (job) DO UPDATE SET
    logs_until_run = excluded.logs_until_run, logs_at_us = excluded.logs_at_us, logs_limit = excluded.logs_limit
WHERE forgotten.logs_until_run IS NULL OR forgotten.logs_until_run <= excluded.logs_until_run";

/// What `read_gone` expects.
pub(in crate::store) const GONE_COLUMNS: &str = "runs_until_us, runs_limit, logs_until_run, logs_at_us, logs_limit";

/// Removes all that `forgotten` names, and remembers what readers are told of it. `texts` are numbers of texts that the
/// writer has in mind.
pub(in crate::store) fn forget(
    connection: &Connection,
    forgotten: &Forgotten,
    texts: &mut HashMap<String, i64>,
) -> Result<()> {
    let prepare = |sql: &str| connection.prepare_cached(sql);
    if !forgotten.runs.is_empty() {
        let (mut run, mut versions) = (prepare(RUN_FORGET)?, prepare(VERSIONS_OF_RUN_FORGET)?);
        for id in &forgotten.runs {
            run.execute([count(id.0)])?;
            versions.execute([count(id.0)])?;
        }
    }
    let mut version = prepare(VERSION_FORGET)?;
    for gone in &forgotten.versions {
        version.execute(params![gone.dataset.as_str(), count(gone.number.0)])?;
    }
    let mut slot = prepare(SLOT_FORGET)?;
    for (dataset, due_at) in &forgotten.slots {
        slot.execute(params![dataset.as_str(), us(*due_at)])?;
    }
    if !forgotten.incidents.is_empty() {
        let mut incident = prepare(INCIDENT_FORGET)?;
        for id in &forgotten.incidents {
            incident.execute([count(id.0)])?;
        }
    }
    let mut notification = prepare(NOTIFICATION_FORGET)?;
    for id in &forgotten.notifications {
        notification.execute([count(id.0)])?;
    }
    let mut life = prepare(LIFE_FORGET)?;
    for number in &forgotten.lives {
        life.execute([count(*number)])?;
    }
    let mut step = prepare(CLOCK_STEP_FORGET)?;
    for gone in &forgotten.clock_steps {
        step.execute(params![us(gone.at), gone.by_ms])?;
    }
    let (mut acceptance, mut settings) = (prepare(ACCEPTANCE_FORGET)?, prepare(SETTINGS_FORGET)?);
    for (digest, at) in &forgotten.acceptances {
        acceptance.execute(params![digest, us(*at)])?;
        settings.execute([digest])?;
    }
    let mut text = prepare(TEXT_FORGET)?;
    for gone in &forgotten.texts {
        text.execute([gone])?;
        // Should it come back, it is given another number.
        texts.remove(gone);
    }
    let mut runs_of = prepare(RUNS_FORGOTTEN_UPSERT)?;
    for gone in &forgotten.runs_of {
        runs_of.execute(params![gone.job.as_str(), us(gone.until), gone.limit.as_str()])?;
    }
    let mut logs_of = prepare(LOGS_FORGOTTEN_UPSERT)?;
    for gone in &forgotten.logs_of {
        logs_of.execute(params![
            gone.job.as_str(),
            count(gone.until.0),
            us(forgotten.at),
            gone.limit.as_str()
        ])?;
    }
    Ok(())
}

/// Reads `GONE_COLUMNS`.
pub(in crate::store) fn read_gone(row: &Row) -> Result<Gone> {
    let mut cells = Cells::of(row);
    let runs = cells.time_maybe()?.zip(cells.word_maybe::<HistoryLimit>()?);
    let until = cells.count_maybe()?.map(RunId);
    let (at, limit) = (cells.time_maybe()?, cells.word_maybe::<HistoryLimit>()?);
    let logs = until.zip(at).zip(limit).map(|((until, at), limit)| (until, at, limit));
    Ok(Gone { runs, logs })
}
