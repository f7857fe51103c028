//! Everything ran once, is recorded, and ended as recorded.

use std::collections::BTreeMap;

use freshd::model::{Attempt, Outcome, Run, RunState, Trigger};

use super::super::evidence::Did;
use super::{Case, Complaints};

/// The witness saw an input that was not whole, or could not write.
const CODES_OF_HARM: [i32; 2] = [90, 99];
/// What the witness exits with when it is told to end.
const TOLD_TO_END: i32 = 143;
const SIGKILL: i32 = 9;

impl Case {
    /// No attempt and no occurrence ran twice, and everything that ran is recorded as what it was.
    pub(super) fn each_ran_once(&self, complaints: &mut Complaints) {
        let mut by_occurrence = BTreeMap::new();
        for (id, did) in &self.evidence {
            complaints.unless(did.starts.len() == 1, "an attempt runs once", || {
                format!("{id} {did:?}")
            });
            if let Some(due_at) = did.due_at {
                let runs = by_occurrence.entry((&did.job, due_at)).or_insert_with(Vec::new);
                if !runs.contains(&id.run) {
                    runs.push(id.run);
                }
            }
            let Some((run, attempt)) = self.attempt(*id) else {
                complaints.unless(false, "what ran is recorded", || format!("{id} {did:?}"));
                continue;
            };
            let is_it = run.job == did.job && run.due_at == did.due_at;
            complaints.unless(is_it, "what ran is recorded", || format!("{did:?} as {run:?}"));
            let pid = did.starts.first().and_then(|start| u32::try_from(start.pid).ok());
            let is_it = attempt.pid.is_none() || attempt.pid == Some(0) || attempt.pid == pid;
            complaints.unless(is_it, "what ran is recorded", || format!("{did:?} as {attempt:?}"));
            let is_well = !did.ends.iter().any(|code| CODES_OF_HARM.contains(code));
            complaints.unless(is_well, "inputs are whole", || format!("{id} {did:?}"));
        }
        for (occurrence, runs) in by_occurrence {
            complaints.unless(runs.len() == 1, "an occurrence runs once", || {
                format!("{occurrence:?}: {runs:?}")
            });
        }
        for run in &self.asked {
            let known = self.records.runs.get(run).map(|(run, _)| run);
            let is_it = known.is_some_and(|run| run.trigger == Trigger::Manual);
            complaints.unless(is_it, "what was answered is recorded", || format!("{run}: {known:?}"));
        }
        complaints.unless(self.survivors.is_empty(), "nothing outlives its run", || {
            self.survivors.join("; ")
        });
    }

    /// Every recorded end is that of the evidence, or says that nobody saw it.
    pub(super) fn outcomes_are_true(&self, complaints: &mut Complaints) {
        for (run, attempts) in self.records.runs.values() {
            let is_final = run.state == RunState::Final && run.outcome.is_some();
            complaints.unless(is_final, "a run ends", || format!("{run:?}"));
            let numbers = attempts.iter().map(|attempt| attempt.id.number);
            let is_counted = numbers.eq(1..=run.attempts);
            complaints.unless(is_counted, "attempts are counted", || format!("{run:?} {attempts:?}"));
            for attempt in attempts {
                let did = self.evidence.get(&attempt.id);
                complaints.unless(self.is_true(run, attempt, did), "an outcome is true", || {
                    format!("{attempt:?}\n    but it did {did:?}")
                });
            }
            let is_true = match (run.outcome, attempts.last()) {
                (Some(Outcome::Missed | Outcome::Skipped), None) | (Some(Outcome::Cancelled), _) => {
                    run.reason.is_some()
                }
                (Some(outcome), Some(last)) => {
                    Some(outcome) == last.outcome && run.exit_code == last.exit_code && run.signal == last.signal
                }
                _ => false,
            };
            complaints.unless(is_true, "a run ends as its last attempt", || {
                format!("{run:?} {:?}", attempts.last())
            });
        }
        self.doubts_are_few(complaints);
    }

    fn is_true(&self, run: &Run, attempt: &Attempt, did: Option<&Did>) -> bool {
        let kind = self.kind(run);
        let ends = did.map_or(&[][..], |did| &did.ends);
        let wrote = did.and_then(|did| did.wrote);
        let has_begun = did.is_some();
        let window = self.window(attempt.claimed_at);
        let keepers_died = window.map_or(0, |window| window.keeper_kills);
        let keeper_died = keepers_died > 0;
        let was_full = window.is_some_and(|window| window.was_full);
        let Some(outcome) = attempt.outcome else { return false };
        match outcome {
            Outcome::Succeeded => ends == [0] && attempt.exit_code == Some(0) && wrote != Some(false),
            Outcome::Failed => match ends {
                // What it wrote was good, and there was no space to keep it.
                [0] => attempt.exit_code == Some(0) && wrote == Some(true) && was_full && attempt.reason.is_some(),
                [code] => attempt.exit_code == Some(*code) && *code != TOLD_TO_END,
                _ => false,
            },
            Outcome::Rejected => ends == [0] && wrote == Some(false),
            Outcome::Killed => {
                let expected = kind.plan == "kills-itself" && attempt.signal == Some(SIGKILL);
                has_begun && ends.is_empty() && expected
            }
            Outcome::TimedOut => {
                let may_say = kind.plan != "stubborn" && ends == [TOLD_TO_END];
                kind.timeout.is_some() && has_begun && (ends.is_empty() || may_say)
            }
            // Told to end when it had ended, or had not yet begun.
            Outcome::Cancelled => attempt.reason.is_some() && matches!(ends, [] | [0 | TOLD_TO_END]),
            // An attempt under which two keepers died is given to no third one.
            Outcome::SpawnFailed => !has_begun && attempt.reason.is_some() && (was_full || keepers_died > 1),
            Outcome::Lost => keeper_died && attempt.reason.is_some() && attempt.exit_code.is_none(),
            Outcome::Missed | Outcome::Skipped => false,
        }
    }

    /// A keeper that is killed leaves doubt about one start of each of its two threads at most.
    fn doubts_are_few(&self, complaints: &mut Complaints) {
        for window in &self.windows {
            let attempts = self.records.runs.values().flat_map(|(_, attempts)| attempts);
            let doubts: Vec<_> = attempts
                .filter(|attempt| attempt.outcome == Some(Outcome::Lost))
                .filter(|attempt| (window.on_from..=window.off_by).contains(&attempt.claimed_at))
                .filter(|attempt| !self.evidence.contains_key(&attempt.id))
                .collect();
            complaints.unless(
                doubts.len() <= 2 * window.keeper_kills,
                "what never ran is known",
                || format!("{} keepers were killed, and {doubts:?}", window.keeper_kills),
            );
        }
    }
}
