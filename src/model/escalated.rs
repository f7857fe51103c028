//! Whom escalation has called about an incident, and when.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Address, Incident};

/// A step of escalation that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Escalated {
    /// When.
    #[schemars(with = "super::Instant")]
    pub at: Timestamp,
    /// To whom.
    pub to: Vec<Address>,
}

impl Escalated {
    /// `to mail:boss@seafood.example, Fri 2026-11-27 22:40`; of nobody, nothing.
    pub fn words(&self, time: impl Fn(Timestamp) -> String) -> Option<String> {
        let to: Vec<String> = self.to.iter().map(ToString::to_string).collect();
        (!to.is_empty()).then(|| format!("to {}, {}", to.join(" and "), time(self.at)))
    }
}

impl Incident {
    /// The steps that were taken since those answer for it who do now.
    pub fn escalated_by_now(&self) -> &[Escalated] {
        let before = |step: &Escalated| self.theirs_since().is_some_and(|since| step.at < since);
        &self.escalated[self.escalated.partition_point(before)..]
    }
}
