//! The dates on which a cron rule is due: its matching dates, moved to open days where the calendar asks for it.

use jiff::civil::Date;

use crate::model::{Calendar, CronFields, OnHoliday, Schedule};

use super::calendar::{closed_run, is_closed, next_open_day, previous_open_day};
use super::days::{first_day, last_day, matches_day};

/// The due dates of one schedule.
///
/// A cron rule has the same times of day on each of its dates, so moving an occurrence "to the next open day, at the
/// same time of day" is moving the whole date: it becomes a due date, or joins one that is there already. Moving keeps
/// the order of dates (an earlier one never passes a later one), on which the searches here rest.
#[derive(Clone, Copy)]
pub(super) struct DueDays<'a> {
    fields: &'a CronFields,
    calendar: Option<&'a Calendar>,
    on_holiday: OnHoliday,
}

impl<'a> DueDays<'a> {
    pub(super) fn new(schedule: &'a Schedule, fields: &'a CronFields) -> Self {
        Self {
            fields,
            calendar: schedule.calendar.as_deref(),
            on_holiday: schedule.on_holiday,
        }
    }

    /// The first due date from `from` on, closed ones included.
    pub(super) fn first(&self, from: Date) -> Option<Date> {
        let mut written = match (self.calendar, self.on_holiday) {
            (None, _) | (_, OnHoliday::Skip) => return first_day(self.fields, from),
            (Some(_), OnHoliday::RunBefore) => from,
            (Some(calendar), OnHoliday::RunAfter) => closed_run(calendar, from, |date| date.yesterday().ok())
                .last()
                .unwrap_or(from),
        };
        loop {
            written = first_day(self.fields, written)?;
            let due = self.moved(written);
            if due >= from {
                return Some(due);
            }
            written = written.tomorrow().ok()?;
        }
    }

    /// The last due date up to `until`; on request only one that is open.
    pub(super) fn last(&self, until: Date, open_only: bool) -> Option<Date> {
        let oldest = until.year().saturating_sub(super::SEARCH_YEARS_MAX);
        let mut written = match (self.calendar, self.on_holiday) {
            (Some(calendar), OnHoliday::RunBefore) => closed_run(calendar, until, |date| date.tomorrow().ok())
                .last()
                .unwrap_or(until),
            _ => until,
        };
        loop {
            written = last_day(self.fields, written)?;
            if written.year() < oldest {
                return None;
            }
            let due = self.moved(written);
            if due <= until && !(open_only && self.is_closed(due)) {
                return Some(due);
            }
            written = written.yesterday().ok()?;
        }
    }

    /// The matching dates that a due date stands for, in order; none when it is not a due date.
    pub(super) fn written(&self, due: Date) -> Vec<Date> {
        let mut dates = Vec::with_capacity(1);
        if matches_day(self.fields, due) && self.moved(due) == due {
            dates.push(due);
        }
        let Some(calendar) = self.calendar.filter(|calendar| !is_closed(calendar, due)) else {
            return dates;
        };
        let step: fn(Date) -> Option<Date> = match self.on_holiday {
            OnHoliday::Skip => return dates,
            OnHoliday::RunBefore => |date| date.tomorrow().ok(),
            OnHoliday::RunAfter => |date| date.yesterday().ok(),
        };
        dates.extend(closed_run(calendar, due, step).filter(|date| matches_day(self.fields, *date)));
        dates.sort_unstable();
        dates
    }

    /// Whether the calendar is closed on a due date, so that nothing runs then.
    pub(super) fn is_closed(&self, due: Date) -> bool {
        self.calendar.is_some_and(|calendar| is_closed(calendar, due))
    }

    /// Where a matching date goes; itself when it is open, stays closed, or has no open day in reach.
    fn moved(&self, written: Date) -> Date {
        let open = match (self.calendar, self.on_holiday) {
            (None, _) | (_, OnHoliday::Skip) => None,
            (Some(calendar), OnHoliday::RunBefore) => previous_open_day(calendar, written),
            (Some(calendar), OnHoliday::RunAfter) => next_open_day(calendar, written),
        };
        open.unwrap_or(written)
    }
}
