//! How long before the file was written the times of a column lie.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{ColumnKind, ColumnRule, Range, format_duration};
use crate::probe;

const DAY_SECONDS: f64 = 86_400.0;

/// How old a file may be to be recognised as an earlier one.
const DAYS_BACK_MAX: u32 = 60;

/// The times of a column so far, against when the file was written.
pub(super) struct Ages {
    zone: TimeZone,
    written: Timestamp,
    row_word: &'static str,
    /// The newest, with its line and as it is written.
    newest: Option<(Timestamp, u64, String)>,
    /// The value before and its time: neighbours are often equal, and reading a time costs more than comparing it.
    last: Option<(String, Option<Timestamp>)>,
}

impl Ages {
    /// `None` when no rule of the column is about ages.
    pub(super) fn new(rule: &ColumnRule, written: Timestamp, row_word: &'static str) -> Option<Self> {
        (rule.age.is_some() || rule.newest.is_some()).then(|| Self {
            zone: rule.zone.clone().unwrap_or(TimeZone::UTC),
            written,
            row_word,
            newest: None,
            last: None,
        })
    }

    /// Takes a value; whether its age is as `rule` wants it. What is no time is the business of its type.
    pub(super) fn add(&mut self, rule: &ColumnRule, line: u64, value: &str) -> bool {
        let time = match &self.last {
            Some((last, time)) if last == value => *time,
            _ => {
                let time = probe::parse_time(value, Some(&self.zone)).ok();
                self.last = Some((value.to_owned(), time));
                time
            }
        };
        let Some(time) = time else { return true };
        if self.newest.as_ref().is_none_or(|(newest, ..)| *newest < time) {
            self.newest = Some((time, line, probe::shortened(value)));
        }
        let age = self.age(time);
        rule.age.as_ref().is_none_or(|range| contains(range, age))
    }

    /// Whether a value would have a fitting age if day and month were exchanged.
    pub(super) fn fits_exchanged(&self, rule: &ColumnRule, value: &str) -> bool {
        let exchanged = exchanged(value).and_then(|text| probe::parse_time(&text, Some(&self.zone)).ok());
        let range = rule.age.as_ref().or(rule.newest.as_ref());
        exchanged
            .zip(range)
            .is_some_and(|(time, range)| contains(range, self.age(time)))
    }

    /// What the newest value is, if `range` does not have its age: as it is shown, and in words.
    pub(super) fn too_far(&self, rule: &ColumnRule, range: &Range) -> Option<(String, String)> {
        let (time, line, value) = self.newest.as_ref()?;
        let age = self.age(*time);
        if contains(range, age) {
            return None;
        }
        let column = &rule.column;
        let told = told(age);
        let mut message = format!(
            "the newest value of column `{column}` is `{value}` ({} {line}), {told} the file was written, but it must be {} before",
            self.row_word, range.text
        );
        if let Some(cause) = self.cause(rule, range, *time, value) {
            message.push_str("; ");
            message.push_str(&cause);
        }
        Some((value.clone(), message))
    }

    fn cause(&self, rule: &ColumnRule, range: &Range, time: Timestamp, value: &str) -> Option<String> {
        let age = self.age(time);
        if self.fits_exchanged(rule, value) {
            return Some("day and month exchanged?".to_owned());
        }
        let offset = f64::from(self.zone.to_offset(self.written).seconds());
        if rule.kind == Some(ColumnKind::Datetime) && offset != 0.0 {
            for (shift, what) in [
                (offset, "UTC instead of local time?"),
                (-offset, "local time told as UTC?"),
            ] {
                if contains(range, age - shift) {
                    return Some(format!("{} off: {what}", told_hours(shift)));
                }
            }
        }
        let days = (1..=DAYS_BACK_MAX).find(|days| contains(range, age - f64::from(*days) * DAY_SECONDS))?;
        Some(match days {
            1 => "is it yesterday's file again?".to_owned(),
            days => format!("is it the file of {days} days ago again?"),
        })
    }

    /// In seconds.
    fn age(&self, time: Timestamp) -> f64 {
        self.written.duration_since(time).as_secs_f64()
    }
}

fn contains(range: &Range, age: f64) -> bool {
    range.min.is_none_or(|min| age >= min) && range.max.is_none_or(|max| age <= max)
}

/// `2h 5m before`.
fn told(age: f64) -> String {
    let length = std::time::Duration::try_from_secs_f64(age.abs().round()).unwrap_or_default();
    let which = if age < 0.0 { "after" } else { "before" };
    format!("{} {which}", format_duration(length))
}

fn told_hours(shift: f64) -> String {
    let length = std::time::Duration::try_from_secs_f64(shift.abs()).unwrap_or_default();
    format_duration(length)
}

/// `2026-05-11` for `2026-11-05`.
fn exchanged(value: &str) -> Option<String> {
    let value = value.trim();
    let (year, month, day) = (value.get(..5)?, value.get(5..7)?, value.get(8..10)?);
    Some(format!("{year}{day}-{month}{}", value.get(10..)?))
}
