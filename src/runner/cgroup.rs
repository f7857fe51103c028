//! A cgroup of its own for each attempt, where one was delegated to freshd: what is born in it stays in it, unless it has the
//! rights of freshd itself, and all of it ends by one write.
//!
//! Only a cgroup that a service manager has marked as delegated is divided; the mark is an extended attribute, which
//! systemd sets for `Delegate=yes`. Limits need the kernel's controllers, and a cgroup that has them enabled for its
//! children can hold no process itself. A service manager that starts the next daemon in that very cgroup would fail, so
//! controllers are enabled only where it puts the daemon into a subgroup (`DelegateSubgroup=`, systemd 254). Elsewhere
//! the leaves have none, and are good for what matters most: to know what belongs to an attempt, and to end it.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::process::{Process, read_process};
use crate::model::{AttemptId, Limits, RunId, Usage};

/// What systemd writes on a cgroup that it delegates; the first can be read by everybody, from version 252 on.
const DELEGATED: [&str; 2] = ["user.delegate", "trusted.delegate"];

/// The subgroup in which the unit lets its main process live: `DelegateSubgroup=`.
const OWN_SUBGROUP: &str = "daemon";

/// Controllers that limits need.
const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];

/// `cpu.max` counts in periods of this length, in microseconds.
const CPU_PERIOD_US: u64 = 100_000;

/// A delegated cgroup, in which the attempts of one state directory get their leaves.
#[derive(Clone, Debug)]
pub(super) struct Cgroups {
    dir: PathBuf,
    /// Begins the names of this keeper's leaves.
    prefix: String,
    /// Controllers that leaves have.
    controllers: Vec<&'static str>,
}

/// Where attempts live, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Where {
    pub(super) dir: PathBuf,
    pub(super) takes_controllers: bool,
}

/// The cgroup of one attempt.
#[derive(Debug)]
pub(super) struct Leaf {
    path: PathBuf,
    /// Open, for `CLONE_INTO_CGROUP`.
    dir: File,
}

/// Finds the cgroup that was delegated to this process. The error says why there is none.
pub(super) fn find() -> Result<Where, String> {
    let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| format!("/proc/self/cgroup: {error}"))?;
    let mounts =
        fs::read_to_string("/proc/self/mountinfo").map_err(|error| format!("/proc/self/mountinfo: {error}"))?;
    let own = own_dir(&own, &mounts).ok_or("no cgroup of version 2 is mounted")?;
    if is_delegated(&own) {
        return usable(Where {
            dir: own,
            takes_controllers: false,
        });
    }
    let above = own
        .parent()
        .filter(|_| own.file_name() == Some(OsStr::new(OWN_SUBGROUP)));
    match above {
        Some(above) if is_delegated(above) => usable(Where {
            dir: above.to_owned(),
            takes_controllers: true,
        }),
        _ => Err(format!("{} is not delegated to freshd", own.display())),
    }
}

fn is_delegated(dir: &Path) -> bool {
    DELEGATED.iter().any(|name| {
        let mut value = [0; 8];
        rustix::fs::getxattr(dir, *name, &mut value[..]).is_ok_and(|length| value[..length] == *b"1")
    })
}

fn usable(found: Where) -> Result<Where, String> {
    let dir = &found.dir;
    let writable = rustix::fs::access(dir, rustix::fs::Access::WRITE_OK);
    let moves = rustix::fs::access(dir.join("cgroup.procs"), rustix::fs::Access::WRITE_OK);
    if let Err(error) = writable.and(moves) {
        return Err(format!("{} cannot be written to: {error}", dir.display()));
    }
    if !dir.join("cgroup.kill").exists() {
        return Err("the kernel has no cgroup.kill; it came with Linux 5.14".to_owned());
    }
    Ok(found)
}

/// The directory of the cgroup of version 2 that `/proc/self/cgroup` names, seen through `/proc/self/mountinfo`.
fn own_dir(cgroup: &str, mountinfo: &str) -> Option<PathBuf> {
    let own = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    mountinfo.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        if kind.split(' ').next() != Some("cgroup2") {
            return None;
        }
        // Fields 4 and 5 are the root of the mount and where it lies.
        let mut fields = mount.split(' ').skip(3);
        let (root, at) = (fields.next()?, fields.next()?);
        let below = Path::new(own).strip_prefix(root).ok()?;
        Some(Path::new(&at.replace("\\040", " ")).join(below))
    })
}

/// Begins the names of the leaves of one state directory: two freshds may share a cgroup.
fn state_prefix(state_dir: &Path) -> String {
    format!("freshd-{:08x}-", crc32fast::hash(state_dir.as_os_str().as_bytes()))
}

impl Cgroups {
    /// Prepares a delegated cgroup for the attempts of a keeper.
    pub(super) fn new(found: &Where, state_dir: &Path, keeper: u32) -> Self {
        let controllers = if found.takes_controllers {
            let has = |name: &&str| fs::write(found.dir.join("cgroup.subtree_control"), format!("+{name}")).is_ok();
            CONTROLLERS.into_iter().filter(has).collect()
        } else {
            Vec::new()
        };
        Self {
            dir: found.dir.clone(),
            prefix: format!("{}{keeper}-", state_prefix(state_dir)),
            controllers,
        }
    }

    /// Whether its leaves can limit this.
    pub(super) fn limits(&self, controller: &str) -> bool {
        self.controllers.contains(&controller)
    }

    /// The place of an attempt's leaf.
    pub(super) fn path(&self, id: AttemptId) -> PathBuf {
        self.dir.join(format!("{}{id}", self.prefix))
    }

    /// Makes the leaf of an attempt with the limits that it can keep.
    pub(super) fn make(&self, id: AttemptId, limits: &Limits) -> io::Result<Leaf> {
        let path = self.path(id);
        fs::create_dir(&path)?;
        let leaf = File::open(&path).and_then(|dir| {
            for (file, value) in limit_files(limits) {
                if file
                    .split_once('.')
                    .is_some_and(|(controller, _)| self.limits(controller))
                {
                    write_existing(&path.join(file), &value)?;
                }
            }
            Ok(dir)
        });
        match leaf {
            Ok(dir) => Ok(Leaf { path, dir }),
            Err(error) => {
                let _ = fs::remove_dir(&path);
                Err(error)
            }
        }
    }
}

/// What is written into which file of a leaf.
fn limit_files(limits: &Limits) -> Vec<(&'static str, String)> {
    let mut files = Vec::new();
    if let Some(bytes) = limits.memory_bytes {
        files.push(("memory.max", bytes.to_string()));
        // All of it ends, or none: half a job is no job. And it must not escape into swap.
        files.push(("memory.oom.group", "1".to_owned()));
        files.push(("memory.swap.max", "0".to_owned()));
    }
    if let Some(percent) = limits.cpu_percent {
        let quota = u64::from(percent) * CPU_PERIOD_US / 100;
        files.push(("cpu.max", format!("{quota} {CPU_PERIOD_US}")));
    }
    if let Some(processes) = limits.processes {
        files.push(("pids.max", processes.to_string()));
    }
    files
}

/// A file of the kernel that is not there (no swap, say) limits nothing that could be used.
fn write_existing(path: &Path, value: &str) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Ok(mut file) => file.write_all(value.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

impl Leaf {
    /// Opens the leaf of an attempt that another keeper started, if it is still there.
    pub(super) fn reopen(path: &Path) -> Option<Self> {
        let dir = File::open(path).ok()?;
        // Nothing but a leaf has this file.
        path.join("cgroup.kill").exists().then(|| Self {
            path: path.to_owned(),
            dir,
        })
    }

    /// For a child that is to be born in it.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether anything lives in it; a zombie does not. What cannot be read is taken for empty.
    pub(super) fn is_populated(&self) -> bool {
        let events = fs::read_to_string(self.path.join("cgroup.events")).unwrap_or_default();
        value_of(&events, "populated") == Some(1)
    }

    /// Kills everything in it, at once and whatever it does meanwhile.
    pub(super) fn kill(&self) {
        let _ = write_existing(&self.path.join("cgroup.kill"), "1");
    }

    /// What lives in it now, with all that lies below it.
    pub(super) fn members(&self) -> Vec<Process> {
        let mut found = Vec::new();
        let mut dirs = vec![self.path.clone()];
        while let Some(dir) = dirs.pop() {
            let pids = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
            let pids = pids.lines().filter_map(|pid| pid.parse().ok());
            found.extend(pids.filter_map(read_process));
            dirs.extend(subdirs(&dir));
        }
        found
    }

    /// CPU time of everything that ever lived in it, where that is more than what the main process waited for.
    pub(super) fn add_to(&self, usage: &mut Usage) {
        let stat = fs::read_to_string(self.path.join("cpu.stat")).unwrap_or_default();
        let millis = |key| value_of(&stat, key).unwrap_or(0) / 1_000;
        usage.user_ms = usage.user_ms.max(millis("user_usec"));
        usage.system_ms = usage.system_ms.max(millis("system_usec"));
    }

    /// Whether the kernel killed something in it for want of memory.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        let events = fs::read_to_string(self.path.join("memory.events")).unwrap_or_default();
        value_of(&events, "oom_kill").is_some_and(|count| count > 0)
    }

    /// Removes it, unless anything lives in it. Returns whether it is gone.
    pub(super) fn remove(&self) -> bool {
        remove(&self.path)
    }
}

/// Removes a leaf with what the attempt made below it. Returns whether it is gone; what lives keeps it.
pub(super) fn remove(path: &Path) -> bool {
    for dir in subdirs(path) {
        remove(&dir);
    }
    match fs::remove_dir(path) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// The leaves of a state directory in which something lives, with the attempts that they were made for.
pub(super) fn leaves(found: &Where, state_dir: &Path) -> Vec<(AttemptId, Leaf)> {
    let prefix = state_prefix(state_dir);
    let leaf = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_prefix(&prefix)?;
        let (run, number) = name.split_once('-')?.1.split_once('.')?;
        let id = AttemptId {
            run: RunId(run.parse().ok()?),
            number: number.parse().ok()?,
        };
        Some((id, Leaf::reopen(&path).filter(Leaf::is_populated)?))
    };
    subdirs(&found.dir).filter_map(leaf).collect()
}

/// Removes the empty leaves that dead keepers of this state directory left. A living one may have just made its own.
pub(super) fn remove_left(found: &Where, state_dir: &Path, is_dead: impl Fn(u32) -> bool) {
    let prefix = state_prefix(state_dir);
    for path in subdirs(&found.dir) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let keeper = name.strip_prefix(&prefix).and_then(|rest| rest.split_once('-'));
        if keeper.is_some_and(|(keeper, _)| keeper.parse().is_ok_and(&is_dead)) {
            remove(&path);
        }
    }
}

fn subdirs(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
}

/// A line `key number` of a file of the kernel.
fn value_of(text: &str, key: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "25 20 0:22 / /sys rw - sysfs sysfs rw\n\
        30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        31 25 0:27 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_own_cgroup_is_found_where_version_2_is_mounted() {
        let own = "4:memory:/x\n0::/system.slice/freshd.service\n";
        let found = own_dir(own, HYBRID).unwrap();
        assert_eq!(found, Path::new("/sys/fs/cgroup/unified/system.slice/freshd.service"));
        let namespaced = "40 30 0:27 /machine /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        assert_eq!(
            own_dir("0::/machine/a\n", namespaced).unwrap(),
            Path::new("/sys/fs/cgroup/a")
        );
        assert_eq!(own_dir("0::/elsewhere\n", namespaced), None);
        assert_eq!(own_dir("4:memory:/x\n", HYBRID), None);
    }

    #[test]
    fn limits_are_written_in_the_words_of_the_kernel() {
        let limits = Limits {
            memory_bytes: Some(512 << 20),
            cpu_percent: Some(150),
            files: Some(64),
            processes: Some(20),
        };
        let files = limit_files(&limits);
        let files: Vec<(&str, &str)> = files.iter().map(|(file, value)| (*file, value.as_str())).collect();
        let expected = [
            ("memory.max", "536870912"),
            ("memory.oom.group", "1"),
            ("memory.swap.max", "0"),
            ("cpu.max", "150000 100000"),
            ("pids.max", "20"),
        ];
        assert_eq!(files, expected);
        assert_eq!(limit_files(&Limits::default()), []);
    }

    #[test]
    fn two_state_directories_and_two_keepers_share_no_leaf() {
        let dir = tempfile::tempdir().unwrap();
        let found = Where {
            dir: dir.path().to_owned(),
            takes_controllers: false,
        };
        let id = AttemptId {
            run: RunId(7),
            number: 2,
        };
        let places = [("/a", 1), ("/a", 11), ("/b", 1)];
        let places = places.map(|(state_dir, keeper)| Cgroups::new(&found, Path::new(state_dir), keeper).path(id));
        for place in &places {
            fs::create_dir(place).unwrap();
        }
        remove_left(&found, Path::new("/a"), |keeper| keeper == 1);
        assert_eq!(places.map(|place| place.exists()), [false, true, true]);
    }
}
