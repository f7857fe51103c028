//! What is the matter with keepers, and whom that concerns: people are told at once.

use std::collections::BTreeSet;

use super::{Engine, Wake};
use crate::model::{About, AttemptId, AttemptState, IncidentState, KEEPER_JOURNAL, Name, ProblemKind};

/// What is known of keepers that do not do what they should.
#[derive(Clone, Debug, Default)]
pub(super) struct Keepers {
    /// Attempts of which no journal tells, as long as they have not ended.
    doubtful: BTreeSet<AttemptId>,
    /// The owners of their jobs are told of it.
    concerned: BTreeSet<Name>,
}

impl Engine {
    /// Journals of keepers are damaged, gone, or silent about what is recorded as going on.
    pub(super) fn journal_damaged(&mut self, damages: &[String], attempts: &[AttemptId]) {
        let jobs: BTreeSet<Name> = attempts
            .iter()
            .filter_map(|id| self.attempts.get(id))
            .map(|attempt| attempt.job.clone())
            .collect();
        self.keepers.doubtful.extend(attempts);
        self.keepers.concerned.extend(jobs);
        let mut words = damages.join("; ");
        if words.is_empty() {
            "no keeper's journal knows what is recorded as running".clone_into(&mut words);
        }
        let concerned: Vec<String> = attempts.iter().map(|id| format!("run {}", id.run)).collect();
        let follows = match concerned.as_slice() {
            [] => "nothing that was going on is doubtful for that".to_owned(),
            _ => format!(
                "{} is not accounted for: what lives of it is watched to its end, and no other run takes its place until \
                 then; how it ended will not be known",
                concerned.join(", ")
            ),
        };
        self.tell_at_once(&Name::from(KEEPER_JOURNAL), format!("{words}. {follows}"));
    }

    /// A problem of freshd itself that nothing upstream explains, and that cannot wait for company.
    fn tell_at_once(&mut self, subject: &Name, reason: String) {
        self.own_problem(ProblemKind::Freshd, subject, reason);
        let begun = self.incidents.about(About::Freshd, subject).cloned();
        if let Some(mut incident) = begun.filter(|begun| begun.state == IncidentState::Waiting) {
            let (id, now) = (incident.id, self.now.wall);
            incident.notify_at = now;
            self.wakes.arm(Wake::Incident(id), now);
            self.store(incident);
            self.incident_due(id);
        }
    }

    /// The jobs that a problem of freshd itself concerns: their owners are told too.
    pub(super) fn jobs_concerned(&self, subject: &Name) -> Vec<Name> {
        match subject.as_str() {
            KEEPER_JOURNAL => self.keepers.concerned.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Problems with keepers that are over: what was doubtful has ended. Looked at now and then, and not when it is so: a
    /// start must have heard all keepers before.
    pub(super) fn look_at_keepers(&mut self) {
        let goes_on = |id: &AttemptId| {
            let attempt = self.attempts.get(id);
            attempt.is_some_and(|attempt| attempt.state != AttemptState::Ended)
        };
        let mut doubtful = std::mem::take(&mut self.keepers.doubtful);
        doubtful.retain(goes_on);
        self.keepers.doubtful = doubtful;
        if self.keepers.doubtful.is_empty() {
            self.keepers.concerned.clear();
            self.own_problem_is_over(&Name::from(KEEPER_JOURNAL));
        }
    }
}
