//! Questions about messages that were given up.

use std::collections::{BTreeMap, BTreeSet};

use super::Reader;
use crate::model::{Address, DeadMessage, IncidentId, Notification};
use crate::store::ReadError;
use crate::store::column::count;
use crate::store::rows::alerts::{NOTIFICATION_COLUMNS, read_notification};

/// The newest that were given up, among which those are looked for of which something is to be done.
const READ_MAX: u32 = 1_000;

/// Those that were given up last, so many.
const NEWEST_DEAD: &str = "INDEXED BY notifications_dead WHERE state = 'dead' ORDER BY id DESC LIMIT ?1";

impl Reader {
    /// Messages that were given up, the newest first; or those among the newest thousand that nobody has sent again and that
    /// are still worth it. Whether anybody is still told by an address is no matter of record.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn dead_messages(
        &self,
        settled_too: bool,
        limit: u32,
        is_in_use: &dyn Fn(&Address) -> bool,
    ) -> Result<Vec<DeadMessage>, ReadError> {
        let reading = self.connection.unchecked_transaction()?;
        let looked_at = if settled_too { limit } else { READ_MAX };
        let dead = self.all(
            &format!("SELECT {NOTIFICATION_COLUMNS} FROM notifications {NEWEST_DEAD}"),
            [looked_at],
            read_notification,
        )?;
        let over: BTreeSet<u64> = self
            .all(
                &format!(
                    "SELECT id FROM incidents WHERE resolved_at_us IS NOT NULL
                     AND id IN (SELECT incident FROM notifications {NEWEST_DEAD})"
                ),
                [looked_at],
                |row| row.get::<_, i64>(0),
            )?
            .into_iter()
            .map(i64::cast_unsigned)
            .collect();
        // Whatever went to anybody about an incident of which something died.
        let others = self.all(
            &format!(
                "SELECT {NOTIFICATION_COLUMNS} FROM notifications
                 WHERE (state = 'pending' OR state = 'delivered')
                 AND (incident IN (SELECT incident FROM notifications {NEWEST_DEAD}) OR incident IS NULL)
                 AND id > (SELECT min(id) FROM (SELECT id FROM notifications {NEWEST_DEAD})) ORDER BY id"
            ),
            [looked_at],
            read_notification,
        )?;
        drop(reading);
        let mut since: BTreeMap<(Option<IncidentId>, Address), Vec<Notification>> = BTreeMap::new();
        for other in others {
            let of = (other.incident, other.address.clone());
            since.entry(of).or_default().push(other);
        }
        let none = Vec::new();
        let messages = dead.iter().map(|dead| {
            let is_over = dead.incident.is_some_and(|incident| over.contains(&incident.0));
            let since = since.get(&(dead.incident, dead.address.clone())).unwrap_or(&none);
            DeadMessage::new(dead, is_over, since, is_in_use(&dead.address))
        });
        let messages = messages.filter(|message| settled_too || message.settled.is_none());
        Ok(messages.take(limit as usize).collect())
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
