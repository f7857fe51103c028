//! `freshd logs`: what an attempt printed, each line with its time; `-f` goes on until the run is over.

use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::global::Global;
use super::history::known_job;
use super::out::Out;
use super::paint::{Tone, tone};
use super::{show, times};
use crate::model::{Attempt, AttemptId, AttemptState, HistoryLimit, Name, Run, RunId, has_power, log_path};
use crate::runner::{LineKind, LogLine, LogReader, read_log};
use crate::store::{HistoryFilter, Reader};

/// How often a growing output is looked at. An output is up to three files that come and go, and the end of its run
/// is a row of the database: one look at both costs less than watching each, and only while somebody reads.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How far back a job's last run with a process is looked for.
const RUNS_BACK_MAX: u32 = 1_000;

/// What `logs` is told.
#[derive(Debug, clap::Args)]
pub(super) struct LogsArgs {
    /// A run's number (412), one of its attempts (412.2), or a job: its last run's last attempt
    #[arg(value_name = "RUN|JOB")]
    of: String,

    /// Go on until the run is over
    #[arg(short, long)]
    follow: bool,
}

/// Prints the lines of one attempt after the other.
struct Printer<'a> {
    out: &'a mut Out,
    zone: TimeZone,
    now: Timestamp,
    /// The line before goes on.
    in_line: bool,
}

pub(super) fn run(args: &LogsArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let reader = global.reader()?;
    let (id, number) = find(&reader, &args.of)?;
    let (mut run, mut attempts) = show::find(&reader, id)?;
    let state_dir = global.state_dir()?;
    let mut printer = Printer {
        out,
        zone: global.zone(),
        now: Timestamp::now(),
        in_line: false,
    };
    let mut attempt = match number {
        Some(number) => number,
        None if args.follow && attempts.is_empty() => 1,
        None => last_number(&attempts).ok_or_else(|| nothing_ran(&run))?,
    };
    if number.is_some_and(|number| attempts.iter().all(|attempt| attempt.id.number != number)) {
        return Err(Failure::usage(format!(
            "run {id} has no attempt {attempt}; it has {}",
            attempts.len()
        )));
    }
    loop {
        let mut log: Option<LogReader> = None;
        let path = log_path(
            &state_dir,
            &run.job,
            AttemptId {
                run: id,
                number: attempt,
            },
        );
        if attempts.len() > 1 || attempt > 1 {
            printer.heading(&format!("attempt {attempt} of run {id}"))?;
        }
        loop {
            // What is known before the look, so that a last look follows the end.
            let known = attempts.iter().find(|known| known.id.number == attempt);
            let ended = known.is_some_and(|known| known.state == AttemptState::Ended) || run.outcome.is_some();
            printer.print(&path, &mut log)?;
            if ended || !args.follow {
                if let Some(rest) = log.as_mut().filter(|_| ended).and_then(LogReader::finish) {
                    printer.line(&rest)?;
                }
                printer.end_line()?;
                if log.is_none() {
                    let gone = reader.gone_of(&run.job)?.logs.filter(|(until, ..)| id <= *until);
                    printer.nothing(attempt, known, gone)?;
                }
                break;
            }
            printer.out.flush()?;
            std::thread::sleep(LOOK_AGAIN);
            (run, attempts) = show::find(&reader, id)?;
        }
        if !args.follow || number.is_some() {
            return Ok(Exit::Fine);
        }
        // The next attempt, if one comes.
        while run.outcome.is_none() && last_number(&attempts).is_none_or(|last| last <= attempt) {
            printer.out.flush()?;
            std::thread::sleep(LOOK_AGAIN);
            (run, attempts) = show::find(&reader, id)?;
        }
        if last_number(&attempts).is_none_or(|last| last <= attempt) {
            return Ok(Exit::Fine);
        }
        attempt += 1;
    }
}

/// The run, and the attempt where one is named.
fn find(reader: &Reader, of: &str) -> Result<(RunId, Option<u32>), Failure> {
    if let Ok(id) = of.parse() {
        return Ok((RunId(id), None));
    }
    if let Some((id, number)) = of.split_once('.')
        && let (Ok(id), Ok(number)) = (id.parse(), number.parse())
    {
        return Ok((RunId(id), Some(number)));
    }
    let job = Name::from(of);
    let filter = HistoryFilter {
        job: Some(job.clone()),
        limit: RUNS_BACK_MAX,
        ..HistoryFilter::default()
    };
    let runs = reader.history(&filter)?;
    if runs.is_empty() {
        known_job(reader, &job)?;
    }
    let last = runs.iter().find(|run| run.attempts > 0);
    last.map(|run| (run.id, None))
        .ok_or_else(|| Failure::not_fine(format!("{of} has not run yet; `freshd next {of}` tells when it will")))
}

fn last_number(attempts: &[Attempt]) -> Option<u32> {
    attempts.last().map(|attempt| attempt.id.number)
}

fn nothing_ran(run: &Run) -> Failure {
    let words = run
        .outcome
        .map_or(run.state.as_str(), |outcome| outcome.as_str())
        .replace('_', " ");
    let reason = run
        .reason
        .as_deref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    Failure::not_fine(format!(
        "run {} has no output, since no process was started for it; it is {words}{reason}",
        run.id
    ))
}

impl Printer<'_> {
    /// Prints what there is of an output; opens it once it is there.
    fn print(&mut self, path: &Path, log: &mut Option<LogReader>) -> Result<(), Failure> {
        let unreadable = |error: &io::Error| Failure::not_fine(format!("cannot read {}: {error}", path.display()));
        if log.is_none() {
            match read_log(path) {
                Ok(opened) => *log = Some(opened),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(unreadable(&error)),
            }
        }
        for line in log.iter_mut().flatten() {
            self.line(&line.map_err(|error| unreadable(&error))?)?;
        }
        Ok(())
    }

    fn line(&mut self, line: &LogLine) -> io::Result<()> {
        if self.out.json {
            let kind = match line.kind {
                LineKind::Whole => "line",
                LineKind::Piece => "piece",
                LineKind::Gap => "gap",
            };
            return self
                .out
                .document(&json!({ "at": line.at, "kind": kind, "text": String::from_utf8_lossy(&line.text) }));
        }
        if line.kind == LineKind::Gap {
            self.end_line()?;
            return self.out.line(tone(Tone::Warn, String::from_utf8_lossy(&line.text)));
        }
        if !self.in_line {
            let at = times::moment_with_seconds(line.at, self.now, &self.zone);
            self.out.text(&format!("{}  ", tone(Tone::Dim, at)))?;
        }
        if self.out.terminal {
            self.out.raw(harmless(&line.text).as_bytes())?;
        } else {
            self.out.raw(&line.text)?;
        }
        self.in_line = line.kind == LineKind::Piece;
        if !self.in_line {
            self.out.raw(b"\n")?;
        }
        Ok(())
    }

    fn end_line(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.in_line) {
            self.out.raw(b"\n")?;
        }
        Ok(())
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        if self.out.json {
            return Ok(());
        }
        self.out.line(tone(Tone::Dim, format!("-- {text}")))
    }

    /// Says why there is no output: it printed none, or `[history]` has removed it, or somebody else has.
    fn nothing(
        &mut self,
        number: u32,
        attempt: Option<&Attempt>,
        gone: Option<(RunId, Timestamp, HistoryLimit)>,
    ) -> io::Result<()> {
        if self.out.json {
            return Ok(());
        }
        let text = match (attempt.map(|attempt| attempt.output.bytes), gone) {
            (Some(bytes), Some((_, at, limit))) if bytes > 0 => format!(
                "attempt {number} printed {bytes} bytes, which were removed {}: [history] {}",
                times::moment(at, self.now, &self.zone),
                limit.as_str()
            ),
            (Some(bytes), _) if bytes > 0 => {
                format!("attempt {number} printed {bytes} bytes, which are no longer kept")
            }
            _ => format!("attempt {number} printed nothing"),
        };
        self.out.line(tone(Tone::Dim, text))
    }
}

/// What a job printed, without power over the terminal.
fn harmless(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '\t' => text.push('\t'),
            c if c.is_control() => text.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if has_power(c) => text.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_a_job_are_shown_and_not_obeyed() {
        assert_eq!(
            harmless("gvc.\u{202e}exe\u{200b}".as_bytes()),
            "gvc.\\u{202e}exe\\u{200b}"
        );
        assert_eq!(
            harmless(b"a\tb\x1b[2J\x07\xff\xc2\x9b0m"),
            "a\tb\\x1b[2J\\x07\u{fffd}\\x9b0m"
        );
    }
}
