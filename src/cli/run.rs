//! `freshd run`: a run by hand, on the record; with `--wait` its end.

use jiff::Timestamp;
use serde_json::Value;

use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::paint::{Tone, clean, tone};
use super::times;
use crate::daemon::Ask;
use crate::model::{Name, Outcome, Reply, Request, RunId, run_line};

/// What `run` is told.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The job
    job: String,

    /// Wait for the end, and exit 0 only if it succeeded
    #[arg(long)]
    wait: bool,

    /// Arguments appended to the job's command
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

pub(super) fn run(args: RunArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let mut client = Client::connect(global)?;
    let request = Request::Run {
        job: Name::from(args.job.as_str()),
        args: args.args,
    };
    let begun = client.facts(request, Subject::Job(&args.job))?;
    let Some(run) = begun["run"].as_u64().map(RunId) else {
        return Err(Failure::unreachable(
            "the daemon began a run without a number; is it of another version? restart it",
        ));
    };
    if !args.wait {
        if out.json {
            out.document(&begun)?;
        } else {
            out.line(started(run, &args.job, &begun))?;
            out.line(tone(
                Tone::Dim,
                format!("freshd show {run} tells how it went; freshd logs {run} -f shows its output"),
            ))?;
        }
        return Ok(Exit::Fine);
    }
    if !out.json {
        out.line(started(run, &args.job, &begun))?;
        out.flush()?;
    }
    let ended = wait(&mut client, run, global)?;
    let outcome: Option<Outcome> = serde_json::from_value(ended["outcome"].clone()).ok();
    if out.json {
        out.document(&ended)?;
    } else {
        out.line(finished(run, outcome, &ended))?;
        if outcome != Some(Outcome::Succeeded) {
            out.line(tone(
                Tone::Dim,
                format!("freshd show {run} tells what was tried; freshd logs {run} shows its output"),
            ))?;
        }
    }
    Ok(if outcome == Some(Outcome::Succeeded) {
        Exit::Fine
    } else {
        Exit::NotFine
    })
}

/// Waits for the run's end, as long as it takes.
fn wait(client: &mut Client, run: RunId, global: &Global) -> Result<Value, Failure> {
    let went_away = match client.ask(&Ask::Engine(Request::Wait { run }), None) {
        Ok(Reply::Done(ended)) => return Ok(ended),
        // It ended before we could ask, or freshd stops.
        Ok(Reply::Refused(why)) => why,
        Err(failure) => failure.message,
    };
    if let Ok(Some((known, _))) = global.reader().and_then(|reader| Ok(reader.run(run)?))
        && known.outcome.is_some()
    {
        return Ok(run_line(&known));
    }
    Err(Failure::unreachable(format!(
        "{went_away}; run {run} goes on without it: `freshd show {run}` tells how it went once freshd is back"
    )))
}

fn started(run: RunId, job: &str, begun: &Value) -> String {
    let begins = format!("run {run} of {} begins", clean(job));
    match begun["waits"].as_str() {
        Some(why) => format!("{begins}; it {}", clean(why)),
        None => begins,
    }
}

fn finished(run: RunId, outcome: Option<Outcome>, ended: &Value) -> String {
    let instant = |key: &str| ended[key].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let took = instant("started_at").zip(instant("ended_at"));
    let took = took
        .map(|(from, to)| format!(" after {}", times::took(from, to)))
        .unwrap_or_default();
    let version = ended["version"]
        .as_u64()
        .map(|number| format!(", version {number}"))
        .unwrap_or_default();
    let reason = ended["reason"]
        .as_str()
        .map(|reason| format!(": {}", clean(reason)))
        .unwrap_or_default();
    let words = outcome.map_or("ended", Outcome::as_str).replace('_', " ");
    let tint = if outcome == Some(Outcome::Succeeded) {
        Tone::Good
    } else {
        Tone::Bad
    };
    format!("run {run} {}{took}{version}{reason}", tone(tint, words))
}
