//! The newest business time: in the values of a column, or in a file's name.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

/// Why a text gives no instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not a time in any of the accepted forms.
    #[error("is not a time; write it as in 2026-11-20T22:10:00+01:00, 2026-11-20 22:10 or 2026-11-20")]
    Unreadable,
    /// A time, but of which zone?
    #[error(
        "has no time zone; write it with an offset, as in 2026-11-20T22:10:00+01:00, or set `zone` in the `as_of` rule"
    )]
    WithoutZone,
}

/// Reads RFC 3339, `YYYY-MM-DD HH:MM[:SS]` or `YYYY-MM-DD`; `zone` is for texts that carry none.
///
/// A date alone is its first instant, and a local time that occurs twice is the earlier one: data is never
/// taken for newer than it may be.
pub fn parse_time(text: &str, zone: Option<&TimeZone>) -> Result<Timestamp, TimeError> {
    let text = text.trim();
    if !begins_with_a_date(text) {
        return Err(TimeError::Unreadable);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp);
    }
    let local: DateTime = text.parse().map_err(|_| TimeError::Unreadable)?;
    zone.ok_or(TimeError::WithoutZone)?
        .to_timestamp(local)
        .map_err(|_| TimeError::Unreadable)
}

/// Reads the time in a file's name; the pattern must fit the whole name.
pub(super) fn time_in_name(pattern: &str, name: &str, zone: &TimeZone) -> Result<Timestamp, jiff::Error> {
    let parts = BrokenDownTime::parse(pattern, name)?;
    if parts.offset().is_some() || parts.timestamp().is_some() {
        return parts.to_timestamp();
    }
    let local = DateTime::from_parts(parts.to_date()?, parts.to_time()?);
    zone.to_timestamp(local)
}

/// The largest time in a column, value by value.
#[derive(Debug)]
pub(super) struct NewestTime<'a> {
    zone: Option<&'a TimeZone>,
    largest: Option<Timestamp>,
    /// The value before: neighbours are often equal, and reading a time costs more than comparing it.
    last: String,
}

impl<'a> NewestTime<'a> {
    pub(super) fn new(zone: Option<&'a TimeZone>) -> Self {
        Self {
            zone,
            largest: None,
            last: String::new(),
        }
    }

    pub(super) fn add(&mut self, value: &str) -> Result<(), TimeError> {
        if value == self.last || value.trim().is_empty() {
            return Ok(());
        }
        let time = parse_time(value, self.zone)?;
        self.largest = self.largest.max(Some(time));
        value.clone_into(&mut self.last);
        Ok(())
    }

    pub(super) fn largest(&self) -> Option<Timestamp> {
        self.largest
    }
}

/// The readers of times underneath also take other forms, such as `20261120`, which may be anything in a file.
fn begins_with_a_date(text: &str) -> bool {
    let digit = |range: std::ops::Range<usize>| {
        text.as_bytes()
            .get(range)
            .is_some_and(|bytes| bytes.iter().all(u8::is_ascii_digit))
    };
    let dash = |at: usize| text.as_bytes().get(at) == Some(&b'-');
    digit(0..4) && dash(4) && digit(5..7) && dash(7) && digit(8..10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oslo() -> TimeZone {
        TimeZone::get("Europe/Oslo").expect("the zone is known")
    }

    #[test]
    fn times_are_read_in_each_accepted_form() {
        for (text, with_zone) in [
            ("2026-11-20T22:10:00+01:00", "2026-11-20T21:10:00Z"),
            ("2026-11-20T22:10:00Z", "2026-11-20T22:10:00Z"),
            (" 2026-11-20 22:10:30.5-05:00 ", "2026-11-21T03:10:30.5Z"),
            ("2026-11-20T22:10:00+01:00[Europe/Oslo]", "2026-11-20T21:10:00Z"),
            ("2026-11-20 22:10", "2026-11-20T21:10:00Z"),
            ("2026-11-20 22:10:30", "2026-11-20T21:10:30Z"),
            ("2026-11-20T22:10", "2026-11-20T21:10:00Z"),
            ("2026-11-20", "2026-11-19T23:00:00Z"),
            // In summer, and in the hour that occurs twice: the earlier one.
            ("2026-07-01", "2026-06-30T22:00:00Z"),
            ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),
        ] {
            let expected: Timestamp = with_zone.parse().expect("a timestamp");
            assert_eq!(parse_time(text, Some(&oslo())), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_refused_unless_the_rule_names_one() {
        for text in ["2026-11-20 22:10", "2026-11-20", "2026-11-20T22:10:00"] {
            assert_eq!(parse_time(text, None), Err(TimeError::WithoutZone), "{text}");
        }
        assert!(parse_time("2026-11-20T22:10:00Z", None).is_ok());
    }

    #[test]
    fn what_is_not_a_time_is_not_guessed() {
        for text in [
            "",
            "yesterday",
            "20261120",
            "20.11.2026",
            "11/20/2026",
            "2026-13-01",
            "2026-02-30",
            "2026-11-20 25:00",
            "2026-11-20T22:10:00+99:00",
            "2026-11-20 soon",
            "1763676600",
        ] {
            assert_eq!(parse_time(text, Some(&oslo())), Err(TimeError::Unreadable), "{text}");
        }
    }

    #[test]
    fn a_file_name_gives_its_time_by_the_pattern() {
        for (pattern, name, expected) in [
            ("stock-%Y-%m-%d.csv", "stock-2026-11-20.csv", "2026-11-19T23:00:00Z"),
            ("%Y%m%d_%H%M.csv", "20261120_2210.csv", "2026-11-20T21:10:00Z"),
            ("x%Y%m%dT%H%M%S%z", "x20261120T221000+0000", "2026-11-20T22:10:00Z"),
        ] {
            let expected: Timestamp = expected.parse().expect("a timestamp");
            assert_eq!(time_in_name(pattern, name, &oslo()).ok(), Some(expected), "{name}");
        }
        assert!(time_in_name("stock-%Y-%m-%d.csv", "stock-2026-11-20.csv.old", &oslo()).is_err());
        assert!(time_in_name("stock-%Y-%m-%d.csv", "stock.csv", &oslo()).is_err());
    }
}
