//! One running attempt as the keeper sees it: its process, its pipes, its clock.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rustix::fs::OFlags;
use rustix::io::{Errno, ioctl_fionread};
use rustix::process::{Pid, PidfdFlags, Signal, geteuid, kill_process, pidfd_open};

use super::super::cgroup::{Cgroups, Leaf};
use super::super::journal;
use super::super::log::{OutputLog, Stream, stamp};
use super::super::open_files::OpenFiles;
use super::super::output_pipe::OutputPipe;
use super::super::process::{boot_now, read_process};
use super::super::program::{self, NoStart, Place};
use super::super::sys::{self, Spawner};
use crate::model::{AttemptSpec, ExitStatus, StopReason, Usage};

/// Most that is read of a report file.
pub const REPORT_BYTES_MAX: u64 = 64 << 10;

/// Read from one attempt before the others have their turn.
const READ_BYTES_MAX: usize = 64 << 10;

/// Reads after the end of the main process before the others have their turn; a pipe holds one by default.
const LAST_READS_MAX: usize = 16;

/// What all attempts of a keeper have in common.
pub(super) struct House {
    pub(super) state_dir: PathBuf,
    pub(super) limits: OpenFiles,
    /// Where attempts get a cgroup of their own.
    pub(super) cgroups: Option<Cgroups>,
}

/// A running attempt.
pub(super) struct RunningAttempt {
    /// What a successor of this keeper would need to know.
    pub(super) started: journal::Started,
    /// Its process, as it is in the journal.
    pub(super) running: journal::Running,
    /// Counts attempts in the order of their start.
    pub(super) sequence: u64,
    pub(super) pid: Pid,
    /// Until its main process was seen to have ended: descriptors are what limits how much can run.
    pub(super) pidfd: Option<OwnedFd>,
    /// Of stdout and stderr; `None` when the last holder closed it.
    pub(super) pipes: [Option<OwnedFd>; 2],
    pub(super) output: OutputLog,
    pub(super) stop: Option<StopReason>,
    pub(super) phase: Phase,
    /// The entry it has among the keeper's deadlines.
    pub(super) deadline: Option<Duration>,
    /// When SIGKILL follows SIGTERM.
    pub(super) kill_at: Option<Duration>,
    /// When its main process was seen to have ended, by both clocks.
    pub(super) ended: Option<(Timestamp, Duration)>,
    /// Until when leftovers are killed before the end is told.
    pub(super) sweep_until: Option<Duration>,
    /// Processes killed after the main one, by pid and start time.
    pub(super) killed: Vec<(i32, u64)>,
    /// The cgroup that all of it lives in.
    pub(super) leaf: Option<Leaf>,
    /// What it may use of memory, in bytes.
    pub(super) memory_max_bytes: Option<u64>,
}

/// What an attempt's deadline means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It may run; the deadline is its timeout.
    Free,
    /// SIGTERM was sent; the deadline is SIGKILL.
    Terminating,
    /// SIGKILL was sent; at the deadline it is sent again, until it is given up.
    Killing {
        /// When it is reported as unkillable.
        give_up_at: Duration,
    },
}

/// What reading the pipe showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PipeState {
    /// Nothing more for now.
    Empty,
    /// There may be more at once.
    More,
    /// Nobody holds it any more.
    Closed,
}

/// Memory shared by all attempts.
pub(super) struct Buffers {
    read: Box<[u8]>,
    scratch: Vec<u8>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self {
            read: vec![0; READ_BYTES_MAX].into_boxed_slice(),
            scratch: Vec::with_capacity(READ_BYTES_MAX + 4_096),
        }
    }
}

/// Attempts that can run at once: each needs two pipes, a pidfd and a log, and spawning needs one more.
pub(super) fn attempts_max(limits: &OpenFiles) -> usize {
    let files = limits.own.current.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(64) / 5).unwrap_or(usize::MAX)
}

/// Why there is no running attempt.
pub(super) enum NotRunning {
    /// There is no space to start it in.
    Refused(io::Error),
    /// It never started, or nobody can tell.
    Ended(ExitStatus),
}

impl From<ExitStatus> for NotRunning {
    fn from(status: ExitStatus) -> Self {
        Self::Ended(status)
    }
}

impl From<NoStart> for NotRunning {
    fn from(why: NoStart) -> Self {
        match why {
            NoStart::NoSpace(error) => Self::Refused(error),
            NoStart::Because(words) => Self::Ended(ExitStatus::NotStarted(words)),
        }
    }
}

impl RunningAttempt {
    /// Starts the process of an attempt whose start is on disk.
    pub(super) fn start(
        spec: AttemptSpec,
        started: journal::Started,
        sequence: u64,
        spawner: &mut Spawner,
        house: &House,
    ) -> Result<Self, NotRunning> {
        let (limits, cgroups) = (&house.limits, house.cgroups.as_ref());
        // What is left of an attempt after its end has no reader, ever: it shall not wait for one.
        let pipe = || {
            OutputPipe::new(!spec.keep_leftovers).map_err(|error| {
                ExitStatus::NotStarted(format!(
                    "no pipe for its output: {error}; raise LimitNOFILE or ulimit -n"
                ))
            })
        };
        let (stdout, stderr) = (pipe()?, pipe()?);
        let differs = limits.own != limits.children;
        let open_files = differs.then_some(*limits);
        let leaf = cgroups.map(|cgroups| cgroups.make(spec.id, &spec.conditions.limits));
        let leaf = leaf.transpose().map_err(|error| {
            NoStart::of(error, |error| {
                format!("no cgroup for it: {error}; see Delegate= in the unit of freshd")
            })
        })?;
        let place = Place {
            state_dir: &house.state_dir,
            cgroups,
            leaf: leaf.as_ref(),
        };
        let job_ends = [stdout.job_end.as_fd(), stderr.job_end.as_fd()];
        let pid = program::start(&spec, spawner, job_ends, open_files, &place);
        drop((stdout.job_end, stderr.job_end));
        let pid = pid.inspect_err(|_| {
            if let Some(leaf) = &leaf {
                leaf.remove();
            }
        })?;
        let at = Timestamp::now();
        // The child is ours and not reaped, so its number is its own.
        let start_time = read_process(pid).map_or(0, |process| process.start_time);
        let (Some(pid), Ok(number)) = (Pid::from_raw(pid), u32::try_from(pid)) else {
            return Err(ExitStatus::Unknown(format!("the kernel gave pid {pid}")).into());
        };
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(error) => {
                let _ = kill_process(pid, Signal::KILL);
                return Err(NotRunning::Ended(ExitStatus::Unknown(format!(
                    "no pidfd for process {number}, so it was killed: {error}; raise LimitNOFILE or ulimit -n"
                ))));
            }
        };
        // From here on, and not from the record: a disk that is slow to sync takes nothing from the process.
        let deadline = spec.timeout.map(|timeout| boot_now().saturating_add(timeout));
        Ok(Self {
            running: journal::Running {
                id: spec.id,
                pid: number,
                start_time,
                at,
                pipe: Some(stdout.number),
                stderr_pipe: Some(stderr.number),
            },
            started,
            sequence,
            pid,
            pidfd: Some(pidfd),
            pipes: [Some(stdout.read), Some(stderr.read)],
            output: OutputLog::new(spec.log, spec.log_limit_bytes),
            stop: None,
            phase: Phase::Free,
            deadline,
            kill_at: None,
            ended: None,
            sweep_until: None,
            killed: Vec::new(),
            leaf,
            memory_max_bytes: spec.conditions.limits.memory_bytes,
        })
    }

    /// Reads once from one of the pipes.
    pub(super) fn read_output(&mut self, stream: Stream, buffers: &mut Buffers) -> PipeState {
        let Some(pipe) = &self.pipes[stream.index()] else {
            return PipeState::Closed;
        };
        // Between reading and writing lies as little as can be: should the keeper be killed there, the bytes are gone.
        if !self.output.is_open() && ioctl_fionread(pipe).is_ok_and(|waiting_bytes| waiting_bytes > 0) {
            self.output.open();
        }
        let now = stamp(Timestamp::now());
        match rustix::io::read(pipe, &mut *buffers.read) {
            Ok(0) => PipeState::Closed,
            Ok(read) => {
                let bytes = &buffers.read[..read];
                self.output.write(stream, bytes, &now, &mut buffers.scratch);
                PipeState::More
            }
            Err(Errno::AGAIN | Errno::INTR) => PipeState::Empty,
            Err(_) => PipeState::Closed,
        }
    }

    /// Reads what its processes left in one of the pipes.
    pub(super) fn read_last_output(&mut self, stream: Stream, buffers: &mut Buffers) -> PipeState {
        for _ in 0..LAST_READS_MAX {
            match self.read_output(stream, buffers) {
                PipeState::More => {}
                state => return state,
            }
        }
        PipeState::More
    }

    /// How its main process ended. It is reaped when that is on disk: should the keeper die before, the status can
    /// still be had by whoever inherits the zombie.
    pub(super) fn exit(&self) -> (ExitStatus, Usage) {
        match sys::exit_of(self.pid.as_raw_nonzero().get()) {
            Ok(Some(ended)) => ended,
            Ok(None) => (
                ExitStatus::Unknown(format!("process {} ended without a status", self.pid)),
                Usage::default(),
            ),
            Err(error) => (
                ExitStatus::Unknown(format!("the status of process {} cannot be had: {error}", self.pid)),
                Usage::default(),
            ),
        }
    }
}

/// Reads a report file: a regular one only, and no more of it than `REPORT_BYTES_MAX`. What is not there is empty.
pub(in super::super) fn read_report(path: &Path) -> String {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or(0))
        .open(path);
    let Ok(file) = file else {
        return String::new();
    };
    if !file
        .metadata()
        .is_ok_and(|file| file.is_file() && may_be_read(path, file.uid()))
    {
        return String::new();
    }
    let mut bytes = Vec::new();
    let _ = file.take(REPORT_BYTES_MAX).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Another user's directory may hold a second name of a file that is not that user's to read.
fn may_be_read(path: &Path, owner: u32) -> bool {
    let dir = path.parent().and_then(|dir| fs::metadata(dir).ok());
    dir.is_none_or(|dir| dir.uid() == geteuid().as_raw() || dir.uid() == owner)
}
