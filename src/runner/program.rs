//! From a specification to a process: finds the program, and says in words why one could not be started.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::access;
use super::cgroup::{Cgroups, Leaf};
use super::files::is_full;
use super::open_files::OpenFiles;
use super::sys::{self, Birth, BirthStep, Identity, Spawner, StillBorn};
use crate::model::{AttemptSpec, Conditions};

/// Number of the capability to look into processes of others: linux/capability.h.
const CAP_SYS_PTRACE: u32 = 19;

/// Why there is no process.
#[derive(Debug)]
pub(super) enum NoStart {
    /// The disk is full: there can be one when there is space.
    NoSpace(io::Error),
    /// A sentence.
    Because(String),
}

impl NoStart {
    /// That of an error, which is told in words.
    pub(super) fn of(error: io::Error, words: impl FnOnce(&io::Error) -> String) -> Self {
        if is_full(&error) {
            return Self::NoSpace(error);
        }
        Self::Because(words(&error))
    }
}

impl From<String> for NoStart {
    fn from(words: String) -> Self {
        Self::Because(words)
    }
}

/// Where an attempt lives.
pub(super) struct Place<'a> {
    /// The state directory.
    pub(super) state_dir: &'a Path,
    /// The cgroup that was delegated, if there is one.
    pub(super) cgroups: Option<&'a Cgroups>,
    /// Its own part of that.
    pub(super) leaf: Option<&'a Leaf>,
}

/// Starts the command of a specification with its stdout and stderr going to `outputs`. The error is a sentence for its owner.
pub(super) fn start(
    spec: &AttemptSpec,
    spawner: &mut Spawner,
    outputs: [BorrowedFd<'_>; 2],
    open_files: Option<OpenFiles>,
    place: &Place<'_>,
) -> Result<i32, NoStart> {
    let run_as = spec.conditions.run_as.as_ref();
    if let Some(user) = run_as {
        if user.uid != geteuid().as_raw() && !sees_others() {
            return Err(NoStart::Because(format!(
                "freshd could not see what becomes of a process of user {}, so nothing was run; give it CAP_SYS_PTRACE, \
                 as in CapabilityBoundingSet= of its unit",
                user.user
            )));
        }
        access::grant(spec, user, place.state_dir)?;
    }
    if let Some(dir) = &spec.output_dir {
        let failed = |error: &io::Error| format!("cannot make {} for its output: {error}", dir.display());
        access::make_output_dir(dir, run_as).map_err(|error| NoStart::of(error, failed))?;
    }
    let program = find_program(spec)?;
    let argv = strings(spec.argv.iter().map(String::as_bytes), "an argument")?;
    let env: Vec<Vec<u8>> = spec
        .env
        .iter()
        .map(|(key, value)| [key.as_bytes(), b"=", value.as_bytes()].concat())
        .collect();
    let env = strings(env.iter().map(Vec::as_slice), "an environment variable")?;
    let path = strings([program.as_os_str().as_encoded_bytes()], "the program's path")?;
    let workdir = strings([spec.workdir.as_os_str().as_encoded_bytes()], "workdir")?;
    let child = sys::Child {
        program: &path[0],
        argv: &argv,
        env: &env,
        workdir: &workdir[0],
        stdout: outputs[0],
        stderr: outputs[1],
        open_files,
    };
    spawner
        .spawn(&child, &birth(&spec.conditions, place))
        .map_err(|failed| NoStart::Because(explain(spec, &program, &failed)))
}

/// Whether this process may look at the processes of others: by that they are found again when their keeper has died.
fn sees_others() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    effective.is_some_and(|set| set & (1 << CAP_SYS_PTRACE) != 0)
}

/// Limits that a cgroup keeps are left to it.
fn birth<'a>(conditions: &'a Conditions, place: &Place<'a>) -> Birth<'a> {
    let unless = |controller: &str, limit: Option<u64>| {
        let by_cgroup = place.cgroups.is_some_and(|cgroups| cgroups.limits(controller));
        limit.filter(|_| !by_cgroup)
    };
    let limits = &conditions.limits;
    Birth {
        cgroup: place.leaf.map(Leaf::as_fd),
        identity: conditions.run_as.as_ref().map(|user| Identity {
            uid: user.uid,
            gid: user.gid,
            groups: &user.groups,
        }),
        umask: conditions.umask,
        nice: conditions.nice,
        ionice: conditions.ionice,
        open_files: limits.files,
        address_space: unless("memory", limits.memory_bytes),
        processes: unless("pids", limits.processes),
    }
}

fn strings<'a>(texts: impl IntoIterator<Item = &'a [u8]>, what: &str) -> Result<Vec<CString>, String> {
    texts
        .into_iter()
        .map(|text| CString::new(text).map_err(|_| format!("{what} holds a NUL byte; remove it")))
        .collect()
}

/// A name with a slash is taken as it stands, seen from the working directory; another is looked for in the PATH
/// of the specification, not in the keeper's.
fn find_program(spec: &AttemptSpec) -> Result<PathBuf, String> {
    let Some(name) = spec.argv.first().filter(|name| !name.is_empty()) else {
        return Err("the command is empty; write a program".to_owned());
    };
    if name.contains('/') {
        return Ok(PathBuf::from(name));
    }
    let path = spec
        .env
        .iter()
        .find_map(|(key, value)| (key == "PATH").then_some(value.as_str()))
        .unwrap_or("/usr/bin:/bin");
    let mut forbidden = None;
    for dir in path.split(':') {
        let candidate = if dir.is_empty() {
            Path::new(".").join(name)
        } else {
            Path::new(dir).join(name)
        };
        let seen_from_workdir = spec.workdir.join(&candidate);
        match fs::metadata(&seen_from_workdir) {
            Ok(file) if file.is_file() && file.permissions().mode() & 0o111 != 0 => {
                return Ok(candidate);
            }
            Ok(file) if file.is_file() => forbidden = forbidden.or(Some(candidate)),
            _ => {}
        }
    }
    Err(match forbidden {
        Some(found) => format!("{} is not executable; run chmod +x on it", found.display()),
        None => format!("{name} is not in PATH ({path}); write its full path, or set PATH in the job's env"),
    })
}

/// What was wrong with the program or its directory: looked at again, since the kernel has a number for it only.
fn explain_program(spec: &AttemptSpec, program: &Path, error: &io::Error) -> String {
    let workdir = spec.workdir.display();
    match fs::metadata(&spec.workdir) {
        Err(reason) => {
            return format!("workdir {workdir} cannot be entered: {reason}; make it, or correct workdir");
        }
        Ok(dir) if !dir.is_dir() => {
            return format!("workdir {workdir} is not a directory; correct workdir");
        }
        Ok(_) => {}
    }
    let shown = program.display();
    let seen_from_workdir = spec.workdir.join(program);
    match error.kind() {
        io::ErrorKind::NotFound => match interpreter(&seen_from_workdir) {
            Some(interpreter) => format!(
                "{shown} asks for the interpreter {interpreter}, which does not exist; correct its first line or install it"
            ),
            None => format!("{shown} does not exist; correct the command"),
        },
        io::ErrorKind::PermissionDenied => {
            let is_dir = fs::metadata(&seen_from_workdir).is_ok_and(|file| file.is_dir());
            if is_dir {
                format!("{shown} is a directory; write the program in it")
            } else {
                format!(
                    "{shown} may not be executed: {error}; run chmod +x on it, and see that its directories can be entered"
                )
            }
        }
        io::ErrorKind::ArgumentListTooLong => {
            format!("the arguments and environment of {shown} are too long: {error}; pass them in a file")
        }
        _ if error.raw_os_error() == Some(libc::ENOEXEC) => {
            format!("{shown} is not a program: {error}; if it is a script, begin it with a line such as #!/bin/sh")
        }
        _ if error.raw_os_error() == Some(libc::EAGAIN) => format!(
            "{shown} could not be started: {error}; the limit of processes is reached, raise TasksMax or ulimit -u"
        ),
        _ => format!("{shown} could not be started: {error}"),
    }
}

/// Why there is no process. With the wrong rights nothing has run.
fn explain(spec: &AttemptSpec, program: &Path, failed: &StillBorn) -> String {
    let StillBorn { step, error } = failed;
    let user = spec.conditions.run_as.as_ref().map(|user| user.user.as_str());
    match (step, user) {
        (BirthStep::Cgroup, _) => {
            format!("cannot be moved into its cgroup: {error}; see Delegate= in the unit of freshd")
        }
        (BirthStep::Limits, _) => format!("its limits cannot be set: {error}; only root may raise them"),
        (BirthStep::Nice, _) => format!("nice cannot be set: {error}; only root may go below 0"),
        (BirthStep::DiskPriority, _) => {
            format!("ionice cannot be set: {error}; take it out, this kernel does not know it")
        }
        (BirthStep::Groups | BirthStep::Group | BirthStep::User, _) => format!(
            "cannot become user {}: {error}; freshd must run as root for that",
            user.unwrap_or_default()
        ),
        (BirthStep::Verify, _) => format!(
            "did not become user {} wholly, so nothing was run; freshd must run as root, with no secure bits set",
            user.unwrap_or_default()
        ),
        (BirthStep::Workdir, Some(user)) => format!(
            "workdir {} cannot be entered by user {user}: {error}; correct workdir, or its permissions and those above",
            spec.workdir.display()
        ),
        (BirthStep::Exec, Some(user)) if error.kind() == io::ErrorKind::PermissionDenied => format!(
            "{} may not be executed by user {user}: {error}; see to its permissions and those of its directories",
            program.display()
        ),
        (BirthStep::Streams, _) => format!(
            "its streams cannot be set up: {error}; freshd needs Linux 5.9 or later, and no filter that refuses close_range"
        ),
        (BirthStep::Clone, _) if error.raw_os_error() != Some(libc::EAGAIN) => {
            format!("no process can be made for it: {error}")
        }
        (BirthStep::Clone | BirthStep::Workdir | BirthStep::Exec, _) => explain_program(spec, program, error),
    }
}

/// What the first line of a script names, if it is a script.
fn interpreter(script: &Path) -> Option<String> {
    let mut start = [0_u8; 256];
    let read = std::io::Read::read(&mut fs::File::open(script).ok()?, &mut start).ok()?;
    let line = start.get(..read)?.strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    Some(line.split_whitespace().next()?.to_owned())
}
