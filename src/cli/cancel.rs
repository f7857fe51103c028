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
    #[arg(value_parser = run_number)]
    run: u64,
}

fn run_number(text: &str) -> Result<u64, String> {
    let is_number = text.parse();
    is_number.map_err(|_| "a run has a number; `freshd status` names those that go on".to_owned())
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
