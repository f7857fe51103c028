//! `freshd logs -f`: goes on with an output as it grows, over all attempts of its run, and for a job over all its runs.
//!
//! It reads the files and the database, not the daemon: so it goes on while the daemon is down, and after it is back.

use super::printer::Printer;
use super::wake::Wake;
use super::{Shown, nothing_ran, print_all};
use crate::cli::exit::{Exit, Failure};
use crate::runner::LogReader;
use crate::store::Reader;

/// Follows one attempt to its end, or all of its run; with `goes_on` also the runs after it, without end.
pub(super) fn run(
    reader: &Reader,
    shown: &mut Shown,
    only: Option<u32>,
    goes_on: bool,
    printer: &mut Printer<'_>,
) -> Result<Exit, Failure> {
    let mut wake = Wake::new(&shown.state_dir);
    loop {
        if goes_on {
            printer.heading(&format!("run {} of {}", shown.run.id, shown.run.job))?;
        }
        one_run(reader, shown, only, &mut wake, printer)?;
        if !goes_on {
            return Ok(Exit::Fine);
        }
        let next = loop {
            // One at a time, in the order in which they were begun: of several that were begun meanwhile none is left out.
            match next_run(reader, shown)? {
                Some(next) => break next,
                None => wake.wait(&shown.run.job, printer)?,
            }
        };
        *shown = next;
    }
}

/// The first run of the job behind the one shown for which a process was started.
fn next_run(reader: &Reader, shown: &Shown) -> Result<Option<Shown>, Failure> {
    let next = reader.first_started_after(&shown.run.job, shown.run.id)?;
    let next = next.map(|id| Shown::read(reader, id, shown.state_dir.clone()));
    next.transpose()
}

fn one_run(
    reader: &Reader,
    shown: &mut Shown,
    only: Option<u32>,
    wake: &mut Wake,
    printer: &mut Printer<'_>,
) -> Result<(), Failure> {
    let mut number = only.or(shown.last_number()).unwrap_or(1);
    loop {
        while shown.attempt(number).is_none() {
            if shown.run.outcome.is_some() {
                return if shown.attempts.is_empty() {
                    Err(nothing_ran(&shown.run))
                } else {
                    Ok(())
                };
            }
            wake.wait(&shown.run.job, printer)?;
            shown.read_again(reader)?;
        }
        if number > 1 {
            printer.heading(&format!("attempt {number} of run {}", shown.run.id))?;
        }
        let mut log: Option<LogReader> = None;
        // What is known before the look, so that a last look follows the end.
        while !shown.has_ended(number) {
            printer.print(shown.id(number), &shown.log(number), &mut log)?;
            wake.wait(&shown.run.job, printer)?;
            shown.read_again(reader)?;
        }
        print_all(reader, shown, number, &mut log, printer)?;
        if only.is_some() {
            return Ok(());
        }
        number += 1;
    }
}
