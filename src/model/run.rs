//! Runs: what was done about one occurrence or trigger.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attempt, Name, RunId, VersionNumber, VersionRef, trace_id};

/// Why a run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Its schedule said so.
    Schedule,
    /// It was missed and made up for.
    CatchUp,
    /// A person repeated a failed run.
    RetryByHand,
    /// A dataset it waits for was published.
    Input,
    /// A person asked for it.
    Manual,
}

impl Trigger {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::CatchUp => "catch-up",
            Self::RetryByHand => "retry-by-hand",
            Self::Input => "input",
            Self::Manual => "manual",
        }
    }
}

/// How a run ended, or why an occurrence never became one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Exit status among the successful ones, and the output was accepted.
    Succeeded,
    /// Any other exit status.
    Failed,
    /// Ended by freshd because `timeout` passed.
    TimedOut,
    /// Ended by a signal that freshd did not send.
    Killed,
    /// Ended by a person, or replaced by a newer run.
    Cancelled,
    /// It ended well, but the checks refused what it produced.
    Rejected,
    /// The command could not be started.
    SpawnFailed,
    /// The evidence of its end is gone. Never guessed.
    Lost,
    /// Due while freshd was down or asleep, and not made up for.
    Missed,
    /// Due, and left out for the reason given.
    Skipped,
}

impl Outcome {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Killed => "killed",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::SpawnFailed => "spawn_failed",
            Self::Lost => "lost",
            Self::Missed => "missed",
            Self::Skipped => "skipped",
        }
    }

    /// Whether the outcome is a failure of the job, which its owner must know of.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Failed | Self::TimedOut | Self::Killed | Self::Rejected | Self::SpawnFailed | Self::Lost => true,
            Self::Succeeded | Self::Cancelled | Self::Missed | Self::Skipped => false,
        }
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Waits for a pool slot or for the run before it.
    Waiting,
    /// An attempt is claimed or has a process.
    Running,
    /// The last attempt failed; the next one starts at `retry_at`.
    BackingOff,
    /// Its process ended well; its output is being measured, judged and published.
    Judging,
    /// It has an outcome, which never changes again.
    Final,
}

impl RunState {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::BackingOff => "backing_off",
            Self::Judging => "judging",
            Self::Final => "final",
        }
    }
}

/// What was done about one occurrence or trigger; also the record of an occurrence that never started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// The job.
    pub job: Name,
    /// Why it began.
    pub trigger: Trigger,
    /// The occurrence it is about; `None` for manual and input runs. Unique within the job.
    #[schemars(with = "Option<super::Instant>")]
    pub due_at: Option<Timestamp>,
    /// For a range of missed occurrences recorded as one: the last of them.
    #[schemars(with = "Option<super::Instant>")]
    pub due_until: Option<Timestamp>,
    /// How many occurrences this record stands for; 1 except for a missed range.
    pub occurrences: u64,
    /// Nominal local times, as text, where they differ from one plain due time.
    pub nominal: Vec<String>,
    /// Where it stands.
    pub state: RunState,
    /// How it ended; set exactly when `state` is `Final`.
    pub outcome: Option<Outcome>,
    /// Why it waits, or why it ended so, in words.
    pub reason: Option<String>,
    /// Attempts claimed so far.
    pub attempts: u32,
    /// Seed of its backoff jitter, so that a replay gives the same times.
    pub seed: u64,
    /// When it was decided on.
    #[schemars(with = "super::Instant")]
    pub created_at: Timestamp,
    /// When its first process started.
    #[schemars(with = "Option<super::Instant>")]
    pub started_at: Option<Timestamp>,
    /// When it became final.
    #[schemars(with = "Option<super::Instant>")]
    pub ended_at: Option<Timestamp>,
    /// When the next attempt starts, while backing off: wall time, for people and after a reboot.
    #[schemars(with = "Option<super::Instant>")]
    pub retry_at: Option<Timestamp>,
    /// The same on `CLOCK_BOOTTIME`, in milliseconds, valid within `boot_id`.
    pub retry_boot_ms: Option<u64>,
    /// The boot in which `retry_boot_ms` was computed.
    pub boot_id: Option<String>,
    /// Exit code of the last attempt, where it had one.
    pub exit_code: Option<i32>,
    /// Signal that ended the last attempt, where one did.
    pub signal: Option<i32>,
    /// Version it published, or the candidate that was refused.
    pub version: Option<VersionNumber>,
    /// Who asked for it, for manual runs and cancellations.
    pub by: Option<String>,
    /// Set when a person has published what its last attempt made, although freshd had kept it aside.
    #[serde(default)]
    pub released: Option<Box<Released>>,
    /// Extra arguments of a manual run.
    pub args: Vec<String>,
    /// Input versions pinned at start.
    pub inputs: Vec<VersionRef>,
    /// Digest of the configuration it was started under.
    pub settings_digest: String,
    /// The W3C trace id of the chain that it goes on, when a version of another run started it; else it has its own.
    #[serde(default)]
    pub trace: Option<Box<str>>,
    /// The runs of its job that failed before it in a row, where it has failed, too.
    #[serde(default)]
    pub failed_before: Option<Box<FailedBefore>>,
}

/// Runs of a job that failed one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedBefore {
    /// How many.
    pub runs: u32,
    /// When the first of them failed.
    #[schemars(with = "super::Instant")]
    pub since: Timestamp,
}

impl FailedBefore {
    /// What had failed before a run that comes behind this one.
    pub fn by(last: &Run) -> Option<Self> {
        let ended_at = last.ended_at.filter(|_| last.is_failure())?;
        let before = last.failed_before.as_deref();
        Some(Self {
            runs: before.map_or(0, |before| before.runs).saturating_add(1),
            since: before.map_or(ended_at, |before| before.since),
        })
    }
}

impl Run {
    /// Whether it has failed, and nobody has published what it made all the same.
    pub fn is_failure(&self) -> bool {
        self.outcome.is_some_and(Outcome::is_failure) && self.released.is_none()
    }

    /// What is to be said of it in one line: who released what it made comes first, since a refusal can be long.
    pub fn remark(&self) -> String {
        let released = self.released.as_deref().map(Released::words);
        let parts: Vec<String> = released.into_iter().chain(self.reason.clone()).collect();
        parts.join("; ")
    }

    /// Its W3C trace id: that of the chain it belongs to.
    pub fn trace_id(&self) -> String {
        self.trace.as_deref().map_or_else(|| trace_id(self.seed), str::to_owned)
    }
}

/// A person has published what a run made, although it was refused. The run's outcome stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Released {
    /// Who.
    pub by: String,
    /// Why.
    pub because: String,
    /// When it was in place.
    #[schemars(with = "super::Instant")]
    pub at: Timestamp,
}

impl Released {
    /// `released by olav: the plant in Tromsø is closed`.
    pub fn words(&self) -> String {
        format!("released by {}: {}", self.by, self.because)
    }
}

/// A run as one line of `history --json`.
pub fn run_line(run: &Run) -> serde_json::Value {
    serde_json::json!({
        "run": run.id,
        "job": run.job,
        "due_at": run.due_at,
        "due_until": run.due_until,
        "occurrences": run.occurrences,
        "nominal": run.nominal,
        "trigger": run.trigger,
        "state": run.state,
        "outcome": run.outcome,
        "attempts": run.attempts,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "reason": run.reason,
        "version": run.version,
        "by": run.by,
        "released": run.released,
        "trace": (run.attempts > 0).then(|| run.trace_id()),
        "failed_before": run.failed_before,
    })
}

/// A run with its attempts as `show --json` prints them.
pub fn run_document(run: &Run, attempts: &[Attempt]) -> serde_json::Value {
    let inputs: Vec<String> = run.inputs.iter().map(ToString::to_string).collect();
    let mut line = run_line(run);
    line["args"] = serde_json::json!(run.args);
    line["inputs"] = serde_json::json!(inputs);
    line["retry_at"] = serde_json::json!(run.retry_at);
    line["settings"] = serde_json::json!(run.settings_digest);
    serde_json::json!({ "run": line, "attempts": attempts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plain_run;

    #[test]
    fn who_released_it_stands_before_a_refusal_however_long() {
        let at = Timestamp::UNIX_EPOCH;
        let mut run = plain_run("export", at);
        assert_eq!(run.remark(), "");
        run.reason = Some("3 rows, at least 50".to_owned());
        run.released = Some(Box::new(Released {
            by: "olav".to_owned(),
            because: "Tromsø is closed".to_owned(),
            at,
        }));
        assert_eq!(run.remark(), "released by olav: Tromsø is closed; 3 rows, at least 50");
    }
}
