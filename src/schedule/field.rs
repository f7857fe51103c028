//! One field of a cron line: its numbers and names, lists, ranges and steps.

use super::parse::ParseError;

/// A part of a cron line, with the place of its first byte in the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
}

/// The six fields a line may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

const MONTHS: [(&str, &str); 12] = [
    ("JAN", "JANUARY"),
    ("FEB", "FEBRUARY"),
    ("MAR", "MARCH"),
    ("APR", "APRIL"),
    ("MAY", "MAY"),
    ("JUN", "JUNE"),
    ("JUL", "JULY"),
    ("AUG", "AUGUST"),
    ("SEP", "SEPTEMBER"),
    ("OCT", "OCTOBER"),
    ("NOV", "NOVEMBER"),
    ("DEC", "DECEMBER"),
];

const WEEKDAYS: [(&str, &str); 7] = [
    ("SUN", "SUNDAY"),
    ("MON", "MONDAY"),
    ("TUE", "TUESDAY"),
    ("WED", "WEDNESDAY"),
    ("THU", "THURSDAY"),
    ("FRI", "FRIDAY"),
    ("SAT", "SATURDAY"),
];

impl<'a> Part<'a> {
    /// The error about this part.
    pub(super) fn error(self, message: String, help: impl Into<String>) -> ParseError {
        ParseError {
            span: self.start..self.start + self.text.len(),
            message,
            help: help.into(),
        }
    }

    /// The parts between separators, each with its place.
    pub(super) fn split(self, separator: char) -> impl Iterator<Item = Part<'a>> {
        let mut start = self.start;
        self.text.split(separator).map(move |text| {
            let part = Part { text, start };
            start += text.len() + separator.len_utf8();
            part
        })
    }

    /// The words between white space, each with its place.
    pub(super) fn split_whitespace(self) -> impl Iterator<Item = Part<'a>> {
        self.split(' ')
            .flat_map(|part| part.split('\t'))
            .filter(|part| !part.text.is_empty())
    }

    /// The parts before and after the first separator.
    pub(super) fn split_once(self, separator: char) -> Option<(Part<'a>, Part<'a>)> {
        let at = self.text.find(separator)?;
        let (head, tail) = (&self.text[..at], &self.text[at + separator.len_utf8()..]);
        Some((
            Part {
                text: head,
                start: self.start,
            },
            Part {
                text: tail,
                start: self.start + at + separator.len_utf8(),
            },
        ))
    }

    /// The part without an ending, of any case.
    pub(super) fn without_end(self, end: &str) -> Option<Part<'a>> {
        let at = self.text.len().checked_sub(end.len())?;
        let tail = self.text.get(at..)?;
        tail.eq_ignore_ascii_case(end).then(|| Part {
            text: &self.text[..at],
            start: self.start,
        })
    }

    /// What is left without a beginning, of any case.
    pub(super) fn without_start(self, start: &str) -> Option<&'a str> {
        let (head, rest) = self.text.split_at_checked(start.len())?;
        head.eq_ignore_ascii_case(start).then_some(rest)
    }
}

impl Field {
    /// What messages call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day-of-month",
            Self::Month => "month",
            Self::DayOfWeek => "day-of-week",
        }
    }

    /// What may stand in it, for the help of an error.
    pub(super) fn allowed(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => "write 0 to 59, as in 30, 0,30, 10-20 or */5",
            Self::Hour => "write 0 to 23, as in 6, 6,18, 8-16 or */2",
            Self::DayOfMonth => "write 1 to 31, L (last), L-3, LW (last weekday) or 15W (nearest weekday)",
            Self::Month => "write 1 to 12 or JAN to DEC, as in MAR, JAN,JUL or 3-10",
            Self::DayOfWeek => "write 0 to 7 (0 and 7 are Sunday) or SUN to SAT, as in MON-FRI, FRI#2 or FRIL",
        }
    }

    /// Reads the whole field, a list of values, ranges and steps, into a bit set.
    pub(super) fn bits(self, field: Part<'_>) -> Result<u64, ParseError> {
        field
            .split(',')
            .try_fold(0, |bits, item| Ok(bits | self.item_bits(item)?))
    }

    /// Reads one item of the list: `*`, `*/5`, `7`, `7/10`, `7-20`, `7-20/2`.
    pub(super) fn item_bits(self, item: Part<'_>) -> Result<u64, ParseError> {
        if item.text.is_empty() {
            return Err(item.error(
                format!("the {} field has an empty entry in its list", self.name()),
                "write the values with single commas between them, as in 0,15,30",
            ));
        }
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(item, step)?)),
            None => (item, None),
        };
        let (first, last) = self.range(item, range, step.is_some())?;
        let (min, max) = self.limits();
        let width = u32::from(max - min) + 1;
        let length = if last >= first {
            u32::from(last - first)
        } else {
            u32::from(last) + width - u32::from(first)
        };
        let mut bits = 0;
        for distance in (0..=length).step_by(step.unwrap_or(1)) {
            let value = u32::from(min) + (u32::from(first - min) + distance) % width;
            bits |= 1_u64 << value;
        }
        Ok(bits)
    }

    /// Reads a number or name of this field; Sunday is 0.
    pub(super) fn value(self, part: Part<'_>) -> Result<u8, ParseError> {
        let value = self.written_value(part)?;
        Ok(if self == Self::DayOfWeek { value % 7 } else { value })
    }

    /// First and last value of a range. A last below first runs on over the end of the field.
    fn range(self, item: Part<'_>, range: Part<'_>, stepped: bool) -> Result<(u8, u8), ParseError> {
        let (min, max) = self.limits();
        if range.text == "*" {
            return Ok((min, max));
        }
        let Some((first, last)) = range.split_once('-') else {
            let value = self.value(range)?;
            if stepped && self == Self::DayOfWeek {
                return Err(item.error(
                    format!("`{}` in the day-of-week field has no end", item.text),
                    "write the days, as in MON,WED,FRI, or a range, as in 1-5/2",
                ));
            }
            return Ok((value, if stepped { max } else { value }));
        };
        if first.text.is_empty() || last.text.is_empty() || last.text.contains('-') {
            return Err(item.error(
                format!("`{}` in the {} field is not a range", range.text, self.name()),
                self.allowed(),
            ));
        }
        let (written_first, written_last) = (self.written_value(first)?, self.written_value(last)?);
        if self == Self::DayOfWeek {
            // 0-7 and 5-7 end on Sunday; a week holds each day once.
            return Ok(if written_first <= written_last && written_last == 7 {
                match written_first {
                    0 => (0, 6),
                    first => (first % 7, 0),
                }
            } else {
                (written_first % 7, written_last % 7)
            });
        }
        if written_first > written_last && !matches!(self, Self::Hour | Self::Month) {
            return Err(item.error(
                format!("`{}` in the {} field runs backwards", range.text, self.name()),
                format!("write two ranges: {}-{max},{min}-{}", first.text, last.text),
            ));
        }
        Ok((written_first, written_last))
    }

    fn step(self, item: Part<'_>, step: Part<'_>) -> Result<usize, ParseError> {
        let (min, max) = self.limits();
        let width = usize::from(max - min) + 1;
        match number(step.text) {
            Some(0) => Err(step.error(
                format!("a step of 0 in the {} field never moves", self.name()),
                "write a step of 1 or more, as in */5",
            )),
            Some(number) if usize::from(number) <= width => Ok(usize::from(number)),
            Some(_) => Err(step.error(
                format!(
                    "the step in `{}` is wider than the {} field, which has {width} values",
                    item.text,
                    self.name()
                ),
                self.wide_step_help(),
            )),
            None => Err(item.error(
                format!(
                    "`{}` in the {} field has a step that is not a number",
                    item.text,
                    self.name()
                ),
                "write the step as a number, as in */5",
            )),
        }
    }

    fn wide_step_help(self) -> &'static str {
        match self {
            Self::Second | Self::Minute | Self::Hour => {
                "a step starts again with each field; for a fixed distance write every = \"90m\" instead of a cron line"
            }
            _ => self.allowed(),
        }
    }

    /// Reads a number or name as it is written: 7 stays 7 in the day-of-week field.
    fn written_value(self, part: Part<'_>) -> Result<u8, ParseError> {
        let (min, max) = match self {
            Self::DayOfWeek => (0, 7),
            _ => self.limits(),
        };
        if let Some(number) = number(part.text) {
            return u8::try_from(number)
                .ok()
                .filter(|number| (min..=max).contains(number))
                .ok_or_else(|| {
                    part.error(
                        format!(
                            "{} is outside the {} field, which goes from {min} to {max}",
                            part.text,
                            self.name()
                        ),
                        self.allowed(),
                    )
                });
        }
        for (position, (short, long)) in (0_u8..).zip(self.names()) {
            if part.text.eq_ignore_ascii_case(short) {
                return Ok(position + min);
            }
            if part.text.eq_ignore_ascii_case(long) {
                return Err(part.error(
                    format!("`{}` is not a name of the {} field", part.text, self.name()),
                    format!("write {short}"),
                ));
            }
        }
        Err(self.strange(part))
    }

    fn strange(self, part: Part<'_>) -> ParseError {
        let help = if part.text.is_empty() {
            self.allowed().to_owned()
        } else if part.text.eq_ignore_ascii_case("H") || part.text.contains('~') {
            "write a plain value and spread the starts with jitter = \"5m\"".to_owned()
        } else if part.text.starts_with('*') {
            "write * alone, or */5 for every fifth value".to_owned()
        } else {
            self.allowed().to_owned()
        };
        let message = if part.text.is_empty() {
            format!("a value is missing in the {} field", self.name())
        } else {
            format!("`{}` is not a {}", part.text, self.name())
        };
        part.error(message, help)
    }

    fn limits(self) -> (u8, u8) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 6),
        }
    }

    fn names(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &WEEKDAYS,
            _ => &[],
        }
    }
}

/// Reads digits as a number, one too large to matter as the largest; `None` for anything else, signs included.
pub(super) fn number(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u16::MAX))
}
