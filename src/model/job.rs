//! Jobs as jobs.toml defines them: what is started, when, and what is done when it goes wrong.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Conditions, Keep, Name, Owner, Schedule};

/// A `[jobs.NAME]`. There may be tens of thousands, so that what they have in common is shared.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name.
    pub name: Name,
    /// For people.
    pub title: Option<Box<str>>,
    /// Who answers for it.
    pub owner: Owner,
    /// The system it reads.
    pub from: Option<Name>,
    /// What is started.
    pub command: Command,
    /// When it is due; `None`: by hand only. Equal ones are shared.
    pub schedule: Option<Arc<Schedule>>,
    /// How much its start is spread, already computed from its name; zero without `jitter`.
    pub start_offset: Duration,
    /// Datasets it reads.
    pub needs: Box<[Name]>,
    /// The dataset it writes.
    pub produces: Option<Name>,
    /// How its runs are started, watched and ended. Equal ones are shared.
    pub policy: Arc<RunPolicy>,
    /// Not scheduled when false.
    pub enabled: bool,
    /// For selecting.
    pub tags: Box<[String]>,
    /// Where to read what to do.
    pub runbook: Option<Box<str>>,
    /// Digest of what makes it this job (command, schedule, zone): an edited job never catches up.
    pub digest: Arc<str>,
}

/// How the runs of a job are started, watched and ended, and what is done when that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct RunPolicy {
    /// What is done when a dataset that it reads is not fresh.
    pub on_stale: OnStale,
    /// Longest time an attempt may take; `None` only when "none" was written.
    pub timeout: Option<Duration>,
    /// Time between SIGTERM and SIGKILL.
    pub kill_after: Duration,
    /// A success faster than this is suspect.
    pub min_runtime: Option<Duration>,
    /// What follows a failed attempt.
    pub retry: Retry,
    /// Limits concurrency across jobs.
    pub pool: Option<Name>,
    /// Due while running.
    pub overlap: Overlap,
    /// What is done about missed occurrences.
    pub catch_up: CatchUp,
    /// Exit codes that are a success; 0 unless written.
    pub success_codes: Vec<i32>,
    /// Exit codes that are a success with a remark.
    pub warn_codes: Vec<i32>,
    /// The job's own environment: `env`, then `env_file`.
    pub env: Vec<(String, String)>,
    /// Where it starts, absolute; `None`: a directory of the attempt's own.
    pub workdir: Option<PathBuf>,
    /// Bytes kept of the beginning, and again of the end, of the output.
    pub log_limit_bytes: u64,
    /// How much of its past is kept, where that is not as `[history]` says.
    pub history: Option<Keep>,
    /// Leave processes that outlive the main one alone.
    pub keep_leftovers: bool,
    /// As whom it runs, and with how much of the machine; `None`: as freshd itself. Equal ones are shared.
    pub conditions: Option<Arc<Conditions>>,
    /// May be repeated when the evidence of an attempt is lost.
    pub idempotent: bool,
    /// When its failure is told.
    pub alert: AlertWhen,
}

/// What is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run by `/bin/sh -c`; a first word that is a relative path is already absolute.
    Shell(String),
    /// Executed as it is; the first word is absolute or looked up in PATH. Equal words of many jobs are shared.
    Argv(Vec<Arc<str>>),
}

/// `retry = { attempts, delay, factor, max_delay }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all, the first included; at least 1.
    pub attempts: u32,
    /// Backoff before the second attempt.
    pub delay: Duration,
    /// Growth per attempt.
    pub factor: f64,
    /// Largest backoff.
    pub max_delay: Duration,
    /// Retry only these; empty: every failure.
    pub on: Vec<RetryOn>,
    /// Never retry these.
    pub never_on: Vec<RetryOn>,
    /// No attempt starts later than this after the run began.
    pub give_up_after: Option<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 1,
            delay: Duration::from_mins(1),
            factor: 2.0,
            max_delay: Duration::from_mins(15),
            on: Vec::new(),
            never_on: Vec::new(),
            give_up_after: None,
        }
    }
}

/// A kind of failure, as retry rules name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryOn {
    /// `"timeout"`.
    TimedOut,
    /// `"killed"`.
    Killed,
    /// `"rejected"`.
    Rejected,
    /// `"spawn_failed"`.
    SpawnFailed,
    /// Exit codes from the first to the last, inclusive.
    Codes(i32, i32),
}

/// Due while running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// The new occurrence is recorded as skipped.
    #[default]
    Skip,
    /// At most one waits; a further one is skipped.
    Queue,
    /// The running one is ended first.
    Replace,
    /// Both run.
    Allow,
}

/// What is done when an input is not fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStale {
    /// The run begins as ever.
    Run,
    /// The run begins, and says of what it was made.
    LastGood,
    /// The run waits for so long; then it is skipped.
    Hold(Duration),
}

/// What is done about missed occurrences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// Which of them run.
    pub mode: CatchUpMode,
    /// Most runs that `All` makes up for.
    pub limit: u32,
    /// How old is still worth running.
    pub within: Duration,
}

impl Default for CatchUp {
    fn default() -> Self {
        Self {
            mode: CatchUpMode::Latest,
            limit: 24,
            within: Duration::from_hours(24),
        }
    }
}

/// Which missed occurrences run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUpMode {
    /// The newest.
    Latest,
    /// All, oldest first.
    All,
    /// None.
    None,
}

/// When a job's failure is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlertWhen {
    /// When it has finally failed.
    #[default]
    Failure,
    /// Only when a promise breaks.
    Breach,
}
