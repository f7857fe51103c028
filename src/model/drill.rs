//! Rehearsals: an incident about nothing, to see whether those who are told answer.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Ack, Incident, elapsed, format_age};

/// The longest rehearsal.
pub const DRILL_MAX: Duration = Duration::from_hours(24);

/// The shortest rehearsal: nobody reads a message and answers it in less.
pub const DRILL_MIN: Duration = Duration::from_mins(1);

/// What the subject and the first sentence of a rehearsal begin with, and its line in a digest: they may be read alone.
pub const DRILL_MARK: &str = "[DRILL]";

/// What makes an incident a rehearsal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drill {
    /// Who ordered it.
    pub by: String,
    /// When it is over, unless somebody acknowledges it before.
    #[schemars(with = "super::Instant")]
    pub until: Timestamp,
}

/// How a rehearsal went, in words, by its incident: `acknowledged by anna after 4m 10s`. Of one that is over it stands in
/// the resolution.
pub fn drill_words(incident: &Incident) -> String {
    let went = incident.resolution.clone().filter(|_| incident.resolved_at.is_some());
    went.unwrap_or_else(|| match &incident.ack {
        Some(ack) => acknowledged_words(incident, ack),
        None => "nobody has acknowledged it yet".to_owned(),
    })
}

/// How a rehearsal went that is over at that instant: nobody can answer what nobody was told.
pub fn drill_end_words(incident: &Incident, over: Timestamp, is_known: bool) -> String {
    let took = format_age(elapsed(incident.since, over));
    match &incident.ack {
        Some(ack) => acknowledged_words(incident, ack),
        None if is_known => format!("nobody acknowledged it within {took}"),
        None => format!("nobody could be told: no address took it within {took}"),
    }
}

fn acknowledged_words(incident: &Incident, ack: &Ack) -> String {
    let took = format_age(elapsed(incident.since, ack.at));
    format!("acknowledged by {} after {took}", ack.by)
}
