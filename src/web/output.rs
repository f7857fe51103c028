//! What an attempt printed, at most so much of its end, read while it may still be written.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tracing::warn;

use super::answer::Trouble;
use super::api::no_number;
use super::desk::Desk;
use crate::model::{Attempt, AttemptId, AttemptState, Redactor, Run, RunId, log_path};
use crate::runner::{LineKind, LogLine, LogReader, read_log, read_log_end};

/// Bytes of one answer.
pub(super) const BYTES_MAX: usize = 1 << 20;
/// A line counts as so many bytes more than its text.
const LINE_COST: usize = 64;

/// The end of an output.
#[derive(Debug, Default)]
pub(super) struct Printed {
    /// The run and its attempts.
    pub(super) of: Option<(Run, Vec<Attempt>)>,
    /// The lines, in order.
    pub(super) lines: Vec<Line>,
    /// Lines before them that are kept and not shown.
    pub(super) left_out: u64,
    /// What cannot be read behind them and why, where something cannot: as behind "the", and without a path.
    pub(super) unreadable: Option<String>,
}

/// One line of an output.
pub(super) type Line = LogLine;

impl Printed {
    /// The attempt that printed it.
    pub(super) fn attempt(&self) -> Option<AttemptId> {
        let (_, attempts) = self.of.as_ref()?;
        attempts.last().map(|last| last.id)
    }

    /// Leaves out all but the newest lines.
    pub(super) fn cut(&mut self, lines_max: usize) {
        let over = self.lines.len().saturating_sub(lines_max);
        self.lines.drain(..over);
        self.left_out += over as u64;
    }

    /// For programs, which would take what could be read for all that there is.
    pub(super) fn readable(self) -> Result<Self, Trouble> {
        match self.unreadable {
            Some(what) => Err(Trouble::Unreadable(format!("the {what}"))),
            None => Ok(self),
        }
    }
}

/// A line as `freshd logs --json` prints it.
pub(super) fn line_document(attempt: Option<AttemptId>, line: &LogLine) -> Value {
    json!({
        "run": attempt.map(|id| id.run),
        "attempt": attempt.map(|id| id.number),
        "at": line.at,
        "stream": (line.kind != LineKind::Gap).then_some(line.stream.as_str()),
        "kind": line.kind.as_str(),
        "text": String::from_utf8_lossy(&line.text),
    })
}

/// The end of what the last attempt of a run printed, at most `bytes_max` of it.
pub(super) async fn of_run(desk: &Arc<Desk>, id: RunId, bytes_max: usize) -> Result<Printed, Trouble> {
    of_attempt(desk, id, None, bytes_max).await
}

/// The same of an attempt by its number; of the last where none is given.
pub(super) async fn of_attempt(
    desk: &Arc<Desk>,
    id: RunId,
    number: Option<u32>,
    bytes_max: usize,
) -> Result<Printed, Trouble> {
    let found = desk.read(move |reader| reader.run(id)).await?;
    let (run, attempts) = found.ok_or_else(|| no_number("run", id.0))?;
    let meant = match number {
        Some(number) => {
            let meant = attempts.iter().find(|attempt| attempt.id.number == number);
            Some(meant.ok_or_else(|| no_number("attempt", number.into()))?)
        }
        None => attempts.last(),
    };
    let mut printed = match meant {
        Some(last) => {
            let state_dir = desk.state_dir();
            let (job, number) = (run.job.clone(), last.id.number);
            let ended = last.state == AttemptState::Ended;
            // The path is made of what the store says of the run, never of what was asked.
            let path = log_path(&state_dir, &job, AttemptId { run: id, number });
            let redactor = desk.settings().redactor.clone();
            let (mut printed, failed) = desk.compute(move || end_of(&path, ended, bytes_max, redactor)).await?;
            if let Some(error) = failed {
                if desk.is_first_unreadable(last.id) {
                    warn!(attempt = %last.id, %error, "an output cannot be read; pages show the rest");
                }
                let why = why_unreadable(&error);
                printed.unreadable = Some(format!("output of attempt {number} cannot be read: {why}"));
            }
            printed
        }
        None => Printed::default(),
    };
    printed.of = Some((run, attempts));
    Ok(printed)
}

/// The lines as they were printed.
pub(super) fn plain(printed: &Printed) -> Vec<u8> {
    let mut bytes = Vec::new();
    if printed.left_out > 0 {
        bytes.extend(format!("… {} lines before are left out here …\n", printed.left_out).into_bytes());
    }
    let mut in_line = None;
    for line in &printed.lines {
        if in_line.is_some_and(|stream| line.kind == LineKind::Gap || line.stream != stream) {
            bytes.push(b'\n');
        }
        bytes.extend(&line.text);
        in_line = (line.kind == LineKind::Piece).then_some(line.stream);
        if in_line.is_none() {
            bytes.push(b'\n');
        }
    }
    bytes
}

/// What whoever looks is told: an error of the system may name where the file lies, which is not for everybody.
fn why_unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "freshd may not read its file".to_owned(),
        io::ErrorKind::InvalidInput => "its file or directory is a link".to_owned(),
        kind if error.raw_os_error().is_some() => kind.to_string(),
        _ => "it is damaged".to_owned(),
    }
}

/// The end of what is there, or of what comes before the first that cannot be read.
fn end_of(path: &Path, ended: bool, bytes_max: usize, redactor: Redactor) -> (Printed, Option<io::Error>) {
    let mut end = End::new(bytes_max);
    // Where what comes before cannot be read, what can be is shown.
    let opened = read_log_end(path, bytes_max as u64).or_else(|_| read_log(path).map(|log| (log, 0)));
    let failed = match opened {
        Ok((log, before)) => end.after(before).read(log.hiding(redactor), ended).err(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(error),
    };
    let printed = Printed {
        lines: end.lines.into(),
        left_out: end.left_out,
        ..Printed::default()
    };
    (printed, failed)
}

/// The newest lines that fit.
struct End {
    lines: VecDeque<LogLine>,
    bytes: usize,
    bytes_max: usize,
    left_out: u64,
}

impl End {
    fn new(bytes_max: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            bytes: 0,
            bytes_max,
            left_out: 0,
        }
    }

    /// So many lines come before.
    fn after(&mut self, lines: u64) -> &mut Self {
        self.left_out += lines;
        self
    }

    fn read(&mut self, mut log: LogReader, ended: bool) -> io::Result<()> {
        for line in &mut log {
            self.push(line?);
        }
        if let Some(rest) = log.finish().filter(|_| ended) {
            self.push(rest);
        }
        Ok(())
    }

    fn push(&mut self, line: LogLine) {
        self.bytes += line.text.len() + LINE_COST;
        self.lines.push_back(line);
        while self.bytes > self.bytes_max
            && self.lines.len() > 1
            && let Some(first) = self.lines.pop_front()
        {
            self.bytes -= first.text.len() + LINE_COST;
            self.left_out += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::runner::Stream;

    #[test]
    fn of_a_long_output_the_end_is_kept_and_what_is_left_out_is_counted() {
        let mut end = End::new(10 * (LINE_COST + 5));
        for number in 0..25 {
            end.push(LogLine {
                at: Timestamp::UNIX_EPOCH,
                text: format!("{number:05}").into_bytes(),
                kind: LineKind::Whole,
                stream: Stream::Stdout,
            });
        }
        assert_eq!((end.lines.len(), end.left_out), (10, 15));
        assert_eq!(end.lines.back().unwrap().text, b"00024");
    }
}
