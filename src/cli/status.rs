//! `freshd status`: the board, once.

use super::board::board_in;
use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::notify;
use super::out::{self, Out};
use crate::model::Status;
use crate::model::{Name, Request};

/// What `status` is told.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// Only this job or dataset
    name: Option<String>,
}

pub(super) fn run(args: &StatusArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let name = args.name.as_deref();
    let subject = name.map_or(Subject::None, Subject::Any);
    let facts = Client::connect(global)?.facts(
        Request::Status {
            name: name.map(Name::from),
        },
        subject,
    )?;
    let status = Status::read(&facts).map_err(Failure::unreachable)?;
    if out.json {
        out.document(&facts)?;
    } else {
        out.raw(board_in(&facts, &status.zone(), out::room(), out.color).as_bytes())?;
        // What the records cannot tell just now is no reason to hide what is wrong.
        if let (None, Ok(reader)) = (name, global.reader())
            && let Ok(Some(remark)) = notify::remark(&reader, global)
        {
            out.line("")?;
            out.line(remark)?;
        }
    }
    Ok(if status.is_fine() { Exit::Fine } else { Exit::NotFine })
}
