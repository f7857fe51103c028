//! Which version readers see, by the files alone: for records that were lost.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::disk::{Directory, plain, sha256};
use super::sidecar::version;
use crate::model::{Dataset, Name, SIDECAR_SUFFIX, Version, kept_name, sidecar_path};

/// The version that readers of a dataset see, if its file is one that freshd has put there: the file's content must be
/// that of its sidecar, or of a kept version (publishing may have been cut short between the two).
///
/// `None` when there is no file, when somebody else has written into it, or when it cannot be read.
pub fn in_place(dataset: &Dataset, versions_dir: &Path) -> Option<Version> {
    let target = dataset.file.as_deref()?;
    let directory = Directory::open(target.parent()?).ok()?;
    let file = directory.file(target.file_name()?).ok()??;
    let digest = sha256(&file).ok()?;
    let is_it = |version: &Version| version.dataset == dataset.name && version.sha256 == digest;
    let found = described(&sidecar_path(target)).filter(is_it).or_else(|| {
        let mut numbers = numbers_in(&versions_dir.join(dataset.name.as_str()));
        numbers.sort_unstable();
        let kept = numbers.into_iter().rev();
        kept.filter_map(|number| {
            let kept = versions_dir.join(dataset.name.as_str()).join(number.to_string());
            described(&sidecar_in(&kept)?)
        })
        .find(is_it)
    })?;
    // Whoever may write beside the target must not lead anybody out of `versions/`.
    let kept_as = found.kept_as.filter(|name| plain(OsStr::new(name)).is_ok());
    Some(Version {
        file: Some(target.to_owned()),
        kept_as: Some(kept_as.unwrap_or_else(|| kept_name(target))),
        ..found
    })
}

/// The highest number of a version of each dataset that left a directory below one of `dirs`.
pub fn highest_numbers(dirs: &[&Path]) -> Vec<(Name, u64)> {
    let mut highest: std::collections::BTreeMap<Name, u64> = std::collections::BTreeMap::new();
    for entry in dirs.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if let Some(number) = numbers_in(&entry.path()).into_iter().max() {
            let known = highest.entry(Name::from(name)).or_default();
            *known = number.max(*known);
        }
    }
    highest.into_iter().collect()
}

/// The sidecar of the version that is kept in a directory.
fn sidecar_in(kept: &Path) -> Option<PathBuf> {
    let mut paths = fs::read_dir(kept).ok()?.flatten().map(|entry| entry.path());
    paths.find(|path| path.to_string_lossy().ends_with(SIDECAR_SUFFIX))
}

/// What a sidecar says.
fn described(sidecar: &Path) -> Option<Version> {
    let directory = Directory::open(sidecar.parent()?).ok()?;
    version(&directory.small_file(sidecar.file_name()?)?)
}

fn numbers_in(dir: &Path) -> Vec<u64> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}
