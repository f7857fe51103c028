//! Closed days: skipped, moved before, moved after.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};

use super::{check, cron, instant, office, with_calendar};
use crate::model::{Calendar, OnHoliday, Schedule, Skip};
use crate::schedule::{coming, is_closed, last_entry, next, next_open_day, previous, previous_open_day, runs_out};

const CHRISTMAS: &[(&str, &str)] = &[("2026-12-25", "Christmas Day"), ("2026-12-24", "")];

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

#[test]
fn a_closed_day_is_skipped_and_says_why() {
    let schedule = with_calendar("0 8 * * *", "UTC", office(CHRISTMAS), OnHoliday::Skip);
    check(
        &schedule,
        "2026-12-23T08:00:00Z",
        &[
            "2026-12-24T08:00:00Z = 2026-12-24T08:00:00 [Holiday] (2026-12-24 is closed (holiday))",
            "2026-12-25T08:00:00Z = 2026-12-25T08:00:00 [Holiday] (2026-12-25 is closed (Christmas Day))",
            "2026-12-26T08:00:00Z = 2026-12-26T08:00:00 [Holiday] (2026-12-26 is closed (weekend))",
            "2026-12-27T08:00:00Z = 2026-12-27T08:00:00 [Holiday] (2026-12-27 is closed (weekend))",
            "2026-12-28T08:00:00Z = 2026-12-28T08:00:00",
        ],
    );
    let back = previous(&schedule, instant("2026-12-28T08:00:00Z")).unwrap();
    assert_eq!(back.at, instant("2026-12-23T08:00:00Z"));
}

#[test]
fn a_weekly_job_moves_before_or_after_a_holiday() {
    check(
        &with_calendar("0 22 * * FRI", "Europe/Oslo", office(CHRISTMAS), OnHoliday::RunBefore),
        "2026-12-19T00:00:00Z",
        &[
            "2026-12-23T21:00:00Z = 2026-12-25T22:00:00 (2026-12-25 is closed (Christmas Day); moved to 2026-12-23)",
            "2027-01-01T21:00:00Z = 2027-01-01T22:00:00",
        ],
    );
    check(
        &with_calendar("0 22 * * FRI", "Europe/Oslo", office(CHRISTMAS), OnHoliday::RunAfter),
        "2026-12-19T00:00:00Z",
        &[
            "2026-12-28T21:00:00Z = 2026-12-25T22:00:00 (2026-12-25 is closed (Christmas Day); moved to 2026-12-28)",
            "2027-01-01T21:00:00Z = 2027-01-01T22:00:00",
        ],
    );
}

#[test]
fn occurrences_that_move_to_the_same_instant_are_one() {
    check(
        &with_calendar("0 8 * * *", "UTC", office(CHRISTMAS), OnHoliday::RunAfter),
        "2026-12-23T08:00:00Z",
        &[
            "2026-12-28T08:00:00Z = 2026-12-24T08:00:00 + 2026-12-25T08:00:00 + 2026-12-26T08:00:00 + 2026-12-27T08:00:00 + 2026-12-28T08:00:00 \
             (2026-12-24 is closed (holiday); moved to 2026-12-28; 2026-12-25 is closed (Christmas Day); moved to 2026-12-28; \
             2026-12-26 is closed (weekend); moved to 2026-12-28; 2026-12-27 is closed (weekend); moved to 2026-12-28)",
            "2026-12-29T08:00:00Z = 2026-12-29T08:00:00",
        ],
    );
}

#[test]
fn a_moved_occurrence_still_runs_once_on_a_day_that_changes_clocks() {
    // Saturday moves to Sunday 28 March, where 02:30 does not exist.
    let mut calendar = office(&[]);
    calendar.weekend = 0b100_0000;
    check(
        &with_calendar(
            "0,30 2 * * SAT,SUN",
            "Europe/Oslo",
            calendar.clone(),
            OnHoliday::RunAfter,
        ),
        "2027-03-27T00:00:00Z",
        &[
            "2027-03-28T01:00:00Z = 2027-03-27T02:00:00 + 2027-03-27T02:30:00 + 2027-03-28T02:00:00 + 2027-03-28T02:30:00 (02:00 and 02:30 do not exist on 2027-03-28; runs at 03:00 once; 2027-03-27 is closed (weekend); moved to 2027-03-28)",
        ],
    );
    check(
        &with_calendar("30 2 * * SAT", "Europe/Oslo", calendar, OnHoliday::RunAfter),
        "2027-03-27T00:00:00Z",
        &[
            "2027-03-28T01:00:00Z = 2027-03-27T02:30:00 (02:30 does not exist on 2027-03-28; runs at 03:00 once; 2027-03-27 is closed (weekend); moved to 2027-03-28)",
        ],
    );
}

#[test]
fn a_run_after_a_gap_over_midnight_is_skipped_only_when_both_its_days_are_closed() {
    // On the night from Sunday to Monday 2027-03-15 the clock goes from 23:30 to 00:30.
    for (line, weekend, skip) in [
        ("45 23 * * *", 0b100_0001, true),
        ("15 0 * * *", 0b100_0001, false),
        ("15 0,23 * * *", 0b000_0010, true),
        ("15,45 0,23 * * *", 0b000_0010, false),
        ("15,45 0,23 * * *", 0b000_0011, true),
        ("*/5 * 0,23 * * *", 0b000_0001, false),
        ("*/5 * 0,23 * * *", 0b000_0010, false),
    ] {
        let mut calendar = office(&[]);
        calendar.weekend = weekend;
        let schedule = Schedule {
            zone: TimeZone::posix("STD0DST,M3.2.0/23:30,M11.1.0").unwrap(),
            ..with_calendar(line, "UTC", calendar, OnHoliday::Skip)
        };
        let change = instant("2027-03-14T23:30:00Z");
        let occurrence = next(&schedule, change - SignedDuration::from_secs(1)).unwrap();
        assert_eq!(occurrence.at, change, "{line}");
        let expected = skip.then_some(Skip::Holiday);
        assert_eq!(occurrence.skip, expected, "{line} {weekend:07b}");
        let back = previous(&schedule, change + SignedDuration::from_secs(1)).unwrap();
        assert_eq!(back == occurrence, !skip, "{line} {weekend:07b}");
    }
}

#[test]
fn moving_keeps_order_and_loses_no_date() {
    let holidays: Vec<(String, &str)> = (0..40)
        .map(|n| (date("2027-01-03").saturating_add((n * n % 97).days()).to_string(), ""))
        .collect();
    let holidays: Vec<(&str, &str)> = holidays.iter().map(|(day, name)| (&day[..], *name)).collect();
    for on_holiday in [OnHoliday::RunBefore, OnHoliday::RunAfter] {
        for line in ["0 8 * * *", "0 8 */3 * *", "0 8 * * SAT,TUE", "0 8 L,1 * *"] {
            let moved = with_calendar(line, "UTC", office(&holidays), on_holiday);
            let calendar = moved.calendar.clone().unwrap();
            let found = coming(&moved, instant("2027-01-01T00:00:00Z"), 60);
            let mut nominal = Vec::new();
            for occurrence in &found {
                assert_eq!(occurrence.skip, None);
                let day = occurrence.at.to_string()[..10].parse().unwrap();
                assert!(!is_closed(&calendar, day), "{line} on {day}");
                nominal.extend(occurrence.nominal.clone());
                for written in &occurrence.nominal {
                    let target = match on_holiday {
                        OnHoliday::RunAfter => next_open_day(&calendar, written.date()),
                        _ => previous_open_day(&calendar, written.date()),
                    };
                    assert_eq!(target, Some(day), "{line}");
                }
            }
            // Each nominal time of the plain line, in the same order, exactly once.
            let plain = coming(&cron(line, "UTC"), instant("2026-12-01T00:00:00Z"), 400);
            let start = nominal[0];
            let expected: Vec<_> = plain
                .iter()
                .map(|occurrence| occurrence.nominal[0])
                .skip_while(|time| *time < start)
                .take(nominal.len())
                .collect();
            assert_eq!(nominal, expected, "{line} {on_holiday:?}");
            // And backwards the same.
            let mut before = found[59].at;
            for occurrence in found[..59].iter().rev() {
                assert_eq!(previous(&moved, before).as_ref(), Some(occurrence), "{line}");
                before = occurrence.at;
            }
        }
    }
}

#[test]
fn open_days_are_found_on_both_sides() {
    let calendar = office(CHRISTMAS);
    assert!(is_closed(&calendar, date("2026-12-26")));
    assert!(is_closed(&calendar, date("2026-12-25")));
    assert!(!is_closed(&calendar, date("2026-12-28")));
    assert_eq!(next_open_day(&calendar, date("2026-12-25")), Some(date("2026-12-28")));
    assert_eq!(next_open_day(&calendar, date("2026-12-28")), Some(date("2026-12-28")));
    assert_eq!(
        previous_open_day(&calendar, date("2026-12-27")),
        Some(date("2026-12-23"))
    );
}

#[test]
fn a_calendar_that_is_about_to_run_out_says_so() {
    let calendar = office(CHRISTMAS);
    assert_eq!(last_entry(&calendar), Some(date("2026-12-25")));
    assert_eq!(runs_out(&calendar, date("2026-10-26")), None);
    assert_eq!(runs_out(&calendar, date("2026-10-27")), Some(date("2026-12-25")));
    assert_eq!(runs_out(&calendar, date("2030-01-01")), Some(date("2026-12-25")));
    assert_eq!(runs_out(&office(&[]), date("2030-01-01")), None);
}

#[test]
fn an_open_day_is_found_a_year_away_and_no_further() {
    let day = date("2026-12-01");
    let closed_for = |days: i64| {
        let closed = (0..days).map(|days| (day + days.days(), "closed".into()));
        Calendar {
            name: "office".into(),
            weekend: 0,
            holidays: closed.collect(),
        }
    };
    assert_eq!(next_open_day(&closed_for(366), day), Some(day + 366.days()));
    assert_eq!(next_open_day(&closed_for(367), day), None);
}
