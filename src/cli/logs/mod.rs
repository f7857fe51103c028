//! `freshd logs`: what an attempt printed, each line with its time; `-f` goes on, `--grep` looks through all of a job.

mod follow;
mod printer;
mod search;
mod wake;

use std::path::PathBuf;

use jiff::Timestamp;

use super::exit::{Exit, Failure};
use super::global::Global;
use super::history::known_job;
use super::out::Out;
use super::{hidden, show, times};
use crate::model::{Attempt, AttemptId, AttemptState, Name, Run, RunId, log_path};
use crate::runner::{LogReader, LogSearch, Stream};
use crate::store::{HistoryFilter, Reader};
use printer::Printer;

/// How far back a job's last run with a process is looked for.
const RUNS_BACK_MAX: u32 = 1_000;

/// What `logs` is told.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[derive(Debug, clap::Args)]
pub(super) struct LogsArgs {
    /// A run's number (412), one of its attempts (412.2), or a job: its last run's last attempt
    #[arg(value_name = "RUN|JOB")]
    of: String,

    /// Go on until the run is over; with a job, go on with its next run
    #[arg(short, long, conflicts_with_all = ["grep", "since", "until", "limit"])]
    follow: bool,

    /// Only what was printed to stdout
    #[arg(long, conflicts_with = "stderr")]
    stdout: bool,

    /// Only what was printed to stderr
    #[arg(long)]
    stderr: bool,

    /// Only lines that hold this text, of all that is kept of the job's runs, the newest run first
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,

    /// Take upper and lower case for the same
    #[arg(short, long, requires = "grep")]
    ignore_case: bool,

    /// Only lines since then, of all runs: 2026-11-27, 2026-11-27T12:00, RFC 3339, or how long ago as in 2d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Only lines until then, of all runs
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// At most so many lines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

impl LogsArgs {
    fn stream(&self) -> Option<Stream> {
        match (self.stdout, self.stderr) {
            (true, _) => Some(Stream::Stdout),
            (_, true) => Some(Stream::Stderr),
            _ => None,
        }
    }

    /// What is looked for, where more than one output is looked through.
    fn search(&self, global: &Global) -> Result<Option<LogSearch>, Failure> {
        if self.grep.is_none() && self.since.is_none() && self.until.is_none() && self.limit.is_none() {
            return Ok(None);
        }
        let (now, zone) = (Timestamp::now(), global.zone());
        let instant = |option: &str, text: &Option<String>| {
            let read = text.as_deref().map(|text| times::parse_since(text, now, &zone));
            read.transpose()
                .map_err(|error| Failure::usage(format!("{option}: {error}")))
        };
        let text = self.grep.as_deref().unwrap_or_default();
        let search = LogSearch::new(text, self.ignore_case);
        let mut search = search.map_err(|error| Failure::usage(format!("--grep: {error}")))?;
        search.since = instant("--since", &self.since)?;
        search.until = instant("--until", &self.until)?;
        search.stream = self.stream();
        Ok(Some(search))
    }
}

/// A run and its attempts, as they are recorded, and where their output lies.
struct Shown {
    run: Run,
    attempts: Vec<Attempt>,
    state_dir: PathBuf,
}

impl Shown {
    fn read(reader: &Reader, id: RunId, state_dir: PathBuf) -> Result<Self, Failure> {
        let (run, attempts) = show::find(reader, id)?;
        Ok(Self {
            run,
            attempts,
            state_dir,
        })
    }

    fn read_again(&mut self, reader: &Reader) -> Result<(), Failure> {
        (self.run, self.attempts) = show::find(reader, self.run.id)?;
        Ok(())
    }

    fn last_number(&self) -> Option<u32> {
        self.attempts.last().map(|attempt| attempt.id.number)
    }

    fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|known| known.id.number == number)
    }

    fn has_ended(&self, number: u32) -> bool {
        let known = self.attempt(number);
        known.is_some_and(|known| known.state == AttemptState::Ended) || self.run.outcome.is_some()
    }

    fn id(&self, number: u32) -> AttemptId {
        AttemptId {
            run: self.run.id,
            number,
        }
    }

    fn log(&self, number: u32) -> PathBuf {
        log_path(&self.state_dir, &self.run.job, self.id(number))
    }
}

pub(super) fn run(args: &LogsArgs, global: &Global, out: &mut Out) -> Result<Exit, Failure> {
    let reader = global.reader()?;
    let state_dir = global.state_dir()?;
    let redactor = hidden::redactor(global, &state_dir);
    let mut printer = Printer::new(out, global.zone(), args.stream(), redactor.clone());
    if let Some(search) = args.search(global)? {
        let of = search::Of::named(&reader, &args.of)?;
        let search = search.hiding(redactor);
        return search::run(&of, &search, args.limit, &state_dir, &mut printer);
    }
    let (id, number) = find(&reader, &args.of)?;
    let mut shown = Shown::read(&reader, id, state_dir)?;
    if let Some(number) = number.filter(|number| shown.attempt(*number).is_none()) {
        return Err(Failure::usage(format!(
            "run {id} has no attempt {number}; it has {}",
            shown.attempts.len()
        )));
    }
    if args.follow {
        let goes_on = number.is_none() && run_number(&args.of).is_none();
        return follow::run(&reader, &mut shown, number, goes_on, &mut printer);
    }
    let Some(number) = number.or(shown.last_number()) else {
        return Err(nothing_ran(&shown.run));
    };
    if shown.attempts.len() > 1 {
        printer.heading(&format!("attempt {number} of run {id}"))?;
    }
    print_all(&reader, &shown, number, &mut None, &mut printer)?;
    Ok(Exit::Fine)
}

/// Prints what is there of an attempt's output, its last line too if the attempt has ended, or says why there is none.
fn print_all(
    reader: &Reader,
    shown: &Shown,
    number: u32,
    log: &mut Option<LogReader>,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    printer.print(shown.id(number), &shown.log(number), log)?;
    if let Some(rest) = log
        .as_mut()
        .filter(|_| shown.has_ended(number))
        .and_then(LogReader::finish)
    {
        printer.line(shown.id(number), &rest)?;
    }
    printer.end_line()?;
    if log.is_none() {
        let gone = reader.gone_of(&shown.run.job)?.logs;
        let gone = gone.filter(|(until, ..)| shown.run.id <= *until);
        printer.nothing(number, shown.attempt(number), gone)?;
    }
    Ok(())
}

fn run_number(of: &str) -> Option<RunId> {
    of.parse().ok().map(RunId)
}

/// The run, and the attempt where one is named.
fn find(reader: &Reader, of: &str) -> Result<(RunId, Option<u32>), Failure> {
    if let Some(id) = run_number(of) {
        return Ok((id, None));
    }
    if let Ok(AttemptId { run, number }) = of.parse() {
        return Ok((run, Some(number)));
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
