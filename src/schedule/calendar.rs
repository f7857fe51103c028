//! Open and closed days of a calendar, and how far its dates reach.

use jiff::civil::Date;

use crate::model::Calendar;

/// How far away an open day is looked for; a calendar closed for longer has none to move to.
pub const OPEN_DAY_SEARCH_DAYS_MAX: usize = 366;

/// How many days a calendar's dates should reach ahead.
pub const CALENDAR_LOOK_AHEAD_DAYS: i32 = 60;

/// A calendar's weekend bits when no day is ever open.
pub(super) const ALL_WEEKDAYS: u8 = 0x7f;

/// Whether the calendar is closed on that day, by its weekend or its dates.
pub fn is_closed(calendar: &Calendar, date: Date) -> bool {
    calendar.weekend >> date.weekday().to_sunday_zero_offset() & 1 == 1 || calendar.holidays.contains_key(&date)
}

/// The first open day from `date` on, that day included, at most [`OPEN_DAY_SEARCH_DAYS_MAX`] days away.
pub fn next_open_day(calendar: &Calendar, date: Date) -> Option<Date> {
    nearest_open_day(calendar, date, |date| date.tomorrow().ok())
}

/// The last open day up to `date`, that day included, at most [`OPEN_DAY_SEARCH_DAYS_MAX`] days away.
pub fn previous_open_day(calendar: &Calendar, date: Date) -> Option<Date> {
    nearest_open_day(calendar, date, |date| date.yesterday().ok())
}

/// The last dated entry, where the calendar has any.
pub fn last_entry(calendar: &Calendar) -> Option<Date> {
    calendar.holidays.keys().next_back().copied()
}

/// The last dated entry, when it lies less than [`CALENDAR_LOOK_AHEAD_DAYS`] ahead of `today`: time to extend the calendar.
///
/// `None` also for a calendar that has a weekend alone, which never runs out.
pub fn runs_out(calendar: &Calendar, today: Date) -> Option<Date> {
    let horizon = today.saturating_add(jiff::Span::new().days(CALENDAR_LOOK_AHEAD_DAYS));
    last_entry(calendar).filter(|last| *last < horizon)
}

/// What a closed day is called: the holiday's name, else why it is closed.
pub(super) fn closed_because(calendar: &Calendar, date: Date) -> String {
    match calendar.holidays.get(&date) {
        Some(name) if !name.is_empty() => format!("{date} is closed ({name})"),
        Some(_) => format!("{date} is closed (holiday)"),
        None => format!("{date} is closed (weekend)"),
    }
}

/// The days without a gap before (or after) `date` that are closed, nearest first, at most [`OPEN_DAY_SEARCH_DAYS_MAX`].
pub(super) fn closed_run(
    calendar: &Calendar,
    date: Date,
    step: fn(Date) -> Option<Date>,
) -> impl Iterator<Item = Date> {
    std::iter::successors(step(date), move |date| step(*date))
        .take(OPEN_DAY_SEARCH_DAYS_MAX)
        .take_while(|date| is_closed(calendar, *date))
}

fn nearest_open_day(calendar: &Calendar, date: Date, step: fn(Date) -> Option<Date>) -> Option<Date> {
    if calendar.weekend & ALL_WEEKDAYS == ALL_WEEKDAYS {
        return None;
    }
    std::iter::successors(Some(date), |date| step(*date))
        .take(OPEN_DAY_SEARCH_DAYS_MAX + 1)
        .find(|date| !is_closed(calendar, *date))
}
