//! How far reading has come, for whoever waits for it; and how it is given up.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::error::Hindered;

/// One look at data, or one judgement, as seen from another thread.
#[derive(Debug, Default)]
pub struct Progress {
    bytes_read: AtomicU64,
    process: Mutex<Process>,
}

/// The process that reads a table, while there is one.
#[derive(Debug, Default)]
struct Process {
    pidfd: Option<OwnedFd>,
    is_given_up: bool,
}

impl Progress {
    /// A number that goes up while reading goes on: a large file can be told by it from a share that hangs.
    pub fn bytes_read(&self) -> &AtomicU64 {
        &self.bytes_read
    }

    /// Nobody waits any more: a process that reads a table for this is killed, and none is started again.
    pub fn give_up(&self) {
        let mut process = self.process();
        process.is_given_up = true;
        if let Some(pidfd) = &process.pidfd {
            // It may have ended already.
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
        }
    }

    /// Whether nobody waits any more: going on is of no use.
    pub fn is_given_up(&self) -> bool {
        self.process().is_given_up
    }

    /// An error once nobody waits any more.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.is_given_up() {
            false => Ok(()),
            true => Err(Hindered::new("reading it was given up").into()),
        }
    }

    /// Something was done, and more is to be done; an error once nobody waits any more.
    pub fn go_on(&self) -> io::Result<()> {
        self.add(1);
        self.check()
    }

    /// Something was done.
    pub(super) fn add(&self, count: u64) {
        self.bytes_read.fetch_add(count, Ordering::Relaxed);
    }

    /// From now on giving up kills this process. It must not have been waited for.
    ///
    /// # Errors
    /// Fails when there is no way to do that, as where no file can be opened any more.
    pub(super) fn watch(&self, child: &Child) -> io::Result<()> {
        let mut process = self.process();
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("a process without a number"))?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        if process.is_given_up {
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
        }
        process.pidfd = Some(pidfd);
        Ok(())
    }

    /// The process is no more.
    pub(super) fn watch_nothing(&self) {
        self.process().pidfd = None;
    }

    /// Nothing panics while it is held.
    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use super::*;

    /// A process that ends only when it is killed.
    fn waits_for_ever() -> Child {
        let command = &mut Command::new("cat");
        command.stdin(Stdio::piped()).spawn().expect("cat is there")
    }

    #[test]
    fn what_is_given_up_kills_the_process_that_reads_for_it_also_one_that_begins_later() {
        let progress = Progress::default();
        for _ in 0..2 {
            let mut child = waits_for_ever();
            // Waiting would close it, at which `cat` ends by itself.
            let _open = child.stdin.take();
            progress.watch(&child).expect("it can be watched");
            progress.give_up();
            assert_eq!(child.wait().expect("a child").signal(), Some(Signal::KILL.as_raw()));
            progress.watch_nothing();
        }
    }
}
