//! Lets the user of a job reach what is its own, and nobody else: directories of the attempt are given to it, and those
//! above let it through by name, with an access list, where their permissions would not.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{XattrFlags, getxattr, setxattr};
use rustix::io::Errno;

use super::program::NoStart;
use crate::model::{AttemptSpec, RunAs};

/// The attribute that Linux keeps an access list in.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// Longest access list that is read; a disk block holds about 500 entries.
const ACCESS_LIST_BYTES_MAX: usize = 16 << 10;

/// The version of the list's layout: `linux/posix_acl_xattr.h`.
const VERSION: u32 = 2;

/// Whom an entry is about, in the order that the kernel demands.
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// The number in an entry that is about nobody by name.
const NOBODY: u32 = u32::MAX;

const READ: u16 = 4;
const SEARCH: u16 = 1;

/// Makes the directory for the output of an attempt, for its user alone.
pub(super) fn make_output_dir(dir: &Path, user: Option<&RunAs>) -> io::Result<()> {
    let Some(user) = user else {
        return fs::create_dir_all(dir);
    };
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    chown(dir, Some(user.uid), Some(user.gid))
}

/// A list is read, changed and written: whoever does that takes a turn.
static CHANGING: Mutex<()> = Mutex::new(());

/// Gives an attempt's own directory to its user, and lets that user through to it and to its pinned inputs. What lies above the state directory is left as it is.
pub(super) fn grant(spec: &AttemptSpec, user: &RunAs, state_dir: &Path) -> Result<(), NoStart> {
    let failed = |path: &Path, error: io::Error| {
        let path = path.display();
        NoStart::of(error, |error| {
            if error.raw_os_error() == Some(libc::EOPNOTSUPP) {
                format!(
                    "{path} cannot be opened to user {}: its file system keeps no access lists",
                    user.user
                )
            } else {
                format!("{path} cannot be opened to user {}: {error}", user.user)
            }
        })
    };
    chown(&spec.run_dir, Some(user.uid), Some(user.gid)).map_err(|error| failed(&spec.run_dir, error))?;
    let inputs = spec.env.iter().filter(|(key, _)| key.starts_with("FRESHD_INPUT_"));
    let inputs = inputs
        .map(|(_, path)| Path::new(path))
        .filter(|path| path.starts_with(state_dir));
    for input in inputs.clone() {
        // One that is gone is the job's to find out, as ever.
        if input.exists() {
            allow(input, user.uid, READ).map_err(|error| failed(input, error))?;
        }
    }
    for path in inputs.chain([spec.run_dir.as_path()]) {
        for dir in path.ancestors().skip(1).take_while(|dir| dir.starts_with(state_dir)) {
            allow(dir, user.uid, SEARCH).map_err(|error| failed(dir, error))?;
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    tag: u16,
    id: u32,
    permissions: u16,
}

/// Lets a user do this with a file or directory, besides what others may.
fn allow(path: &Path, uid: u32, permissions: u16) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    if metadata.uid() == uid || u32::from(permissions) & !(metadata.mode() & 0o7) == 0 {
        return Ok(());
    }
    let _turn = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut buffer = vec![0; ACCESS_LIST_BYTES_MAX];
    let before = match getxattr(path, ACCESS_LIST, &mut buffer[..]) {
        Ok(length) => decode(&buffer[..length])?,
        Err(Errno::NODATA) => from_mode(metadata.mode()),
        Err(error) => return Err(error.into()),
    };
    let after = with_user(before.clone(), uid, permissions);
    if after == before {
        return Ok(());
    }
    setxattr(path, ACCESS_LIST, &encode(&after), XattrFlags::empty())?;
    Ok(())
}

/// The list that says what a mode says.
fn from_mode(mode: u32) -> Vec<Entry> {
    let entry = |tag, shift: u32| Entry {
        tag,
        id: NOBODY,
        permissions: u16::try_from((mode >> shift) & 0o7).unwrap_or(0),
    };
    vec![entry(USER_OBJ, 6), entry(GROUP_OBJ, 3), entry(OTHER, 0)]
}

/// Adds a user, and opens the mask, which is the most that anybody but owner and others gets, as far as that takes.
fn with_user(mut list: Vec<Entry>, uid: u32, permissions: u16) -> Vec<Entry> {
    match list.iter_mut().find(|entry| entry.tag == USER && entry.id == uid) {
        Some(entry) => entry.permissions |= permissions,
        None => list.push(Entry {
            tag: USER,
            id: uid,
            permissions,
        }),
    }
    match list.iter_mut().find(|entry| entry.tag == MASK) {
        Some(mask) => mask.permissions |= permissions,
        None => {
            let group = list.iter().find(|entry| entry.tag == GROUP_OBJ);
            let permissions = permissions | group.map_or(0, |group| group.permissions);
            list.push(Entry {
                tag: MASK,
                id: NOBODY,
                permissions,
            });
        }
    }
    list.sort_unstable();
    list
}

fn encode(list: &[Entry]) -> Vec<u8> {
    let entries = list.iter().flat_map(|entry| {
        let [tag, permissions] = [entry.tag, entry.permissions].map(u16::to_le_bytes);
        [tag.as_slice(), &permissions, &entry.id.to_le_bytes()].concat()
    });
    VERSION.to_le_bytes().into_iter().chain(entries).collect()
}

fn decode(bytes: &[u8]) -> io::Result<Vec<Entry>> {
    let unknown = || io::Error::new(io::ErrorKind::InvalidData, "its access list has an unknown layout");
    let (version, entries) = bytes.split_first_chunk().ok_or_else(unknown)?;
    if u32::from_le_bytes(*version) != VERSION || entries.len() % 8 != 0 {
        return Err(unknown());
    }
    let entries = entries.chunks_exact(8).map(|entry| {
        let pair = |at| u16::from_le_bytes([entry[at], entry[at + 1]]);
        Entry {
            tag: pair(0),
            permissions: pair(2),
            id: u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]),
        }
    });
    Ok(entries.collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Barrier;

    use super::*;

    fn shown(list: &[Entry]) -> String {
        let words = list.iter().map(|entry| {
            let who = match entry.tag {
                USER_OBJ => "u:".to_owned(),
                USER => format!("u{}:", entry.id),
                GROUP_OBJ => "g:".to_owned(),
                MASK => "m:".to_owned(),
                _ => "o:".to_owned(),
            };
            format!("{who}{}", entry.permissions)
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_user_is_let_through_and_nobody_else_gets_anything() {
        let list = with_user(from_mode(0o700), 33, SEARCH);
        assert_eq!(shown(&list), "u:7 u33:1 g:0 m:1 o:0");
        let list = with_user(list, 7, READ);
        assert_eq!(shown(&list), "u:7 u7:4 u33:1 g:0 m:5 o:0");
        assert_eq!(shown(&with_user(from_mode(0o640), 33, READ)), "u:6 u33:4 g:4 m:4 o:0");
    }

    #[test]
    fn two_that_let_many_users_through_at_once_forget_none_of_them() {
        const USERS: u32 = 100;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        // A directory that everybody passes anyway gets no list.
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        let firsts = [100_000, 200_000];
        // Each user anew: two that ran one after the other would show nothing.
        let together = Barrier::new(firsts.len());
        std::thread::scope(|scope| {
            for first in firsts {
                let together = &together;
                scope.spawn(move || {
                    for user in first..first + USERS {
                        together.wait();
                        allow(path, user, SEARCH).unwrap();
                    }
                });
            }
        });
        let mut list = vec![0; ACCESS_LIST_BYTES_MAX];
        let length = getxattr(path, ACCESS_LIST, &mut list[..]).unwrap();
        let list = decode(&list[..length]).unwrap();
        let users = list.iter().filter(|entry| entry.tag == USER).map(|entry| entry.id);
        let expected: Vec<u32> = firsts.iter().flat_map(|first| *first..*first + USERS).collect();
        assert_eq!(users.collect::<Vec<_>>(), expected, "{}", shown(&list));
    }

    #[test]
    fn a_list_is_read_back_as_it_was_written_and_said_twice_it_stays() {
        let list = with_user(from_mode(0o750), 33, SEARCH);
        assert_eq!(decode(&encode(&list)).unwrap(), list);
        assert_eq!(with_user(list.clone(), 33, SEARCH), list);
        assert!(decode(&[1, 0, 0, 0]).is_err());
        assert!(decode(&[2, 0, 0, 0, 1]).is_err());
    }
}
