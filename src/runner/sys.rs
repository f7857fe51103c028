//! The calls into libc that no safe crate offers: spawning, resource accounting, the lock held for life.
#![expect(
    unsafe_code,
    reason = "children that share memory, wait4 and OFD locks have no safe wrapper"
)]

mod mapping;
mod memory;
mod newborn;
mod spawner;

use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub use memory::{give_back_memory, give_back_program, keep_memory_small};
pub(super) use newborn::{Birth, BirthStep, Identity};
pub(super) use spawner::{Child, Spawner, StillBorn};

use crate::model::{DiskPriority, ExitStatus, Usage};

fn check(error: c_int) -> io::Result<()> {
    if error == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(error))
    }
}

/// Reads how a child ended and what it used, and leaves it a zombie; `None` while it still runs.
pub(super) fn exit_of(pid: i32) -> io::Result<Option<(ExitStatus, Usage)>> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: both out pointers are valid, zeroed values of both types are valid, and the kernel fills them as its
    // waitid, which takes a rusage beyond what the C library's passes on, says. For an ended child the siginfo is
    // that of SIGCHLD, so its pid and status fields are the ones that are set.
    let (info, pid_seen, status, usage) = unsafe {
        let result = libc::syscall(
            libc::SYS_waitid,
            libc::P_PID,
            pid,
            info.as_mut_ptr(),
            flags,
            usage.as_mut_ptr(),
        );
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        let info = info.assume_init();
        (info, info.si_pid(), info.si_status(), usage.assume_init())
    };
    if pid_seen == 0 {
        return Ok(None);
    }
    let status = if info.si_code == libc::CLD_EXITED {
        ExitStatus::Code(status)
    } else {
        ExitStatus::Signal(status)
    };
    let usage = Usage {
        user_ms: millis(usage.ru_utime),
        system_ms: millis(usage.ru_stime),
        max_rss_kib: u64::try_from(usage.ru_maxrss).unwrap_or(0),
        leftovers_killed: 0,
    };
    Ok(Some((status, usage)))
}

/// Lets go of a child that ended; its number is free for others from now on. Returns whether it had ended.
pub(super) fn reap(pid: i32) -> io::Result<bool> {
    // SAFETY: a null status is allowed.
    match unsafe { libc::waitpid(pid, ptr::null_mut(), libc::WNOHANG) } {
        -1 => Err(io::Error::last_os_error()),
        reaped => Ok(reaped != 0),
    }
}

fn millis(time: libc::timeval) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    u64::try_from((Duration::from_secs(seconds) + Duration::from_micros(micros)).as_millis()).unwrap_or(u64::MAX)
}

/// Tries to lock a whole file; the lock belongs to the open file and lasts until its last descriptor is closed.
/// Returns whether it was free.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    // SAFETY: flock is plain old data; all zero is valid, and an OFD lock demands a zero l_pid.
    let mut lock: libc::flock = unsafe { MaybeUninit::zeroed().assume_init() };
    lock.l_type = libc::c_short::try_from(libc::F_WRLCK).map_err(io::Error::other)?;
    lock.l_whence = libc::c_short::try_from(libc::SEEK_SET).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open and the pointer valid during the call.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) };
    if result == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Ok(false),
        _ => Err(error),
    }
}

/// Takes another priority for reading and writing disks: this thread, and what it starts. Returns what the kernel does, 0
/// when it is done; allocates nothing.
fn take_disk_priority(priority: DiskPriority) -> libc::c_long {
    /// `IOPRIO_WHO_PROCESS`, `IOPRIO_CLASS_SHIFT`, `IOPRIO_CLASS_BE` and `IOPRIO_CLASS_IDLE` of linux/ioprio.h.
    const WHO_PROCESS: c_int = 1;
    const CLASS_SHIFT: c_int = 13;
    const BEST_EFFORT: c_int = 2;
    const IDLE: c_int = 3;
    let value = match priority {
        DiskPriority::Idle => IDLE << CLASS_SHIFT,
        DiskPriority::BestEffort(level) => BEST_EFFORT << CLASS_SHIFT | c_int::from(level),
    };
    // SAFETY: a system call on values; 0 is this thread.
    unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, value) }
}

/// Lets this thread read and write disks only while nobody else wants to, where the kernel and the disk know of that.
pub fn give_way_on_disks() {
    // Else it takes its turn as all others do.
    let _ = take_disk_priority(DiskPriority::Idle);
}

/// Makes the keeper deaf to what ends a daemon, and to a reader that left.
pub(super) fn ignore_signals() {
    for signal in [
        libc::SIGTERM,
        libc::SIGINT,
        libc::SIGHUP,
        libc::SIGQUIT,
        libc::SIGPIPE,
        libc::SIGXFSZ,
    ] {
        // SAFETY: SIG_IGN runs no code of ours.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// A descriptor that can be read when a child ended, main process or adopted one.
pub(super) fn child_signals() -> io::Result<OwnedFd> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the set is initialised before it is used; a new descriptor is owned by nobody else. SIGCHLD is blocked
    // here, which children do not inherit: their mask is emptied before they are another program.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
        check(libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), ptr::null_mut()))?;
        let fd = libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// A descriptor that tokio watches: a pidfd, readable when the process has ended, or the read end of a pipe.
pub(super) fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` stays the same open descriptor until it is dropped, and the AsyncFd owns it.
    unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }.map_err(Into::into)
}
