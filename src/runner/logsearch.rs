//! Looks through the outputs that are kept of a job, for a text, a time and a stream, in memory that does not grow.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use jiff::Timestamp;
use regex::bytes::{Regex, RegexBuilder};

use super::log::Stream;
use super::logpack::last_written;
use super::logread::{LineKind, LogLine, read_log};
use crate::model::{AttemptId, Name, Redactor};

/// A text of more bytes is not looked for.
pub const TEXT_BYTES_MAX: usize = 4 << 10;

/// What is looked for. A line of more than `LINE_BYTES_MAX` is looked at in pieces, and so is one that the other stream
/// breaks into.
#[derive(Clone, Debug)]
pub struct LogSearch {
    /// A text, as a pattern; empty for any.
    text: Regex,
    /// Only lines that began at that time or later.
    pub since: Option<Timestamp>,
    /// Only lines that began until then.
    pub until: Option<Timestamp>,
    /// Only lines of this stream.
    pub stream: Option<Stream>,
    redactor: Redactor,
}

/// How far a search has come in one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Lines it has gone over, those left out before it began among them.
    pub lines: u64,
    /// Bytes of those it has looked at.
    pub bytes: u64,
    /// Nothing of it is left to be looked at.
    pub is_whole: bool,
}

impl LogSearch {
    /// Looks for a text wherever and whenever it was printed.
    ///
    /// # Errors
    /// A sentence, when the text is too long.
    pub fn new(text: &str, ignore_case: bool) -> Result<Self, String> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(format!("the text has more than {TEXT_BYTES_MAX} bytes"));
        }
        let text = RegexBuilder::new(&regex::escape(text))
            .case_insensitive(ignore_case)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            text,
            since: None,
            until: None,
            stream: None,
            redactor: Redactor::default(),
        })
    }

    /// Hides these secrets in what it finds, and finds nothing by them.
    #[must_use]
    pub fn hiding(self, redactor: Redactor) -> Self {
        Self { redactor, ..self }
    }

    /// Goes through one output behind its first `from_line` lines, looks at about `bytes_max` bytes at most, and hands
    /// each line that was looked for to `found`, which says whether to go on.
    ///
    /// # Errors
    /// When it cannot be read; `NotFound` when there is none.
    pub fn go_through(
        &self,
        log: &Path,
        from_line: u64,
        bytes_max: u64,
        mut found: impl FnMut(LogLine) -> ControlFlow<()>,
    ) -> io::Result<Passed> {
        let mut passed = Passed {
            lines: 0,
            bytes: 0,
            is_whole: true,
        };
        if self
            .since
            .is_some_and(|since| last_written(log).is_some_and(|last| last < since))
        {
            return Ok(passed);
        }
        let mut reader = read_log(log)?.hiding(self.redactor.clone());
        let mut ended = false;
        while !ended {
            if passed.bytes >= bytes_max {
                passed.is_whole = false;
                break;
            }
            let next = reader.next().transpose()?;
            // Also what an attempt has printed so far of a line that it goes on with.
            let Some(line) = next.or_else(|| reader.finish().inspect(|_| ended = true)) else {
                break;
            };
            passed.lines += 1;
            if passed.lines <= from_line {
                continue;
            }
            passed.bytes += line.text.len() as u64 + 1;
            if self.until.is_some_and(|until| line.at > until) {
                break;
            }
            if self.wants(&line) && found(line).is_break() {
                passed.is_whole = ended;
                break;
            }
        }
        Ok(passed)
    }

    fn wants(&self, line: &LogLine) -> bool {
        line.kind != LineKind::Gap
            && self.stream.is_none_or(|stream| stream == line.stream)
            && self.since.is_none_or(|since| line.at >= since)
            && self.text.is_match(&line.text)
    }
}

/// The attempts of a job of which an output is kept, the newest first.
///
/// # Errors
/// When its directory cannot be read. That there is none is no error.
pub fn outputs_of(state_dir: &Path, job: &Name) -> io::Result<Vec<AttemptId>> {
    let dir = state_dir.join("logs").join(job.as_str());
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        found.extend(entry?.file_name().to_str().and_then(attempt_of_log));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.dedup();
    Ok(found)
}

/// The attempt whose output begins in a file of this name.
pub fn attempt_of_log(name: &str) -> Option<AttemptId> {
    let name = name.strip_suffix(".zst").unwrap_or(name);
    name.strip_suffix(".log")?.parse().ok()
}
