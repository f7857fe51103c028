//! What an edit of jobs.toml ends: nothing is mended, and nobody is to believe that it is.

use super::Engine;
use crate::model::{About, Address, AlertWhen, Incident, ProblemKind};

impl Engine {
    /// Whether what an incident is about is still in jobs.toml.
    pub(super) fn is_configured(&self, incident: &Incident) -> bool {
        let subject = &incident.subject;
        match (incident.about, incident.kind) {
            (About::Job, _) => self.settings.jobs.contains_key(subject),
            (About::Dataset, _) => self.settings.datasets.contains_key(subject),
            (About::Freshd, ProblemKind::ChannelBroken) => {
                let in_use = self.addresses_in_use();
                in_use
                    .keys()
                    .map(Address::to_string)
                    .any(|address| address == subject.as_str())
            }
            (About::Freshd, _) => true,
        }
    }

    /// The edit by which an incident that is over has ended, if that is why it is over.
    pub(super) fn closed_by_edit(&self, incident: &Incident) -> Option<&'static str> {
        if !self.is_configured(incident) {
            return Some(Incident::GONE);
        }
        match incident.about {
            About::Job => {
                let job = self.settings.jobs.get(&incident.subject)?;
                match (job.enabled, job.policy.alert) {
                    (false, _) => Some(Incident::SWITCHED_OFF),
                    (true, AlertWhen::Breach) => Some(Incident::UNTOLD),
                    (true, _) => None,
                }
            }
            About::Dataset => {
                let dataset = self.settings.datasets.get(&incident.subject)?;
                let is_promised = dataset.due.is_some() || dataset.max_age.is_some() || !dataset.parts.is_empty();
                let is_about_promise = matches!(incident.kind, ProblemKind::Stale | ProblemKind::Late);
                (is_about_promise && !is_promised).then_some(Incident::UNPROMISED)
            }
            About::Freshd => None,
        }
    }
}
