//! A cron line: refused with its place, or due at times that go strictly forward and are found again from behind.

#![no_main]

use std::sync::Arc;

use freshd::model::{OnHoliday, Rule, Schedule};
use freshd::schedule;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;

/// Zones in which clocks do unusual things.
const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Oslo",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/Scoresbysund",
];
/// 1970 to 2100.
const SECONDS: i64 = 4_102_444_800;
/// Due times that are looked at of each line.
const COUNT: usize = 20;

fuzz_target!(|bytes: &[u8]| {
    // One byte for the dialect and the zone, four for the time, the rest is the line.
    let Some(([first, when @ ..], line)) = bytes.split_first_chunk::<5>() else {
        return;
    };
    let Ok(line) = std::str::from_utf8(line) else { return };
    let zone = TimeZone::get(ZONES[usize::from(first >> 1) % ZONES.len()]).expect("a zone");
    let after = Timestamp::from_second(i64::from(u32::from_le_bytes(*when)) % SECONDS).expect("a time");
    let fields = match schedule::parse_cron(line, first & 1 == 1) {
        Ok(fields) => fields,
        Err(error) => {
            assert!(line.get(error.span.clone()).is_some(), "{error:?} of {line:?}");
            assert!(!error.message.is_empty() && !error.help.is_empty());
            return;
        }
    };
    let _ = schedule::day_rule_note(&fields);
    let schedule = Schedule {
        text: Arc::from(line),
        rule: Rule::Cron(fields),
        zone,
        calendar: None,
        on_holiday: OnHoliday::Skip,
    };
    let coming = schedule::coming(&schedule, after, COUNT);
    if schedule::never_fires(&schedule) {
        assert_eq!(coming, [], "`{line}` never fires");
        return;
    }
    assert!(
        !coming.is_empty(),
        "`{line}` is never due after {after}, and nothing was said of it"
    );
    let mut before = after;
    for occurrence in &coming {
        assert!(
            occurrence.at > before,
            "`{line}` is due at {} after {before}",
            occurrence.at
        );
        before = occurrence.at;
        if occurrence.skip.is_none() {
            let found = schedule::previous(&schedule, occurrence.at + SignedDuration::from_secs(1));
            assert_eq!(found.map(|found| found.at), Some(occurrence.at), "`{line}` from behind");
        }
    }
});
