//! `freshd ack`: somebody takes an incident on, and reminders rest.

use jiff::Timestamp;
use serde::Deserialize;

use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::numbers;
use super::out::Out;
use super::paint::clean;
use super::record;
use super::times;
use crate::model::{Ack, IncidentId, Request};

/// What `ack` is told.
#[derive(Debug, clap::Args)]
pub(super) struct AckArgs {
    /// The incident's number, as `freshd status` shows it
    #[arg(value_parser = numbers::incident)]
    id: u64,

    /// What others should know of it, for the pages and the record
    #[arg(long, value_name = "TEXT", value_parser = record::reason)]
    note: Option<String>,
}

pub(super) fn run(args: &AckArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let facts = Client::connect(global)?.facts(
        Request::Ack {
            incident: IncidentId(args.id),
            note: args.note.clone(),
            link: None,
        },
        Subject::None,
    )?;
    if out.json {
        out.document(&facts)?;
        return Ok(Exit::Fine);
    }
    if let Some(drill) = facts["drill"].as_str() {
        out.line(format!("drill {} is over: {}", args.id, clean(drill)))?;
        return Ok(Exit::Fine);
    }
    let until = facts["until"]
        .as_str()
        .and_then(|until| until.parse::<Timestamp>().ok());
    let until = until.map(|until| format!(" until {}", times::moment(until, Timestamp::now(), &global.zone())));
    let by = facts["acknowledged_by"].as_str().unwrap_or("you");
    out.line(format!(
        "incident {} is taken on by {by}; reminders rest{}, and everyone told will hear when it is over",
        args.id,
        until.unwrap_or_default()
    ))?;
    if let Ok(before) = Ack::deserialize(&facts["taken_over_from"]) {
        let told = |at| times::moment(at, Timestamp::now(), &global.zone());
        out.line(clean(&before.taken_over_words(told)))?;
    }
    Ok(Exit::Fine)
}
