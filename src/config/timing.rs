//! Promises that schedules cannot keep, found by looking at coming occurrences.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{CronFields, Due, Name, OnHoliday, OpenDays, Rule, Schedule};
use crate::schedule;

/// Occurrences looked at in one check; what a larger configuration leaves is not judged.
const LOOKS_MAX: usize = 100_000;

/// How far ahead a promise of less than a week is held against a schedule: every day of a month.
const AHEAD: Duration = Duration::from_hours(32 * 24);

/// How far ahead longer promises are.
const AHEAD_LONG: Duration = Duration::from_hours(400 * 24);

const WEEK: Duration = Duration::from_hours(7 * 24);

/// Within a day of 25 hours, as clocks are set back.
const LONGEST_DAY: Duration = Duration::from_hours(25);

/// Coming deliveries that are held against a producer's schedule.
const DELIVERIES_LOOKED_AT: usize = 10;

/// Coming occurrences of a reader that are held against its input's.
const READS_LOOKED_AT: usize = 4;

/// A job runs shortly before its input when less than this part of the input's period is left.
const NEAR: i32 = 8;

const ALL_MONTHS: u16 = 0x1ffe;
const ALL_DAYS: u32 = 0xffff_fffe;
const ALL_WEEKDAYS: u8 = 0x7f;

/// Looks at coming occurrences from one instant on; equal questions are answered once.
#[derive(Debug)]
pub(super) struct Timing {
    now: Timestamp,
    looks: Cell<usize>,
    gaps: RefCell<HashMap<Promise, Option<Gap>>>,
    deliveries: RefCell<HashMap<Delivery, Option<Timestamp>>>,
    reads: RefCell<HashMap<(Key, Key, bool), Option<Late>>>,
}

/// Two occurrences with nothing between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// The first.
    pub(super) from: Timestamp,
    /// The second.
    pub(super) to: Timestamp,
}

/// A job that runs shortly before its input comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Late {
    /// When the job next runs.
    pub(super) read_at: Timestamp,
    /// When its input is due after that.
    pub(super) due_at: Timestamp,
}

/// A producer, the promised age, and the calendar by whose open time it is counted.
type Promise = (Key, Duration, Option<Name>);

/// A promised delivery, its producer, its grace and `early`.
type Delivery = (Key, Key, Duration, Option<Duration>);

/// What makes two schedules the same.
type Key = (Arc<str>, String, Option<Name>, u8);

impl Timing {
    /// Looks ahead from `now`.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            looks: Cell::new(0),
            gaps: RefCell::default(),
            deliveries: RefCell::default(),
            reads: RefCell::default(),
        }
    }

    /// The first coming gap between two occurrences that is longer than `longest`, as `counted_in` counts.
    pub(super) fn gap_longer_than(
        &self,
        schedule: &Schedule,
        longest: Duration,
        counted_in: Option<&OpenDays>,
    ) -> Option<Gap> {
        if longest >= LONGEST_DAY && runs_daily(schedule) {
            return None;
        }
        let calendar = counted_in.map(|days| days.calendar.name.clone());
        let question = (key(schedule), longest, calendar);
        if let Some(answer) = self.gaps.borrow().get(&question) {
            return *answer;
        }
        let answer = self.find_gap(schedule, longest, counted_in);
        self.gaps.borrow_mut().insert(question, answer);
        answer
    }

    /// The first coming delivery for which the producer does not run in time.
    pub(super) fn delivery_without_run(&self, due: &Due, producer: &Schedule) -> Option<Timestamp> {
        let question = (key(&due.schedule), key(producer), due.grace, due.early);
        if let Some(answer) = self.deliveries.borrow().get(&question) {
            return *answer;
        }
        let answer = self.find_delivery(due, producer);
        self.deliveries.borrow_mut().insert(question, answer);
        answer
    }

    /// Whether a job always runs shortly before its input comes; `started` says that `input` is when the
    /// input's producer starts, not when it must be there.
    pub(super) fn reads_too_early(&self, reader: &Schedule, input: &Schedule, started: bool) -> Option<Late> {
        let question = (key(reader), key(input), started);
        if let Some(answer) = self.reads.borrow().get(&question) {
            return *answer;
        }
        let answer = self.find_early_read(reader, input, started);
        self.reads.borrow_mut().insert(question, answer);
        answer
    }

    fn find_gap(&self, schedule: &Schedule, longest: Duration, counted_in: Option<&OpenDays>) -> Option<Gap> {
        let ahead = if longest < WEEK { AHEAD } else { AHEAD_LONG };
        let end = self.now.saturating_add(ahead).ok()?;
        let mut from = self.next(schedule, self.now)?;
        while from < end {
            let within = schedule::older_at(counted_in, from, longest)?;
            let last = self.last_until(schedule, within)?;
            if last <= from {
                let to = self.next(schedule, from)?;
                return Some(Gap { from, to });
            }
            from = last;
        }
        None
    }

    fn find_delivery(&self, due: &Due, producer: &Schedule) -> Option<Timestamp> {
        let mut before = self.last_until(&due.schedule, self.now);
        let mut at = self.now;
        for _ in 0..DELIVERIES_LOOKED_AT {
            at = self.next(&due.schedule, at)?;
            let from = match (due.early, before) {
                (Some(early), _) => at.saturating_sub(early).ok()?,
                (None, Some(before)) => before,
                (None, None) => Timestamp::MIN,
            };
            let until = at.saturating_add(due.grace).ok()?;
            // Whoever runs nothing at all within reach is judged elsewhere.
            let last = self.last_until(producer, until)?;
            // A delivery at the very instant of the one before belongs to that one.
            if last < from || (last == from && due.early.is_none()) {
                return Some(at);
            }
            before = Some(at);
        }
        None
    }

    fn find_early_read(&self, reader: &Schedule, input: &Schedule, started: bool) -> Option<Late> {
        let mut at = self.now;
        let mut first = None;
        for _ in 0..READS_LOOKED_AT {
            at = self.next(reader, at)?;
            // Data whose making starts at this very instant comes after it.
            let instant = Duration::from_nanos(u64::from(started));
            let before = self.last_until(input, at.saturating_sub(instant).ok()?)?;
            let after = self.next(input, before)?;
            let wait = after.duration_since(at);
            let period = after.duration_since(before);
            if wait.is_negative() || wait * NEAR > period {
                return None;
            }
            first = first.or(Some(Late {
                read_at: at,
                due_at: after,
            }));
        }
        first
    }

    /// The first occurrence after `after` that runs.
    fn next(&self, schedule: &Schedule, after: Timestamp) -> Option<Timestamp> {
        let mut at = after;
        loop {
            self.look()?;
            let occurrence = schedule::next(schedule, at)?;
            if occurrence.skip.is_none() {
                return Some(occurrence.at);
            }
            at = occurrence.at;
        }
    }

    /// The last occurrence until `until`, that instant included, that runs.
    fn last_until(&self, schedule: &Schedule, until: Timestamp) -> Option<Timestamp> {
        self.look()?;
        let behind = until.saturating_add(Duration::from_nanos(1)).ok()?;
        schedule::previous(schedule, behind).map(|occurrence| occurrence.at)
    }

    fn look(&self) -> Option<()> {
        let looks = self.looks.get() + 1;
        self.looks.set(looks);
        (looks <= LOOKS_MAX).then_some(())
    }
}

fn key(schedule: &Schedule) -> Key {
    (
        schedule.text.clone(),
        schedule.zone.iana_name().unwrap_or("").to_owned(),
        schedule.calendar.as_ref().map(|calendar| calendar.name.clone()),
        schedule.on_holiday as u8,
    )
}

/// Whether it runs on each day of the year, whatever the calendar says.
fn runs_daily(schedule: &Schedule) -> bool {
    let Schedule {
        rule: Rule::Cron(CronFields {
            days, weekdays, months, ..
        }),
        calendar: None,
        on_holiday: OnHoliday::Skip,
        ..
    } = schedule
    else {
        return false;
    };
    *months == ALL_MONTHS && days.starred && days.days == ALL_DAYS && weekdays.starred && weekdays.days == ALL_WEEKDAYS
}
