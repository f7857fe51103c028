//! What counts as a problem of a job or a dataset.

use jiff::Timestamp;

use crate::freshness::{DataState, Standing};
use crate::model::{AlertWhen, Attempt, Dataset, Job, Outcome, ProblemKind, Run, Severity, elapsed, format_duration};

/// Something people should hear of, unless something upstream explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// How bad it is.
    pub severity: Severity,
    /// Since when.
    pub since: Timestamp,
    /// Since when it is of this kind, where something else was wrong before that nobody saw.
    pub kind_since: Option<Timestamp>,
    /// What that was.
    pub first_kind: Option<ProblemKind>,
    /// In one sentence.
    pub reason: String,
}

/// The problem of a job, by the last of its runs that had a process, with that run's last attempt.
pub fn problem_of_job(job: &Job, last: Option<&(Run, Option<Attempt>)>) -> Option<Problem> {
    let (last, attempt) = last?;
    let outcome = last.outcome?;
    if !job.enabled || job.policy.alert == AlertWhen::Breach {
        return None;
    }
    let since = last.ended_at.unwrap_or(last.created_at);
    let reason = last
        .reason
        .clone()
        .unwrap_or_else(|| outcome.as_str().replace('_', " "));
    let kind = match outcome {
        Outcome::Rejected => ProblemKind::Rejected,
        Outcome::Lost => ProblemKind::Lost,
        Outcome::Failed | Outcome::TimedOut | Outcome::Killed | Outcome::SpawnFailed => ProblemKind::Failed,
        Outcome::Succeeded => return suspiciously_fast(job, attempt.as_ref()?, since),
        Outcome::Cancelled | Outcome::Missed | Outcome::Skipped => return None,
    };
    Some(Problem {
        kind,
        severity: Severity::Warning,
        since,
        kind_since: None,
        first_kind: None,
        reason,
    })
}

fn suspiciously_fast(job: &Job, last: &Attempt, since: Timestamp) -> Option<Problem> {
    let took = elapsed(last.started_at?, last.ended_at?);
    let least = job.policy.min_runtime.filter(|least| took < *least)?;
    let reason = format!(
        "it succeeded after {}, but takes at least {}",
        format_duration(took),
        format_duration(least)
    );
    Some(Problem {
        kind: ProblemKind::Suspect,
        severity: Severity::Warning,
        since,
        kind_since: None,
        first_kind: None,
        reason,
    })
}

/// The problem of a dataset, by its state.
pub fn problem_of_data(dataset: &Dataset, standing: &Standing, now: Timestamp) -> Option<Problem> {
    if !standing.is_problem {
        return None;
    }
    let (kind, severity) = match standing.state {
        DataState::Stale => (ProblemKind::Stale, dataset.severity),
        DataState::Late => (ProblemKind::Late, dataset.severity),
        DataState::Changed => (ProblemKind::Changed, dataset.severity),
        DataState::Suspect => (ProblemKind::Suspect, dataset.severity),
        DataState::Unknown => (ProblemKind::Unknown, Severity::Warning),
        // Its promise holds, and what would keep it has failed.
        DataState::Fresh | DataState::DueSoon => (ProblemKind::Failed, Severity::Warning),
        DataState::Held | DataState::Paused => return None,
    };
    let reason = standing.reason.clone();
    // What is older than promised may have been late before.
    let kind_since = standing.state_since.filter(|at| Some(*at) > standing.since);
    Some(Problem {
        kind,
        severity,
        since: standing.since.unwrap_or(now),
        kind_since,
        first_kind: kind_since.map(|_| ProblemKind::Late),
        reason,
    })
}
