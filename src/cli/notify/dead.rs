//! `freshd notify dead`: what was given up; and `resend --all`, which sends what nobody has sent again.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::ANSWER_WITHIN;
use crate::cli::client::Client;
use crate::cli::exit::{Exit, Failure};
use crate::cli::global::Global;
use crate::cli::out::{self, Out};
use crate::cli::paint::{Tone, clean, tone};
use crate::cli::table::{Column, grid};
use crate::cli::times;
use crate::cli::titles::Titles;
use crate::config::{self, Environment};
use crate::daemon::Ask;
use crate::model::{Address, DeadMessage, Reply, Request, Settings, newest_of_each};
use crate::store::Reader;

/// Most messages of one answer, and the most that are sent again at once.
pub(super) const LIMIT_MAX: u32 = 1_000;

/// For so long whoever looks at what is wrong waits for what is said beside it.
const ADDRESSES_WITHIN: Duration = Duration::from_secs(5);

/// Lists what was given up.
pub(super) fn list(settled_too: bool, limit: u32, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let messages = dead_messages(&global.reader()?, settled_too, limit, global)?;
    if out.json {
        out.document(&json!({ "messages": messages }))?;
        return Ok(Exit::Fine);
    }
    if messages.is_empty() {
        let words = match settled_too {
            true => "no message was ever given up",
            false => "no message waits for anybody to send it again; --all lists all that were given up",
        };
        out.line(tone(Tone::Good, words))?;
        return Ok(Exit::Fine);
    }
    let (now, zone, titles) = (Timestamp::now(), global.zone(), Titles::of(&global.config));
    let columns = [
        Column::whole("message"),
        Column::whole("given up"),
        Column::whole("why written").spare(2),
        Column::cut("for", 8).spare(1),
        Column::cut("to", 20),
        Column::cut("about", 16),
        Column::cut("last answer", 20),
        Column::cut("settled", 20),
    ];
    let rows: Vec<Vec<String>> = messages
        .iter()
        .map(|message| row(message, &titles, now, &zone))
        .collect();
    for line in grid(&columns, &rows, out::table_width()) {
        out.line(line)?;
    }
    if messages.len() == limit as usize {
        let words = format!("these are the newest {limit}; --limit asks for more");
        out.line(tone(Tone::Dim, words))?;
    }
    if messages.iter().any(|message| message.settled.is_none()) {
        out.line(tone(
            Tone::Dim,
            "once its address works, `freshd notify resend MESSAGE` sends one again, and `freshd notify resend --all` all of them",
        ))?;
    }
    Ok(Exit::Fine)
}

/// That there is something to list, for whoever looks at what is wrong.
pub(in crate::cli) fn remark(reader: &Reader, global: &Global) -> Result<Option<String>, Failure> {
    let words = match dead_messages(reader, false, LIMIT_MAX, global)?.len() {
        0 => return Ok(None),
        1 => "1 message was given up and not sent again; `freshd notify dead` lists it".to_owned(),
        count => format!("{count} messages were given up and not sent again; `freshd notify dead` lists them"),
    };
    Ok(Some(tone(Tone::Warn, words)))
}

/// Those on record, by whether anybody is still told by their addresses; that is asked only where there are any.
fn dead_messages(reader: &Reader, settled_too: bool, limit: u32, global: &Global) -> Result<Vec<DeadMessage>, Failure> {
    let in_use = LazyCell::new(|| InUse::known(global));
    Ok(reader.dead_messages(settled_too, limit, &|address| in_use.contains(address))?)
}

/// The addresses that somebody may be told at.
enum InUse {
    /// By the settings in force, whatever jobs.toml says by now.
    InForce(HashSet<String>),
    /// By jobs.toml, where no daemon runs: the next one goes by that.
    Written(Box<Settings>),
    /// Neither tells, which says nothing of any address.
    Unknown,
}

impl InUse {
    fn known(global: &Global) -> Self {
        match Client::connect_to_any(global) {
            Ok(Some(mut client)) => Self::in_force(&mut client),
            Ok(None) => Self::written(global),
            Err(_) => Self::Unknown,
        }
    }

    /// What the daemon says. One that says nothing, or does not know the question, goes by settings all the same: jobs.toml
    /// may say by now what it has not taken on.
    fn in_force(client: &mut Client) -> Self {
        let answer = client.ask(&Ask::Engine(Request::Addresses), Some(ADDRESSES_WITHIN));
        let Ok(Reply::Done(facts)) = answer else {
            return Self::Unknown;
        };
        let listed = facts["addresses"].as_array().into_iter().flatten();
        let listed = listed.filter_map(|address| Some(address.as_str()?.to_owned()));
        Self::InForce(listed.collect())
    }

    fn written(global: &Global) -> Self {
        let written = config::load(&global.config, &Environment::of_process()).settings;
        written.map_or(Self::Unknown, |settings| Self::Written(Box::new(settings)))
    }

    fn contains(&self, address: &Address) -> bool {
        match self {
            Self::InForce(addresses) => addresses.contains(&address.to_string()),
            Self::Written(settings) => settings.is_in_use(address),
            Self::Unknown => true,
        }
    }
}

fn row(message: &DeadMessage, titles: &Titles, now: Timestamp, zone: &TimeZone) -> Vec<String> {
    let given_up = message.given_up_at.unwrap_or(message.decided_at);
    vec![
        message.message.to_string(),
        times::moment_with_seconds(given_up, now, zone),
        message.purpose.as_str().to_owned(),
        titles.team(message.team.as_str()),
        clean(&message.to),
        // Of what is about an incident it ends with that one's number.
        clean(&message.title),
        clean(message.error.as_deref().unwrap_or_default()),
        clean(message.settled.as_deref().unwrap_or_default()),
    ]
}

/// Asks for each that is still worth it, the oldest first; of several about one incident for the newest.
pub(super) fn resend_all(global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let mut client = Client::connect(global)?;
    let listed = dead_messages(&global.reader()?, true, LIMIT_MAX, global)?;
    let unused = listed.iter().filter(|dead| dead.is_unused).count();
    let (messages, told) = newest_of_each(&listed);
    let (mut sent, mut refused): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for dead in messages.iter().rev() {
        let (message, to) = (dead.message, clean(&dead.to));
        let answer = client.ask(&Ask::Resend { message }, Some(ANSWER_WITHIN))?;
        let words = match &answer {
            Reply::Done(facts) => tone(
                Tone::Good,
                format!(
                    "message {message} to {to} is put in again, as message {}",
                    facts["message"]
                ),
            ),
            Reply::Refused(why) => tone(Tone::Bad, format!("message {message} to {to} is not: {}", clean(why))),
        };
        if !out.json {
            out.line(words)?;
        }
        match answer {
            Reply::Done(facts) => sent.push(json!({ "message": message, "again": facts["message"] })),
            Reply::Refused(why) => refused.push(json!({ "message": message, "why": why })),
        }
    }
    let is_fine = refused.is_empty();
    if out.json {
        out.document(&json!({ "sent": sent, "refused": refused, "told_by_later": told, "skipped": unused }))?;
    } else if messages.is_empty() {
        out.line(tone(Tone::Good, "no message waits for anybody to send it again"))?;
    }
    if told > 0 && !out.json {
        let words = match told {
            1 => "1 more is told by a later one about the same incident, and is not sent".to_owned(),
            count => format!("{count} more are told by later ones about the same incidents, and are not sent"),
        };
        out.line(tone(Tone::Dim, words))?;
    }
    if unused > 0 && !out.json {
        let words = match unused {
            1 => "1 more is to an address that jobs.toml does not name any more, and is left as it is".to_owned(),
            count => {
                format!("{count} more are to addresses that jobs.toml does not name any more, and are left as they are")
            }
        };
        out.line(tone(Tone::Dim, words))?;
    }
    Ok(if is_fine { Exit::Fine } else { Exit::NotFine })
}
