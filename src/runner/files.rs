//! Where keepers keep their files, and which of two programs is the same build.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::sys;

/// The files of one keeper. A number is used by one keeper only.
#[derive(Clone, Debug)]
pub(super) struct KeeperFiles {
    /// The directory of all keepers.
    pub(super) dir: PathBuf,
    /// The keeper's number.
    pub(super) number: u32,
}

impl KeeperFiles {
    /// The files of keeper `number` under a state directory.
    pub(super) fn new(state_dir: &Path, number: u32) -> Self {
        Self {
            dir: state_dir.join("keeper"),
            number,
        }
    }

    /// Starts and ends, in the order in which they became true.
    pub(super) fn journal(&self) -> PathBuf {
        self.dir.join(format!("{}.journal", self.number))
    }

    /// Locked while the keeper lives. Apart from the journal, so that the journal can be replaced by a shorter one.
    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join(format!("{}.lock", self.number))
    }

    /// Where the daemon reaches the keeper.
    pub(super) fn socket(&self) -> PathBuf {
        self.dir.join(format!("{}.sock", self.number))
    }

    /// What the keeper has to say to people.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join(format!("{}.log", self.number))
    }

    /// Takes the number for a keeper that is about to be started: from now on every daemon sees it.
    pub(super) fn reserve(&self) -> io::Result<()> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.lock())
            .map(drop)
            .map_err(|error| naming(&error, "make", &self.lock()))
    }

    /// The lock of a keeper that was just started. `None` when another one has it, or when a daemon found the number
    /// without a keeper and has removed it: then nobody will ever look for this keeper.
    pub(super) fn lock_reserved(&self) -> io::Result<Option<File>> {
        let file = match OpenOptions::new().read(true).write(true).open(self.lock()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(naming(&error, "open", &self.lock())),
        };
        let is_locked = sys::try_lock(&file)?;
        let is_removed = file.metadata()?.nlink() == 0;
        Ok((is_locked && !is_removed).then_some(file))
    }

    /// Opens the lock file and tries to lock it: `Some` means that no keeper of this number lives, nor ever will
    /// while the file is held.
    pub(super) fn try_lock(&self) -> io::Result<Option<File>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.lock())?;
        Ok(sys::try_lock(&file)?.then_some(file))
    }

    /// Says in the lock of a keeper that its journal is there, so that one that vanishes is missed.
    pub(super) fn note_journal(lock: &File) -> io::Result<()> {
        (&mut { lock }).write_all(b"j")
    }

    /// Whether the keeper of this lock once had a journal, and has not removed it itself.
    pub(super) fn had_journal(lock: &File) -> bool {
        lock.metadata().is_ok_and(|lock| lock.len() > 0)
    }

    /// Removes everything, the lock last: a keeper that left keeps nothing behind but a log that says something.
    pub(super) fn remove(&self) {
        if let Ok(lock) = OpenOptions::new().write(true).open(self.lock()) {
            // From here on nobody misses the journal.
            let _ = lock.set_len(0);
        }
        if fs::metadata(self.log()).is_ok_and(|log| log.len() == 0) {
            let _ = fs::remove_file(self.log());
        }
        for path in [self.socket(), self.journal(), self.lock()] {
            let _ = fs::remove_file(path);
        }
    }
}

/// Makes the directory of all keepers, for its owner alone.
pub(super) fn make_private_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| naming(&error, "make directory", dir))
}

/// Opens a file of ours beneath its directory: neither may be a link, since nobody but whoever plants one would know
/// what is read, or overwritten, in its stead. What is made belongs to its owner alone.
///
/// # Errors
/// As opening does; `NotFound` also where the directory is missing. What is a link is named.
pub(super) fn open_beneath(path: &Path, flags: OFlags) -> io::Result<File> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let no_link = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(dir, OFlags::PATH | OFlags::DIRECTORY | no_link, Mode::empty()).and_then(|dir| {
        // A pipe in its place must not keep whoever opens it waiting.
        rustix::fs::openat(&dir, name, flags | OFlags::NONBLOCK | no_link, Mode::RUSR | Mode::WUSR)
    });
    opened.map(File::from).map_err(|error| match error {
        Errno::LOOP | Errno::NOTDIR => {
            let why = format!(
                "{} is a link, or its directory is: no output is kept behind one",
                path.display()
            );
            io::Error::new(io::ErrorKind::InvalidInput, why)
        }
        error => error.into(),
    })
}

/// An error that names what could not be done with which path.
pub(super) fn naming(error: &io::Error, doing: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {doing} {}: {error}", path.display()))
}

/// Whether there is no space on the disk, or by a quota; a file system without inodes says the same.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Logs of keepers that are gone, of which the newest are kept.
const OLD_LOGS_MAX: u32 = 20;

/// The numbers of all keepers that left a lock or a journal, lowest first, and the highest number in any file name.
/// Removes old logs.
pub(super) fn keeper_numbers(state_dir: &Path) -> io::Result<(Vec<u32>, u32)> {
    let dir = state_dir.join("keeper");
    let mut numbers = Vec::new();
    let mut logs = Vec::new();
    let mut highest = 0;
    for entry in fs::read_dir(&dir).map_err(|error| naming(&error, "read", &dir))? {
        let name = entry?.file_name();
        let Some((number, kind)) = name.to_str().and_then(|name| name.split_once('.')) else {
            continue;
        };
        let Ok(number) = number.parse::<u32>() else {
            continue;
        };
        highest = highest.max(number);
        if matches!(kind, "journal" | "lock") && !numbers.contains(&number) {
            numbers.push(number);
        } else if kind == "log" {
            logs.push(number);
        }
    }
    logs.retain(|log| !numbers.contains(log) && log.saturating_add(OLD_LOGS_MAX) < highest);
    for log in logs {
        let _ = fs::remove_file(dir.join(format!("{log}.log")));
    }
    numbers.sort_unstable();
    Ok((numbers, highest))
}

/// Names a build of freshd: its version, and which file it is, so that a rebuilt binary counts as another one.
pub(super) fn build_of(exe: &Path) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match fs::metadata(exe) {
        Ok(file) => format!(
            "{version} {}:{} {}.{:09}",
            file.dev(),
            file.ino(),
            file.mtime(),
            file.mtime_nsec()
        ),
        Err(_) => format!("{version} unknown file"),
    }
}

/// The kernel's random name of this boot; empty where it does not tell.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}
