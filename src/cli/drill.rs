//! `freshd drill`: a rehearsal with the owner of a job or dataset, to see whether somebody answers.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::paint::{Tone, clean, tone};
use super::times;
use crate::daemon::Ask;
use crate::model::{
    DRILL_MAX, DRILL_MIN, IncidentId, IncidentState, Name, Reply, Request, drill_words, format_duration, parse_duration,
};

/// What `drill` is told.
#[derive(Debug, clap::Args)]
pub(super) struct DrillArgs {
    /// The job or dataset whose owner is to answer; of what is both, the dataset
    name: String,

    /// How long it lasts if nobody answers; at most a day
    #[arg(long = "for", value_name = "DURATION", allow_hyphen_values = true, default_value = "1h", value_parser = length)]
    within: Duration,

    /// Wait for the end, and exit 0 only if somebody has acknowledged it
    #[arg(long)]
    wait: bool,
}

fn length(text: &str) -> Result<Duration, String> {
    let length = parse_duration(text)?;
    if length < DRILL_MIN || length > DRILL_MAX {
        return Err(format!(
            "a drill lasts from {} to {}",
            format_duration(DRILL_MIN),
            format_duration(DRILL_MAX)
        ));
    }
    Ok(length)
}

pub(super) fn run(args: &DrillArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let mut client = Client::connect(global)?;
    let request = Request::Drill {
        name: Name::from(args.name.as_str()),
        for_s: args.within.as_secs(),
    };
    let begun = client.facts(request, Subject::Any(&args.name))?;
    let Some(id) = begun["incident"].as_u64().map(IncidentId) else {
        return Err(Failure::unreachable(
            "the daemon began a drill without a number; is it of another version? restart it",
        ));
    };
    if !out.json {
        out.line(begun_words(id, &begun, global))?;
        out.line(tone(
            Tone::Dim,
            format!("freshd ack {id} answers it; freshd incidents {id} tells who was told, and how it went"),
        ))?;
        out.flush()?;
    }
    if !args.wait {
        if out.json {
            out.document(&begun)?;
        }
        return Ok(Exit::Fine);
    }
    let ended = wait(&mut client, id, global)?;
    let is_answered = ended["acknowledged_by"].is_string();
    if out.json {
        out.document(&ended)?;
    } else {
        let tint = if is_answered { Tone::Good } else { Tone::Bad };
        let result = clean(ended["result"].as_str().unwrap_or_default());
        out.line(tone(tint, format!("drill {id} is over: {result}")))?;
        // Nobody is to believe that those slept whom nothing has reached.
        for (label, key) in [("told", "told"), ("not reached", "not_reached")] {
            let whom: Vec<&str> = ended[key]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            if !whom.is_empty() {
                out.line(format!("  {label}: {}", clean(&whom.join(", "))))?;
            }
        }
    }
    Ok(if is_answered { Exit::Fine } else { Exit::NotFine })
}

fn begun_words(id: IncidentId, begun: &Value, global: &Global) -> String {
    let told: Vec<&str> = begun["told"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let instant = |key: &str| begun[key].as_str().and_then(|at| at.parse::<Timestamp>().ok());
    let until = instant("until").map_or_else(String::new, |until| {
        let from = instant("at").unwrap_or_else(Timestamp::now);
        times::moment_and_hint(until, from, &global.zone())
    });
    let name = clean(begun["name"].as_str().unwrap_or_default());
    format!(
        "drill {id} with {name} begins: {}, and that nothing is wrong; it lasts until {until}",
        told_words(&told)
    )
}

/// Who is told of it.
fn told_words(told: &[&str]) -> String {
    let are = if told.len() == 1 { "is" } else { "are" };
    format!("{} {are} told", clean(&told.join(", ")))
}

/// Waits for the end, as long as it takes.
fn wait(client: &mut Client, id: IncidentId, global: &Global) -> Result<Value, Failure> {
    let went_away = match client.ask(&Ask::Engine(Request::WaitForDrill { incident: id }), None) {
        Ok(Reply::Done(ended)) => return Ok(ended),
        // It ended before we could ask, or freshd stops.
        Ok(Reply::Refused(why)) => why,
        Err(failure) => failure.message,
    };
    if let Ok(Some(known)) = global.reader().and_then(|reader| Ok(reader.incident(id)?))
        && known.state == IncidentState::Resolved
    {
        let by = known.ack.as_ref().map(|ack| &ack.by);
        return Ok(json!({ "incident": id, "acknowledged_by": by, "result": drill_words(&known) }));
    }
    Err(Failure::unreachable(format!(
        "{went_away}; drill {id} goes on without it: `freshd incidents {id}` tells how it went once freshd is back"
    )))
}

#[cfg(test)]
mod tests {
    use super::told_words;

    #[test]
    fn one_is_told_and_several_are() {
        assert_eq!(told_words(&["ops by mail"]), "ops by mail is told");
        assert_eq!(
            told_words(&["ops by mail", "ops by slack"]),
            "ops by mail, ops by slack are told"
        );
    }
}
