//! How children are made: the parent's half. What the child does until it is another program is `newborn`.
//!
//! A child shares this process's memory until it is another program, and its table of descriptors until it closes what it
//! does not need: to copy either takes longer than all the rest, and the longer the more attempts run. This thread stands
//! still meanwhile. Who becomes another user gets a copy of the memory, and so does who is born inside a cgroup, since the
//! C library can make no other there. `posix_spawn` copies the table in any case, and knows neither users nor limits.

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs::File;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::atomic::Ordering;

use rustix::io::{DupFlags, dup3, fcntl_dupfd_cloexec};

use super::mapping::{Stack, Told};
use super::newborn::{Birth, BirthStep, FIRST_CLOSED, Newborn, SIGNALS};
use crate::runner::open_files::OpenFiles;

/// A child to be started: all strings end with NUL, so that nothing is allocated between parent and child.
pub(in super::super) struct Child<'a> {
    /// Path that is executed, as it stands.
    pub(in super::super) program: &'a CString,
    /// Arguments, the program's name first.
    pub(in super::super) argv: &'a [CString],
    /// The whole environment as `KEY=value`.
    pub(in super::super) env: &'a [CString],
    /// Directory it starts in.
    pub(in super::super) workdir: &'a CString,
    /// What becomes its standard output.
    pub(in super::super) stdout: BorrowedFd<'a>,
    /// What becomes its standard error.
    pub(in super::super) stderr: BorrowedFd<'a>,
    /// Its limit of open files, where it differs from that of this process.
    pub(in super::super) open_files: Option<OpenFiles>,
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

/// Makes children, one at a time.
pub(in super::super) struct Spawner {
    /// What is in the seats between two children.
    null: File,
    /// Where a child finds what becomes its stdout and its stderr: numbers below those of all attempts, if it was made
    /// before them. Of the table a child copies only what is not above them.
    seats: [OwnedFd; 2],
    stack: Stack,
    told: Told,
    /// Signals that are ignored or handled in this process. A child does neither.
    signals: Vec<c_int>,
}

impl Spawner {
    /// Gets everything ready. Signals that this process ignores from later on stay ignored in its children.
    pub(in super::super) fn new() -> io::Result<Self> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let seat = || fcntl_dupfd_cloexec(&null, FIRST_CLOSED);
        Ok(Self {
            seats: [seat()?, seat()?],
            null,
            stack: Stack::new()?,
            told: Told::new()?,
            signals: (1..=SIGNALS).filter(|signal| !is_default(*signal)).collect(),
        })
    }

    /// Starts a child in a session of its own, with stdin from /dev/null and no descriptor beyond 2, and with what `birth`
    /// says. Returns its pid once its program runs.
    pub(in super::super) fn spawn(&mut self, child: &Child<'_>, birth: &Birth<'_>) -> Result<i32, StillBorn> {
        let argv = pointers(child.argv);
        let env = pointers(child.env);
        self.told.reset();
        seat(&mut self.seats, child.stdout, child.stderr)?;
        let mut newborn = Newborn {
            child,
            birth,
            argv: &argv,
            env: &env,
            seats: [&self.seats[0], &self.seats[1]].map(AsRawFd::as_raw_fd),
            signals: &self.signals,
            told: self.told.word(),
            moves: None,
        };
        let pid = without_signals(|| match birth.cgroup.map(|cgroup| clone_into(cgroup, &newborn)) {
            Some(Err(error)) if is_refused(&error) => {
                newborn.moves = birth.cgroup;
                clone_copying(&newborn)
            }
            Some(done) => done,
            None if birth.identity.is_some() => clone_copying(&newborn),
            None => clone_sharing(&mut self.stack, &newborn),
        });
        // The end of what the child prints is seen only when nobody else holds these. That it could fail says nothing of the
        // child: it would be seen with the next one.
        let _ = seat(&mut self.seats, self.null.as_fd(), self.null.as_fd());
        let pid = pid?;
        let Some((step, errno)) = BirthStep::of_told(self.told.word().load(Ordering::Acquire)) else {
            return Ok(pid);
        };
        // SAFETY: a child of ours that has ended or is about to, and that nobody else waits for.
        unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
        Err(StillBorn {
            step,
            error: io::Error::from_raw_os_error(errno),
        })
    }
}

fn seat(seats: &mut [OwnedFd; 2], stdout: BorrowedFd<'_>, stderr: BorrowedFd<'_>) -> io::Result<()> {
    dup3(stdout, &mut seats[0], DupFlags::CLOEXEC)?;
    dup3(stderr, &mut seats[1], DupFlags::CLOEXEC)?;
    Ok(())
}

fn pointers(strings: &[CString]) -> Vec<*mut c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr().cast_mut())
        .chain([ptr::null_mut()])
        .collect()
}

fn is_default(signal: c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: nothing is changed, and what is read is there when the call succeeded.
    unsafe {
        libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) != 0
            || action.assume_init().sa_sigaction == libc::SIG_DFL
    }
}

/// Does something that no signal interrupts: a handler of this process would run in the child, with the memory of both.
fn without_signals<T>(work: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the first set is filled before it is used, the second by the kernel. Neither call can fail.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr());
    }
    let done = work();
    // SAFETY: the set of above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    done
}

/// A child that shares everything with this process until it is another program.
fn clone_sharing(stack: &mut Stack, newborn: &Newborn<'_>) -> io::Result<i32> {
    extern "C" fn be_born(newborn: *mut c_void) -> c_int {
        // SAFETY: what was passed to clone; the parent waits, so that it lives.
        unsafe { (*newborn.cast::<Newborn<'_>>()).become_program() }
    }
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES | libc::SIGCHLD;
    // SAFETY: the stack is ours alone and large enough for system calls. The child changes nothing that we look at but the
    // word in which it tells what failed, and this thread goes on only when it has become another program or ended.
    match unsafe { libc::clone(be_born, stack.top(), flags, ptr::from_ref(newborn).cast_mut().cast()) } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(pid),
    }
}

/// A child with a copy of the memory: what runs with the rights of another user must not be able to touch ours.
fn clone_copying(newborn: &Newborn<'_>) -> io::Result<i32> {
    let flags = libc::CLONE_VFORK | libc::CLONE_FILES | libc::SIGCHLD;
    // SAFETY: without CLONE_VM the child has a copy of all memory, and goes on here as after fork.
    go_on(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) }, newborn)
}

/// The same, born in a cgroup.
fn clone_into(cgroup: BorrowedFd<'_>, newborn: &Newborn<'_>) -> io::Result<i32> {
    // SAFETY: clone_args is plain old data, and all zero means nothing special.
    let mut args: libc::clone_args = unsafe { MaybeUninit::zeroed().assume_init() };
    args.flags = CLONE_INTO_CGROUP | FORKS_AND_WAITS;
    args.exit_signal = u64::try_from(libc::SIGCHLD).unwrap_or_default();
    args.cgroup = u64::try_from(cgroup.as_raw_fd()).unwrap_or_default();
    // SAFETY: as above.
    let returned = unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of::<libc::clone_args>()) };
    go_on(returned, newborn)
}

/// Both sides of a clone that copies, by what it returned. A lock that another thread holds in the copy is of no matter:
/// the child makes system calls only.
fn go_on(returned: libc::c_long, newborn: &Newborn<'_>) -> io::Result<i32> {
    match returned {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: this is the child, and the parent waits.
        0 => unsafe { newborn.become_program() },
        pid => libc::pid_t::try_from(pid).map_err(io::Error::other),
    }
}

/// `CLONE_INTO_CGROUP` of linux/sched.h; libc has it with a type that cannot hold it.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// `CLONE_VFORK | CLONE_FILES`, as clone3 takes them.
const FORKS_AND_WAITS: u64 = 0x4400;

/// An older kernel, or a filter of system calls that cannot look into this one: systemd's `RestrictNamespaces=`.
fn is_refused(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOSYS | libc::EPERM | libc::E2BIG | libc::EINVAL)
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use rustix::io::fcntl_getfd;
    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    fn text(text: &str) -> CString {
        CString::new(text).unwrap()
    }

    /// What a shell prints that was told this, once all who could print more are gone.
    fn printed(spawner: &mut Spawner, command: &str, birth: &Birth<'_>) -> Result<String, StillBorn> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let child = Child {
            program: &text("/bin/sh"),
            argv: &[text("sh"), text("-c"), text(command)],
            env: &[text("PATH=/usr/bin:/bin")],
            workdir: &text("/"),
            stdout: write.as_fd(),
            stderr: write.as_fd(),
            open_files: None,
        };
        let spawned = spawner.spawn(&child, birth);
        drop(write);
        let mut said = String::new();
        File::from(read).read_to_string(&mut said).unwrap();
        let pid = spawned?;
        // SAFETY: a child of this test.
        unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
        Ok(said)
    }

    /// The ways to make a child that need no cgroup.
    fn ways() -> [Birth<'static>; 2] {
        let myself = super::super::Identity {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            groups: &[],
        };
        let may_change = rustix::process::geteuid().is_root();
        let identity = may_change.then_some(myself);
        [
            Birth::default(),
            Birth {
                identity,
                ..Birth::default()
            },
        ]
    }

    #[test]
    fn of_many_open_files_a_child_has_none_and_its_parent_keeps_all() {
        let mut spawner = Spawner::new().unwrap();
        // Not even marked as to be closed at exec: whoever started freshd may have left some.
        let held: Vec<OwnedFd> = (0..300).map(|_| rustix::io::dup(&spawner.null).unwrap()).collect();
        for birth in ways() {
            let open = printed(&mut spawner, "ls /proc/$$/fd", &birth).unwrap();
            assert_eq!(open.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2"]);
            assert!(held.iter().all(|held| fcntl_getfd(held).is_ok()));
        }
    }

    #[test]
    fn what_its_parent_ignores_a_child_does_not() {
        // SAFETY: SIG_IGN runs no code of ours, and no other test sends this signal.
        unsafe { libc::signal(libc::SIGURG, libc::SIG_IGN) };
        let mut spawner = Spawner::new().unwrap();
        for birth in ways() {
            let status = printed(&mut spawner, "exec cat /proc/self/status", &birth).unwrap();
            let set = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                u64::from_str_radix(line.trim(), 16).unwrap()
            };
            assert_eq!(set("SigBlk:"), 0);
            assert_eq!(set("SigIgn:") & 1 << (libc::SIGURG - 1), 0);
        }
    }

    #[test]
    fn a_child_that_cannot_be_says_which_step_failed_and_the_next_one_can_be() {
        let mut spawner = Spawner::new().unwrap();
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        for (program, workdir, step) in [
            ("/absent", "/", BirthStep::Exec),
            ("/bin/sh", "/absent", BirthStep::Workdir),
        ] {
            let child = Child {
                program: &text(program),
                argv: &[text("sh")],
                env: &[],
                workdir: &text(workdir),
                stdout: write.as_fd(),
                stderr: write.as_fd(),
                open_files: None,
            };
            for birth in ways() {
                let failed = spawner.spawn(&child, &birth).unwrap_err();
                assert_eq!((failed.step, failed.error.kind()), (step, io::ErrorKind::NotFound));
            }
        }
        drop((read, write));
        assert_eq!(printed(&mut spawner, "echo well", &Birth::default()).unwrap(), "well\n");
    }
}
