//! Processes as /proc shows them: found by what only a test's own have, ended, and waited for.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// New processes may appear while those found are ended; each round ends all that are there.
const ROUNDS_MAX: usize = 20;

/// Processes with `dir` in their arguments or environment, or that work below it.
pub(crate) fn of_directory(dir: &Path) -> Vec<i32> {
    let name = dir.as_os_str().as_encoded_bytes();
    let holds = |path: String| {
        let text = std::fs::read(path).unwrap_or_default();
        text.windows(name.len()).any(|part| part == name)
    };
    where_pid(|pid| {
        let works_below = std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(dir));
        works_below || holds(format!("/proc/{pid}/cmdline")) || holds(format!("/proc/{pid}/environ"))
    })
}

/// Keepers of a state directory.
pub(crate) fn keepers_of(state_dir: &Path) -> Vec<i32> {
    let arguments = format!("\0keeper\0--state\0{}\0", state_dir.display());
    where_pid(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&arguments)
    })
}

/// Ends what `find` finds, until it finds nothing.
pub(crate) fn end_all(find: impl Fn() -> Vec<i32>) {
    for _ in 0..ROUNDS_MAX {
        let found = find();
        if found.is_empty() {
            return;
        }
        for pid in found {
            kill(pid);
        }
    }
}

/// Ends one process at once and waits until it is gone.
pub(crate) fn kill(pid: i32) {
    if let Some(process) = open(pid) {
        let _ = pidfd_send_signal(&process, Signal::KILL);
        ends_within(&process, super::PATIENCE);
    }
}

/// Waits until a process has ended.
#[track_caller]
pub(crate) fn wait_for_end(process: &OwnedFd, what: &str) {
    assert!(ends_within(process, super::PATIENCE), "{what} did not end");
}

/// Whether a process ends within so long; a zombie has ended.
pub(crate) fn ends_within(process: &OwnedFd, patience: Duration) -> bool {
    readable_within(process, patience)
}

/// Whether there is something to read within so long.
pub(crate) fn readable_within(file: &impl std::os::fd::AsFd, patience: Duration) -> bool {
    let patience = Timespec::try_from(patience).expect("a short time");
    poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&patience)).expect("poll") > 0
}

/// A process that cannot be mistaken for another one later.
pub(crate) fn open(pid: i32) -> Option<OwnedFd> {
    pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()
}

fn where_pid(is_one: impl Fn(i32) -> bool) -> Vec<i32> {
    let own = i32::try_from(std::process::id()).expect("a process id");
    let entries = std::fs::read_dir("/proc").expect("/proc");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != own && is_one(*pid)).collect()
}
