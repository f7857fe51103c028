//! Rows of `lives`, `clock_steps`, `clock_confirmations`, `settings` and `acceptances`.

use rusqlite::{Result, Row, Statement, params};

use crate::model::{AcceptedSettings, ClockConfirmation, ClockStep, Comeback, DownDeliveries, Life};
use crate::store::column::{Cells, count, json, us, us_maybe};

/// Stores a life of the daemon.
pub(in crate::store) const LIFE_UPSERT: &str = "
INSERT INTO lives (number, started_at_us, seen_at_us, ended_at_us, boot_id, version, down_from_us, down_until_us,
    gathers_until_us, down_missed, down_late, down_unknown)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
ON CONFLICT (number) DO UPDATE SET
    started_at_us = excluded.started_at_us,
    seen_at_us = excluded.seen_at_us,
    ended_at_us = excluded.ended_at_us,
    boot_id = excluded.boot_id,
    version = excluded.version,
    down_from_us = excluded.down_from_us,
    down_until_us = excluded.down_until_us,
    gathers_until_us = excluded.gathers_until_us,
    down_missed = excluded.down_missed,
    down_late = excluded.down_late,
    down_unknown = excluded.down_unknown";

/// What `read_life` expects.
pub(in crate::store) const LIFE_COLUMNS: &str = "number, started_at_us, seen_at_us, ended_at_us, boot_id, version, \
     down_from_us, down_until_us, gathers_until_us, down_missed, down_late, down_unknown";

/// Stores a step of the clock. The whole row is its key.
pub(in crate::store) const CLOCK_STEP_INSERT: &str =
    "INSERT INTO clock_steps (at_us, by_ms) VALUES (?1, ?2) ON CONFLICT (at_us, by_ms) DO NOTHING";

/// What `read_clock_step` expects.
pub(in crate::store) const CLOCK_STEP_COLUMNS: &str = "at_us, by_ms";

/// Stores that the clock was confirmed. Changes no row when that is known: what follows from it was done then.
pub(in crate::store) const CLOCK_CONFIRMATION_INSERT: &str = "
INSERT INTO clock_confirmations (at_us, newest_record_at_us, by, because) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (at_us) DO NOTHING";

/// What `read_clock_confirmation` expects.
pub(in crate::store) const CLOCK_CONFIRMATION_COLUMNS: &str = "at_us, newest_record_at_us, by, because";

/// Stores the files of a configuration. The digest says what they are.
pub(in crate::store) const SETTINGS_INSERT: &str =
    "INSERT INTO settings (digest, files) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING";

/// Stores that a configuration was accepted.
pub(in crate::store) const ACCEPTANCE_UPSERT: &str = "
INSERT INTO acceptances (at_us, digest, by) VALUES (?1, ?2, ?3)
ON CONFLICT (digest, at_us) DO UPDATE SET by = excluded.by";

/// What `read_accepted` expects of `settings JOIN acceptances USING (digest)`.
pub(in crate::store) const ACCEPTED_COLUMNS: &str = "digest, files, at_us, by";

/// Stores `life` by `LIFE_UPSERT`; how many rows changed.
pub(in crate::store) fn store_life(statement: &mut Statement, life: &Life) -> Result<usize> {
    statement.execute(params![
        count(life.number),
        us(life.started_at),
        us(life.seen_at),
        us_maybe(life.ended_at),
        life.boot_id,
        life.version,
        us_maybe(life.back.map(|back| back.from)),
        us_maybe(life.back.map(|back| back.until)),
        us_maybe(life.back.map(|back| back.gathers_until)),
        life.back.map(|back| count(back.deliveries.missed)),
        life.back.map(|back| count(back.deliveries.late)),
        life.back.map(|back| count(back.deliveries.unknown)),
    ])
}

/// Reads `LIFE_COLUMNS`.
pub(in crate::store) fn read_life(row: &Row) -> Result<Life> {
    let mut cells = Cells::of(row);
    Ok(Life {
        number: cells.count()?,
        started_at: cells.time()?,
        seen_at: cells.time()?,
        ended_at: cells.time_maybe()?,
        boot_id: cells.get()?,
        version: cells.get()?,
        back: read_comeback(&mut cells)?,
    })
}

fn read_comeback(cells: &mut Cells) -> Result<Option<Comeback>> {
    let (from, until, gathers_until) = (cells.time_maybe()?, cells.time_maybe()?, cells.time_maybe()?);
    let (missed, late, unknown) = (cells.count_maybe()?, cells.count_maybe()?, cells.count_maybe()?);
    let times = from.zip(until).zip(gathers_until);
    Ok(times.map(|((from, until), gathers_until)| Comeback {
        from,
        until,
        gathers_until,
        deliveries: DownDeliveries {
            missed: missed.unwrap_or_default(),
            late: late.unwrap_or_default(),
            unknown: unknown.unwrap_or_default(),
        },
    }))
}

/// Stores `step` by `CLOCK_STEP_INSERT`.
pub(in crate::store) fn store_clock_step(statement: &mut Statement, step: &ClockStep) -> Result<()> {
    statement.execute(params![us(step.at), step.by_ms])?;
    Ok(())
}

/// Reads `CLOCK_STEP_COLUMNS`.
pub(in crate::store) fn read_clock_step(row: &Row) -> Result<ClockStep> {
    let mut cells = Cells::of(row);
    Ok(ClockStep {
        at: cells.time()?,
        by_ms: cells.get()?,
    })
}

/// Stores `confirmation` by `CLOCK_CONFIRMATION_INSERT`; how many rows changed.
pub(in crate::store) fn store_clock_confirmation(
    statement: &mut Statement,
    confirmation: &ClockConfirmation,
) -> Result<usize> {
    statement.execute(params![
        us(confirmation.at),
        us(confirmation.newest_record_at),
        confirmation.by,
        confirmation.because,
    ])
}

/// Reads `CLOCK_CONFIRMATION_COLUMNS`.
pub(in crate::store) fn read_clock_confirmation(row: &Row) -> Result<ClockConfirmation> {
    let mut cells = Cells::of(row);
    Ok(ClockConfirmation {
        at: cells.time()?,
        newest_record_at: cells.time()?,
        by: cells.get()?,
        because: cells.get()?,
    })
}

/// Stores `accepted` by `SETTINGS_INSERT` and `ACCEPTANCE_UPSERT`.
pub(in crate::store) fn store_settings(
    settings: &mut Statement,
    acceptance: &mut Statement,
    accepted: &AcceptedSettings,
) -> Result<()> {
    let stored = settings.execute(params![accepted.digest, json(&accepted.files)?]);
    // A statement keeps what it was given until it is used again, and here that is long.
    settings.clear_bindings();
    stored?;
    acceptance.execute(params![us(accepted.at), accepted.digest, accepted.by])?;
    Ok(())
}

/// Reads `ACCEPTED_COLUMNS`.
pub(in crate::store) fn read_accepted(row: &Row) -> Result<AcceptedSettings> {
    let mut cells = Cells::of(row);
    Ok(AcceptedSettings {
        digest: cells.get()?,
        files: cells.json()?,
        at: cells.time()?,
        by: cells.get()?,
    })
}
