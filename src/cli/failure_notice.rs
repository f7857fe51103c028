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

/// Longest name of a unit that systemd takes, in bytes.
const UNIT_BYTES_MAX: usize = 255;

/// How names of units end.
const UNIT_TYPES: [&str; 11] = [
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "slice",
    "scope",
];

/// The name of a unit, for clap.
fn unit(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err(
            "write the unit that has failed, as systemd names it: freshd.service (`%n` or `%i` in a unit file)"
                .to_owned(),
        ),
        unit if is_unit(unit) => Ok(unit.to_owned()),
        _ => Err(format!(
            "it is not the name of a unit: at most {UNIT_BYTES_MAX} letters, digits and `:_.\\-@`, with an ending as in freshd.service"
        )),
    }
}

/// Whether systemd could have a unit of that name, by systemd.unit(5).
fn is_unit(text: &str) -> bool {
    let is_of_unit = |byte: u8| byte.is_ascii_alphanumeric() || b":_.\\-@".contains(&byte);
    let parts = text.rsplit_once('.');
    let has_type =
        parts.is_some_and(|(name, kind)| !name.is_empty() && !name.starts_with('@') && UNIT_TYPES.contains(&kind));
    has_type && text.len() <= UNIT_BYTES_MAX && text.bytes().all(is_of_unit)
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

    #[test]
    fn only_what_systemd_may_call_a_unit_is_passed_on() {
        let longest = format!("{}.service", "x".repeat(UNIT_BYTES_MAX - ".service".len()));
        for name in ["freshd@north.service", "dev-disk\\x2d1.device", "a:b_c.timer", &longest] {
            assert_eq!(unit(name), Ok(name.to_owned()));
        }
        let too_long = format!("x{longest}");
        for other in [
            "freshd",
            ".service",
            "@a.service",
            "freshd.exe",
            "fr eshd.service",
            "a\n.service",
            "\u{1b}[2J.service",
            "a\u{202e}.service",
            "../a.service",
            &too_long,
        ] {
            let said = unit(other).expect_err("no unit");
            assert!(said.contains("not the name of a unit"), "{other:?}: {said}");
        }
    }
}
