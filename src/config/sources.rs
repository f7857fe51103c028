//! Which files belong to a configuration: the root file and what its `include` means.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::files::{self, FILE_BYTES_MAX, FILES_MAX};
use super::reader::Table;
use super::report::{Report, Spot};
use super::trust;

/// Most bytes of all files together.
const TOTAL_BYTES_MAX: usize = 64 << 20;

/// Reads the root file and its includes into the report, as if the file stood at `stands_at`.
pub(super) fn read(report: &mut Report, file: &Path, stands_at: &Path, environment: &Environment) {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let place = std::path::absolute(stands_at).unwrap_or_else(|_| stands_at.to_owned());
    let dir = place.parent().unwrap_or(Path::new("/")).to_owned();
    let label = file.display().to_string();
    let root = read_one(report, (&absolute, &dir), &label, environment, None);
    let mut seen: HashSet<PathBuf> = absolute.canonicalize().ok().into_iter().collect();
    let mut total = report.sources()[root as usize].text.len();
    for (pattern, spot) in patterns(report, root) {
        let found = match files::matching(&dir, &pattern) {
            Ok(found) => found,
            Err(error) => {
                report.error(spot, error.message, error.help);
                continue;
            }
        };
        if found.is_empty() {
            nothing_found(report, spot, &pattern);
        }
        for path in found {
            let known = !path.canonicalize().is_ok_and(|path| seen.insert(path));
            if known && path == absolute {
                report.error(
                    spot,
                    format!("`{pattern}` includes the file itself"),
                    "write a pattern that only matches other files, as in jobs.d/*.toml",
                );
            }
            if known {
                continue;
            }
            if seen.len() > FILES_MAX || total > TOTAL_BYTES_MAX {
                report.error(
                    spot,
                    format!(
                        "more than {FILES_MAX} files or {} MiB are included",
                        TOTAL_BYTES_MAX >> 20
                    ),
                    "write a narrower pattern",
                );
                return;
            }
            let label = label_of(file, &dir, &path);
            let own = path.parent().unwrap_or(Path::new("/"));
            let file = read_one(report, (&path, own), &label, environment, Some(spot));
            total += report.sources()[file as usize].text.len();
        }
    }
}

/// Takes in texts that were read before, each in the directory in which it lay beside the root file.
pub(super) fn remember(report: &mut Report, file: &Path, files: &[(String, String)]) {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let dir = absolute.parent().unwrap_or(Path::new("/")).to_owned();
    let root = files.first().map(|(label, _)| Path::new(label).with_file_name(""));
    for (label, text) in files {
        let path = Path::new(label);
        let relative = root.as_ref().and_then(|root| path.strip_prefix(root).ok());
        let path = dir.join(relative.unwrap_or(path));
        let own = path.parent().unwrap_or(Path::new("/")).to_owned();
        report.add_source(label.clone(), own, text.clone());
    }
}

/// Reads one file, and what is relative in it from a directory; problems with it as a whole are told at `include`, or at its
/// first character.
fn read_one(
    report: &mut Report,
    (path, dir): (&Path, &Path),
    label: &str,
    environment: &Environment,
    include: Option<Spot>,
) -> u32 {
    let dir = dir.to_owned();
    let unsafe_file = (environment.root && path.exists())
        .then(|| trust::changeable_by_others(path, None))
        .flatten();
    let (file, error) = match files::read_text(path, FILE_BYTES_MAX) {
        Ok(text) => (report.add_source(label.to_owned(), dir, text), None),
        Err(error) => {
            let before = error.text_before.clone().unwrap_or_default();
            (report.add_unreadable(label.to_owned(), dir, before), Some(error))
        }
    };
    let start = include.unwrap_or(Spot::new(file, 0..0));
    for error in [error, unsafe_file].into_iter().flatten() {
        let spot = match &error.text_before {
            Some(before) => Spot::new(file, before.len()..before.len()),
            None => start,
        };
        report.error(spot, format!("`{label}` {}", error.message), error.help);
    }
    file
}

fn patterns(report: &Report, root: u32) -> Vec<(String, Spot)> {
    Table::root(&report.parse(root), root, report)
        .texts("include")
        .iter()
        .map(|text| (text.text.to_owned(), text.spot()))
        .collect()
}

fn nothing_found(report: &Report, spot: Spot, pattern: &str) {
    if files::is_pattern(pattern) {
        report.warning(
            spot,
            format!("`{pattern}` matches no file"),
            "create one, correct the pattern, or take it out",
        );
    } else {
        report.error(
            spot,
            format!("`{pattern}` does not exist"),
            "create it, or correct the path",
        );
    }
}

/// The path of an included file as the caller would write it.
fn label_of(root: &Path, dir: &Path, path: &Path) -> String {
    match path.strip_prefix(dir) {
        Ok(relative) => root.with_file_name("").join(relative).display().to_string(),
        Err(_) => path.display().to_string(),
    }
}
