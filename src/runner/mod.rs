//! One attempt: the keeper that outlives the daemon, process tree, limits, bounded output.

mod files;
mod open_files;
mod sys;
mod output_pipe;
mod wire;
mod journal;
mod log;
mod logread;
mod logpack;
mod logsearch;
mod process;
mod cgroup;
mod living;
mod access;
mod patience;
mod program;
mod keeper;
mod launch;
mod link;
mod inherited;
mod orphan;
mod client;
#[cfg(test)]
mod log_tests;

pub use client::{Keepers, Records, RunnerError, Unfinished, recover};
pub use files::boot_id;
#[cfg(fuzzing)]
pub use journal::fuzzing::exits_in;
pub use keeper::{REPORT_BYTES_MAX, keeper_main};
pub use log::{Stream, TAIL_BYTES_MAX};
pub use logpack::{PACK_BYTES_MIN, Packed, is_worth_packing, last_written, pack_log, packed_path};
pub use logread::{LINE_BYTES_MAX, LineKind, LogLine, LogReader, read_log, read_log_end};
pub use logsearch::{LogSearch, Passed, TEXT_BYTES_MAX, attempt_of_log, outputs_of};
pub use open_files::raise_open_files;
pub use sys::{give_back_memory, give_back_program, give_way_on_disks, keep_memory_small};
