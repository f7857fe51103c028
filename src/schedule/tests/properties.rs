//! What holds for every schedule, tried with arbitrary ones.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::office;
use crate::model::{CronFields, DayOfMonth, DayOfWeek, OnHoliday, Rule, Schedule, Skip};
use crate::schedule::{coming, never_fires, next, parse_cron, parse_ical, previous};

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Oslo",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "America/Santiago",
];

prop_compose! {
    fn any_fields()(
        seconds in prop_oneof![Just(1_u64), 1_u64..1 << 60],
        minutes in prop_oneof![(0_u32..60).prop_map(|minute| 1 << minute), 1_u64..1 << 60],
        hours in prop_oneof![(0_u32..24).prop_map(|hour| 1 << hour), 1_u32..1 << 24],
        days in (any::<u32>(), any::<bool>(), any::<bool>()),
        special in (0_u32..1 << 31, any::<u32>(), any::<u8>()),
        months in (1_u16..1 << 12).prop_map(|months| months << 1),
        weekdays in (0_u8..0x80, any::<[u8; 5]>(), any::<bool>()),
    ) -> CronFields {
        let special = if special.2.is_multiple_of(4) { special } else { (0, 0, 0) };
        CronFields {
            seconds,
            minutes,
            hours,
            days: DayOfMonth {
                days: days.0 & !1,
                from_last: special.0,
                nearest_weekday: special.1 & !1,
                last_weekday: days.1 && special.0 != 0,
                starred: days.2,
            },
            months,
            weekdays: DayOfWeek {
                days: weekdays.0,
                nth: if special.0 == 0 { [0; 5] } else { weekdays.1.map(|days| days & 0x7f) },
                last: special.2 & 0x7f,
                starred: weekdays.2,
            },
        }
    }
}

prop_compose! {
    fn any_schedule()(
        fields in any_fields(),
        zone in 0..ZONES.len(),
        calendar in 0_u8..4,
        weekend in 0_u8..=0x7f,
    ) -> Schedule {
        let mut office = office(&[("2026-10-05", "x"), ("2027-03-29", "y"), ("2027-03-30", "")]);
        office.weekend = weekend;
        Schedule {
            text: "arbitrary".into(),
            rule: Rule::Cron(fields),
            zone: TimeZone::get(ZONES[zone]).unwrap(),
            calendar: (calendar > 0).then(|| Arc::new(office)),
            on_holiday: match calendar {
                2 => OnHoliday::RunBefore,
                3 => OnHoliday::RunAfter,
                _ => OnHoliday::Skip,
            },
        }
    }
}

fn any_instant() -> impl Strategy<Value = Timestamp> {
    let whenever = -2_000_000_000_i64..4_000_000_000;
    let changes = prop_oneof![
        Just(1_806_195_600_i64),
        Just(1_824_944_400),
        Just(1_325_239_200),
        Just(1_791_041_400),
    ];
    let near = (changes, -200_000_i64..200_000).prop_map(|(change, away)| change + away);
    (prop_oneof![whenever, near], 0_i64..1_000)
        .prop_map(|(second, millisecond)| Timestamp::from_millisecond(second * 1_000 + millisecond).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn due_times_strictly_increase_and_previous_undoes_next(
        schedule in any_schedule(),
        after in any_instant(),
    ) {
        let found = coming(&schedule, after, 12);
        let mut last = after;
        let mut last_run = None;
        for occurrence in &found {
            prop_assert!(occurrence.at > last);
            prop_assert!(!occurrence.nominal.is_empty());
            last = occurrence.at;
            // Whatever instant lies between two occurrences, the later one is next.
            let between = last - SignedDuration::from_nanos(1);
            prop_assert_eq!(next(&schedule, between), Some(occurrence.clone()));
            if let Some(run) = last_run {
                prop_assert_eq!(previous(&schedule, occurrence.at), Some(run));
            }
            last_run = if occurrence.skip.is_none() { Some(occurrence.clone()) } else { None };
        }
        if never_fires(&schedule) {
            let removed = |skip: Option<Skip>| skip.is_some();
            prop_assert!(found.iter().all(|occurrence| removed(occurrence.skip)));
        } else {
            prop_assert!(!found.is_empty());
        }
    }

    #[test]
    fn previous_is_followed_by_itself(schedule in any_schedule(), before in any_instant()) {
        if let Some(run) = previous(&schedule, before) {
            prop_assert!(run.at < before);
            prop_assert_eq!(run.skip, None);
            let just_before = run.at - SignedDuration::from_nanos(1);
            prop_assert_eq!(next(&schedule, just_before), Some(run));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9*/,?#LWH@A-Za-z\\- \t\u{e6}=~]{0,40}", seconds: bool) {
        match parse_cron(&text, seconds) {
            Ok(fields) => {
                prop_assert!(fields.minutes != 0 && fields.minutes < 1 << 60);
                prop_assert!(fields.hours != 0 && fields.hours < 1 << 24);
                prop_assert!(fields.months > 1 && fields.months < 1 << 13 && fields.months & 1 == 0);
                prop_assert!(fields.days.days & 1 == 0 && fields.weekdays.days < 0x80);
            }
            Err(error) => {
                prop_assert!(text.get(error.span.clone()).is_some());
                prop_assert!(!error.message.is_empty() && !error.help.is_empty());
            }
        }
    }

    #[test]
    fn any_lines_are_a_calendar_or_refused(
        lines in prop::collection::vec(prop_oneof![
            Just("BEGIN:VEVENT".to_owned()),
            Just("END:VEVENT".to_owned()),
            Just("END:VCALENDAR".to_owned()),
            "DTSTART:2026(01|12|13)(0|31|25)(T000000Z?)?",
            "(DTEND|EXDATE|RDATE|RECURRENCE-ID)[:;=,]99991231",
            "DURATION:-?PT?[0-9]{1,9}[DWHS]",
            "RRULE:FREQ=(YEARLY|MONTHLY|WEEKLY|DAILY);(INTERVAL|COUNT|BYDAY|BYMONTHDAY|BYSETPOS)=-?[0-9]{1,5}(MO)?",
            "\\PC{0,20}",
        ], 0..12),
    ) {
        let text = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20200101\n{}", lines.join("\n"));
        let window = "2026-01-01".parse().unwrap()..="2030-12-31".parse().unwrap();
        if let Ok(closed) = parse_ical(&text, &TimeZone::UTC, window.clone()) {
            prop_assert!(closed.days.keys().all(|day| window.contains(day)));
        }
    }
}
