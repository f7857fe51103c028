//! Runs and attempts as they begin.

use jiff::Timestamp;

use super::Engine;
use crate::model::{Attempt, AttemptId, AttemptState, Name, Output, Run, RunId, RunState, Trigger, Usage};
use crate::planner;

impl Engine {
    /// A run of which nothing is known but why it is there, as of `at`.
    pub(super) fn bare_run(&self, id: RunId, job: &Name, trigger: Trigger, at: Timestamp) -> Run {
        Run {
            id,
            job: job.clone(),
            trigger,
            due_at: None,
            due_until: None,
            occurrences: 1,
            nominal: Vec::new(),
            state: RunState::Waiting,
            outcome: None,
            reason: None,
            attempts: 0,
            seed: planner::hash(self.seed, id.0),
            created_at: at,
            started_at: None,
            ended_at: None,
            retry_at: None,
            retry_boot_ms: None,
            boot_id: None,
            exit_code: None,
            signal: None,
            version: None,
            by: None,
            released: None,
            args: Vec::new(),
            inputs: Vec::new(),
            settings_digest: self.settings.digest.clone(),
            trace: None,
            failed_before: None,
        }
    }

    /// An attempt that is claimed at `at`, and of which nothing was heard.
    pub(super) fn bare_attempt(&self, id: AttemptId, job: &Name, at: Timestamp) -> Attempt {
        Attempt {
            id,
            job: job.clone(),
            state: AttemptState::Claimed,
            claimed_at: at,
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
        }
    }
}
