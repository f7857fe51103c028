//! Questions about silences: which stand, and who silenced what before.

use jiff::Timestamp;

use super::Reader;
use crate::model::{Name, Silence};
use crate::store::ReadError;
use crate::store::column::us;
use crate::store::rows::silences::{SILENCE_COLUMNS, last_of_each, read_silence};

impl Reader {
    /// The silences that stand at an instant, by subject.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn silences_standing(&self, at: Timestamp) -> Result<Vec<Silence>, ReadError> {
        let mut last = self.all(&last_of_each(), [], read_silence)?;
        last.retain(|silence| silence.stands(at));
        Ok(last)
    }

    /// Silences of one subject or of all, the newest first, those that are over too; with `since` only those that held
    /// at some instant after it.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn silences(
        &self,
        subject: Option<&Name>,
        since: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<Silence>, ReadError> {
        self.all(
            &format!(
                "SELECT {SILENCE_COLUMNS} FROM silences
                 WHERE (?1 IS NULL OR subject = ?1)
                     AND (?2 IS NULL OR min(until_us, coalesce(ended_at_us, until_us)) > ?2)
                 ORDER BY from_us DESC, subject, number DESC LIMIT ?3"
            ),
            (subject.map(Name::as_str), since.map(us), limit),
            read_silence,
        )
    }
}
