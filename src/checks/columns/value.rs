//! Reads one value by the type of its column.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::{ColumnKind, ColumnRule};
use crate::probe;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::checks) enum Reading {
    /// Not of the type.
    Wrong,
    /// Something that can lie in a range: a number, or seconds since 1970.
    Size(f64),
    /// Of the type, and without a size.
    Other,
}

/// Reads a value that is not empty. White space around it counts only in a text.
pub(in crate::checks) fn read(value: &str, rule: &ColumnRule) -> Reading {
    let kind = match (rule.kind, &rule.range) {
        (Some(kind), _) => kind,
        // Only a number lies in a range of numbers.
        (None, Some(_)) => ColumnKind::Decimal,
        (None, None) => ColumnKind::Text,
    };
    let value = trimmed(value);
    let size = match kind {
        ColumnKind::Text => return Reading::Other,
        ColumnKind::Boolean => {
            let is_one = ["true", "false", "1", "0"]
                .iter()
                .any(|word| value.eq_ignore_ascii_case(word));
            return if is_one { Reading::Other } else { Reading::Wrong };
        }
        ColumnKind::Integer => is_integer(value).then(|| value.parse().ok()).flatten(),
        ColumnKind::Decimal if rule.decimal_comma => number(value, ','),
        ColumnKind::Decimal => number(value, '.'),
        ColumnKind::Date => date(value),
        ColumnKind::Datetime => probe::parse_time(value, Some(&TimeZone::UTC)).ok().map(seconds),
    };
    match (size, rule.kind) {
        (Some(size), _) => Reading::Size(size),
        // Without a type it is the range that is broken: no number lies there.
        (None, None) => Reading::Size(f64::NAN),
        (None, Some(_)) => Reading::Wrong,
    }
}

/// Without white space around it: as `trim` does it, and faster where there is none.
pub(super) fn trimmed(value: &str) -> &str {
    match value.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => value,
        [only] if only.is_ascii_graphic() => value,
        _ => value.trim(),
    }
}

/// The size of a bound as it is written in jobs.toml, by the type of the column.
pub(in crate::checks) fn number(value: &str, point: char) -> Option<f64> {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    let (digits, exponent) = match digits.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = digits.split_once(point).unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = are_digits(whole)
        && are_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(is_integer);
    if !is_number {
        return None;
    }
    let number: f64 = match point {
        '.' => value.parse().ok()?,
        _ => value.replace(point, ".").parse().ok()?,
    };
    number.is_finite().then_some(number)
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn date(value: &str) -> Option<f64> {
    // The reader underneath takes other forms, too.
    let is_plain = value.len() == 10 && value.as_bytes()[4] == b'-';
    let date: Date = is_plain.then(|| value.parse().ok()).flatten()?;
    let start = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    Some(seconds(start))
}

/// Exact for any time with whole milliseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "the milliseconds of all years that there are fit into 53 bits"
)]
fn seconds(time: jiff::Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}
