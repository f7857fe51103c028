//! `freshd reload`: the daemon takes the whole new configuration, or none of it.

use std::time::Duration;

use serde_json::Value;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::paint::{Tone, clean, tone};
use crate::daemon::Ask;
use crate::model::Reply;

/// Ten thousand jobs in hundreds of files are read within this.
const ANSWER_WITHIN: Duration = Duration::from_mins(2);

pub(super) fn run(global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    match Client::connect(global)?.ask(&Ask::Reload, Some(ANSWER_WITHIN))? {
        Reply::Done(facts) if out.json => out.document(&facts)?,
        Reply::Done(facts) => {
            out.line(tone(Tone::Good, "reloaded"))?;
            for warning in facts["warnings"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                eprint_lines(&format!("warning: {}", clean(warning)));
            }
        }
        Reply::Refused(problems) => {
            eprint_lines(&problems);
            return Err(Failure::usage(
                "the configuration was not taken; the one before stays in force",
            ));
        }
    }
    Ok(Exit::Fine)
}

fn eprint_lines(text: &str) {
    for line in text.lines() {
        anstream::eprintln!("{line}");
    }
}
