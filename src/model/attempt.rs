//! Attempts: one process started for a run, what the keeper is told and what it tells back.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AttemptId, Conditions, Name, Outcome, Trigger};

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// Durably decided; the keeper may or may not know of it yet.
    Claimed,
    /// The keeper started its process.
    Started,
    /// Its process ended and the exit is recorded.
    Ended,
}

impl AttemptState {
    /// The word in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Started => "started",
            Self::Ended => "ended",
        }
    }
}

/// One process started for a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// The run and the attempt's number.
    pub id: AttemptId,
    /// The run's job, repeated here because recovery reads attempts alone.
    pub job: Name,
    /// Where it stands.
    pub state: AttemptState,
    /// When the claim was decided.
    #[schemars(with = "super::Instant")]
    pub claimed_at: Timestamp,
    /// The boot during which it was claimed.
    pub boot_id: String,
    /// When its process started.
    #[schemars(with = "Option<super::Instant>")]
    pub started_at: Option<Timestamp>,
    /// When its process ended.
    #[schemars(with = "Option<super::Instant>")]
    pub ended_at: Option<Timestamp>,
    /// Its main process, while known.
    pub pid: Option<u32>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Exit code, where it had one.
    pub exit_code: Option<i32>,
    /// Signal that ended it, where one did.
    pub signal: Option<i32>,
    /// Why it ended so, in words.
    pub reason: Option<String>,
    /// What it used.
    pub usage: Usage,
    /// What it printed.
    pub output: Output,
    /// Lines of its report file as (key, value).
    pub report: Vec<(String, String)>,
}

/// Everything the keeper needs to start one attempt; built from the accepted configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptSpec {
    /// The run and the attempt's number. The keeper starts each at most once.
    pub id: AttemptId,
    /// The job, for messages.
    pub job: Name,
    /// The occurrence it is for, and why its run began: for whoever must tell without the database.
    pub due_at: Option<Timestamp>,
    /// See above.
    pub trigger: Trigger,
    /// Program and arguments; a shell command is `["/bin/sh", "-c", text]`.
    pub argv: Vec<String>,
    /// The whole environment of the process.
    pub env: Vec<(String, String)>,
    /// Directory the process starts in.
    pub workdir: PathBuf,
    /// The attempt's own directory under the state directory; made by the keeper, holds the report file.
    pub run_dir: PathBuf,
    /// The directory the staged output goes to, if the job produces something; made by the keeper when missing.
    pub output_dir: Option<PathBuf>,
    /// Where output is kept; made when the first byte arrives.
    pub log: PathBuf,
    /// Bytes kept of the beginning, and again of the end, of the output.
    pub log_limit_bytes: u64,
    /// File the job may append `key=value` lines to.
    pub report: PathBuf,
    /// Time after which the whole tree is told to end; `None` only when "none" was written.
    pub timeout: Option<Duration>,
    /// Time between SIGTERM and SIGKILL.
    pub kill_after: Duration,
    /// Leave processes that outlive the main one alone.
    pub keep_leftovers: bool,
    /// As whom, and with how much of the machine. An older daemon does not say.
    #[serde(default)]
    pub conditions: Conditions,
}

/// How a process ended, as the kernel says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// It called exit with this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It never came to life; why, in words.
    NotStarted(String),
    /// It ended, but nobody can tell how; what is known, in words.
    Unknown(String),
}

/// Why freshd told an attempt to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// `timeout` passed.
    Timeout,
    /// A person cancelled it.
    Cancelled,
    /// A newer run replaced it.
    Replaced,
}

/// The end of an attempt, as journalled by the keeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Which attempt.
    pub id: AttemptId,
    /// How it ended.
    pub status: ExitStatus,
    /// Set when freshd had told it to end.
    pub stop: Option<StopReason>,
    /// When the process started; equals `ended_at` when it never did.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Main process; 0 when it never started.
    pub pid: u32,
    /// What it used.
    pub usage: Usage,
    /// What it printed.
    pub output: Output,
    /// The kernel killed something of it for want of memory, this much being its limit in bytes.
    #[serde(default)]
    pub out_of_memory: Option<u64>,
    /// The report file as it was, at most `REPORT_BYTES_MAX` of it, lossily decoded.
    pub report: String,
}

/// What an attempt used, by the kernel's account of the main process and those it waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// User CPU time in milliseconds.
    pub user_ms: u64,
    /// System CPU time in milliseconds.
    pub system_ms: u64,
    /// Largest resident size in KiB.
    pub max_rss_kib: u64,
    /// Processes that were still there when the main one ended, and were killed.
    pub leftovers_killed: u32,
}

/// What an attempt printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Output {
    /// Bytes printed in all.
    pub bytes: u64,
    /// Bytes of them that were not kept.
    pub dropped_bytes: u64,
    /// The last lines, lossily decoded, at most `TAIL_BYTES_MAX`.
    pub tail: String,
}

impl Output {
    /// At most so many of the last lines, oldest first, each as a terminal shows it in the end. Blank ones say nothing, and
    /// would hide what does.
    pub fn last_lines(&self, lines_max: usize) -> Vec<&str> {
        let mut lines: Vec<&str> = self.tail.lines().filter_map(shown_in_the_end).collect();
        lines.split_off(lines.len().saturating_sub(lines_max))
    }
}

/// Of a line that was written over, as progress is shown, what was written last; nothing of a blank one.
fn shown_in_the_end(line: &str) -> Option<&str> {
    line.rsplit('\r').find(|written| !written.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_line_that_was_written_over_the_last_text_is_shown() {
        let tail = "begun\r\n 1 %\r50 %\r99 %\r  \r\n\r\n \r\nloaded\r100 %".to_owned();
        let output = Output {
            bytes: 0,
            dropped_bytes: 0,
            tail,
        };
        assert_eq!(output.last_lines(9), ["begun", "99 %", "100 %"]);
    }
}
