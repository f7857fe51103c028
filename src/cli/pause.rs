//! `freshd pause`: a job is not scheduled until it is resumed.

use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::paint::clean;
use super::record;
use crate::model::{Name, Request};

/// What `pause` is told.
#[derive(Debug, clap::Args)]
pub(super) struct PauseArgs {
    /// The job
    job: String,

    /// Why, for whoever wonders later
    #[arg(long, value_name = "TEXT", value_parser = record::reason)]
    because: String,
}

pub(super) fn run(args: PauseArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    if args.because.trim().is_empty() {
        return Err(Failure::usage(
            "a pause needs a reason; write --because \"database is moved until noon\"",
        ));
    }
    let request = Request::Pause {
        job: Name::from(args.job.as_str()),
        because: args.because,
    };
    let facts = Client::connect(global)?.facts(request, Subject::Job(&args.job))?;
    if out.json {
        out.document(&facts)?;
    } else {
        let job = clean(&args.job);
        out.line(format!(
            "{job} is paused: what comes due is recorded as skipped, until `freshd resume {job}`"
        ))?;
    }
    Ok(Exit::Fine)
}
