//! What is the matter with keepers, and whom that concerns: people are told at once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Engine, Wake};
use crate::model::{
    About, AttemptId, AttemptState, IncidentState, KEEPER_JOURNAL, KEEPER_PREFIX, Name, ProblemKind, Run, RunState,
    format_time,
};

/// What is known of keepers that do not do what they should.
#[derive(Clone, Debug, Default)]
pub(super) struct Keepers {
    /// Attempts of which no journal tells, as long as they have not ended.
    doubtful: BTreeSet<AttemptId>,
    /// The owners of their jobs are told of it.
    concerned: BTreeSet<Name>,
    /// Keepers that do not answer, by number, with what they have.
    silent: BTreeMap<u32, Silent>,
    /// Why attempts could not be started yet, as long as they are not.
    refused: BTreeMap<AttemptId, String>,
}

/// A keeper that does not answer.
#[derive(Clone, Debug)]
struct Silent {
    attempts: BTreeSet<AttemptId>,
    /// The jobs of these attempts: their owners are told.
    jobs: BTreeSet<Name>,
}

/// Jobs named in one message.
const JOBS_NAMED_MAX: usize = 5;

/// What an incident about a silent keeper is about.
fn subject_of(keeper: u32) -> Name {
    Name::from(format!("{KEEPER_PREFIX}{keeper}").as_str())
}

impl Engine {
    /// Journals of keepers are damaged, gone, or silent about what is recorded as going on.
    pub(super) fn journal_damaged(&mut self, damages: &[String], attempts: &[AttemptId]) {
        let jobs = self.jobs_of(attempts);
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

    fn jobs_of(&self, attempts: &[AttemptId]) -> BTreeSet<Name> {
        let known = attempts.iter().filter_map(|id| self.attempts.get(id));
        known.map(|attempt| attempt.job.clone()).collect()
    }

    /// A keeper lives and does not answer. What it has stays with it; only `runner` can do something about that.
    pub(super) fn keeper_silent(&mut self, keeper: u32, since: Timestamp, attempts: Vec<AttemptId>, guarded: bool) {
        let jobs = self.jobs_of(&attempts);
        let names: Vec<&str> = jobs.iter().take(JOBS_NAMED_MAX).map(Name::as_str).collect();
        let under_it = match (jobs.len(), names.join(", ")) {
            (0, _) => "no job runs under it".to_owned(),
            (1, names) => format!("1 job runs or waits under it ({names}), and starts nowhere else until then"),
            (count, names) if count > JOBS_NAMED_MAX => {
                format!("{count} jobs run or wait under it ({names} and others), and start nowhere else until then")
            }
            (count, names) => {
                format!("{count} jobs run or wait under it ({names}), and start nowhere else until then")
            }
        };
        let limits = if guarded {
            "their time limits are kept from outside"
        } else {
            "their time limits cannot be kept, since its journal cannot be read"
        };
        let since = format_time(self.as_past(since), &self.settings.timezone);
        let reason = format!(
            "keeper {keeper} does not answer since {since}: it is stopped, or its disk hangs; {under_it}; {limits}; a new \
             keeper starts what comes; `ps -o pid,stat,wchan:20,args -C freshd` says why: continue it (kill -CONT), mend \
             the disk, or end it (kill -KILL)"
        );
        let attempts = attempts.into_iter().collect();
        self.keepers.silent.insert(keeper, Silent { attempts, jobs });
        self.tell_at_once(&subject_of(keeper), reason);
    }

    /// It answers again, or is dead.
    pub(super) fn keeper_answers(&mut self, keeper: u32) {
        self.keepers.silent.remove(&keeper);
        self.own_problem_is_over(&subject_of(keeper));
    }

    /// A keeper cannot start an attempt yet. What is in the way may be over in a moment: nobody is told, and nothing stored.
    pub(super) fn attempt_refused(&mut self, id: AttemptId, why: String) {
        let attempt = self.attempts.get(&id);
        if attempt.is_some_and(|attempt| attempt.state == AttemptState::Claimed) {
            self.keepers.refused.insert(id, why);
        }
    }

    /// An attempt is claimed no more: it waits for nothing, be it because it began or because it never will.
    pub(super) fn waits_no_more(&mut self, id: AttemptId) {
        self.keepers.refused.remove(&id);
    }

    /// For what, or for which keeper, a run waits that is claimed and has not begun, in words.
    pub(super) fn waits_for_keeper(&self, run: &Run) -> Option<String> {
        let id = AttemptId {
            run: run.id,
            number: run.attempts,
        };
        let attempt = self.attempts.get(&id)?;
        if run.state != RunState::Running || attempt.state != AttemptState::Claimed {
            return None;
        }
        let mut silent = self.keepers.silent.iter();
        match silent.find(|(_, silent)| silent.attempts.contains(&id)) {
            Some((keeper, _)) => Some(format!("waits for keeper {keeper}, which does not answer")),
            None => self.keepers.refused.get(&id).map(|why| format!("waits: {why}")),
        }
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
            other => self
                .keepers
                .silent
                .iter()
                .find(|(keeper, _)| subject_of(**keeper).as_str() == other)
                .map(|(_, silent)| silent.jobs.iter().cloned().collect())
                .unwrap_or_default(),
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
        // Those of a life before, which are dead or have been heard by now.
        let told = self.incidents.values().filter(|told| told.about == About::Freshd);
        let told = told.filter_map(|told| told.subject.as_str().strip_prefix(KEEPER_PREFIX)?.parse().ok());
        let over: Vec<u32> = told
            .filter(|keeper| !self.keepers.silent.contains_key(keeper))
            .collect();
        for keeper in over {
            self.own_problem_is_over(&subject_of(keeper));
        }
    }
}
