//! Questions about incidents and who was told of them.

use super::Reader;
use crate::model::{
    About, Address, AddressRecord, AddressState, Delivery, Heard, HeardWith, Incident, IncidentId, Name, Notification,
    NotificationId, NotificationState, Told,
};
use crate::store::ReadError;
use crate::store::column::{Cells, count};
use crate::store::rows::addresses::{self, ADDRESS_COLUMNS, read_address};
use crate::store::rows::alerts::{
    DELIVERY_COLUMNS, INCIDENT_COLUMNS, NOTIFICATION_COLUMNS, read_delivery, read_incident, read_notification,
};

/// Messages on record that were not delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// They wait to be taken.
    pub pending: usize,
    /// They were given up.
    pub dead: usize,
}

/// A part of all incidents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is not over and stands for itself.
    Causes,
    /// What is not over and is told with what explains it.
    Explained,
    /// What is over.
    Over,
}

impl Part {
    /// Where its rows are: the table, by which index, and which of them.
    fn rows(self) -> &'static str {
        match self {
            Self::Causes => "incidents INDEXED BY incidents_unresolved WHERE state <> 'resolved' AND cause IS NULL",
            Self::Explained => {
                "incidents INDEXED BY incidents_unresolved WHERE state <> 'resolved' AND cause IS NOT NULL"
            }
            // In the order of the table, so that the newest are there at once.
            Self::Over => "incidents WHERE state = 'resolved'",
        }
    }

    /// How its rows are counted: what is over, in an index that is a small part of the table.
    fn counted(self) -> String {
        let rows = match self {
            Self::Causes | Self::Explained => self.rows(),
            Self::Over => "incidents INDEXED BY incidents_by_end WHERE resolved_at_us IS NOT NULL",
        };
        format!("SELECT count(*) FROM {rows}")
    }
}

impl Reader {
    /// How many messages wait, and how many were given up.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn outbox(&self) -> Result<Outbox, ReadError> {
        let found = self.one(
            "SELECT (SELECT count(*) FROM notifications WHERE state = 'pending'),
                    (SELECT count(*) FROM notifications WHERE state = 'dead')",
            [],
            |row| {
                let mut cells = Cells::of(row);
                Ok((cells.count()?, cells.count()?))
            },
        )?;
        let (pending, dead) = found.unwrap_or_default();
        let size = |messages| usize::try_from(messages).unwrap_or(usize::MAX);
        Ok(Outbox {
            pending: size(pending),
            dead: size(dead),
        })
    }

    /// Incidents, newest first; with `open_only` those that are not resolved, waiting and attached ones included.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn incidents(&self, open_only: bool, limit: u32) -> Result<Vec<Incident>, ReadError> {
        let which = if open_only {
            "INDEXED BY incidents_unresolved WHERE state <> 'resolved'"
        } else {
            ""
        };
        self.all(
            &format!("SELECT {INCIDENT_COLUMNS} FROM incidents {which} ORDER BY id DESC LIMIT ?1"),
            [limit],
            read_incident,
        )
    }

    /// A part of all incidents, newest first, those before one number.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn incidents_of(
        &self,
        which: Part,
        before: Option<IncidentId>,
        limit: u32,
    ) -> Result<Vec<Incident>, ReadError> {
        let before = before.map_or(i64::MAX, |before| count(before.0));
        let rows = which.rows();
        self.all(
            &format!("SELECT {INCIDENT_COLUMNS} FROM {rows} AND id < ?1 ORDER BY id DESC LIMIT ?2"),
            (before, limit),
            read_incident,
        )
    }

    /// How many incidents a part has.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn incidents_counted(&self, which: Part) -> Result<usize, ReadError> {
        let found = self.one(&which.counted(), [], |row| Cells::of(row).count())?;
        Ok(usize::try_from(found.unwrap_or_default()).unwrap_or(usize::MAX))
    }

    /// The incident that explains most of what is not over, and how much of it.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn explains_most(&self) -> Result<Option<(IncidentId, usize)>, ReadError> {
        let rows = Part::Explained.rows();
        self.one(
            &format!("SELECT cause, count(*) FROM {rows} GROUP BY cause ORDER BY count(*) DESC, cause LIMIT 1"),
            [],
            |row| {
                let mut cells = Cells::of(row);
                let (cause, effects) = (IncidentId(cells.count()?), cells.count()?);
                Ok((cause, usize::try_from(effects).unwrap_or(usize::MAX)))
            },
        )
    }

    /// One incident.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn incident(&self, id: IncidentId) -> Result<Option<Incident>, ReadError> {
        self.one(
            &format!("SELECT {INCIDENT_COLUMNS} FROM incidents WHERE id = ?1"),
            [count(id.0)],
            read_incident,
        )
    }

    /// What an incident explains, the oldest first, those that are over too.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn effects_of(&self, cause: IncidentId, limit: u32) -> Result<Vec<Incident>, ReadError> {
        self.all(
            &format!(
                "SELECT {INCIDENT_COLUMNS} FROM incidents INDEXED BY incidents_by_cause WHERE cause = ?1 ORDER BY id LIMIT ?2"
            ),
            (count(cause.0), limit),
            read_incident,
        )
    }

    /// How many incidents one explains, those that are over too.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn effects_counted(&self, cause: IncidentId) -> Result<usize, ReadError> {
        let found = self.one(
            "SELECT count(*) FROM incidents INDEXED BY incidents_by_cause WHERE cause = ?1",
            [count(cause.0)],
            |row| Cells::of(row).count(),
        )?;
        Ok(usize::try_from(found.unwrap_or_default()).unwrap_or(usize::MAX))
    }

    /// Incidents about something, the newest first, those that are over too.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn incidents_about(&self, about: About, subject: &Name, limit: u32) -> Result<Vec<Incident>, ReadError> {
        self.all(
            &format!(
                "SELECT {INCIDENT_COLUMNS} FROM incidents INDEXED BY incidents_by_subject
                 WHERE subject = ?1 AND about = ?2 AND kind <> 'drill' ORDER BY id DESC LIMIT ?3"
            ),
            (subject.as_str(), about.as_str(), limit),
            read_incident,
        )
    }

    /// Everything that was to be sent about an incident, in order, each with the tries at sending it. What waits for its
    /// address is due when that is.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn notifications_of(&self, incident: IncidentId) -> Result<Vec<(Notification, Vec<Delivery>)>, ReadError> {
        let reading = self.connection.unchecked_transaction()?;
        let notifications = self.messages_of(incident)?;
        let tries = format!("SELECT {DELIVERY_COLUMNS} FROM deliveries WHERE notification = ?1 ORDER BY number");
        let told = notifications
            .into_iter()
            .map(|mut notification| {
                if notification.state == NotificationState::Pending {
                    let record = self.address(&notification.address)?;
                    let waits_until = notification.waits_until(record.as_ref());
                    notification.next_try_at = waits_until.unwrap_or(notification.next_try_at);
                }
                let deliveries = self.all(&tries, [count(notification.id.0)], read_delivery)?;
                Ok((notification, deliveries))
            })
            .collect();
        drop(reading);
        told
    }

    /// One notification, with the tries at sending it: a digest, by the number that what it tells of bears.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn notification(&self, id: NotificationId) -> Result<Option<(Notification, Vec<Delivery>)>, ReadError> {
        let found = self.one(
            &format!("SELECT {NOTIFICATION_COLUMNS} FROM notifications WHERE id = ?1"),
            [count(id.0)],
            read_notification,
        )?;
        let Some(notification) = found else { return Ok(None) };
        let tries = format!("SELECT {DELIVERY_COLUMNS} FROM deliveries WHERE notification = ?1 ORDER BY number");
        Ok(Some((notification, self.all(&tries, [count(id.0)], read_delivery)?)))
    }

    /// The same messages alone.
    fn messages_of(&self, incident: IncidentId) -> Result<Vec<Notification>, ReadError> {
        self.all(
            &format!("SELECT {NOTIFICATION_COLUMNS} FROM notifications WHERE incident = ?1 ORDER BY id"),
            [count(incident.0)],
            read_notification,
        )
    }

    /// How every team that was to be told of an incident stands at each of its addresses; of what was told with its causes
    /// alone, by the messages about those which tell of it.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn addresses_of(&self, incident: &Incident) -> Result<Vec<AddressState>, ReadError> {
        let messages = self.messages_of(incident.id)?;
        self.addresses_in(incident, &messages.iter().collect::<Vec<_>>())
    }

    /// The same of an incident whose own messages were read already.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn addresses_by(
        &self,
        incident: &Incident,
        messages: &[(Notification, Vec<Delivery>)],
    ) -> Result<Vec<AddressState>, ReadError> {
        let messages: Vec<&Notification> = messages.iter().map(|(message, _)| message).collect();
        self.addresses_in(incident, &messages)
    }

    fn addresses_in(&self, incident: &Incident, messages: &[&Notification]) -> Result<Vec<AddressState>, ReadError> {
        let own = |whom: &(Name, Address)| {
            let (team, address) = whom;
            let theirs = messages.iter().copied();
            let theirs = theirs.filter(|message| message.address == *address && message.told_for() == team);
            let mut ended: Vec<Told> = theirs.clone().filter_map(Told::of).collect();
            ended.sort_by_key(|told| told.at);
            let mut heard = Heard::default();
            for told in &ended {
                heard.note(told);
            }
            let waiting = theirs
                .clone()
                .find(|message| message.state == NotificationState::Pending);
            self.address_state(whom, &heard, waiting)
        };
        let own: Result<Vec<AddressState>, ReadError> =
            incident.told.iter().filter_map(|whom| own(whom).transpose()).collect();
        let own = own?;
        if !own.is_empty() {
            return Ok(own);
        }
        let mut of_causes = Vec::new();
        for cause in incident.told_with_causes() {
            of_causes.push((cause, self.messages_of(cause)?));
        }
        let mut with_causes = HeardWith::new(incident);
        for (cause, messages) in &of_causes {
            for message in messages {
                with_causes.note(*cause, message);
            }
        }
        with_causes
            .by_address()
            .filter_map(|(whom, heard, waiting)| self.address_state(&whom, &heard, waiting).transpose())
            .collect()
    }

    fn address_state(
        &self,
        (team, address): &(Name, Address),
        heard: &Heard,
        waiting: Option<&Notification>,
    ) -> Result<Option<AddressState>, ReadError> {
        let record = match waiting {
            Some(_) => self.address(address)?,
            None => None,
        };
        Ok(AddressState::new(team, address, heard, waiting, record.as_ref()))
    }

    /// What is remembered of an address that takes nothing, or gets what waits for it in one message after the other.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn address(&self, address: &Address) -> Result<Option<AddressRecord>, ReadError> {
        let sql = format!("SELECT {ADDRESS_COLUMNS} FROM addresses WHERE channel = ?1 AND address = ?2");
        self.one(&sql, (address.channel.as_str(), addresses::to(address)), read_address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_is_counted_by_looking_at_all_that_ever_was_wrong() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../schema.sql")).unwrap();
        for (part, index) in [
            (Part::Causes, "incidents_unresolved"),
            (Part::Explained, "incidents_unresolved"),
            (Part::Over, "COVERING INDEX incidents_by_end"),
        ] {
            let explain = format!("EXPLAIN QUERY PLAN {}", part.counted());
            let step: String = connection.query_row(&explain, [], |row| row.get(3)).unwrap();
            assert!(step.contains(index), "{part:?}: {step}");
        }
    }
}
