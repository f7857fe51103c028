//! Rehearsals: an incident about nothing, to see whether those who are told answer.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Incident, elapsed, format_age};

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

/// How a rehearsal went, in words, by its incident: `acknowledged by anna after 4m 10s`.
pub fn drill_words(incident: &Incident) -> String {
    let took = |to| format_age(elapsed(incident.since, to));
    match (&incident.ack, incident.resolved_at) {
        (Some(ack), _) => format!("acknowledged by {} after {}", ack.by, took(ack.at)),
        (None, Some(over)) => format!("nobody acknowledged it within {}", took(over)),
        (None, None) => "nobody has acknowledged it yet".to_owned(),
    }
}
