//! `freshd notify dead`: what was given up; and `resend --all`, which sends what nobody has sent again.

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
use crate::daemon::Ask;
use crate::model::{DeadMessage, Reply};
use crate::store::Reader;

/// Most messages of one answer, and the most that are sent again at once.
pub(super) const LIMIT_MAX: u32 = 1_000;

/// Lists what was given up.
pub(super) fn list(settled_too: bool, limit: u32, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let messages = global.reader()?.dead_messages(settled_too, limit)?;
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
pub(in crate::cli) fn remark(reader: &Reader) -> Result<Option<String>, Failure> {
    let words = match reader.dead_messages(false, LIMIT_MAX)?.len() {
        0 => return Ok(None),
        1 => "1 message was given up and not sent again; `freshd notify dead` lists it".to_owned(),
        count => format!("{count} messages were given up and not sent again; `freshd notify dead` lists them"),
    };
    Ok(Some(tone(Tone::Warn, words)))
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

/// Asks for each that is still worth it, the oldest first.
pub(super) fn resend_all(global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let mut client = Client::connect(global)?;
    let messages = global.reader()?.dead_messages(false, LIMIT_MAX)?;
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
        out.document(&json!({ "sent": sent, "refused": refused }))?;
    } else if messages.is_empty() {
        out.line(tone(Tone::Good, "no message waits for anybody to send it again"))?;
    }
    Ok(if is_fine { Exit::Fine } else { Exit::NotFine })
}
