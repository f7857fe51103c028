//! Whatever may pile up is bounded: runs of a job, those made up for, messages that wait.

use freshd::model::{Overlap, Trigger};

use super::{Judge, Judged, hold};
use crate::company::CATCH_UP_LIMIT;

/// Runs of one job that are not final, at most: one running, those made up for, one that waits.
const GOING_MAX: usize = 27;
/// Messages that wait for their addresses, at most.
const PENDING_MAX: usize = 400;

impl Judge {
    pub(super) fn bounded(&self) -> Judged {
        // What may run beside itself is bounded by its timeout alone.
        let may_pile_up = |job: &str| {
            let mut plans = self.companies.values().filter_map(|company| company.job(job));
            plans.any(|plan| plan.overlap() == Overlap::Allow)
        };
        let going = self
            .ledger
            .going
            .iter()
            .filter(|(job, going)| going.len() > GOING_MAX && !may_pile_up(job.as_str()));
        for (job, going) in going {
            hold(going.len() <= GOING_MAX, "bounded", || {
                format!("{} runs of {job} go on", going.len())
            })?;
        }
        for (job, going) in &self.ledger.going {
            let runs = going.iter().filter_map(|id| self.ledger.runs.get(id));
            let made_up_for = runs.filter(|run| run.trigger == Trigger::CatchUp).count();
            // Beside those that wait there is the one whose turn it is.
            hold(made_up_for <= CATCH_UP_LIMIT + 1, "catch-up limit", || {
                format!("{made_up_for} runs of {job} are made up for")
            })?;
        }
        let pending = self.ledger.pending.len();
        hold(pending <= PENDING_MAX, "bounded", || format!("{pending} messages wait"))
    }
}
