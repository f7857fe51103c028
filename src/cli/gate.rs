//! `freshd gate`: may a script rely on a dataset now? With the daemon, and without it from what is recorded.

mod recorded;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::paint::{clean, painted};
use super::times;
use crate::model::{
    DatasetState, Name, Request, Status, elapsed, format_age, format_duration, format_time, later, parse_duration,
};
use recorded::{recorded, within};

/// A daemon that takes a question and says nothing costs no more than this: what is recorded is then all there is.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What `gate` is told.
#[derive(Debug, clap::Args)]
pub(super) struct GateArgs {
    /// The dataset
    dataset: String,

    /// Not older than this, whatever is promised: 90m, 4h, 7d
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    max_age: Option<Duration>,
}

/// What is known of a dataset, and from whom.
struct Known {
    dataset: DatasetState,
    /// Why it cannot be relied on, whatever its state says.
    doubt: Option<String>,
    /// Until when freshd recorded what happens, when it does not run.
    recorded_until: Option<Timestamp>,
    is_running: bool,
    /// It runs, and says nothing.
    is_silent: bool,
}

pub(super) fn run(args: &GateArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let known = match asked_in_time(&args.dataset, global) {
        Err(Unheard::NotRunning) => recorded(&args.dataset, global, now)?,
        Err(Unheard::Silent) => Known {
            is_silent: true,
            ..recorded(&args.dataset, global, now)?
        },
        Err(Unheard::Refused(failure)) => return Err(failure),
        Ok(known) => known,
    };
    let dataset = &known.dataset;
    let zone = global.zone();
    let too_old = args.max_age.and_then(|age| {
        let as_of = dataset.effective_as_of?;
        (later(as_of, age) <= now).then(|| {
            let by = dataset.limited_by.as_ref();
            let by = by.map(|by| format!(", limited by {by}")).unwrap_or_default();
            format!(
                "{} old (as of {}{by}), asked for at most {}",
                format_age(elapsed(as_of, now)),
                format_time(as_of, &zone),
                format_duration(age)
            )
        })
    });
    let unpromised = (!dataset.keeps_promise()).then(|| dataset.reason.clone());
    let why_not = known.doubt.clone().or(unpromised).or(too_old);
    let is_fresh = why_not.is_none();
    let mut reason = why_not.unwrap_or_else(|| dataset.reason.clone());
    if !known.is_running {
        let until = known
            .recorded_until
            .map(|until| format!(" since {}", times::moment(until, now, &zone)));
        let silence = if known.is_silent {
            "does not answer"
        } else {
            "is not running"
        };
        reason = format!(
            "{reason}; freshd {silence}{}, and this is what it had recorded",
            until.unwrap_or_default()
        );
    }
    if out.json {
        out.document(&json!({
            "dataset": dataset.name,
            "fresh": is_fresh,
            "state": dataset.state,
            "as_of": dataset.as_of,
            "effective_as_of": dataset.effective_as_of,
            "limited_by": dataset.limited_by,
            "arrived_at": dataset.arrived_at,
            "deadline": dataset.deadline,
            "version": dataset.version,
            "served": dataset.served,
            "owner": dataset.owner,
            "reason": reason,
            "daemon": known.is_running,
            "recorded_until": known.recorded_until,
        }))?;
    }
    // A script's own output is for the script; and whoever relies on records alone is told so.
    if !is_fresh || !known.is_running {
        let verdict = if is_fresh { "fresh" } else { "not fresh" };
        let line = format!("{} is {verdict}: {}", clean(dataset.name.as_str()), clean(&reason));
        anstream::eprintln!("{}", painted(&line, false));
    }
    Ok(if is_fresh { Exit::Fine } else { Exit::NotFresh })
}

/// Why the daemon has not told.
enum Unheard {
    /// Nobody listens.
    NotRunning,
    /// It took the question and gave no answer that can be understood.
    Silent,
    /// The question was wrong.
    Refused(Failure),
}

/// What the daemon says, if it says it in time.
fn asked_in_time(name: &str, global: &Global) -> Result<Known, Unheard> {
    let (name, global) = (name.to_owned(), global.clone());
    within(ANSWER_WITHIN, &Arc::default(), move |_| asked(&name, &global)).unwrap_or(Err(Unheard::Silent))
}

/// What the daemon says.
fn asked(name: &str, global: &Global) -> Result<Known, Unheard> {
    let of_question = |failure: Failure| match failure.exit {
        Exit::Unreachable => Unheard::Silent,
        _ => Unheard::Refused(failure),
    };
    let mut client = Client::connect(global).map_err(|failure| match failure.exit {
        Exit::Unreachable => Unheard::NotRunning,
        _ => Unheard::Refused(failure),
    })?;
    let request = Request::Status {
        name: Some(Name::from(name)),
    };
    let facts = client.facts(request, Subject::Any(name)).map_err(of_question)?;
    let status = Status::read(&facts).map_err(|_| Unheard::Silent)?;
    let held = status.clock_held_until;
    let doubt = held.map(|until| {
        let until = times::moment(until, Timestamp::now(), &global.zone());
        format!("the clock cannot be believed before {until}; `freshd clock` says why")
    });
    let dataset = status.datasets.into_iter().find(|dataset| dataset.name == name);
    let dataset = dataset.ok_or_else(|| {
        Unheard::Refused(Failure::usage(format!(
            "{} is a job; only a dataset can be fresh",
            clean(name)
        )))
    })?;
    Ok(Known {
        dataset,
        doubt,
        recorded_until: None,
        is_running: true,
        is_silent: false,
    })
}
