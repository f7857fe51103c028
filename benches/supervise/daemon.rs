//! A freshd under measurement: started, awaited, and ended with its keeper whatever happens.

use std::fs::File;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

use crate::accounts::{self, Cpu, Memory};

/// Longest wait for a daemon that starts or ends.
const WAIT_MAX: Duration = Duration::from_mins(2);

/// A directory on a real disk, beside the build: a state directory in memory would make every sync free.
pub(crate) fn scratch_dir() -> anyhow::Result<tempfile::TempDir> {
    let mut dir = tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    dir.disable_cleanup(std::env::var_os("FRESHD_BENCH_KEEP").is_some());
    Ok(dir)
}

/// A running daemon.
pub(crate) struct Daemon {
    child: Child,
    state_dir: PathBuf,
    /// From exec to the word that it supervises.
    pub(crate) ready_after: Duration,
}

/// CPU time of a daemon with all that belongs to it, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Split {
    pub(crate) daemon: f64,
    pub(crate) keeper: f64,
    pub(crate) jobs: f64,
}

impl Split {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            daemon: self.daemon - before.daemon,
            keeper: self.keeper - before.keeper,
            jobs: self.jobs - before.jobs,
        }
    }
}

impl Daemon {
    /// Starts `program serve` and waits until it says by the notification socket that it supervises.
    pub(crate) fn start(program: &Path, config: &Path, state_dir: &Path) -> anyhow::Result<Self> {
        let dir = config.parent().context("a configuration lies in a directory")?;
        let socket = dir.join("notify");
        let _ = std::fs::remove_file(&socket);
        let notify = UnixDatagram::bind(&socket)?;
        notify.set_read_timeout(Some(WAIT_MAX))?;
        let log = File::options().create(true).append(true).open(dir.join("daemon.log"))?;
        let mut command = Command::new(program);
        command
            .arg("--config")
            .arg(config)
            .arg("--state")
            .arg(state_dir)
            .arg("serve");
        command
            .env("NOTIFY_SOCKET", &socket)
            .env_remove("RUST_LOG")
            .current_dir(dir);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let begun = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut daemon = Self {
            child,
            state_dir: state_dir.to_owned(),
            ready_after: Duration::ZERO,
        };
        let mut message = [0; 4096];
        while begun.elapsed() < WAIT_MAX {
            notify.set_read_timeout(Some(Duration::from_millis(500)))?;
            if let Ok(bytes) = notify.recv(&mut message)
                && String::from_utf8_lossy(&message[..bytes]).contains("READY=1")
            {
                daemon.ready_after = begun.elapsed();
                return Ok(daemon);
            }
            if let Some(status) = daemon.child.try_wait()? {
                let log = std::fs::read_to_string(dir.join("daemon.log")).unwrap_or_default();
                let lines: Vec<&str> = log.lines().rev().take(12).collect();
                let lines: Vec<&str> = lines.into_iter().rev().collect();
                anyhow::bail!("freshd ended with {status}:\n{}", lines.join("\n"));
            }
        }
        anyhow::bail!("freshd was not ready within {} s", WAIT_MAX.as_secs())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The keepers of its state directory.
    pub(crate) fn keepers(&self) -> Vec<u32> {
        let state_dir = self.state_dir.display().to_string();
        let processes = accounts::processes_with(&state_dir).into_iter();
        processes
            .filter(|(_, line)| line.contains(" keeper "))
            .map(|(pid, _)| pid)
            .collect()
    }

    pub(crate) fn cpu(&self) -> Split {
        let keepers = self.keepers().into_iter().map(accounts::cpu);
        let keepers = keepers.fold(Cpu::default(), |sum, one| Cpu {
            own_ms: sum.own_ms + one.own_ms,
            children_ms: sum.children_ms + one.children_ms,
        });
        let own = accounts::cpu(self.pid());
        // The daemon's own children are keepers: once they were waited for, theirs counts as keepers' too.
        Split {
            daemon: own.own_ms,
            keeper: keepers.own_ms,
            jobs: keepers.children_ms + own.children_ms,
        }
    }

    /// CPU time in milliseconds and number of times that any of their threads slept, daemon and keepers together.
    pub(crate) fn threads(&self) -> (f64, f64) {
        let pids = std::iter::once(self.pid()).chain(self.keepers());
        pids.map(accounts::threads)
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    pub(crate) fn memory(&self) -> Memory {
        accounts::memory(self.pid())
    }

    pub(crate) fn keeper_memory(&self) -> Memory {
        let each = self.keepers().into_iter().map(accounts::memory);
        each.fold(Memory::default(), |sum, one| Memory {
            resident: sum.resident + one.resident,
            peak: sum.peak + one.peak,
            share: sum.share + one.share,
        })
    }

    /// Tells it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        signal(self.pid(), Signal::TERM);
        let until = Instant::now() + WAIT_MAX;
        while self.child.try_wait()?.is_none() {
            anyhow::ensure!(Instant::now() < until, "freshd does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for keeper in self.keepers() {
            signal(keeper, Signal::KILL);
        }
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}
