//! `freshd keeper`, hidden: the parent of attempts, started by the daemon.

use super::exit::{Exit, Failure};
use super::global::Global;
use crate::runner;

/// What the keeper is told.
#[derive(Debug, clap::Args)]
pub(super) struct KeeperArgs {
    /// Which keeper of the state directory
    #[arg(long, value_name = "N")]
    number: u32,
}

pub(super) fn run(args: &KeeperArgs, global: &Global) -> Result<Exit, Failure> {
    let state_dir = global.state_dir()?;
    runner::keeper_main(&state_dir, args.number).map_err(|error| Failure::not_fine(format!("{error:#}")))?;
    Ok(Exit::Fine)
}
