//! `freshd restore` and `freshd release`: a person decides about a version, on the record.

use std::time::Duration;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::names;
use super::out::Out;
use super::paint::clean;
use super::record;
use crate::daemon::{Ask, Decide};
use crate::model::{Decision, Name, Reply, VersionNumber};

/// A large file is copied before the answer comes.
const ANSWER_WITHIN: Duration = Duration::from_mins(30);

/// What `restore` is told.
#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// The version, as stock@41
    #[arg(value_name = "DATASET@VERSION")]
    version: String,

    #[command(flatten)]
    record: Record,
}

/// What `release` is told.
#[derive(Debug, clap::Args)]
pub(super) struct ReleaseArgs {
    /// The refused version, as stock@43; the dataset alone means its newest
    #[arg(value_name = "DATASET[@VERSION]")]
    version: String,

    /// Compare later versions with it, too, as if it had never been refused
    #[arg(long)]
    learn: bool,

    #[command(flatten)]
    record: Record,
}

/// What goes on the record with it.
#[derive(Debug, clap::Args)]
struct Record {
    /// Why, for whoever wonders later
    #[arg(long, value_name = "TEXT", value_parser = record::reason)]
    because: String,

    /// Who decided it [default: the user who asks]
    #[arg(long, value_name = "NAME", value_parser = record::name)]
    by: Option<String>,
}

pub(super) fn restore(args: RestoreArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let (dataset, number) = names::version(&args.version)?;
    if number.is_none() {
        return Err(Failure::usage(format!(
            "which version? write it as in {}@41; `freshd trace {0}` shows the newest",
            clean(&args.version)
        )));
    }
    let facts = decide((Decision::Restore, false), dataset, number, args.record, global)?;
    if out.json {
        out.document(&facts)?;
        return Ok(Exit::Fine);
    }
    let version = clean(facts["version"].as_str().unwrap_or_default());
    out.line(format!(
        "{} is what readers see again, as {version}; it is as old as it was",
        clean(&args.version)
    ))?;
    Ok(Exit::Fine)
}

pub(super) fn release(args: ReleaseArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let (dataset, number) = names::version(&args.version)?;
    let facts = decide((Decision::Release, args.learn), dataset, number, args.record, global)?;
    if out.json {
        out.document(&facts)?;
        return Ok(Exit::Fine);
    }
    let version = clean(facts["version"].as_str().unwrap_or_default());
    out.line(format!(
        "{version} is what readers see now; that it was refused, and why it was released, stays on record"
    ))?;
    Ok(Exit::Fine)
}

fn decide(
    (decision, learn): (Decision, bool),
    dataset: Name,
    number: Option<VersionNumber>,
    record: Record,
    global: &Global,
) -> Result<serde_json::Value, Failure> {
    let Record { because, by } = record;
    if because.trim().is_empty() {
        return Err(Failure::usage(
            "a decision needs a reason; write --because \"the plant in Tromsø is closed\"",
        ));
    }
    let ask = Ask::Decide(Decide {
        decision,
        dataset,
        number,
        because,
        learn,
        by,
    });
    match Client::connect(global)?.ask(&ask, Some(ANSWER_WITHIN))? {
        Reply::Done(facts) => Ok(facts),
        Reply::Refused(why) => Err(Failure::not_fine(why)),
    }
}
