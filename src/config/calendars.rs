//! `[calendars]`: weekends and holidays, written in place or read from an iCalendar file.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::context::absolute;
use super::files;
use super::reader::{Table, Text, Value};
use super::report::Report;
use crate::model::{Calendar, Name};
use crate::schedule;

/// How far back the dates of an iCalendar file are read.
const YEARS_BEHIND: i32 = 1;

/// How far ahead the dates of an iCalendar file are read, at each load and reload.
const YEARS_AHEAD: i32 = 5;

const WEEKDAYS: [(&str, u8); 7] = [
    ("sun", 0),
    ("mon", 1),
    ("tue", 2),
    ("wed", 3),
    ("thu", 4),
    ("fri", 5),
    ("sat", 6),
];

/// Reads one calendar.
pub(super) fn calendar(report: &Report, timezone: &TimeZone, today: Date, name: &Name, table: Table<'_>) -> Calendar {
    let errors = report.errors();
    let mut weekend = 0;
    for text in table.texts("weekend") {
        if let Some(bit) = weekday(&text) {
            weekend |= 1 << bit;
        }
    }
    let mut holidays: BTreeMap<Date, Arc<str>> = BTreeMap::new();
    if let Some(list) = table.get("holidays").and_then(Value::list) {
        for value in list {
            if let Some(date) = holiday(value) {
                holidays.insert(date, Arc::from(""));
            }
        }
    }
    if let Some(file) = table.text("ical") {
        read_ical(report, &file, timezone, today, &mut holidays);
    }
    let empty = !["weekend", "holidays", "ical"].iter().any(|key| table.has(key));
    if empty {
        table.missing(
            "holidays",
            format!("calendar `{name}` closes no day"),
            "write weekend = [\"Sat\", \"Sun\"], holidays = [\"2026-12-25\"] or ical = \"holidays.ics\"",
        );
    }
    let calendar = Calendar {
        name: name.clone(),
        weekend,
        holidays,
    };
    if weekend == 0x7f {
        report.error(
            table.key_spot("weekend").unwrap_or(table.spot),
            format!("calendar `{name}` is closed on every day of the week"),
            "leave at least one day out of `weekend`",
        );
    } else if report.errors() == errors
        && let Some(last) = schedule::runs_out(&calendar, today)
    {
        report.warning(
            table.spot,
            format!("calendar `{name}` has no entry after {last}"),
            "add the coming holidays: days it does not know are open",
        );
    }
    table.finish();
    calendar
}

fn weekday(text: &Text<'_>) -> Option<u8> {
    let short = text.text.to_lowercase();
    let short = short.get(..3).unwrap_or(&short);
    let found = WEEKDAYS.iter().find(|(day, _)| *day == short);
    if found.is_none() {
        text.error(
            format!("`{}` is not a day of the week", text.text),
            "write Mon, Tue, Wed, Thu, Fri, Sat or Sun",
        );
    }
    found.map(|(_, bit)| *bit)
}

fn holiday(value: Value<'_>) -> Option<Date> {
    let written = value.as_date();
    let text = match &written {
        Some(written) => written.as_str(),
        None => value.text()?.text,
    };
    let date = text.parse::<Date>().ok().filter(|_| text.len() == 10);
    if date.is_none() {
        let message = format!("`{text}` is not a date");
        value.error(message, "write year, month and day, as in \"2026-12-25\"");
    }
    date
}

fn read_ical(
    report: &Report,
    file: &Text<'_>,
    timezone: &TimeZone,
    today: Date,
    holidays: &mut BTreeMap<Date, Arc<str>>,
) {
    if report.was_accepted() {
        return;
    }
    let path = absolute(report.dir(file.spot()), file.text);
    let text = match files::read_text(&path, schedule::ICAL_BYTES_MAX as u64) {
        Ok(text) => text,
        Err(error) => {
            file.error(format!("`{}` {}", file.text, error.message), error.help);
            return;
        }
    };
    let first = today.saturating_sub(YEARS_BEHIND.years());
    let last = today.saturating_add(YEARS_AHEAD.years());
    match schedule::parse_ical(&text, timezone, first..=last) {
        Ok(closed) => {
            for (line, summary) in closed.ignored {
                report.warning(
                    file.spot(),
                    format!("line {line} of `{}`: `{summary}` closes no whole day", file.text),
                    "make it an event of whole days, if the day is to be closed",
                );
            }
            for (date, name) in closed.days {
                holidays.entry(date).or_insert(name);
            }
        }
        Err(error) => file.error(
            format!("line {} of `{}`: {}", error.line, file.text, error.message),
            "export the calendar again, or correct that line",
        ),
    }
}
