//! `freshd read-table`, hidden: reads a workbook or a Parquet file for another freshd, in a process that may be killed.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::probe::{TableRequest, read_table_main};

/// Reads the table in standard input, when that is what a command line asks for.
///
/// Not by the parser for people: there is one such process for each file, and what it takes counts.
pub(super) fn run(words: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    TableRequest::of(words).map(|request| read_table_main(&request))
}
