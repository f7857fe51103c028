//! What the keeper and the checks tell of an attempt.

use std::time::Duration;

use jiff::Timestamp;

use super::Engine;
use super::runs::StartedWith;
use crate::model::{
    Action, Attempt, AttemptId, AttemptState, CatchUpMode, Exit, Fact, Now, Outcome, RunState, elapsed, parse_report,
};
use crate::planner;

impl Engine {
    /// Whether an attempt is under way, or may yet begin.
    pub fn has_attempts(&self) -> bool {
        !self.attempts.is_empty()
    }

    /// Attempts that were claimed longer than `patience` ago and of which no keeper has said that they started.
    pub fn unheard(&self, now: Now, patience: Duration) -> Vec<AttemptId> {
        let claimed = self
            .attempts
            .values()
            .filter(|attempt| attempt.state == AttemptState::Claimed);
        let late = claimed.filter(|attempt| elapsed(attempt.claimed_at, now.wall) > patience);
        let mut late: Vec<_> = late.map(|attempt| attempt.id).collect();
        late.sort_unstable();
        late
    }

    /// The keeper started the process.
    pub(super) fn attempt_started(&mut self, id: AttemptId, pid: u32, at: Timestamp) {
        let at = self.as_past(at);
        let Some(attempt) = self
            .attempts
            .get_mut(&id)
            .filter(|attempt| attempt.state == AttemptState::Claimed)
        else {
            return;
        };
        attempt.state = AttemptState::Started;
        attempt.pid = Some(pid);
        attempt.started_at = Some(at);
        let attempt = attempt.clone();
        self.fact(Fact::Attempt(attempt));
        self.waits_no_more(id);
        if let Some(run) = self.runs.get_mut(&id.run)
            && run.started_at.is_none()
        {
            run.started_at = Some(at);
            let run = run.clone();
            self.fact(Fact::Run(run));
        }
    }

    /// The keeper saw the end. Told again until acknowledged, so that a known end is only acknowledged.
    pub(super) fn attempt_ended(&mut self, mut exit: Exit) {
        exit.started_at = self.as_past(exit.started_at);
        exit.ended_at = self.as_past(exit.ended_at);
        let id = exit.id;
        self.act(Action::Acknowledge(id));
        let is_open = |attempt: &Attempt| attempt.state != AttemptState::Ended;
        let Some(attempt) = self.attempts.get(&id).filter(|attempt| is_open(attempt)) else {
            return;
        };
        let was_told_to_end = attempt.outcome.is_some();
        let with = self.runs.get(&id.run).and_then(|run| self.started_with(run));
        let stopped_by = self.runs.get(&id.run).and_then(|run| run.by.as_deref());
        let ending = planner::ending(with.as_ref().map(|with| &*with.job), &exit, stopped_by);
        let Some(attempt) = self.attempts.get_mut(&id) else {
            return;
        };
        attempt.state = AttemptState::Ended;
        attempt.started_at = Some(exit.started_at);
        attempt.ended_at = Some(exit.ended_at);
        attempt.pid = Some(exit.pid).filter(|pid| *pid != 0);
        attempt.outcome = Some(ending.outcome);
        attempt.exit_code = ending.exit_code;
        attempt.signal = ending.signal;
        attempt.reason.clone_from(&ending.reason);
        attempt.usage = exit.usage;
        attempt.output = exit.output;
        attempt.report = reported(&exit.report);
        let attempt = attempt.clone();
        self.fact(Fact::Attempt(attempt.clone()));
        self.waits_no_more(id);
        let Some(run) = self.runs.get_mut(&id.run) else { return };
        if id.number < run.attempts {
            // A later attempt was found after the records were lost: how the run ends is for that one to say.
            return;
        }
        run.started_at = run.started_at.or(Some(exit.started_at));
        run.exit_code = ending.exit_code;
        run.signal = ending.signal;
        match ending.outcome {
            Outcome::Succeeded if with.is_some_and(|with| with.dataset.is_some()) => {
                run.state = RunState::Judging;
                // What it was started in spite of stays, where there is nothing else to say.
                run.reason = ending.reason.or(run.reason.take());
                let run = run.clone();
                self.fact(Fact::Run(run));
                self.leave_pool(id.run);
                self.judge(id);
            }
            Outcome::Succeeded | Outcome::Cancelled => self.finish(id.run, ending.outcome, ending.reason),
            // It failed by itself before the word reached it; nobody wants another attempt.
            outcome if was_told_to_end => self.finish(id.run, outcome, ending.reason),
            Outcome::Lost if self.may_have_ended(id.run) => self.end_hidden(id.run),
            outcome => self.attempt_failed(id.run, outcome, ending.reason),
        }
    }

    /// No keeper ever started it, and none can any more: the same attempt may be handed over again.
    pub(super) fn attempt_never_started(&mut self, id: AttemptId) {
        let Some(attempt) = self
            .attempts
            .get(&id)
            .filter(|attempt| attempt.state == AttemptState::Claimed)
        else {
            return;
        };
        let claimed_at = attempt.claimed_at;
        if attempt.outcome.is_some() {
            let reason = attempt.reason.clone();
            self.finish(id.run, Outcome::Cancelled, reason);
            return;
        }
        let Some(run) = self.runs.get(&id.run).cloned() else {
            return;
        };
        let Some(job) = self.settings.jobs.get(&run.job).cloned() else {
            self.finish(
                id.run,
                Outcome::Cancelled,
                Some("its job was removed from jobs.toml".to_owned()),
            );
            return;
        };
        if self.clock_hold.is_some() || self.space_hold.is_some() {
            self.held_attempts.insert(id);
            return;
        }
        let age = elapsed(claimed_at, self.now.wall);
        let worth_running = age <= planner::ORDINARY_LATENESS
            || (job.policy.catch_up.mode != CatchUpMode::None && age <= job.policy.catch_up.within);
        if worth_running {
            // It starts now, and so with what is configured now.
            self.started_with.insert(id.run, StartedWith::of(&self.settings, &job));
            if let Some(run) = self.runs.get_mut(&id.run)
                && run.settings_digest != self.settings.digest
            {
                run.settings_digest.clone_from(&self.settings.digest);
                let run = run.clone();
                self.fact(Fact::Run(run));
            }
            let spec = self.spec(&job, &run, id);
            self.act(Action::Start(Box::new(spec)));
            return;
        }
        let why = match self.was_full {
            Some((from, _)) if claimed_at >= from => "the disk was full",
            _ => "freshd went down",
        };
        let reason = format!("{why} before it could be started, and it is too old to be made up for");
        self.end_attempt(id, Outcome::Missed, Some(&reason));
        if id.number > 1 {
            self.give_up(id.run, &format!("{why} before the next attempt"));
        } else {
            self.finish(id.run, Outcome::Missed, Some(reason));
        }
    }

    /// An attempt turns out to have ended otherwise than its process did.
    pub(super) fn end_attempt(&mut self, id: AttemptId, outcome: Outcome, reason: Option<&str>) {
        let now = self.now.wall;
        if let Some(attempt) = self.attempts.get_mut(&id) {
            attempt.state = AttemptState::Ended;
            attempt.ended_at = attempt.ended_at.or(Some(now));
            attempt.outcome = Some(outcome);
            attempt.reason = reason.map(str::to_owned);
            let attempt = attempt.clone();
            self.fact(Fact::Attempt(attempt));
            self.waits_no_more(id);
        }
    }
}

/// What a job reported. Lines that are no `key=value` are kept as they are, so that somebody sees them.
fn reported(text: &str) -> Vec<(String, String)> {
    let report = parse_report(text);
    let malformed = report
        .malformed
        .into_iter()
        .map(|line| ("not understood".to_owned(), line));
    report.pairs.into_iter().chain(malformed).collect()
}
