//! What a schedule promises, in tables.

mod calendars;
mod days;
mod icals;
mod open_time;
mod parsing;
mod properties;
mod windows;
mod zones;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{coming, merged, parse_cron};
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

#[test]
fn schedules_are_merged_by_time_and_then_by_their_place() {
    let (hourly, half_hourly) = (cron("0 * * * *", "UTC"), cron("*/30 * * * *", "UTC"));
    let february = cron("0 0 30 2 *", "UTC");
    let found = |count| -> Vec<(usize, String)> {
        let all = merged(
            &[&hourly, &february, &half_hourly],
            instant("2026-03-02T10:00:00Z"),
            count,
        );
        all.into_iter()
            .map(|(place, occurrence)| (place, occurrence.at.to_string()))
            .collect()
    };
    let (half, eleven) = ("2026-03-02T10:30:00Z".to_owned(), "2026-03-02T11:00:00Z".to_owned());
    let expected = [
        (2, half),
        (0, eleven.clone()),
        (2, eleven),
        (2, "2026-03-02T11:30:00Z".to_owned()),
    ];
    assert_eq!(found(4), expected);
    assert_eq!(found(2), expected[..2]);
    assert_eq!(found(0), []);
}
