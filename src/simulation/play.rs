//! What a process will do: how long it takes, how it ends, what it writes, and what becomes of that.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{
    AttemptId, CheckResult, Exit, ExitStatus, Judgement, Judging, Measurement, Output, Profile, StopReason, Usage,
    Verdict, report_value,
};

/// The process of every attempt: it means nothing, but is not 0.
const PID: u32 = 4_711;

/// What a process will do.
#[derive(Clone, Debug)]
pub struct Play {
    /// How long it takes by itself; its timeout may end it earlier.
    pub takes: Duration,
    /// How it ends by itself.
    pub status: ExitStatus,
    /// The last lines it prints.
    pub tail: &'static str,
    /// What it wrote: a digest and, where the content has one, the newest business time inside.
    pub wrote: Option<(String, Option<Timestamp>)>,
    /// Its report file.
    pub report: String,
    /// The checks refuse what it wrote, and say this.
    pub refused: Option<&'static str>,
    /// How long the checks take.
    pub judged_after: Duration,
    /// How long it takes to put what it wrote in place.
    pub published_after: Duration,
    /// What it wrote cannot be put in place, for this reason.
    pub unpublishable: Option<&'static str>,
    /// So often the machine keeps freshd from reading what it wrote, before it lets it.
    pub unread: u32,
    /// So often the machine keeps freshd from putting it in place, before it lets it.
    pub unplaced: u32,
    /// It ends when its keeper is killed.
    pub dies_with_keeper: bool,
}

impl Play {
    /// Ends well, and writes nothing.
    pub fn succeeds() -> Self {
        Self::ends(ExitStatus::Code(0))
    }

    /// Ends with this exit code, after these last lines.
    pub fn fails(code: i32, tail: &'static str) -> Self {
        Self {
            tail,
            ..Self::ends(ExitStatus::Code(code))
        }
    }

    /// Ends so after five seconds.
    pub fn ends(status: ExitStatus) -> Self {
        Self {
            takes: Duration::from_secs(5),
            status,
            tail: "",
            wrote: None,
            report: String::new(),
            refused: None,
            judged_after: Duration::ZERO,
            published_after: Duration::ZERO,
            unpublishable: None,
            unread: 0,
            unplaced: 0,
            dies_with_keeper: false,
        }
    }

    /// Writes content of this digest, in which this is the newest business time.
    pub fn writes(digest: &str, as_of: Timestamp) -> Self {
        Self {
            wrote: Some((digest.to_owned(), Some(as_of))),
            ..Self::succeeds()
        }
    }

    /// Writes content that carries no time of its own.
    pub fn writes_undated(digest: &str) -> Self {
        Self {
            wrote: Some((digest.to_owned(), None)),
            ..Self::succeeds()
        }
    }

    /// The same, in another time.
    #[must_use]
    pub fn taking(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }

    /// The same, with a report file.
    #[must_use]
    pub fn reporting(self, report: &str) -> Self {
        Self {
            report: report.to_owned(),
            ..self
        }
    }

    /// The same, but the checks refuse it.
    #[must_use]
    pub fn refused(self, why: &'static str) -> Self {
        Self {
            refused: Some(why),
            ..self
        }
    }

    /// What a keeper writes down of its end. `stop` is why it was told to end, if it was.
    pub fn exit(&self, id: AttemptId, from: Timestamp, to: Timestamp, stop: Option<StopReason>) -> Exit {
        Exit {
            id,
            status: self.status.clone(),
            stop,
            started_at: from,
            ended_at: to,
            pid: PID,
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

    /// What the checks say of what it wrote.
    pub fn judgement(&self, judging: &Judging) -> Judgement {
        let (sha256, as_of) = self.wrote.clone().unwrap_or_default();
        let reported = report_value(&judging.report, "as_of").and_then(|text| text.parse().ok());
        let hold = |name: &str, message: &str| CheckResult {
            name: name.to_owned(),
            column: None,
            verdict: Verdict::Hold,
            expected: "more".to_owned(),
            actual: "less".to_owned(),
            message: message.to_owned(),
        };
        let nothing = self.wrote.is_none().then(|| hold("candidate", "it wrote nothing"));
        let refusal = self.refused.map(|why| hold("rows.min", why));
        Judgement {
            measurement: Measurement {
                bytes: 100,
                rows: Some(80),
                sha256,
                as_of: reported.or(as_of),
            },
            checks: nothing.into_iter().chain(refusal).collect(),
            script: None,
            profile: judging.dataset.checks.learn().then(Profile::default),
        }
    }
}
