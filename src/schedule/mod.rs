//! PURE: when is it due? Cron, intervals, calendars, DST.

mod calendar;
mod cron;
mod days;
mod due_days;
mod field;
mod ical;
mod interval;
mod note;
mod open_time;
mod parse;
mod recurrence;
mod spread;
#[cfg(test)]
mod tests;
mod windows;
mod zone;

pub use calendar::{
    CALENDAR_LOOK_AHEAD_DAYS, OPEN_DAY_SEARCH_DAYS_MAX, is_closed, last_entry, next_open_day, previous_open_day,
    runs_out,
};
pub use cron::NOMINAL_TIMES_MAX;
pub use days::SEARCH_YEARS_MAX;
pub use ical::{ClosedDays, ICAL_BYTES_MAX, IcalError, parse_ical};
pub use open_time::{OPEN_AGE_MAX, age, older_at};
pub use parse::{CRON_LINE_BYTES_MAX, ParseError, day_rule_note, parse_cron};
pub use spread::start_offset;
pub use windows::{note_window, open_at, open_until, open_window, window_after, window_at};

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;

use crate::model::{Occurrence, OnHoliday, Rule, Schedule};

/// The first occurrence strictly later than `after`, also one that will not run (`skip` says why).
///
/// `None` when nothing is due within [`SEARCH_YEARS_MAX`] years, and for [`Rule::On`], which no clock makes due.
///
/// # Panics
/// When the answer would not be later than `after`: a scheduler that goes back would start work twice.
pub fn next(schedule: &Schedule, after: Timestamp) -> Option<Occurrence> {
    let occurrence = match &schedule.rule {
        Rule::Cron(fields) => cron::next(schedule, fields, after),
        Rule::Every { period, anchor } => interval::next(schedule, *period, *anchor, after),
        Rule::On(_) => None,
    };
    if let Some(occurrence) = &occurrence {
        assert!(
            occurrence.at > after,
            "`{}` would be due at {} after {after}",
            schedule.text,
            occurrence.at
        );
    }
    occurrence
}

/// The last occurrence strictly earlier than `before` that runs (`skip` is `None`).
///
/// `None` when there is none within [`SEARCH_YEARS_MAX`] years, and for [`Rule::On`].
///
/// # Panics
/// When the answer would not be earlier than `before`.
pub fn previous(schedule: &Schedule, before: Timestamp) -> Option<Occurrence> {
    let occurrence = match &schedule.rule {
        Rule::Cron(fields) => cron::previous(schedule, fields, before),
        Rule::Every { period, anchor } => interval::previous(schedule, *period, *anchor, before),
        Rule::On(_) => None,
    };
    if let Some(occurrence) = &occurrence {
        assert!(
            occurrence.at < before,
            "`{}` would have been due at {} before {before}",
            schedule.text,
            occurrence.at
        );
    }
    occurrence
}

/// The next occurrence after `after` that no calendar closes.
pub fn next_open(schedule: &Schedule, after: Timestamp) -> Option<Occurrence> {
    /// More closed days in a row than this end the search.
    const SKIPPED_MAX: usize = 1_000;
    std::iter::successors(next(schedule, after), |last| next(schedule, last.at))
        .take(SKIPPED_MAX)
        .find(|next| next.skip.is_none())
}

/// The next `count` occurrences after `after`, in order, those that will not run included.
pub fn coming(schedule: &Schedule, after: Timestamp, count: usize) -> Vec<Occurrence> {
    std::iter::successors(next(schedule, after), |last| next(schedule, last.at))
        .take(count)
        .collect()
}

/// The first `count` occurrences of all schedules in order of time, each with its schedule's place in the list.
pub fn merged(schedules: &[&Schedule], after: Timestamp, count: usize) -> Vec<(usize, Occurrence)> {
    let mut heads: Vec<Option<Occurrence>> = schedules.iter().map(|schedule| next(schedule, after)).collect();
    let mut order: BinaryHeap<Reverse<(Timestamp, usize)>> = BinaryHeap::new();
    let at_head = |(index, head): (usize, &Option<Occurrence>)| Some(Reverse((head.as_ref()?.at, index)));
    order.extend(heads.iter().enumerate().filter_map(at_head));
    let mut coming = Vec::new();
    while coming.len() < count
        && let Some(Reverse((_, index))) = order.pop()
    {
        let Some(occurrence) = heads[index].take() else {
            continue;
        };
        heads[index] = next(schedules[index], occurrence.at);
        order.extend(heads[index].as_ref().map(|next| Reverse((next.at, index))));
        coming.push((index, occurrence));
    }
    coming
}

/// Whether the schedule can never start anything: 31 February, or only days its calendar always closes.
///
/// Exact, not a search: a year is one of 14 kinds, and each is looked at.
pub fn never_fires(schedule: &Schedule) -> bool {
    let weekend = schedule.calendar.as_ref().map_or(0, |calendar| calendar.weekend);
    let always_closed = weekend & calendar::ALL_WEEKDAYS == calendar::ALL_WEEKDAYS;
    match &schedule.rule {
        Rule::Cron(fields) => {
            let closed = match schedule.on_holiday {
                OnHoliday::Skip => weekend,
                OnHoliday::RunBefore | OnHoliday::RunAfter => 0,
            };
            always_closed || !days::ever_matches(fields, closed)
        }
        Rule::Every { .. } => always_closed,
        Rule::On(_) => false,
    }
}
