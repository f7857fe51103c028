//! What is stored, against the checks as they are written now: which of them would have refused what was accepted.

use std::collections::BTreeMap;
use std::path::Path;

use crate::checks;
use crate::model::{Doubt, Name, Settings, Version, version_path};
use crate::store::Reader;

/// The last accepted versions of a dataset that are looked at.
const VERSIONS_MAX: u32 = 5;

/// A kept copy that is larger than this is not read again.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// All kept copies together.
const ALL_BYTES_MAX: u64 = 256 << 20;

/// The rules of each dataset to be doubted. What cannot be read is told by other verbs: then there are none.
pub(super) fn doubts(settings: &Settings, reader: &Reader, state_dir: &Path) -> BTreeMap<Name, Vec<Doubt>> {
    let mut left = ALL_BYTES_MAX;
    let mut found = BTreeMap::new();
    let produced = settings.datasets.values().filter(|dataset| dataset.probe.is_none());
    for dataset in produced.filter(|dataset| !dataset.checks.columns.is_empty()) {
        let Ok(recent) = reader.accepted_of(&dataset.name, VERSIONS_MAX) else {
            return found;
        };
        let Some(newest) = recent.first() else { continue };
        let kept = kept(newest, state_dir).filter(|_| newest.bytes <= left.min(FILE_BYTES_MAX));
        let (doubts, was_read) = checks::hindsight(dataset, &recent, kept.as_deref());
        left -= if was_read { newest.bytes } else { 0 };
        if !doubts.is_empty() {
            found.insert(dataset.name.clone(), doubts);
        }
    }
    found
}

fn kept(version: &Version, state_dir: &Path) -> Option<std::path::PathBuf> {
    let kept_as = version.kept_as.as_deref()?;
    let versions_dir = state_dir.join("versions");
    Some(version_path(&versions_dir, &version.dataset, version.number, kept_as))
}
