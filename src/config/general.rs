//! What only the root file says of alerts; and `[pools]`.

use std::time::Duration;

use super::reader::Table;
use crate::model::{AlertRules, DIGEST_EVERY_MAX, Name};

/// How often an address may get a digest.
const DIGEST_EVERY: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=DIGEST_EVERY_MAX;

/// Most reminders before the daily ones.
const REMINDERS_MAX: usize = 20;

/// Earliest reminder: one with the opening says the same twice.
const REMINDER_MIN: Duration = Duration::from_secs(1);

/// Reads `[alerts]`.
pub(super) fn alerts(table: Table<'_>) -> AlertRules {
    let mut rules = AlertRules::default();
    if let Some(group_wait) = table.duration("group_wait") {
        rules.group_wait = group_wait;
    }
    if let Some(value) = table.get("reminders")
        && let Some(list) = value.list()
    {
        if list.len() > REMINDERS_MAX {
            let message = format!("more than {REMINDERS_MAX} reminders");
            value.error(message, "after the last one, reminders go on each working day");
        }
        rules.reminders.clear();
        for item in list {
            let Some(after) = item.duration() else { continue };
            if rules.reminders.last().is_some_and(|before| after <= *before) {
                item.error(
                    "this reminder is not later than the one before it",
                    "each is so long after the opening: write the earliest first, as in [\"1h\", \"4h\"]",
                );
            }
            if after < REMINDER_MIN {
                item.error(
                    "a reminder comes a second after the opening at the earliest",
                    "write [\"1h\", \"4h\"]; take it out where the opening is enough",
                );
            }
            rules.reminders.push(after);
        }
    }
    if let Some(value) = table.get("digest_every")
        && let Some(every) = value.duration()
    {
        if !DIGEST_EVERY.contains(&every) {
            value.error(
                "digests come every second at most, and every hour at least",
                "write digest_every = \"15m\"",
            );
        }
        rules.digest_every = every;
    }
    if let Some(weekly) = table.flag("weekly") {
        rules.weekly = weekly;
    }
    if let Some(canary) = table.flag("canary") {
        rules.canary = canary;
    }
    table.finish();
    rules
}

/// Reads one pool.
pub(super) fn pool(name: &Name, table: Table<'_>) -> u32 {
    if !table.has("slots") {
        table.missing(
            "slots",
            format!("pool `{name}` does not say how many may run"),
            "write slots = 2",
        );
    }
    let slots = table.whole("slots", (1, 100_000)).unwrap_or(1);
    table.finish();
    u32::try_from(slots).unwrap_or(1)
}
