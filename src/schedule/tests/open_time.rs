//! Ages in the open time of a calendar: in a table, and against somebody who looks at every minute.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{instant, office};
use crate::model::OpenDays;
use crate::schedule::{age, is_closed, older_at};

const MINUTE: Duration = Duration::from_mins(1);

/// Open on weekdays but for these dates.
fn open_days(zone: &str, holidays: &[(&str, &str)]) -> OpenDays {
    OpenDays {
        calendar: Arc::new(office(holidays)),
        zone: TimeZone::get(zone).unwrap(),
    }
}

#[test]
fn closed_days_do_not_age_what_lies_there() {
    let days = open_days("UTC", &[("2026-11-23", "")]);
    // From Friday 12:00 on; Saturday, Sunday and Monday are closed.
    for (hours, older, after) in [
        (0, "2026-11-20T12:00Z", "2026-11-20T12:00Z"),
        (11, "2026-11-20T23:00Z", "2026-11-20T23:00Z"),
        (12, "2026-11-24T00:00Z", "2026-11-20T12:00Z"),
        (13, "2026-11-24T01:00Z", "2026-11-21T13:00Z"),
        (36, "2026-11-25T00:00Z", "2026-11-22T00:00Z"),
    ] {
        let age = Duration::from_hours(hours);
        assert_eq!(
            older_at(Some(&days), instant("2026-11-20T12:00Z"), age),
            Some(instant(older)),
            "{hours} h"
        );
        assert_eq!(older_at(None, instant(after), Duration::ZERO), Some(instant(after)));
    }
    let lived = |until: &str| age(Some(&days), instant("2026-11-20T12:00Z"), instant(until)).as_secs() / 3600;
    assert_eq!(lived("2026-11-20T12:00Z"), 0);
    assert_eq!(lived("2026-11-19T12:00Z"), 0);
    assert_eq!(lived("2026-11-21T00:00Z"), 12);
    assert_eq!(lived("2026-11-24T00:00Z"), 12);
    assert_eq!(lived("2026-11-24T05:00Z"), 17);
}

#[test]
fn an_open_day_has_the_hours_that_its_zone_gives_it() {
    // Clocks are set forward on Sunday 2027-03-28 and back on Sunday 2026-10-25; both days are open here.
    let mut calendar = office(&[]);
    calendar.weekend = 0b100_0000;
    let days = OpenDays {
        calendar: Arc::new(calendar),
        zone: TimeZone::get("Europe/Oslo").unwrap(),
    };
    let short = age(
        Some(&days),
        instant("2027-03-27T12:00+01"),
        instant("2027-03-29T00:00+02"),
    );
    assert_eq!(short, Duration::from_hours(23));
    let long = age(
        Some(&days),
        instant("2026-10-24T12:00+02"),
        instant("2026-10-26T00:00+01"),
    );
    assert_eq!(long, Duration::from_hours(25));
    let due = older_at(Some(&days), instant("2027-03-27T12:00+01"), Duration::from_hours(24));
    assert_eq!(due, Some(instant("2027-03-29T01:00+02")));
}

#[test]
fn what_never_opens_again_makes_nothing_old() {
    let mut calendar = office(&[]);
    calendar.weekend = 0x7f;
    let days = OpenDays {
        calendar: Arc::new(calendar),
        zone: TimeZone::UTC,
    };
    assert_eq!(older_at(Some(&days), instant("2026-11-20T12:00Z"), MINUTE), None);
    assert_eq!(
        age(Some(&days), instant("2026-11-20T12:00Z"), instant("2027-11-20T12:00Z")),
        Duration::ZERO
    );
}

/// Zones whose clocks change at night, at midnight, by half an hour, and by a whole day.
const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Oslo",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Beirut",
    "America/Havana",
    "Pacific/Apia",
];

/// Instants shortly before such changes.
const BEFORE_CHANGES: [&str; 6] = [
    "2027-03-25T10:00Z",
    "2026-10-22T10:00Z",
    "2011-12-28T10:00Z",
    "2026-04-22T10:00Z",
    "2026-10-30T10:00Z",
    "2026-03-06T10:00Z",
];

/// Longest walk of the oracle.
const WALK_MINUTES_MAX: u64 = 16 * 24 * 60;

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ages_agree_with_whoever_looks_at_every_minute(
        zone in 0..ZONES.len(),
        near in 0..BEFORE_CHANGES.len(),
        away in 0_i64..5 * 24 * 60,
        weekend in 0_u8..0x7f,
        holiday in 0_i64..8,
        promised in 0_u64..4 * 24 * 60,
    ) {
        let from = instant(BEFORE_CHANGES[near]) + SignedDuration::from_mins(away);
        let zone = TimeZone::get(ZONES[zone]).unwrap();
        let closed = zone.to_datetime(from + SignedDuration::from_hours(24 * holiday)).date();
        let mut calendar = office(&[]);
        calendar.weekend = weekend;
        calendar.holidays = [(closed, Arc::from(""))].into();
        let days = OpenDays { calendar: Arc::new(calendar), zone };
        let is_open = |at: Timestamp| !is_closed(&days.calendar, days.zone.to_datetime(at).date());
        let mut lived = 0;
        let mut older = None;
        let mut now = from;
        for _ in 0..WALK_MINUTES_MAX {
            prop_assert_eq!(age(Some(&days), from, now), MINUTE * u32::try_from(lived).unwrap());
            if is_open(now) {
                if lived == promised {
                    older = Some(now);
                    break;
                }
                lived += 1;
            }
            now += MINUTE;
        }
        if let Some(older) = older {
            prop_assert_eq!(older_at(Some(&days), from, MINUTE * u32::try_from(promised).unwrap()), Some(older));
        } else {
            let found = older_at(Some(&days), from, MINUTE * u32::try_from(promised).unwrap());
            prop_assert!(found.is_none_or(|found| found >= now), "{found:?} lies before {now}");
        }
    }
}
