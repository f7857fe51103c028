//! What a start, a reload or a confirmed clock asks for at once, done over as many steps as it takes.
//!
//! Ten thousand jobs after a year of downtime are millions of facts. A step that holds enough of them begins nothing
//! more; what is left stays here, in order, and the engine asks to be woken at once. Nothing of it is stored: after a
//! crash in between the next start derives the same again from what was decided by then.

use super::Engine;
use crate::model::{Address, IncidentId, Name, RunId, RunState};

/// A step that holds this many facts begins nothing more.
const STEP_FACTS_ENOUGH: usize = 4_096;

/// A step holds no more facts than this as long as its pieces are no larger than the largest of one job, which has a
/// thousand missed occurrences and a thousand to make up for, and begins before there are enough.
///
/// Four things are whole in one step, whatever their size, because what is left of them could not be derived again:
/// confirming the clock; concluding from records that were lost; a new version that starts thousands of jobs; and a reload that comes while jobs it edits or
/// removes still have much to be decided by the configuration before.
pub const STEP_FACTS_MAX: usize = 8_192;

/// One piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Todo {
    /// Take a run up again that waited or backed off when the life before ended.
    Resume(RunId),
    /// Start a run that only waited for the clock, for space, for its inputs, or for what a reload has changed.
    Start(RunId),
    /// Let those who stand in line for a pool start, as far as slots are free.
    Pool(Name),
    /// Take a job as it is configured, and decide what has come due.
    Job(Name),
    /// Take a dataset as it is configured: its slots and its probe.
    Data(Name),
    /// Every job and dataset is taken on: look at all their problems.
    Accepted,
    /// Ask again for what a crash may have cut short.
    Unfinished,
    /// Finish looking at problems, so that what the configuration has repaired is over before anybody is told of it.
    Evaluate,
    /// Go on with every incident that is left.
    Incidents,
    /// Go on with one incident.
    Incident(IncidentId),
    /// Go on with what waits for an address.
    Address(Address),
    /// Give up what is left of what has waited too long for an address.
    GiveUp(Address),
}

impl Engine {
    /// Whether this step has enough to store.
    pub(super) fn is_full(&self) -> bool {
        self.step.facts.len() >= STEP_FACTS_ENOUGH
    }

    /// Whether something is left that the next step goes on with at once.
    pub fn is_behind(&self) -> bool {
        !self.backlog.is_empty() || self.is_unevaluated()
    }

    /// Whether a job or dataset was touched whose problems nobody has looked at since.
    pub(super) fn is_unevaluated(&self) -> bool {
        !self.dirty_data.is_empty() || !self.dirty_jobs.is_empty()
    }

    /// Works off what is left, in order, until this step is full.
    pub(super) fn work_off(&mut self) {
        self.gather_while_looking();
        while !self.is_full()
            && let Some(todo) = self.backlog.pop_front()
        {
            self.work(todo);
        }
    }

    fn work(&mut self, todo: Todo) {
        match todo {
            Todo::Resume(id) => self.resume_run(id),
            Todo::Start(id) => {
                if self.runs.get(&id).is_some_and(|run| run.state == RunState::Waiting) {
                    self.start_or_wait(id);
                }
            }
            Todo::Pool(name) => self.hand_on(name),
            Todo::Job(name) => self.job_due(&name),
            Todo::Data(name) => self.take_on_data(&name),
            Todo::Accepted => self.accepted_all(),
            Todo::Unfinished => self.resume_unfinished(),
            Todo::Evaluate => {
                self.evaluate();
                if self.is_unevaluated() {
                    self.backlog.push_front(Todo::Evaluate);
                }
            }
            Todo::Incidents => {
                self.all_looked_at();
                let ids: Vec<_> = self.incidents.values().map(|incident| incident.id).collect();
                for id in ids.into_iter().rev() {
                    self.backlog.push_front(Todo::Incident(id));
                }
            }
            Todo::Incident(id) => self.incident_due(id),
            Todo::Address(address) => self.go_on(&address),
            Todo::GiveUp(address) => {
                self.give_up_what_is_old(&address);
                self.go_on(&address);
            }
        }
    }
}
