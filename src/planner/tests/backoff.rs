//! Whether and when a failed attempt is followed by another.

use std::time::Duration;

use super::at;
use crate::model::{Job, Outcome, Retry, RetryOn, Run, RunPolicy, plain_job, plain_policy, plain_run, under};
use crate::planner::{Next, after_failure, hash, is_given_up};

fn tried(attempts: u32) -> Run {
    Run {
        attempts,
        ..plain_run("export", at("12:00"))
    }
}

fn with_retry(retry: Retry) -> Job {
    under(
        RunPolicy {
            retry,
            ..plain_policy()
        },
        plain_job("export"),
    )
}

/// A job with so many attempts, and rules for them.
fn attempts(attempts: u32, on: Vec<RetryOn>, never_on: Vec<RetryOn>) -> Job {
    with_retry(Retry {
        attempts,
        on,
        never_on,
        ..Retry::default()
    })
}

fn is_repeated(job: &Job, attempts: u32, outcome: Outcome, exit_code: Option<i32>) -> bool {
    matches!(
        after_failure(job, &tried(attempts), outcome, exit_code, at("12:00")),
        Next::RetryIn(_)
    )
}

#[test]
fn the_mix_of_two_numbers_is_the_published_one() {
    // The first outputs of SplitMix64 from state 0, as its authors print them.
    assert_eq!(hash(0, 0), 0xE220_A839_7B1D_CDAF);
    assert_eq!(hash(0, 1), 0x6E78_9E6A_A1B9_65F4);
    assert_eq!(hash(0, 2), 0x06C4_5D18_8009_454F);
    // The seed is mixed in by exclusive or: a seed that equals the first step leaves nothing.
    assert_eq!(hash(0x9E37_79B9_7F4A_7C15, 0), 0);
    assert_ne!(hash(1, 0), hash(0, 0));
}

#[test]
fn the_backoff_grows_by_its_factor_up_to_the_largest_and_is_spread_by_the_stored_seed() {
    let job = attempts(10, Vec::new(), Vec::new());
    // 1 min, 2, 4, 8, and then at most 15, each times the fraction that the seed 0 gives for the attempt.
    for (attempts, milliseconds) in [
        (1, 25_891),
        (2, 3_172),
        (3, 233_011),
        (4, 51_046),
        (5, 294_593),
        (9, 856_827),
    ] {
        let next = after_failure(&job, &tried(attempts), Outcome::Failed, Some(1), at("12:00"));
        assert_eq!(
            next,
            Next::RetryIn(Duration::from_millis(milliseconds)),
            "attempt {attempts}"
        );
    }
}

#[test]
fn attempts_end_with_their_number() {
    let job = attempts(3, Vec::new(), Vec::new());
    assert!(is_repeated(&job, 2, Outcome::Failed, Some(1)));
    assert_eq!(
        after_failure(&job, &tried(3), Outcome::Failed, Some(1), at("12:00")),
        Next::GiveUp(None)
    );
    assert!(!is_repeated(&job, 4, Outcome::Failed, Some(1)));
}

#[test]
fn retry_on_chooses_what_is_repeated() {
    let kinds = [
        (RetryOn::TimedOut, Outcome::TimedOut, None),
        (RetryOn::Killed, Outcome::Killed, None),
        (RetryOn::Rejected, Outcome::Rejected, Some(0)),
        (RetryOn::SpawnFailed, Outcome::SpawnFailed, None),
        (RetryOn::Codes(2, 9), Outcome::Failed, Some(9)),
    ];
    for (rule, _, _) in &kinds {
        let on = attempts(3, vec![*rule], Vec::new());
        let never = attempts(3, Vec::new(), vec![*rule]);
        for (other, outcome, exit_code) in &kinds {
            let same = rule == other;
            assert_eq!(
                is_repeated(&on, 1, *outcome, *exit_code),
                same,
                "on {rule:?}: {outcome:?}"
            );
            assert_eq!(
                is_repeated(&never, 1, *outcome, *exit_code),
                !same,
                "never on {rule:?}: {outcome:?}"
            );
        }
    }
    let codes = attempts(3, vec![RetryOn::Codes(2, 9)], Vec::new());
    assert!(!is_repeated(&codes, 1, Outcome::Failed, Some(1)));
    assert!(!is_repeated(&codes, 1, Outcome::Failed, Some(10)));
    // An exit code that is not the reason of the end chooses nothing.
    assert!(!is_repeated(&codes, 1, Outcome::Rejected, Some(9)));
    let both = attempts(3, vec![RetryOn::Codes(1, 9)], vec![RetryOn::Codes(5, 5)]);
    assert!(is_repeated(&both, 1, Outcome::Failed, Some(4)));
    assert_eq!(
        after_failure(&both, &tried(1), Outcome::Failed, Some(5), at("12:00")),
        Next::GiveUp(Some("its retry rules exclude this kind of failure".to_owned()))
    );
}

#[test]
fn lost_evidence_is_repeated_once_and_only_where_that_does_no_harm() {
    let careful = attempts(3, Vec::new(), Vec::new());
    assert_eq!(
        after_failure(&careful, &tried(1), Outcome::Lost, None, at("12:00")),
        Next::GiveUp(Some("not repeated, since the job is not marked idempotent".to_owned()))
    );
    let idempotent = |job: Job| {
        let policy = RunPolicy {
            idempotent: true,
            ..job.policy.as_ref().clone()
        };
        under(policy, job)
    };
    // The rules for failures are about the job; that evidence is lost says nothing of it.
    let rules = idempotent(attempts(1, vec![RetryOn::Killed], Vec::new()));
    assert!(is_repeated(&rules, 1, Outcome::Lost, None));
    assert!(!is_repeated(&rules, 2, Outcome::Lost, None));
    assert!(!is_repeated(&rules, 3, Outcome::Lost, None));
    assert!(!is_repeated(&rules, 1, Outcome::Killed, None));
    let many = idempotent(attempts(3, Vec::new(), Vec::new()));
    assert!(is_repeated(&many, 2, Outcome::Lost, None));
    assert!(!is_repeated(&many, 3, Outcome::Lost, None));
}

#[test]
fn no_attempt_starts_later_than_give_up_after() {
    let job = with_retry(Retry {
        attempts: 10,
        give_up_after: Some(Duration::from_mins(10)),
        ..Retry::default()
    });
    let run = tried(1);
    assert!(!is_given_up(&job, &run, at("12:09:59")));
    assert!(!is_given_up(&job, &run, at("12:10")));
    assert!(is_given_up(&job, &run, at("12:10:01")));
    assert!(!is_given_up(&plain_job("export"), &run, at("23:59")));
    // The backoff after the first attempt is 25.891 s.
    let next = |now| after_failure(&job, &run, Outcome::Failed, Some(1), now);
    assert_eq!(next(at("12:09:34")), Next::RetryIn(Duration::from_millis(25_891)));
    assert_eq!(
        next(at("12:09:35")),
        Next::GiveUp(Some("give_up_after is reached after 1 attempts".to_owned()))
    );
}
