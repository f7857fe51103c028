//! Where the files of a dataset lie: staged, kept, quarantined, and the sidecar beside each.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{AttemptId, Name, VersionNumber};

/// Where an attempt writes its candidate: hidden, and beside the target so that a rename is enough.
///
/// `exports/stock.csv` and attempt 2 of run 7 give `exports/.stock.csv.freshd-7-2`.
pub fn staged_path(target: &Path, attempt: AttemptId) -> PathBuf {
    let AttemptId { run, number } = attempt;
    target.with_file_name(hidden_name(target, &format!("{run}-{number}")))
}

/// The directory of one attempt: `run/41.1` of the state directory.
pub fn run_dir(state_dir: &Path, attempt: AttemptId) -> PathBuf {
    state_dir.join("run").join(attempt.to_string())
}

/// The file into which an attempt reports. Every process of it is told the path by `FRESHD_REPORT`, which names the state
/// directory and the attempt: no other freshd's processes have the same.
pub fn report_path(state_dir: &Path, attempt: AttemptId) -> PathBuf {
    run_dir(state_dir, attempt).join("report")
}

/// The directory for the candidate of an attempt that runs as another user: beside its own one, which that user could
/// put a link to elsewhere into.
pub fn output_dir(run_dir: &Path) -> PathBuf {
    let mut name = run_dir.file_name().unwrap_or_default().to_owned();
    name.push(".out");
    run_dir.with_file_name(name)
}

/// What one attempt printed: `logs/stock-export/41.1.log` of the state directory.
pub fn log_path(state_dir: &Path, job: &Name, attempt: AttemptId) -> PathBuf {
    state_dir.join("logs").join(job.as_str()).join(format!("{attempt}.log"))
}

/// The hidden name that freshd uses beside `target` for something not yet, or not only, for readers.
pub fn hidden_name(target: &Path, purpose: &str) -> OsString {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".freshd-{purpose}"));
    name
}

/// Where a version stays restorable: `versions/stock/42/stock.csv`.
pub fn version_path(versions_dir: &Path, dataset: &Name, number: VersionNumber, kept_as: &str) -> PathBuf {
    versions_dir
        .join(dataset.as_str())
        .join(number.to_string())
        .join(kept_as)
}

/// The name under which the copy of a version of this file is kept, in `versions/` and in quarantine.
pub fn kept_name(file: &Path) -> String {
    match file.file_name().unwrap_or_default().to_string_lossy() {
        // The reasons have that name already.
        name if name == REASONS_FILE => "candidate".to_owned(),
        name => name.into_owned(),
    }
}

/// The directory of one refused candidate: `quarantine/stock/43`.
pub fn quarantine_path(quarantine_dir: &Path, dataset: &Name, number: VersionNumber) -> PathBuf {
    quarantine_dir.join(dataset.as_str()).join(number.to_string())
}

/// What says beside a file which version it is: `stock.csv.freshd.json`.
pub fn sidecar_path(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(SIDECAR_SUFFIX);
    file.with_file_name(name)
}

/// The file beside a refused candidate that says why it was refused.
pub const REASONS_FILE: &str = "reasons.json";

/// What follows the file's name in the name of its sidecar.
pub const SIDECAR_SUFFIX: &str = ".freshd.json";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunId;

    #[test]
    fn a_candidate_is_staged_hidden_beside_its_target() {
        let attempt = AttemptId {
            run: RunId(7),
            number: 2,
        };
        assert_eq!(
            staged_path(Path::new("/srv/exports/stock.csv"), attempt),
            Path::new("/srv/exports/.stock.csv.freshd-7-2")
        );
    }

    #[test]
    fn versions_lie_under_their_dataset_and_number() {
        let stock = Name::from("stock");
        let path = version_path(Path::new("/state/versions"), &stock, VersionNumber(42), "stock.csv");
        assert_eq!(path, Path::new("/state/versions/stock/42/stock.csv"));
        assert_eq!(
            sidecar_path(&path),
            Path::new("/state/versions/stock/42/stock.csv.freshd.json")
        );
        assert_eq!(
            quarantine_path(Path::new("/state/quarantine"), &stock, VersionNumber(43)),
            Path::new("/state/quarantine/stock/43")
        );
    }
}
