//! Whether and when a failed attempt is followed by another.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Job, Outcome, RetryOn, Run, SPREAD_STEP, later, spread};

/// What follows a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another attempt, this long from now.
    RetryIn(Duration),
    /// None; why, in words for the run's reason, where that is not plain from the number of attempts.
    GiveUp(Option<String>),
}

/// Decides what follows the failure of attempt `run.attempts`, which has just ended with `outcome`.
///
/// The backoff is `delay * factor^(n-1)`, capped by `max_delay`, with full jitter: a fraction of it that
/// depends on the run's stored seed and the attempt's number alone, so that a replay gives the same times.
pub fn after_failure(job: &Job, run: &Run, outcome: Outcome, exit_code: Option<i32>, now: Timestamp) -> Next {
    let retry = &job.policy.retry;
    let tried = run.attempts;
    // Lost evidence says nothing of the job: its rules for failures do not apply, only whether repeating does harm.
    let is_lost = outcome == Outcome::Lost;
    if is_lost && !job.policy.idempotent {
        return Next::GiveUp(Some("not repeated, since the job is not marked idempotent".to_owned()));
    }
    if tried >= retry.attempts && !(is_lost && tried < 2) {
        return Next::GiveUp(None);
    }
    let matches = |rule: &RetryOn| match *rule {
        RetryOn::TimedOut => outcome == Outcome::TimedOut,
        RetryOn::Killed => outcome == Outcome::Killed,
        RetryOn::Rejected => outcome == Outcome::Rejected,
        RetryOn::SpawnFailed => outcome == Outcome::SpawnFailed,
        RetryOn::Codes(first, last) => {
            outcome == Outcome::Failed && exit_code.is_some_and(|code| (first..=last).contains(&code))
        }
    };
    if !is_lost && (retry.never_on.iter().any(matches) || !(retry.on.is_empty() || retry.on.iter().any(matches))) {
        return Next::GiveUp(Some("its retry rules exclude this kind of failure".to_owned()));
    }
    let step = i32::try_from(tried.saturating_sub(1)).unwrap_or(i32::MAX);
    let ceiling = retry.max_delay.as_secs_f64();
    let full = (retry.delay.as_secs_f64() * retry.factor.powi(step)).min(ceiling);
    let fraction = fraction(hash(run.seed, u64::from(tried)));
    let delay = Duration::try_from_secs_f64(full * fraction).unwrap_or(retry.max_delay);
    // Whole milliseconds, so that the stored time is the decided one.
    let delay = Duration::from_millis(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
    if is_given_up(job, run, later(now, delay)) {
        return Next::GiveUp(Some(format!("give_up_after is reached after {tried} attempts")));
    }
    Next::RetryIn(delay)
}

/// Whether a further attempt at `starts` would be later than `give_up_after` allows.
pub fn is_given_up(job: &Job, run: &Run, starts: Timestamp) -> bool {
    job.policy
        .retry
        .give_up_after
        .is_some_and(|limit| starts > later(run.created_at, limit))
}

/// A stable 64-bit mix of two numbers.
pub fn hash(seed: u64, number: u64) -> u64 {
    spread(seed ^ number.wrapping_add(1).wrapping_mul(SPREAD_STEP))
}

/// A number in [0, 1) from the upper 53 bits.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
