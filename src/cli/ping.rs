//! `freshd ping`: a script says that data has arrived, or that it has failed.

use std::ffi::OsString;

use super::client::{Client, Subject};
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use crate::model::{PING_RUN_MAX, PingKind, PingWord, Request, is_ping_run};

/// What `ping` is told.
#[derive(Debug, clap::Args)]
pub(super) struct PingArgs {
    /// The key, as jobs.toml has it in `probe = { ping = "KEY" }`
    key: String,

    /// `start`, `fail`, `log`, or the exit status of a command; without it: data has arrived
    #[arg(value_parser = read_word)]
    word: Option<PingWord>,

    /// Tells runs of the same script apart, for whoever reads the record: letters, digits and hyphens
    #[arg(long, value_name = "ID", value_parser = read_run)]
    rid: Option<String>,

    /// What else is to be on record
    #[arg(long, short, value_name = "TEXT")]
    message: Option<OsString>,
}

fn read_word(text: &str) -> Result<PingWord, String> {
    PingWord::read(text).ok_or_else(|| "write start, fail, log, or an exit status from 0 to 255".to_owned())
}

fn read_run(text: &str) -> Result<String, String> {
    let wanted = || format!("write up to {PING_RUN_MAX} letters, digits and hyphens");
    is_ping_run(text).then(|| text.to_owned()).ok_or_else(wanted)
}

pub(super) fn run(args: PingArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let arrived = PingWord {
        kind: PingKind::Success,
        exit_status: None,
    };
    let request = Request::Ping {
        key: args.key,
        word: args.word.unwrap_or(arrived),
        rid: args.rid,
        text: args.message.unwrap_or_default().to_string_lossy().into_owned(),
    };
    let ping = Client::connect(global)?.facts(request, Subject::None)?;
    if out.json {
        out.document(&ping)?;
        return Ok(Exit::Fine);
    }
    let dataset = ping["dataset"].as_str().unwrap_or_default();
    out.line(match ping["kind"].as_str() {
        Some("success") => format!("{dataset} has arrived"),
        Some("start") => format!("what brings {dataset} has begun"),
        Some("fail") => format!("what brings {dataset} has failed; its owner is told unless it arrives meanwhile"),
        _ => format!("noted of {dataset}"),
    })?;
    Ok(Exit::Fine)
}
