//! `freshd failure-notice`: what systemd runs when freshd has failed for good.

use std::time::Duration;

use serde_json::json;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::out::Out;
use super::paint::{Tone, clean, tone};
use crate::config::Environment;
use crate::daemon::{Ask, notice};
use crate::model::{Reply, Request};

/// What `failure-notice` is told.
#[derive(Debug, clap::Args)]
pub(super) struct FailureNoticeArgs {
    /// The unit that has failed
    #[arg(value_parser = unit)]
    unit: String,
}

/// The name of a unit, for clap.
fn unit(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err(
            "write the unit that has failed, as systemd names it: freshd.service (`%n` or `%i` in a unit file)"
                .to_owned(),
        ),
        unit => Ok(unit.to_owned()),
    }
}

/// How long a freshd may take to answer. The message waits for that.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Whether a freshd decides on the state directory just now. Nothing of the directory is read: only its socket is asked.
fn answers(global: &Global) -> bool {
    let asked =
        Client::connect(global).and_then(|mut client| client.ask(&Ask::Engine(Request::Clock), Some(ANSWER_WITHIN)));
    matches!(asked, Ok(Reply::Done(_)))
}

pub(super) fn run(args: &FailureNoticeArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let back_on = global.state_dir().ok().filter(|_| answers(global));
    let told = notice(
        &args.unit,
        &global.config,
        back_on.as_deref(),
        &Environment::of_process(),
    )
    .map_err(|error| Failure::not_fine(format!("nobody is told: {error}")))?;
    if told.is_empty() {
        let file = global.config.display();
        if let Err(error) = std::fs::File::open(&global.config) {
            return Err(Failure::not_fine(format!(
                "nobody is told: {file} cannot be read: {error}; name the file that freshd runs with by --config FILE"
            )));
        }
        return Err(Failure::not_fine(format!(
            "nobody is told: {file} names no fallback that can be read; write [fallback] and notify = [\"CHANNEL:ADDRESS\"] below it"
        )));
    }
    let lines = told.iter().map(|notice| (notice.address.to_string(), &notice.error));
    if out.json {
        let told: Vec<_> = lines
            .map(|(to, error)| json!({ "address": to, "error": error }))
            .collect();
        out.document(&json!({ "messages": told, "answers": back_on.is_some() }))?;
    } else {
        if let Some(dir) = &back_on {
            out.line(format!(
                "a freshd answers on {} again, and the message says so",
                clean(&dir.display().to_string())
            ))?;
        }
        for (to, error) in lines {
            out.line(match error {
                None => tone(Tone::Good, format!("✓ {} has been told", clean(&to))),
                Some(error) => tone(Tone::Bad, format!("✗ {} has not: {}", clean(&to), clean(error))),
            })?;
        }
    }
    let reached = told.iter().any(|notice| notice.error.is_none());
    Ok(if reached { Exit::Fine } else { Exit::NotFine })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_without_a_name_is_answered_with_what_is_expected() {
        assert_eq!(unit("freshd.service"), Ok("freshd.service".to_owned()));
        for nothing in ["", "  "] {
            let said = unit(nothing).expect_err("no unit");
            assert!(said.contains("as systemd names it: freshd.service"), "{said}");
        }
    }
}
