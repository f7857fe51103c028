//! Questions about messages that were given up.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Row;

use super::Reader;
use crate::model::{Address, DeadMessage, IncidentId, Notification, NotificationId, Said};
use crate::store::ReadError;
use crate::store::column::{Cells, count};
use crate::store::rows::alerts::{NOTIFICATION_COLUMNS, read_notification};

/// The newest that were given up, among which those are looked for of which something is to be done.
const READ_MAX: u32 = 1_000;

/// Those that were given up last, so many.
const NEWEST_DEAD: &str = "INDEXED BY notifications_dead WHERE state = 'dead' ORDER BY id DESC LIMIT ?1";

/// What went, or goes, to the addresses of those that were given up last (so many: ?1), about the same: by the index of its
/// incident, or of its address where it is about none.
fn said_since() -> String {
    let columns = "other.id, other.incident, other.channel, other.address, \
        coalesce(other.message ->> 'stands_in_for', other.message ->> 'team'), other.message -> 'purpose', \
        other.message -> 'at', other.state, other.message -> 'resent_at' IS NOT NULL";
    let same = "other.channel = dead.channel AND other.address IS dead.address AND other.id > dead.first \
        AND other.state IN ('pending', 'delivered')";
    format!(
        "WITH dead AS MATERIALIZED (
            SELECT incident, channel, address, min(id) AS first
            FROM (SELECT id, incident, channel, address FROM notifications {NEWEST_DEAD})
            GROUP BY incident, channel, address
        )
        SELECT {columns} FROM dead CROSS JOIN notifications AS other INDEXED BY notifications_by_incident
        ON other.incident = dead.incident AND {same}
        UNION ALL
        SELECT {columns} FROM dead CROSS JOIN notifications AS other INDEXED BY notifications_about_none
        ON dead.incident IS NULL AND other.incident IS NULL AND {same}
        ORDER BY 1"
    )
}

fn read_said(row: &Row) -> rusqlite::Result<Said> {
    let mut cells = Cells::of(row);
    Ok(Said {
        id: NotificationId(cells.count()?),
        incident: cells.count_maybe()?.map(IncidentId),
        address: Address {
            channel: cells.name()?,
            to: cells.get()?,
        },
        told_for: cells.name()?,
        purpose: cells.json()?,
        at: cells.json()?,
        state: cells.word()?,
        is_resent: cells.get()?,
    })
}

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
        let others = self.all(&said_since(), [looked_at], read_said)?;
        drop(reading);
        let mut since: BTreeMap<(Option<IncidentId>, Address), Vec<Said>> = BTreeMap::new();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_to_the_addresses_of_the_dead_is_found_by_an_index_that_names_more_than_the_incident_or_the_address() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../schema.sql")).unwrap();
        let mut explained = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {}", said_since()))
            .unwrap();
        let steps = explained.query_map([1], |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        for step in [
            "SEARCH other USING INDEX notifications_by_incident (incident=? AND id>?)",
            "SEARCH other USING INDEX notifications_about_none (channel=? AND address=? AND id>?)",
        ] {
            assert!(steps.iter().any(|known| known.contains(step)), "{steps:#?}");
        }
    }
}
