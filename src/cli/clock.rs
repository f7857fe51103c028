//! `freshd clock`: what the clock says, what is recorded, what is held; and that an operator takes the clock as right.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::paint::{Tone, clean, tone};
use super::table;
use super::times;
use crate::daemon::Ask;
use crate::model::{ClockConfirmation, Reply, Request};

/// Runs that wait for the clock and are named one by one.
const WAITING_SHOWN_MAX: usize = 5;

/// What `clock` is told.
#[derive(Debug, clap::Args)]
pub(super) struct ClockArgs {
    #[command(subcommand)]
    verb: Option<ClockVerb>,
}

#[derive(Debug, clap::Subcommand)]
enum ClockVerb {
    /// Take the clock as right although later times are recorded, and start what is held
    Confirm(ConfirmArgs),
}

/// What `clock confirm` is told.
#[derive(Debug, clap::Args)]
struct ConfirmArgs {
    /// Why, for whoever wonders later
    #[arg(long, value_name = "TEXT")]
    because: String,
}

/// The answer to `Request::Clock`.
#[derive(Debug, Deserialize)]
struct Clock {
    at: Timestamp,
    newest_record_at: Option<Timestamp>,
    held_since: Option<Timestamp>,
    held_until: Option<Timestamp>,
    waiting: Vec<Waiting>,
    confirmed: Option<ClockConfirmation>,
}

/// A run that waits for the clock.
#[derive(Debug, Deserialize)]
struct Waiting {
    run: u64,
    job: String,
}

pub(super) fn run(args: ClockArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    match args.verb {
        None => show(global, out),
        Some(ClockVerb::Confirm(args)) => confirm(args, global, out),
    }
}

fn show(global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let facts = Client::connect(global)?.facts(Request::Clock, Subject::None)?;
    let clock: Clock = serde_json::from_value(facts.clone())
        .map_err(|error| Failure::not_fine(format!("the daemon's answer cannot be read: {error}")))?;
    if out.json {
        out.document(&facts)?;
    } else {
        out.text(&in_words(&clock, global))?;
    }
    Ok(match clock.held_until {
        Some(_) => Exit::NotFine,
        None => Exit::Fine,
    })
}

fn in_words(clock: &Clock, global: &Global) -> String {
    let zone = global.zone();
    // Far times are told with their year, whatever the clock makes of them.
    let moment = |at: Timestamp| format!("{} {}", crate::model::format_time(at, &zone), times::zone_name(&zone));
    let mut facts = vec![("clock", moment(clock.at))];
    let newest = clock.newest_record_at.map_or_else(|| "none yet".to_owned(), moment);
    facts.push(("newest record", newest));
    if let Some((since, until)) = clock.held_since.zip(clock.held_until) {
        let held = format!(
            "since {}, until the clock has reached {}: nothing is started, be it due, a retry or asked for by hand",
            moment(since),
            moment(until)
        );
        facts.push(("held", tone(Tone::Bad, held)));
        let named = clock.waiting.iter().take(WAITING_SHOWN_MAX);
        let mut named: Vec<String> = named
            .map(|run| format!("run {} of {}", run.run, clean(&run.job)))
            .collect();
        if let Some(more) = clock
            .waiting
            .len()
            .checked_sub(WAITING_SHOWN_MAX)
            .filter(|more| *more > 0)
        {
            named.push(format!("{more} more"));
        }
        if !named.is_empty() {
            facts.push(("waiting", named.join(", ")));
        }
        facts.push(("if it is wrong", "set it (`timedatectl`)".to_owned()));
        facts.push(("if it is right", "freshd clock confirm --because TEXT".to_owned()));
    } else {
        facts.push(("held", "nothing".to_owned()));
    }
    if let Some(confirmed) = &clock.confirmed {
        let words = format!(
            "{} by {}: {} (the newest record was {})",
            moment(confirmed.at),
            clean(&confirmed.by),
            clean(&confirmed.because),
            moment(confirmed.newest_record_at)
        );
        facts.push(("confirmed", words));
    }
    table::facts(&facts, 0, super::out::width())
}

fn confirm(args: ConfirmArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    if args.because.trim().is_empty() {
        return Err(Failure::usage(
            "a confirmation needs a reason; write --because \"the clock was ahead since the battery was changed\"",
        ));
    }
    let ask = Ask::ConfirmClock { because: args.because };
    match Client::connect(global)?.ask(&ask, None)? {
        Reply::Done(facts) if out.json => out.document(&facts)?,
        Reply::Done(facts) => out.line(done(&facts))?,
        Reply::Refused(why) => return Err(Failure::not_fine(why)),
    }
    Ok(Exit::Fine)
}

fn done(facts: &Value) -> String {
    let started = match facts["started"].as_u64() {
        Some(0) | None => String::new(),
        Some(1) => ", and the run that waited for it starts".to_owned(),
        Some(started) => format!(", and the {started} runs that waited for it start"),
    };
    format!(
        "the clock is taken as right: nothing is held any more{started}; what was decided for times still to come is open again"
    )
}
