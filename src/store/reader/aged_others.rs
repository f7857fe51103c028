//! Of what no run made, what is beyond the limits of `[history]`: slots, incidents, messages, and freshd's own lives.

use jiff::Timestamp;
use rusqlite::params;

use super::Reader;
use super::aged::rows;
use crate::model::{
    ACCEPTANCES_KEPT_MAX, Aged, ClockStep, HistoryLimits, INCIDENTS_KEPT_MAX, IncidentId, LIVES_KEPT_MAX, Name,
    NotificationId, SearchFrom, TEXTS_LEFT_MAX, first_by_halving,
};
use crate::store::ReadError;
use crate::store::column::{Cells, count, us};

/// Decided slots that are too many (up to ?3) or too old, but for the last two that tell of a dataset.
const SLOTS_BEYOND: &str = "
SELECT due_at_us FROM slots
WHERE dataset = ?1 AND due_at_us > ?2 AND due_at_us < max(?3, ?4) AND state <> 'pending' AND state <> 'late'
    AND due_at_us < (
        SELECT due_at_us FROM slots
        WHERE dataset = ?1 AND state NOT IN ('pending', 'late', 'excused', 'withdrawn')
        ORDER BY due_at_us DESC LIMIT 1 OFFSET 1
    )
ORDER BY due_at_us LIMIT ?5";

/// Resolved incidents that are too many (up to ?2) or too old (before ?3, and up to ?4), that explain or explained nothing that
/// goes on and are explained by nothing that does, of which nothing is on its way, and from which no number is counted on.
const INCIDENTS_BEYOND: &str = "
SELECT id FROM incidents
WHERE id > ?1 AND id <= max(?2, ?4) AND state = 'resolved' AND (id <= ?2 OR resolved_at_us < ?3)
    AND id < (SELECT max(id) FROM incidents)
    AND id NOT IN (
        SELECT cause FROM incidents AS effect INDEXED BY incidents_unresolved
        WHERE effect.state <> 'resolved' AND effect.cause IS NOT NULL
        UNION SELECT with_it.value ->> 'cause'
        FROM incidents AS effect INDEXED BY incidents_unresolved, json_each(effect.told_with) AS with_it
        WHERE effect.state <> 'resolved'
    )
    AND (cause IS NULL OR cause NOT IN (
        SELECT id FROM incidents INDEXED BY incidents_unresolved WHERE state <> 'resolved'
    ))
    AND NOT EXISTS (
        SELECT 1 FROM notifications INDEXED BY notifications_by_incident
        WHERE incident = incidents.id
            AND (state = 'pending' OR notifications.id = (SELECT max(id) FROM notifications))
    )
ORDER BY id LIMIT ?5";

/// Old notifications about no incident.
const NOTIFICATIONS_BEYOND: &str = "
SELECT id FROM notifications INDEXED BY notifications_by_incident
WHERE incident IS NULL AND id > ?1 AND created_at_us < ?2 AND state <> 'pending'
    AND id < (SELECT max(id) FROM notifications)
ORDER BY id LIMIT ?3";

/// Acceptances that are too many or too old; what runs that go on were started with stays.
const ACCEPTANCES_BEYOND: &str = "
SELECT digest, at_us FROM acceptances
WHERE (at_us < ?1 OR number <= (SELECT number FROM acceptances ORDER BY number DESC LIMIT 1 OFFSET ?2))
    AND number < (SELECT max(number) FROM acceptances)
    AND digest NOT IN (
        SELECT text FROM texts WHERE number IN (
            SELECT settings FROM runs INDEXED BY runs_unfinished WHERE state <> 'final'
        )
    )
ORDER BY number LIMIT ?3";

/// Texts that neither an accepted configuration nor a life has, some of which runs may name.
const TEXTS_LEFT: &str = "
SELECT number, text FROM texts
WHERE NOT EXISTS (SELECT 1 FROM settings WHERE digest = text) AND text NOT IN (SELECT boot_id FROM lives)";

/// Numbers of texts that runs name. Reads every run.
const TEXTS_NAMED: &str = "
SELECT settings FROM runs UNION SELECT boot FROM runs WHERE boot IS NOT NULL UNION SELECT boot FROM attempts";

impl Reader {
    pub(super) fn aged_slots(
        &self,
        limits: &HistoryLimits,
        after: Option<(Name, Timestamp)>,
        left: &mut u32,
        aged: &mut Aged,
    ) -> Result<Option<SearchFrom>, ReadError> {
        const AFTER: &str = "SELECT min(dataset) FROM slots WHERE dataset > ?1";
        let (mut dataset, mut after) = match after {
            Some((dataset, after)) => (Some(dataset), after),
            None => (self.name(AFTER, "")?, Timestamp::MIN),
        };
        while let Some(name) = dataset {
            let behind = self.one(
                "SELECT due_at_us + 1 FROM slots WHERE dataset = ?1 ORDER BY due_at_us DESC LIMIT 1 OFFSET ?2",
                params![name.as_str(), limits.each.runs],
                |row| row.get(0),
            )?;
            let found = self.all(
                SLOTS_BEYOND,
                params![
                    name.as_str(),
                    us(after),
                    behind.unwrap_or(i64::MIN),
                    us(limits.each.before),
                    *left
                ],
                |row| Cells::of(row).time(),
            )?;
            let is_full = rows(&found) == *left;
            *left -= rows(&found);
            after = found.last().copied().unwrap_or(after);
            aged.slots
                .extend(found.into_iter().map(|due_at| (name.clone(), due_at)));
            if is_full {
                return Ok(Some(SearchFrom::Slots(Some((name, after)))));
            }
            dataset = self.name(AFTER, name.as_str())?;
            after = Timestamp::MIN;
        }
        Ok(Some(SearchFrom::Incidents(None)))
    }

    pub(super) fn aged_incidents(
        &self,
        limits: &HistoryLimits,
        after: Option<IncidentId>,
        left: &mut u32,
        aged: &mut Aged,
    ) -> Result<Option<SearchFrom>, ReadError> {
        let newest = self.one("SELECT max(id) FROM incidents", [], |row| Cells::of(row).count_maybe())?;
        let newest = newest.flatten().unwrap_or(0);
        let sql = "SELECT id, since_us < ?2 FROM incidents WHERE id >= ?1 ORDER BY id LIMIT 1";
        let before = limits.each.before;
        let last_old = first_by_halving(newest, |id| self.first_of(sql, id, before))?;
        let found = self.all(
            INCIDENTS_BEYOND,
            params![
                after.map_or(0, |id| count(id.0)),
                count(newest.saturating_sub(INCIDENTS_KEPT_MAX)),
                us(before),
                count(last_old),
                *left
            ],
            |row| Cells::of(row).count().map(IncidentId),
        )?;
        let next = match found.last() {
            Some(last) if rows(&found) == *left => SearchFrom::Incidents(Some(*last)),
            _ => SearchFrom::Notifications(None),
        };
        *left -= rows(&found);
        aged.incidents.extend(found);
        Ok(Some(next))
    }

    pub(super) fn aged_notifications(
        &self,
        limits: &HistoryLimits,
        after: Option<NotificationId>,
        left: &mut u32,
        aged: &mut Aged,
    ) -> Result<Option<SearchFrom>, ReadError> {
        let found = self.all(
            NOTIFICATIONS_BEYOND,
            params![after.map_or(0, |id| count(id.0)), us(limits.each.before), *left],
            |row| Cells::of(row).count().map(NotificationId),
        )?;
        let next = match found.last() {
            Some(last) if rows(&found) == *left => SearchFrom::Notifications(Some(*last)),
            _ => SearchFrom::Own,
        };
        *left -= rows(&found);
        aged.notifications.extend(found);
        Ok(Some(next))
    }

    /// What is left over after one piece of it waits for the next round: little comes of it.
    pub(super) fn aged_of_freshd(&self, limits: &HistoryLimits, aged: &mut Aged) -> Result<(), ReadError> {
        let before = us(limits.each.before);
        let rows_max = crate::model::PIECE_ROWS_MAX;
        aged.lives = self.all(
            "SELECT number FROM lives
             WHERE (seen_at_us < ?1 OR number <= (SELECT max(number) FROM lives) - ?2)
                 AND number < (SELECT max(number) FROM lives)
             ORDER BY number LIMIT ?3",
            params![before, count(LIVES_KEPT_MAX), rows_max],
            |row| Cells::of(row).count(),
        )?;
        aged.clock_steps = self.all(
            "SELECT at_us, by_ms FROM clock_steps
             WHERE at_us < ?1 OR number <= (SELECT max(number) FROM clock_steps) - ?2
             ORDER BY number LIMIT ?3",
            params![before, count(LIVES_KEPT_MAX), rows_max],
            |row| {
                let mut cells = Cells::of(row);
                let (at, by_ms) = (cells.time()?, cells.get()?);
                Ok(ClockStep { at, by_ms })
            },
        )?;
        aged.acceptances = self.all(
            ACCEPTANCES_BEYOND,
            params![before, ACCEPTANCES_KEPT_MAX, rows_max],
            |row| {
                let mut cells = Cells::of(row);
                Ok((cells.get()?, cells.time()?))
            },
        )?;
        Ok(())
    }

    /// Texts that nothing names, once so many are left that it is worth a look at all runs; one piece of them.
    pub(super) fn texts_left(&self) -> Result<Vec<String>, ReadError> {
        let left = format!("SELECT count(*) FROM ({TEXTS_LEFT} LIMIT ?1)");
        let left: Option<u32> = self.one(&left, [TEXTS_LEFT_MAX], |row| row.get(0))?;
        if left < Some(TEXTS_LEFT_MAX) {
            return Ok(Vec::new());
        }
        self.all(
            &format!("SELECT text FROM ({TEXTS_LEFT}) WHERE number NOT IN ({TEXTS_NAMED}) ORDER BY number LIMIT ?1"),
            [TEXTS_LEFT_MAX],
            |row| row.get(0),
        )
    }
}
