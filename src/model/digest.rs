//! What a digest says of each incident.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IncidentId, Name, ProblemKind, Severity};

/// One incident in a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestLine {
    /// Its number.
    pub incident: IncidentId,
    /// Whether it was over when the digest was written.
    pub is_over: bool,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub kind: Option<ProblemKind>,
    /// With what.
    pub subject_name: Name,
    /// Since when, while it is open.
    #[schemars(with = "Option<super::Instant>")]
    pub since: Option<Timestamp>,
    /// All of this in words, begun with `#` and the number.
    pub text: String,
}
