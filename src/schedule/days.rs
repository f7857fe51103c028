//! The dates that match the day fields of a cron rule: a month at a time, as a bit mask.

use jiff::civil::Date;

use crate::model::CronFields;

/// How far a search for a matching date goes.
///
/// A year is one of 14 kinds (the weekday of 1 January, and whether it is a leap year). Each kind comes back within 40
/// years, the longest wait being that of a leap year over a century that has none, as around 2100. What does not
/// match in 41 years never will.
pub const SEARCH_YEARS_MAX: i16 = 41;

/// Bits 1..=31.
pub(super) type DayMask = u32;

/// The first matching date from `from` on.
pub(super) fn first_day(fields: &CronFields, from: Date) -> Option<Date> {
    let (mut year, mut month) = (from.year(), from.month());
    let mut mask = days_of_month(fields, year, month)? & (DayMask::MAX << from.day());
    while mask == 0 {
        (year, month) = match month {
            12 => (year.checked_add(1)?, 1),
            _ => (year, month + 1),
        };
        if year - from.year() > SEARCH_YEARS_MAX {
            return None;
        }
        mask = days_of_month(fields, year, month)?;
    }
    Date::new(year, month, lowest(mask)).ok()
}

/// The last matching date up to `until`.
pub(super) fn last_day(fields: &CronFields, until: Date) -> Option<Date> {
    let (mut year, mut month) = (until.year(), until.month());
    let mut mask = days_of_month(fields, year, month)? & (DayMask::MAX >> (31 - until.day()));
    while mask == 0 {
        (year, month) = match month {
            1 => (year.checked_sub(1)?, 12),
            _ => (year, month - 1),
        };
        if until.year() - year > SEARCH_YEARS_MAX {
            return None;
        }
        mask = days_of_month(fields, year, month)?;
    }
    Date::new(year, month, highest(mask)).ok()
}

/// Whether the date matches.
pub(super) fn matches_day(fields: &CronFields, date: Date) -> bool {
    days_of_month(fields, date.year(), date.month()).is_some_and(|mask| mask >> date.day() & 1 == 1)
}

/// Whether any date of any year matches that is not one of the closed weekdays (bit 0 is Sunday).
pub(super) fn ever_matches(fields: &CronFields, closed_weekdays: u8) -> bool {
    // 28 years without a century hold all 14 kinds of year.
    (2000..2028).any(|year| {
        (1..=12).any(|month| {
            let month_shape = Month::of(year, month);
            let closed = month_shape.map_or(0, |month| month.weekdays(closed_weekdays));
            days_of_month(fields, year, month).is_some_and(|mask| mask & !closed != 0)
        })
    })
}

/// The matching days of a month; `None` outside the years that can be written.
fn days_of_month(fields: &CronFields, year: i16, month: i8) -> Option<DayMask> {
    let shape = Month::of(year, month)?;
    if fields.months >> month & 1 == 0 {
        return Some(0);
    }
    let by_date = shape.by_date(fields);
    let by_weekday = shape.by_weekday(fields);
    let mask = if fields.days.starred || fields.weekdays.starred {
        by_date & by_weekday
    } else {
        by_date | by_weekday
    };
    Some(mask & shape.all())
}

/// What a month's dates depend on.
#[derive(Clone, Copy)]
struct Month {
    /// The weekday of its first day, Sunday is 0.
    first_weekday: i8,
    /// How many days it has.
    length: i8,
}

/// The first day of each of five weeks.
const EACH_WEEK: DayMask = 0b1_0000001_0000001_0000001_0000001;

const SUNDAY: i8 = 0;
const SATURDAY: i8 = 6;

impl Month {
    fn of(year: i16, month: i8) -> Option<Month> {
        let first = Date::new(year, month, 1).ok()?;
        Some(Month {
            first_weekday: first.weekday().to_sunday_zero_offset(),
            length: first.days_in_month(),
        })
    }

    fn all(self) -> DayMask {
        (DayMask::MAX >> (31 - self.length)) & !1
    }

    fn by_date(self, fields: &CronFields) -> DayMask {
        let days = &fields.days;
        let mut mask = days.days;
        for distance in bits(days.from_last) {
            if distance < self.length {
                mask |= 1 << (self.length - distance);
            }
        }
        for day in bits(days.nearest_weekday) {
            if day <= self.length {
                mask |= 1 << self.nearest_weekday(day);
            }
        }
        if days.last_weekday {
            mask |= 1 << self.nearest_weekday(self.length);
        }
        mask
    }

    fn by_weekday(self, fields: &CronFields) -> DayMask {
        let weekdays = &fields.weekdays;
        let mut mask = self.weekdays(weekdays.days);
        for (weeks, &weekdays) in (0_i8..).zip(&weekdays.nth) {
            let week = 0b1111_1110 << (7 * weeks);
            mask |= self.weekdays(weekdays) & week;
        }
        if weekdays.last != 0 {
            let last_week = self.all() & !(self.all() >> 7);
            mask |= self.weekdays(weekdays.last) & last_week;
        }
        mask
    }

    /// The days of the month that fall on these weekdays.
    fn weekdays(self, weekdays: u8) -> DayMask {
        let all = self.all();
        if weekdays == 0x7f {
            return all;
        }
        let mut mask = 0;
        for weekday in bits(DayMask::from(weekdays)) {
            let first = 1 + (weekday + 7 - self.first_weekday) % 7;
            mask |= EACH_WEEK << first;
        }
        mask & all
    }

    /// The weekday (Monday to Friday) nearest to a day, within the same month.
    fn nearest_weekday(self, day: i8) -> i8 {
        match (self.first_weekday + day - 1) % 7 {
            SATURDAY if day > 1 => day - 1,
            SATURDAY => day + 2,
            SUNDAY if day < self.length => day + 1,
            SUNDAY => day - 2,
            _ => day,
        }
    }
}

fn bits(mut mask: DayMask) -> impl Iterator<Item = i8> {
    std::iter::from_fn(move || {
        let bit = (mask != 0).then(|| lowest(mask));
        mask &= mask.wrapping_sub(1);
        bit
    })
}

fn lowest(mask: DayMask) -> i8 {
    mask.trailing_zeros().cast_signed().try_into().unwrap_or(0)
}

fn highest(mask: DayMask) -> i8 {
    (31 - mask.leading_zeros().min(31))
        .cast_signed()
        .try_into()
        .unwrap_or(0)
}
