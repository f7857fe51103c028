//! `freshd keeper`, hidden: the parent of attempts, started by the daemon.

use std::time::Duration;

use super::exit::{Exit, Failure};
use super::global::Global;
use crate::runner;

/// What the keeper is told.
#[derive(Debug, clap::Args)]
pub(super) struct KeeperArgs {
    /// Which keeper of the state directory
    #[arg(long, value_name = "N")]
    number: u32,
    /// Leave after so long without a daemon and without anything to do
    // A daemon from before an update, which does not say it, may start this binary.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    lonely_seconds: u64,
}

pub(super) fn run(args: &KeeperArgs, global: &Global) -> Result<Exit, Failure> {
    let state_dir = global.state_dir()?;
    let lonely_max = Duration::from_secs(args.lonely_seconds);
    runner::keeper_main(&state_dir, args.number, lonely_max)
        .map_err(|error| Failure::not_fine(format!("{error:#}")))?;
    Ok(Exit::Fine)
}
