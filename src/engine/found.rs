//! What is taken up of a time whose records were lost: attempts that keepers know, and logs that attempts left.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Engine;
use crate::alerting::lost_reason;
use crate::model::{
    Attempt, AttemptState, Fact, FoundAttempt, Name, Outcome, Restoration, Rule, Run, RunId, RunState, Trace, Trigger,
};

impl Engine {
    /// A keeper knows an attempt that is not in the records. What becomes of it follows.
    pub(super) fn attempt_found(&mut self, found: &FoundAttempt) {
        let FoundAttempt { id, job: name, .. } = found;
        let (id, name) = (*id, name.clone());
        // A final run is not kept in mind: of those that the records know, only a going one can have lost an attempt.
        let of_then = self.recovered.last_run + 1..=self.recovered.numbers_end.unwrap_or(u64::MAX);
        let is_known = !of_then.contains(&id.run.0) && !self.runs.contains_key(&id.run);
        if is_known || self.attempts.contains_key(&id) {
            return;
        }
        self.take_on(&name);
        self.recovered.runs.insert(id.run);
        self.recovered.attempts += 1;
        let at = self.as_past(found.at);
        if let Some(run) = self.runs.get_mut(&id.run) {
            run.attempts = run.attempts.max(id.number);
            run.state = RunState::Running;
            run.retry_at = None;
            run.retry_boot_ms = None;
        } else {
            let run = self.run_found(found, at);
            self.runs.insert(id.run, run);
            if let Some(state) = self.jobs.get_mut(&name) {
                state.going.push(id.run);
                state.going.sort_unstable();
            }
        }
        let pool = self.settings.jobs.get(&name).and_then(|job| job.policy.pool.clone());
        if let Some(pool) = pool {
            self.pools.occupy(pool, id.run);
        }
        let attempt = self.bare_attempt(id, &name, at);
        self.facts_of_run(id.run);
        self.fact(Fact::Attempt(attempt.clone()));
        self.attempts.insert(id, attempt);
        self.last_run = self.last_run.max(id.run.0);
    }

    fn facts_of_run(&mut self, id: RunId) {
        if let Some(run) = self.runs.get(&id).cloned() {
            self.fact(Fact::Run(run));
        }
    }

    /// The run of an attempt that a keeper knows.
    fn run_found(&mut self, found: &FoundAttempt, at: Timestamp) -> Run {
        let cursor = self.jobs.get(&found.job).map(|state| state.record.cursor);
        // An occurrence that is decided about has its record already.
        let is_open = |due_at: &Timestamp| cursor.is_some_and(|cursor| cursor < *due_at);
        let due_at = found.due_at.filter(is_open);
        if let Some(due_at) = due_at {
            self.recovered
                .known_ahead
                .entry(found.job.clone())
                .or_default()
                .insert(due_at);
        }
        let trigger = found.trigger.unwrap_or_else(|| self.usual_trigger(&found.job));
        let nominal = found.due_at.filter(|due| Some(*due) != due_at);
        Run {
            due_at,
            nominal: nominal.map(|due| due.to_string()).into_iter().collect(),
            state: RunState::Running,
            attempts: found.id.number,
            ..self.bare_run(found.id.run, &found.job, trigger, at)
        }
    }

    /// What usually begins a run of a job.
    fn usual_trigger(&self, job: &Name) -> Trigger {
        let schedule = self.settings.jobs.get(job).and_then(|job| job.schedule.as_ref());
        match schedule.map(|schedule| &schedule.rule) {
            Some(Rule::On(_)) => Trigger::Input,
            Some(_) => Trigger::Schedule,
            None => Trigger::Manual,
        }
    }

    /// Attempts of which a log is left, and nothing else: they ran, and nobody knows how they ended.
    pub(super) fn traced(&mut self, traces: Vec<Trace>) {
        let Some(restoration) = self.lost_records().cloned() else {
            return;
        };
        let mut by_run: BTreeMap<RunId, Vec<Trace>> = BTreeMap::new();
        for trace in traces {
            by_run.entry(trace.id.run).or_default().push(trace);
        }
        for (id, traces) in by_run {
            self.last_run = self.last_run.max(id.0);
            let highest = traces.iter().map(|trace| trace.id.number).max().unwrap_or(1);
            if let Some(run) = self.runs.get_mut(&id) {
                run.attempts = run.attempts.max(highest);
                self.facts_of_run(id);
            } else if let Some(first) = traces.first() {
                let trigger = self.usual_trigger(&first.job);
                let mut run = self.bare_run(id, &first.job, trigger, first.from);
                run.attempts = highest;
                run.started_at = Some(first.from);
                self.end_unknown(&mut run, &restoration);
                self.fact(Fact::Run(run.clone()));
                self.clean_up(&run);
            }
            for trace in traces {
                if self.attempts.contains_key(&trace.id) {
                    continue;
                }
                let attempt = Attempt {
                    state: AttemptState::Ended,
                    started_at: Some(trace.from),
                    ended_at: Some(trace.until),
                    outcome: Some(Outcome::Lost),
                    reason: Some(format!(
                        "its log is all that is left of it; {}",
                        lost_reason(&restoration, &self.settings.timezone)
                    )),
                    ..self.bare_attempt(trace.id, &trace.job, trace.from)
                };
                self.fact(Fact::Attempt(attempt));
            }
        }
    }

    fn end_unknown(&self, run: &mut Run, restoration: &Restoration) {
        run.state = RunState::Final;
        run.outcome = Some(Outcome::Lost);
        run.ended_at = Some(restoration.until);
        run.reason = Some(lost_reason(restoration, &self.settings.timezone));
    }
}
