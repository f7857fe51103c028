//! Schedules as the sections write them: cron lines, intervals, `on`, with zone and calendar.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::context::{Context, Section};
use super::reader::{Table, Text, Value};
use super::report::Spot;
use super::texts::Texts;
use crate::model::{Calendar, CronFields, Name, OnHoliday, Rule, Schedule};
use crate::schedule;

const PERIOD_MIN: Duration = Duration::from_secs(1);

/// Schedules read so far: equal lines and zones are read once and shared.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    lines: RefCell<HashMap<(String, bool), Line>>,
    zones: RefCell<HashMap<String, TimeZone>>,
    sound: RefCell<HashMap<Meaning, bool>>,
    texts: Texts,
    whole: RefCell<HashMap<Arc<str>, Vec<Arc<Schedule>>>>,
}

/// A cron line, read.
type Line = (Arc<str>, CronFields);

/// What decides whether a schedule ever fires: its text, calendar and `on_holiday`.
type Meaning = (Arc<str>, Option<Name>, u8);

/// When a job is due, as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct When {
    /// The schedule; `None` when there is none or it is broken.
    pub(super) schedule: Option<Schedule>,
    /// Where it is written; `None` when there is none.
    pub(super) spot: Option<Spot>,
    /// The datasets of `on`, with their places.
    pub(super) on: Vec<Spot>,
}

/// Zone and calendar of a schedule.
struct Setting {
    zone: TimeZone,
    calendar: Option<Arc<Calendar>>,
    on_holiday: OnHoliday,
}

impl Schedules {
    /// The zone that a text names.
    pub(super) fn zone(&self, text: &Text<'_>) -> Option<TimeZone> {
        if let Some(zone) = self.zones.borrow().get(text.text) {
            return Some(zone.clone());
        }
        if let Ok(zone) = TimeZone::get(text.text) {
            self.zones.borrow_mut().insert(text.text.to_owned(), zone.clone());
            return Some(zone);
        }
        let known: Vec<String> = jiff::tz::db()
            .available()
            .map(|name| name.as_str().to_owned())
            .collect();
        let nearest = text.value.report.nearest(text.text, known.iter().map(String::as_str));
        let help = match nearest {
            Some(nearest) => format!("did you mean \"{nearest}\"?"),
            None => "write a name of the IANA time zone database, as in Europe/Oslo or UTC".to_owned(),
        };
        text.error(format!("unknown time zone `{}`", text.text), help);
        None
    }

    fn line(&self, text: &Text<'_>, seconds: bool) -> Option<(Arc<str>, CronFields)> {
        let key = (text.text.to_owned(), seconds);
        if let Some(line) = self.lines.borrow().get(&key) {
            return Some(line.clone());
        }
        match schedule::parse_cron(text.text, seconds) {
            Ok(fields) => {
                let line = (Arc::from(text.text), fields);
                self.lines.borrow_mut().insert(key, line.clone());
                Some(line)
            }
            Err(error) => {
                let report = text.value.report;
                report.error(text.part(error.span), error.message, error.help);
                None
            }
        }
    }

    /// One copy of equal schedules: thousands of jobs are due together.
    pub(super) fn shared(&self, schedule: Schedule) -> Arc<Schedule> {
        let mut whole = self.whole.borrow_mut();
        let alike = whole.entry(schedule.text.clone()).or_default();
        if let Some(known) = alike.iter().find(|known| is_same(known, &schedule)) {
            return known.clone();
        }
        let shared = Arc::new(schedule);
        alike.push(shared.clone());
        shared
    }

    /// Whether the schedule can ever start anything.
    fn fires(&self, schedule: &Schedule) -> bool {
        let key = (
            schedule.text.clone(),
            schedule.calendar.as_ref().map(|calendar| calendar.name.clone()),
            schedule.on_holiday as u8,
        );
        *self
            .sound
            .borrow_mut()
            .entry(key)
            .or_insert_with(|| !schedule::never_fires(schedule))
    }
}

/// Whether two schedules of one text mean the same.
fn is_same(one: &Schedule, other: &Schedule) -> bool {
    let same_calendar = match (&one.calendar, &other.calendar) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    };
    same_calendar && one.rule == other.rule && one.zone == other.zone && one.on_holiday == other.on_holiday
}

/// When a job is due: `schedule`, `every` or `on`, with `seconds`, `anchor`, `timezone`, `calendar`, `on_holiday`.
pub(super) fn job_schedule(context: &Context<'_>, table: &Table<'_>) -> When {
    let line = table.get("schedule");
    let every = table.get("every");
    let on = table.get("on");
    let seconds = table.flag("seconds").unwrap_or(false);
    let anchor = table.get("anchor");
    let setting = setting(context, table);
    let written: Vec<Value<'_>> = [line, every, on].into_iter().flatten().collect();
    if let [first, second, ..] = written[..] {
        let spot = table.key_spot(second.key).unwrap_or(second.spot());
        context.report.error(
            spot,
            format!("`{}` and `{}` exclude each other", first.key, second.key),
            "keep one of `schedule`, `every` and `on`",
        );
        // Whichever is kept: what is wrong in it is said now.
        if let Some(text) = line.and_then(Value::text) {
            context.schedules.line(&text, seconds);
        }
        every.and_then(Value::duration);
        return When {
            spot: Some(spot),
            ..When::default()
        };
    }
    if let Some(line) = line {
        without_effect(table, &["anchor"], "`every`");
        return When {
            schedule: line.text().and_then(|text| timed(context, &text, seconds, setting)),
            spot: Some(line.spot()),
            on: Vec::new(),
        };
    }
    without_effect(table, &["seconds"], "`schedule`");
    if let Some(every) = every {
        return When {
            schedule: interval(context, table, every, anchor, setting),
            spot: Some(every.spot()),
            on: Vec::new(),
        };
    }
    without_effect(table, &["anchor"], "`every`");
    if let Some(on) = on {
        without_effect(table, &["calendar", "on_holiday"], "`schedule` or `every`");
        return started_by(context, on, setting);
    }
    without_effect(
        table,
        &[
            "calendar",
            "on_holiday",
            "jitter",
            "catch_up",
            "catch_up_limit",
            "catch_up_within",
        ],
        "`schedule` or `every`",
    );
    When::default()
}

/// A schedule that is a cron line alone, in the zone of the root file.
pub(super) fn plain(context: &Context<'_>, text: &Text<'_>) -> Option<Schedule> {
    let setting = Setting {
        zone: context.timezone.clone(),
        calendar: None,
        on_holiday: OnHoliday::Skip,
    };
    timed(context, text, false, setting)
}

/// A cron line written under `key` of a table, with `seconds`, `timezone`, `calendar`, `on_holiday` beside it.
pub(super) fn line(context: &Context<'_>, table: &Table<'_>, key: &'static str) -> Option<Schedule> {
    let text = table.text(key);
    let seconds = table.flag("seconds").unwrap_or(false);
    let setting = setting(context, table);
    timed(context, &text?, seconds, setting)
}

fn timed(context: &Context<'_>, text: &Text<'_>, seconds: bool, setting: Setting) -> Option<Schedule> {
    let (shared, fields) = context.schedules.line(text, seconds)?;
    if let Some(note) = schedule::day_rule_note(&fields) {
        context.report.note(text.spot(), format!("`{}`: {note}", text.text));
    }
    let schedule = Schedule {
        text: shared,
        rule: Rule::Cron(fields),
        zone: setting.zone,
        calendar: setting.calendar,
        on_holiday: setting.on_holiday,
    };
    if !context.schedules.fires(&schedule) {
        let (why, help) = match &schedule.calendar {
            Some(calendar) if context.schedules.fires(&without_calendar(&schedule)) => (
                format!(": calendar `{}` is closed whenever it is due", calendar.name),
                "choose open days, or write on_holiday = \"run_after\"",
            ),
            _ => (
                String::new(),
                "choose a date that exists: no year has such a day in such a month",
            ),
        };
        text.error(format!("`{}` never fires{why}", text.text), help);
        return None;
    }
    Some(schedule)
}

fn without_calendar(schedule: &Schedule) -> Schedule {
    Schedule {
        calendar: None,
        ..schedule.clone()
    }
}

fn interval(
    context: &Context<'_>,
    table: &Table<'_>,
    every: Value<'_>,
    anchor: Option<Value<'_>>,
    setting: Setting,
) -> Option<Schedule> {
    let anchor_text = anchor.map(|anchor| anchor.as_datetime().or(anchor.as_text().map(str::to_owned)));
    let anchor_at = match (&anchor, &anchor_text) {
        (Some(value), Some(text)) => {
            let parsed = text.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
            if parsed.is_none() {
                value.error(
                    "`anchor` must be a time with its offset",
                    "write it as RFC 3339 says: anchor = \"2026-01-01T06:00:00+01:00\"",
                );
            }
            parsed?
        }
        _ => Timestamp::UNIX_EPOCH,
    };
    if setting.on_holiday != OnHoliday::Skip {
        let spot = table.key_spot("on_holiday").unwrap_or(every.spot());
        context.report.error(
            spot,
            "`on_holiday` cannot move the occurrences of `every`",
            "write on_holiday = \"skip\", or use `schedule`",
        );
    }
    let period = every.duration()?;
    if period < PERIOD_MIN {
        every.error("`every` must be at least 1s", "write every = \"1s\" or more");
        return None;
    }
    let written = every.as_text().unwrap_or_default();
    let text = match anchor_text.flatten() {
        Some(anchor) => format!("every {written} from {anchor}"),
        None => format!("every {written}"),
    };
    let schedule = Schedule {
        text: context.schedules.texts.shared(&text),
        rule: Rule::Every {
            period,
            anchor: anchor_at,
        },
        zone: setting.zone,
        calendar: setting.calendar,
        on_holiday: OnHoliday::Skip,
    };
    if !context.schedules.fires(&schedule) {
        every.error(
            "the job never runs: its calendar closes every day of the week",
            "take a weekday out of the calendar's `weekend`",
        );
        return None;
    }
    Some(schedule)
}

fn started_by(context: &Context<'_>, on: Value<'_>, setting: Setting) -> When {
    let texts = on.texts();
    if texts.is_empty() && on.is_list() {
        on.error("`on` names no dataset", "write on = [\"DATASET\"]");
    }
    let mut names = Vec::new();
    let mut spots = Vec::new();
    for text in texts {
        if let Some(name) = context.refer(Section::Datasets, &text) {
            names.push(name);
            spots.push(text.spot());
        }
    }
    let list: Vec<&str> = names.iter().map(Name::as_str).collect();
    let text = format!("on {}", list.join(", "));
    When {
        schedule: (!names.is_empty()).then(|| Schedule {
            text: context.schedules.texts.shared(&text),
            rule: Rule::On(names),
            zone: setting.zone,
            calendar: None,
            on_holiday: OnHoliday::Skip,
        }),
        spot: Some(on.spot()),
        on: spots,
    }
}

fn setting(context: &Context<'_>, table: &Table<'_>) -> Setting {
    let zone = table
        .text("timezone")
        .and_then(|text| context.schedules.zone(&text))
        .unwrap_or_else(|| context.timezone.clone());
    let calendar = table
        .text("calendar")
        .and_then(|text| context.refer(Section::Calendars, &text))
        .and_then(|name| context.calendars.get(&name).cloned());
    let on_holiday = table.choice(
        "on_holiday",
        &[
            ("skip", OnHoliday::Skip),
            ("run_before", OnHoliday::RunBefore),
            ("run_after", OnHoliday::RunAfter),
        ],
    );
    if on_holiday.is_some() && !table.has("calendar") {
        without_effect(table, &["on_holiday"], "`calendar`");
    }
    Setting {
        zone,
        calendar,
        on_holiday: on_holiday.unwrap_or_default(),
    }
}

/// Keys that mean nothing without another one: surely a mistake.
fn without_effect(table: &Table<'_>, keys: &[&'static str], needed: &str) {
    for key in keys {
        if let Some(spot) = table.key_spot(key) {
            table.report().error(
                spot,
                format!("`{key}` has no effect without {needed}"),
                format!("add {needed}, or take `{key}` out"),
            );
        }
    }
}
