//! Opens the directory that root publishes into, step by step, so that no link leads it elsewhere that anybody but root
//! can turn.
//!
//! The place may belong to the user of a job, who can put a link to `/etc` there between the check of a configuration and
//! any of the many publications that follow. What cannot be told beforehand is looked at while going: behind the first
//! directory that somebody else can change no link is followed, so what is reached lies where that user could have put
//! it, and nowhere else.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, openat, readlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

/// Links followed in one path, as the kernel does.
const LINKS_MAX: usize = 40;

const STICKY: u32 = 0o1000;
const WRITABLE_BY_GROUP: u32 = 0o020;
const WRITABLE_BY_OTHERS: u32 = 0o002;

/// Opens a directory. Who is not root has nothing to give away, and goes as the kernel does.
pub(super) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if !geteuid().is_root() {
        return Ok(rustix::fs::open(path, flags, Mode::empty())?);
    }
    let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = || rustix::fs::open("/", step, Mode::empty());
    let mut at = root()?;
    let mut is_roots = only_root_changes(&fstat(&at)?);
    let mut links = 0;
    let mut ahead = Vec::new();
    push(&mut ahead, &std::path::absolute(path)?);
    while let Some(name) = ahead.pop() {
        let next = openat(&at, &name, step, Mode::empty())?;
        let stat = fstat(&next)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink if is_roots && stat.st_uid == 0 => {
                links += 1;
                if links > LINKS_MAX {
                    return Err(Errno::LOOP.into());
                }
                let target = target(&next)?;
                if Path::new(&target).is_absolute() {
                    at = root()?;
                }
                push(&mut ahead, Path::new(&target));
            }
            FileType::Symlink => {
                let why = format!(
                    "others than root can make the link `{}` in its path lead elsewhere; name the place that it leads to",
                    name.display()
                );
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
            _ => {
                is_roots &= only_root_changes(&stat);
                at = next;
            }
        }
    }
    // What is no directory is found out here.
    Ok(openat(&at, ".", flags, Mode::empty())?)
}

/// Puts the parts of a path ahead of what is there, the first one last.
fn push(ahead: &mut Vec<OsString>, path: &Path) {
    let parts = path
        .components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_owned()).collect();
    ahead.extend(parts.into_iter().rev());
}

/// What an open link says.
fn target(link: impl AsFd) -> io::Result<OsString> {
    let target = readlinkat(link, "", Vec::new())?;
    Ok(std::os::unix::ffi::OsStringExt::from_vec(target.into_bytes()))
}

/// Whether nobody but root can change what a directory's names stand for. In a sticky one nobody can replace what belongs
/// to others.
fn only_root_changes(stat: &Stat) -> bool {
    let by_group = stat.st_mode & WRITABLE_BY_GROUP != 0 && stat.st_gid != 0;
    let by_others = stat.st_mode & WRITABLE_BY_OTHERS != 0;
    stat.st_uid == 0 && (stat.st_mode & STICKY != 0 || !(by_group || by_others))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, chown, symlink};

    use super::*;

    fn inode(path: &Path) -> u64 {
        std::fs::metadata(path).unwrap().ino()
    }

    #[test]
    fn a_link_of_roots_is_followed_and_one_that_another_user_can_turn_is_not() {
        if !geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        for name in ["secret", "links", "of_user", "of_user/deep"] {
            std::fs::create_dir(dir.join(name)).unwrap();
        }
        for (link, target) in [
            ("links/relative", "../secret/."),
            ("links/twice", "relative"),
            ("of_user/link", "../secret"),
            ("of_user/deep/link", "."),
        ] {
            symlink(target, dir.join(link)).unwrap();
        }
        symlink(dir.join("secret"), dir.join("links/absolute")).unwrap();
        chown(dir.join("of_user"), Some(65_534), None).unwrap();
        std::os::unix::fs::lchown(dir.join("links/twice"), Some(65_534), None).unwrap();

        let opened = |path: &str| open_directory(&dir.join(path)).map(|found| fstat(found).unwrap().st_ino);
        for (path, leads_to) in [
            ("links/relative", "secret"),
            ("links/absolute", "secret"),
            ("links/../of_user/deep", "of_user/deep"),
        ] {
            assert_eq!(opened(path).unwrap(), inode(&dir.join(leads_to)), "{path}");
        }
        for path in ["of_user/link", "of_user/deep/link", "links/twice"] {
            let error = opened(path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{path}: {error}");
        }
        assert_eq!(opened("links/none").unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::write(dir.join("file"), "").unwrap();
        assert_eq!(opened("file").unwrap_err().kind(), io::ErrorKind::NotADirectory);
        symlink("circle", dir.join("circle")).unwrap();
        assert_eq!(opened("circle").unwrap_err().raw_os_error(), Some(libc::ELOOP));
    }
}
