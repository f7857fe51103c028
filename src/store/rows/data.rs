//! Rows of `versions`, `slots`, `observations` and `age_promises`.

use rusqlite::{Result, Row, Statement, params};

use crate::model::{
    AgePromise, AttemptId, Lesson, Measurement, Observation, Past, RunId, Slot, Version, VersionNumber, VersionRef,
};
use crate::store::column::{Cells, count, count_maybe, json, json_list, path, us, us_maybe};

/// Stores a version.
pub(in crate::store) const VERSION_UPSERT: &str = "
INSERT INTO versions (dataset, number, state, arrived_at_us, as_of_us, effective_as_of_us, limited_by_dataset,
    limited_by_number, run, attempt_run, attempt_number, inputs, rows, bytes, sha256, unchanged, checks, reason,
    stamp, file, kept_as, provenance, weekday, profile)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)
ON CONFLICT (dataset, number) DO UPDATE SET
    state = excluded.state,
    arrived_at_us = excluded.arrived_at_us,
    as_of_us = excluded.as_of_us,
    effective_as_of_us = excluded.effective_as_of_us,
    limited_by_dataset = excluded.limited_by_dataset,
    limited_by_number = excluded.limited_by_number,
    run = excluded.run,
    attempt_run = excluded.attempt_run,
    attempt_number = excluded.attempt_number,
    inputs = excluded.inputs,
    rows = excluded.rows,
    bytes = excluded.bytes,
    sha256 = excluded.sha256,
    unchanged = excluded.unchanged,
    checks = excluded.checks,
    reason = excluded.reason,
    stamp = excluded.stamp,
    file = excluded.file,
    kept_as = excluded.kept_as,
    provenance = excluded.provenance,
    weekday = excluded.weekday,
    profile = excluded.profile";

/// What `read_version` expects.
pub(in crate::store) const VERSION_COLUMNS: &str = "dataset, number, state, arrived_at_us, as_of_us, \
    effective_as_of_us, limited_by_dataset, limited_by_number, run, attempt_run, attempt_number, inputs, rows, bytes, \
    sha256, unchanged, checks, reason, stamp, file, kept_as, provenance, weekday, profile";

/// The same for whoever does not compare: without what a version teaches, which is most of a row.
pub(in crate::store) const VERSION_COLUMNS_BARE: &str = "dataset, number, state, arrived_at_us, as_of_us, \
    effective_as_of_us, limited_by_dataset, limited_by_number, run, attempt_run, attempt_number, inputs, rows, bytes, \
    sha256, unchanged, checks, reason, stamp, file, kept_as, provenance, NULL, NULL";

/// What `read_past` expects.
pub(in crate::store) const PAST_COLUMNS: &str = "dataset, number, arrived_at_us, rows, bytes, sha256, weekday, profile";

/// Stores a slot.
pub(in crate::store) const SLOT_UPSERT: &str = "
INSERT INTO slots (dataset, due_at_us, opens_at_us, warn_at_us, deadline_us, covers_us, state, version, decided_at_us,
    reason)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (dataset, due_at_us) DO UPDATE SET
    opens_at_us = excluded.opens_at_us,
    warn_at_us = excluded.warn_at_us,
    deadline_us = excluded.deadline_us,
    covers_us = excluded.covers_us,
    state = excluded.state,
    version = excluded.version,
    decided_at_us = excluded.decided_at_us,
    reason = excluded.reason";

/// Withdraws the slots that are due after ?1, which is still to come; those that are promised are laid down again.
pub(in crate::store) const SLOTS_AHEAD_WITHDRAW: &str = "
UPDATE slots SET
    state = 'withdrawn',
    version = NULL,
    decided_at_us = ?1,
    reason = 'laid down or decided about by a wrong clock'
WHERE due_at_us > ?1 AND state <> 'withdrawn'";

/// What `read_slot` expects.
pub(in crate::store) const SLOT_COLUMNS: &str =
    "dataset, due_at_us, opens_at_us, warn_at_us, deadline_us, covers_us, state, version, decided_at_us, reason";

/// Stores an observation over the one before.
pub(in crate::store) const OBSERVATION_UPSERT: &str = "
INSERT INTO observations (dataset, at_us, found, bytes, rows, sha256, as_of_us, reason, path)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (dataset) DO UPDATE SET
    at_us = excluded.at_us,
    found = excluded.found,
    bytes = excluded.bytes,
    rows = excluded.rows,
    sha256 = excluded.sha256,
    as_of_us = excluded.as_of_us,
    reason = excluded.reason,
    path = excluded.path";

/// What `read_observation` expects.
pub(in crate::store) const OBSERVATION_COLUMNS: &str =
    "dataset, at_us, found, bytes, rows, sha256, as_of_us, reason, path";

/// Stores since when an age is promised.
pub(in crate::store) const AGE_PROMISE_UPSERT: &str = "
INSERT INTO age_promises (dataset, since_us) VALUES (?1, ?2)
ON CONFLICT (dataset) DO UPDATE SET since_us = excluded.since_us";

/// An age is no longer promised.
pub(in crate::store) const AGE_PROMISE_DELETE: &str = "DELETE FROM age_promises WHERE dataset = ?1";

/// Stores `promise` by `AGE_PROMISE_UPSERT`; how many rows changed.
pub(in crate::store) fn store_age_promise(statement: &mut Statement, promise: &AgePromise) -> Result<usize> {
    statement.execute(params![promise.dataset.as_str(), us_maybe(promise.since)])
}

/// Removes `promise` by `AGE_PROMISE_DELETE`; how many rows changed.
pub(in crate::store) fn end_age_promise(statement: &mut Statement, promise: &AgePromise) -> Result<usize> {
    statement.execute([promise.dataset.as_str()])
}

/// Reads a row of `age_promises`.
pub(in crate::store) fn read_age_promise(row: &Row) -> Result<AgePromise> {
    let mut cells = Cells::of(row);
    Ok(AgePromise {
        dataset: cells.name()?,
        since: Some(cells.time()?),
    })
}

/// Stores `version` by `VERSION_UPSERT`; how many rows changed.
pub(in crate::store) fn store_version(statement: &mut Statement, version: &Version) -> Result<usize> {
    let limited_by = version.limited_by.as_ref();
    statement.execute(params![
        version.dataset.as_str(),
        count(version.number.0),
        version.state.as_str(),
        us(version.arrived_at),
        us(version.as_of),
        us(version.effective_as_of),
        limited_by.map(|limit| limit.dataset.as_str()),
        limited_by.map(|limit| count(limit.number.0)),
        version.run.map(|run| count(run.0)),
        version.attempt.map(|attempt| count(attempt.run.0)),
        version.attempt.map(|attempt| attempt.number),
        json_list(&version.inputs)?,
        count_maybe(version.rows),
        count(version.bytes),
        version.sha256,
        version.unchanged,
        json_list(&version.checks)?,
        version.reason,
        version.stamp.as_ref().map(json).transpose()?,
        path(version.file.as_deref()),
        version.kept_as,
        json(&version.provenance)?,
        version.lesson.as_ref().map(|lesson| lesson.weekday),
        version
            .lesson
            .as_ref()
            .map(|lesson| json(&lesson.profile))
            .transpose()?,
    ])
}

/// Reads `VERSION_COLUMNS`.
pub(in crate::store) fn read_version(row: &Row) -> Result<Version> {
    let mut cells = Cells::of(row);
    Ok(Version {
        dataset: cells.name()?,
        number: VersionNumber(cells.count()?),
        state: cells.word()?,
        arrived_at: cells.time()?,
        as_of: cells.time()?,
        effective_as_of: cells.time()?,
        limited_by: match (cells.name_maybe()?, cells.count_maybe()?) {
            (Some(dataset), Some(number)) => Some(VersionRef {
                dataset,
                number: VersionNumber(number),
            }),
            _ => None,
        },
        run: cells.count_maybe()?.map(RunId),
        attempt: match (cells.count_maybe()?, cells.get::<Option<u32>>()?) {
            (Some(run), Some(number)) => Some(AttemptId {
                run: RunId(run),
                number,
            }),
            _ => None,
        },
        inputs: cells.json()?,
        rows: cells.count_maybe()?,
        bytes: cells.count()?,
        sha256: cells.get()?,
        unchanged: cells.get()?,
        checks: cells.json()?,
        reason: cells.get()?,
        stamp: cells.json_maybe()?,
        file: cells.path_maybe()?,
        kept_as: cells.get()?,
        provenance: cells.json()?,
        lesson: read_lesson(&mut cells)?,
    })
}

/// Reads `PAST_COLUMNS`.
pub(in crate::store) fn read_past(row: &Row) -> Result<Option<Past>> {
    let mut cells = Cells::of(row);
    let past = Past {
        dataset: cells.name()?,
        number: VersionNumber(cells.count()?),
        arrived_at: cells.time()?,
        rows: cells.count_maybe()?,
        bytes: cells.count()?,
        sha256: cells.get()?,
        lesson: match read_lesson(&mut cells)? {
            Some(lesson) => lesson,
            None => return Ok(None),
        },
    };
    Ok(Some(past))
}

fn read_lesson(cells: &mut Cells<'_, '_>) -> Result<Option<Lesson>> {
    let (weekday, profile) = (cells.get::<Option<i8>>()?, cells.json_maybe()?);
    let both = weekday.zip(profile);
    Ok(both.map(|(weekday, profile)| Lesson { weekday, profile }))
}

/// Stores `slot` by `SLOT_UPSERT`; how many rows changed.
pub(in crate::store) fn store_slot(statement: &mut Statement, slot: &Slot) -> Result<usize> {
    statement.execute(params![
        slot.dataset.as_str(),
        us(slot.due_at),
        us(slot.opens_at),
        us(slot.warn_at),
        us(slot.deadline),
        us_maybe(slot.covers),
        slot.state.as_str(),
        slot.version.map(|version| count(version.0)),
        us_maybe(slot.decided_at),
        slot.reason,
    ])
}

/// Reads `SLOT_COLUMNS`.
pub(in crate::store) fn read_slot(row: &Row) -> Result<Slot> {
    let mut cells = Cells::of(row);
    Ok(Slot {
        dataset: cells.name()?,
        due_at: cells.time()?,
        opens_at: cells.time()?,
        warn_at: cells.time()?,
        deadline: cells.time()?,
        covers: cells.time_maybe()?,
        state: cells.word()?,
        version: cells.count_maybe()?.map(VersionNumber),
        decided_at: cells.time_maybe()?,
        reason: cells.get()?,
    })
}

/// Stores `observation` by `OBSERVATION_UPSERT`; how many rows changed.
pub(in crate::store) fn store_observation(statement: &mut Statement, observation: &Observation) -> Result<usize> {
    let (found, measurement, reason) = match &observation.found {
        Ok(Some(measurement)) => ("data", Some(measurement), None),
        Ok(None) => ("nothing", None, None),
        Err(reason) => ("cannot_tell", None, Some(reason)),
    };
    statement.execute(params![
        observation.dataset.as_str(),
        us(observation.at),
        found,
        measurement.map(|measurement| count(measurement.bytes)),
        measurement.and_then(|measurement| count_maybe(measurement.rows)),
        measurement.map(|measurement| &measurement.sha256),
        measurement.and_then(|measurement| us_maybe(measurement.as_of)),
        reason,
        path(observation.path.as_deref()),
    ])
}

/// Reads `OBSERVATION_COLUMNS`.
pub(in crate::store) fn read_observation(row: &Row) -> Result<Observation> {
    let mut cells = Cells::of(row);
    let dataset = cells.name()?;
    let at = cells.time()?;
    let found: String = cells.get()?;
    let bytes = cells.count_maybe()?;
    let rows = cells.count_maybe()?;
    let sha256: Option<String> = cells.get()?;
    let as_of = cells.time_maybe()?;
    let reason: Option<String> = cells.get()?;
    Ok(Observation {
        written_at: None,
        dataset,
        at,
        found: match found.as_str() {
            "data" => Ok(Some(Measurement {
                bytes: bytes.unwrap_or_default(),
                rows,
                sha256: sha256.unwrap_or_default(),
                as_of,
            })),
            "nothing" => Ok(None),
            _ => Err(reason.unwrap_or_default()),
        },
        path: cells.path_maybe()?,
    })
}
