//! What counts as a problem, and what people asked not to hear of.

use std::time::Duration;

use super::{at, friday, stands};
use crate::alerting::{Problem, problem_of_data, problem_of_job};
use crate::freshness::DataState;
use crate::model::{
    AlertWhen, Attempt, Job, Outcome, ProblemKind, Run, RunPolicy, Severity, plain_dataset, plain_job, plain_policy,
    under,
};

fn ended(outcome: Outcome) -> (Run, Option<Attempt>) {
    let friday = friday();
    let run = Run {
        outcome: Some(outcome),
        ..friday.run.unwrap()
    };
    (run, friday.attempt)
}

#[test]
fn a_run_that_ended_badly_is_a_problem_of_its_kind() {
    for (outcome, kind) in [
        (Outcome::Failed, Some(ProblemKind::Failed)),
        (Outcome::TimedOut, Some(ProblemKind::Failed)),
        (Outcome::Killed, Some(ProblemKind::Failed)),
        (Outcome::SpawnFailed, Some(ProblemKind::Failed)),
        (Outcome::Rejected, Some(ProblemKind::Rejected)),
        (Outcome::Lost, Some(ProblemKind::Lost)),
        (Outcome::Succeeded, None),
        (Outcome::Cancelled, None),
        (Outcome::Missed, None),
        (Outcome::Skipped, None),
    ] {
        let problem = problem_of_job(&plain_job("export"), Some(&ended(outcome)));
        assert_eq!(problem.map(|problem| problem.kind), kind, "{outcome:?}");
    }
    assert_eq!(problem_of_job(&plain_job("export"), None), None);
}

#[test]
fn a_problem_says_since_when_and_why() {
    let (mut run, attempt) = ended(Outcome::TimedOut);
    let problem = |run: &Run| problem_of_job(&plain_job("export"), Some(&(run.clone(), attempt.clone()))).unwrap();
    let told = Problem {
        kind: ProblemKind::Failed,
        severity: Severity::Warning,
        since: at("22:10"),
        kind_since: None,
        first_kind: None,
        reason: "timed out".to_owned(),
    };
    assert_eq!(problem(&run), told);
    (run.ended_at, run.reason) = (None, Some("longer than 10m".to_owned()));
    let told = Problem {
        since: at("22:00"),
        reason: "longer than 10m".to_owned(),
        ..told
    };
    assert_eq!(problem(&run), told);
}

#[test]
fn a_job_that_is_disabled_or_alerts_on_a_breach_only_is_no_problem() {
    let disabled = Job {
        enabled: false,
        ..plain_job("export")
    };
    let policy = RunPolicy {
        alert: AlertWhen::Breach,
        ..plain_policy()
    };
    let breach = under(policy, plain_job("export"));
    for job in [disabled, breach] {
        assert_eq!(problem_of_job(&job, Some(&ended(Outcome::Failed))), None);
    }
}

#[test]
fn a_success_below_the_least_runtime_is_suspect() {
    let policy = RunPolicy {
        min_runtime: Some(Duration::from_mins(5)),
        ..plain_policy()
    };
    let job = under(policy, plain_job("export"));
    let until = |clock: Option<&str>| {
        let (run, attempt) = ended(Outcome::Succeeded);
        let attempt = Attempt {
            started_at: Some(at("22:00")),
            ended_at: clock.map(at),
            ..attempt.unwrap()
        };
        problem_of_job(&job, Some(&(run, Some(attempt))))
    };
    let told = Problem {
        kind: ProblemKind::Suspect,
        severity: Severity::Warning,
        since: at("22:10"),
        kind_since: None,
        first_kind: None,
        reason: "it succeeded after 4m, but takes at least 5m".to_owned(),
    };
    assert_eq!(until(Some("22:04")), Some(told));
    assert_eq!(until(Some("22:05")), None);
    assert_eq!(until(Some("22:06")), None);
    assert_eq!(until(None), None);
}

#[test]
fn data_is_a_problem_by_its_state_with_the_severity_of_its_dataset() {
    use ProblemKind::{Late, Stale, Suspect, Unknown};
    use Severity::{Critical, Warning};
    let stock = plain_dataset("stock");
    for (state, told) in [
        (DataState::Stale, Some((Stale, Critical))),
        (DataState::Late, Some((Late, Critical))),
        (DataState::Suspect, Some((Suspect, Critical))),
        (DataState::Unknown, Some((Unknown, Warning))),
        (DataState::Fresh, None),
        (DataState::Held, None),
    ] {
        let problem = problem_of_data(&stock, &stands(state), at("23:15"));
        assert_eq!(problem.as_ref().map(|problem| (problem.kind, problem.severity)), told);
        assert!(problem.is_none_or(|problem| problem.since == at("23:15")));
    }
    // Nothing that could have come yet.
    let mut not_yet = stands(DataState::Unknown);
    not_yet.is_problem = false;
    assert_eq!(problem_of_data(&stock, &not_yet, at("23:15")), None);
    let mut since = stands(DataState::Stale);
    since.since = Some(at("22:00"));
    assert_eq!(problem_of_data(&stock, &since, at("23:15")).unwrap().since, at("22:00"));
    // It was late first.
    since.state_since = Some(at("22:30"));
    let problem = problem_of_data(&stock, &since, at("23:15")).unwrap();
    assert_eq!((problem.since, problem.kind_since), (at("22:00"), Some(at("22:30"))));
    assert_eq!((problem.kind, problem.first_kind), (Stale, Some(Late)));
    since.since = since.state_since;
    assert_eq!(problem_of_data(&stock, &since, at("23:15")).unwrap().kind_since, None);
}
