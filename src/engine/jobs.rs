//! A job's runs: begun when due, admitted, claimed, retried, ended.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Engine, Wake};
use crate::model::{
    Action, Attempt, AttemptId, AttemptState, Fact, Job, JobRecord, Name, Occurrence, Outcome, Output, Overlap, Reply,
    Run, RunId, RunState, StopReason, Trigger, Usage, format_age, later,
};
use crate::planner::{self, Admission, Decision, Going, Next};

/// What is known of a job between events.
#[derive(Debug)]
pub(super) struct JobState {
    /// The stored part.
    pub(super) record: JobRecord,
    /// The next occurrence still to be decided about.
    pub(super) next: Option<Timestamp>,
    /// Its runs that are not final, oldest first.
    pub(super) going: Vec<RunId>,
    /// Its last final run that had a process, with the last attempt.
    pub(super) last: Option<Box<(Run, Option<Attempt>)>>,
}

/// A limit on concurrency across jobs.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Runs with a process.
    pub(super) running: Vec<RunId>,
    /// Runs that wait for a slot, first come first served.
    pub(super) waiting: VecDeque<RunId>,
}

/// Who or what asks for a run.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) trigger: Trigger,
    pub(super) occurrence: Option<Occurrence>,
    pub(super) by: Option<String>,
    pub(super) args: Vec<String>,
}

impl Engine {
    /// Decides about all occurrences of a job that have come due.
    pub(super) fn job_due(&mut self, name: &Name) {
        let Some(job) = self.settings.jobs.get(name).cloned() else {
            return;
        };
        let Some(state) = self.jobs.get_mut(name) else { return };
        if !job.enabled {
            state.next = None;
            return;
        }
        if let Some(until) = self.hold_until {
            if self.now.wall < until {
                self.wakes.arm(Wake::Job(name.clone()), until);
                return;
            }
            self.hold_until = None;
        }
        let paused = state.record.pause.as_ref().map(|pause| pause.because.as_str());
        let (decided, cursor, coming) = planner::decide(&job, state.record.cursor, paused, self.now.wall);
        if let Some(coming) = &coming {
            self.wakes
                .arm(Wake::Job(name.clone()), planner::start_of(&job, coming.at));
        }
        state.next = coming.map(|coming| coming.at);
        if cursor > state.record.cursor {
            state.record.cursor = cursor;
            let record = state.record.clone();
            self.fact(Fact::Job(record));
        }
        for decided in decided {
            match decided.decision {
                Decision::Start => self.begin_due(&job, Trigger::Schedule, decided.occurrence),
                Decision::CatchUp => self.begin_due(&job, Trigger::CatchUp, decided.occurrence),
                Decision::Record(outcome, reason) => {
                    let mut run = self.new_run(&job, &due(Trigger::Schedule, decided.occurrence));
                    if let Some((until, occurrences)) = decided.range {
                        run.due_until = Some(until);
                        run.occurrences = occurrences;
                    }
                    self.record_without_process(run, outcome, reason);
                }
            }
        }
    }

    fn begin_due(&mut self, job: &Arc<Job>, trigger: Trigger, occurrence: Occurrence) {
        let asked = due(trigger, occurrence);
        if let Err(reason) = self.begin(job, asked.clone()) {
            let run = self.new_run(job, &asked);
            self.record_without_process(run, Outcome::Skipped, reason);
        }
    }

    /// A new version of a dataset was published: jobs that wait for it are due.
    pub(super) fn trigger_readers(&mut self, dataset: &Name) {
        for name in self.triggers.get(dataset).cloned().unwrap_or_default() {
            let Some(job) = self.settings.jobs.get(&name).filter(|job| job.enabled).cloned() else {
                continue;
            };
            if self.jobs.get(&name).is_some_and(|state| state.record.pause.is_some()) {
                continue;
            }
            let asked = Asked {
                trigger: Trigger::Input,
                occurrence: None,
                by: None,
                args: Vec::new(),
            };
            // Refused means that one is waiting already, and that one will read the newest version.
            let _ = self.begin(&job, asked);
        }
    }

    /// Begins a run, or says why not.
    pub(super) fn begin(&mut self, job: &Arc<Job>, asked: Asked) -> Result<RunId, String> {
        if let Some(missing) = job.needs.iter().find(|need| self.current_version(need).is_none()) {
            return Err(format!("input stale: it needs {missing}, which has no version yet"));
        }
        let going: Vec<Going> = self.going(&job.name);
        let overlap = match (asked.trigger, job.overlap) {
            // A version that comes while the job reads the one before must not be left out.
            (Trigger::Input, Overlap::Skip) => Overlap::Queue,
            (_, overlap) => overlap,
        };
        let admission = planner::admit(overlap, asked.trigger, &going);
        if let Admission::No { because_of } = admission {
            let since = self.runs.get(&because_of).map_or(self.now.wall, |run| run.created_at);
            let since = format_age(crate::model::elapsed(since, self.now.wall));
            return Err(format!(
                "overlap: run {because_of} of {} is going on since {since}",
                job.name
            ));
        }
        let run = self.new_run(job, &asked);
        let id = run.id;
        if let Some(state) = self.jobs.get_mut(&job.name) {
            state.going.push(id);
        }
        self.runs.insert(id, run);
        match admission {
            Admission::Start { give_up } => {
                for other in give_up {
                    self.give_up(other, "the next run took its place");
                }
                self.start_or_wait_for_pool(id);
            }
            Admission::Wait { behind, stop, drop } => {
                for other in drop {
                    self.finish(other, Outcome::Skipped, Some(format!("overlap: replaced by run {id}")));
                }
                for other in stop {
                    self.stop_run(other, StopReason::Replaced);
                }
                self.wait(id, format!("waits for run {behind} to end"));
            }
            Admission::No { .. } => {}
        }
        Ok(id)
    }

    fn going(&self, job: &Name) -> Vec<Going> {
        let going = self.jobs.get(job).map_or(&[][..], |state| &state.going);
        going
            .iter()
            .filter_map(|id| self.runs.get(id))
            .map(|run| Going {
                run: run.id,
                state: run.state,
                trigger: run.trigger,
            })
            .collect()
    }

    fn new_run(&mut self, job: &Job, asked: &Asked) -> Run {
        let id = self.new_run_id();
        let occurrence = asked.occurrence.as_ref();
        Run {
            id,
            job: job.name.clone(),
            trigger: asked.trigger,
            due_at: occurrence.map(|occurrence| occurrence.at),
            due_until: None,
            occurrences: 1,
            nominal: match occurrence {
                Some(occurrence) if occurrence.nominal.len() > 1 => {
                    occurrence.nominal.iter().map(ToString::to_string).collect()
                }
                _ => Vec::new(),
            },
            state: RunState::Waiting,
            outcome: None,
            reason: None,
            attempts: 0,
            seed: planner::hash(self.seed, id.0),
            created_at: self.now.wall,
            started_at: None,
            ended_at: None,
            retry_at: None,
            retry_boot_ms: None,
            boot_id: None,
            exit_code: None,
            signal: None,
            version: None,
            by: asked.by.clone(),
            args: asked.args.clone(),
            inputs: Vec::new(),
            settings_digest: self.settings.digest.clone(),
        }
    }

    fn record_without_process(&mut self, mut run: Run, outcome: Outcome, reason: String) {
        run.state = RunState::Final;
        run.outcome = Some(outcome);
        run.reason = Some(reason);
        run.ended_at = Some(self.now.wall);
        self.fact(Fact::Run(run));
    }

    fn wait(&mut self, id: RunId, reason: String) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.state = RunState::Waiting;
            run.reason = Some(reason);
            let run = run.clone();
            self.fact(Fact::Run(run));
        }
    }

    /// Claims the next attempt of a run, or lets it wait for a slot of its pool.
    pub(super) fn start_or_wait_for_pool(&mut self, id: RunId) {
        let Some(job) = self.job_of(id) else { return };
        if let Some(name) = &job.pool {
            let slots = self.settings.pools.get(name).copied().unwrap_or(u32::MAX) as usize;
            let pool = self.pools.entry(name.clone()).or_default();
            if pool.running.len() >= slots {
                if !pool.waiting.contains(&id) {
                    pool.waiting.push_back(id);
                }
                let users: Vec<String> = pool.running.iter().map(ToString::to_string).collect();
                self.wait(
                    id,
                    format!(
                        "waits for one of {slots} slots of pool {name}, used by runs {}",
                        users.join(", ")
                    ),
                );
                return;
            }
            pool.running.push(id);
        }
        self.claim(id, &job);
    }

    fn claim(&mut self, id: RunId, job: &Arc<Job>) {
        let inputs = job
            .needs
            .iter()
            .filter_map(|need| self.current_version(need))
            .map(|(_, pinned)| pinned)
            .collect();
        let Some(run) = self.runs.get_mut(&id) else { return };
        run.attempts += 1;
        run.state = RunState::Running;
        run.reason = None;
        run.retry_at = None;
        run.retry_boot_ms = None;
        if run.attempts == 1 {
            run.inputs = inputs;
        }
        let attempt = Attempt {
            id: AttemptId {
                run: id,
                number: run.attempts,
            },
            job: run.job.clone(),
            state: AttemptState::Claimed,
            claimed_at: self.now.wall,
            boot_id: self.host.boot_id.clone(),
            started_at: None,
            ended_at: None,
            pid: None,
            outcome: None,
            exit_code: None,
            signal: None,
            reason: None,
            usage: Usage::default(),
            output: Output::default(),
            report: Vec::new(),
        };
        let run = run.clone();
        let spec = self.spec(job, &run, attempt.id);
        self.fact(Fact::Run(run));
        self.fact(Fact::Attempt(attempt.clone()));
        self.attempts.insert(attempt.id, attempt);
        self.act(Action::Start(Box::new(spec)));
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
            _ if waiting => Next::GiveUp("the next run is waiting".to_owned()),
            Some(job) => planner::after_failure(job, run, outcome, run.exit_code, self.now.wall),
            None => Next::GiveUp("its job was removed from jobs.toml".to_owned()),
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
                self.wakes.arm_retry(id, boot);
                self.leave_pool(id);
            }
            Next::GiveUp(_) => self.finish(id, outcome, reason),
        }
    }

    /// The backoff of a run is over.
    pub(super) fn retry_due(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id).filter(|run| run.state == RunState::BackingOff) else {
            return;
        };
        let due = Duration::from_millis(run.retry_boot_ms.unwrap_or(0));
        if due > self.now.boot {
            self.wakes.arm_retry(id, due);
            return;
        }
        self.start_or_wait_for_pool(id);
    }

    /// Ends a run that backs off, with the outcome of its last attempt.
    pub(super) fn give_up(&mut self, id: RunId, why: &str) {
        let last = self.runs.get(&id).map(|run| AttemptId {
            run: id,
            number: run.attempts,
        });
        let outcome = last
            .and_then(|last| self.attempts.get(&last))
            .and_then(|attempt| attempt.outcome);
        let reason = self
            .runs
            .get(&id)
            .and_then(|run| run.reason.clone())
            .unwrap_or_default();
        self.finish(id, outcome.unwrap_or(Outcome::Failed), Some(format!("{reason}; {why}")));
    }

    /// Tells the process of a running run to end.
    pub(super) fn stop_run(&mut self, id: RunId, reason: StopReason) {
        if let Some(run) = self.runs.get(&id).filter(|run| run.state == RunState::Running) {
            let id = AttemptId {
                run: id,
                number: run.attempts,
            };
            self.act(Action::Stop { id, reason });
        }
    }

    /// Makes a run final, frees what it held and starts what waited for it.
    pub(super) fn finish(&mut self, id: RunId, outcome: Outcome, reason: Option<String>) {
        let Some(mut run) = self.runs.remove(&id) else { return };
        run.state = RunState::Final;
        run.outcome = Some(outcome);
        run.reason = reason;
        run.retry_at = None;
        run.retry_boot_ms = None;
        run.ended_at = Some(self.now.wall);
        self.fact(Fact::Run(run.clone()));
        let last_id = AttemptId {
            run: id,
            number: run.attempts,
        };
        let last_attempt = self.attempts.remove(&last_id);
        for number in 1..run.attempts {
            self.attempts.remove(&AttemptId { run: id, number });
        }
        if let Some(job) = self.settings.jobs.get(&run.job).cloned()
            && run.attempts > 0
        {
            let clean = self.clean(&job, last_id);
            self.act(clean);
        }
        for request in self.waits.remove(&id).unwrap_or_default() {
            let reply = Reply::Done(super::status::run_json(&run));
            self.act(Action::Reply { id: request, reply });
        }
        let name = run.job.clone();
        if let Some(state) = self.jobs.get_mut(&name) {
            state.going.retain(|other| *other != id);
            if run.attempts > 0 && !matches!(outcome, Outcome::Cancelled | Outcome::Skipped | Outcome::Missed) {
                state.last = Some(Box::new((run, last_attempt)));
            }
        }
        self.dirty_jobs.insert(name.clone());
        self.leave_pool(id);
        self.start_next_waiting(&name);
    }

    /// The run no longer has a process: the first one that waits for its pool may start.
    pub(super) fn leave_pool(&mut self, id: RunId) {
        let mut next = None;
        for pool in self.pools.values_mut() {
            pool.waiting.retain(|other| *other != id);
            if pool.running.contains(&id) {
                pool.running.retain(|other| *other != id);
                next = pool.waiting.pop_front();
            }
        }
        if let Some(next) = next {
            self.start_or_wait_for_pool(next);
        }
    }

    /// Nothing of the job runs any more: the first of its runs that waits may start.
    fn start_next_waiting(&mut self, job: &Name) {
        let going = self.going(job);
        let is_quiet = going.iter().all(|going| going.state == RunState::Waiting);
        let in_pool_queue = |id: &RunId| self.pools.values().any(|pool| pool.waiting.contains(id));
        if let Some(first) = going.first().filter(|first| is_quiet && !in_pool_queue(&first.run)) {
            self.start_or_wait_for_pool(first.run);
        }
    }

    pub(super) fn job_of(&self, id: RunId) -> Option<Arc<Job>> {
        self.runs
            .get(&id)
            .and_then(|run| self.settings.jobs.get(&run.job))
            .cloned()
    }
}

fn due(trigger: Trigger, occurrence: Occurrence) -> Asked {
    Asked {
        trigger,
        occurrence: Some(occurrence),
        by: None,
        args: Vec::new(),
    }
}
