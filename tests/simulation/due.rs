//! When plain rules are due, counted out day by day: shares nothing with the schedules of freshd but the time zones.

use std::sync::LazyLock;

use jiff::civil::{Date, Weekday, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::chance::Chance;

static OSLO: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("Europe/Oslo").expect("zone data"));

/// A rule simple enough to be counted out by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Every so many hours, from the anchor on.
    Every { hours: u64, anchor_minute: u64 },
    /// On these weekdays (0 is Sunday), at a time of day that no zone here ever leaves out or repeats.
    Weekly {
        minute: i8,
        hour: i8,
        weekdays: [bool; 7],
        oslo: bool,
    },
    /// On this day of each month.
    Monthly { minute: i8, hour: i8, day: i8 },
}

impl Rule {
    pub(crate) fn by_chance(chance: &mut Chance) -> Self {
        let small = |chance: &mut Chance, last| i8::try_from(chance.between(0, last)).expect("small");
        let minute = small(chance, 59);
        let hour = 6 + small(chance, 15);
        match chance.below(10) {
            0 => Self::Every {
                hours: chance.pick(&[1, 3, 6]),
                anchor_minute: chance.below(60),
            },
            1..=2 => Self::Every {
                hours: chance.pick(&[12, 24, 48]),
                anchor_minute: chance.below(60),
            },
            3..=4 => Self::Weekly {
                minute,
                hour,
                weekdays: [true; 7],
                oslo: chance.percent(50),
            },
            5..=8 => {
                let mut weekdays = [false; 7];
                for _ in 0..chance.between(1, 3) {
                    weekdays[usize::try_from(chance.below(7)).expect("small")] = true;
                }
                Self::Weekly {
                    minute,
                    hour,
                    weekdays,
                    oslo: chance.percent(50),
                }
            }
            _ => Self::Monthly {
                minute,
                hour,
                day: 1 + small(chance, 27),
            },
        }
    }

    /// The lines of a job's section.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Every { hours, anchor_minute } => {
                format!("every = \"{hours}h\"\nanchor = \"2026-01-01T00:{anchor_minute:02}:00Z\"\n")
            }
            Self::Weekly { oslo: false, .. } | Self::Monthly { .. } => {
                format!("schedule = \"{}\"\ntimezone = \"UTC\"\n", self.cron())
            }
            Self::Weekly { .. } => format!("schedule = \"{}\"\n", self.cron()),
        }
    }

    /// As a cron line, in the zone of the file.
    pub(crate) fn cron(&self) -> String {
        match self {
            Self::Every { .. } => unreachable!("an interval is no cron line"),
            Self::Weekly {
                minute, hour, weekdays, ..
            } => {
                let days: Vec<String> = (0..7).filter(|day| weekdays[*day]).map(|day| day.to_string()).collect();
                let days = if days.len() == 7 {
                    "*".to_owned()
                } else {
                    days.join(",")
                };
                format!("{minute} {hour} * * {days}")
            }
            Self::Monthly { minute, hour, day } => format!("{minute} {hour} {day} * *"),
        }
    }

    /// The longest time between two of its instants, in hours.
    pub(crate) fn period_hours(&self) -> u64 {
        match self {
            Self::Every { hours, .. } => *hours,
            Self::Weekly { weekdays, .. } if weekdays.iter().all(|is_due| *is_due) => 25,
            Self::Weekly { .. } => 7 * 24 + 1,
            Self::Monthly { .. } => 31 * 24 + 1,
        }
    }

    /// The same days, an hour later, as the time by which what it makes is promised; in the zone of the file.
    pub(crate) fn an_hour_later(&self) -> Option<Self> {
        match self.clone() {
            Self::Weekly {
                minute,
                hour,
                weekdays,
                oslo: true,
            } => Some(Self::Weekly {
                minute,
                hour: hour + 1,
                weekdays,
                oslo: true,
            }),
            _ => None,
        }
    }

    /// The first instant later than `after`.
    pub(crate) fn next(&self, after: Timestamp) -> Timestamp {
        match self {
            Self::Every { hours, anchor_minute } => {
                let anchor = date(2026, 1, 1).at(0, i8::try_from(*anchor_minute).expect("a minute"), 0, 0);
                let anchor = TimeZone::UTC.to_timestamp(anchor).expect("an instant").as_second();
                let period = i64::try_from(3_600 * hours).expect("a period");
                let mut at = anchor + (after.as_second() - anchor).div_euclid(period) * period;
                while at <= after.as_second() {
                    at += period;
                }
                Timestamp::from_second(at).expect("an instant")
            }
            Self::Weekly { .. } | Self::Monthly { .. } => {
                let mut day = self.zone().to_datetime(after).date().yesterday().expect("a day");
                loop {
                    if let Some(at) = self.on(day).filter(|at| *at > after) {
                        return at;
                    }
                    day = day.checked_add(1.day()).expect("a day");
                }
            }
        }
    }

    /// The last instant earlier than `before`, within two months.
    pub(crate) fn previous(&self, before: Timestamp) -> Timestamp {
        let days = [2, 8, 62]
            .into_iter()
            .map(|days| before - SignedDuration::from_hours(24 * days));
        let mut firsts = days.map(|from| self.next(from));
        let mut found = firsts.find(|first| *first < before).expect("an instant in two months");
        loop {
            let next = self.next(found);
            if next >= before {
                return found;
            }
            found = next;
        }
    }

    pub(crate) fn is_due(&self, at: Timestamp) -> bool {
        self.next(at - SignedDuration::from_micros(1)) == at
    }

    /// How many instants lie from `first` to `last`.
    pub(crate) fn all(&self, first: Timestamp, last: Timestamp) -> Vec<Timestamp> {
        let mut found = Vec::new();
        let mut at = self.next(first - SignedDuration::from_micros(1));
        while at <= last {
            found.push(at);
            at = self.next(at);
        }
        found
    }

    fn zone(&self) -> TimeZone {
        match self {
            Self::Weekly { oslo: true, .. } => OSLO.clone(),
            _ => TimeZone::UTC,
        }
    }

    fn on(&self, day: Date) -> Option<Timestamp> {
        let (minute, hour) = match self {
            Self::Every { .. } => return None,
            Self::Weekly {
                minute, hour, weekdays, ..
            } => {
                let weekday: Weekday = day.weekday();
                let place = usize::try_from(weekday.to_sunday_zero_offset()).expect("a weekday");
                weekdays[place].then_some((*minute, *hour))?
            }
            Self::Monthly {
                minute,
                hour,
                day: wanted,
            } => (day.day() == *wanted).then_some((*minute, *hour))?,
        };
        Some(
            self.zone()
                .to_timestamp(day.at(hour, minute, 0, 0))
                .expect("an instant"),
        )
    }
}
