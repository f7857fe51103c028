//! Starts a keeper, apart from the daemon, and waits until it can be connected to.

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

use super::files::{KeeperFiles, make_private_dir, naming};
use super::open_files;
use super::sys::{self, Birth, Spawner};

/// How long a new keeper may take until it can be connected to.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// A keeper that has nothing to do and no daemon leaves after this.
const LONELY_MAX: Duration = Duration::from_mins(5);

/// Hears how a keeper ended, in words that follow its name, once it has.
pub(super) type Ended = oneshot::Receiver<String>;

/// Starts keeper `number`. The error is a sentence, and of the kind that the system told.
pub(super) async fn launch(state_dir: &Path, exe: &Path, number: u32) -> io::Result<Ended> {
    let files = KeeperFiles::new(state_dir, number);
    let (ready, ended) = spawn(state_dir, exe, &files).map_err(|error| {
        let why = format!("cannot start keeper {number} with {}: {error}", exe.display());
        io::Error::new(error.kind(), why)
    })?;
    let mut ready = pipe::Receiver::from_owned_fd(ready)?;
    match tokio::time::timeout(READY_WITHIN, ready.read_u8()).await {
        Ok(Ok(_)) => Ok(ended),
        Ok(Err(_)) => {
            let log = fs::read_to_string(files.log()).unwrap_or_default();
            let why = log.lines().last().unwrap_or("it said nothing");
            Err(io::Error::other(format!("keeper {number} ended at once: {why}")))
        }
        Err(_) => Err(io::Error::other(format!(
            "keeper {number} was not ready within {} s; see {}",
            READY_WITHIN.as_secs(),
            files.log().display()
        ))),
    }
}

/// Returns the end of a pipe on which the keeper says that it is ready, and who hears how it ended.
fn spawn(state_dir: &Path, exe: &Path, files: &KeeperFiles) -> io::Result<(OwnedFd, Ended)> {
    make_private_dir(&files.dir)?;
    files.reserve()?;
    let log = files.log();
    let stderr = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&log)
        .map_err(|error| naming(&error, "open", &log))?;
    let (ready, stdout) = pipe_with(PipeFlags::CLOEXEC)?;
    let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::other);
    let program = text(exe.as_os_str().as_encoded_bytes())?;
    let mut argv = vec![
        program.clone(),
        text(b"keeper")?,
        text(b"--state")?,
        text(state_dir.as_os_str().as_encoded_bytes())?,
        text(b"--number")?,
        text(files.number.to_string().as_bytes())?,
        text(b"--lonely-seconds")?,
        text(LONELY_MAX.as_secs().to_string().as_bytes())?,
    ];
    if let Some(limit) = open_files::told_to_keepers() {
        argv.extend([text(b"--open-files")?, text(limit.to_string().as_bytes())?]);
    }
    let child = sys::Child {
        program: &program,
        argv: &argv,
        // Nothing of the daemon's environment is a keeper's business, least of all what a service manager put there.
        env: &[],
        workdir: &text(b"/")?,
        stdout: stdout.as_fd(),
        stderr: stderr.as_fd(),
        open_files: None,
    };
    let pid = Spawner::new()?
        .spawn(&child, &Birth::default())
        .map_err(|failed| failed.error)?;
    let (says, ended) = oneshot::channel();
    reap_when_it_ends(pid, files.number, says);
    Ok((ready, ended))
}

/// A keeper is a child of the daemon that started it. Somebody must take its status, or it stays a zombie.
fn reap_when_it_ends(pid: i32, number: u32, says: oneshot::Sender<String>) {
    let Some(Ok(pidfd)) = Pid::from_raw(pid).map(|pid| pidfd_open(pid, PidfdFlags::empty())) else {
        return;
    };
    tokio::spawn(async move {
        let Ok(pidfd) = sys::watch(pidfd) else {
            return;
        };
        let _ = pidfd.readable().await;
        let status = waitid(
            WaitId::PidFd(pidfd.get_ref().as_fd()),
            WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
        );
        if let Ok(Some(status)) = status {
            let (code, signal) = (status.exit_status(), status.terminating_signal());
            match code {
                Some(0) => tracing::debug!(keeper = number, "a keeper left"),
                _ => tracing::error!(keeper = number, ?code, ?signal, "a keeper died"),
            }
            // Whoever would want to know may be gone.
            let _ = says.send(match (code, signal) {
                (_, Some(signal)) => format!("was killed (signal {signal}; the kernel does not tell by whom)"),
                (code, None) => format!("ended with code {}", code.unwrap_or_default()),
            });
        }
    });
}
