//! A state directory belongs to the user freshd runs as, and nobody else puts anything into it.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::OpenError;

const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Refuses a state directory that somebody else made or can change: what lies in it is believed, and written to.
pub(super) fn check(dir: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::of_io(dir, error);
    let user = rustix::process::geteuid().as_raw();
    let shown = dir.display();
    let refused = |why, help| {
        Err(OpenError::NotItsOwn {
            dir: dir.to_path_buf(),
            why,
            help,
        })
    };
    let of_dir = fs::metadata(dir).map_err(failed)?;
    if of_dir.uid() != user {
        return refused(
            format!("belongs to user {}, and freshd runs as user {user}", of_dir.uid()),
            format!("run freshd as its owner, or name another one with --state, or chown -R {user} {shown}"),
        );
    }
    if of_dir.mode() & WRITABLE_BY_OTHERS != 0 {
        return refused("can be written to by others".to_owned(), format!("chmod go-w {shown}"));
    }
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Some(of_entry) = still_there(entry.metadata()).map_err(failed)? else {
            continue;
        };
        // Root may have put a link to a larger disk there, and can do all that freshd can.
        if of_entry.uid() != user && of_entry.uid() != 0 {
            let name = entry.path();
            let name = name.display();
            return refused(
                format!("holds {name}, which belongs to user {}", of_entry.uid()),
                format!("see who put it there, and remove it or chown {user} {name}"),
            );
        }
    }
    Ok(())
}

/// The log of a database goes when the last who reads it leaves.
fn still_there(metadata: io::Result<Metadata>) -> io::Result<Option<Metadata>> {
    match metadata {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}
