//! Questions about messages that were given up.

use super::Reader;
use crate::model::{DeadMessage, Notification};
use crate::store::ReadError;
use crate::store::column::count;
use crate::store::rows::alerts::{NOTIFICATION_COLUMNS, read_notification};

/// The newest that were given up, among which those are looked for of which something is to be done.
const READ_MAX: u32 = 1_000;

impl Reader {
    /// Messages that were given up, the newest first; or those among the newest thousand that nobody has sent again and that
    /// are still worth it.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn dead_messages(&self, settled_too: bool, limit: u32) -> Result<Vec<DeadMessage>, ReadError> {
        let reading = self.connection.unchecked_transaction()?;
        let dead = self.all(
            &format!(
                "SELECT {NOTIFICATION_COLUMNS} FROM notifications INDEXED BY notifications_dead
                 WHERE state = 'dead' ORDER BY id DESC LIMIT ?1"
            ),
            [if settled_too { limit } else { READ_MAX }],
            read_notification,
        )?;
        let mut found = Vec::new();
        for notification in dead {
            if found.len() == limit as usize {
                break;
            }
            let incident = match notification.incident {
                Some(incident) => self.incident(incident)?,
                None => None,
            };
            let is_over = incident.is_some_and(|incident| incident.resolved_at.is_some());
            let message = DeadMessage::new(&notification, is_over, &self.sent_since(&notification)?);
            if settled_too || message.settled.is_none() {
                found.push(message);
            }
        }
        drop(reading);
        Ok(found)
    }

    /// What was to be sent to the address of a message after it about the same incident, in order; of one about none, what
    /// else is about none.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn sent_since(&self, notification: &Notification) -> Result<Vec<Notification>, ReadError> {
        let address = &notification.address;
        self.all(
            &format!(
                "SELECT {NOTIFICATION_COLUMNS} FROM notifications INDEXED BY notifications_by_incident
                 WHERE incident IS ?1 AND id > ?2 AND channel = ?3 AND address IS ?4 ORDER BY id"
            ),
            (
                notification.incident.map(|incident| count(incident.0)),
                count(notification.id.0),
                address.channel.as_str(),
                address.to.as_deref(),
            ),
            read_notification,
        )
    }
}
