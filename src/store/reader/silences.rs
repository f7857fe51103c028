//! Questions about silences: which stand, and who silenced what before.

use jiff::Timestamp;

use super::Reader;
use crate::model::{Name, Silence};
use crate::store::ReadError;
use crate::store::rows::silences::{SILENCE_COLUMNS, last_of_each, read_silence};

impl Reader {
    /// The silences that stand at an instant, the newest first; of one subject or of all. Of each subject only the last one
    /// can.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn silences_standing(
        &self,
        subject: Option<&Name>,
        at: Timestamp,
        limit: u32,
    ) -> Result<Vec<Silence>, ReadError> {
        let mut last = match subject {
            Some(_) => self.silences(subject, 1)?,
            None => self.all(&last_of_each(), [], read_silence)?,
        };
        last.retain(|silence| silence.stands(at));
        last.sort_by(|a, b| (b.from, &a.subject).cmp(&(a.from, &b.subject)));
        last.truncate(limit as usize);
        Ok(last)
    }

    /// Silences of one subject or of all, the newest first, those that are over too.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn silences(&self, subject: Option<&Name>, limit: u32) -> Result<Vec<Silence>, ReadError> {
        match subject {
            Some(subject) => self.all(
                &format!("SELECT {SILENCE_COLUMNS} FROM silences WHERE subject = ?1 ORDER BY number DESC LIMIT ?2"),
                (subject.as_str(), limit),
                read_silence,
            ),
            None => self.all(
                &format!("SELECT {SILENCE_COLUMNS} FROM silences ORDER BY from_us DESC, subject, number DESC LIMIT ?1"),
                [limit],
                read_silence,
            ),
        }
    }
}
