//! The dates of an iCalendar recurrence rule (RFC 5545, section 3.3.10), as far as whole days need it.

use std::str::FromStr;

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

/// A recurrence rule: by year, month, week or day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recurrence {
    frequency: Frequency,
    interval: i32,
    count: Option<usize>,
    /// The last date, included.
    pub(super) until: Option<Date>,
    months: Vec<i8>,
    month_days: Vec<i8>,
    weekdays: Vec<(i8, Weekday)>,
    positions: Vec<i16>,
    week_start: Weekday,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
}

/// How much work is left before a file is refused as too much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget(pub(super) usize);

impl Budget {
    /// Takes one step.
    pub(super) fn spend(&mut self) -> Result<(), String> {
        self.0 = self
            .0
            .checked_sub(1)
            .ok_or("the file names more days than a calendar of closed days can have")?;
        Ok(())
    }
}

impl Recurrence {
    /// Reads the value of an RRULE; `read_date` reads its UNTIL.
    pub(super) fn parse(value: &str, read_date: impl Fn(&str) -> Result<Date, String>) -> Result<Recurrence, String> {
        let mut frequency = None;
        let mut rule = Recurrence {
            frequency: Frequency::Yearly,
            interval: 1,
            count: None,
            until: None,
            months: Vec::new(),
            month_days: Vec::new(),
            weekdays: Vec::new(),
            positions: Vec::new(),
            week_start: Weekday::Monday,
        };
        for part in value.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` in RRULE has no value"))?;
            match name.to_ascii_uppercase().as_str() {
                "FREQ" => {
                    frequency = Some(match value.to_ascii_uppercase().as_str() {
                        "YEARLY" => Frequency::Yearly,
                        "MONTHLY" => Frequency::Monthly,
                        "WEEKLY" => Frequency::Weekly,
                        "DAILY" => Frequency::Daily,
                        _ => return Err(format!("FREQ={value} is not a rule for whole days")),
                    });
                }
                "INTERVAL" => rule.interval = i32::from(read::<u16>(part, value, 1, 10_000)?),
                "COUNT" => {
                    rule.count = Some(usize::from(read::<u16>(part, value, 1, u16::MAX)?));
                }
                "UNTIL" => rule.until = Some(read_date(value)?),
                "BYMONTH" => rule.months = list(part, value, 1, 12)?,
                "BYMONTHDAY" => {
                    rule.month_days = list(part, value, -31, 31)?;
                    if rule.month_days.contains(&0) {
                        return Err(format!("`{part}` in RRULE names a day 0"));
                    }
                }
                "BYSETPOS" => {
                    rule.positions = list(part, value, -366, 366)?;
                    if rule.positions.contains(&0) {
                        return Err(format!("`{part}` in RRULE names a position 0"));
                    }
                }
                "BYDAY" => {
                    rule.weekdays = value
                        .split(',')
                        .map(|day| ordinal_weekday(part, day))
                        .collect::<Result<_, _>>()?;
                }
                "WKST" => rule.week_start = ordinal_weekday(part, value)?.1,
                _ => return Err(format!("{name} in RRULE is not read by freshd")),
            }
        }
        rule.frequency = frequency.ok_or("RRULE has no FREQ")?;
        let ordinal = rule.weekdays.iter().any(|(nth, _)| *nth != 0);
        if ordinal && matches!(rule.frequency, Frequency::Weekly | Frequency::Daily) {
            return Err("BYDAY with a number needs FREQ=MONTHLY or FREQ=YEARLY".to_owned());
        }
        Ok(rule)
    }

    /// The dates from `first` on that are not before `from` and not after `to`.
    ///
    /// The first date belongs to the recurrence also where the rule does not name it.
    pub(super) fn dates(&self, first: Date, from: Date, to: Date, budget: &mut Budget) -> Result<Vec<Date>, String> {
        let to = self.until.map_or(to, |until| until.min(to));
        let mut dates = Vec::new();
        let mut left = self.count.unwrap_or(usize::MAX);
        let mut take = |date: Date| {
            if date >= from && date <= to {
                dates.push(date);
            }
            left = left.saturating_sub(1);
            left > 0
        };
        if !take(first) {
            return Ok(dates);
        }
        let mut period = if self.count.is_some() {
            0
        } else {
            self.periods_before(first, from)
        };
        'periods: while let Some((begins, candidates)) = self.period(first, period) {
            budget.spend()?;
            if begins > to {
                break;
            }
            for date in candidates.into_iter().filter(|date| *date > first) {
                budget.spend()?;
                if date > to || !take(date) {
                    break 'periods;
                }
            }
            period += 1;
        }
        Ok(dates)
    }

    /// How many periods lie wholly before `from`.
    fn periods_before(&self, first: Date, from: Date) -> i32 {
        let years = i32::from(from.year()) - i32::from(first.year());
        let days = first.until(from).map_or(0, |span| span.get_days());
        let periods = match self.frequency {
            Frequency::Yearly => years,
            Frequency::Monthly => years * 12 + i32::from(from.month()) - i32::from(first.month()),
            Frequency::Weekly => days / 7,
            Frequency::Daily => days,
        };
        (periods / self.interval - 1).max(0)
    }

    /// The first day of a period and its dates in order; `None` where the calendar ends.
    fn period(&self, first: Date, period: i32) -> Option<(Date, Vec<Date>)> {
        let step = period.checked_mul(self.interval)?;
        let (begins, mut dates) = match self.frequency {
            Frequency::Yearly => {
                let year = i16::try_from(i32::from(first.year()).checked_add(step)?).ok()?;
                let begins = Date::new(year, 1, 1).ok()?;
                (begins, self.year(first, begins))
            }
            Frequency::Monthly => {
                let months = step.checked_add(i32::from(first.month()) - 1)?;
                let year = i32::from(first.year()).checked_add(months.div_euclid(12))?;
                let month = i8::try_from(months.rem_euclid(12) + 1).ok()?;
                let begins = Date::new(i16::try_from(year).ok()?, month, 1).ok()?;
                let named = self.months.is_empty() || self.months.contains(&month);
                let dates = if named { self.month(first, begins) } else { Vec::new() };
                (begins, dates)
            }
            Frequency::Weekly => {
                let back = first.weekday().since(self.week_start);
                let begins = first
                    .checked_sub(back.days())
                    .ok()?
                    .checked_add(days(step.checked_mul(7)?)?)
                    .ok()?;
                let dates = begins.series(1.day()).take(7);
                (begins, dates.filter(|date| self.day(first, *date)).collect())
            }
            Frequency::Daily => {
                let begins = first.checked_add(days(step)?).ok()?;
                let due = self.day(first, begins);
                (begins, due.then_some(begins).into_iter().collect())
            }
        };
        dates.sort_unstable();
        dates.dedup();
        if !self.positions.is_empty() {
            let length = dates.len();
            let mut chosen: Vec<Date> = self
                .positions
                .iter()
                .filter_map(|position| {
                    let distance = usize::from(position.unsigned_abs());
                    let index = if *position > 0 {
                        distance - 1
                    } else {
                        length.checked_sub(distance)?
                    };
                    dates.get(index).copied()
                })
                .collect();
            chosen.sort_unstable();
            chosen.dedup();
            dates = chosen;
        }
        Some((begins, dates))
    }

    fn year(&self, first: Date, begins: Date) -> Vec<Date> {
        if self.months.is_empty() && self.month_days.is_empty() && !self.weekdays.is_empty() {
            return self.weekdays_between(begins, begins.last_of_year());
        }
        let own_month = [first.month()];
        let every_month = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let months = match (self.months.is_empty(), self.month_days.is_empty()) {
            (false, _) => &self.months[..],
            (true, false) => &every_month[..],
            (true, true) => &own_month[..],
        };
        months
            .iter()
            .filter_map(|month| Date::new(begins.year(), *month, 1).ok())
            .flat_map(|begins| self.month(first, begins))
            .collect()
    }

    fn month(&self, first: Date, begins: Date) -> Vec<Date> {
        let own_day = [first.day()];
        let month_days = match (self.month_days.is_empty(), self.weekdays.is_empty()) {
            (true, false) => {
                return self.weekdays_between(begins, begins.last_of_month());
            }
            (true, true) => &own_day[..],
            (false, _) => &self.month_days[..],
        };
        let length = begins.days_in_month();
        let dates = month_days
            .iter()
            .map(|day| if *day < 0 { length + 1 + day } else { *day })
            .filter_map(|day| Date::new(begins.year(), begins.month(), day).ok());
        if self.weekdays.is_empty() {
            return dates.collect();
        }
        let named = self.weekdays_between(begins, begins.last_of_month());
        dates.filter(|date| named.contains(date)).collect()
    }

    /// The dates BYDAY names in a month or year: all Fridays, the second, the last but one.
    fn weekdays_between(&self, begins: Date, ends: Date) -> Vec<Date> {
        let mut dates = Vec::new();
        for (nth, weekday) in &self.weekdays {
            let Ok(earliest) = begins.checked_add(weekday.since(begins.weekday()).days()) else {
                continue;
            };
            let all: Vec<Date> = earliest.series(1.week()).take_while(|date| *date <= ends).collect();
            let distance = usize::from(nth.unsigned_abs());
            match nth {
                0 => dates.extend(all),
                1.. => dates.extend(all.get(distance - 1)),
                _ => dates.extend(all.len().checked_sub(distance).and_then(|at| all.get(at))),
            }
        }
        dates
    }

    /// Whether a day of a week or a single day is named.
    fn day(&self, first: Date, date: Date) -> bool {
        let weekday = if self.weekdays.is_empty() {
            self.frequency == Frequency::Daily || date.weekday() == first.weekday()
        } else {
            self.weekdays.iter().any(|(_, day)| *day == date.weekday())
        };
        let month_day = self.month_days.is_empty()
            || self
                .month_days
                .iter()
                .any(|day| *day == date.day() || *day + date.days_in_month() + 1 == date.day());
        let month = self.months.is_empty() || self.months.contains(&date.month());
        weekday && month_day && month
    }
}

fn days(days: i32) -> Option<Span> {
    Span::new().try_days(days).ok()
}

fn list<T: Copy + FromStr + PartialOrd>(part: &str, value: &str, min: T, max: T) -> Result<Vec<T>, String> {
    value.split(',').map(|entry| read(part, entry, min, max)).collect()
}

fn read<T: Copy + FromStr + PartialOrd>(part: &str, value: &str, min: T, max: T) -> Result<T, String> {
    value
        .trim()
        .parse()
        .ok()
        .filter(|number| *number >= min && *number <= max)
        .ok_or_else(|| format!("`{part}` in RRULE has a number that makes no sense there"))
}

fn ordinal_weekday(part: &str, text: &str) -> Result<(i8, Weekday), String> {
    let text = text.trim();
    let refused = || format!("`{part}` in RRULE names no weekday");
    let at = text.len().checked_sub(2).ok_or_else(refused)?;
    let (nth, day) = text.split_at_checked(at).ok_or_else(refused)?;
    let weekday = match day.to_ascii_uppercase().as_str() {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return Err(refused()),
    };
    let nth = if nth.is_empty() { 0 } else { read(part, nth, -53, 53)? };
    Ok((nth, weekday))
}
