//! What a promise says of stored facts and the clock, in tables.

mod age;
mod missed;
mod replay;
mod resting;
mod slots;
mod standing;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{Calendar, Dataset, Due, OnHoliday, Rule, Schedule, Slot, SlotState, plain_dataset};

/// A time in the week of the last Friday of November 2026, in UTC: `27 22:00` or `27 22:00:01`.
fn at(text: &str) -> Timestamp {
    let (day, clock) = text.split_once(' ').unwrap();
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    format!("2026-11-{day}T{clock}{seconds}Z").parse().unwrap()
}

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// A dataset that is due each midnight, with 15 minutes of grace and a warning 5 minutes before their end.
fn nightly() -> Dataset {
    let rule = Rule::Every {
        period: 24 * HOUR,
        anchor: at("27 00:00"),
    };
    Dataset {
        due: Some(Due {
            schedule: schedule(rule),
            grace: 15 * MINUTE,
            warn: 5 * MINUTE,
            early: None,
            covers: None,
        }),
        ..plain_dataset("stock")
    }
}

/// The same with another promise.
fn with(change: impl Fn(&mut Due)) -> Dataset {
    let mut dataset = nightly();
    change(dataset.due.as_mut().unwrap());
    dataset
}

fn schedule(rule: Rule) -> Schedule {
    Schedule {
        text: "as the test says".into(),
        rule,
        zone: TimeZone::UTC,
        calendar: None,
        on_holiday: OnHoliday::Skip,
    }
}

/// A calendar that is closed on the weekdays whose bits are set, Sunday being bit 0.
fn closed_on(weekdays: u8) -> Arc<Calendar> {
    Arc::new(Calendar {
        name: "office".into(),
        weekend: weekdays,
        holidays: [].into(),
    })
}

/// The delivery of `nightly` that is due on a day, in a state.
fn slot(day: &str, state: SlotState) -> Slot {
    let due_at = at(&format!("{day} 00:00"));
    let decided_at = match state {
        SlotState::Late => Some(at(&format!("{day} 00:15"))),
        _ => None,
    };
    Slot {
        state,
        decided_at,
        ..super::slot_at(&nightly(), due_at).unwrap()
    }
}
