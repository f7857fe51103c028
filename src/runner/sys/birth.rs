//! The second way to start a child, for what `posix_spawn` cannot do: born inside a cgroup, as another user, with limits.
//!
//! The child is a copy of this process, which has a single thread. Between its birth and exec it makes system calls
//! only: everything it needs lies ready in `Birth`. A step that fails is told through a pipe that exec closes.

use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Read};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use rustix::pipe::{PipeFlags, pipe_with};

use super::{Child, pointers, take_disk_priority};
use crate::model::DiskPriority;

/// Where the child keeps its end of the pipe; everything above is closed.
const TELL: c_int = 3;

/// The signals of Linux: 1 to this.
const SIGNALS: c_int = 64;

/// What differs from a plain start.
#[derive(Default)]
pub(in super::super) struct Birth<'a> {
    /// The directory of the cgroup in which it is born.
    pub(in super::super) cgroup: Option<BorrowedFd<'a>>,
    /// Whose rights it has.
    pub(in super::super) identity: Option<Identity<'a>>,
    /// Permissions taken from files it makes.
    pub(in super::super) umask: Option<u32>,
    /// Added to the priority that the keeper has: -20 to 19.
    pub(in super::super) nice: Option<i32>,
    /// How urgent its reading and writing of disks is.
    pub(in super::super) ionice: Option<DiskPriority>,
    /// Open files of each process.
    pub(in super::super) open_files: Option<u64>,
    /// Bytes of address space of each process.
    pub(in super::super) address_space: Option<u64>,
    /// Processes of its user.
    pub(in super::super) processes: Option<u64>,
}

/// A user, wholly: numbers of the kernel.
#[derive(Clone, Copy)]
pub(in super::super) struct Identity<'a> {
    pub(in super::super) uid: u32,
    pub(in super::super) gid: u32,
    /// All of its groups.
    pub(in super::super) groups: &'a [u32],
}

/// The step between birth and exec that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in super::super) enum BirthStep {
    Clone,
    Cgroup,
    Streams,
    Limits,
    Nice,
    DiskPriority,
    Groups,
    Group,
    User,
    Verify,
    Workdir,
    Exec,
}

impl BirthStep {
    const ALL: [Self; 12] = [
        Self::Clone,
        Self::Cgroup,
        Self::Streams,
        Self::Limits,
        Self::Nice,
        Self::DiskPriority,
        Self::Groups,
        Self::Group,
        Self::User,
        Self::Verify,
        Self::Workdir,
        Self::Exec,
    ];
}

/// Why there is no child.
#[derive(Debug)]
pub(in super::super) struct StillBorn {
    pub(in super::super) step: BirthStep,
    pub(in super::super) error: io::Error,
}

impl From<io::Error> for StillBorn {
    fn from(error: io::Error) -> Self {
        Self {
            step: BirthStep::Clone,
            error,
        }
    }
}

/// Starts a child as `spawn` does, in its own session and with three descriptors, and with what `birth` says. Returns
/// its pid once its program runs.
pub(in super::super) fn give_birth(child: &Child<'_>, birth: &Birth<'_>) -> Result<i32, StillBorn> {
    let argv = pointers(child.argv);
    let env = pointers(child.env);
    let (hear, tell) = pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from)?;
    let mut prepared = Prepared {
        child,
        birth,
        argv: &argv,
        env: &env,
        tell: tell.as_raw_fd(),
        moves: None,
    };
    let pid = match birth.cgroup.map(clone_into) {
        Some(Ok(pid)) => pid,
        Some(Err(error)) if !is_refused(&error) => return Err(error.into()),
        elsewhere => {
            prepared.moves = elsewhere.and(birth.cgroup);
            // SAFETY: as for `clone_into`.
            unsafe { libc::fork() }
        }
    };
    match pid {
        -1 => return Err(io::Error::last_os_error().into()),
        // SAFETY: this is the child.
        0 => unsafe { prepared.become_program() },
        _ => {}
    }
    drop(tell);
    let Some(failed) = told(hear) else {
        return Ok(pid);
    };
    // SAFETY: a child of ours that has ended or is about to, and that nobody else waits for.
    unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
    Err(failed)
}

/// Forks into a cgroup. Returns twice, 0 in the child.
fn clone_into(cgroup: BorrowedFd<'_>) -> io::Result<libc::pid_t> {
    // SAFETY: clone_args is plain old data, and all zero means nothing special.
    let mut args: libc::clone_args = unsafe { MaybeUninit::zeroed().assume_init() };
    args.flags = CLONE_INTO_CGROUP;
    args.exit_signal = u64::try_from(libc::SIGCHLD).unwrap_or_default();
    args.cgroup = u64::try_from(cgroup.as_raw_fd()).unwrap_or_default();
    // SAFETY: without CLONE_VM the child has a copy of all memory, and goes on here as after fork. The keeper has one
    // thread, so no lock is held by another; the child makes system calls only, and ends or becomes another program.
    match unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of::<libc::clone_args>()) } {
        -1 => Err(io::Error::last_os_error()),
        pid => libc::pid_t::try_from(pid).map_err(io::Error::other),
    }
}

/// An older kernel, or a filter of system calls that cannot look into this one: systemd's `RestrictNamespaces=`.
fn is_refused(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOSYS | libc::EPERM | libc::E2BIG | libc::EINVAL)
    )
}

/// What the child said before it gave up; nothing once its program runs.
fn told(hear: OwnedFd) -> Option<StillBorn> {
    let mut said = [0; 5];
    File::from(hear).read_exact(&mut said).ok()?;
    let [step, errno @ ..] = said;
    let step = BirthStep::ALL.get(usize::from(step)).copied()?;
    Some(StillBorn {
        step,
        error: io::Error::from_raw_os_error(i32::from_ne_bytes(errno)),
    })
}

/// `CLONE_INTO_CGROUP` of linux/sched.h; libc has it with a type that cannot hold it.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

struct Prepared<'a> {
    child: &'a Child<'a>,
    birth: &'a Birth<'a>,
    argv: &'a [*mut libc::c_char],
    env: &'a [*mut libc::c_char],
    tell: c_int,
    /// The cgroup that it has to move itself into: before it is another program, so that nothing of that can be born
    /// outside.
    moves: Option<BorrowedFd<'a>>,
}

impl Prepared<'_> {
    /// # Safety
    /// Only in a child that shares no memory, and while every pointer of it is good. Allocates nothing, locks nothing.
    unsafe fn become_program(&self) -> ! {
        // SAFETY: as the caller promises; each call is a plain system call on what lies ready.
        unsafe {
            let (step, tell) = match self.steps() {
                Ok(never) => match never {},
                Err(failed) => failed,
            };
            let errno = *libc::__errno_location();
            let mut said = [step as u8; 5];
            said[1..].copy_from_slice(&errno.to_ne_bytes());
            libc::write(tell, said.as_ptr().cast(), said.len());
            libc::_exit(127)
        }
    }

    /// Returns the step that failed, with errno set, and where to tell it.
    ///
    /// # Safety
    /// As `become_program`.
    unsafe fn steps(&self) -> Result<std::convert::Infallible, (BirthStep, c_int)> {
        let is_done = |step, done: bool| if done { Ok(()) } else { Err((step, TELL)) };
        // SAFETY: as the caller promises.
        unsafe {
            // What the keeper ignores, the program shall not.
            for signal in 1..=SIGNALS {
                libc::signal(signal, libc::SIG_DFL);
            }
            if let Some(cgroup) = self.moves {
                let procs = libc::openat(
                    cgroup.as_raw_fd(),
                    c"cgroup.procs".as_ptr(),
                    libc::O_WRONLY | libc::O_CLOEXEC,
                );
                // 0 is the writer.
                if procs < 0 || libc::write(procs, c"0".as_ptr().cast(), 1) != 1 {
                    return Err((BirthStep::Cgroup, self.tell));
                }
            }
            let streams = libc::setsid() >= 0
                && libc::dup2(self.child.stdout.as_raw_fd(), 1) >= 0
                && libc::dup2(self.child.stderr.as_raw_fd(), 2) >= 0
                && (self.tell == TELL || libc::dup3(self.tell, TELL, libc::O_CLOEXEC) >= 0)
                && libc::syscall(libc::SYS_close_range, TELL + 1, c_int::MAX, 0) == 0
                && libc::close(0) == 0
                && libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY) == 0;
            if !streams {
                // Where it stood before, which is good until the descriptors are closed.
                return Err((BirthStep::Streams, self.tell));
            }
            is_done(BirthStep::Limits, self.take_limits())?;
            if let Some(umask) = self.birth.umask {
                libc::umask(umask);
            }
            if let Some(nice) = self.birth.nice {
                *libc::__errno_location() = 0;
                libc::nice(nice);
                is_done(BirthStep::Nice, *libc::__errno_location() == 0)?;
            }
            if let Some(priority) = self.birth.ionice {
                is_done(BirthStep::DiskPriority, take_disk_priority(priority) == 0)?;
            }
            if let Some(identity) = self.birth.identity {
                become_user(&identity).map_err(|step| (step, TELL))?;
            }
            // With the rights that the program has.
            is_done(BirthStep::Workdir, libc::chdir(self.child.workdir.as_ptr()) == 0)?;
            let mut none = MaybeUninit::<libc::sigset_t>::uninit();
            libc::sigemptyset(none.as_mut_ptr());
            libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
            libc::execve(
                self.child.program.as_ptr(),
                self.argv.as_ptr().cast(),
                self.env.as_ptr().cast(),
            );
            Err((BirthStep::Exec, TELL))
        }
    }

    /// # Safety
    /// As `become_program`.
    unsafe fn take_limits(&self) -> bool {
        let limit = |soft, hard| libc::rlimit {
            rlim_cur: soft,
            rlim_max: hard,
        };
        if let Some(open_files) = &self.child.open_files {
            let children = &open_files.children;
            let number = |limit: Option<u64>| limit.unwrap_or(libc::RLIM_INFINITY);
            let given = limit(number(children.current), number(children.maximum));
            // SAFETY: a system call on a value of ours. As on the other way, that it fails is no reason not to run.
            unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const given) };
        }
        let birth = self.birth;
        [
            (libc::RLIMIT_NOFILE, birth.open_files),
            (libc::RLIMIT_AS, birth.address_space),
            (libc::RLIMIT_NPROC, birth.processes),
        ]
        .into_iter()
        .all(|(resource, most)| {
            let most = most.map(|most| limit(most, most));
            // SAFETY: a system call on a value of ours.
            most.is_none_or(|most| unsafe { libc::setrlimit(resource, &raw const most) } == 0)
        })
    }
}

/// Becomes a user wholly, for good, and looks whether it did. By system calls: the C library's functions would speak
/// with threads that are not there.
///
/// # Safety
/// Only in a child that shares no memory.
unsafe fn become_user(identity: &Identity<'_>) -> Result<(), BirthStep> {
    let Identity { uid, gid, groups } = *identity;
    // SAFETY: system calls on values of ours.
    unsafe {
        if libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) != 0 {
            return Err(BirthStep::Groups);
        }
        if libc::syscall(libc::SYS_setresgid, gid, gid, gid) != 0 {
            return Err(BirthStep::Group);
        }
        if libc::syscall(libc::SYS_setresuid, uid, uid, uid) != 0 {
            return Err(BirthStep::User);
        }
        let mut is = [0_u32; 3];
        let mut are = [0_u32; 3];
        let [real, effective, saved] = &mut is;
        let read_uid = libc::syscall(
            libc::SYS_getresuid,
            &raw mut *real,
            &raw mut *effective,
            &raw mut *saved,
        );
        let [real, effective, saved] = &mut are;
        let read_gid = libc::syscall(
            libc::SYS_getresgid,
            &raw mut *real,
            &raw mut *effective,
            &raw mut *saved,
        );
        let group_count = libc::syscall(libc::SYS_getgroups, 0, ptr::null::<u32>());
        let is_whole = read_uid == 0
            && read_gid == 0
            && is == [uid; 3]
            && are == [gid; 3]
            && usize::try_from(group_count) == Ok(groups.len());
        // Nor may it be root again, by whatever the kernel was told to let it keep.
        let is_for_good =
            uid == 0 || (libc::syscall(libc::SYS_setresuid, -1_i32, 0, -1_i32) != 0 && has_no_capability());
        if is_whole && is_for_good {
            return Ok(());
        }
        *libc::__errno_location() = libc::EPERM;
        Err(BirthStep::Verify)
    }
}

/// Whether this process may do nothing that its user may not.
fn has_no_capability() -> bool {
    /// `_LINUX_CAPABILITY_VERSION_3`: two words of each set.
    const VERSION: u32 = 0x2008_0522;
    let header = [VERSION, 0];
    // Effective, permitted and inheritable, twice.
    let mut sets = [u32::MAX; 6];
    // SAFETY: the kernel reads two words of the header and writes six of the sets.
    let read = unsafe { libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) };
    read == 0 && sets[0] | sets[1] | sets[3] | sets[4] == 0
}
