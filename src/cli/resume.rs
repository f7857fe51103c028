//! `freshd resume`: a paused job is scheduled again.

use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::paint::clean;
use crate::model::{Name, Request};

/// What `resume` is told.
#[derive(Debug, clap::Args)]
pub(super) struct ResumeArgs {
    /// The job
    job: String,
}

pub(super) fn run(args: &ResumeArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let request = Request::Resume {
        job: Name::from(args.job.as_str()),
    };
    let facts = Client::connect(global)?.facts(request, Subject::Job(&args.job))?;
    if out.json {
        out.document(&facts)?;
    } else {
        let job = clean(&args.job);
        out.line(format!(
            "{job} is scheduled again; `freshd next {job}` tells when it is due"
        ))?;
    }
    Ok(Exit::Fine)
}
