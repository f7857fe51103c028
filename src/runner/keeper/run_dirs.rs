//! Directories of attempts, used again when they come back empty: to make one and remove it costs a file system more
//! than to start a process in it.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::super::files::make_private_dir;

/// Directories kept for later at most: as many as end together in a large storm.
const SPARE_MAX: usize = 1_024;

/// Directories made at once, ahead of their attempts: some milliseconds, for which others wait.
const MADE_PER_TURN: usize = 64;

/// What the names of spare directories begin with; attempts are called by their numbers.
const SPARE_PREFIX: &str = ".spare-";

/// Mode of a directory as it was made; another one is not used again.
const MODE: u32 = 0o700;

/// The spare directories of one keeper.
#[derive(Debug)]
pub(super) struct RunDirs {
    dir: PathBuf,
    number: u32,
    spare: Vec<PathBuf>,
    /// As many are to be there when next they are needed.
    wanted: usize,
}

impl RunDirs {
    /// Takes over what earlier keepers left in `dir`. Should one of them still live, whoever renames first has it.
    pub(super) fn take_over(dir: &Path, number: u32) -> Self {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let spare = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(SPARE_PREFIX));
        Self {
            dir: dir.to_owned(),
            number,
            spare: spare.take(SPARE_MAX).map(|entry| entry.path()).collect(),
            wanted: 0,
        }
    }

    /// So many attempts may come together soon.
    pub(super) fn want(&mut self, attempts: usize) {
        self.wanted = attempts.min(SPARE_MAX);
    }

    /// Whether directories are wanted that are not made yet.
    pub(super) fn lacks(&self) -> bool {
        self.spare.len() < self.wanted
    }

    /// Makes some of those that are wanted. What cannot be made ahead is tried again by the attempt that needs it.
    pub(super) fn make_some(&mut self) {
        for _ in 0..MADE_PER_TURN {
            let spare = self.spare_path();
            if !self.lacks() || make_private_dir(&spare).is_err() {
                self.wanted = 0;
                return;
            }
            self.spare.push(spare);
        }
    }

    fn spare_path(&self) -> PathBuf {
        self.dir
            .join(format!("{SPARE_PREFIX}{}-{}", self.number, self.spare.len()))
    }

    /// An empty directory to `make` that of an attempt from, if there is one.
    pub(super) fn spare(&mut self) -> Option<PathBuf> {
        // Those that were to be made ahead come now.
        self.wanted = 0;
        self.spare.pop()
    }

    /// Keeps the directory of an attempt of which nothing runs any more, if it is as it was made. Any other is left
    /// to be removed with what is in it.
    pub(super) fn take_back(&mut self, run_dir: &Path) {
        if self.spare.len() >= SPARE_MAX || !is_as_made(run_dir) {
            return;
        }
        let spare = self.spare_path();
        if fs::rename(run_dir, &spare).is_ok() {
            self.spare.push(spare);
        }
    }

    /// Removes them: nobody is there to use them again.
    pub(super) fn remove(&mut self) {
        for spare in self.spare.drain(..) {
            let _ = fs::remove_dir(spare);
        }
    }
}

/// Makes the directory of an attempt.
pub(super) fn make(spare: Option<PathBuf>, run_dir: &Path) -> io::Result<()> {
    match spare {
        Some(spare) if fs::rename(&spare, run_dir).is_ok() => Ok(()),
        _ => make_private_dir(run_dir),
    }
}

/// An empty directory, not a link to one, that nobody but its owner may enter.
fn is_as_made(dir: &Path) -> bool {
    let is_private = |metadata: fs::Metadata| {
        metadata.is_dir() && metadata.permissions().mode() & 0o7777 == MODE && metadata.uid() == geteuid().as_raw()
    };
    fs::symlink_metadata(dir).is_ok_and(is_private)
        && fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inode(path: &Path) -> u64 {
        fs::metadata(path).unwrap().ino()
    }

    #[test]
    fn an_empty_directory_is_given_to_the_next_attempt_under_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let mut run_dirs = RunDirs::take_over(dir.path(), 1);
        let (first, second) = (dir.path().join("1-1"), dir.path().join("2-1"));
        make(run_dirs.spare(), &first).unwrap();
        let made = inode(&first);
        run_dirs.take_back(&first);
        assert!(!first.exists());
        make(run_dirs.spare(), &second).unwrap();
        assert_eq!(inode(&second), made);
    }

    #[test]
    fn a_directory_that_holds_anything_or_was_opened_to_others_or_is_a_link_is_not_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut run_dirs = RunDirs::take_over(dir.path(), 1);
        let (full, open, link) = (dir.path().join("1-1"), dir.path().join("2-1"), dir.path().join("3-1"));
        make(run_dirs.spare(), &full).unwrap();
        fs::write(full.join(".report"), "").unwrap();
        make(run_dirs.spare(), &open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o770)).unwrap();
        std::os::unix::fs::symlink("/var/empty", &link).unwrap();
        for used in [&full, &open, &link] {
            run_dirs.take_back(used);
            assert!(fs::symlink_metadata(used).is_ok(), "{} was taken", used.display());
        }
    }

    #[test]
    fn spare_directories_of_a_keeper_that_died_serve_the_next_one_until_it_leaves() {
        let dir = tempfile::tempdir().unwrap();
        let attempt = dir.path().join("1-1");
        let mut dead = RunDirs::take_over(dir.path(), 1);
        make(dead.spare(), &attempt).unwrap();
        dead.take_back(&attempt);
        drop(dead);
        let mut next = RunDirs::take_over(dir.path(), 2);
        make(next.spare(), &attempt).unwrap();
        next.take_back(&attempt);
        next.remove();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_spare_directory_that_is_gone_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let attempt = dir.path().join("1-1");
        let mut run_dirs = RunDirs::take_over(dir.path(), 1);
        make(run_dirs.spare(), &attempt).unwrap();
        run_dirs.take_back(&attempt);
        fs::remove_dir(dir.path().join(".spare-1-0")).unwrap();
        make(run_dirs.spare(), &attempt).unwrap();
        assert!(attempt.is_dir());
    }
}
