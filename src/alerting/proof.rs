//! The words of the weekly proof that an address is reached.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::weekly::{Facts, of_freshd};
use crate::model::{Address, Message, Name, Purpose, format_time};

/// Everything the proof of an address is made from.
#[derive(Clone, Debug)]
pub struct ToProve<'a> {
    /// When it is decided.
    pub now: Timestamp,
    /// When the next one is due, unless something else was taken until then.
    pub next: Option<Timestamp>,
    /// The zone in which its readers are told times.
    pub zone: &'a TimeZone,
    /// Where it goes.
    pub address: &'a Address,
    /// The team that is told there.
    pub team: &'a Name,
    /// The same as people call it.
    pub team_title: String,
    /// Problems that are not over, whoever's they are.
    pub open: usize,
}

/// Writes the proof.
pub fn canary(id: String, prove: &ToProve<'_>) -> Message {
    let mut facts = Facts::default();
    facts.say(
        "Sent because",
        "nothing else has reached this address in the last seven days".to_owned(),
    );
    if let Some(next) = prove.next {
        facts.say("Next proof", format_time(next, prove.zone));
    }
    let missing = "freshd does not run, or this address cannot be reached: `freshd status` says which";
    facts.say("If it is missing", missing.to_owned());
    let address = prove.address;
    let wrong = match prove.open {
        0 => "Nothing is wrong.".to_owned(),
        1 => "1 problem is not over: `freshd status` shows it.".to_owned(),
        open => format!("{open} problems are not over: `freshd status` shows them."),
    };
    Message {
        subject: format!("[freshd] Weekly proof that {address} is reached"),
        headline: format!("This is the weekly proof that {address} reaches you. {wrong}"),
        facts: facts.0,
        commands: vec!["freshd status".to_owned()],
        ..of_freshd(id, Purpose::Canary, prove.team, &prove.team_title, prove.now)
    }
}
