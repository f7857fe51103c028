//! Who has taken an incident on, and until when: as lines of what is said of it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use super::paint::clean;
use super::times;
use crate::model::{Ack, Incident};

/// A line for each, the first first; of one that is over nobody has it any more.
pub(super) fn lines(incident: &Incident, now: Timestamp, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let is_over = incident.resolved_at.is_some();
    lines_of(&incident.earlier_acks, incident.ack.as_ref(), is_over, now, zone)
}

/// The same of one that is not over, as the daemon tells of it.
pub(super) fn lines_told(incident: &Value, now: Timestamp, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let earlier: Vec<Ack> = Deserialize::deserialize(&incident["earlier_acks"]).unwrap_or_default();
    let last: Option<Ack> = Deserialize::deserialize(&incident["ack"]).unwrap_or_default();
    lines_of(&earlier, last.as_ref(), false, now, zone)
}

fn lines_of(
    earlier: &[Ack],
    last: Option<&Ack>,
    is_over: bool,
    now: Timestamp,
    zone: &TimeZone,
) -> Vec<(&'static str, String)> {
    let by = |ack: &Ack| format!("by {} {}", clean(&ack.who()), times::moment_and_hint(ack.at, now, zone));
    let earlier = earlier.iter().map(|ack| format!("{}, before", by(ack)));
    let last = last.map(|ack| match is_over {
        true => by(ack),
        false => by(ack) + &held_until(ack, now, zone),
    });
    earlier.chain(last).map(|words| ("taken on", words)).collect()
}

/// For how long whoever has taken an incident on has it.
fn held_until(ack: &Ack, now: Timestamp, zone: &TimeZone) -> String {
    let moment = times::moment(ack.until, now, zone);
    match ack.until > now {
        true => format!(", until {moment}"),
        false => format!(", until {moment}: since then nobody has it"),
    }
}
