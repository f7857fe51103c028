//! Who beside root can change what a path leads to: by writing, by replacing a directory, or by turning a link.

use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use super::files::FileError;

/// Links followed in one path, as the kernel does.
const LINKS_MAX: usize = 40;

const WRITABLE_BY_OTHERS: u32 = 0o002;
const WRITABLE_BY_GROUP: u32 = 0o020;
const STICKY: u32 = 0o1000;

/// What makes a path unsafe to trust for somebody who runs as root: that others can change it, directly or by replacing
/// what leads to it. What is not there yet is judged by where it would be made.
///
/// A directory may also belong to `owner`, a user who is trusted with what lies there. That user can put a link in it, and
/// then nobody knows where the path leads: no link may follow.
pub(super) fn changeable_by_others(path: &Path, owner: Option<u32>) -> Option<FileError> {
    let own = rustix::process::geteuid().as_raw();
    let is_ours = |uid| uid == 0 || uid == own;
    let mut is_ours_so_far = true;
    steps(path).iter().find_map(|(step, metadata)| {
        let shown = step.display();
        let uid = metadata.uid();
        if !is_ours(uid) && Some(uid) != owner {
            let message = format!("can be changed by others: {shown} belongs to another user");
            return Some(FileError::new(message, format!("chown -h root {shown}")));
        }
        is_ours_so_far &= is_ours(uid);
        if metadata.is_symlink() {
            let message = format!("can be changed by others: the link {shown} can be made to lead elsewhere");
            return (!is_ours_so_far).then(|| FileError::new(message, "name the place that it leads to"));
        }
        // In a sticky directory, as /tmp is, nobody can replace what belongs to others.
        let is_sticky = metadata.is_dir() && metadata.mode() & STICKY != 0;
        let (by, remedy) = writers(metadata).filter(|_| !is_sticky)?;
        let message = format!("can be changed by others: {shown} is writable by {by}");
        Some(FileError::new(message, format!("chmod {remedy} {shown}")))
    })
}

/// Everything that a path leads through, links and what they lead to included, as far as it is there.
fn steps(path: &Path) -> Vec<(PathBuf, Metadata)> {
    let mut found = Vec::new();
    let mut links = 0;
    let mut at = PathBuf::new();
    let mut ahead = Vec::new();
    push(
        &mut ahead,
        &std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    );
    while let Some(name) = ahead.pop() {
        if name == ".." {
            at.pop();
            continue;
        }
        // From the root, where it begins, a path begins anew.
        let step = at.join(name);
        let Ok(metadata) = std::fs::symlink_metadata(&step) else {
            break;
        };
        if metadata.is_symlink() {
            links += 1;
            let Some(target) = std::fs::read_link(&step).ok().filter(|_| links <= LINKS_MAX) else {
                break;
            };
            push(&mut ahead, &target);
        } else {
            at.clone_from(&step);
        }
        found.push((step, metadata));
    }
    found
}

/// Puts the parts of a path ahead of what is there, the first one last.
fn push(ahead: &mut Vec<OsString>, path: &Path) {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_owned()).collect();
    ahead.extend(parts.into_iter().rev());
}

/// Who beside its owner may write, and what ends that. Root's own group is root.
fn writers(metadata: &Metadata) -> Option<(String, &'static str)> {
    match metadata.mode() {
        mode if mode & WRITABLE_BY_OTHERS != 0 => Some(("everybody".to_owned(), "go-w")),
        mode if mode & WRITABLE_BY_GROUP != 0 && metadata.gid() != 0 => {
            Some((format!("its group {}", metadata.gid()), "g-w"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    fn told(path: &Path, owner: Option<u32>) -> String {
        changeable_by_others(path, owner).map_or_else(String::new, |error| error.message)
    }

    #[test]
    fn a_link_is_as_safe_as_the_directory_that_it_lies_in_and_what_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        for name in ["real", "links"] {
            std::fs::create_dir(dir.join(name)).unwrap();
        }
        std::fs::write(dir.join("real/file"), "").unwrap();
        symlink("../real/./file", dir.join("links/file")).unwrap();
        let link = dir.join("links/file");
        assert_eq!(told(&link, None), "");
        let open = |name: &str, mode: u32| {
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(dir.join(name), permissions).unwrap();
        };
        for changed in ["real", "links"] {
            open(changed, 0o777);
            let expected = format!(
                "can be changed by others: {} is writable by everybody",
                dir.join(changed).display()
            );
            assert_eq!(told(&link, None), expected);
            open(changed, 0o755);
        }
        // Links that lead in a circle lead nowhere.
        symlink("circle", dir.join("links/circle")).unwrap();
        assert_eq!(told(&dir.join("links/circle"), None), "");
    }

    #[test]
    fn a_directory_may_belong_to_the_one_user_that_is_trusted_but_no_link_in_it_is() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let exports = dir.join("exports");
        std::fs::create_dir(&exports).unwrap();
        chown(&exports, Some(65_534), None).unwrap();
        let missing = exports.join("new/deeper");
        assert_eq!(told(&missing, Some(65_534)), "");
        for owner in [None, Some(1)] {
            let expected = format!(
                "can be changed by others: {} belongs to another user",
                exports.display()
            );
            assert_eq!(told(&missing, owner), expected);
        }
        symlink("/", exports.join("new")).unwrap();
        let expected = format!(
            "can be changed by others: the link {} can be made to lead elsewhere",
            exports.join("new").display()
        );
        assert_eq!(told(&missing, Some(65_534)), expected);
    }
}
