//! The occurrences of a cron rule in real time, through every change of its zone.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};

use crate::model::{CronFields, Occurrence, Schedule, Skip};

use super::due_days::DueDays;
use super::note;
use super::zone::{LocalSpan, Stretch, tick_before, whole_second};

/// How many nominal times one occurrence lists; only a gap that swallows a line with seconds, or hours, has more.
pub const NOMINAL_TIMES_MAX: usize = 100;

/// The longest change of a zone that is treated as a change of clocks; a longer one is the date line.
const CLOCK_CHANGE_MAX: SignedDuration = SignedDuration::from_hours(3);

/// How long before a date-line gap its skipped occurrence is placed: less than a second, where nothing else can be due.
const CALENDAR_GAP_LEAD: SignedDuration = SignedDuration::from_millis(1);

/// The first occurrence later than `after`.
pub(super) fn next(schedule: &Schedule, fields: &CronFields, after: Timestamp) -> Option<Occurrence> {
    let rule = NominalTimes::new(schedule, fields);
    let mut stretch = Stretch::holding(&schedule.zone, after);
    let mut from = whole_second(after).checked_add(SignedDuration::from_secs(1)).ok()?;
    // From the first of these local times up to the second nothing is due.
    let mut idle: Option<LocalSpan> = None;
    loop {
        if stretch.start == Some(from)
            && let Some(occurrence) = rule.occurrence(&stretch, from)
        {
            return Some(occurrence);
        }
        let end = stretch.local_end();
        let mut local = stretch.local(from);
        loop {
            let nominal = match idle {
                Some(idle) if idle.holds(local) => idle.end,
                _ => rule.first(local)?,
            };
            idle = Some(LocalSpan {
                start: local,
                end: nominal,
            });
            if nominal >= end {
                break;
            }
            if let Some(occurrence) = rule.occurrence(&stretch, stretch.instant(nominal)?) {
                return Some(occurrence);
            }
            // Not due in a second pass: neither is anything else of this hour before the pass ends.
            local = stretch
                .repeated()
                .map_or(DateTime::MAX, |span| span.end)
                .min(after_hour(nominal)?);
        }
        stretch = stretch.following(&schedule.zone)?;
        from = stretch.start?;
        if let Some(skipped) = rule.left_out(&stretch).filter(|left_out| left_out.at > after) {
            return Some(skipped);
        }
    }
}

/// The last occurrence earlier than `before` that runs.
pub(super) fn previous(schedule: &Schedule, fields: &CronFields, before: Timestamp) -> Option<Occurrence> {
    let rule = NominalTimes::new(schedule, fields);
    let open = rule.open_only();
    let until = tick_before(before)?;
    let mut stretch = Stretch::holding(&schedule.zone, until);
    let mut until = whole_second(until);
    // After the first of these local times up to the second nothing is due.
    let mut idle: Option<LocalSpan> = None;
    loop {
        let start = stretch.local_start();
        let mut local = stretch.local(until);
        loop {
            let nominal = match idle {
                Some(idle) if idle.start <= local && local <= idle.end => idle.start,
                _ => open.last(local)?,
            };
            idle = Some(LocalSpan {
                start: nominal,
                end: local,
            });
            if nominal < start {
                break;
            }
            if let Some(occurrence) = rule
                .occurrence(&stretch, stretch.instant(nominal)?)
                .filter(|occurrence| occurrence.skip.is_none())
            {
                return Some(occurrence);
            }
            local = before_hour(nominal)?;
        }
        let first = stretch.start?;
        if first <= until
            && let Some(occurrence) = rule
                .occurrence(&stretch, first)
                .filter(|occurrence| occurrence.skip.is_none())
        {
            return Some(occurrence);
        }
        stretch = stretch.preceding(&schedule.zone)?;
        until = first.checked_sub(SignedDuration::from_secs(1)).ok()?;
    }
}

/// The local times a cron rule names, and what becomes of each of them in real time.
#[derive(Clone, Copy)]
struct NominalTimes<'a> {
    schedule: &'a Schedule,
    fields: &'a CronFields,
    days: DueDays<'a>,
    open_only: bool,
}

impl<'a> NominalTimes<'a> {
    fn new(schedule: &'a Schedule, fields: &'a CronFields) -> Self {
        Self {
            schedule,
            fields,
            days: DueDays::new(schedule, fields),
            open_only: false,
        }
    }

    fn open_only(self) -> Self {
        Self {
            open_only: true,
            ..self
        }
    }

    /// The first nominal time from `from` on.
    fn first(&self, from: DateTime) -> Option<DateTime> {
        let mut date = from.date();
        let mut time = from.time();
        loop {
            let due = self.days.first(date)?;
            if due > date {
                time = Time::midnight();
            }
            if self.open_only && self.days.is_closed(due) {
                date = due.tomorrow().ok()?;
                time = Time::midnight();
                continue;
            }
            if let Some(time) = first_time(self.fields, time) {
                return Some(due.to_datetime(time));
            }
            date = due.tomorrow().ok()?;
            time = Time::midnight();
        }
    }

    /// The last nominal time up to `until`.
    fn last(&self, until: DateTime) -> Option<DateTime> {
        let mut date = until.date();
        let mut time = until.time();
        loop {
            let due = self.days.last(date, self.open_only)?;
            if due < date {
                time = LAST_SECOND;
            }
            if let Some(time) = last_time(self.fields, time) {
                return Some(due.to_datetime(time));
            }
            date = due.yesterday().ok()?;
            time = LAST_SECOND;
        }
    }

    /// What is due at an instant of a stretch: its own nominal time, and after a gap those that the gap left out.
    fn occurrence(&self, stretch: &Stretch, at: Timestamp) -> Option<Occurrence> {
        let local = stretch.local(at);
        let mut notes = Vec::new();
        let mut due_days = Vec::new();
        let mut nominal = Vec::new();
        let mut skip = None;

        let gap = stretch
            .gap()
            .filter(|gap| stretch.start == Some(at) && gap.length() <= CLOCK_CHANGE_MAX);
        if let Some(gap) = gap {
            let left_out = self.appointments(gap);
            if !left_out.is_empty() {
                notes.push(note::left_out(&left_out, local));
                for &time in &left_out {
                    due_days.push(time.date());
                    self.written(time, &mut nominal);
                }
            }
        }
        let (day, time) = (local.date(), local.time());
        if first_time(self.fields, time) == Some(time) && self.days.first(day) == Some(day) {
            let appointment = self.is_appointment(local);
            let second_pass = stretch.repeated().filter(|span| span.holds(local));
            let first_pass = stretch.repeated_later().filter(|span| span.holds(local));
            let due = match second_pass {
                Some(span) if appointment && span.length() <= CLOCK_CHANGE_MAX => false,
                Some(_) if appointment => {
                    skip = Some(Skip::CalendarGap);
                    notes.push(note::not_repeated(local));
                    true
                }
                Some(_) => {
                    notes.push(note::second_pass(local));
                    true
                }
                None => {
                    if first_pass.is_some() {
                        notes.push(note::first_pass(local, appointment));
                    }
                    true
                }
            };
            if due {
                due_days.push(day);
                self.written(local, &mut nominal);
            }
        }
        if due_days.is_empty() {
            return None;
        }
        due_days.dedup();
        nominal.sort_unstable();
        if skip.is_none() && self.all_closed(&due_days, gap) {
            skip = Some(Skip::Holiday);
        }
        if let Some(calendar) = self.schedule.calendar.as_deref() {
            note::calendar(calendar, self.schedule.on_holiday, &due_days, &nominal, &mut notes);
        }
        Some(Occurrence {
            at,
            nominal,
            skip,
            note: (!notes.is_empty()).then(|| notes.join("; ")),
        })
    }

    /// The record of what a date-line gap at the start of a stretch left out.
    fn left_out(&self, stretch: &Stretch) -> Option<Occurrence> {
        let gap = stretch.gap().filter(|gap| gap.length() > CLOCK_CHANGE_MAX)?;
        let left_out = self.appointments(gap);
        if left_out.is_empty() {
            return None;
        }
        let mut nominal = Vec::new();
        for &time in &left_out {
            self.written(time, &mut nominal);
        }
        Some(Occurrence {
            at: stretch.start?.checked_sub(CALENDAR_GAP_LEAD).ok()?,
            nominal,
            skip: Some(Skip::CalendarGap),
            note: Some(note::skipped_gap(&left_out, gap)),
        })
    }

    /// The appointments among the nominal times that a gap left out, at most [`NOMINAL_TIMES_MAX`].
    fn appointments(&self, gap: LocalSpan) -> Vec<DateTime> {
        let mut times = Vec::new();
        let mut local = gap.start;
        while times.len() < NOMINAL_TIMES_MAX
            && let Some(nominal) = self.first(local).filter(|nominal| *nominal < gap.end)
        {
            let next = if self.is_appointment(nominal) {
                times.push(nominal);
                nominal.checked_add(SignedDuration::from_secs(1)).ok()
            } else {
                after_hour(nominal)
            };
            let Some(next) = next else { break };
            local = next;
        }
        times
    }

    /// Whether a nominal time is an appointment: the rule does not also name the hour before and the hour after.
    ///
    /// Everything else is a cadence, which follows real time. Hours are those of the hour field, around midnight too.
    fn is_appointment(&self, nominal: DateTime) -> bool {
        let hour = nominal.hour();
        let named = |hour: i8| self.fields.hours >> hour & 1 == 1;
        !(named((hour + 23) % 24) && named((hour + 1) % 24))
    }

    /// Adds the nominal times that a due one stands for: itself, or where the calendar moved it from.
    fn written(&self, due: DateTime, nominal: &mut Vec<DateTime>) {
        let room = NOMINAL_TIMES_MAX - nominal.len().min(NOMINAL_TIMES_MAX);
        let written = self.days.written(due.date());
        nominal.extend(written.into_iter().take(room).map(|date| date.to_datetime(due.time())));
    }

    /// Whether nothing may run for these due dates, nor for one that a long gap left out of the list.
    fn all_closed(&self, due_days: &[Date], gap: Option<LocalSpan>) -> bool {
        if due_days.iter().any(|day| !self.days.is_closed(*day)) {
            return false;
        }
        gap.is_none_or(|gap| self.open_only().appointments(gap).is_empty())
    }
}

const LAST_SECOND: Time = Time::constant(23, 59, 59, 0);

/// The first matching time of day from `from` on.
fn first_time(fields: &CronFields, from: Time) -> Option<Time> {
    let (hour, minute, second) = (from.hour(), from.minute(), from.second());
    if fields.hours >> hour & 1 == 1 {
        if fields.minutes >> minute & 1 == 1
            && let Some(second) = lowest(fields.seconds & (u64::MAX << second))
        {
            return Time::new(hour, minute, second, 0).ok();
        }
        if let Some(minute) = lowest(fields.minutes & (u64::MAX << minute << 1)) {
            return Time::new(hour, minute, lowest(fields.seconds)?, 0).ok();
        }
    }
    let hour = lowest(u64::from(fields.hours) & (u64::MAX << hour << 1))?;
    Time::new(hour, lowest(fields.minutes)?, lowest(fields.seconds)?, 0).ok()
}

/// The last matching time of day up to `until`.
fn last_time(fields: &CronFields, until: Time) -> Option<Time> {
    let (hour, minute, second) = (until.hour(), until.minute(), until.second());
    if fields.hours >> hour & 1 == 1 {
        if fields.minutes >> minute & 1 == 1
            && let Some(second) = highest(fields.seconds & (u64::MAX >> (63 - second)))
        {
            return Time::new(hour, minute, second, 0).ok();
        }
        if let Some(minute) = highest(fields.minutes & !(u64::MAX << minute)) {
            return Time::new(hour, minute, highest(fields.seconds)?, 0).ok();
        }
    }
    let hour = highest(u64::from(fields.hours) & !(u64::MAX << hour))?;
    Time::new(hour, highest(fields.minutes)?, highest(fields.seconds)?, 0).ok()
}

fn lowest(bits: u64) -> Option<i8> {
    (bits != 0).then(|| bits.trailing_zeros().try_into().ok())?
}

fn highest(bits: u64) -> Option<i8> {
    (bits != 0).then(|| bits.ilog2().try_into().ok())?
}

/// The first second of the hour after.
fn after_hour(local: DateTime) -> Option<DateTime> {
    start_of_hour(local).checked_add(SignedDuration::from_hours(1)).ok()
}

/// The last second of the hour before.
fn before_hour(local: DateTime) -> Option<DateTime> {
    start_of_hour(local).checked_sub(SignedDuration::from_secs(1)).ok()
}

fn start_of_hour(local: DateTime) -> DateTime {
    local.date().at(local.hour(), 0, 0, 0)
}
