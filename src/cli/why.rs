//! `freshd why`: the evidence and the rule behind the state of a job or dataset.

mod compared;
mod dataset;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use super::addresses;
use super::board;
use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::{self, Out};
use super::paint::{Tone, clean, tone};
use super::table::facts;
use super::titles::Titles;
use super::{taken_on, times};
use crate::model::{
    AddressState, Attempt, Flapping, GoingRun, JobState, Name, Request, Run, Shown, both_ends, end_words,
};

/// Lines of the last attempt's output.
const OUTPUT_LINES_MAX: usize = 8;
/// Characters of each of them.
const OUTPUT_COLUMNS_MAX: usize = 200;

/// What `why` is told.
#[derive(Debug, clap::Args)]
pub(super) struct WhyArgs {
    /// A job or dataset
    name: String,
}

/// What the words need to know.
struct Reading<'a> {
    now: Timestamp,
    zone: &'a TimeZone,
    width: usize,
    titles: Titles,
}

pub(super) fn run(args: &WhyArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let request = Request::Why {
        name: Name::from(args.name.as_str()),
    };
    let why = Client::connect(global)?.facts(request, Subject::Any(&args.name))?;
    if out.json {
        out.document(&why)?;
        return Ok(Exit::Fine);
    }
    let zone = global.zone();
    let reading = Reading {
        titles: Titles::of(&global.config),
        now: Timestamp::now(),
        zone: &zone,
        width: out::width(),
    };
    let mut paragraphs = Vec::new();
    if why["dataset"].is_object() {
        paragraphs.push(dataset::words(&why["dataset"], &reading)?);
    }
    if why["job"].is_object() {
        paragraphs.push(job(&why["job"], &reading)?);
    }
    for incident in why["incidents"].as_array().into_iter().flatten() {
        paragraphs.push(incident_words(incident, &reading));
    }
    out.text(&paragraphs.join("\n"))?;
    Ok(Exit::Fine)
}

fn job(value: &Value, reading: &Reading<'_>) -> Result<String, Failure> {
    let job: JobState = read(value)?;
    let last: Option<Run> = read(&value["last_run"])?;
    let attempt: Option<Attempt> = read(&value["last_attempt"])?;
    let mut lines = Vec::new();
    if let Some(reason) = &job.reason {
        lines.push(("because", clean(reason)));
    }
    if let Some(window) = &job.maintenance {
        lines.push(("maintenance", clean(&window.words(reading.now, reading.zone))));
    }
    if let Some(silence) = &job.silence {
        lines.push(("silenced", clean(&silence.words(reading.now, reading.zone))));
    }
    if let Some(rule) = &job.schedule {
        lines.push(("schedule", clean(rule)));
    }
    lines.push((
        "next",
        job.next_due.map_or_else(
            || "when its input or a person asks".to_owned(),
            |at| {
                format!(
                    "{}{}",
                    reading.told(at),
                    if job.paused { ", skipped while paused" } else { "" }
                )
            },
        ),
    ));
    if let Some(held) = value["held"].as_str() {
        lines.push(("held", tone(Tone::Bad, clean(held))));
    }
    for going in &job.running {
        lines.push(("now", going_words(going, reading)));
    }
    if let Some(run) = &last {
        let outcome = run
            .outcome
            .map_or("going on", |outcome| outcome.as_str())
            .replace('_', " ");
        let when = run
            .ended_at
            .map(|at| format!(" {}", reading.told(at)))
            .unwrap_or_default();
        let reason = run
            .reason
            .as_deref()
            .map(|reason| format!(": {}", clean(reason)))
            .unwrap_or_default();
        lines.push(("last run", format!("{} {outcome}{when}{reason}", run.id)));
        if let Some(released) = &run.released {
            lines.push(("by hand", clean(&released.words())));
        }
        if run.attempts > 1 {
            lines.push(("tried", format!("{} times", run.attempts)));
        }
    }
    if job.is_failing()
        && let Some(attempt) = &attempt
    {
        for (index, line) in attempt.output.last_lines(OUTPUT_LINES_MAX).into_iter().enumerate() {
            let label = if index == 0 { "it printed" } else { "" };
            lines.push((label, clean(&both_ends(line, OUTPUT_COLUMNS_MAX))));
        }
    }
    if let Some(produces) = value["produces"].as_str() {
        lines.push(("makes", format!("dataset {}", clean(produces))));
    }
    lines.push(("owner", owner(value)));
    let head = format!(
        "job {} {}{}\n",
        tone(Tone::Strong, clean(&job.name)),
        board::job_state(&job),
        title(job.title.as_deref())
    );
    Ok(head + &facts(&lines, 2, reading.width))
}

fn going_words(going: &GoingRun, reading: &Reading<'_>) -> String {
    let begun = going
        .started_at
        .map(|at| format!(", begun {}", times::hint(at, reading.now)));
    let state = going.state.as_str().replace('_', " ");
    format!("{state}, attempt {}{}", going.attempt, begun.unwrap_or_default())
}

fn incident_words(value: &Value, reading: &Reading<'_>) -> String {
    let text = |key: &str| clean(value[key].as_str().unwrap_or_default());
    let begun = value["since"].as_str().and_then(|since| since.parse().ok());
    let flapping: Option<Flapping> = Deserialize::deserialize(&value["flapping"]).unwrap_or_default();
    let kind = board::kind_words(&text("kind"), &text("subject"));
    let shown = begun.map(|begun| Shown::of(flapping.as_ref(), kind, begun, &text("reason")));
    let (tint, because, why) = match &shown {
        Some(shown) if shown.is_well => (Tone::Warn, "when wrong", shown.why.clone()),
        _ => (Tone::Bad, "because", text("reason")),
    };
    let since = shown.map_or_else(String::new, |shown| {
        let how = if shown.is_well {
            format!("{} ", shown.how)
        } else {
            String::new()
        };
        format!(", {how}since {}", reading.told(shown.since))
    });
    let head = format!("incident {} ({}){since}", value["id"], text("state"));
    let mut lines = vec![(because, why)];
    if let Some(at) = value["ends_by"].as_str().and_then(|at| at.parse().ok()) {
        lines.push(("over", end_words(&reading.told(at))));
    }
    if let Some(cause) = value["cause_in_words"].as_str() {
        lines.push(("explained by", clean(cause)));
    }
    lines.extend(taken_on::lines_told(value, reading.now, reading.zone));
    let addresses: Vec<AddressState> = Deserialize::deserialize(&value["addresses"]).unwrap_or_default();
    lines.extend(addresses::lines(&addresses, &reading.titles, reading.now, reading.zone));
    format!("{}\n{}", tone(tint, head), facts(&lines, 2, reading.width))
}

fn owner(value: &Value) -> String {
    let tells: Vec<&str> = value["tells"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let owner = value["owner"].as_str().unwrap_or("nobody");
    let owner = board::titled_owner(owner, value["owner_title"].as_str());
    format!("{owner}, to be told by {}", clean(&tells.join(" and ")))
}

fn title(title: Option<&str>) -> String {
    title.map(|title| format!(" · {}", clean(title))).unwrap_or_default()
}

impl Reading<'_> {
    fn told(&self, at: Timestamp) -> String {
        times::moment_and_hint(at, self.now, self.zone)
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    serde_json::from_value(value.clone()).map_err(|error| {
        Failure::unreachable(format!(
            "the daemon speaks another language ({error}); is it of another version? restart it"
        ))
    })
}
