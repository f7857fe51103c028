//! What a child does between its birth and exec: system calls only. Everything it needs lies ready in `Newborn`.
//!
//! It may share all memory with its parent, which may have other threads: it allocates nothing, locks nothing, and changes
//! nothing but errno, which its parent does not read, and the word in which it tells the step that failed.

use std::ffi::{c_char, c_int};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::spawner::Child;
use super::take_disk_priority;
use crate::model::DiskPriority;

/// The first descriptor that a program is not given.
pub(super) const FIRST_CLOSED: c_int = 3;

/// The signals of Linux: 1 to this.
pub(super) const SIGNALS: c_int = 64;

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
    /// This step and an error of the system, as one word that is never 0.
    fn told(self, errno: c_int) -> u64 {
        (u64::from(self as u8) + 1) << 32 | u64::from(errno.unsigned_abs())
    }

    /// The step and the error of such a word; nothing for 0.
    pub(super) fn of_told(word: u64) -> Option<(Self, c_int)> {
        let step = usize::try_from(word >> 32).ok()?.checked_sub(1)?;
        let errno = c_int::try_from(word & u64::from(u32::MAX)).ok()?;
        Some((*Self::ALL.get(step)?, errno))
    }

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

/// A child before it is another program.
pub(super) struct Newborn<'a> {
    pub(super) child: &'a Child<'a>,
    pub(super) birth: &'a Birth<'a>,
    /// Both end with a null pointer.
    pub(super) argv: &'a [*mut c_char],
    pub(super) env: &'a [*mut c_char],
    /// What becomes its stdout and its stderr.
    pub(super) seats: [c_int; 2],
    /// What this process ignores or handles, the program shall not.
    pub(super) signals: &'a [c_int],
    /// Where it tells the step that failed, and why.
    pub(super) told: &'a AtomicU64,
    /// The cgroup that it has to move itself into: before it is another program, so that nothing of that can be born
    /// outside.
    pub(super) moves: Option<BorrowedFd<'a>>,
}

impl Newborn<'_> {
    /// # Safety
    /// Only in a child whose parent waits, and while every pointer of it is good. Allocates nothing, locks nothing.
    pub(super) unsafe fn become_program(&self) -> ! {
        // SAFETY: as the caller promises; each call is a plain system call on what lies ready.
        unsafe {
            let step = match self.steps() {
                Ok(never) => match never {},
                Err(failed) => failed,
            };
            self.told.store(step.told(*libc::__errno_location()), Ordering::Release);
            libc::_exit(127)
        }
    }

    /// Returns the step that failed, with errno set.
    ///
    /// # Safety
    /// As `become_program`.
    unsafe fn steps(&self) -> Result<std::convert::Infallible, BirthStep> {
        let is_done = |step, done: bool| if done { Ok(()) } else { Err(step) };
        // SAFETY: as the caller promises.
        unsafe {
            for signal in self.signals {
                libc::signal(*signal, libc::SIG_DFL);
            }
            if let Some(cgroup) = self.moves {
                is_done(BirthStep::Cgroup, move_into(cgroup))?;
            }
            // From here on it has a table of its own, of which it copied no more than its seats.
            let [stdout, stderr] = self.seats;
            let above = stdout.max(stderr) + 1;
            let streams = libc::syscall(libc::SYS_close_range, above, c_int::MAX, libc::CLOSE_RANGE_UNSHARE) == 0
                && libc::setsid() >= 0
                && libc::dup2(stdout, 1) >= 0
                && libc::dup2(stderr, 2) >= 0
                && libc::syscall(libc::SYS_close_range, FIRST_CLOSED, c_int::MAX, 0) == 0
                && libc::close(0) == 0
                // One of its own: what a program does to a descriptor, all see that share it.
                && libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY) == 0;
            is_done(BirthStep::Streams, streams)?;
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
                become_user(&identity)?;
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
            Err(BirthStep::Exec)
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
            // SAFETY: a system call on a value of ours. That it fails is no reason not to run.
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

/// Moves this process into a cgroup. Its table of descriptors may be that of its parent, and is left as it was.
///
/// # Safety
/// Only between birth and exec.
unsafe fn move_into(cgroup: BorrowedFd<'_>) -> bool {
    // SAFETY: system calls on values of ours.
    unsafe {
        let procs = libc::openat(
            cgroup.as_raw_fd(),
            c"cgroup.procs".as_ptr(),
            libc::O_WRONLY | libc::O_CLOEXEC,
        );
        // 0 is the writer.
        let moved = procs >= 0 && libc::write(procs, c"0".as_ptr().cast(), 1) == 1;
        let errno = *libc::__errno_location();
        libc::close(procs);
        *libc::__errno_location() = errno;
        moved
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
