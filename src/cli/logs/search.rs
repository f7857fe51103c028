//! `freshd logs --grep`: looks through all that is kept of a job's runs, the newest run first, each in its own order.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use super::printer::{Printer, unreadable};
use super::run_number;
use crate::cli::exit::{Exit, Failure};
use crate::cli::history::known_job;
use crate::cli::show;
use crate::model::{AttemptId, Name, RunId, log_path};
use crate::runner::{LogSearch, outputs_of};
use crate::store::Reader;

/// Whose outputs are looked through.
pub(super) struct Of {
    job: Name,
    run: Option<RunId>,
    attempt: Option<u32>,
}

impl Of {
    /// Those of a job, a run or an attempt.
    pub(super) fn named(reader: &Reader, of: &str) -> Result<Self, Failure> {
        let (run, attempt) = match (run_number(of), of.parse::<AttemptId>()) {
            (Some(run), _) => (run, None),
            (None, Ok(AttemptId { run, number })) => (run, Some(number)),
            (None, Err(())) => {
                let job = Name::from(of);
                if reader.last_run_of(&job)?.is_none() {
                    known_job(reader, &job)?;
                }
                return Ok(Self {
                    job,
                    run: None,
                    attempt: None,
                });
            }
        };
        let (found, _) = show::find(reader, run)?;
        Ok(Self {
            job: found.job,
            run: Some(run),
            attempt,
        })
    }

    fn holds(&self, id: AttemptId) -> bool {
        self.run.is_none_or(|run| run == id.run) && self.attempt.is_none_or(|number| number == id.number)
    }
}

pub(super) fn run(
    of: &Of,
    search: &LogSearch,
    limit: Option<u64>,
    state_dir: &Path,
    printer: &mut Printer<'_>,
) -> Result<Exit, Failure> {
    printer.names_attempts = true;
    let mut left = limit.unwrap_or(u64::MAX);
    let mut found_any = false;
    let outputs = outputs_of(state_dir, &of.job).map_err(|error| unreadable(&state_dir.join("logs"), &error))?;
    for id in outputs.into_iter().filter(|id| of.holds(*id)) {
        let log = log_path(state_dir, &of.job, id);
        let mut printed = Ok(());
        let passed = search.go_through(&log, 0, u64::MAX, |line| {
            printed = printer.line(id, &line);
            left -= 1;
            found_any = true;
            if left == 0 || printed.is_err() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        printed?;
        printer.end_line()?;
        match passed {
            // What was removed meanwhile is not there to be looked through.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                // One that is damaged does not hide the others.
                printer.out.flush()?;
                eprintln!("freshd: cannot read {}: {error}", log.display());
            }
            _ => {}
        }
        if left == 0 {
            return Ok(Exit::Fine);
        }
    }
    if !found_any {
        printer.note("no line of that kind is kept")?;
    }
    Ok(Exit::Fine)
}
