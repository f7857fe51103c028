//! Changes of clocks and of the date line, by name and date.

use jiff::tz::TimeZone;

use super::{check, cron, instant, lines};
use crate::model::{Schedule, Skip};
use crate::schedule::{NOMINAL_TIMES_MAX, next, previous};

#[test]
fn in_spring_an_appointment_runs_once_after_the_gap() {
    let night = "2027-03-28T00:30:00Z";
    check(
        &cron("30 2 * * *", "Europe/Oslo"),
        night,
        &[
            "2027-03-28T01:00:00Z = 2027-03-28T02:30:00 (02:30 does not exist on 2027-03-28; runs at 03:00 once)",
            "2027-03-29T00:30:00Z = 2027-03-29T02:30:00",
        ],
    );
    check(
        &cron("0,30 2 * * *", "Europe/Oslo"),
        night,
        &[
            "2027-03-28T01:00:00Z = 2027-03-28T02:00:00 + 2027-03-28T02:30:00 (02:00 and 02:30 do not exist on 2027-03-28; runs at 03:00 once)",
            "2027-03-29T00:00:00Z = 2027-03-29T02:00:00",
        ],
    );
    check(
        &cron("0 2,3 * * *", "Europe/Oslo"),
        night,
        &[
            "2027-03-28T01:00:00Z = 2027-03-28T02:00:00 + 2027-03-28T03:00:00 (02:00 does not exist on 2027-03-28; runs at 03:00 once)",
            "2027-03-29T00:00:00Z = 2027-03-29T02:00:00",
        ],
    );
    check(
        &cron("30 */2 * * *", "Europe/Oslo"),
        night,
        &[
            "2027-03-28T01:00:00Z = 2027-03-28T02:30:00 (02:30 does not exist on 2027-03-28; runs at 03:00 once)",
            "2027-03-28T02:30:00Z = 2027-03-28T04:30:00",
        ],
    );
}

#[test]
fn in_spring_a_cadence_keeps_real_time() {
    for line in ["*/20 * * * *", "0,20,40 1-3 * * *"] {
        check(
            &cron(line, "Europe/Oslo"),
            "2027-03-28T00:20:00Z",
            &[
                "2027-03-28T00:40:00Z = 2027-03-28T01:40:00",
                "2027-03-28T01:00:00Z = 2027-03-28T03:00:00",
                "2027-03-28T01:20:00Z = 2027-03-28T03:20:00",
            ],
        );
    }
}

#[test]
fn in_autumn_an_appointment_runs_in_the_first_pass_only() {
    check(
        &cron("30 1 * * *", "America/New_York"),
        "2026-11-01T04:00:00Z",
        &[
            "2026-11-01T05:30:00Z = 2026-11-01T01:30:00 (01:30 occurs twice on 2026-11-01; runs the first time only)",
            "2026-11-02T06:30:00Z = 2026-11-02T01:30:00",
        ],
    );
    check(
        &cron("0 1 * * *", "America/New_York"),
        "2026-11-01T05:00:00Z",
        &["2026-11-02T06:00:00Z = 2026-11-02T01:00:00"],
    );
}

#[test]
fn in_autumn_a_cadence_runs_in_both_passes() {
    check(
        &cron("30 * * * *", "America/New_York"),
        "2026-11-01T05:00:00Z",
        &[
            "2026-11-01T05:30:00Z = 2026-11-01T01:30:00 (01:30 occurs twice on 2026-11-01; this is the first time)",
            "2026-11-01T06:30:00Z = 2026-11-01T01:30:00 (01:30 occurs twice on 2026-11-01; this is the second time)",
            "2026-11-01T07:30:00Z = 2026-11-01T02:30:00",
        ],
    );
}

#[test]
fn half_an_hour_on_lord_howe_is_a_change_like_another() {
    let zone = "Australia/Lord_Howe";
    check(
        &cron("0,15 2 * * *", zone),
        "2026-10-03T12:00:00Z",
        &[
            "2026-10-03T15:30:00Z = 2026-10-04T02:00:00 + 2026-10-04T02:15:00 (02:00 and 02:15 do not exist on 2026-10-04; runs at 02:30 once)",
            "2026-10-04T15:00:00Z = 2026-10-05T02:00:00",
        ],
    );
    check(
        &cron("45 1 * * *", zone),
        "2026-04-04T12:00:00Z",
        &[
            "2026-04-04T14:45:00Z = 2026-04-05T01:45:00 (01:45 occurs twice on 2026-04-05; runs the first time only)",
            "2026-04-05T15:15:00Z = 2026-04-06T01:45:00",
        ],
    );
    check(
        &cron("*/15 * * * *", zone),
        "2026-04-04T14:30:00Z",
        &[
            "2026-04-04T14:45:00Z = 2026-04-05T01:45:00 (01:45 occurs twice on 2026-04-05; this is the first time)",
            "2026-04-04T15:00:00Z = 2026-04-05T01:30:00 (01:30 occurs twice on 2026-04-05; this is the second time)",
            "2026-04-04T15:15:00Z = 2026-04-05T01:45:00 (01:45 occurs twice on 2026-04-05; this is the second time)",
            "2026-04-04T15:30:00Z = 2026-04-05T02:00:00",
        ],
    );
}

#[test]
fn a_midnight_that_does_not_exist_belongs_to_its_own_day() {
    for (zone, after, expected) in [
        (
            "America/Santiago",
            "2023-09-02T12:00:00Z",
            "2023-09-03T04:00:00Z = 2023-09-03T00:00:00 (00:00 does not exist on 2023-09-03; runs at 01:00 once)",
        ),
        (
            "Africa/Cairo",
            "2023-04-27T12:00:00Z",
            "2023-04-27T22:00:00Z = 2023-04-28T00:00:00 (00:00 does not exist on 2023-04-28; runs at 01:00 once)",
        ),
    ] {
        check(&cron("0 0 * * *", zone), after, &[expected]);
        // Due on that weekday only, though the day before ended a moment ago.
        let weekday = if zone == "Africa/Cairo" { "FRI" } else { "SUN" };
        check(&cron(&format!("0 0 * * {weekday}"), zone), after, &[expected]);
    }
}

#[test]
fn the_date_line_takes_a_day_that_is_recorded_and_not_run() {
    check(
        &cron("0 0 * * *", "Pacific/Apia"),
        "2011-12-29T09:00:00Z",
        &[
            "2011-12-29T10:00:00Z = 2011-12-29T00:00:00",
            "2011-12-30T09:59:59.999Z = 2011-12-30T00:00:00 [CalendarGap] (00:00 does not exist on 2011-12-30: the zone leaves out 24 h; nothing runs for it)",
            "2011-12-30T10:00:00Z = 2011-12-31T00:00:00",
        ],
    );
    // A cadence has lost nothing: it ran each hour of real time.
    check(
        &cron("0 * * * *", "Pacific/Apia"),
        "2011-12-30T08:30:00Z",
        &[
            "2011-12-30T09:00:00Z = 2011-12-29T23:00:00",
            "2011-12-30T10:00:00Z = 2011-12-31T00:00:00",
        ],
    );
    let schedule = cron("0 0 * * *", "Pacific/Apia");
    let back = previous(&schedule, instant("2011-12-30T10:00:00Z")).unwrap();
    assert_eq!(back.at, instant("2011-12-29T10:00:00Z"));
}

#[test]
fn a_long_overlap_runs_an_appointment_once_and_records_the_second_pass() {
    // Vostok went from +07 to 00 on 1994-02-01 at midnight, back to 17:00 the day before.
    check(
        &cron("0 18 * * *", "Antarctica/Vostok"),
        "1994-01-31T00:00:00Z",
        &[
            "1994-01-31T11:00:00Z = 1994-01-31T18:00:00 (18:00 occurs twice on 1994-01-31; runs the first time only)",
            "1994-01-31T18:00:00Z = 1994-01-31T18:00:00 [CalendarGap] (18:00 occurs twice on 1994-01-31; ran the first time only)",
            "1994-02-01T18:00:00Z = 1994-02-01T18:00:00",
        ],
    );
}

#[test]
fn two_hours_on_troll_are_one_gap() {
    check(
        &cron("30 1,2 * * *", "Antarctica/Troll"),
        "2027-03-28T00:00:00Z",
        &[
            "2027-03-28T01:00:00Z = 2027-03-28T01:30:00 + 2027-03-28T02:30:00 (01:30 and 02:30 do not exist on 2027-03-28; runs at 03:00 once)",
            "2027-03-28T23:30:00Z = 2027-03-29T01:30:00",
        ],
    );
}

#[test]
fn a_change_of_three_hours_is_one_of_clocks_and_a_longer_one_is_not() {
    // Casey went from 02:00 to 05:00.
    check(
        &cron("30 3 * * *", "Antarctica/Casey"),
        "2009-10-17T12:00:00Z",
        &["2009-10-17T18:00:00Z = 2009-10-18T03:30:00 (03:30 does not exist on 2009-10-18; runs at 05:00 once)"],
    );
    for (zone, skip) in [
        ("STD0DST-3,M3.2.0/2,M11.1.0/2", None),
        ("STD0DST-3:01,M3.2.0/2,M11.1.0/2", Some(Skip::CalendarGap)),
    ] {
        let schedule = Schedule {
            zone: TimeZone::posix(zone).unwrap(),
            ..cron("30 3 * * *", "UTC")
        };
        let occurrence = next(&schedule, instant("2027-03-14T01:00:00Z")).unwrap();
        assert_eq!(occurrence.skip, skip, "{zone}");
    }
}

#[test]
fn what_follows_a_second_pass_within_its_hour_still_runs() {
    // 00:40 to 01:40 comes twice.
    let schedule = Schedule {
        zone: TimeZone::posix("STD0DST,M3.2.0/2,M11.1.0/1:40").unwrap(),
        ..cron("30,50 1 * * *", "UTC")
    };
    check(
        &schedule,
        "2027-11-07T00:00:00Z",
        &[
            "2027-11-07T00:30:00Z = 2027-11-07T01:30:00 (01:30 occurs twice on 2027-11-07; runs the first time only)",
            "2027-11-07T01:50:00Z = 2027-11-07T01:50:00",
        ],
    );
}

#[test]
fn looking_back_from_a_second_pass_finds_the_first() {
    let schedule = cron("30 1 * * *", "America/New_York");
    let run = previous(&schedule, instant("2026-11-01T06:05:00Z")).unwrap();
    assert_eq!(run.at, instant("2026-11-01T05:30:00Z"));
}

#[test]
fn clocks_that_change_for_ramadan_or_by_a_quarter_are_followed() {
    check(
        &cron("30 2 * * *", "Africa/Casablanca"),
        "2024-03-09T12:00:00Z",
        &[
            "2024-03-10T01:30:00Z = 2024-03-10T02:30:00 (02:30 occurs twice on 2024-03-10; runs the first time only)",
            "2024-03-11T02:30:00Z = 2024-03-11T02:30:00",
        ],
    );
    check(
        &cron("30 2 * * *", "Africa/Casablanca"),
        "2024-04-13T12:00:00Z",
        &["2024-04-14T02:00:00Z = 2024-04-14T02:30:00 (02:30 does not exist on 2024-04-14; runs at 03:00 once)"],
    );
    check(
        &cron("0,10,20 0 * * *", "Asia/Kathmandu"),
        "1985-12-31T12:00:00Z",
        &[
            "1985-12-31T18:30:00Z = 1986-01-01T00:00:00 + 1986-01-01T00:10:00 (00:00 and 00:10 do not exist on 1986-01-01; runs at 00:15 once)",
            "1985-12-31T18:35:00Z = 1986-01-01T00:20:00",
        ],
    );
}

#[test]
fn what_a_gap_around_midnight_leaves_out_is_named_with_its_days() {
    // From 23:00 to 01:00.
    let schedule = Schedule {
        zone: TimeZone::posix("STD0DST-2,M3.2.0/23,M11.1.0/2").unwrap(),
        ..cron("30 0,23 * * *", "UTC")
    };
    check(
        &schedule,
        "2027-03-14T12:00:00Z",
        &[
            "2027-03-14T23:00:00Z = 2027-03-14T23:30:00 + 2027-03-15T00:30:00 (2027-03-14 23:30 and 2027-03-15 00:30 do not exist; runs at 2027-03-15 01:00 once)",
            "2027-03-15T21:30:00Z = 2027-03-15T23:30:00",
        ],
    );
}

#[test]
fn four_times_are_named_and_what_is_more_is_counted() {
    for (minutes, named) in [
        ("0,15,30,45", "02:00, 02:15, 02:30 and 02:45"),
        ("0,10,20,30,40", "02:00, 02:10, 02:20, 02:30 and 1 more"),
        ("*/10", "02:00, 02:10, 02:20, 02:30 and 2 more"),
    ] {
        let merged = next(
            &cron(&format!("{minutes} 2 * * *"), "Europe/Oslo"),
            instant("2027-03-28T00:50:00Z"),
        );
        let told = format!("{named} do not exist on 2027-03-28; runs at 03:00 once");
        assert_eq!(merged.unwrap().note.as_deref(), Some(told.as_str()));
    }
}

#[test]
fn a_line_with_seconds_lists_a_bounded_number_of_times() {
    let schedule = cron("* * 2 * * *", "Europe/Oslo");
    let merged = next(&schedule, instant("2027-03-28T00:59:59Z")).unwrap();
    assert_eq!(merged.at, instant("2027-03-28T01:00:00Z"));
    assert_eq!(merged.nominal.len(), NOMINAL_TIMES_MAX);
    assert_eq!(
        merged.note.as_deref(),
        Some("02:00, 02:00:01, 02:00:02, 02:00:03 and more do not exist on 2027-03-28; runs at 03:00 once")
    );
    assert_eq!(
        lines(&schedule, "2027-03-28T01:00:00Z", 1),
        ["2027-03-29T00:00:00Z = 2027-03-29T02:00:00"]
    );
    // Nor does it list the time of its own after that many.
    let with_its_own = next(&cron("* * 2,3 * * *", "Europe/Oslo"), instant("2027-03-28T00:59:59Z")).unwrap();
    assert_eq!((with_its_own.at, with_its_own.nominal), (merged.at, merged.nominal));
}
