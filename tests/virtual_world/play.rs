//! What a process will do.

use std::time::Duration;

use freshd::model::{AttemptId, Exit, ExitStatus, Output, StopReason, Usage, Verdict};
use jiff::Timestamp;

/// What a process will do.
#[derive(Clone, Debug)]
pub(crate) struct Play {
    pub(crate) takes: Duration,
    pub(crate) status: ExitStatus,
    pub(crate) tail: &'static str,
    /// What it wrote: a digest and, where the content has one, the newest business time inside.
    pub(crate) wrote: Option<(String, Option<Timestamp>)>,
    /// Its report file.
    pub(crate) report: String,
    /// The checks refuse what it wrote.
    pub(crate) refused: Option<&'static str>,
    /// A check that compares with versions before finds it odd: how the check is named, and what it says.
    pub(crate) odd: Option<(&'static str, Verdict)>,
}

impl Play {
    pub(crate) fn succeeds() -> Self {
        Self::ends(ExitStatus::Code(0))
    }

    pub(crate) fn fails(code: i32, tail: &'static str) -> Self {
        Self {
            tail,
            ..Self::ends(ExitStatus::Code(code))
        }
    }

    pub(crate) fn ends(status: ExitStatus) -> Self {
        Self {
            takes: Duration::from_secs(5),
            status,
            tail: "",
            wrote: None,
            report: String::new(),
            refused: None,
            odd: None,
        }
    }

    pub(crate) fn writes(digest: &str, as_of: Timestamp) -> Self {
        Self {
            wrote: Some((digest.to_owned(), Some(as_of))),
            ..Self::succeeds()
        }
    }

    /// The content carries no time of its own.
    pub(crate) fn writes_undated(digest: &str) -> Self {
        Self {
            wrote: Some((digest.to_owned(), None)),
            ..Self::succeeds()
        }
    }

    pub(crate) fn taking(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }

    pub(crate) fn reporting(self, report: &str) -> Self {
        Self {
            report: report.to_owned(),
            ..self
        }
    }

    pub(crate) fn refused(self, why: &'static str) -> Self {
        Self {
            refused: Some(why),
            ..self
        }
    }

    /// The check of this name, which compares with versions before, gives such a verdict.
    pub(crate) fn odd(self, check: &'static str, verdict: Verdict) -> Self {
        Self {
            odd: Some((check, verdict)),
            ..self
        }
    }

    pub(crate) fn exit(&self, id: AttemptId, from: Timestamp, to: Timestamp, stop: Option<StopReason>) -> Exit {
        Exit {
            id,
            status: self.status.clone(),
            stop,
            started_at: from,
            ended_at: to,
            pid: 4_711,
            usage: Usage::default(),
            output: Output {
                bytes: self.tail.len() as u64,
                dropped_bytes: 0,
                tail: self.tail.to_owned(),
            },
            out_of_memory: None,
            report: self.report.clone(),
        }
    }
}
