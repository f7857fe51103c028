//! The two clocks, and durations and sizes as people write them.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Both clocks at one instant. Decisions take it as an argument and never look at a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Wall time (`CLOCK_REALTIME`): due times and freshness.
    pub wall: Timestamp,
    /// Time since boot, suspend included (`CLOCK_BOOTTIME`): timeouts and backoff.
    pub boot: Duration,
}

const SECOND: u64 = 1;
const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
const WEEK: u64 = 604_800;

/// A time for people.
const TIME_FORMAT: &str = "%a %Y-%m-%d %H:%M";
const TIME_BYTES: usize = "Fri 2026-11-27 23:15".len();

/// Reads `90s`, `15m`, `26h`, `7d 2h`, `500ms`; whole numbers with a unit each, added up.
///
/// # Errors
/// Says what is wrong with the text, in words for the author of jobs.toml.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let help = "write a number with a unit, as in 90s, 15m, 26h or 7d 2h";
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("an empty duration; {help}"));
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, tail) = tail.split_at(letters);
        let number: u64 = number
            .parse()
            .map_err(|_| format!("`{text}` is not a duration; {help}"))?;
        let part = match unit {
            "ms" => Some(Duration::from_millis(number)),
            "s" => number.checked_mul(SECOND).map(Duration::from_secs),
            "m" | "min" => number.checked_mul(MINUTE).map(Duration::from_secs),
            "h" => number.checked_mul(HOUR).map(Duration::from_secs),
            "d" => number.checked_mul(DAY).map(Duration::from_secs),
            "w" => number.checked_mul(WEEK).map(Duration::from_secs),
            "" if tail.trim_start().starts_with(|c: char| c.is_ascii_alphabetic()) => {
                return Err(format!("`{text}` has a space before its unit; {help}"));
            }
            "" => return Err(format!("`{text}` has a number without a unit; {help}")),
            other => return Err(format!("`{other}` is not a unit of time; {help}")),
        };
        total = part
            .and_then(|part| total.checked_add(part))
            .filter(|total| total.as_secs() <= 100 * 366 * DAY)
            .ok_or_else(|| format!("`{text}` is longer than 100 years; write at most 36600d"))?;
        rest = tail.trim_start();
    }
    Ok(total)
}

/// Prints a duration exactly, largest unit first: `7d 2h`, `1m 30s`, `250ms`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let mut parts = Vec::new();
    let mut seconds = duration.as_secs();
    for (unit, length) in [("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND)] {
        if seconds >= length {
            parts.push(format!("{}{unit}", seconds / length));
            seconds %= length;
        }
    }
    if duration.subsec_millis() > 0 {
        parts.push(format!("{}ms", duration.subsec_millis()));
    }
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}

/// Prints a duration for a reader in a hurry: its two largest units, as in `2d 13h` or `4m 10s`.
pub fn format_age(duration: Duration) -> String {
    let exact = format_duration(Duration::from_secs(duration.as_secs()));
    exact.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// The instant `by` after `at`, at most the end of time.
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(signed(by)).unwrap_or(Timestamp::MAX)
}

/// The instant `by` before `at`, at least the beginning of time.
pub fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_sub(signed(by)).unwrap_or(Timestamp::MIN)
}

/// Time from `from` to `to`, zero if `to` is not later.
pub fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or(Duration::ZERO)
}

/// The store keeps microseconds; what is decided must be what is stored.
pub fn whole_microseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

fn signed(by: Duration) -> SignedDuration {
    SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX)
}

/// A time for people, in their zone, to the minute: `Fri 2026-11-27 23:15`.
pub fn format_time(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime(TIME_FORMAT).to_string()
}

/// Whether a text holds a time as [`format_time`] writes it.
pub fn holds_time(text: &str) -> bool {
    let starts = text.char_indices().filter(|(_, c)| c.is_ascii_uppercase());
    let mut written = starts.filter_map(|(start, _)| text.get(start..start + TIME_BYTES));
    written.any(|written| jiff::fmt::strtime::parse(TIME_FORMAT, written).is_ok())
}

/// A zone for people, with its offset at an instant: `Europe/Oslo (UTC+1)`, `UTC`.
pub fn zone_words(zone: &TimeZone, at: Timestamp) -> String {
    let seconds = zone.to_offset(at).seconds();
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() % 3600 / 60);
    let sign = if seconds < 0 { '-' } else { '+' };
    let offset = match (hours, minutes) {
        (0, 0) => "UTC".to_owned(),
        (_, 0) => format!("UTC{sign}{hours}"),
        _ => format!("UTC{sign}{hours}:{minutes:02}"),
    };
    match zone.iana_name().filter(|name| *name != offset) {
        Some(name) => format!("{name} ({offset})"),
        None => offset,
    }
}

/// Reads `8 MiB`, `500 kB`, `10000`; powers of 1024 for KiB, MiB, GiB, of 1000 for kB, MB, GB.
///
/// # Errors
/// Says what is wrong with the text.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let help = "write a number of bytes, as in 8 MiB, 500 kB or 10000";
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("`{text}` is not a size; {help}"))?;
    let unit: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => return Err(format!("`{other}` is not a unit of size; {help}")),
    };
    number
        .checked_mul(unit)
        .ok_or_else(|| format!("`{text}` is too large; {help}"))
}

/// A size for people: `37 B`, `1.5 KiB`, `20.0 GiB`.
pub fn format_bytes(bytes: u64) -> String {
    let unit = ["KiB", "MiB", "GiB", "TiB"].into_iter().zip([10_u32, 20, 30, 40]);
    match unit.rev().find(|(_, shift)| bytes >> shift > 0) {
        // Whole tenths, cut off: no float is exact for all sizes.
        Some((unit, shift)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_said_with_its_offset_of_then() {
        for (zone, at, words) in [
            ("Europe/Oslo", "2026-11-27T12:00:00Z", "Europe/Oslo (UTC+1)"),
            ("Europe/Oslo", "2026-07-27T12:00:00Z", "Europe/Oslo (UTC+2)"),
            (
                "America/St_Johns",
                "2026-11-27T12:00:00Z",
                "America/St_Johns (UTC-3:30)",
            ),
            ("Europe/London", "2026-11-27T12:00:00Z", "Europe/London (UTC)"),
            ("UTC", "2026-11-27T12:00:00Z", "UTC"),
        ] {
            let zone = TimeZone::get(zone).expect("zone data");
            assert_eq!(zone_words(&zone, at.parse().expect("a time")), words);
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("7d 2h", 612_000),
            ("1h30m", 5_400),
            ("2w", 1_209_600),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "15",
            "m",
            "15 x",
            "-3m",
            "1.5h",
            "99999999999999999999s",
            "9999999999d",
        ] {
            let error = parse_duration(text).expect_err(text);
            assert!(error.contains("; write "), "{error}");
        }
    }

    #[test]
    fn a_space_before_a_unit_is_what_is_wrong_with_it() {
        for (text, wrong) in [
            ("1 minute", "`1 minute` has a space before its unit"),
            ("2h 15", "`2h 15` has a number without a unit"),
        ] {
            let error = parse_duration(text).expect_err(text);
            assert!(error.starts_with(&format!("{wrong}; write ")), "{error}");
        }
    }

    #[test]
    fn a_printed_duration_is_read_back_as_the_same() {
        for millis in [0, 1, 999, 1_000, 61_000, 90_061_001, 612_000_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
        assert_eq!(format_age(Duration::from_secs(2 * 86_400 + 13 * 3_600 + 59)), "2d 13h");
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("8 MiB", 8 << 20), ("500kB", 500_000), ("10000", 10_000)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "8 XB", "99999999999 GiB"] {
            let error = parse_size(text).expect_err(text);
            assert!(error.contains("; write "), "{error}");
        }
    }

    #[test]
    fn sizes_are_told_in_the_largest_unit_that_they_fill() {
        for (bytes, text) in [
            (1_023, "1023 B"),
            (1_536, "1.5 KiB"),
            (3 << 20, "3.0 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(format_bytes(bytes), text);
        }
    }

    #[test]
    fn a_time_for_people_is_found_wherever_it_stands_in_a_text_and_nothing_else_is() {
        let oslo = TimeZone::get("Europe/Oslo").unwrap();
        let time = format_time("2026-11-27T22:15:00Z".parse().unwrap(), &oslo);
        for text in [format!("Ærfugl: due {time} (+10m)"), time.clone(), format!("Å{time}")] {
            assert!(holds_time(&text), "{text}");
        }
        for text in [
            "",
            "exit code 1",
            "Fri 2026-11-27",
            "2026-11-27 23:15",
            "Fri 2026-13-27 23:15",
        ] {
            assert!(!holds_time(text), "{text}");
        }
    }
}
