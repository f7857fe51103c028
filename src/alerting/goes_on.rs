//! What is not as promised at the end of an incident, and where people are told of it from then on.

use super::titles::data_called;
use super::words::Situation;
use crate::model::{Dataset, IncidentId, Name};

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

    /// A dataset as people call it, with the number of the incident by which it goes on, and in a line with its name.
    pub(super) fn numbered(&self, dataset: &Dataset, with_name: bool) -> String {
        let name = dataset
            .title
            .as_ref()
            .filter(|_| with_name)
            .map(|_| dataset.name.to_string());
        let number = self
            .goes_on
            .get(&dataset.name)
            .map(|goes_on| format!("#{}", goes_on.incident()));
        let called = data_called(dataset);
        let notes: Vec<String> = name.into_iter().chain(number).collect();
        match notes.is_empty() {
            true => called.to_owned(),
            false => format!("{called} ({})", notes.join(", ")),
        }
    }
}
