//! Times for people: in the zone of the configuration, short, with a hint how far away they are; and times from people.

use std::io::Read as _;
use std::path::Path;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::model::{earlier, elapsed, format_age, parse_duration};

/// As much of a configuration is read to find its zone.
const CONFIG_BYTES_MAX: u64 = 4 << 20;
/// Within so many hours a weekday alone says which day is meant.
const WEEKDAY_WITHIN: SignedDuration = SignedDuration::from_hours(6 * 24);

/// The zone that a configuration names, also when it has mistakes elsewhere; UTC otherwise.
pub(super) fn zone_of(config: &Path) -> TimeZone {
    let mut text = String::new();
    let read = std::fs::File::open(config).and_then(|file| file.take(CONFIG_BYTES_MAX).read_to_string(&mut text));
    let table = read.ok().and_then(|_| text.parse::<toml::Table>().ok());
    let name = table.as_ref().and_then(|table| table.get("timezone")?.as_str());
    name.and_then(zone_named).unwrap_or(TimeZone::UTC)
}

/// The zone of that name.
pub(super) fn zone_named(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The name of a zone.
pub(super) fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

/// As short as it stays clear: `14:02`, `Fri 22:00`, `20 Nov 22:00`, `2024-11-20 22:00`.
pub(super) fn moment(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (local, today) = (zone.to_datetime(at), zone.to_datetime(now));
    let near = at.duration_since(now).abs() < WEEKDAY_WITHIN;
    let format = if local.date() == today.date() {
        "%H:%M"
    } else if near {
        "%a %H:%M"
    } else if local.year() == today.year() {
        "%-d %b %H:%M"
    } else {
        "%Y-%m-%d %H:%M"
    };
    local.strftime(format).to_string()
}

/// With the seconds, for things that happen within a minute.
pub(super) fn moment_with_seconds(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    format!("{}{}", moment(at, now, zone), zone.to_datetime(at).strftime(":%S"))
}

/// How far away it is: `in 3h 10m`, `2m ago`, `now`.
pub(super) fn hint(at: Timestamp, now: Timestamp) -> String {
    let (ahead, behind) = (elapsed(now, at), elapsed(at, now));
    if ahead.as_secs() > 0 {
        format!("in {}", format_age(rounded(ahead)))
    } else if behind.as_secs() > 0 {
        format!("{} ago", format_age(rounded(behind)))
    } else {
        "now".to_owned()
    }
}

/// Both: `Fri 23:15 (in 2m)`.
pub(super) fn moment_and_hint(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    format!("{} ({})", moment(at, now, zone), hint(at, now))
}

/// Within a minute the hint says more than the time of day.
pub(super) fn moment_or_hint(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    if at.duration_since(now).abs() < SignedDuration::from_mins(1) {
        hint(at, now)
    } else {
        moment_and_hint(at, now, zone)
    }
}

/// How long something took: `350ms`, `2.4s`, `3m 10s`.
pub(super) fn took(from: Timestamp, to: Timestamp) -> String {
    let took = elapsed(from, to);
    match took.as_secs() {
        0 => format!("{}ms", took.as_millis()),
        1..=9 => format!("{:.1}s", took.as_secs_f64()),
        _ => format_age(took),
    }
}

/// Seconds are noise where minutes are told.
pub(super) fn rounded(duration: std::time::Duration) -> std::time::Duration {
    let seconds = duration.as_secs();
    std::time::Duration::from_secs(if seconds >= 60 { seconds - seconds % 60 } else { seconds })
}

/// Reads `2026-11-27T12:00:00Z`, or in `zone` `2026-11-27T12:00` and `2026-11-27`.
pub(super) fn parse_instant(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let local = text
        .parse::<DateTime>()
        .ok()
        .or_else(|| text.parse::<Date>().ok().map(DateTime::from));
    let at = local.and_then(|local| zone.to_timestamp(local).ok());
    at.ok_or_else(|| {
        format!("`{text}` is not a time; write it as in 2026-11-27, 2026-11-27T12:00 or 2026-11-27T12:00:00Z")
    })
}

/// Reads an instant, or a duration before `now`: `2d`, `90m`.
pub(super) fn parse_since(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    match parse_duration(text) {
        Ok(ago) => Ok(earlier(now, ago)),
        Err(_) => parse_instant(text, zone).map_err(|error| format!("{error}, or how long ago as in 2d or 90m")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn oslo() -> TimeZone {
        TimeZone::get("Europe/Oslo").unwrap()
    }

    #[test]
    fn a_moment_is_as_short_as_it_stays_clear() {
        let now = at("2026-11-27T22:16:00Z");
        for (text, shown) in [
            ("2026-11-27T13:02:00Z", "14:02"),
            ("2026-11-27T23:30:00Z", "Sat 00:30"),
            ("2026-11-22T22:10:00Z", "Sun 23:10"),
            ("2026-11-20T21:10:00Z", "20 Nov 22:10"),
            ("2026-12-04T21:00:00Z", "4 Dec 22:00"),
            ("2027-01-01T00:00:00Z", "2027-01-01 01:00"),
        ] {
            assert_eq!(moment(at(text), now, &oslo()), shown, "{text}");
        }
    }

    #[test]
    fn a_hint_tells_direction_and_two_units_at_most() {
        let now = at("2026-11-27T22:16:00Z");
        for (text, shown) in [
            ("2026-11-27T22:16:00.4Z", "now"),
            ("2026-11-27T22:16:12Z", "in 12s"),
            ("2026-11-27T22:13:50Z", "2m ago"),
            ("2026-11-28T01:26:59Z", "in 3h 10m"),
            ("2026-11-20T21:10:00Z", "7d 1h ago"),
        ] {
            assert_eq!(hint(at(text), now), shown, "{text}");
        }
    }

    #[test]
    fn times_are_read_as_instants_dates_and_durations_ago() {
        let now = at("2026-11-27T22:16:00Z");
        for (text, read) in [
            ("2026-11-27T12:00:00Z", "2026-11-27T12:00:00Z"),
            ("2026-11-27T12:00:00+02:00", "2026-11-27T10:00:00Z"),
            ("2026-11-27T12:00", "2026-11-27T11:00:00Z"),
            ("2026-07-01", "2026-06-30T22:00:00Z"),
            ("2d", "2026-11-25T22:16:00Z"),
            ("1h 30m", "2026-11-27T20:46:00Z"),
        ] {
            assert_eq!(parse_since(text, now, &oslo()), Ok(at(read)), "{text}");
        }
        for text in ["", "yesterday", "12:00", "2026-13-01", "2x"] {
            assert!(parse_since(text, now, &oslo()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_zone_is_found_in_a_configuration_with_mistakes_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("jobs.toml");
        std::fs::write(&file, "timezone = \"Europe/Oslo\"\n[jobs.a]\nnonsense = 1\n").unwrap();
        assert_eq!(zone_name(&zone_of(&file)), "Europe/Oslo");
        assert_eq!(zone_of(&dir.path().join("none.toml")), TimeZone::UTC);
    }
}
