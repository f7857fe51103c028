//! Reads a cron line or nickname into bit sets; every mistake says its place and what to write.

use std::ops::Range;

use crate::model::{CronFields, DayOfMonth, DayOfWeek};

use super::field::{Field, Part, number};

/// The longest cron line that is read.
pub const CRON_LINE_BYTES_MAX: usize = 1_000;

/// A mistake in a cron line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct ParseError {
    /// The offending bytes of the line.
    pub span: Range<usize>,
    /// What is wrong, naming the field.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// Reads a cron line: minute, hour, day of month, month, day of week; with `seconds` a second before them.
///
/// Each field is a list of `*`, values, ranges and steps; months and weekdays have names of three letters. A range
/// of hours, months or weekdays may run on over its end (`22-2`, `NOV-FEB`, `FRI-MON`); elsewhere a backward range
/// is a mistake. `5/10` counts from 5 to the end of the field. `?` is `*` in a day field. Of days there are also `L`,
/// `L-3`, `LW`, `15W`, `FRI#2` and `FRIL`. Nicknames (`@daily`) are read with and without `seconds`.
///
/// # Errors
/// The first mistake, with its place in `text`.
pub fn parse_cron(text: &str, seconds: bool) -> Result<CronFields, ParseError> {
    let whole = Part { text, start: 0 };
    if text.len() > CRON_LINE_BYTES_MAX {
        return Err(whole.error(
            format!("a cron line of {} bytes", text.len()),
            format!("write at most {CRON_LINE_BYTES_MAX} bytes"),
        ));
    }
    let parts: Vec<Part<'_>> = whole.split_whitespace().collect();
    match parts[..] {
        [] => Err(whole.error(
            "the cron line is empty".to_owned(),
            "write minute, hour, day of month, month and day of week, as in 30 2 * * MON-FRI",
        )),
        [first, ..] if first.text.starts_with('@') => nickname(whole, &parts),
        [first, ..] if first.text.contains('=') => Err(first.error(
            format!("`{}` is not part of a cron line", first.text),
            "write the zone beside it, as in timezone = \"Europe/Oslo\"",
        )),
        [second, minute, hour, day, month, weekday] if seconds => Ok(CronFields {
            seconds: Field::Second.bits(second)?,
            ..five([minute, hour, day, month, weekday])?
        }),
        [minute, hour, day, month, weekday] if !seconds => five([minute, hour, day, month, weekday]),
        _ => Err(wrong_count(whole, &parts, seconds)),
    }
}

/// What an author should be told where both day fields have a say, for `freshd check`.
///
/// `None` where one of them is open (`*`), which is most lines.
pub fn day_rule_note(fields: &CronFields) -> Option<&'static str> {
    let days_open = fields.days.starred && fields.days.days == ALL_DAYS;
    let weekdays_open = fields.weekdays.starred && fields.weekdays.days == ALL_WEEKDAYS;
    if days_open || weekdays_open {
        None
    } else if fields.days.starred || fields.weekdays.starred {
        Some("both day fields must match here, because one begins with *; without the * either would be enough")
    } else {
        Some(
            "day-of-month and day-of-week are both given, and either is enough: the job is due on all those dates and also on all those weekdays",
        )
    }
}

const ALL_DAYS: u32 = 0xffff_fffe;
const ALL_WEEKDAYS: u8 = 0x7f;

fn nickname(whole: Part<'_>, parts: &[Part<'_>]) -> Result<CronFields, ParseError> {
    let name = parts[0];
    if parts.len() == 1 {
        for (nickname, line) in NICKNAMES {
            if name.text.eq_ignore_ascii_case(nickname) {
                return parse_cron(line, false);
            }
        }
    }
    let help = if name.text.eq_ignore_ascii_case("@every") {
        "write every = \"15m\" instead of a cron line"
    } else if name.text.eq_ignore_ascii_case("@reboot") {
        "freshd starts nothing because of a reboot; write when the job is due, as in @hourly"
    } else {
        "write @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually, or a line of five fields"
    };
    Err(whole.error(format!("`{}` is not a nickname", whole.text.trim()), help))
}

fn wrong_count(whole: Part<'_>, parts: &[Part<'_>], seconds: bool) -> ParseError {
    let texts: Vec<&str> = parts.iter().map(|part| part.text).collect();
    if seconds {
        let help = if texts.len() == 5 {
            format!(
                "write the second first, as in 0 {}, or leave out seconds = true",
                texts.join(" ")
            )
        } else {
            "write second, minute, hour, day of month, month and day of week".to_owned()
        };
        return whole.error(
            format!("{} fields, where seconds = true asks for six", texts.len()),
            help,
        );
    }
    match texts.len() {
        6 => whole.error(
            "six fields mean the second first to some programs and the year last to others".to_owned(),
            format!(
                "write seconds = true if `{}` is the second, or leave out `{}` if it is the year",
                texts[0], texts[5]
            ),
        ),
        7 => whole.error(
            "seven fields: a second first and a year last".to_owned(),
            format!(
                "leave out the year `{}`, and write seconds = true or leave out the second `{}`",
                texts[6], texts[0]
            ),
        ),
        count => whole.error(
            format!("{count} field{} instead of five", if count == 1 { "" } else { "s" }),
            "write minute, hour, day of month, month and day of week with spaces between them and none inside, as in 0,30 2 * * MON-FRI",
        ),
    }
}

fn five([minute, hour, day, month, weekday]: [Part<'_>; 5]) -> Result<CronFields, ParseError> {
    Ok(CronFields {
        seconds: 1,
        minutes: Field::Minute.bits(minute)?,
        hours: low_bits(Field::Hour.bits(hour)?),
        days: day_of_month(day)?,
        months: u16::try_from(Field::Month.bits(month)?).unwrap_or(0),
        weekdays: day_of_week(weekday)?,
    })
}

fn low_bits(bits: u64) -> u32 {
    u32::try_from(bits).unwrap_or(u32::MAX)
}

fn day_of_month(field: Part<'_>) -> Result<DayOfMonth, ParseError> {
    let mut days = DayOfMonth {
        starred: field.text.starts_with(['*', '?']),
        ..DayOfMonth::default()
    };
    for item in field.split(',') {
        if item.text == "?" {
            days.days |= ALL_DAYS;
        } else if item.text.eq_ignore_ascii_case("LW") {
            days.last_weekday = true;
        } else if item.text.eq_ignore_ascii_case("L") {
            days.from_last |= 1;
        } else if let Some(distance) = item.without_start("L-") {
            match number(distance) {
                Some(distance @ 0..=30) => days.from_last |= 1 << distance,
                _ => {
                    return Err(item.error(
                        format!(
                            "`{}` in the day-of-month field does not count days back from the last",
                            item.text
                        ),
                        "write L-1 to L-30, as in L-3",
                    ));
                }
            }
        } else if let Some(day) = item.without_end("W") {
            if number(day.text).is_none() {
                return Err(item.error(
                    format!("`{}` in the day-of-month field does not name a day", item.text),
                    "write 15W for the weekday nearest to the 15th, or LW for the last weekday",
                ));
            }
            days.nearest_weekday |= 1 << Field::DayOfMonth.value(day)?;
        } else {
            days.days |= low_bits(Field::DayOfMonth.item_bits(item)?);
        }
    }
    Ok(days)
}

fn day_of_week(field: Part<'_>) -> Result<DayOfWeek, ParseError> {
    let mut weekdays = DayOfWeek {
        starred: field.text.starts_with(['*', '?']),
        ..DayOfWeek::default()
    };
    for item in field.split(',') {
        if item.text == "?" {
            weekdays.days |= ALL_WEEKDAYS;
        } else if item.text.eq_ignore_ascii_case("L") {
            return Err(item.error(
                "`L` in the day-of-week field names no day".to_owned(),
                "write SAT or SUN for the last day of the week, or FRIL for the last Friday of the month",
            ));
        } else if let Some((day, nth)) = item.split_once('#') {
            let bit = 1 << Field::DayOfWeek.value(day)?;
            match number(nth.text) {
                Some(nth @ 1..=5) => weekdays.nth[usize::from(nth) - 1] |= bit,
                None if nth.text.eq_ignore_ascii_case("L") => weekdays.last |= bit,
                _ => {
                    return Err(item.error(
                        format!(
                            "`{}` in the day-of-week field: a month has at most five of a weekday",
                            item.text
                        ),
                        "write #1 to #5, as in FRI#2 for the second Friday, or FRIL for the last",
                    ));
                }
            }
        } else if let Some(day) = item.without_end("L") {
            weekdays.last |= 1 << Field::DayOfWeek.value(day)?;
        } else {
            let bits = Field::DayOfWeek.item_bits(item)?;
            weekdays.days |= u8::try_from(bits).unwrap_or(ALL_WEEKDAYS);
        }
    }
    Ok(weekdays)
}
