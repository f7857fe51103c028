//! Times from people, and the zone in which they are told.

use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::model::{earlier, parse_duration};
pub(super) use crate::model::{hint, moment, moment_and_hint, moment_or_hint, moment_with_seconds, rounded, took};

/// As much of a configuration is read to find its zone.
const CONFIG_BYTES_MAX: u64 = 4 << 20;

/// The zone that a configuration names, also when it has mistakes elsewhere; UTC otherwise.
pub(super) fn zone_of(config: &Path) -> TimeZone {
    let table = table_of(config);
    let name = table.as_ref().and_then(|table| table.get("timezone")?.as_str());
    name.and_then(zone_named).unwrap_or(TimeZone::UTC)
}

/// A configuration as it is written, unless that is no TOML.
pub(super) fn table_of(config: &Path) -> Option<toml::Table> {
    let mut text = String::new();
    let read = std::fs::File::open(config).and_then(|file| file.take(CONFIG_BYTES_MAX).read_to_string(&mut text));
    read.ok().and_then(|_| text.parse::<toml::Table>().ok())
}

/// The zone of that name.
pub(super) fn zone_named(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The name of a zone.
pub(super) fn zone_name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
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
