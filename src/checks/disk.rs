//! Durable file operations beneath an open directory: what was said to be done survives a power cut.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::walk::open_directory;
use crate::model::{Stamp, VersionNumber, VersionRef};

/// Between two reads of a file that is digested.
const BUFFER_BYTES: usize = 64 << 10;

/// Largest small file read whole: sidecars.
const SMALL_FILE_BYTES_MAX: u64 = 1 << 20;

/// Directories of the state are for freshd alone.
pub(super) const PRIVATE_MODE: u32 = 0o700;

/// Directories made for readers; the umask takes from it.
pub(super) const SHARED_MODE: u32 = 0o777;

/// Why a version could not be put in its place, or into quarantine.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Nothing says where readers look.
    #[error("the dataset {dataset} has no `file`; say where readers find it")]
    NoTarget {
        /// The dataset.
        dataset: String,
    },
    /// A name that would lead out of its directory.
    #[error("`{name}` cannot be the name of a file or directory; use letters, digits, - and _")]
    BadName {
        /// The name.
        name: String,
    },
    /// Something that is no regular file stands in the way.
    #[error("{} is not a regular file; remove it, or name its destination as the dataset's `file`", path.display())]
    NotAFile {
        /// Where.
        path: PathBuf,
    },
    /// A link where a directory of quarantine should be.
    #[error("{} is a link: no refused candidate is kept behind one; remove it, or mount or bind there what it leads to", path.display())]
    Link {
        /// Where.
        path: PathBuf,
    },
    /// The bytes are not those that were judged.
    #[error("{} changed after it was judged; run the job again, and let it wait for everything that writes to its output", path.display())]
    Changed {
        /// Where.
        path: PathBuf,
    },
    /// A later version is in place already.
    #[error("{version} is not put in place, because the later version {by} already is")]
    Superseded {
        /// The one that is not.
        version: VersionRef,
        /// The number of the one that is.
        by: u64,
    },
    /// Neither the candidate nor a copy of it is left.
    #[error("{version} cannot be put in place: its output {} is gone, and no copy of it is left; run the job again", staged.display())]
    Gone {
        /// Which.
        version: VersionRef,
        /// Where it was.
        staged: PathBuf,
    },
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl PublishError {
    /// Whether the machine refused for a reason that often passes, such as a full disk. A permission does not.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() != io::ErrorKind::PermissionDenied,
            Self::NoTarget { .. }
            | Self::BadName { .. }
            | Self::NotAFile { .. }
            | Self::Link { .. }
            | Self::Changed { .. }
            | Self::Superseded { .. }
            | Self::Gone { .. } => false,
        }
    }
}

/// An open directory. Names in it are single components, so that nothing leads out of it.
pub(super) struct Directory {
    descriptor: File,
    path: PathBuf,
}

impl Directory {
    /// Opens a directory and makes it first, with those above it, where it is missing.
    pub(super) fn make(path: &Path, mode: u32) -> Result<Self, PublishError> {
        match Self::open(path) {
            Err(PublishError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let failed = failure("make the directory", path);
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(failed(io::Error::from(io::ErrorKind::NotFound)));
        };
        let above = Self::make(above, mode)?;
        match rustix::fs::mkdirat(&above.descriptor, name, Mode::from_raw_mode(mode)) {
            Err(error) if error != Errno::EXIST => return Err(failed(error.into())),
            _ => above.sync()?,
        }
        Self::open(path)
    }

    pub(super) fn open(path: &Path) -> Result<Self, PublishError> {
        let descriptor = open_directory(path).map_err(failure("open the directory", path))?;
        Ok(Self {
            descriptor: descriptor.into(),
            path: path.to_owned(),
        })
    }

    /// Opens what has the name; `None` when nothing has it. Anything but a regular file is an error.
    pub(super) fn file(&self, name: &OsStr) -> Result<Option<File>, PublishError> {
        let not_a_file = || PublishError::NotAFile {
            path: self.path.join(name),
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match rustix::fs::openat(&self.descriptor, name, flags, Mode::empty()) {
            Ok(descriptor) => {
                let file = File::from(descriptor);
                let metadata = file.metadata().map_err(self.failed("look at", name))?;
                metadata.is_file().then_some(Some(file)).ok_or_else(not_a_file)
            }
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::LOOP | Errno::NXIO) => Err(not_a_file()),
            Err(error) => Err(self.failed("open", name)(error.into())),
        }
    }

    /// A small file whole; `None` when there is none, or when it is not a small file.
    pub(super) fn small_file(&self, name: &OsStr) -> Option<Vec<u8>> {
        let file = self.file(name).ok()??;
        let mut bytes = Vec::new();
        file.take(SMALL_FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Writes a file that is whole and durable before it has its name.
    pub(super) fn write(
        &self,
        name: &OsStr,
        mode: Mode,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), PublishError> {
        let mut unfinished = name.to_owned();
        unfinished.push(".part");
        self.remove(&unfinished)?;
        // Exclusive: never into what somebody else has put there meanwhile.
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut output = rustix::fs::openat(&self.descriptor, &unfinished, flags, mode)
            .map(File::from)
            .map_err(|error| self.failed("make", &unfinished)(error.into()))?;
        let written = fill(&mut output)
            // The mode above is cut by the umask; this one is not.
            .and_then(|()| set_permissions(&output, mode))
            .and_then(|()| output.sync_all());
        if let Err(error) = written {
            // What cannot be finished must not fill a disk that may be full already.
            let _ = self.remove(&unfinished);
            return Err(self.failed("write", name)(error));
        }
        self.rename(&unfinished, self, name)?;
        self.sync()
    }

    /// Copies an open file here, whole or not at all, into a file of its own.
    pub(super) fn copy(&self, file: &File, name: &OsStr) -> Result<(), PublishError> {
        let metadata = file.metadata().map_err(self.failed("look at", name))?;
        self.write(name, permissions(&metadata), |copy| duplicate(file, copy))
    }

    pub(super) fn rename(&self, from: &OsStr, directory: &Self, to: &OsStr) -> Result<(), PublishError> {
        self.try_rename(from, directory, to)
            .map_err(|error| directory.failed("move a file to", to)(error.into()))
    }

    /// The same, for a caller who looks at the reason.
    pub(super) fn try_rename(&self, from: &OsStr, directory: &Self, to: &OsStr) -> Result<(), Errno> {
        rustix::fs::renameat(&self.descriptor, from, &directory.descriptor, to)
    }

    /// Removes a file; one that is gone already is fine.
    pub(super) fn remove(&self, name: &OsStr) -> Result<(), PublishError> {
        match rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.failed("remove", name)(error.into())),
        }
    }

    /// Makes names durable.
    pub(super) fn sync(&self) -> Result<(), PublishError> {
        match rustix::fs::fsync(&self.descriptor) {
            // Some network and foreign file systems cannot, and have nothing more to offer.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(error) => Err(failure("save the directory", &self.path)(error.into())),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Says what could not be done to a name in here.
    pub(super) fn failed(&self, action: &'static str, name: &OsStr) -> impl FnOnce(io::Error) -> PublishError + use<> {
        failure(action, &self.path.join(name))
    }
}

/// Removes the directories in `directory` that are named by a number, but for the newest `keep`, those `spared`
/// and those not below `below`.
pub(super) fn remove_oldest(directory: &Path, below: u64, keep: usize, spared: &[VersionNumber]) -> io::Result<()> {
    let mut numbers: Vec<u64> = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        // `7`, but not `07` or `+7`: only what was named here.
        let number = name.to_str().and_then(|name| name.parse().ok());
        numbers.extend(
            number.filter(|number: &u64| *number < below && name.to_str() == Some(number.to_string().as_str())),
        );
    }
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    let old = numbers.into_iter().skip(keep);
    for number in old.filter(|number| !spared.contains(&VersionNumber(*number))) {
        // Goes from descriptor to descriptor and follows no link.
        std::fs::remove_dir_all(directory.join(number.to_string()))?;
    }
    Ok(())
}

/// Makes an empty file hold what another holds: by sharing its blocks where the file system can, else byte by byte.
fn duplicate(mut file: &File, copy: &mut File) -> io::Result<()> {
    // Why not does not matter: another file system, one that cannot, a file that cannot. Reading tells the rest.
    if rustix::fs::ioctl_ficlone(&mut *copy, file).is_ok() {
        return Ok(());
    }
    io::Seek::rewind(&mut file)?;
    io::copy(&mut file, copy).map(drop)
}

/// Refuses a name that is not a single, plain component of a path.
pub(super) fn plain(name: &OsStr) -> Result<&OsStr, PublishError> {
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None) if only == name => Ok(name),
        _ => Err(PublishError::BadName {
            name: name.to_string_lossy().into_owned(),
        }),
    }
}

/// The digest of an open file in hex.
pub(super) fn sha256(mut file: &File) -> io::Result<String> {
    io::Seek::rewind(&mut file)?;
    digest(file)
}

/// The digest of all that is still to be read, in hex.
pub(super) fn digest(mut content: impl Read) -> io::Result<String> {
    use std::fmt::Write as _;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = content.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    let digits = hasher.finalize();
    Ok(digits.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// By what an open file is known again.
pub(super) fn stamp(metadata: &Metadata) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    Stamp {
        bytes: metadata.len(),
        modified_ns: metadata
            .mtime()
            .saturating_mul(1_000_000_000)
            .saturating_add(metadata.mtime_nsec()),
        inode: metadata.ino(),
    }
}

/// Read, write and execute of a file; never set-user-id and its like, which a job has no business to hand on.
pub(super) fn permissions(metadata: &Metadata) -> Mode {
    use std::os::unix::fs::MetadataExt;
    Mode::from_raw_mode(metadata.mode() & 0o777)
}

/// Sets permissions; those that the file system cannot express stay as they are.
pub(super) fn set_permissions(file: &File, mode: Mode) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    if file.metadata()?.mode() & 0o7777 == mode.as_raw_mode() {
        return Ok(());
    }
    match rustix::fs::fchmod(file, mode) {
        Ok(()) | Err(Errno::PERM | Errno::NOTSUP) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Gives a file to the owner and the group of another, as far as freshd may; only root may do all of it.
pub(super) fn set_owner(file: &File, like: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let (uid, gid) = (Uid::from_raw(like.uid()), Gid::from_raw(like.gid()));
    for (uid, gid) in [(None, Some(gid)), (Some(uid), None)] {
        match rustix::fs::fchown(file, uid, gid) {
            Ok(()) | Err(Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Gives a file to a group.
pub(super) fn set_group(file: &File, group: Gid) -> io::Result<()> {
    Ok(rustix::fs::fchown(file, None, Some(group))?)
}

/// Writes bytes; the `fill` of [`Directory::write`].
pub(super) fn bytes(bytes: &[u8]) -> impl FnOnce(&mut File) -> io::Result<()> {
    move |file| file.write_all(bytes)
}

fn failure(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PublishError + use<> {
    let path = path.to_owned();
    move |source| PublishError::Io { action, path, source }
}
