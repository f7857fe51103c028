//! `freshd cancel`: ends a run, on the record.

use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use crate::model::{Request, RunId};

/// What `cancel` is told.
#[derive(Debug, clap::Args)]
pub(super) struct CancelArgs {
    /// The run's number, as `freshd status` or `freshd history` shows it
    run: u64,
}

pub(super) fn run(args: &CancelArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let facts = Client::connect(global)?.facts(Request::Cancel { run: RunId(args.run) }, Subject::None)?;
    if out.json {
        out.document(&facts)?;
    } else {
        out.line(format!(
            "run {} is being ended; freshd show {} tells when it is over",
            args.run, args.run
        ))?;
    }
    Ok(Exit::Fine)
}
