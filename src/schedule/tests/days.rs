//! Which dates match, against a naive look at each date; and rules that never match.

use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::{cron, instant, office, with_calendar};
use crate::model::{OnHoliday, Rule, Schedule};
use crate::schedule::{coming, never_fires, next, previous};

/// The dates of four years on which the line is due, in UTC.
fn dates(line: &str) -> Vec<Date> {
    let end: Date = "2029-01-01".parse().unwrap();
    coming(&cron(line, "UTC"), instant("2024-12-31T23:59:59Z"), 2_000)
        .iter()
        .map(|occurrence| occurrence.nominal[0].date())
        .take_while(|date| *date < end)
        .collect()
}

/// Whether a date matches.
type Naive<'a> = &'a dyn Fn(Date) -> bool;

fn naive(matches: impl Fn(Date) -> bool) -> Vec<Date> {
    let start: Date = "2025-01-01".parse().unwrap();
    start
        .series(1.day())
        .take(4 * 365 + 1)
        .filter(|date| matches(*date))
        .collect()
}

fn is_weekday(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

#[test]
fn dates_match_as_a_look_at_each_date_says() {
    let days_from_end = |date: Date| date.days_in_month() - date.day();
    let nearest = |date: Date, target: i8| {
        if target > date.days_in_month() {
            return false;
        }
        let all: Vec<Date> = (1..=date.days_in_month())
            .map(|day| Date::new(date.year(), date.month(), day).unwrap())
            .filter(|date| is_weekday(*date))
            .collect();
        all.iter().min_by_key(|date| (date.day() - target).abs()).unwrap() == &date
    };
    let rules: [(&str, Naive<'_>); 17] = [
        ("0 0 * * *", &|_| true),
        ("0 0 31 * *", &|date| date.day() == 31),
        ("0 0 29 2 *", &|date| date.day() == 29 && date.month() == 2),
        ("0 0 L * *", &|date| days_from_end(date) == 0),
        ("0 0 L-3 * *", &|date| days_from_end(date) == 3),
        ("0 0 L-30 * *", &|date| days_from_end(date) == 30),
        ("0 0 1W * *", &|date| nearest(date, 1)),
        ("0 0 15W * *", &|date| nearest(date, 15)),
        ("0 0 31W * *", &|date| nearest(date, 31)),
        ("0 0 LW * *", &|date| nearest(date, date.days_in_month())),
        ("0 0 * * FRI", &|date| date.weekday() == Weekday::Friday),
        ("0 0 * * FRI#2", &|date| {
            date.weekday() == Weekday::Friday && (8..15).contains(&date.day())
        }),
        ("0 0 * * SUN#5", &|date| {
            date.weekday() == Weekday::Sunday && date.day() > 28
        }),
        ("0 0 * * FRIL", &|date| {
            date.weekday() == Weekday::Friday && days_from_end(date) < 7
        }),
        ("0 0 13 * FRI", &|date| {
            date.day() == 13 || date.weekday() == Weekday::Friday
        }),
        ("0 0 */2 * MON", &|date| {
            date.day() % 2 == 1 && date.weekday() == Weekday::Monday
        }),
        ("0 0 13 6 */5", &|date| {
            date.day() == 13 && date.month() == 6 && matches!(date.weekday(), Weekday::Sunday | Weekday::Friday)
        }),
    ];
    for (line, matches) in rules {
        assert_eq!(dates(line), naive(matches), "{line}");
    }
}

#[test]
fn a_rule_that_can_never_match_is_known_at_once() {
    for line in [
        "0 0 31 2 *",
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
        "0 0 30W 2 *",
        "0 0 L-29 2 *",
    ] {
        let schedule = cron(line, "Europe/Oslo");
        assert!(never_fires(&schedule), "{line}");
        assert_eq!(next(&schedule, instant("2027-01-01T00:00:00Z")), None, "{line}");
        assert_eq!(previous(&schedule, instant("2027-01-01T00:00:00Z")), None, "{line}");
    }
    for line in [
        "0 0 29 2 *",
        "0 0 31 2,3 *",
        "0 0 31 2 MON",
        "0 0 L-28 2 *",
        "0 0 * * SUN#5",
    ] {
        assert!(!never_fires(&cron(line, "Europe/Oslo")), "{line}");
    }
}

#[test]
fn a_leap_day_on_one_weekday_is_found_over_a_century_without_a_leap_year() {
    // 29 February on a Sunday: 2088, then, 2100 being no leap year, 2128.
    let schedule = cron("0 0 29 2 */7", "UTC");
    let next = next(&schedule, instant("2088-03-01T00:00:00Z")).unwrap();
    assert_eq!(next.at, instant("2128-02-29T00:00:00Z"));
    let back = previous(&schedule, next.at).unwrap();
    assert_eq!(back.at, instant("2088-02-29T00:00:00Z"));
}

#[test]
fn a_schedule_whose_days_are_always_closed_never_fires() {
    let saturday = |on_holiday| with_calendar("0 2 * * SAT", "UTC", office(&[]), on_holiday);
    assert!(never_fires(&saturday(OnHoliday::Skip)));
    assert!(!never_fires(&saturday(OnHoliday::RunBefore)));
    assert!(!never_fires(&with_calendar(
        "0 2 * * FRI",
        "UTC",
        office(&[]),
        OnHoliday::Skip
    )));

    let mut shut = office(&[]);
    shut.weekend = 0x7f;
    for on_holiday in [OnHoliday::Skip, OnHoliday::RunBefore, OnHoliday::RunAfter] {
        let schedule = with_calendar("* * * * *", "UTC", shut.clone(), on_holiday);
        assert!(never_fires(&schedule));
        let first = next(&schedule, instant("2027-01-01T00:00:00Z")).unwrap();
        assert!(first.skip.is_some());
        assert_eq!(previous(&schedule, first.at), None);
    }
}

#[test]
fn the_ends_of_time_are_quiet() {
    for line in ["* * * * *", "0 0 29 2 *", "59 23 31 12 *"] {
        let schedule = cron(line, "Europe/Oslo");
        assert_eq!(next(&schedule, jiff::Timestamp::MAX), None);
        assert_eq!(previous(&schedule, jiff::Timestamp::MIN), None);
        assert!(previous(&schedule, jiff::Timestamp::MAX).is_some());
        assert!(next(&schedule, jiff::Timestamp::MIN).is_some());
    }
}

#[test]
fn between_two_seconds_before_1970_the_next_one_is_due_too() {
    let each_second = cron("* * * * * *", "UTC");
    let between = instant("1969-12-31T23:59:30.5Z");
    let found = (next(&each_second, between), previous(&each_second, between));
    let expected = (instant("1969-12-31T23:59:31Z"), instant("1969-12-31T23:59:30Z"));
    assert_eq!((found.0.unwrap().at, found.1.unwrap().at), expected);
}

#[test]
fn an_interval_is_a_grid_in_utc() {
    let mut schedule = Schedule {
        rule: Rule::Every {
            period: Duration::from_mins(15),
            anchor: instant("2027-01-01T00:05:00Z"),
        },
        ..cron("0 0 * * *", "Europe/Oslo")
    };
    for (after, at) in [
        ("2027-03-28T00:50:00Z", "2027-03-28T01:05:00Z"),
        ("2027-03-28T00:49:59.999Z", "2027-03-28T00:50:00Z"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:05:00Z"),
    ] {
        let occurrence = next(&schedule, instant(after)).unwrap();
        assert_eq!(occurrence.at, instant(at));
        assert_eq!(occurrence.note, None);
    }
    let before = previous(&schedule, instant("2027-03-28T00:50:00Z")).unwrap();
    assert_eq!(before.at, instant("2027-03-28T00:35:00Z"));

    // The weekend of 27 and 28 March 2027 in Oslo ends at 22:00 UTC.
    schedule.calendar = Some(office(&[]).into());
    let closed = next(&schedule, instant("2027-03-28T21:40:00Z")).unwrap();
    assert_eq!(closed.skip, Some(crate::model::Skip::Holiday));
    let open = next(&schedule, instant("2027-03-28T22:00:00Z")).unwrap();
    assert_eq!(open.skip, None);
    let friday = previous(&schedule, open.at).unwrap();
    assert_eq!(friday.at, instant("2027-03-26T22:50:00Z"));

    schedule.rule = Rule::Every {
        period: Duration::from_secs(1),
        anchor: instant("2027-01-01T00:00:00Z"),
    };
    let friday = previous(&schedule, instant("2027-03-28T22:00:00Z")).unwrap();
    assert_eq!(friday.at, instant("2027-03-26T22:59:59Z"));
}

#[test]
fn what_waits_for_a_dataset_has_no_due_time() {
    let schedule = Schedule {
        rule: Rule::On(vec!["items".into()]),
        ..cron("0 0 * * *", "UTC")
    };
    assert_eq!(next(&schedule, instant("2027-01-01T00:00:00Z")), None);
    assert_eq!(previous(&schedule, instant("2027-01-01T00:00:00Z")), None);
    assert!(!never_fires(&schedule));
}
