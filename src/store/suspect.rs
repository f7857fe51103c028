//! A note that the database may be damaged, for the next start, which then reads it through whatever its size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::SUSPECT_FILE;
use super::lock::FILE_MODE;

/// Asks the next start to read the database in `state_dir` through, and says why. Best effort: where the disk takes
/// nothing, the next start looks at what it would have looked at anyway.
pub fn suspect(state_dir: &Path, why: &str) {
    if let Err(error) = write(state_dir, why) {
        tracing::warn!(%error, "{SUSPECT_FILE} cannot be written");
    }
}

fn write(state_dir: &Path, why: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(state_dir.join(SUSPECT_FILE))?;
    writeln!(file, "{why}")?;
    file.sync_all()?;
    File::open(state_dir)?.sync_all()
}

/// Why somebody suspects the database; `None` when nobody does.
pub(super) fn reason(state_dir: &Path) -> Option<String> {
    let why = fs::read(state_dir.join(SUSPECT_FILE)).ok()?;
    Some(String::from_utf8_lossy(&why).trim().to_owned())
}

/// The database was read through, or replaced.
pub(super) fn clear(state_dir: &Path) {
    let _ = fs::remove_file(state_dir.join(SUSPECT_FILE));
}
