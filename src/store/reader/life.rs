//! Questions about freshd itself: its lives, the clock, its configurations.

use jiff::Timestamp;
use rusqlite::params;

use super::Reader;
use crate::model::{AcceptedSettings, Ahead, ClockConfirmation, ClockStep, Life};
use crate::store::ReadError;
use crate::store::column::us;
use crate::store::rows::data::{SLOT_COLUMNS, read_slot};
use crate::store::rows::life::{
    ACCEPTED_COLUMNS, CLOCK_CONFIRMATION_COLUMNS, CLOCK_STEP_COLUMNS, LIFE_COLUMNS, read_accepted,
    read_clock_confirmation, read_clock_step, read_life,
};
use crate::store::rows::runs::{RANGES_OVER, RUN_COLUMNS, read_run};

/// A slot's state and that of the one before it say how its dataset stands.
const SLOTS_OF_EACH: u32 = 2;

/// Every dataset that ever had a slot, walked from one to the next within the index: the main loop waits for it.
const PROMISED_DATASETS: &str = "
WITH RECURSIVE known (dataset) AS (
    SELECT min(dataset) FROM slots
    UNION ALL
    SELECT (SELECT min(dataset) FROM slots WHERE dataset > known.dataset)
    FROM known WHERE dataset IS NOT NULL
)
SELECT dataset FROM known WHERE dataset IS NOT NULL";

impl Reader {
    /// Lives of the daemon, the last one first.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn lives(&self, limit: u32) -> Result<Vec<Life>, ReadError> {
        self.all(
            &format!("SELECT {LIFE_COLUMNS} FROM lives ORDER BY number DESC LIMIT ?1"),
            [limit],
            read_life,
        )
    }

    /// Steps of the clock, the last one first.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn clock_steps(&self, limit: u32) -> Result<Vec<ClockStep>, ReadError> {
        self.all(
            &format!("SELECT {CLOCK_STEP_COLUMNS} FROM clock_steps ORDER BY number DESC LIMIT ?1"),
            [limit],
            read_clock_step,
        )
    }

    /// When the clock was confirmed, the last time first.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn clock_confirmations(&self, limit: u32) -> Result<Vec<ClockConfirmation>, ReadError> {
        self.all(
            &format!("SELECT {CLOCK_CONFIRMATION_COLUMNS} FROM clock_confirmations ORDER BY number DESC LIMIT ?1"),
            [limit],
            read_clock_confirmation,
        )
    }

    /// What confirming the clock at `at` must know: a row or two of each job and dataset, whatever a wrong clock did.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn ahead(&self, at: Timestamp) -> Result<Ahead, ReadError> {
        let reading = self.connection.unchecked_transaction()?;
        let ranges = self.all(
            &format!("SELECT {RUN_COLUMNS} FROM runs WHERE {RANGES_OVER} ORDER BY id"),
            [us(at)],
            read_run,
        )?;
        let datasets: Vec<String> = self.all(PROMISED_DATASETS, [], |row| row.get(0))?;
        let mut slots = Vec::new();
        for dataset in datasets {
            let mut last = self.all(
                &format!(
                    "SELECT {SLOT_COLUMNS} FROM slots
                     WHERE dataset = ?1 AND due_at_us <= ?2 AND state <> 'withdrawn'
                     ORDER BY due_at_us DESC LIMIT ?3"
                ),
                params![dataset, us(at), SLOTS_OF_EACH],
                read_slot,
            )?;
            last.reverse();
            slots.extend(last);
        }
        drop(reading);
        Ok(Ahead { ranges, slots })
    }

    /// The configuration with this digest, and when and by whom it was last accepted.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn settings_text(&self, digest: &str) -> Result<Option<AcceptedSettings>, ReadError> {
        self.one(
            &format!(
                "SELECT {ACCEPTED_COLUMNS} FROM settings JOIN acceptances USING (digest)
                 WHERE digest = ?1 ORDER BY acceptances.number DESC LIMIT 1"
            ),
            [digest],
            read_accepted,
        )
    }

    /// The configuration that was accepted last: the one in force, as long as freshd runs.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn accepted_last(&self) -> Result<Option<AcceptedSettings>, ReadError> {
        self.one(
            &format!(
                "SELECT {ACCEPTED_COLUMNS} FROM settings JOIN acceptances USING (digest)
                 ORDER BY acceptances.number DESC LIMIT 1"
            ),
            [],
            read_accepted,
        )
    }
}
