//! Looks at processes through /proc: who descends from whom, and which attempt a process belongs to.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use rustix::time::{ClockId, clock_gettime};

use crate::model::{AttemptId, RunId};
use jiff::Timestamp;

/// Longest environment that is read; the kernel allows no longer one by default.
const ENVIRONMENT_BYTES_MAX: u64 = 2 << 20;

/// Between the start that the kernel tells and the one that a keeper wrote down lies next to nothing.
const START_SPREAD: Duration = Duration::from_secs(2);

/// A process as /proc shows it. With `start_time` it is named beyond doubt within one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    /// Ticks since boot.
    pub(super) start_time: u64,
    /// It ended, and its parent has not asked how.
    pub(super) is_zombie: bool,
}

impl Process {
    /// When it began, as time since boot, suspend included.
    pub(super) fn began(&self) -> Duration {
        let ticks = rustix::param::clock_ticks_per_second().max(1);
        Duration::from_millis(self.start_time.saturating_mul(1_000) / ticks)
    }
}

/// Reads one process; `None` when it is gone.
pub(super) fn read_process(pid: i32) -> Option<Process> {
    let mut buffer = [0_u8; 1_024];
    let mut file = File::open(format!("/proc/{pid}/stat")).ok()?;
    let read = file.read(&mut buffer).ok()?;
    parse_stat(pid, buffer.get(..read)?)
}

/// Field numbers are those of the manual's page `proc_pid_stat`; the name in field 2 may hold anything, so we start behind its end.
fn parse_stat(pid: i32, stat: &[u8]) -> Option<Process> {
    let end_of_name = memchr::memrchr(b')', stat)?;
    let rest = std::str::from_utf8(stat.get(end_of_name + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    // Fields 7 to 21 lie between the session and the start time, which is field 22.
    let start_time = fields.nth(15)?.parse().ok()?;
    Some(Process {
        pid,
        parent,
        group,
        session,
        start_time,
        is_zombie: matches!(state, "Z" | "X"),
    })
}

/// Time since boot, suspend included: what timeouts are measured by.
pub(super) fn boot_now() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

/// The number of this process.
pub(super) fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// All processes of the machine that can be seen.
pub(super) fn all_processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(read_process)
        .collect()
}

/// The children of this process's first thread, which has those of threads that have ended as well; found by looking at
/// everything where the kernel does not list them.
pub(super) fn own_children() -> Vec<i32> {
    let own = own_pid();
    match fs::read_to_string(format!("/proc/self/task/{own}/children")) {
        Ok(children) => children
            .split_ascii_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .collect(),
        Err(_) => all_processes()
            .into_iter()
            .filter(|process| process.parent == own)
            .map(|process| process.pid)
            .collect(),
    }
}

/// Of `processes`: the roots and everything that descends from them, as far as the chain of parents still shows it,
/// and every process in a session led by one of `sessions`. Zombies are left out.
pub(super) fn family(processes: &[Process], roots: &HashSet<i32>, sessions: &HashSet<i32>) -> Vec<Process> {
    let mut found = HashSet::new();
    loop {
        let before = found.len();
        for process in processes {
            if roots.contains(&process.pid) || sessions.contains(&process.session) || found.contains(&process.parent) {
                found.insert(process.pid);
            }
        }
        if found.len() == before {
            break;
        }
    }
    processes
        .iter()
        .filter(|process| found.contains(&process.pid) && !process.is_zombie)
        .copied()
        .collect()
}

/// Whose process it is: the kernel gives its directory to that user.
pub(super) fn owner(pid: i32) -> Option<u32> {
    fs::metadata(format!("/proc/{pid}")).ok().map(|metadata| metadata.uid())
}

/// Sends a signal to exactly this process: by pidfd, so that a successor with the same number is never hit.
/// Returns whether it was there.
pub(super) fn signal(process: &Process, signal: Signal) -> bool {
    let Some(pid) = Pid::from_raw(process.pid) else {
        return false;
    };
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else {
        return false;
    };
    let is_same = read_process(process.pid).is_some_and(|now| now.start_time == process.start_time && !now.is_zombie);
    is_same && pidfd_send_signal(&pidfd, signal).is_ok()
}

/// The attempt named in a process's environment, and its report file.
pub(super) fn attempt_in_environment(pid: i32) -> Option<(AttemptId, Vec<u8>)> {
    let mut environment = Vec::new();
    File::open(format!("/proc/{pid}/environ"))
        .ok()?
        .take(ENVIRONMENT_BYTES_MAX)
        .read_to_end(&mut environment)
        .ok()?;
    let value = |key: &[u8]| {
        environment
            .split(|byte| *byte == 0)
            .find_map(|variable| variable.strip_prefix(key))
    };
    let number = |key: &[u8]| std::str::from_utf8(value(key)?).ok()?.parse::<u64>().ok();
    let id = AttemptId {
        run: RunId(number(b"FRESHD_RUN_ID=")?),
        number: u32::try_from(number(b"FRESHD_ATTEMPT=")?).ok()?,
    };
    let report = value(b"FRESHD_REPORT=").unwrap_or_default().to_vec();
    Some((id, report))
}

/// The leader of a session with this number that began at `at`, give or take `START_SPREAD`: what is recorded of a process
/// that has changed its environment, or does not let it be looked at.
pub(super) fn find_by_time(pid: u32, at: Timestamp) -> Option<Process> {
    let process = read_process(i32::try_from(pid).ok()?)?;
    let age = boot_now().saturating_sub(process.began());
    let apart = Timestamp::now().duration_since(at).unsigned_abs().abs_diff(age);
    (process.session == process.pid && !process.is_zombie && apart <= START_SPREAD).then_some(process)
}

/// The main process of an attempt whose pid was never written down: the leader of its session, told by the
/// environment. The report file lies in the state directory, so another freshd's run of the same number differs.
pub(super) fn find_main_process(id: AttemptId, report: &Path) -> Option<Process> {
    all_processes()
        .into_iter()
        .filter(|process| process.session == process.pid && !process.is_zombie)
        .find(|process| {
            attempt_in_environment(process.pid).is_some_and(|(found, found_report)| {
                found == id && found_report == report.as_os_str().as_encoded_bytes()
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_named_like_a_stat_line_is_still_read_right() {
        let stat = b"42 (a) R 1 2 3) S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 555 100 1";
        let process = parse_stat(42, stat).unwrap();
        assert_eq!((process.parent, process.group, process.session), (7, 8, 9));
        assert_eq!((process.start_time, process.is_zombie), (555, false));
    }

    #[test]
    fn this_very_process_can_be_read() {
        let own = own_pid();
        let process = read_process(own).unwrap();
        assert!(process.start_time > 0);
        assert!(all_processes().contains(&process));
    }
}
