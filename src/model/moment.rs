//! Times for people: in the zone of the configuration, short, with a hint how far away they are.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{elapsed, format_age};

/// Within so many hours a weekday alone says which day is meant.
const WEEKDAY_WITHIN: SignedDuration = SignedDuration::from_hours(6 * 24);

/// As short as it stays clear: `14:02`, `Fri 22:00`, `20 Nov 22:00`, `2024-11-20 22:00`.
pub fn moment(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
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
pub fn moment_with_seconds(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    format!("{}{}", moment(at, now, zone), zone.to_datetime(at).strftime(":%S"))
}

/// How far away it is: `in 3h 10m`, `2m ago`, `now`.
pub fn hint(at: Timestamp, now: Timestamp) -> String {
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
pub fn moment_and_hint(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    format!("{} ({})", moment(at, now, zone), hint(at, now))
}

/// Within a minute the hint says more than the time of day.
pub fn moment_or_hint(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    if at.duration_since(now).abs() < SignedDuration::from_mins(1) {
        hint(at, now)
    } else {
        moment_and_hint(at, now, zone)
    }
}

/// How long something took: `350ms`, `2.4s`, `3m 10s`.
pub fn took(from: Timestamp, to: Timestamp) -> String {
    let took = elapsed(from, to);
    match took.as_secs() {
        0 => format!("{}ms", took.as_millis()),
        1..=9 => format!("{:.1}s", took.as_secs_f64()),
        _ => format_age(took),
    }
}

/// Seconds are noise where minutes are told.
pub fn rounded(duration: std::time::Duration) -> std::time::Duration {
    let seconds = duration.as_secs();
    std::time::Duration::from_secs(if seconds >= 60 { seconds - seconds % 60 } else { seconds })
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
}
