//! What the jobs say they did, read from the one file that freshd does not know of.

use std::collections::BTreeMap;
use std::path::Path;

use freshd::model::{AttemptId, Name, RunId};
use jiff::Timestamp;

/// Everything one attempt wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Did {
    /// Its job.
    pub(crate) job: Name,
    /// The due time it was given.
    pub(crate) due_at: Option<Timestamp>,
    /// The processes that began it, in order; one, if all is well.
    pub(crate) starts: Vec<Start>,
    /// Last sign of life, in nanoseconds since boot.
    pub(crate) last_ns: u64,
    /// The codes it said it would exit with.
    pub(crate) ends: Vec<i32>,
    /// Whether the candidate it wrote is whole.
    pub(crate) wrote: Option<bool>,
}

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// Its process id.
    pub(crate) pid: i32,
    /// When, in nanoseconds since boot.
    pub(crate) at_ns: u64,
}

/// All attempts that wrote something.
pub(crate) type Evidence = BTreeMap<AttemptId, Did>;

/// Reads the file.
pub(crate) fn read(path: &Path) -> Evidence {
    parse(&std::fs::read_to_string(path).unwrap_or_default())
}

/// Reads its text.
///
/// # Panics
/// When a line is not whole: the file is written by appends of one line each.
pub(crate) fn parse(text: &str) -> Evidence {
    let mut evidence = Evidence::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [kind, job, due, run, attempt, pid, at, value] = words[..] else {
            panic!("not a line of evidence: {line:?}");
        };
        let id = AttemptId {
            run: RunId(run.parse().expect("a run")),
            number: attempt.parse().expect("an attempt"),
        };
        let at_ns = at.parse().expect("nanoseconds");
        let did = evidence.entry(id).or_insert_with(|| Did {
            job: Name::from(job),
            due_at: (due != "-").then(|| due.parse().expect("a due time")),
            starts: Vec::new(),
            last_ns: at_ns,
            ends: Vec::new(),
            wrote: None,
        });
        did.last_ns = did.last_ns.max(at_ns);
        match kind {
            "start" => did.starts.push(Start {
                pid: pid.parse().expect("a process id"),
                at_ns,
            }),
            "end" => did.ends.push(value.parse().expect("a code")),
            "wrote" => did.wrote = Some(value == "whole"),
            "alive" => {}
            other => panic!("unknown evidence: {other}"),
        }
    }
    evidence
}
