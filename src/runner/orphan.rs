//! Sees an attempt to its end whose keeper died: by pidfd, with its timeout and its output, and without guessing its
//! status.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use super::cgroup::Leaf;
use super::files::boot_id;
use super::inherited::{FoundPipes, Inherited};
use super::journal::{Running, Started};
use super::keeper::read_report;
use super::living::main_process;
use super::output_pipe::{self, PipeNumbers};
use super::patience::{DRAIN, SWEEP, SWEEP_PACE, UNKILLABLE_AFTER};
use super::process::{
    Process, all_processes, attempt_in_environment, boot_now, family, find_main_process, read_process, signal,
};
use super::sys;
use crate::model::{Exit, ExitStatus, StopReason, Usage};

/// Between two tries to watch a process that cannot be watched for lack of open files.
const WATCH_RETRY: Duration = Duration::from_secs(1);

/// The boot clock runs on while the machine sleeps, tokio's does not: look at it at least this often.
const CLOCK_PACE: Duration = Duration::from_secs(30);

/// An attempt without a keeper.
pub(super) struct Orphan {
    pub(super) started: Started,
    /// Missing when the keeper died before it could write it.
    pub(super) running: Option<Running>,
}

/// How it was ended.
#[derive(Default)]
struct Stop {
    reason: Option<StopReason>,
    /// SIGKILL was sent.
    was_killed: bool,
    /// Hears why it is ended, before it is.
    says: Option<Box<dyn Fn(StopReason) + Send + Sync>>,
}

impl Orphan {
    /// Finds its main process, alive or as a zombie of ours.
    pub(super) fn find(&self) -> Option<Process> {
        if self.is_of_another_boot() {
            return None;
        }
        match &self.running {
            Some(running) => i32::try_from(running.pid)
                .ok()
                .and_then(read_process)
                .filter(|process| process.start_time == running.start_time),
            None => self
                .leaf()
                .and_then(|leaf| main_process(&leaf).filter(|main| main.pid == main.session))
                .or_else(|| find_main_process(self.started.id, &self.started.report)),
        }
    }

    fn is_of_another_boot(&self) -> bool {
        self.started.boot_id != boot_id()
    }

    /// Waits for its end and reads what it prints until then; a message in `stops` tells it to end earlier. `death` is what is
    /// known of the end of its keeper: `its keeper died`, or more.
    pub(super) async fn watch(self, death: &str, mut stops: mpsc::UnboundedReceiver<StopReason>) -> Exit {
        let process = self.find();
        // First: who holds the pipes now may be gone in a moment, and what is in them with it.
        let pipes = self.find_pipes(process.as_ref());
        let mut output = Inherited::take_up(self.started.log.clone(), pipes);
        let mut stop = Stop::default();
        let status = match &process {
            Some(process) => match watchable(process).await {
                Some(pidfd) => {
                    let seen = self.wait(process, pidfd, &mut output, &mut stop, &mut stops).await;
                    seen.ok_or("; its end was seen, but its status went to another parent")
                }
                None => Err(", and its end was not seen"),
            },
            None if self.is_of_another_boot() => {
                Ok(ExitStatus::Unknown("the machine was rebooted while it ran".to_owned()))
            }
            None => Err(", and it ended before anybody could see how"),
        };
        let status = status.unwrap_or_else(|why| ExitStatus::Unknown(format!("{death}{why}")));
        let ended_at = Timestamp::now();
        if !stop.was_killed {
            output.hear_for(DRAIN).await;
        }
        let leftovers_killed = if self.started.keep_leftovers && stop.reason.is_none() {
            0
        } else {
            self.sweep(process).await
        };
        output.hear_rest().await;
        let mut usage = Usage {
            leftovers_killed,
            ..Usage::default()
        };
        if let Some(leaf) = self.leaf() {
            leaf.add_to(&mut usage);
            // With what is left alone in it, it stays.
            leaf.remove();
        }
        let pid = process.and_then(|process| u32::try_from(process.pid).ok());
        Exit {
            id: self.started.id,
            status,
            stop: stop.reason,
            started_at: self.running.as_ref().map_or(self.started.at, |running| running.at),
            ended_at,
            pid: self.running.as_ref().map_or(pid.unwrap_or(0), |running| running.pid),
            usage,
            output: output.finish(),
            out_of_memory: None,
            report: read_report(&self.started.report),
        }
    }

    /// The cgroup that it lives in, and nothing else does.
    fn leaf(&self) -> Option<Leaf> {
        let path = self.started.cgroup.as_deref()?;
        // In another boot nothing of it is left.
        (!self.is_of_another_boot()).then(|| Leaf::reopen(path)).flatten()
    }

    /// Ends it in time for a keeper that lives and does not answer: output, leftovers and its status stay that keeper's.
    pub(super) async fn end_in_time(
        &self,
        mut stops: mpsc::UnboundedReceiver<StopReason>,
        says: impl Fn(StopReason) + Send + Sync + 'static,
    ) {
        let Some(process) = self.find() else { return };
        let Some(pidfd) = watchable(&process).await else {
            return;
        };
        let mut stop = Stop {
            says: Some(Box::new(says)),
            ..Stop::default()
        };
        let mut no_output = Inherited::take_up(None, FoundPipes::default());
        self.wait(&process, pidfd, &mut no_output, &mut stop, &mut stops).await;
    }

    /// The pipes it prints into, through whichever of its processes holds them.
    fn find_pipes(&self, main: Option<&Process>) -> FoundPipes {
        // Nothing of it lives in another boot.
        if self.started.log.is_none() || self.is_of_another_boot() {
            return FoundPipes::default();
        }
        let main_pid = main.map(|main| main.pid);
        let numbers = match &self.running {
            Some(running) => PipeNumbers {
                stdout: running.pipe,
                stderr: running.stderr_pipe,
            },
            None => main_pid.map(output_pipe::of_new_process).unwrap_or_default(),
        };
        let mut others: Option<Vec<Process>> = None;
        let mut find = |number: Option<u64>| {
            let number = number?;
            output_pipe::find(number, main_pid).or_else(|| {
                let others = others.get_or_insert_with(|| self.leftovers(main.copied()));
                output_pipe::find(number, others.iter().map(|process| process.pid))
            })
        };
        let pipes = [find(numbers.stdout), find(numbers.stderr)];
        let [stdout, stderr] = &pipes;
        let is_whole = stdout.is_some() && (stderr.is_some() || numbers.stderr.is_none());
        FoundPipes { pipes, is_whole }
    }

    /// Nothing where nobody can say any more how it ended.
    async fn wait(
        &self,
        process: &Process,
        pidfd: AsyncFd<OwnedFd>,
        output: &mut Inherited,
        stop: &mut Stop,
        stops: &mut mpsc::UnboundedReceiver<StopReason>,
    ) -> Option<ExitStatus> {
        let timeout = self.started.timeout_ms.map(Duration::from_millis);
        let timeout_at = timeout.map(|timeout| process.began().saturating_add(timeout));
        let mut kill_at = None;
        let mut give_up_at = None;
        loop {
            let next = give_up_at.or(kill_at).or(timeout_at);
            let pause = next.map_or(CLOCK_PACE, |at| at.saturating_sub(boot_now()));
            let mut reason = None;
            tokio::select! {
                biased;
                _ = pidfd.readable() => return status_of(pidfd.get_ref()),
                Some(asked) = stops.recv() => reason = Some(asked),
                () = tokio::time::sleep(pause.min(CLOCK_PACE)) => {}
                () = output.hear(), if output.can_be_heard() => continue,
            }
            let now = boot_now();
            if stop.reason.is_none() && timeout_at.is_some_and(|at| at <= now) {
                reason = Some(StopReason::Timeout);
            }
            if let (None, Some(reason)) = (stop.reason, reason) {
                stop.reason = Some(reason);
                if let Some(says) = &stop.says {
                    says(reason);
                }
                kill_at = Some(now + Duration::from_millis(self.started.kill_after_ms));
                for kind in [Signal::TERM, Signal::CONT] {
                    end(process, kind);
                    self.signal_strays(process, kind);
                }
            } else if give_up_at.is_some_and(|at| at <= now) {
                return Some(ExitStatus::Unknown(format!(
                    "unkillable: process {} still lives {} s after SIGKILL",
                    process.pid,
                    UNKILLABLE_AFTER.as_secs()
                )));
            } else if kill_at.is_some_and(|at| at <= now) && give_up_at.is_none() {
                give_up_at = Some(now + UNKILLABLE_AFTER);
                stop.was_killed = true;
                if let Some(leaf) = self.leaf() {
                    leaf.kill();
                }
                end(process, Signal::KILL);
            }
        }
    }

    /// Tells those of its cgroup that descent and session do not show.
    fn signal_strays(&self, main: &Process, kind: Signal) {
        let all = all_processes();
        let of_main = HashSet::from([main.pid]);
        let told = family(&all, &of_main, &of_main);
        for process in self.leaf().map(|leaf| leaf.members()).unwrap_or_default() {
            if !told.iter().any(|known| known.pid == process.pid) {
                signal(&process, kind);
            }
        }
    }

    /// Kills what it left behind, and returns how much that was.
    async fn sweep(&self, main: Option<Process>) -> u32 {
        let mut killed = HashSet::new();
        let until = boot_now() + SWEEP;
        loop {
            let left = self.leftovers(main);
            let populated = self.leaf().filter(Leaf::is_populated);
            if (left.is_empty() && populated.is_none()) || boot_now() >= until {
                return u32::try_from(killed.len()).unwrap_or(u32::MAX);
            }
            for process in left {
                if signal(&process, Signal::KILL) {
                    killed.insert((process.pid, process.start_time));
                }
            }
            if let Some(leaf) = populated {
                leaf.kill();
            }
            tokio::time::sleep(SWEEP_PACE).await;
        }
    }

    /// Told by its session and its environment: the report file lies in the state directory, so the attempts of
    /// another freshd differ even when their numbers do not.
    fn leftovers(&self, main: Option<Process>) -> Vec<Process> {
        let all = all_processes();
        let mut sessions = HashSet::new();
        let mut roots = HashSet::new();
        if let Some(main) = main {
            // The number may belong to somebody else by now.
            let is_taken = read_process(main.pid).is_some_and(|process| process.start_time != main.start_time);
            if !is_taken {
                sessions.insert(main.pid);
            }
        }
        let report = self.started.report.as_os_str().as_encoded_bytes();
        for process in &all {
            let found = attempt_in_environment(process.pid);
            if found.is_some_and(|(id, path)| id == self.started.id && path == report) {
                roots.insert(process.pid);
            }
        }
        let mut left = family(&all, &roots, &sessions);
        let inside = self.leaf().map(|leaf| leaf.members()).unwrap_or_default();
        for process in inside {
            if !process.is_zombie && !left.iter().any(|known| known.pid == process.pid) {
                left.push(process);
            }
        }
        left.retain(|process| main.is_none_or(|main| main.pid != process.pid));
        left
    }
}

/// Its pidfd, watched. Where open files are short, it is waited for: that it cannot be watched is no end. `None` when it
/// is gone.
async fn watchable(process: &Process) -> Option<AsyncFd<OwnedFd>> {
    loop {
        let pidfd = pidfd_open(Pid::from_raw(process.pid)?, PidfdFlags::empty()).map_err(io::Error::from);
        match pidfd.and_then(sys::watch) {
            // Only now: its number cannot change hands while the descriptor is open.
            Ok(pidfd) => return is_still(process).then_some(pidfd),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return None,
            Err(error) => tracing::warn!(pid = process.pid, %error, "cannot watch a process; trying again"),
        }
        tokio::time::sleep(WATCH_RETRY).await;
    }
}

fn is_still(process: &Process) -> bool {
    read_process(process.pid).is_some_and(|now| now.start_time == process.start_time)
}

/// The true status, if the process came to us when its keeper died: a daemon is subreaper of the keepers it started.
fn status_of(pidfd: &OwnedFd) -> Option<ExitStatus> {
    let ended = waitid(
        WaitId::PidFd(pidfd.as_fd()),
        WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
    );
    let status = ended.ok().flatten()?;
    let code = status.exit_status().map(ExitStatus::Code);
    code.or_else(|| status.terminating_signal().map(ExitStatus::Signal))
}

fn end(process: &Process, kind: Signal) {
    let all = all_processes();
    let main = HashSet::from([process.pid]);
    if is_still(process)
        && let Some(group) = Pid::from_raw(process.pid)
    {
        let _ = kill_process_group(group, kind);
    }
    for member in family(&all, &main, &main) {
        if member.group != process.pid {
            signal(&member, kind);
        }
    }
}
