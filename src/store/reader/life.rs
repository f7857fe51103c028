//! Questions about freshd itself: its lives, the clock, its configurations.

use super::Reader;
use crate::model::{AcceptedSettings, ClockStep, Life};
use crate::store::ReadError;
use crate::store::rows::life::{
    ACCEPTED_COLUMNS, CLOCK_STEP_COLUMNS, LIFE_COLUMNS, read_accepted, read_clock_step, read_life,
};

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
}
