//! Moves a refused candidate to where people can look at it, with the reasons beside it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::io::Errno;

use super::disk::{Directory, PRIVATE_MODE, PublishError, bytes, plain, remove_oldest};
use super::sidecar::reasons;
use crate::model::{Publishing, REASONS_FILE, quarantine_path};

/// Refused candidates kept of each dataset.
pub const QUARANTINED_MAX: usize = 20;

/// Moves a refused candidate to `quarantine/DATASET/NUMBER/` and answers with that directory.
///
/// What the job left is moved as it is, were it a directory or a link. A candidate that is not there leaves the
/// reasons alone. Done twice, it changes nothing.
pub fn quarantine(publishing: &Publishing) -> Result<PathBuf, PublishError> {
    let Publishing {
        version,
        dataset,
        staged,
        quarantine_dir,
        ..
    } = publishing;
    plain(OsStr::new(version.dataset.as_str()))?;
    let path = quarantine_path(quarantine_dir, &version.dataset, version.number);
    let name = plain(OsStr::new(version.kept_as.as_deref().unwrap_or("candidate")))?;
    // As for outputs: what is refused lies in the state directory, and not where a link leads.
    for part in path.ancestors().take_while(|part| part.starts_with(quarantine_dir)) {
        if part.is_symlink() {
            let path = part.to_owned();
            return Err(PublishError::Link { path });
        }
    }
    let place = Directory::make(&path, PRIVATE_MODE)?;
    move_candidate(staged, &place, name)?;

    let moved = path.join(name).symlink_metadata().is_ok();
    let file = moved.then(|| name.to_string_lossy().into_owned());
    let text = reasons(version, dataset, file);
    let mode = Mode::from_raw_mode(0o600);
    place.write(OsStr::new(REASONS_FILE), mode, bytes(&text))?;

    let older = QUARANTINED_MAX - 1;
    if let Some(directory) = path.parent()
        && let Err(error) = remove_oldest(directory, version.number.0, older, &[])
    {
        tracing::warn!(dataset = %dataset.name, %error, "cannot remove earlier refused candidates");
    }
    Ok(path)
}

fn move_candidate(staged: &Path, place: &Directory, name: &OsStr) -> Result<(), PublishError> {
    let (Some(parent), Some(staged_name)) = (staged.parent(), staged.file_name()) else {
        return Ok(());
    };
    let from = match Directory::open(parent) {
        Ok(from) => from,
        Err(PublishError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    match from.try_rename(staged_name, place, name) {
        Ok(()) => {
            place.sync()?;
            from.sync()
        }
        // Moved before, or never written.
        Err(Errno::NOENT) => Ok(()),
        Err(Errno::XDEV) => {
            match from.file(staged_name) {
                Ok(Some(candidate)) => place.copy(&candidate, name)?,
                // A link or directory does not go to another file system; the reasons say what it was.
                Ok(None) | Err(PublishError::NotAFile { .. }) => return Ok(()),
                Err(error) => return Err(error),
            }
            from.remove(staged_name)?;
            from.sync()
        }
        Err(error) => Err(from.failed("move", staged_name)(error.into())),
    }
}
