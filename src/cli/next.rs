//! `freshd next`: coming occurrences from the configuration, each odd one with its reason; and which jobs are paused, where
//! a daemon says so.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::client::{Client, Subject};
use super::configured;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::names;
use super::numbers;
use super::out::{self, Out};
use super::paint::{Tone, clean, tone};
use super::table::{Column, grid};
use super::times;
use crate::model::{
    About, Job, Maintenance, Name, Occurrence, OnHoliday, Request, Rule, Schedule, Status, format_duration,
    occurrence_line,
};
use crate::schedule;

/// Most occurrences of one answer.
const COUNT_MAX: i64 = 10_000;

/// What `next` is told.
#[derive(Debug, clap::Args)]
pub(super) struct NextArgs {
    /// Only this job
    job: Option<String>,

    /// A cron line to try out, instead of a job
    #[arg(long, value_name = "CRON", conflicts_with = "job")]
    expr: Option<String>,

    /// The zone of --expr [default: the configuration's, else UTC]
    #[arg(long, value_name = "ZONE", requires = "expr")]
    timezone: Option<String>,

    /// --expr has six fields, the second first
    #[arg(long, requires = "expr")]
    seconds: bool,

    /// From when on: 2026-11-27T12:00 or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    after: Option<String>,

    /// How many
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = |text: &str| numbers::count(text, COUNT_MAX))]
    count: u32,
}

/// One schedule, and whose it is.
struct Line {
    job: Option<Name>,
    schedule: Schedule,
    start_offset: std::time::Duration,
    maintenances: Vec<Arc<Maintenance>>,
}

pub(super) fn run(args: &NextArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let zone = match &args.timezone {
        Some(name) => times::zone_named(name).ok_or_else(|| {
            Failure::usage(format!(
                "there is no time zone `{name}`; write one as in Europe/Oslo or UTC"
            ))
        })?,
        None => global.zone(),
    };
    let after = match &args.after {
        Some(text) => times::parse_instant(text, &zone).map_err(|error| Failure::usage(format!("--after: {error}")))?,
        None => now,
    };
    let mut remarks = Vec::new();
    let lines = match &args.expr {
        Some(expr) => vec![tried(expr, args.seconds, zone, &mut remarks)?],
        None => configured(args.job.as_deref(), global, &mut remarks)?,
    };
    if args.expr.is_none() && !out.json {
        remarks.extend(paused(&lines, global));
    }
    let mut coming = merged(&lines, after, args.count as usize);
    for (line, occurrence) in &mut coming {
        schedule::note_window(occurrence, line.maintenances.iter().map(AsRef::as_ref));
    }
    if out.json {
        let occurrences: Vec<Value> = coming
            .iter()
            .map(|(line, occurrence)| occurrence_line(line.job.as_ref(), line.start_offset, occurrence))
            .collect();
        out.document(&json!({ "occurrences": occurrences }))?;
        return Ok(Exit::Fine);
    }
    if !coming.is_empty() {
        let columns = [
            Column::whole("when"),
            Column::whole(""),
            Column::cut("job", 24),
            Column::cut("note", 30),
        ];
        let rows: Vec<Vec<String>> = coming
            .iter()
            .map(|(line, occurrence)| row(line, occurrence, now))
            .collect();
        // What is odd about an occurrence is the point of the verb: it is never cut.
        for line in grid(&columns, &rows, out::table_width().max(notes_need(&rows))) {
            out.line(line)?;
        }
    }
    for remark in remarks {
        out.line(tone(Tone::Dim, remark))?;
    }
    Ok(Exit::Fine)
}

/// A cron line that somebody tries out.
fn tried(expr: &str, seconds: bool, zone: TimeZone, remarks: &mut Vec<String>) -> Result<Line, Failure> {
    let fields = schedule::parse_cron(expr, seconds).map_err(|error| {
        let help = error.help.replace("seconds = true", "--seconds");
        Failure::usage(format!("--expr: {}; {help}", error.message))
    })?;
    remarks.extend(schedule::day_rule_note(&fields).map(|note| format!("note: {note}")));
    let schedule = Schedule {
        text: expr.into(),
        rule: Rule::Cron(fields),
        zone,
        calendar: None,
        on_holiday: OnHoliday::Skip,
    };
    if schedule::never_fires(&schedule) {
        return Err(Failure::usage(format!(
            "--expr: `{expr}` is never due; is there such a day in any month it names?"
        )));
    }
    Ok(Line {
        job: None,
        schedule,
        start_offset: std::time::Duration::ZERO,
        maintenances: Vec::new(),
    })
}

fn configured(wanted: Option<&str>, global: &Global, remarks: &mut Vec<String>) -> Result<Vec<Line>, Failure> {
    let file = global.config.display();
    let settings = configured::settings(global)?;
    let line = |job: &Job, schedule: &Schedule| Line {
        job: Some(job.name.clone()),
        schedule: schedule.clone(),
        start_offset: job.start_offset,
        maintenances: {
            let all = settings.maintenance.values().cloned();
            all.filter(|one| one.concerns(About::Job, &job.name)).collect()
        },
    };
    let Some(wanted) = wanted else {
        let jobs = settings.jobs.values().filter(|job| job.enabled);
        let lines: Vec<Line> = jobs.filter_map(|job| Some(line(job, job.schedule.as_ref()?))).collect();
        let triggered = lines
            .iter()
            .filter(|line| matches!(line.schedule.rule, Rule::On(_)))
            .count();
        if triggered > 0 {
            remarks.push(format!("{triggered} more start when what they wait for is published"));
        }
        return Ok(lines);
    };
    let job = settings
        .jobs
        .get(wanted)
        .ok_or_else(|| names::unknown("job", wanted, &file.to_string(), settings.jobs.keys().map(Name::as_str)))?;
    if !job.enabled {
        remarks.push(format!(
            "{wanted} is disabled: enabled = false in {file}; nothing of this is started"
        ));
    }
    match &job.schedule {
        Some(schedule) => {
            if let Rule::On(datasets) = &schedule.rule {
                let datasets: Vec<&str> = datasets.iter().map(Name::as_str).collect();
                remarks.push(format!(
                    "{wanted} starts when a new version of {} is published",
                    datasets.join(" or ")
                ));
            }
            Ok(vec![line(job, schedule)])
        }
        None => {
            remarks.push(format!("{wanted} has no schedule: `freshd run {wanted}` starts it"));
            Ok(Vec::new())
        }
    }
}

/// Which of the jobs a person has paused, where a daemon runs that says so: jobs.toml knows nothing of it.
fn paused(lines: &[Line], global: &Global) -> Option<String> {
    let request = Request::Status { name: None };
    let facts = Client::connect(global).ok()?.facts(request, Subject::None).ok()?;
    let jobs = Status::read(&facts).ok()?.jobs.into_iter().filter(|job| job.paused);
    let is_shown = |name: &str| {
        lines
            .iter()
            .any(|line| line.job.as_ref().is_some_and(|job| job.as_str() == name))
    };
    let paused: Vec<String> = jobs
        .filter(|job| is_shown(&job.name))
        .map(|job| clean(&job.name))
        .collect();
    (!paused.is_empty()).then(|| {
        format!(
            "paused: {}; what comes due of that is skipped until `freshd resume`",
            paused.join(", ")
        )
    })
}

/// The first `count` occurrences of all lines, in order of time.
fn merged(lines: &[Line], after: Timestamp, count: usize) -> Vec<(&Line, Occurrence)> {
    let schedules: Vec<&Schedule> = lines.iter().map(|line| &line.schedule).collect();
    let coming = schedule::merged(&schedules, after, count).into_iter();
    coming.map(|(index, occurrence)| (&lines[index], occurrence)).collect()
}

fn row(line: &Line, occurrence: &Occurrence, now: Timestamp) -> Vec<String> {
    let local = jiff::ZonedDateTime::new(occurrence.at, line.schedule.zone.clone());
    let seconds = if local.second() == 0 { "" } else { ":%S" };
    let when = local.strftime(&format!("%a %Y-%m-%d %H:%M{seconds} %:z")).to_string();
    let mut notes: Vec<String> = occurrence.note.iter().map(|note| clean(note)).collect();
    if occurrence.skip.is_some() {
        notes.insert(0, tone(Tone::Warn, "does not run"));
    } else if !line.start_offset.is_zero() {
        notes.push(format!("starts {} later (jitter)", format_duration(line.start_offset)));
    }
    let when = if occurrence.skip.is_some() {
        tone(Tone::Dim, when)
    } else {
        when
    };
    let job = line.job.as_ref().map(|job| clean(job.as_str())).unwrap_or_default();
    vec![when, times::hint(occurrence.at, now), job, notes.join(": ")]
}

/// Columns that whole notes take.
fn notes_need(rows: &[Vec<String>]) -> usize {
    let longest = |index: usize| rows.iter().map(|row| row[index].chars().count()).max().unwrap_or(0);
    if longest(3) == 0 {
        0
    } else {
        longest(0) + longest(1) + longest(2) + longest(3) + 8
    }
}
