//! `freshd simulate`: what would run, and who would be told, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::global::Global;
use super::names;
use super::numbers;
use super::out::Out;
use super::paint::{Tone, clean, tone};
use super::times;
use crate::config::{self, Environment};
use crate::model::{Job, Name, Rule, Settings, format_duration};
use crate::schedule;
use crate::simulation::{self, Done, Failing, Plan};

/// Longest time that is played.
const DAYS_MAX: i64 = 366;
/// A job with more runs than this, all fine, is counted instead of listed.
const RUNS_LISTED_MAX: usize = 12;
/// So far around a wrong time it is looked for a right one.
const AROUND: SignedDuration = SignedDuration::from_secs(1);

const AFTER_HELP: &str = "\
Each job takes a second and succeeds, and its output is as new as its start, unless --fail says otherwise. Before the
first instant everything was delivered that a job makes by itself; what only a disabled job makes, or one without a
schedule, begins as never seen. A probed dataset is taken as fresh, always. A job that runs more often than every 15 minutes
is played once an hour, unless --fail names it.";

/// What `simulate` is told.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct SimulateArgs {
    /// From when on: 2026-11-27T12:00 or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// How many days
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = |text: &str| numbers::count(text, DAYS_MAX))]
    days: u32,

    /// A run of which every attempt fails, by its job and due time; may be given again
    #[arg(long, value_name = "JOB@TIME")]
    fail: Vec<String>,

    /// When freshd does not run; an end without a date is on the same day; may be given again
    #[arg(long, value_name = "FROM..TO")]
    down: Vec<String>,
}

pub(super) fn run(args: &SimulateArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let zone = global.zone();
    let file = global.config.display();
    let from = match &args.from {
        Some(text) => times::parse_instant(text, &zone).map_err(|error| Failure::usage(format!("--from: {error}")))?,
        None => Timestamp::now(),
    };
    let from = Timestamp::from_second(from.as_second()).unwrap_or(from);
    let until = from
        .checked_add(SignedDuration::from_hours(24 * i64::from(args.days)))
        .map_err(|_| Failure::usage("--from: so far ahead there is no calendar"))?;
    let loaded = config::load(&global.config, &Environment::of_process());
    let Some(settings) = loaded.settings else {
        let counted = super::check::counted(&global.config, &loaded.problems);
        return Err(Failure::usage(format!("{counted}; `freshd check {file}` shows where")));
    };
    let failing: Vec<Failing> = args
        .fail
        .iter()
        .map(|text| failing(text, &settings, &zone, (from, until), &file.to_string()))
        .collect::<Result<_, _>>()?;
    let down: Vec<(Timestamp, Timestamp)> = args
        .down
        .iter()
        .map(|text| downtime(text, &zone))
        .collect::<Result<_, _>>()?;
    let (_, thinned) = simulation::thinned(&settings, &failing);
    let plan = Plan {
        delivered: delivered(&settings, from),
        settings: Arc::new(settings),
        from,
        until,
        failing,
        down,
    };
    let done = simulation::simulate(&plan);
    if out.json {
        for done in &done {
            out.document(&json!({
                "at": done.at,
                "kind": done.kind,
                "subject": done.subject,
                "text": done.text,
                "to": done.to,
            }))?;
        }
        return Ok(Exit::Fine);
    }
    print(&done, &thinned, &plan, &zone, out)?;
    Ok(Exit::Fine)
}

/// When each dataset was last made before `from`, had all gone well.
fn delivered(settings: &Settings, from: Timestamp) -> BTreeMap<Name, Timestamp> {
    let enabled = settings.jobs.values().filter(|job| job.enabled);
    let made = enabled.filter_map(|job| {
        let rule = job.schedule.as_ref()?;
        let at = schedule::previous(rule, from).map_or(from, |occurrence| occurrence.at);
        Some((job.produces.clone()?, at))
    });
    made.collect()
}

/// Reads `stock-export@2026-11-27T22:00`: a due time of a job within what is played.
fn failing(
    text: &str,
    settings: &Settings,
    zone: &TimeZone,
    (from, until): (Timestamp, Timestamp),
    file: &str,
) -> Result<Failing, Failure> {
    let (name, time) = text.split_once('@').ok_or_else(|| {
        Failure::usage(format!(
            "--fail: `{text}` names no time; write it as in stock-export@2026-11-27T22:00"
        ))
    })?;
    let known = settings.jobs.keys().map(Name::as_str);
    let job = settings
        .jobs
        .get(name)
        .ok_or_else(|| names::unknown("job", name, file, known))?;
    let at = times::parse_instant(time, zone).map_err(|error| Failure::usage(format!("--fail {text}: {error}")))?;
    let rule = match &job.schedule {
        Some(rule) if !matches!(rule.rule, Rule::On(_)) => rule,
        _ => {
            let starts = how_it_starts(job);
            return Err(Failure::usage(format!("--fail: {name} has no due times: {starts}")));
        }
    };
    // Without seconds any due time of that minute is meant.
    let has_seconds = time.matches(':').count() > 1 || at.as_second() % 60 != 0;
    let last = if has_seconds {
        at
    } else {
        at + SignedDuration::from_secs(59)
    };
    let found = schedule::next(rule, at - SignedDuration::from_micros(1)).filter(|next| next.at <= last);
    let Some(due) = found.filter(|next| next.skip.is_none()) else {
        let local = |at: Timestamp| zone.to_datetime(at).strftime("%a %Y-%m-%dT%H:%M:%S").to_string();
        let around = [
            schedule::previous(rule, at),
            schedule::coming(rule, at - AROUND, 8)
                .into_iter()
                .find(|next| next.skip.is_none()),
        ];
        let around: Vec<String> = around.into_iter().flatten().map(|near| local(near.at)).collect();
        let hint = if around.is_empty() {
            String::new()
        } else {
            format!("; around then it is due {}", around.join(" and "))
        };
        return Err(Failure::usage(format!("--fail: {name} is not due at {time}{hint}")));
    };
    if due.at < from || due.at > until {
        return Err(Failure::usage(format!(
            "--fail: {time} is not within what is played; see --from and --days"
        )));
    }
    Ok(Failing {
        job: job.name.clone(),
        due_at: due.at,
    })
}

fn how_it_starts(job: &Job) -> String {
    match job.schedule.as_ref().map(|schedule| &schedule.rule) {
        Some(Rule::On(datasets)) => {
            let datasets: Vec<&str> = datasets.iter().map(Name::as_str).collect();
            format!("it starts when a new version of {} is published", datasets.join(" or "))
        }
        _ => "it is run by hand only".to_owned(),
    }
}

/// Reads `2026-11-28T02:00..05:00`; an end without a date is on the day of the beginning.
fn downtime(text: &str, zone: &TimeZone) -> Result<(Timestamp, Timestamp), Failure> {
    let wrong = |why: String| Failure::usage(format!("--down {text}: {why}"));
    let (first, last) = text
        .split_once("..")
        .ok_or_else(|| wrong("write it as in 2026-11-28T02:00..05:00".to_owned()))?;
    let from = times::parse_instant(first, zone).map_err(wrong)?;
    let same_day = last.parse::<jiff::civil::Time>().ok().filter(|_| !last.contains('T'));
    let until = match same_day {
        Some(time) => zone
            .to_timestamp(zone.to_datetime(from).date().to_datetime(time))
            .map_err(|_| wrong("so far ahead there is no calendar".to_owned()))?,
        None => times::parse_instant(last, zone).map_err(wrong)?,
    };
    if until <= from {
        return Err(wrong("it ends before it begins; name the day of its end".to_owned()));
    }
    Ok((from, until))
}

fn print(done: &[Done], thinned: &BTreeSet<Name>, plan: &Plan, zone: &TimeZone, out: &mut Out) -> Result<(), Failure> {
    let mut routine: BTreeMap<&str, usize> = BTreeMap::new();
    for run in done.iter().filter(|done| done.kind == "run" && done.is_routine) {
        *routine.entry(&run.subject).or_default() += 1;
    }
    let is_listed = |done: &Done| {
        let is_frequent = routine
            .get(done.subject.as_str())
            .is_some_and(|runs| *runs > RUNS_LISTED_MAX);
        done.kind != "published" && !(done.is_routine && is_frequent)
    };
    let mut day = None;
    for done in done.iter().filter(|done| is_listed(done)) {
        let local = zone.to_datetime(done.at);
        if day.replace(local.date()) != Some(local.date()) {
            out.line(tone(Tone::Dim, local.strftime("%a %Y-%m-%d").to_string()))?;
        }
        let to = done
            .to
            .as_ref()
            .map_or_else(String::new, |to| format!(" -> {}", clean(to)));
        let text = format!(
            "{}  {}{to}  {}",
            local.strftime("%H:%M:%S"),
            clean(&done.subject),
            clean(&done.text)
        );
        out.line(match done.kind {
            "message" => tone(Tone::Warn, text),
            "run" | "up" | "over" | "maintenance" | "excused" => text,
            _ => tone(Tone::Bad, text),
        })?;
    }
    let frequent: Vec<_> = routine.iter().filter(|(_, runs)| **runs > RUNS_LISTED_MAX).collect();
    if !frequent.is_empty() {
        let runs: usize = frequent.iter().map(|(_, runs)| **runs).sum();
        let jobs: Vec<&str> = frequent.iter().map(|(job, _)| **job).collect();
        let text = format!("{runs} more runs are fine: {}", jobs.join(", "));
        out.line(tone(Tone::Dim, clean(&text)))?;
    }
    if !thinned.is_empty() {
        let text = format!(
            "{} that run more often than every {} are played once an hour",
            match thinned.len() {
                1 => "1 job".to_owned(),
                jobs => format!("{jobs} jobs"),
            },
            format_duration(simulation::OFTEN)
        );
        out.line(tone(Tone::Dim, text))?;
    }
    let span = format!(
        "from {} to {}",
        crate::model::format_time(plan.from, zone),
        crate::model::format_time(plan.until, zone)
    );
    out.line(summary(done, &span, zone))?;
    Ok(())
}

/// Whether anybody would have been told, and who, when.
fn summary(done: &[Done], span: &str, zone: &TimeZone) -> String {
    let mut told: Vec<(&str, Timestamp, usize)> = Vec::new();
    for message in done {
        let Some(to) = &message.to else { continue };
        match told.iter_mut().find(|(known, _, _)| known == to) {
            Some((_, _, count)) => *count += 1,
            None => told.push((to, message.at, 1)),
        }
    }
    if told.is_empty() {
        return tone(
            Tone::Good,
            format!("NOBODY WOULD HAVE BEEN TOLD, {span}: nothing went wrong that anybody is told of"),
        );
    }
    let each = told.iter().map(|(to, first, count)| {
        let first = zone.to_datetime(*first).strftime("%a %H:%M").to_string();
        let messages = match count {
            1 => "1 message".to_owned(),
            count => format!("{count} messages, the first"),
        };
        format!("{} ({messages} {first})", clean(to))
    });
    let each: Vec<String> = each.collect();
    tone(Tone::Warn, format!("WOULD HAVE BEEN TOLD, {span}: {}", each.join(", ")))
}
