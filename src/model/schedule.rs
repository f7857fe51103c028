//! Schedules as data: what `schedule` reads from a line and computes due times from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Name, later};

/// The rule that says when something is due, with its zone and calendar.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The rule as it was written, for messages.
    pub text: Arc<str>,
    /// What the text means.
    pub rule: Rule,
    /// The zone in which the rule's nominal times are meant.
    pub zone: TimeZone,
    /// Days on which `on_holiday` applies.
    pub calendar: Option<Arc<Calendar>>,
    /// What happens to an occurrence on a closed day of the calendar.
    pub on_holiday: OnHoliday,
}

/// The three kinds of schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A cron line or nickname.
    Cron(CronFields),
    /// A fixed grid in UTC: `anchor + n * period`.
    Every {
        /// Distance between two occurrences; at least one second.
        period: Duration,
        /// Any point of the grid.
        anchor: Timestamp,
    },
    /// Due when a new version of one of these datasets is published.
    On(Vec<Name>),
}

/// The fields of a cron line as bit sets: bit n is set when value n matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronFields {
    /// Bits 0..=59; bit 0 alone for a five-field line.
    pub seconds: u64,
    /// Bits 0..=59.
    pub minutes: u64,
    /// Bits 0..=23.
    pub hours: u32,
    /// The day-of-month field.
    pub days: DayOfMonth,
    /// Bits 1..=12.
    pub months: u16,
    /// The day-of-week field.
    pub weekdays: DayOfWeek,
}

/// The day-of-month field of a cron line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayOfMonth {
    /// Bits 1..=31.
    pub days: u32,
    /// `L`, `L-3`: days counted back from the last, bit n for n days before it.
    pub from_last: u32,
    /// `15W`: the weekday nearest to that day, bits 1..=31.
    pub nearest_weekday: u32,
    /// `LW`: the last weekday of the month.
    pub last_weekday: bool,
    /// The field begins with `*`: it does not restrict (Debian's rule).
    pub starred: bool,
}

/// The day-of-week field of a cron line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayOfWeek {
    /// Bits 0..=6, Sunday is 0.
    pub days: u8,
    /// `FRI#2`: bit n of entry k-1 for the k-th weekday n of the month.
    pub nth: [u8; 5],
    /// `5L`: bit n for the last weekday n of the month.
    pub last: u8,
    /// The field begins with `*`: it does not restrict (Debian's rule).
    pub starred: bool,
}

/// Open and closed days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Its name in jobs.toml.
    pub name: Name,
    /// Bits 0..=6, Sunday is 0: weekdays that are always closed.
    pub weekend: u8,
    /// Closed dates, with what they are called where the calendar says so.
    pub holidays: BTreeMap<Date, Arc<str>>,
}

/// The open days of a calendar as a measure of time: `counted_in`.
#[derive(Clone, Debug)]
pub struct OpenDays {
    /// Which days are open.
    pub calendar: Arc<Calendar>,
    /// The zone of their midnights.
    pub zone: TimeZone,
}

impl OpenDays {
    /// What stands behind a duration that is counted so: ` of open time in norway`.
    pub fn words(&self) -> String {
        format!(" of open time in {}", self.calendar.name)
    }
}

/// What happens to an occurrence on a closed day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnHoliday {
    /// It is recorded as skipped.
    #[default]
    Skip,
    /// It moves to the last open day before, at the same time of day.
    RunBefore,
    /// It moves to the first open day after, at the same time of day.
    RunAfter,
}

/// One due instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The instant, before jitter. Identifies the occurrence within its job.
    pub at: Timestamp,
    /// The nominal local times it stands for; more than one where a DST gap merged several.
    pub nominal: Vec<DateTime>,
    /// Why it will not run, when the calendar or the zone removes it.
    pub skip: Option<Skip>,
    /// What is odd about it, in words: a moved holiday, a DST change, and always why it is skipped.
    pub note: Option<String>,
}

/// Why an occurrence is never started by its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// The calendar is closed on that day.
    Holiday,
    /// The zone's change leaves out more than 3 hours (date line).
    CalendarGap,
}

/// An occurrence as `next --json` prints it; a job's start is `start_offset` later than it is due.
pub fn occurrence_line(job: Option<&Name>, start_offset: Duration, occurrence: &Occurrence) -> serde_json::Value {
    serde_json::json!({
        "job": job,
        "at": occurrence.at,
        "starts_at": occurrence.skip.is_none().then(|| later(occurrence.at, start_offset)),
        "nominal": occurrence.nominal.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "skip": occurrence.skip,
        "note": occurrence.note,
    })
}
