//! The process that reads a table: takes away from itself what it could do harm with, and writes down the rows.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;

use rustix::process::{Pid, Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit};
use rustix::thread::set_no_new_privs;

use super::lines::{Lines, Wrong};
use super::request::TableRequest;
use super::source::Source;
use super::{COMPUTING_SECONDS_MAX, MEMORY_BYTES_MAX};
use crate::model::{AsOf, Format};
use crate::probe::parquet_table::read_parquet;
use crate::probe::table::{Pass, Row, Rows, shortened};
use crate::probe::workbook::read_workbook;

/// The kernel, when it is out of memory, takes this process rather than another.
const FIRST_TO_GO: &str = "1000";

/// Reads the table in standard input and writes its rows to standard output.
///
/// Never returns well without having said how reading ended; it may be killed for what the file makes its readers do.
pub fn read_table_main(request: &TableRequest) -> ExitCode {
    match read_table(request) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn read_table(request: &TableRequest) -> io::Result<()> {
    confine(request.asker)?;
    // One line, of which the asker shows what fits.
    std::panic::set_hook(Box::new(|panic| {
        let words = panic.payload_as_str().unwrap_or("it gave no reason");
        eprintln!("{}", shortened(words));
    }));
    let lines = Arc::new(Lines::new(owned(io::stdout())?));
    let source = Source::new(owned(io::stdin())?, lines.clone())?;
    let mut rows = Written {
        columns: &request.columns,
        lines: &lines,
    };
    let mut pass = Pass::new(&AsOf::Start, request.format.row_word(), &mut rows);
    let read = match &request.format {
        Format::Xlsx { sheet } => read_workbook(&source, sheet.as_deref(), &mut pass),
        Format::Parquet => read_parquet(&source, &mut pass),
        _ => Err(Wrong::Whole {
            why: "it is a text".to_owned(),
        }),
    };
    lines.end(pass.columns, read.err());
    Ok(())
}

fn owned(stream: impl AsFd) -> io::Result<File> {
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

/// Seconds of computing between the word that the time is over and the end.
const LAST_SECONDS: u64 = 5;

/// It has its three standard streams, a copy of each, and opens nothing but what the kernel says of it.
const FILES_MAX: u64 = 16;

/// From here on this process takes so much memory and time, writes no file, and does not outlive who asked.
fn confine(asker: Option<u32>) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let parent = getppid().map(Pid::as_raw_pid).and_then(|pid| u32::try_from(pid).ok());
    if asker.is_some_and(|asker| parent != Some(asker)) {
        return Err(io::Error::other("who asked for it is gone"));
    }
    set_no_new_privs(true)?;
    // No limit but a wish.
    let _ = fs::write("/proc/self/oom_score_adj", FIRST_TO_GO);
    for (resource, most, spare) in [
        (Resource::As, MEMORY_BYTES_MAX, 0),
        // At the first it is told that its time is over, which says so; at the second it would be killed by a signal
        // that others send too.
        (Resource::Cpu, COMPUTING_SECONDS_MAX, LAST_SECONDS),
        (Resource::Fsize, 0, 0),
        (Resource::Core, 0, 0),
        (Resource::Nofile, FILES_MAX, 0),
    ] {
        let bounded = |most: u64| getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most));
        let limit = Rlimit {
            current: Some(bounded(most)),
            maximum: Some(bounded(most + spare)),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}

/// Each row becomes a line.
struct Written<'a> {
    columns: &'a [String],
    lines: &'a Lines,
}

impl Rows for Written<'_> {
    fn wanted(&self) -> Vec<String> {
        self.columns.to_vec()
    }

    fn row(&mut self, row: &Row<'_>) {
        self.lines.row(row.line, row.values);
    }
}
