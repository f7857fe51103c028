//! A small disk for the state directory, which can be filled to the last byte.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

/// More than a world needs, and little enough to be filled in a moment.
const SIZE: &str = "size=192m";

/// A tmpfs; unmounted when dropped.
pub(crate) struct Disk {
    dir: PathBuf,
    is_full: bool,
}

impl Disk {
    /// Mounts one on a directory. Only in a mount namespace of our own.
    pub(crate) fn mount(dir: &Path) -> Self {
        Self::mount_with(dir, SIZE)
    }

    /// The same with these options.
    pub(crate) fn mount_with(dir: &Path, options: &str) -> Self {
        std::fs::create_dir_all(dir).expect("a directory");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("{options},mode=700"), "tmpfs"])
            .arg(dir)
            .status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "a small disk cannot be mounted"
        );
        Self {
            dir: dir.to_path_buf(),
            is_full: false,
        }
    }

    /// Whether there is no space.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Leaves no byte free.
    pub(crate) fn fill(&mut self) {
        let mut file = File::create(self.filler()).expect("a file");
        self.is_full = true;
        let mut at = 0;
        for size in [1 << 20, 64 << 10, 4 << 10] {
            loop {
                match fallocate(&file, FallocateFlags::empty(), at, size) {
                    Ok(()) => at += size,
                    Err(Errno::NOSPC) => break,
                    Err(error) => panic!("the disk cannot be filled: {error}"),
                }
            }
        }
        // What has been freed since.
        let _ = OpenOptions::new()
            .append(true)
            .open(self.filler())
            .map(|mut end| end.write(&[0; 4096]));
        let _ = file.flush();
    }

    /// Gives the space back.
    pub(crate) fn free(&mut self) {
        if std::mem::take(&mut self.is_full) {
            std::fs::remove_file(self.filler()).expect("space again");
        }
    }

    fn filler(&self) -> PathBuf {
        self.dir.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.dir).status();
    }
}
