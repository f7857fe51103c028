//! What is not as promised at the end of an incident, and where people are told of it from then on.

use super::words::Situation;
use crate::model::{IncidentId, Name};

/// Where people are told of a dataset that stays broken at the end of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoesOn {
    /// In an incident of its own.
    As(IncidentId),
    /// In that of what explains it by now.
    With(IncidentId),
}

impl GoesOn {
    /// The number under which people find it.
    pub(super) fn incident(self) -> IncidentId {
        match self {
            Self::As(id) | Self::With(id) => id,
        }
    }
}

impl Situation<'_> {
    /// How a dataset goes on: `it goes on as #5`; nothing before the end.
    pub(super) fn goes_on_words(&self, name: &Name) -> Option<String> {
        self.goes_on.get(name).map(|goes_on| match goes_on {
            GoesOn::As(id) => format!("it goes on as #{id}"),
            GoesOn::With(id) => format!("it goes on with #{id}"),
        })
    }

    /// The name of a dataset, with the number of the incident by which it goes on.
    pub(super) fn numbered(&self, name: &Name) -> String {
        match self.goes_on.get(name) {
            Some(goes_on) => format!("{name} (#{})", goes_on.incident()),
            None => name.to_string(),
        }
    }
}
