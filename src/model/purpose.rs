//! Why a message is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The first message of an incident, to its owner.
    Opening,
    /// It got worse or reached further.
    Update,
    /// To a team downstream: what you read is not what was promised.
    Impact,
    /// Still open.
    Reminder,
    /// Nobody answered; the next in the chain is told.
    Escalation,
    /// It is over.
    Recovery,
    /// Many messages to one address in one, after an outage or in a flood.
    Digest,
    /// What happened to a team's jobs and data in a week: a proof of life.
    Weekly,
    /// Nothing else has reached the address for a week: a proof that it is reached.
    Canary,
    /// Somebody tries out a channel.
    Test,
}

impl Purpose {
    /// Whether it speaks of nothing that is wrong.
    pub fn is_proof(self) -> bool {
        matches!(self, Self::Weekly | Self::Canary | Self::Test)
    }

    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Update => "update",
            Self::Impact => "impact",
            Self::Reminder => "reminder",
            Self::Escalation => "escalation",
            Self::Recovery => "recovery",
            Self::Digest => "digest",
            Self::Weekly => "weekly",
            Self::Canary => "canary",
            Self::Test => "test",
        }
    }
}
