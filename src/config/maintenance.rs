//! `[maintenance]`: planned windows, what they concern, who announced them and why.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::context::{Context, Section};
use super::reader::{Table, Value};
use super::schedules;
use crate::model::{Maintenance, Name, Schedule, Settings, Window, Windows};
use crate::schedule;

/// Coming windows that are looked at: none may reach into the next.
const WINDOWS_LOOKED_AT: usize = 100;

/// A maintenance as it is written: its systems are still to be resolved.
pub(super) struct Written {
    maintenance: Maintenance,
    systems: BTreeSet<Name>,
}

/// Reads one maintenance; `None` when its windows are broken.
pub(super) fn maintenance(context: &Context<'_>, name: &Name, table: Table<'_>) -> Option<Written> {
    let windows = windows(context, name, &table);
    let concerned = |section: Section| {
        let texts = table.texts(section.key());
        let names = texts.iter().filter_map(|text| context.refer(section, text));
        names.collect::<BTreeSet<Name>>()
    };
    let (datasets, jobs) = (concerned(Section::Datasets), concerned(Section::Jobs));
    let systems = concerned(Section::Systems);
    if !["datasets", "jobs", "systems"].iter().any(|key| table.has(key)) {
        table.missing(
            "datasets",
            format!("maintenance `{name}` concerns nothing"),
            "write datasets = [...], jobs = [...] or systems = [...]",
        );
    }
    let said = |key: &'static str, lacks: &str, help: &str| {
        if let Some(text) = table.text(key) {
            if text.text.trim().is_empty() {
                text.error(format!("maintenance `{name}` does not say {lacks}"), help);
            }
            text.text.trim().to_owned()
        } else {
            table.missing(key, format!("maintenance `{name}` does not say {lacks}"), help);
            String::new()
        }
    };
    let author = said("author", "who announced it", "write author = \"NAME\"");
    let because = said(
        "because",
        "why",
        "write because = \"...\": it is quoted wherever something is excused",
    );
    table.finish();
    Some(Written {
        maintenance: Maintenance {
            name: name.clone(),
            windows: windows?,
            author,
            because,
            datasets,
            jobs,
        },
        systems,
    })
}

/// Resolves systems to what they hold and what reads them, jobs to what they make, wholes to their parts, and lets each
/// dataset know.
pub(super) fn resolve(settings: &mut Settings, written: Vec<Written>) {
    for Written {
        mut maintenance,
        systems,
    } in written
    {
        let is_of = |system: &Option<Name>| system.as_ref().is_some_and(|system| systems.contains(system));
        let reading = settings.jobs.values().filter(|job| is_of(&job.from));
        maintenance.jobs.extend(reading.map(|job| job.name.clone()));
        let held = settings.datasets.values().filter(|dataset| is_of(&dataset.system));
        maintenance.datasets.extend(held.map(|dataset| dataset.name.clone()));
        let jobs = maintenance.jobs.iter().filter_map(|job| settings.jobs.get(job));
        let made: Vec<Name> = jobs.filter_map(|job| job.produces.clone()).collect();
        maintenance.datasets.extend(made);
        let concerned = maintenance
            .datasets
            .iter()
            .filter_map(|name| settings.datasets.get(name));
        let parts: Vec<Name> = concerned
            .flat_map(|whole| whole.part_names())
            .map(|(_, name)| name)
            .collect();
        maintenance.datasets.extend(parts);
        let maintenance = Arc::new(maintenance);
        for name in &maintenance.datasets {
            if let Some(dataset) = settings.datasets.get_mut(name) {
                Arc::make_mut(dataset).maintenance.push(Arc::clone(&maintenance));
            }
        }
        settings.maintenance.insert(maintenance.name.clone(), maintenance);
    }
}

/// `schedule` and `duration`, or `from` and `to`.
fn windows(context: &Context<'_>, name: &Name, table: &Table<'_>) -> Option<Windows> {
    const HELP: &str =
        "write schedule = \"0 2 * * SUN\" and duration = \"4h\", or from = \"2026-12-31T18:00\" and to = ...";
    let again = table.get("schedule").zip(table.key_spot("schedule"));
    let duration = table.get("duration");
    let (from, to) = (table.get("from"), table.get("to"));
    let once = from.or(to);
    if let (Some((_, spot)), Some(once)) = (again, once) {
        context.report.error(
            spot,
            format!("`schedule` and `{}` exclude each other", once.key),
            "write `from` and `to` for a window that is open once, or `schedule` and `duration`",
        );
        return None;
    }
    if once.is_some() {
        if let Some(duration) = duration {
            duration.error("`duration` has no effect without `schedule`", "write `to` instead");
        }
        if from.is_none() || to.is_none() {
            let (lacks, help) = if from.is_none() {
                ("from", "when it begins")
            } else {
                ("to", "when it ends")
            };
            table.missing(lacks, format!("maintenance `{name}` does not say {help}"), HELP);
        }
        let from = from.and_then(|value| local_time(context, value, false));
        let to = to.and_then(|value| Some((value, local_time(context, value, true)?)));
        let (from, (to_value, to)) = from.zip(to)?;
        if to <= from {
            to_value.error(
                format!("maintenance `{name}` ends before it begins"),
                "write a later time",
            );
            return None;
        }
        if to <= context.environment.now {
            context
                .report
                .note(table.spot, format!("maintenance `{name}` is over: it can be taken out"));
        }
        return Some(Windows::Once(Window { from, to }));
    }
    let Some((line, _)) = again else {
        table.missing("schedule", format!("maintenance `{name}` does not say when"), HELP);
        return None;
    };
    let schedule = schedules::line(context, table, "schedule");
    let Some(duration) = duration else {
        table.missing(
            "duration",
            format!("maintenance `{name}` does not say how long it takes"),
            HELP,
        );
        return None;
    };
    let length = duration.duration().filter(|length| {
        if length.is_zero() {
            duration.error("`duration` must be longer than nothing", "write a duration, as in 4h");
        }
        !length.is_zero()
    });
    let (schedule, length) = schedule.zip(length)?;
    if reaches_into_next(&schedule, length, context.environment.now) {
        line.error(
            format!("a window of maintenance `{name}` reaches into the next one, so that it never ends"),
            "write a shorter `duration`, or fewer occurrences",
        );
        return None;
    }
    Some(Windows::Again {
        schedule: Box::new(schedule),
        length,
    })
}

/// A time with its offset, or one of the root file's zone. Where clocks are set back, what happens twice is all part of it.
fn local_time(context: &Context<'_>, value: Value<'_>, is_end: bool) -> Option<Timestamp> {
    let written = value.as_datetime();
    let text = match &written {
        Some(written) => written.as_str(),
        None => value.text()?.text,
    };
    let local = || {
        let local = text
            .parse::<DateTime>()
            .ok()
            .filter(|_| text.contains(['T', 't', ' ']))?;
        let times = context.timezone.to_ambiguous_timestamp(local);
        if is_end { times.later() } else { times.earlier() }.ok()
    };
    let found = text.parse::<Timestamp>().ok().or_else(local);
    if found.is_none() {
        value.error(
            format!("`{text}` is not a time"),
            "write it as in 2026-12-31T18:00, in the file's timezone, or with an offset",
        );
    }
    found
}

fn reaches_into_next(schedule: &Schedule, length: Duration, now: Timestamp) -> bool {
    let coming = schedule::coming(schedule, now, WINDOWS_LOOKED_AT);
    let starts: Vec<Timestamp> = coming
        .iter()
        .filter(|occurrence| occurrence.skip.is_none())
        .map(|occurrence| occurrence.at)
        .collect();
    starts
        .windows(2)
        .any(|pair| pair[1].duration_since(pair[0]).unsigned_abs() <= length)
}
