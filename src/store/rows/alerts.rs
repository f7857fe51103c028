//! Rows of `incidents`, `notifications` and `deliveries`.

use jiff::Timestamp;
use rusqlite::{Connection, Result, Row, Statement, params};

use crate::model::{
    Ack, AckOffer, Address, Delivery, DeliveryOutcome, FLAPPING_WITHIN, Incident, IncidentId, Message, Name,
    Notification, NotificationId, OPENINGS_LOOKED_AT, Opened, ProblemKind, ThreadRoot, Threaded, Told, earlier,
};
use crate::store::column::{Cells, count, count_maybe, json, json_list, us, us_maybe};

/// Stores an incident.
pub(in crate::store) const INCIDENT_UPSERT: &str = "
INSERT INTO incidents (id, kind, subject, state, severity, since_us, notify_at_us, opened_at_us, resolved_at_us, cause,
    reason, told, ack_by, ack_at_us, ack_until_us, reminders, remind_at_us, escalations, about,
    resolution, flapping, drill, ack_note, links_used, handed_over, kind_since_us, earlier_acks, escalated, first_kind,
    told_with, rested, broken_since_us)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
    ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32)
ON CONFLICT (id) DO UPDATE SET
    kind = excluded.kind,
    subject = excluded.subject,
    state = excluded.state,
    severity = excluded.severity,
    since_us = excluded.since_us,
    notify_at_us = excluded.notify_at_us,
    opened_at_us = excluded.opened_at_us,
    resolved_at_us = excluded.resolved_at_us,
    cause = excluded.cause,
    reason = excluded.reason,
    told = excluded.told,
    ack_by = excluded.ack_by,
    ack_at_us = excluded.ack_at_us,
    ack_until_us = excluded.ack_until_us,
    reminders = excluded.reminders,
    remind_at_us = excluded.remind_at_us,
    escalations = excluded.escalations,
    about = excluded.about,
    resolution = excluded.resolution,
    flapping = excluded.flapping,
    drill = excluded.drill,
    ack_note = excluded.ack_note,
    links_used = excluded.links_used,
    handed_over = excluded.handed_over,
    kind_since_us = excluded.kind_since_us,
    earlier_acks = excluded.earlier_acks,
    escalated = excluded.escalated,
    first_kind = excluded.first_kind,
    told_with = excluded.told_with,
    rested = excluded.rested,
    broken_since_us = excluded.broken_since_us";

/// What `read_incident` expects.
pub(in crate::store) const INCIDENT_COLUMNS: &str = "id, kind, subject, state, severity, since_us, notify_at_us, \
    opened_at_us, resolved_at_us, cause, reason, told, ack_by, ack_at_us, ack_until_us, ack_note, links_used, \
    reminders, remind_at_us, escalations, about, resolution, flapping, drill, handed_over, kind_since_us, earlier_acks, \
    escalated, first_kind, told_with, rested, broken_since_us";

/// Stores a notification. Its words were rendered once: those stored first stay.
pub(in crate::store) const NOTIFICATION_UPSERT: &str = "
INSERT INTO notifications (id, incident, channel, address, message, state, tries, next_try_at_us, created_at_us,
    ended_at_us, last_error, digest, receipt)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
ON CONFLICT (id) DO UPDATE SET
    channel = excluded.channel,
    address = excluded.address,
    state = excluded.state,
    tries = excluded.tries,
    next_try_at_us = excluded.next_try_at_us,
    created_at_us = excluded.created_at_us,
    ended_at_us = excluded.ended_at_us,
    last_error = excluded.last_error,
    digest = excluded.digest,
    receipt = excluded.receipt
WHERE notifications.incident IS excluded.incident";

/// What `read_notification` expects.
pub(in crate::store) const NOTIFICATION_COLUMNS: &str = "id, incident, channel, address, message, state, tries, \
    next_try_at_us, created_at_us, ended_at_us, last_error, digest, receipt";

/// First messages of threads that may go on: of incidents that are not over, or of which a message is on its way. Each with
/// the newest message of its thread that was taken by itself. CROSS JOIN: these few come first.
pub(in crate::store) const THREADS: &str = "
WITH going (incident) AS (
    SELECT id FROM incidents INDEXED BY incidents_unresolved WHERE state <> 'resolved'
    UNION SELECT incident FROM notifications INDEXED BY notifications_pending WHERE state = 'pending'
)
SELECT root.incident, root.channel, root.address, root.message, root.receipt, newest.id, newest.message,
    newest.created_at_us
FROM going CROSS JOIN notifications AS root INDEXED BY notifications_by_incident ON root.incident = going.incident
CROSS JOIN notifications AS newest ON newest.id = (
    SELECT max(behind.id) FROM notifications AS behind INDEXED BY notifications_by_incident
    WHERE behind.incident = root.incident AND behind.channel = root.channel AND behind.address IS root.address
        AND behind.message ->> 'thread' = root.message ->> 'thread'
        AND (behind.id = root.id OR behind.state = 'delivered' AND behind.digest IS NULL)
)
WHERE root.receipt IS NOT NULL ORDER BY root.id";

/// Stores a try at sending.
pub(in crate::store) const DELIVERY_UPSERT: &str = "
INSERT INTO deliveries (notification, number, at_us, outcome, error, retry_after_seconds)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (notification, number) DO UPDATE SET
    at_us = excluded.at_us,
    outcome = excluded.outcome,
    error = excluded.error,
    retry_after_seconds = excluded.retry_after_seconds";

/// What `read_delivery` expects.
pub(in crate::store) const DELIVERY_COLUMNS: &str = "notification, number, at_us, outcome, error, retry_after_seconds";

/// Stores `incident` by `INCIDENT_UPSERT`; how many rows changed.
pub(in crate::store) fn store_incident(statement: &mut Statement, incident: &Incident) -> Result<usize> {
    let ack = incident.ack.as_ref();
    statement.execute(params![
        count(incident.id.0),
        incident.kind.as_str(),
        incident.subject.as_str(),
        incident.state.as_str(),
        incident.severity.as_str(),
        us(incident.since),
        us(incident.notify_at),
        us_maybe(incident.opened_at),
        us_maybe(incident.resolved_at),
        incident.cause.map(|cause| count(cause.0)),
        incident.reason,
        json_list(&incident.told)?,
        ack.map(|ack| &ack.by),
        ack.map(|ack| us(ack.at)),
        ack.map(|ack| us(ack.until)),
        incident.reminders,
        us_maybe(incident.remind_at),
        incident.escalations,
        incident.about.as_str(),
        incident.resolution,
        incident.flapping.as_ref().map(json).transpose()?,
        incident.drill.as_ref().map(json).transpose()?,
        ack.and_then(|ack| ack.note.as_ref()),
        incident.links_used.map(|link| count(link.0)),
        incident.handed_over.as_ref().map(json).transpose()?,
        us_maybe(incident.kind_since),
        json_list(&incident.earlier_acks)?,
        json_list(&incident.escalated)?,
        incident.first_kind.map(ProblemKind::as_str),
        json_list(&incident.told_with)?,
        json(&incident.rested)?,
        us_maybe(incident.broken_since),
    ])
}

/// Reads `INCIDENT_COLUMNS`.
pub(in crate::store) fn read_incident(row: &Row) -> Result<Incident> {
    let mut cells = Cells::of(row);
    Ok(Incident {
        id: IncidentId(cells.count()?),
        kind: cells.word()?,
        subject: cells.name()?,
        state: cells.word()?,
        severity: cells.word()?,
        since: cells.time()?,
        notify_at: cells.time()?,
        opened_at: cells.time_maybe()?,
        resolved_at: cells.time_maybe()?,
        cause: cells.count_maybe()?.map(IncidentId),
        reason: cells.get()?,
        told: cells.json()?,
        ack: match (
            cells.get::<Option<String>>()?,
            cells.time_maybe()?,
            cells.time_maybe()?,
            cells.get()?,
        ) {
            (Some(by), Some(at), Some(until), note) => Some(Ack { by, at, until, note }),
            _ => None,
        },
        links_used: cells.count_maybe()?.map(NotificationId),
        reminders: cells.get()?,
        remind_at: cells.time_maybe()?,
        escalations: cells.get()?,
        about: cells.word()?,
        resolution: cells.get()?,
        flapping: cells.json_maybe()?,
        drill: cells.json_maybe()?,
        handed_over: cells.json_maybe()?,
        kind_since: cells.time_maybe()?,
        earlier_acks: cells.json()?,
        escalated: cells.json()?,
        first_kind: cells.word_maybe()?,
        told_with: cells.json()?,
        rested: cells.json()?,
        broken_since: cells.time_maybe()?,
    })
}

/// Datasets whose problem is over and whose cause is not, by that. CROSS JOIN: these few come first.
pub(in crate::store) const MENDED: &str = "
SELECT DISTINCT effect.cause, effect.subject
FROM incidents AS cause INDEXED BY incidents_unresolved
CROSS JOIN incidents AS effect INDEXED BY incidents_by_cause ON effect.cause = cause.id
WHERE cause.state <> 'resolved' AND effect.state = 'resolved' AND effect.about = 'dataset'
ORDER BY 1, 2";

/// Reads `MENDED`.
pub(in crate::store) fn read_mended(row: &Row) -> Result<(IncidentId, Name)> {
    let mut cells = Cells::of(row);
    Ok((IncidentId(cells.count()?), cells.name()?))
}

/// Incidents that were told after ?1 and are over, among the last ?2: walks back along their numbers, and no further.
pub(in crate::store) const OPENINGS: &str = "
SELECT about, subject, opened_at_us FROM (SELECT * FROM incidents ORDER BY id DESC LIMIT ?2)
WHERE state = 'resolved' AND opened_at_us > ?1 AND about <> 'freshd' AND drill IS NULL
ORDER BY opened_at_us, id";

/// Reads by `OPENINGS` what was told within `FLAPPING_WITHIN` before the newest record.
pub(in crate::store) fn openings(reading: &Connection, newest_record_at: Option<Timestamp>) -> Result<Vec<Opened>> {
    let Some(since) = newest_record_at.map(|at| earlier(at, FLAPPING_WITHIN)) else {
        return Ok(Vec::new());
    };
    let looked_at = i64::try_from(OPENINGS_LOOKED_AT).unwrap_or(i64::MAX);
    let mut statement = reading.prepare(OPENINGS)?;
    let read = statement.query_map(params![us(since), looked_at], |row| {
        let mut cells = Cells::of(row);
        Ok(Opened {
            about: cells.word()?,
            subject: cells.name()?,
            at: cells.time()?,
        })
    })?;
    read.collect()
}

/// Stores `notification` by `NOTIFICATION_UPSERT`; how many rows changed.
pub(in crate::store) fn store_notification(statement: &mut Statement, notification: &Notification) -> Result<usize> {
    statement.execute(params![
        count(notification.id.0),
        notification.incident.map(|incident| count(incident.0)),
        notification.address.channel.as_str(),
        notification.address.to,
        json(&notification.message)?,
        notification.state.as_str(),
        notification.tries,
        us(notification.next_try_at),
        us(notification.created_at),
        us_maybe(notification.ended_at),
        notification.last_error,
        notification.digest.map(|digest| count(digest.0)),
        notification.receipt,
    ])
}

/// Reads `NOTIFICATION_COLUMNS`.
pub(in crate::store) fn read_notification(row: &Row) -> Result<Notification> {
    let mut cells = Cells::of(row);
    Ok(Notification {
        id: NotificationId(cells.count()?),
        incident: cells.count_maybe()?.map(IncidentId),
        address: Address {
            channel: cells.name()?,
            to: cells.get()?,
        },
        message: cells.json()?,
        state: cells.word()?,
        tries: cells.get()?,
        next_try_at: cells.time()?,
        created_at: cells.time()?,
        ended_at: cells.time_maybe()?,
        last_error: cells.get()?,
        digest: cells.count_maybe()?.map(NotificationId),
        receipt: cells.get()?,
    })
}

/// Reads a row of `THREADS`.
pub(in crate::store) fn read_thread(row: &Row) -> Result<Threaded> {
    let mut cells = Cells::of(row);
    let incident = IncidentId(cells.count()?);
    let address = Address {
        channel: cells.name()?,
        to: cells.get()?,
    };
    let (message, receipt) = (cells.json()?, cells.get()?);
    let (newest, words): (_, Message) = (NotificationId(cells.count()?), cells.json()?);
    Ok(Threaded {
        root: ThreadRoot {
            message,
            receipt,
            offer: AckOffer::by(newest, incident, &address, &words, cells.time()?),
        },
        incident,
        address,
    })
}

/// Reads the incident and the address of a notification.
pub(in crate::store) fn read_end_written(row: &Row) -> Result<(IncidentId, Address)> {
    let mut cells = Cells::of(row);
    let incident = IncidentId(cells.count()?);
    let address = Address {
        channel: cells.name()?,
        to: cells.get()?,
    };
    Ok((incident, address))
}

/// Reads the incident, the address, the end, the subject and the team of a notification that was taken or given up, and
/// whether it was so in a digest.
pub(in crate::store) fn read_told(row: &Row) -> Result<Told> {
    let mut cells = Cells::of(row);
    let incident = IncidentId(cells.count()?);
    let address = Address {
        channel: cells.name()?,
        to: cells.get()?,
    };
    let at = cells.time()?;
    let written_at = cells.time()?;
    let is_dead: bool = cells.get()?;
    let error: Option<String> = cells.get()?;
    Ok(Told {
        incident,
        address,
        at,
        written_at,
        given_up: is_dead.then(|| error.unwrap_or_default()),
        thread: cells.get()?,
        subject: cells.get()?,
        team: cells.name()?,
        in_digest: cells.get()?,
        purpose: cells.json()?,
        in_stead: cells.get()?,
    })
}

/// Stores `delivery` by `DELIVERY_UPSERT`; how many rows changed.
pub(in crate::store) fn store_delivery(statement: &mut Statement, delivery: &Delivery) -> Result<usize> {
    let (outcome, error, retry_after_seconds) = match &delivery.outcome {
        DeliveryOutcome::Accepted => ("accepted", None, None),
        DeliveryOutcome::Temporary {
            error,
            retry_after_seconds,
        } => ("temporary", Some(error), *retry_after_seconds),
        DeliveryOutcome::Unreachable { error } => ("unreachable", Some(error), None),
        DeliveryOutcome::Permanent { error } => ("permanent", Some(error), None),
        DeliveryOutcome::Unsent { error } => ("unsent", Some(error), None),
    };
    statement.execute(params![
        count(delivery.notification.0),
        delivery.number,
        us(delivery.at),
        outcome,
        error,
        count_maybe(retry_after_seconds),
    ])
}

/// Reads `DELIVERY_COLUMNS`.
pub(in crate::store) fn read_delivery(row: &Row) -> Result<Delivery> {
    let mut cells = Cells::of(row);
    let notification = NotificationId(cells.count()?);
    let number = cells.get()?;
    let at = cells.time()?;
    let outcome: String = cells.get()?;
    let error: Option<String> = cells.get()?;
    let retry_after_seconds = cells.count_maybe()?;
    let error = error.unwrap_or_default();
    Ok(Delivery {
        notification,
        number,
        at,
        outcome: match outcome.as_str() {
            "accepted" => DeliveryOutcome::Accepted,
            "temporary" => DeliveryOutcome::Temporary {
                error,
                retry_after_seconds,
            },
            "unreachable" => DeliveryOutcome::Unreachable { error },
            "unsent" => DeliveryOutcome::Unsent { error },
            _ => DeliveryOutcome::Permanent { error },
        },
    })
}
