//! A cgroup that is delegated as by a service manager, for tests that are root.
#![allow(dead_code, reason = "each test program uses its own part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::fs::{XattrFlags, setxattr};

/// A cgroup that is marked as systemd marks one with `Delegate=yes`.
pub(crate) struct Delegated {
    pub(crate) dir: PathBuf,
}

impl Delegated {
    /// `None` for a user who may make none.
    pub(crate) fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2"))?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("freshd-test-{}-{number}", std::process::id());
        let dir = Path::new(mount.split(' ').nth(1)?).join(name);
        fs::create_dir(&dir).unwrap();
        setxattr(&dir, "user.delegate", b"1", XattrFlags::empty()).unwrap();
        Some(Self { dir })
    }

    /// The same with a subgroup for the daemon and with the controllers that limits need, as from systemd 254 on; `None`
    /// where the machine has them in another hierarchy.
    pub(crate) fn with_controllers() -> Option<Self> {
        let delegated = Self::new()?;
        let has_all = |dir: &Path| {
            let has = fs::read_to_string(dir.join("cgroup.controllers")).unwrap();
            ["memory", "cpu", "pids"]
                .iter()
                .all(|name| has.split_whitespace().any(|one| one == *name))
        };
        let above = delegated.dir.parent()?;
        if !has_all(above) {
            return None;
        }
        fs::write(above.join("cgroup.subtree_control"), "+memory +cpu +pids").unwrap();
        assert!(has_all(&delegated.dir));
        fs::create_dir(delegated.subgroup()).unwrap();
        Some(delegated)
    }

    /// Where the daemon lives beside its attempts.
    pub(crate) fn subgroup(&self) -> PathBuf {
        self.dir.join("daemon")
    }

    /// The cgroups in it.
    pub(crate) fn leaves(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.dir).unwrap().map(Result::unwrap);
        let dirs = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        dirs.map(|entry| entry.path()).collect()
    }

    /// Waits until nothing lives in any leaf, and all are gone.
    pub(crate) fn until_no_leaf(&self) {
        for _ in 0..3_000 {
            if self.leaves().is_empty() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        panic!("still there: {:?}", self.leaves());
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        let _ = fs::write(self.dir.join("cgroup.kill"), "1");
        for _ in 0..1_000 {
            for leaf in self.leaves() {
                let _ = fs::remove_dir(leaf);
            }
            if fs::remove_dir(&self.dir).is_ok() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}
