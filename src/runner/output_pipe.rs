//! The two pipes a job prints into: the job outlives their reader, and the next reader finds them through the job.
//!
//! One for stdout and one for stderr, so that they can be told apart. A job gets an end of each that reads as well as writes. So there is always a reader, the job itself, and the death of its
//! keeper is no SIGPIPE: what it prints waits in the pipe, at worst until that is full, for whoever opens the pipe
//! next. The pipe has no name on a disk, which could be full or broken when a job prints; its holders are its name.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::OnceLock;

use rustix::fs::{CWD, FileType, Mode, OFlags, fcntl_getfl, fcntl_setfl, fstat, openat};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

/// The descriptors of this process, by their numbers: kept open, since to find the way there takes longer than the rest.
static OWN_DESCRIPTORS: OnceLock<Option<OwnedFd>> = OnceLock::new();

/// One of the pipes of an attempt.
pub(super) struct OutputPipe {
    /// Read here without waiting. At its end when nobody holds the job's end any more.
    pub(super) read: OwnedFd,
    /// What becomes the job's stdout or stderr.
    pub(super) job_end: OwnedFd,
    /// The kernel's number of the pipe, by which `find` knows it again.
    pub(super) number: u64,
}

impl OutputPipe {
    /// Makes a pipe. With `holders_read` its holders are readers too, and do not die of writing when nobody else reads;
    /// without /proc they are not.
    pub(super) fn new(holders_read: bool) -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let number = fstat(&read)?.st_ino;
        let reopened = holders_read.then(|| {
            let held = OWN_DESCRIPTORS.get_or_init(|| {
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                openat(CWD, "/proc/self/fd", flags, Mode::empty()).ok()
            });
            let name = write.as_raw_fd().to_string();
            let flags = OFlags::RDWR | OFlags::CLOEXEC;
            held.as_ref()
                .map_or(Err(Errno::NOENT), |held| openat(held, name, flags, Mode::empty()))
        });
        // A job does not expect its output to be non-blocking: what is opened anew is not.
        let job_end = match reopened {
            Some(Ok(reopened)) => reopened,
            Some(Err(_)) | None => {
                fcntl_setfl(&write, fcntl_getfl(&write)? - OFlags::NONBLOCK)?;
                write
            }
        };
        Ok(Self { read, job_end, number })
    }
}

/// The kernel's numbers of the pipes that a process prints into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PipeNumbers {
    pub(super) stdout: Option<u64>,
    /// None where it is that of stdout, as an older keeper had it.
    pub(super) stderr: Option<u64>,
}

/// Opens the pipe of this number for reading, through the first of these processes that holds it and lets itself be
/// looked at. Does not wait.
pub(super) fn find(number: u64, pids: impl IntoIterator<Item = i32>) -> Option<OwnedFd> {
    let name = format!("pipe:[{number}]");
    pids.into_iter().find_map(|pid| {
        let held = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
        held.flatten()
            .map(|held| held.path())
            .filter(|path| fs::read_link(path).is_ok_and(|target| target.as_os_str() == name.as_str()))
            .find_map(|path| {
                let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let opened = openat(CWD, path, flags, Mode::empty()).ok()?;
                is_pipe(&opened, number).then_some(opened)
            })
    })
}

/// The pipes that a process prints into which was just started, and is not on record. Only ends that read as well as
/// write are ours: whoever read from another pipe would steal what a job tells a program of its own.
pub(super) fn of_new_process(pid: i32) -> PipeNumbers {
    let number = |fd: u32| {
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
        let flags = u32::from_str_radix(flags.trim(), 8).ok()?;
        let target = fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok()?;
        let number = target.to_str()?.strip_prefix("pipe:[")?.strip_suffix(']')?;
        (flags & OFlags::ACCMODE.bits() == OFlags::RDWR.bits()).then(|| number.parse().ok())?
    };
    let (stdout, stderr) = (number(1), number(2));
    PipeNumbers {
        stdout,
        stderr: stderr.filter(|_| stderr != stdout),
    }
}

/// What was found may have been closed, and its place taken, before it was opened.
fn is_pipe(opened: impl AsFd, number: u64) -> bool {
    fstat(opened).is_ok_and(|stat| stat.st_ino == number && FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::process::own_pid;

    fn read(pipe: &OwnedFd) -> Result<Vec<u8>, rustix::io::Errno> {
        let mut buffer = [0; 64];
        rustix::io::read(pipe, &mut buffer).map(|read| buffer[..read].to_vec())
    }

    #[test]
    fn a_holder_can_print_when_its_reader_is_gone_and_the_next_reader_gets_all_of_it_and_the_end() {
        let pipe = OutputPipe::new(true).unwrap();
        drop(pipe.read);
        // SIGPIPE is ignored in tests: without a reader this is an error.
        rustix::io::write(&pipe.job_end, b"late").unwrap();
        let reader = find(pipe.number, [0, own_pid()]).unwrap();
        assert_eq!(read(&reader).unwrap(), b"late");
        assert_eq!(read(&reader).unwrap_err(), rustix::io::Errno::AGAIN);
        drop(pipe.job_end);
        assert_eq!(read(&reader).unwrap(), b"");
    }

    #[test]
    fn a_pipe_that_nobody_holds_or_that_is_not_one_is_not_found() {
        let pipe = OutputPipe::new(true).unwrap();
        let number = pipe.number;
        drop(pipe);
        assert!(find(number, [own_pid()]).is_none());
        assert!(!is_pipe(fs::File::open("/dev/null").unwrap(), number));
    }
}
