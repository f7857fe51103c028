//! A run's way from its first claim to its end: slots, attempts, backoff, and what starts after it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Engine;
use super::stale_inputs::Inputs;
use super::wakes::Retry;
use crate::model::{
    Action, Attempt, AttemptId, AttemptState, Dataset, Fact, Job, Name, Outcome, Overlap, Reply, Rule, Run, RunId,
    RunState, Settings, StopReason, Trigger, VersionRef, later,
};
use crate::planner::{self, Next};

/// What the latest attempt of a run was started with: a reload does not reach it.
#[derive(Clone, Debug)]
pub(super) struct StartedWith {
    pub(super) job: Arc<Job>,
    /// The dataset it produces.
    pub(super) dataset: Option<Arc<Dataset>>,
}

impl StartedWith {
    /// What a run of this job is started with.
    pub(super) fn of(settings: &Settings, job: &Arc<Job>) -> Self {
        let dataset = job.produces.as_ref().and_then(|name| settings.datasets.get(name));
        Self {
            job: job.clone(),
            dataset: dataset.cloned(),
        }
    }
}

impl Engine {
    /// Lets a run wait, and says for what.
    pub(super) fn wait(&mut self, id: RunId, reason: String) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        if run.state == RunState::Waiting && run.reason.as_ref() == Some(&reason) {
            return;
        }
        run.state = RunState::Waiting;
        run.reason = Some(reason);
        let run = run.clone();
        self.fact(Fact::Run(run));
    }

    /// Claims the next attempt of a run, or lets it wait for the clock, for space or for a slot of its pool.
    pub(super) fn start_or_wait(&mut self, id: RunId) {
        let Some(job) = self.job_of(id) else { return };
        if let Some(hold) = &self.clock_hold {
            let reason = hold.why_a_run_waits(&self.settings.timezone);
            self.held_runs.insert(id);
            self.wait(id, reason);
            return;
        }
        if let Some(hold) = &self.space_hold {
            let reason = hold.why_a_run_waits();
            self.held_runs.insert(id);
            self.wait(id, reason);
            return;
        }
        let too_late = |run: &Run| run.attempts > 0 && planner::is_given_up(&job, run, self.now.wall);
        if self.runs.get(&id).is_some_and(too_late) {
            self.give_up(id, "give_up_after is reached");
            return;
        }
        let Inputs::Begin(remark) = self.look_at_inputs(id, &job) else {
            return;
        };
        if let Some(pool) = &job.policy.pool
            && let Err(reason) = self.enter_pool(pool, id)
        {
            self.wait(id, reason);
            return;
        }
        self.claim(id, &job, remark);
    }

    fn claim(&mut self, id: RunId, job: &Arc<Job>, remark: Option<String>) {
        let pinned: Vec<_> = match self.runs.get(&id) {
            Some(run) if run.attempts == 0 => {
                let inputs = self.lineage.inputs_of_job(job.name.as_str()).into_iter();
                inputs
                    .filter_map(|input| self.current_version(input))
                    .map(|(_, pinned)| pinned)
                    .collect()
            }
            _ => Vec::new(),
        };
        let trace = self.chain_of(id, job, &pinned);
        let Some(run) = self.runs.get_mut(&id) else { return };
        run.attempts += 1;
        run.state = RunState::Running;
        run.reason = remark;
        run.released = None;
        run.retry_at = None;
        run.retry_boot_ms = None;
        if run.attempts == 1 {
            run.inputs = pinned;
            run.trace = trace;
        }
        run.settings_digest.clone_from(&self.settings.digest);
        let run = run.clone();
        let number = run.attempts;
        let attempt = self.bare_attempt(AttemptId { run: id, number }, &run.job, self.now.wall);
        if run.attempts == 1 {
            self.pin(&run.inputs);
        }
        self.started_with.insert(id, StartedWith::of(&self.settings, job));
        let spec = self.spec(job, &run, attempt.id);
        self.fact(Fact::Run(run));
        self.fact(Fact::Attempt(attempt.clone()));
        self.attempts.insert(attempt.id, attempt);
        self.act(Action::Start(Box::new(spec)));
    }

    /// The trace that a run goes on: that of the newest version among those that can have started it.
    fn chain_of(&self, id: RunId, job: &Job, pinned: &[VersionRef]) -> Option<Box<str>> {
        self.runs.get(&id).filter(|run| run.trigger == Trigger::Input)?;
        let Some(Rule::On(starters)) = job.schedule.as_ref().map(|schedule| &schedule.rule) else {
            return None;
        };
        let starters = pinned.iter().filter(|input| starters.contains(&input.dataset));
        let newest = starters
            .filter_map(|input| self.version(input))
            .max_by_key(|version| version.arrived_at)?;
        newest.provenance.trace.as_deref().map(Box::from)
    }

    /// What follows a failed attempt: a further one later, or the end of the run.
    pub(super) fn attempt_failed(&mut self, id: RunId, outcome: Outcome, reason: Option<String>) {
        let Some(run) = self.runs.get(&id) else { return };
        let job = self.settings.jobs.get(&run.job).cloned();
        let waiting = self
            .going(&run.job)
            .iter()
            .any(|going| going.state == RunState::Waiting);
        let next = match &job {
            _ if waiting => Next::GiveUp(Some("the next run is waiting".to_owned())),
            Some(job) => planner::after_failure(job, run, outcome, run.exit_code, self.now.wall),
            None => Next::GiveUp(Some("its job was removed from jobs.toml".to_owned())),
        };
        match next {
            Next::RetryIn(delay) => {
                let boot = self.now.boot.saturating_add(delay);
                let boot_id = self.host.boot_id.clone();
                let at = later(self.now.wall, delay);
                let Some(run) = self.runs.get_mut(&id) else { return };
                run.state = RunState::BackingOff;
                run.outcome = None;
                run.reason = reason.or_else(|| Some(outcome.as_str().to_owned()));
                run.retry_at = Some(at);
                run.retry_boot_ms = u64::try_from(boot.as_millis()).ok();
                run.boot_id = Some(boot_id);
                let run = run.clone();
                self.fact(Fact::Run(run));
                self.wakes.arm_retry(Retry::Run(id), boot);
                self.leave_pool(id);
            }
            Next::GiveUp(why) => {
                let reason = [reason, why].into_iter().flatten().collect::<Vec<_>>().join("; ");
                self.finish(id, outcome, Some(reason).filter(|reason| !reason.is_empty()));
            }
        }
    }

    /// The backoff of a run is over, or its output is to be looked at again.
    pub(super) fn retry_due(&mut self, id: RunId) {
        if self.setbacks.contains_key(&Retry::Run(id)) {
            self.resume_output(id);
            return;
        }
        let Some(run) = self.runs.get(&id).filter(|run| run.state == RunState::BackingOff) else {
            return;
        };
        let due = Duration::from_millis(run.retry_boot_ms.unwrap_or(0));
        if due > self.now.boot {
            self.wakes.arm_retry(Retry::Run(id), due);
            return;
        }
        if self.space_hold.is_some() {
            // It goes on backing off, so that it gives way to what has come due when there is space again.
            return;
        }
        self.start_or_wait(id);
    }

    /// Ends a run that has no process now, with the outcome of its last attempt that had one.
    pub(super) fn give_up(&mut self, id: RunId, why: &str) {
        let Some(run) = self.runs.get(&id) else { return };
        let mut tried = (1..=run.attempts)
            .rev()
            .filter_map(|number| self.attempts.get(&AttemptId { run: id, number }));
        let failed = |outcome: Option<Outcome>| outcome.is_some_and(Outcome::is_failure);
        let last = tried.find(|attempt| attempt.state == AttemptState::Ended && failed(attempt.outcome));
        let outcome = last.and_then(|attempt| attempt.outcome).unwrap_or(Outcome::Failed);
        let reason = last
            .and_then(|attempt| attempt.reason.clone())
            .unwrap_or_else(|| outcome.as_str().to_owned());
        self.finish(id, outcome, Some(format!("{reason}; {why}")));
    }

    /// A newer run takes the place of one that waits. Whatever had attempts keeps what they led to.
    pub(super) fn drop_waiting(&mut self, id: RunId, newer: RunId) {
        if self.runs.get(&id).is_some_and(|run| run.attempts > 0) {
            self.give_up(id, &format!("replaced by run {newer}"));
        } else {
            self.close(id, Outcome::Skipped, Some(format!("overlap: replaced by run {newer}")));
        }
    }

    /// Tells the process of a running run to end. That it was told is stored with the attempt, so that it is told
    /// again should freshd end in between.
    pub(super) fn stop_run(&mut self, id: RunId, reason: StopReason, by: Option<&str>) {
        let Some(run) = self.runs.get(&id).filter(|run| run.state == RunState::Running) else {
            return;
        };
        let id = AttemptId {
            run: id,
            number: run.attempts,
        };
        let Some(attempt) = self.attempts.get_mut(&id) else {
            return;
        };
        attempt.outcome = Some(Outcome::Cancelled);
        attempt.reason = Some(planner::stop_words(reason, by));
        let attempt = attempt.clone();
        self.fact(Fact::Attempt(attempt));
        if self.held_attempts.remove(&id) {
            // No keeper has it: there is nothing to stop.
            self.attempt_never_started(id);
            return;
        }
        self.act(Action::Stop { id, reason });
    }

    /// Tells again those attempts to end that were told before: the word may not have reached them.
    pub(super) fn stop_again(&mut self) {
        let told = |attempt: &&Attempt| attempt.state != AttemptState::Ended && attempt.outcome.is_some();
        let replaced = planner::stop_words(StopReason::Replaced, None);
        let mut stops: Vec<_> = self
            .attempts
            .values()
            .filter(told)
            .map(|attempt| match attempt.reason.as_ref() {
                Some(reason) if *reason == replaced => (attempt.id, StopReason::Replaced),
                _ => (attempt.id, StopReason::Cancelled),
            })
            .collect();
        stops.sort_by_key(|(id, _)| *id);
        for (id, reason) in stops {
            self.act(Action::Stop { id, reason });
        }
    }

    /// Makes a run final, frees what it held and starts what waited for it.
    pub(super) fn finish(&mut self, id: RunId, outcome: Outcome, reason: Option<String>) {
        if let Some(job) = self.close(id, outcome, reason) {
            self.start_next_waiting(&job);
        }
    }

    /// Makes a run final and frees what it held; its job, when it was not final before.
    pub(super) fn close(&mut self, id: RunId, outcome: Outcome, reason: Option<String>) -> Option<Name> {
        let at = self.ends_at(id);
        self.close_at(id, outcome, reason, at)
    }

    /// When a run ends that is final now. One that ends with its process ended when that did, be it while no daemon was
    /// there to hear of it.
    fn ends_at(&self, id: RunId) -> Timestamp {
        let running = self.runs.get(&id).filter(|run| run.state == RunState::Running);
        let last = |run: &Run| {
            let number = run.attempts;
            self.attempts.get(&AttemptId { run: id, number })?.ended_at
        };
        running.and_then(last).unwrap_or(self.now.wall)
    }

    /// The same, of a run that ended at `at`.
    pub(super) fn close_at(
        &mut self,
        id: RunId,
        outcome: Outcome,
        reason: Option<String>,
        at: Timestamp,
    ) -> Option<Name> {
        let mut run = self.runs.remove(&id)?;
        run.state = RunState::Final;
        run.outcome = Some(outcome);
        // What it was started in spite of stays with a success.
        run.reason = reason.or_else(|| run.reason.take().filter(|_| outcome == Outcome::Succeeded));
        run.retry_at = None;
        run.retry_boot_ms = None;
        run.ended_at = Some(at);
        run.failed_before = self.failed_before(&run);
        self.fact(Fact::Run(run.clone()));
        let mut last_attempt = None;
        for number in 1..=run.attempts {
            let attempt = AttemptId { run: id, number };
            last_attempt = self.attempts.remove(&attempt);
            self.waits_no_more(attempt);
        }
        if let Some(attempt) = last_attempt
            .as_mut()
            .filter(|attempt| attempt.state != AttemptState::Ended)
        {
            attempt.state = AttemptState::Ended;
            attempt.outcome = Some(outcome);
            attempt.reason.clone_from(&run.reason);
            attempt.ended_at = run.ended_at;
            let attempt = attempt.clone();
            self.fact(Fact::Attempt(attempt));
        }
        self.clean_up(&run);
        self.refused.retain(|attempt| attempt.run != id);
        self.started_with.remove(&id);
        self.setbacks.remove(&Retry::Run(id));
        self.unpin(&run.inputs);
        self.held_runs.remove(&id);
        self.held_for_inputs.remove(&id);
        for request in self.waits.remove(&id).unwrap_or_default() {
            let reply = Reply::Done(super::status::run_json(&run));
            self.act(Action::Reply { id: request, reply });
        }
        let name = run.job.clone();
        if let Some(state) = self.jobs.get_mut(&name) {
            state.going.retain(|other| *other != id);
            if super::jobs::says_how_the_job_is(&run) {
                state.last = Some(Box::new((run, last_attempt)));
            }
        }
        self.dirty_jobs.insert(name.clone());
        self.leave_pool(id);
        Some(name)
    }

    /// Asks to remove what the attempts of a final run left behind.
    pub(super) fn clean_up(&mut self, run: &Run) {
        let Some(with) = self.started_with(run) else { return };
        for number in 1..=run.attempts {
            let id = AttemptId { run: run.id, number };
            let clean = self.clean(&with, id);
            self.act(clean);
        }
    }

    /// Nothing of the job runs any more: the first of its runs that waits may start.
    pub(super) fn start_next_waiting(&mut self, job: &Name) {
        let going = self.going(job);
        let is_quiet = going.iter().all(|going| going.state == RunState::Waiting);
        let is_held = |id: RunId| self.held_runs.contains(&id) || self.held_for_inputs.contains(&id);
        let in_line = |id: RunId| self.pools.knows(id) || is_held(id);
        if let Some(first) = going.first().filter(|first| is_quiet && !in_line(first.run)) {
            self.start_or_wait(first.run);
        }
    }

    /// A waiting run stands in line again after a restart, unless it waits for the one before it.
    pub(super) fn resume_waiting(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else { return };
        let overlaps = self
            .settings
            .jobs
            .get(&run.job)
            .is_some_and(|job| job.policy.overlap == Overlap::Allow)
            && run.trigger != Trigger::CatchUp;
        let first = self.jobs.get(&run.job).and_then(|state| state.going.first().copied());
        if overlaps || first == Some(id) {
            self.start_or_wait(id);
        }
    }

    pub(super) fn job_of(&self, id: RunId) -> Option<Arc<Job>> {
        self.runs
            .get(&id)
            .and_then(|run| self.settings.jobs.get(&run.job))
            .cloned()
    }

    /// What a run was started with; where that is not known any more, what is configured now.
    pub(super) fn started_with(&self, run: &Run) -> Option<StartedWith> {
        let known = self.started_with.get(&run.id).cloned();
        known.or_else(|| {
            let job = self.settings.jobs.get(&run.job)?;
            Some(StartedWith::of(&self.settings, job))
        })
    }
}
