//! What makes a job begin a run: its schedule, its inputs, a person; and what else of it goes on.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Engine, Wake};
use crate::model::{
    Attempt, Fact, FailedBefore, Job, JobRecord, Name, Occurrence, Outcome, Overlap, Run, RunId, RunState, StopReason,
    Trigger, format_age,
};
use crate::planner::{self, Admission, Decided, Decision, Going};

/// What is known of a job between events.
#[derive(Clone, Debug)]
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
        self.take_on(name);
        let Some(job) = self.settings.jobs.get(name).cloned() else {
            return;
        };
        if self.space_hold.is_some() && job.enabled && self.clock_hold.is_none() {
            // Every job is looked at when there is space again.
            return;
        }
        for decided in self.due_decisions(&job, self.was_full) {
            match decided.decision {
                Decision::Start => self.begin_due(&job, Trigger::Schedule, decided.occurrence),
                Decision::CatchUp => self.begin_due(&job, Trigger::CatchUp, decided.occurrence),
                Decision::Record(outcome, reason) => {
                    self.record_due(&job, decided.occurrence, decided.range, outcome, reason);
                }
            }
        }
    }

    /// The same before the job changes by what `changed` says. Nothing can be started for want of space, and later it
    /// would not be the same job: what came due until now is missed.
    pub(super) fn job_due_before(&mut self, name: &Name, changed: &str) {
        let Some(since) = self.space_hold.as_ref().map(|hold| hold.since) else {
            return self.job_due(name);
        };
        self.take_on(name);
        let Some(job) = self.settings.jobs.get(name).cloned() else {
            return;
        };
        for decided in self.due_decisions(&job, Some((since, self.now.wall))) {
            let (outcome, reason) = match decided.decision {
                Decision::Record(Outcome::Skipped, reason) => (Outcome::Skipped, reason),
                Decision::Start | Decision::CatchUp | Decision::Record(..) => {
                    let reason = format!("the disk was full, and the job was {changed} before there was space");
                    (Outcome::Missed, reason)
                }
            };
            self.record_due(&job, decided.occurrence, decided.range, outcome, reason);
        }
    }

    /// What is to be done about each occurrence that has come due. The cursor has moved past them, and the next one is
    /// waited for.
    fn due_decisions(&mut self, job: &Job, was_full: Option<(Timestamp, Timestamp)>) -> Vec<Decided> {
        let name = &job.name;
        let waits = |going: &&Going| (going.trigger, going.state) == (Trigger::CatchUp, RunState::Waiting);
        let making_up = self.going(name).iter().filter(waits).count();
        let Some(state) = self.jobs.get_mut(name) else {
            return Vec::new();
        };
        if !job.enabled {
            state.next = None;
            return Vec::new();
        }
        if let Some(hold) = &self.clock_hold {
            self.wakes.arm(Wake::Job(name.clone()), hold.until);
            return Vec::new();
        }
        let lost = self.decide_lost(job);
        let Some(state) = self.jobs.get_mut(name) else {
            return lost;
        };
        let known = planner::Known {
            cursor: state.record.cursor,
            paused: state.record.pause.as_ref().map(|pause| pause.because.as_str()),
            making_up,
            was_full,
        };
        let (decided, cursor, coming) = planner::decide(job, &known, self.now.wall);
        if let Some(coming) = &coming {
            self.wakes
                .arm(Wake::Job(name.clone()), planner::start_of(job, coming.at));
        }
        state.next = coming.map(|coming| coming.at);
        if cursor > state.record.cursor {
            state.record.cursor = cursor;
            let record = state.record.clone();
            self.fact(Fact::Job(record));
        }
        lost.into_iter().chain(decided).collect()
    }

    /// Records an occurrence, or a range of them, that gets no run.
    fn record_due(
        &mut self,
        job: &Job,
        occurrence: Occurrence,
        range: Option<(Timestamp, u64)>,
        outcome: Outcome,
        reason: String,
    ) {
        let mut run = self.new_run(job, &due(Trigger::Schedule, occurrence));
        if let Some((until, occurrences)) = range {
            run.due_until = Some(until);
            run.occurrences = occurrences;
        }
        self.record_without_process(run, outcome, reason);
    }

    fn begin_due(&mut self, job: &Arc<Job>, trigger: Trigger, occurrence: Occurrence) {
        self.begin_or_record(job, &due(trigger, occurrence));
    }

    /// Begins a run, or records that and why there is none.
    fn begin_or_record(&mut self, job: &Arc<Job>, asked: &Asked) {
        if let Err(reason) = self.begin(job, asked) {
            let run = self.new_run(job, asked);
            self.record_without_process(run, Outcome::Skipped, reason);
        }
    }

    /// A new version of a dataset was published: jobs that wait for it are due.
    pub(super) fn trigger_readers(&mut self, dataset: &Name) {
        for name in self.triggers.get(dataset).cloned().unwrap_or_default() {
            let Some(job) = self.settings.jobs.get(&name).filter(|job| job.enabled).cloned() else {
                continue;
            };
            let asked = Asked {
                trigger: Trigger::Input,
                occurrence: None,
                by: None,
                args: Vec::new(),
            };
            let pause = self.jobs.get(&name).and_then(|state| state.record.pause.as_ref());
            if let Some(reason) = pause.map(|pause| planner::paused_words(&pause.because)) {
                let run = self.new_run(&job, &asked);
                self.record_without_process(run, Outcome::Skipped, reason);
            } else {
                self.begin_or_record(&job, &asked);
            }
        }
    }

    /// Begins a run, or says why not.
    pub(super) fn begin(&mut self, job: &Arc<Job>, asked: &Asked) -> Result<RunId, String> {
        self.take_on(&job.name);
        if let Some(missing) = job.needs.iter().find(|need| self.current_version(need).is_none()) {
            return Err(format!("input stale: it needs {missing}, which has no version yet"));
        }
        let overlap = match (asked.trigger, job.policy.overlap) {
            // A version that comes while the job reads the one before must not be left out.
            (Trigger::Input, Overlap::Skip) => Overlap::Queue,
            (_, overlap) => overlap,
        };
        let (give_up, stop, drop) = match planner::admit(overlap, asked.trigger, &self.going(&job.name)) {
            Admission::Start { give_up } => (give_up, Vec::new(), Vec::new()),
            Admission::Wait { stop, drop } => (Vec::new(), stop, drop),
            Admission::No { because_of } => {
                let before = self.runs.get(&because_of);
                if let Some(waits) = before.and_then(|run| self.waits_for_keeper(run)) {
                    return Err(format!("overlap: run {because_of} of {} {waits}", job.name));
                }
                let since = self.runs.get(&because_of).map_or(self.now.wall, |run| run.created_at);
                let since = format_age(crate::model::elapsed(since, self.now.wall));
                return Err(format!(
                    "overlap: run {because_of} of {} is going on since {since}",
                    job.name
                ));
            }
        };
        let run = self.new_run(job, asked);
        let id = run.id;
        // What gives way is over before the new run is known, so that nothing starts in between.
        for other in give_up {
            self.give_up(other, "the next run took its place");
        }
        for other in drop {
            self.drop_waiting(other, id);
        }
        let starts_now = overlap == Overlap::Allow && asked.trigger != Trigger::CatchUp;
        let before = self
            .going(&job.name)
            .into_iter()
            .rfind(|going| going.state != RunState::BackingOff);
        if let Some(state) = self.jobs.get_mut(&job.name) {
            state.going.push(id);
        }
        self.runs.insert(id, run);
        for other in stop {
            self.stop_run(other, StopReason::Replaced, None);
        }
        match before.filter(|_| !starts_now) {
            Some(before) => self.wait(id, format!("waits for run {} to end", before.run)),
            None => self.start_or_wait(id),
        }
        Ok(id)
    }

    pub(super) fn going(&self, job: &Name) -> Vec<Going> {
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

    pub(super) fn new_run(&mut self, job: &Job, asked: &Asked) -> Run {
        let id = self.new_run_id();
        let occurrence = asked.occurrence.as_ref();
        Run {
            due_at: occurrence.map(|occurrence| occurrence.at),
            nominal: match occurrence {
                Some(occurrence) if occurrence.nominal.len() > 1 => {
                    occurrence.nominal.iter().map(ToString::to_string).collect()
                }
                _ => Vec::new(),
            },
            by: asked.by.clone(),
            args: asked.args.clone(),
            ..self.bare_run(id, &job.name, asked.trigger, self.now.wall)
        }
    }

    /// What failed in a row before a run that has ended, if that has failed, too.
    pub(super) fn failed_before(&self, run: &Run) -> Option<Box<FailedBefore>> {
        let last = self.jobs.get(&run.job)?.last.as_deref();
        let (last, _) = last.filter(|_| run.is_failure() && says_how_the_job_is(run))?;
        FailedBefore::by(last).map(Box::new)
    }

    fn record_without_process(&mut self, mut run: Run, outcome: Outcome, reason: String) {
        run.state = RunState::Final;
        run.outcome = Some(outcome);
        run.reason = Some(reason);
        run.ended_at = Some(self.now.wall);
        self.fact(Fact::Run(run));
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

/// Whether a final run tells something of its job: it had a process, and nobody ended it.
pub(super) fn says_how_the_job_is(run: &Run) -> bool {
    run.attempts > 0
        && run
            .outcome
            .is_some_and(|outcome| !matches!(outcome, Outcome::Cancelled | Outcome::Skipped | Outcome::Missed))
}
