//! Reads the closed days out of an iCalendar file (RFC 5545).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

use super::recurrence::{Budget, Recurrence};

/// The largest file that is read.
pub const ICAL_BYTES_MAX: usize = 4 << 20;

/// How many days and periods are looked at for one file.
const ICAL_STEPS_MAX: usize = 200_000;

/// What a file says about a window of dates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosedDays {
    /// The closed days inside the window, with the name of the event that closes each.
    pub days: BTreeMap<Date, Arc<str>>,
    /// Events that close nothing because they cover no whole day: line and summary.
    pub ignored: Vec<(usize, Arc<str>)>,
}

/// Why a file is not a calendar that can be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct IcalError {
    /// The line of the file, from 1.
    pub line: usize,
    /// What is wrong with it and what to do.
    pub message: String,
}

/// Reads the closed days of an iCalendar file that lie in `window`.
///
/// Every day that an event covers from midnight to midnight is closed; an event over part of a day closes nothing and is
/// listed. Times in UTC are meant in `zone`, others as they are written. Cancelled events are passed over. Recurrences by
/// year, month, week and day are expanded, with EXDATE, RDATE and single changed instances; rules that cannot be read in
/// full are refused, since a holiday left out is a run on a closed day.
///
/// # Errors
/// The first thing that cannot be read, with its line; also when the file is cut off.
pub fn parse_ical(text: &str, zone: &TimeZone, window: RangeInclusive<Date>) -> Result<ClosedDays, IcalError> {
    if text.len() > ICAL_BYTES_MAX {
        return Err(refuse(1, format!("the file is larger than {ICAL_BYTES_MAX} bytes")));
    }
    let events = events(text, zone)?;
    let mut changed: BTreeSet<(&str, Date)> = BTreeSet::new();
    for event in &events {
        if let (Some(uid), Some(date)) = (&event.uid, event.instead_of) {
            changed.insert((uid, date));
        }
    }
    let mut budget = Budget(ICAL_STEPS_MAX);
    let mut closed = ClosedDays::default();
    for event in events.iter().filter(|event| !event.cancelled) {
        let Some(start) = event.start else {
            return Err(refuse(event.line, "the event has no DTSTART".to_owned()));
        };
        let (first_day, length) = event.whole_days(start)?;
        if length < 1 {
            closed.ignored.push((event.line, event.summary.clone()));
            continue;
        }
        let reach = first_day
            .checked_add(length.days())
            .and_then(|end| start.date().until(end));
        let reach = reach.unwrap_or_default();
        let from = window.start().saturating_sub(reach);
        let mut starts = match &event.recurrence {
            Some(rule) => rule
                .dates(start.date(), from, *window.end(), &mut budget)
                .map_err(|message| refuse(event.line, message))?,
            None => vec![start.date()],
        };
        starts.extend(&event.extra);
        for date in starts {
            let uid = event.uid.as_deref().unwrap_or_default();
            let replaced = event.instead_of.is_none() && changed.contains(&(uid, date));
            if replaced || event.except.contains(&date) {
                continue;
            }
            let shift = start.date().until(first_day).unwrap_or_default();
            let begins = date.saturating_add(shift).max(*window.start());
            let ends = date.saturating_add(shift).saturating_add(length.days());
            for day in begins.series(1.day()) {
                if day >= ends || day > *window.end() {
                    break;
                }
                budget.spend().map_err(|message| refuse(event.line, message))?;
                closed.days.entry(day).or_insert_with(|| event.summary.clone());
            }
        }
    }
    Ok(closed)
}

/// One VEVENT.
#[derive(Debug, Default)]
struct IcalEvent {
    line: usize,
    start: Option<DateTime>,
    /// DTSTART is a date without a time.
    all_day: bool,
    end: Option<DateTime>,
    duration: Option<Span>,
    recurrence: Option<Recurrence>,
    /// RRULE and its line, read at the end of the event: its UNTIL is understood by DTSTART.
    rule: Option<(usize, String)>,
    extra: Vec<Date>,
    except: BTreeSet<Date>,
    uid: Option<String>,
    instead_of: Option<Date>,
    summary: Arc<str>,
    cancelled: bool,
}

impl IcalEvent {
    /// The first day that is covered from midnight to midnight, and how many there are.
    fn whole_days(&self, start: DateTime) -> Result<(Date, i32), IcalError> {
        let too_far = |_| refuse(self.line, "the event ends beyond the calendar".to_owned());
        let end = match (self.end, self.duration) {
            (Some(end), _) => end,
            (None, Some(duration)) => start.checked_add(duration).map_err(too_far)?,
            (None, None) => start,
        };
        if end < start {
            return Err(refuse(self.line, "the event ends before it starts".to_owned()));
        }
        if self.all_day {
            let days = start.date().until(end.date()).map_err(too_far)?.get_days();
            return Ok((start.date(), days.max(1)));
        }
        let first = if start.time() == Time::midnight() {
            start.date()
        } else {
            start.date().tomorrow().map_err(too_far)?
        };
        // Some programs write the end of a day as 23:59 or 23:59:59.
        let last_minute = end.hour() == 23 && end.minute() == 59;
        let end = if last_minute {
            end.date().tomorrow().map_err(too_far)?
        } else {
            end.date()
        };
        Ok((first, first.until(end).map_err(too_far)?.get_days()))
    }

    fn property(&mut self, line: usize, property: &Property<'_>, zone: &TimeZone) -> Result<(), String> {
        let value = property.value;
        match property.name.to_ascii_uppercase().as_str() {
            "DTSTART" => {
                self.all_day = !value.contains(['T', 't']);
                self.start = Some(read_time(value, zone)?);
            }
            "DTEND" => self.end = Some(read_time(value, zone)?),
            "DURATION" => {
                let duration: Span = value
                    .parse()
                    .map_err(|_| format!("`{value}` is not a DURATION; P1D is one day"))?;
                self.duration = Some(duration);
            }
            "RRULE" if self.rule.is_some() => {
                return Err("the event has two RRULE lines; split it into two events".to_owned());
            }
            "RRULE" => self.rule = Some((line, value.to_owned())),
            "EXRULE" => {
                return Err("EXRULE is not read by freshd; write the dates as EXDATE".to_owned());
            }
            "RDATE" => {
                for date in value.split(',') {
                    let (start, _) = date.split_once('/').unwrap_or((date, ""));
                    self.extra.push(read_time(start, zone)?.date());
                }
            }
            "EXDATE" => {
                for date in value.split(',') {
                    self.except.insert(read_time(date, zone)?.date());
                }
            }
            "RECURRENCE-ID" => self.instead_of = Some(read_time(value, zone)?.date()),
            "UID" => self.uid = Some(value.to_owned()),
            "SUMMARY" => self.summary = unescape(value).into(),
            "STATUS" => self.cancelled = value.trim().eq_ignore_ascii_case("CANCELLED"),
            _ => {}
        }
        Ok(())
    }
}

impl IcalEvent {
    /// Reads the recurrence rule once the whole event is known.
    fn finish(&mut self, zone: &TimeZone) -> Result<(), IcalError> {
        let Some((line, rule)) = self.rule.take() else {
            return Ok(());
        };
        let all_day = self.all_day;
        let read_date = |value: &str| {
            // A whole day has no zone: some programs still write its UNTIL as an instant.
            let zone = if all_day { &TimeZone::UTC } else { zone };
            read_time(value, zone).map(DateTime::date)
        };
        let recurrence = Recurrence::parse(&rule, read_date);
        self.recurrence = Some(recurrence.map_err(|message| refuse(line, message))?);
        Ok(())
    }
}

/// One content line: its name and value; parameters are read over.
struct Property<'a> {
    name: &'a str,
    value: &'a str,
}

impl<'a> Property<'a> {
    fn parse(line: &'a str) -> Option<Property<'a>> {
        let mut quoted = false;
        let colon = line.find(|letter| {
            quoted ^= letter == '"';
            letter == ':' && !quoted
        })?;
        let (head, value) = (&line[..colon], &line[colon + 1..]);
        let name = head.split(';').next().unwrap_or(head).trim();
        let written = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.';
        (!name.is_empty() && name.chars().all(written)).then_some(Property { name, value })
    }
}

fn events(text: &str, zone: &TimeZone) -> Result<Vec<IcalEvent>, IcalError> {
    let mut events = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut last_line = 1;
    for (line, content) in unfold(text) {
        last_line = line;
        let property = Property::parse(&content).ok_or_else(|| {
            refuse(
                line,
                "this is not a line of an iCalendar file; is it a web page?".to_owned(),
            )
        })?;
        let value = property.value.trim().to_ascii_uppercase();
        if property.name.eq_ignore_ascii_case("BEGIN") {
            if open.is_empty() && value != "VCALENDAR" {
                return Err(refuse(line, "an iCalendar file begins with BEGIN:VCALENDAR".to_owned()));
            }
            if value == "VEVENT" {
                events.push(IcalEvent {
                    line,
                    ..IcalEvent::default()
                });
            }
            open.push(value);
        } else if property.name.eq_ignore_ascii_case("END") {
            if open.pop().as_ref() != Some(&value) {
                return Err(refuse(line, format!("END:{value} closes nothing that is open")));
            }
            if value == "VEVENT"
                && let Some(event) = events.last_mut()
            {
                event.finish(zone)?;
            }
        } else if open.is_empty() {
            return Err(refuse(line, "an iCalendar file begins with BEGIN:VCALENDAR".to_owned()));
        } else if open.last().is_some_and(|name| name == "VEVENT")
            && let Some(event) = events.last_mut()
        {
            event
                .property(line, &property, zone)
                .map_err(|message| refuse(line, message))?;
        }
    }
    match open.last() {
        Some(name) => Err(refuse(
            last_line,
            format!("the file ends inside {name}: it was cut off"),
        )),
        None if events.is_empty() && text.trim().is_empty() => Err(refuse(1, "the file is empty".to_owned())),
        None => Ok(events),
    }
}

/// Joins folded lines; each comes with the number of its first line.
fn unfold(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1..).zip(text.lines()) {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, last))) => last.push_str(rest),
            _ if line.trim().is_empty() => {}
            _ => lines.push((number, line.to_owned())),
        }
    }
    lines
}

/// Reads a date, a local time, or a time in UTC, which is brought into `zone`.
fn read_time(value: &str, zone: &TimeZone) -> Result<DateTime, String> {
    let value = value.trim();
    let refused = || format!("`{value}` is not a date; 20261225 is one");
    let (date, time) = value.split_once(['T', 't']).unwrap_or((value, "000000"));
    let (time, utc) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, true),
        None => (time, false),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if date.len() != 8 || time.len() != 6 || !digits(date) || !digits(time) {
        return Err(refused());
    }
    let part = |text: &str| text.parse::<i16>().map_err(|_| refused());
    let small = |text: &str| text.parse::<i8>().map_err(|_| refused());
    let local = DateTime::new(
        part(&date[..4])?,
        small(&date[4..6])?,
        small(&date[6..])?,
        small(&time[..2])?,
        small(&time[2..4])?,
        small(&time[4..])?.min(59),
        0,
    )
    .map_err(|_| refused())?;
    if !utc {
        return Ok(local);
    }
    let instant = TimeZone::UTC.to_timestamp(local).map_err(|_| refused())?;
    Ok(zone.to_datetime(instant))
}

fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut letters = value.trim().chars();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            '\\' => match letters.next() {
                Some('n' | 'N') | None => ' ',
                Some(escaped) => escaped,
            },
            letter => letter,
        };
        text.push(if letter.is_control() { ' ' } else { letter });
    }
    text
}

fn refuse(line: usize, message: String) -> IcalError {
    IcalError { line, message }
}
