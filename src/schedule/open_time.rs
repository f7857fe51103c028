//! Time that counts on the open days of a calendar alone: how much of it has passed, and when so much has.
//!
//! An open day counts from its midnight to the next one, with as many hours as the zone gives it. Whole runs of open
//! days are added up as instants, so that a clock change costs nothing and loses nothing.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, Time};

use super::calendar::{ALL_WEEKDAYS, is_closed};
use crate::model::{Calendar, OpenDays, elapsed, later};

/// The longest age that is counted in open time: each of its weeks is looked at.
pub const OPEN_AGE_MAX: Duration = Duration::from_hours(24 * 3_660);

/// When what is of `from` becomes older than `age`: in wall time, or in the open time of a calendar.
///
/// It is never a closed time: what has reached that age as the last open day ends becomes older when the next one
/// begins. `None` when that lies beyond all time, or no day is ever open.
pub fn older_at(counted_in: Option<&OpenDays>, from: Timestamp, age: Duration) -> Option<Timestamp> {
    let Some(days) = counted_in else {
        return Some(later(from, age));
    };
    let mut left = age;
    for (start, end) in open_runs(days, from) {
        let start = start.max(from);
        match end.map(|end| elapsed(start, end)) {
            Some(length) if length <= left => left -= length,
            _ => return start.checked_add(left).ok(),
        }
    }
    None
}

/// How old at `until` is what is of `from`: in wall time, or in the open time of a calendar. What is far older than
/// anything may be has its age in wall time: a date of the year 1, as stands for none in some systems, is not counted
/// day by day.
pub fn age(counted_in: Option<&OpenDays>, from: Timestamp, until: Timestamp) -> Duration {
    let Some(days) = counted_in.filter(|_| elapsed(from, until) < OPEN_AGE_MAX * 4) else {
        return elapsed(from, until);
    };
    let lived = open_runs(days, from).take_while(|(start, _)| *start < until);
    lived
        .map(|(start, end)| elapsed(start.max(from), end.map_or(until, |end| end.min(until))))
        .sum()
}

/// The runs of open days from the day of `from` on: the first instant of each, and the first one behind it.
fn open_runs(days: &OpenDays, from: Timestamp) -> impl Iterator<Item = (Timestamp, Option<Timestamp>)> {
    let calendar = &days.calendar;
    let midnight = |date: Date| {
        let midnight = days.zone.to_ambiguous_timestamp(date.to_datetime(Time::midnight()));
        midnight.compatible().ok()
    };
    let first = open_run(calendar, days.zone.to_datetime(from).date());
    let runs = std::iter::successors(first, move |(_, closed)| open_run(calendar, (*closed)?));
    runs.map_while(move |(open, closed)| Some((midnight(open)?, closed.and_then(midnight))))
}

/// The first open day from `from` on, and the first closed one behind it, if there is any.
fn open_run(calendar: &Calendar, from: Date) -> Option<(Date, Option<Date>)> {
    let weekend = calendar.weekend & ALL_WEEKDAYS;
    if weekend == ALL_WEEKDAYS {
        return None;
    }
    let mut open = from;
    while is_closed(calendar, open) {
        open = open.tomorrow().ok()?;
    }
    if weekend == 0 {
        let closed = calendar.holidays.range(open..).next();
        return Some((open, closed.map(|(date, _)| *date)));
    }
    let mut closed = open;
    while !is_closed(calendar, closed) {
        let Ok(tomorrow) = closed.tomorrow() else {
            return Some((open, None));
        };
        closed = tomorrow;
    }
    Some((open, Some(closed)))
}
