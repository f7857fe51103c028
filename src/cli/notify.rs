//! `freshd notify`: proves that a message reaches somebody, lists what was given up, and sends it again.

mod dead;

pub(super) use dead::remark;

use std::time::Duration;

use super::client::Client;
use super::exit::{Exit, Failure};
use super::global::Global;
use super::names;
use super::numbers;
use super::out::Out;
use super::paint::{Tone, clean, tone};
use crate::config::{self, Environment};
use crate::daemon::Ask;
use crate::model::{Name, NotificationId, Reply, Request};

/// A mail server may think for a minute before it takes a message.
const ANSWER_WITHIN: Duration = Duration::from_mins(3);

/// What `notify` is told.
#[derive(Debug, clap::Args)]
pub(super) struct NotifyArgs {
    #[command(subcommand)]
    verb: NotifyVerb,
}

/// The verbs of `notify`.
#[derive(Debug, clap::Subcommand)]
enum NotifyVerb {
    /// Send one message and wait until the other side has taken it
    Test {
        /// To this team
        #[arg(long, value_name = "NAME")]
        team: Option<String>,

        /// Through this channel
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// List the messages that were given up and that nobody has sent again
    Dead {
        /// Those of which nothing is to be done any more, too
        #[arg(long)]
        all: bool,

        /// At most so many, the newest first
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = |text: &str| numbers::count(text, dead::LIMIT_MAX.into()))]
        limit: u32,
    },
    /// Send a message again that was given up, once its address takes messages
    Resend {
        /// Its number, as `freshd notify dead` lists it
        #[arg(value_name = "MESSAGE", value_parser = numbers::message, required_unless_present = "all")]
        message: Option<u64>,

        /// All of which something is to be done, at most a thousand, the oldest first
        #[arg(long, conflicts_with = "message")]
        all: bool,
    },
}

pub(super) fn run(args: NotifyArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    match args.verb {
        NotifyVerb::Test { team, channel } => test(team.as_deref(), channel.as_deref(), global, out),
        NotifyVerb::Dead { all, limit } => dead::list(all, limit, global, out),
        NotifyVerb::Resend {
            message: Some(message),
            all: false,
        } => resend(NotificationId(message), global, out),
        NotifyVerb::Resend { .. } => dead::resend_all(global, out),
    }
}

fn resend(message: NotificationId, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    match Client::connect(global)?.ask(&Ask::Resend { message }, Some(ANSWER_WITHIN))? {
        Reply::Done(facts) if out.json => out.document(&facts)?,
        Reply::Done(facts) => out.line(format!(
            "message {message} is put in again, as message {}; `freshd status` shows it until it is taken",
            facts["message"]
        ))?,
        Reply::Refused(why) => return Err(Failure::not_fine(format!("not sent again: {why}"))),
    }
    Ok(Exit::Fine)
}

fn test(team: Option<&str>, channel: Option<&str>, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let request = Request::NotifyTest {
        team: team.map(Name::from),
        channel: channel.map(Name::from),
    };
    match Client::connect(global)?.ask(&Ask::Engine(request), Some(ANSWER_WITHIN))? {
        Reply::Done(facts) => {
            if out.json {
                out.document(&facts)?;
            } else {
                for message in facts["messages"].as_array().into_iter().flatten() {
                    out.line(told(message))?;
                }
            }
            if facts["delivered"] != true {
                return Ok(Exit::NotFine);
            }
        }
        Reply::Refused(why) => {
            let unknown = unknown(team, channel, global);
            return Err(unknown.unwrap_or_else(|| Failure::not_fine(format!("not delivered: {why}"))));
        }
    }
    Ok(Exit::Fine)
}

/// How one message of the test went.
fn told(message: &serde_json::Value) -> String {
    let address = clean(message["address"].as_str().unwrap_or("the other side"));
    match message["error"].as_str() {
        None => tone(Tone::Good, format!("✓ {address} has taken the message")),
        Some(error) => tone(Tone::Bad, format!("✗ {address} has not: {}", clean(error))),
    }
}

/// Whether the configuration has no such team or channel.
fn unknown(team: Option<&str>, channel: Option<&str>, global: &Global) -> Option<Failure> {
    let settings = config::load(&global.config, &Environment::of_process()).settings?;
    let file = global.config.display().to_string();
    if let Some(team) = team.filter(|team| !settings.teams.contains_key(*team)) {
        return Some(names::unknown(
            "team",
            team,
            &file,
            settings.teams.keys().map(Name::as_str),
        ));
    }
    let channel = channel.filter(|channel| !settings.channels.contains_key(*channel))?;
    Some(names::unknown(
        "channel",
        channel,
        &file,
        settings.channels.keys().map(Name::as_str),
    ))
}
