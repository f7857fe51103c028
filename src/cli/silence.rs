//! `freshd silence` and `freshd unsilence`: nobody is told of a job or dataset for a while, on the record.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::paint::{Tone, clean, tone};
use super::{record, times};
use crate::model::{Name, Request, SILENCE_MAX, SILENCE_MIN, format_duration, parse_duration};

/// What `silence` is told.
#[derive(Debug, clap::Args)]
pub(super) struct SilenceArgs {
    /// The job or dataset; both where they share the name
    name: String,

    /// For how long, as in 2h; at most 30 days
    #[arg(long = "for", value_name = "DURATION", allow_hyphen_values = true, value_parser = length)]
    within: Duration,

    /// Why, for whoever wonders why nobody was told
    #[arg(long, value_name = "TEXT", value_parser = record::reason)]
    because: String,
}

/// What `unsilence` is told.
#[derive(Debug, clap::Args)]
pub(super) struct UnsilenceArgs {
    /// The job or dataset
    name: String,
}

fn length(text: &str) -> Result<Duration, String> {
    let length = parse_duration(text)?;
    if length < SILENCE_MIN || length > SILENCE_MAX {
        let instead = match length > SILENCE_MAX {
            true => "; what is to stay quiet for longer is better taken out of jobs.toml",
            false => "",
        };
        return Err(format!(
            "a silence lasts from {} to {}{instead}",
            format_duration(SILENCE_MIN),
            format_duration(SILENCE_MAX)
        ));
    }
    Ok(length)
}

pub(super) fn run(args: SilenceArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    if args.because.trim().is_empty() {
        return Err(Failure::usage(
            "a silence needs a reason; write --because \"the warehouse is counted until noon\"",
        ));
    }
    let request = Request::Silence {
        name: Name::from(args.name.as_str()),
        because: args.because,
        for_s: args.within.as_secs(),
    };
    let facts = Client::connect(global)?.facts(request, Subject::Any(&args.name))?;
    if out.json {
        out.document(&facts)?;
        return Ok(Exit::Fine);
    }
    let name = clean(&args.name);
    let until = instant(&facts["until"]).map_or_else(String::new, |until| {
        let from = instant(&facts["from"]).unwrap_or_else(Timestamp::now);
        format!(" until {}", times::moment_and_hint(until, from, &global.zone()))
    });
    let concerns: Vec<&str> = texts(&facts["concerns"]).collect();
    out.line(format!(
        "{} {name} is silenced{until}: what goes wrong is recorded and told to nobody before; what was told already is still told to be over",
        concerns.join(" and ")
    ))?;
    if let Some(by) = facts["replaces"]["by"].as_str() {
        let because = clean(facts["replaces"]["because"].as_str().unwrap_or_default());
        out.line(format!("it replaces the silence of {}: {because}", clean(by)))?;
    }
    for near in facts["still_told"].as_array().into_iter().flatten() {
        let (is, near) = (
            near["is"].as_str().unwrap_or("job"),
            near["name"].as_str().unwrap_or_default(),
        );
        let near = clean(near);
        let words = format!("{is} {near} is not silenced by this; its owner hears of it as ever");
        out.line(tone(Tone::Dim, words))?;
    }
    out.line(tone(Tone::Dim, format!("freshd unsilence {name} ends it before")))?;
    Ok(Exit::Fine)
}

pub(super) fn end(args: &UnsilenceArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let request = Request::Unsilence {
        name: Name::from(args.name.as_str()),
    };
    let facts = Client::connect(global)?.facts(request, Subject::Any(&args.name))?;
    if out.json {
        out.document(&facts)?;
        return Ok(Exit::Fine);
    }
    let incidents = facts["incidents"].as_array().map_or(&[][..], Vec::as_slice);
    let nothing = if incidents.is_empty() {
        "; nothing is wrong with it"
    } else {
        ""
    };
    out.line(format!("{} is no longer silenced{nothing}", clean(&args.name)))?;
    for incident in incidents {
        out.line(told_words(incident, &global.zone()))?;
    }
    Ok(Exit::Fine)
}

/// Whether what is wrong is told, now that the silence is over.
fn told_words(facts: &Value, zone: &TimeZone) -> String {
    let text = |key: &str| clean(facts[key].as_str().unwrap_or_default());
    let when = |key: &str| {
        let at = instant(&facts[key]);
        at.map_or_else(String::new, |at| times::moment_and_hint(at, Timestamp::now(), zone))
    };
    let incident = &facts["incident"];
    match facts["told"].as_str().unwrap_or_default() {
        "acknowledged" => format!(
            "incident {incident} is not told: {} has taken it on until {}",
            text("by"),
            when("until")
        ),
        "maintenance" => format!(
            "incident {incident} is not told yet: maintenance {} until {}",
            text("name"),
            when("until")
        ),
        "silence" => format!(
            "incident {incident} is not told yet: {} is silenced by {} until {}: {}",
            text("name"),
            text("by"),
            when("until"),
            text("because")
        ),
        "explained" => format!(
            "incident {incident} is told as part of incident {}, which explains it",
            facts["cause"]
        ),
        "later" => format!(
            "incident {incident} is told {}, unless it is over or explained by then",
            when("at")
        ),
        _ => format!("incident {incident} is told now"),
    }
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}
