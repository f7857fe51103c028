//! The occurrences of `every`: a fixed grid in UTC that no zone, restart or reload moves.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;

use crate::model::{Occurrence, Schedule, Skip};

use super::calendar::{closed_because, is_closed};
use super::days::SEARCH_YEARS_MAX;

/// The first point of the grid later than `after`.
pub(super) fn next(schedule: &Schedule, period: Duration, anchor: Timestamp, after: Timestamp) -> Option<Occurrence> {
    let (period, anchor) = (period_nanoseconds(period)?, anchor.as_nanosecond());
    let steps = (after.as_nanosecond() - anchor).div_euclid(period) + 1;
    let at = Timestamp::from_nanosecond(anchor.checked_add(steps.checked_mul(period)?)?).ok()?;
    Some(occurrence(schedule, at))
}

/// The last point of the grid earlier than `before`, on an open day.
pub(super) fn previous(
    schedule: &Schedule,
    period: Duration,
    anchor: Timestamp,
    before: Timestamp,
) -> Option<Occurrence> {
    let (period, anchor) = (period_nanoseconds(period)?, anchor.as_nanosecond());
    let mut before = before;
    let days_max = i32::from(SEARCH_YEARS_MAX) * 366;
    for _ in 0..days_max {
        let steps = (before.as_nanosecond() - 1 - anchor).div_euclid(period);
        let at = Timestamp::from_nanosecond(anchor.checked_add(steps.checked_mul(period)?)?).ok()?;
        let occurrence = occurrence(schedule, at);
        if occurrence.skip.is_none() {
            return Some(occurrence);
        }
        // Nothing earlier on the same closed day runs either.
        let day = schedule.zone.to_datetime(at).date();
        let day_start = schedule.zone.to_timestamp(day.to_datetime(Time::midnight()));
        before = day_start.ok()?.min(at);
    }
    None
}

fn period_nanoseconds(period: Duration) -> Option<i128> {
    i128::try_from(period.as_nanos()).ok().filter(|period| *period > 0)
}

/// A point of the grid. On a closed day it is skipped whatever `on_holiday` says: a grid has no other day to move to.
fn occurrence(schedule: &Schedule, at: Timestamp) -> Occurrence {
    let nominal = schedule.zone.to_datetime(at);
    let closed = schedule
        .calendar
        .as_deref()
        .filter(|calendar| is_closed(calendar, nominal.date()));
    Occurrence {
        at,
        nominal: vec![nominal],
        skip: closed.map(|_| Skip::Holiday),
        note: closed.map(|calendar| closed_because(calendar, nominal.date())),
    }
}
