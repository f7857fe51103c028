//! Processes as they really were: each started once, none beside another, and told as they ended or as lost.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use freshd::model::{
    Action, Attempt, AttemptId, AttemptSpec, AttemptState, ExitStatus, Name, Outcome, Overlap, Run, StopReason, Trigger,
};
use freshd::simulation::Play;
use jiff::Timestamp;

use super::{Judged, Ledger, hold};
use crate::company::{Company, JobPlan};

const TRUE_STATUS: &str = "true or lost";

/// All processes that there were.
#[derive(Clone, Debug, Default)]
pub(super) struct Processes {
    /// Living ones: job and pool.
    living: BTreeMap<AttemptId, Living>,
    began: HashSet<AttemptId>,
    /// By what the process itself was told: job, due time, attempt.
    occurrences: HashSet<(String, String, String)>,
    ended: HashMap<AttemptId, (ExitStatus, Option<StopReason>)>,
    not_started: HashSet<AttemptId>,
    /// The newest business time that each wrote, and the digest.
    wrote: HashMap<AttemptId, (String, Option<Timestamp>)>,
    /// Told to be started, and not seen to.
    on_their_way: BTreeSet<AttemptId>,
    /// On their way when the clock was confirmed: they begin for a time that may come again.
    overtaken: BTreeSet<AttemptId>,
    /// Whose evidence may be gone.
    doubtful: HashSet<AttemptId>,
}

#[derive(Clone, Debug)]
struct Living {
    job: Name,
    overlap: Overlap,
    in_pool: bool,
    pool_slots: u64,
}

impl Processes {
    /// Whether a run has a process.
    pub(super) fn lives(&self, run: &Run) -> bool {
        self.living.keys().any(|id| id.run == run.id)
    }

    pub(super) fn wrote(&self, id: AttemptId) -> Option<&(String, Option<Timestamp>)> {
        self.wrote.get(&id)
    }

    pub(super) fn decided(&mut self, actions: &[Action]) {
        for action in actions {
            if let Action::Start(spec) = action {
                self.on_their_way.insert(spec.id);
            }
        }
    }

    pub(super) fn began(
        &mut self,
        spec: &AttemptSpec,
        play: &Play,
        ledger: &Ledger,
        company: Option<&Company>,
    ) -> Judged {
        let id = spec.id;
        self.on_their_way.remove(&id);
        hold(self.began.insert(id), "started once", || {
            format!("attempt {id} of {} starts twice", spec.job)
        })?;
        let told = |key: &str| {
            spec.env
                .iter()
                .find(|(known, _)| known == key)
                .map(|(_, value)| value.clone())
        };
        if let (Some(due), Some(attempt)) = (told("FRESHD_DUE"), told("FRESHD_ATTEMPT"))
            && !self.overtaken.remove(&id)
        {
            let is_first = self
                .occurrences
                .insert((spec.job.to_string(), due.clone(), attempt.clone()));
            hold(is_first, "started once", || {
                format!("attempt {attempt} of {} due {due} starts twice", spec.job)
            })?;
        }
        let claim = ledger.attempts.get(&id);
        let is_claimed = claim.is_some_and(|claim| claim.state != AttemptState::Ended);
        hold(is_claimed, "commit before act", || {
            format!("a process of {id} without a claim")
        })?;
        let run = ledger.runs.get(&id.run);
        let pause = ledger.jobs.get(&spec.job).and_then(|record| record.pause.as_ref());
        let is_paused = pause.zip(run).is_some_and(|(pause, run)| {
            run.trigger == Trigger::Schedule
                && run.due_at.is_some_and(|due| due > pause.since)
                && run.created_at > pause.since
        });
        hold(!is_paused, "paused", || {
            format!("{} starts while it is paused", spec.job)
        })?;
        self.beside(spec, company)?;
        if let Some(wrote) = &play.wrote {
            self.wrote.insert(id, wrote.clone());
        }
        Ok(())
    }

    /// Judged from living processes, by the rules that any of them was started under.
    fn beside(&mut self, spec: &AttemptSpec, company: Option<&Company>) -> Judged {
        let Some(company) = company else { return Ok(()) };
        let plan = company.job(spec.job.as_str());
        let new = Living {
            job: spec.job.clone(),
            overlap: plan.map_or(Overlap::Allow, JobPlan::overlap),
            in_pool: plan.is_some_and(|plan| plan.in_pool),
            pool_slots: company.pool_slots,
        };
        let other = self.living.iter().find(|(_, living)| {
            living.job == new.job && living.overlap != Overlap::Allow && new.overlap != Overlap::Allow
        });
        hold(other.is_none(), "no overlap", || {
            format!(
                "{} of {} starts beside {:?}",
                spec.id,
                spec.job,
                other.map(|(id, _)| *id)
            )
        })?;
        let pooled = self.living.values().filter(|living| living.in_pool);
        let slots = pooled
            .clone()
            .map(|living| living.pool_slots)
            .max()
            .unwrap_or(0)
            .max(new.pool_slots);
        let used = pooled.count() as u64;
        hold(!new.in_pool || used < slots, "pool", || {
            format!("{} starts as number {} of {slots}", spec.id, used + 1)
        })?;
        self.living.insert(spec.id, new);
        Ok(())
    }

    /// The clock was confirmed: what is due after `at` may start, although it did by a wrong clock.
    pub(super) fn clock_confirmed(&mut self, at: Timestamp) {
        let is_past = |due: &str| due.parse::<Timestamp>().is_ok_and(|due| due <= at);
        self.occurrences.retain(|(_, due, _)| is_past(due));
        self.overtaken.extend(&self.on_their_way);
    }

    pub(super) fn not_started(&mut self, id: AttemptId) {
        self.on_their_way.remove(&id);
        self.not_started.insert(id);
    }

    pub(super) fn ended(&mut self, id: AttemptId, status: &ExitStatus, stop: Option<StopReason>) {
        self.living.remove(&id);
        self.on_their_way.remove(&id);
        if self.began.contains(&id) {
            self.ended.insert(id, (status.clone(), stop));
        }
    }

    /// What it ran, and what it had just been told to start, may be lost.
    pub(super) fn keeper_died(&mut self) {
        self.doubtful.extend(self.living.keys());
        self.doubtful.extend(&self.on_their_way);
    }

    pub(super) fn down(&mut self, power: bool) {
        if power {
            self.doubtful.extend(self.living.keys());
        }
    }

    /// What is told of an attempt that has ended is what really happened.
    pub(super) fn stored(&mut self, attempt: &Attempt) -> Judged {
        if attempt.state != AttemptState::Ended {
            return Ok(());
        }
        let id = attempt.id;
        let outcome = attempt.outcome;
        let told = || {
            format!(
                "{id} of {} is told as {outcome:?}, exit code {:?}",
                attempt.job, attempt.exit_code
            )
        };
        hold(!self.living.contains_key(&id), TRUE_STATUS, || {
            format!("{}, and still lives", told())
        })?;
        if outcome == Some(Outcome::Lost) {
            return hold(self.doubtful.contains(&id), TRUE_STATUS, || {
                format!("{}, and its evidence is there", told())
            });
        }
        let Some((status, stop)) = self.ended.get(&id) else {
            let fits = match outcome {
                Some(Outcome::SpawnFailed) => self.not_started.contains(&id),
                Some(Outcome::Missed | Outcome::Cancelled | Outcome::Failed | Outcome::TimedOut | Outcome::Killed) => {
                    true
                }
                _ => false,
            };
            let has_status = attempt.exit_code.is_some() || attempt.signal.is_some();
            return hold(fits && !has_status, TRUE_STATUS, || {
                format!("{}, and never ran", told())
            });
        };
        let (exit_code, signal) = match status {
            ExitStatus::Code(code) => (Some(*code), None),
            ExitStatus::Signal(signal) => (None, Some(*signal)),
            ExitStatus::NotStarted(_) | ExitStatus::Unknown(_) => (None, None),
        };
        let fits = match (stop, status) {
            (Some(StopReason::Timeout), _) => outcome == Some(Outcome::TimedOut),
            (Some(_), _) => outcome == Some(Outcome::Cancelled),
            (None, ExitStatus::Code(0)) => matches!(
                outcome,
                // The checks may refuse what it made, or it cannot be put in place.
                Some(Outcome::Succeeded | Outcome::Rejected | Outcome::Failed)
            ),
            (None, ExitStatus::Code(_)) => outcome == Some(Outcome::Failed),
            (None, _) => outcome == Some(Outcome::Killed),
        };
        let same = attempt.exit_code == exit_code && attempt.signal == signal;
        hold(fits && same, TRUE_STATUS, || {
            format!("{}, and was {status:?} {stop:?}", told())
        })
    }
}
