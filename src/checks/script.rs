//! The script that wrote a candidate, by its digest: for the record of what made a version.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;

use jiff::Timestamp;

use super::disk::digest;
use crate::model::{Judging, Script};
use crate::probe;

/// A larger file is a program, and no script that anybody compares.
const SCRIPT_BYTES_MAX: u64 = 16 << 20;

/// The file that an attempt's command names, with its digest when it is still what it was when the attempt started. `None`
/// when there is no such file.
pub(super) fn script(judging: &Judging) -> Option<Script> {
    let path = judging.script.as_ref()?;
    let file = probe::open_regular(path).ok()?;
    let metadata = file.metadata().ok()?;
    let changed = Timestamp::new(metadata.ctime(), i32::try_from(metadata.ctime_nsec()).ok()?).ok()?;
    let is_as_started = changed <= judging.started_at && metadata.len() <= SCRIPT_BYTES_MAX;
    let sha256 = is_as_started
        .then(|| digest(file.take(SCRIPT_BYTES_MAX)).ok())
        .flatten();
    Some(Script {
        path: path.clone(),
        sha256,
    })
}
