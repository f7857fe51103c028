//! When people are reminded, and how long an acknowledgement lasts.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use crate::model::{AlertRules, Calendar, earlier, later};

/// Reminders on working days come at this hour.
const WORKING_DAY_HOUR: i8 = 8;
/// An acknowledgement keeps reminders quiet for at least this long.
const ACK_RESTS_MIN: Duration = Duration::from_hours(1);
/// More closed days in a row than this end the search for a working day.
const CLOSED_DAYS_MAX: usize = 60;

/// When the reminder after the first `sent` ones is due, for an incident opened at `opened_at`.
///
/// First the distances of `[alerts] reminders`, then each working day at 08:00 in the team's zone.
pub fn next_reminder(
    rules: &AlertRules,
    opened_at: Timestamp,
    sent: u32,
    now: Timestamp,
    zone: &TimeZone,
    calendar: Option<&Calendar>,
) -> Timestamp {
    match rules.reminders.get(sent as usize) {
        Some(after) => later(opened_at, *after),
        None => next_working_morning(now, zone, calendar),
    }
}

/// Until when an acknowledgement given `now` keeps reminders quiet: 08:00 on a working day, the first that is at least
/// an hour away. Whoever takes something on at 07:55 is not reminded of it five minutes later.
pub fn ack_until(now: Timestamp, zone: &TimeZone, calendar: Option<&Calendar>) -> Timestamp {
    // Just before, so that an hour is enough.
    let rested = earlier(later(now, ACK_RESTS_MIN), Duration::from_nanos(1));
    next_working_morning(rested, zone, calendar)
}

/// The next working day, 08:00, after now.
pub(super) fn next_working_morning(now: Timestamp, zone: &TimeZone, calendar: Option<&Calendar>) -> Timestamp {
    let mut day = zone.to_datetime(now).date();
    for _ in 0..CLOSED_DAYS_MAX {
        let morning = zone
            .to_zoned_datetime(day.at(WORKING_DAY_HOUR, 0, 0, 0))
            .map(|zoned| zoned.timestamp());
        if let Ok(morning) = morning
            && morning > now
            && is_working_day(day, calendar)
        {
            return morning;
        }
        let Ok(tomorrow) = day.tomorrow() else { break };
        day = tomorrow;
    }
    later(now, Duration::from_hours(24))
}

/// Without a calendar of its own a team works from Monday to Friday.
fn is_working_day(day: Date, calendar: Option<&Calendar>) -> bool {
    match calendar {
        Some(calendar) => {
            let weekday = day.weekday().to_sunday_zero_offset();
            calendar.weekend & (1 << weekday) == 0 && !calendar.holidays.contains_key(&day)
        }
        None => !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oslo() -> TimeZone {
        TimeZone::get("Europe/Oslo").expect("zone data")
    }

    #[test]
    fn reminders_come_after_one_and_four_hours_and_then_on_working_mornings() {
        let opened: Timestamp = "2026-11-27T22:07:00+01:00".parse().expect("a time");
        let rules = AlertRules::default();
        let at = |sent, now: &str| {
            let now = now.parse().expect("a time");
            let next = next_reminder(&rules, opened, sent, now, &oslo(), None);
            oslo().to_datetime(next).to_string()
        };
        assert_eq!(at(0, "2026-11-27T22:07:00+01:00"), "2026-11-27T23:07:00");
        assert_eq!(at(1, "2026-11-27T23:07:00+01:00"), "2026-11-28T02:07:00");
        assert_eq!(at(2, "2026-11-28T02:07:00+01:00"), "2026-11-30T08:00:00");
        assert_eq!(at(3, "2026-11-30T08:00:00+01:00"), "2026-12-01T08:00:00");
    }

    #[test]
    fn an_acknowledgement_rests_until_a_working_morning_that_is_an_hour_away() {
        let until = |now: &str| {
            let now = now.parse().expect("a time");
            oslo().to_datetime(ack_until(now, &oslo(), None)).to_string()
        };
        assert_eq!(until("2026-11-30T03:00:00+01:00"), "2026-11-30T08:00:00");
        assert_eq!(until("2026-11-30T07:00:00+01:00"), "2026-11-30T08:00:00");
        assert_eq!(until("2026-11-30T07:01:00+01:00"), "2026-12-01T08:00:00");
        assert_eq!(until("2026-11-30T07:55:00+01:00"), "2026-12-01T08:00:00");
        assert_eq!(until("2026-11-30T08:00:00+01:00"), "2026-12-01T08:00:00");
        assert_eq!(until("2026-11-27T07:55:00+01:00"), "2026-11-30T08:00:00");
    }

    #[test]
    fn a_holiday_is_no_working_day() {
        let christmas = jiff::civil::date(2026, 12, 25);
        let calendar = Calendar {
            name: "norway".into(),
            weekend: 0b100_0001,
            holidays: [(christmas, "Christmas".into())].into(),
        };
        let now = "2026-12-24T20:00:00+01:00".parse().expect("a time");
        let until = ack_until(now, &oslo(), Some(&calendar));
        assert_eq!(oslo().to_datetime(until).to_string(), "2026-12-28T08:00:00");
    }
}
