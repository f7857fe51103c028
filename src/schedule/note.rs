//! Says in words what is odd about an occurrence.

use jiff::civil::{Date, DateTime};

use crate::model::{Calendar, OnHoliday};

use super::calendar::{OPEN_DAY_SEARCH_DAYS_MAX, closed_because, is_closed};
use super::zone::LocalSpan;

/// How many times a sentence lists before it only counts.
const LISTED_TIMES_MAX: usize = 4;

/// Nominal times that do not exist, for which one run starts after the gap.
pub(super) fn left_out(times: &[DateTime], runs_at: DateTime) -> String {
    let same_day = times.iter().all(|time| time.date() == runs_at.date());
    let runs_at = if same_day {
        clock(runs_at)
    } else {
        format!("{} {}", runs_at.date(), clock(runs_at))
    };
    format!("{}; runs at {runs_at} once", do_not_exist(times))
}

/// Nominal times that do not exist and for which nothing runs.
pub(super) fn skipped_gap(times: &[DateTime], gap: LocalSpan) -> String {
    let hours = gap.length().as_secs().div_euclid(3_600);
    format!(
        "{}: the zone leaves out {hours} h; nothing runs for it",
        do_not_exist(times)
    )
}

/// A nominal time that comes again.
pub(super) fn first_pass(local: DateTime, once: bool) -> String {
    let then = if once {
        "runs the first time only"
    } else {
        "this is the first time"
    };
    format!("{} occurs twice on {}; {then}", clock(local), local.date())
}

/// A nominal time that was there before.
pub(super) fn second_pass(local: DateTime) -> String {
    format!(
        "{} occurs twice on {}; this is the second time",
        clock(local),
        local.date()
    )
}

/// A nominal time that the date line brings back and that is not run again.
pub(super) fn not_repeated(local: DateTime) -> String {
    format!(
        "{} occurs twice on {}; ran the first time only",
        clock(local),
        local.date()
    )
}

/// What the calendar did: moved dates, closed dates.
pub(super) fn calendar(
    calendar: &Calendar,
    on_holiday: OnHoliday,
    due_days: &[Date],
    nominal: &[DateTime],
    notes: &mut Vec<String>,
) {
    for day in due_days.iter().filter(|day| is_closed(calendar, **day)) {
        let because = closed_because(calendar, *day);
        notes.push(match on_holiday {
            OnHoliday::Skip => because,
            OnHoliday::RunBefore | OnHoliday::RunAfter => {
                format!("{because}, and no day within {OPEN_DAY_SEARCH_DAYS_MAX} days is open")
            }
        });
    }
    let mut from: Vec<Date> = nominal.iter().map(|time| time.date()).collect();
    from.dedup();
    for date in from.into_iter().filter(|date| !due_days.contains(date)) {
        let to = match on_holiday {
            OnHoliday::RunBefore => due_days.last(),
            OnHoliday::Skip | OnHoliday::RunAfter => due_days.first(),
        };
        if let Some(to) = to {
            notes.push(format!("{}; moved to {to}", closed_because(calendar, date)));
        }
    }
}

fn do_not_exist(times: &[DateTime]) -> String {
    let verb = if times.len() == 1 {
        "does not exist"
    } else {
        "do not exist"
    };
    let date = times.first().map(|time| time.date());
    let one_day = times.iter().all(|time| Some(time.date()) == date);
    let mut listed: Vec<String> = times
        .iter()
        .take(LISTED_TIMES_MAX)
        .map(|time| match date {
            Some(_) if one_day => clock(*time),
            _ => format!("{} {}", time.date(), clock(*time)),
        })
        .collect();
    if times.len() >= super::NOMINAL_TIMES_MAX {
        listed.push("more".to_owned());
    } else if times.len() > LISTED_TIMES_MAX {
        listed.push(format!("{} more", times.len() - LISTED_TIMES_MAX));
    }
    let last = listed.pop().unwrap_or_default();
    let enumeration = if listed.is_empty() {
        last
    } else {
        format!("{} and {last}", listed.join(", "))
    };
    match date {
        Some(date) if one_day => format!("{enumeration} {verb} on {date}"),
        _ => format!("{enumeration} {verb}"),
    }
}

fn clock(local: DateTime) -> String {
    if local.second() == 0 {
        format!("{:02}:{:02}", local.hour(), local.minute())
    } else {
        local.time().to_string()
    }
}
