//! What a schedule promises, in tables.

mod calendars;
mod days;
mod icals;
mod parsing;
mod properties;
mod zones;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{coming, parse_cron};
use crate::model::{Calendar, OnHoliday, Rule, Schedule};

/// A cron schedule in a zone, without a calendar.
fn cron(text: &str, zone: &str) -> Schedule {
    let seconds = text.split_whitespace().count() == 6;
    Schedule {
        text: text.into(),
        rule: Rule::Cron(parse_cron(text, seconds).unwrap()),
        zone: TimeZone::get(zone).unwrap(),
        calendar: None,
        on_holiday: OnHoliday::Skip,
    }
}

/// A cron schedule with a calendar.
fn with_calendar(text: &str, zone: &str, calendar: Calendar, on_holiday: OnHoliday) -> Schedule {
    Schedule {
        calendar: Some(Arc::new(calendar)),
        on_holiday,
        ..cron(text, zone)
    }
}

/// A calendar closed on Saturdays, Sundays and the given dates.
fn office(holidays: &[(&str, &str)]) -> Calendar {
    Calendar {
        name: "office".into(),
        weekend: 0b100_0001,
        holidays: holidays
            .iter()
            .map(|(date, name)| (date.parse().unwrap(), Arc::from(*name)))
            .collect(),
    }
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The coming occurrences, one a line: instant in UTC, nominal times, why skipped, note.
fn lines(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    coming(schedule, instant(after), count)
        .iter()
        .map(|occurrence| {
            let nominal: Vec<String> = occurrence.nominal.iter().map(ToString::to_string).collect();
            let skip = occurrence.skip.map_or(String::new(), |skip| format!(" [{skip:?}]"));
            let note = occurrence
                .note
                .as_ref()
                .map_or(String::new(), |note| format!(" ({note})"));
            format!("{} = {}{skip}{note}", occurrence.at, nominal.join(" + "))
        })
        .collect()
}

/// Compares the coming occurrences with what is written.
fn check(schedule: &Schedule, after: &str, expected: &[&str]) {
    let found = lines(schedule, after, expected.len());
    assert_eq!(found, expected, "`{}` after {after}", schedule.text);
}
