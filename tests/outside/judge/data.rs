//! What readers see is whole, was accepted, and is what its sidecar says.

use std::fmt::Write as _;

use freshd::model::{Name, Outcome, Trigger, VersionRef, VersionState};
use sha2::{Digest, Sha256};

use super::super::reader::writer_of;
use super::{Case, Complaints};

impl Case {
    /// Published files, the versions on record, and the jobs that read them.
    pub(super) fn published_is_whole(&self, complaints: &mut Complaints) {
        for torn in &self.seen.torn {
            complaints.unless(false, "a published file is whole", || torn.clone());
        }
        for (number, writer) in &self.seen.writers {
            let mut versions = self.records.versions[*number].iter();
            let is_one =
                versions.any(|version| version.state == VersionState::Published && version.attempt == Some(*writer));
            complaints.unless(is_one, "only accepted files are published", || {
                format!("data-{number} by {writer}")
            });
        }
        for (number, versions) in self.records.versions.iter().enumerate() {
            let settled = versions
                .iter()
                .find(|version| version.state == VersionState::Publishing);
            complaints.unless(settled.is_none(), "publishing ends", || format!("{settled:?}"));
            self.newest_is_there(number, complaints);
        }
        let writes = self.records.runs.values().map(|(run, _)| run);
        for run in writes.filter(|run| self.kind(run).plan == "writes") {
            let wanted = match run.outcome {
                Some(Outcome::Succeeded) => VersionState::Published,
                Some(Outcome::Rejected) => VersionState::Quarantined,
                _ => continue,
            };
            let versions = self.records.versions.iter().flatten();
            let its = versions
                .filter(|version| version.run == Some(run.id))
                .collect::<Vec<_>>();
            let is_it = matches!(its[..], [version] if version.state == wanted && Some(version.number) == run.version);
            complaints.unless(is_it, "what was accepted is a version", || format!("{run:?} {its:?}"));
        }
    }

    fn newest_is_there(&self, number: usize, complaints: &mut Complaints) {
        let newest = self.records.versions[number]
            .iter()
            .rfind(|version| version.state == VersionState::Published);
        let published = &self.published[number];
        let Some(newest) = newest else {
            let nothing = published.file.is_none() && published.sidecar.is_none();
            return complaints.unless(nothing, "a published file is on record", || format!("data-{number}"));
        };
        let file = published.file.as_deref().unwrap_or_default();
        let digest = sha256(file);
        let sidecar = published.sidecar.as_ref();
        let says = |key: &str| sidecar.and_then(|sidecar| sidecar[key].as_str().map(str::to_owned));
        let its_number = sidecar.and_then(|sidecar| sidecar["version"].as_u64());
        let agrees = newest.sha256 == digest && says("sha256") == Some(digest) && its_number == Some(newest.number.0);
        complaints.unless(agrees, "the newest version is in place", || {
            format!("{newest:?}, and beside it {sidecar:?}")
        });
        let writer = writer_of(&String::from_utf8_lossy(file));
        let is_its = writer.as_ref().ok() == newest.attempt.as_ref();
        complaints.unless(is_its, "the newest version is in place", || {
            format!("{newest:?} by {writer:?}")
        });
        let wanted = VersionRef {
            dataset: newest.dataset.clone(),
            number: newest.number,
        };
        let reader = Name::from(format!("reads.{number}"));
        let mut runs = self.records.runs.values().map(|(run, _)| run);
        let was_read =
            runs.any(|run| run.job == reader && run.trigger == Trigger::Input && run.inputs.contains(&wanted));
        complaints.unless(was_read, "a new version starts its readers", || format!("{newest:?}"));
    }
}

/// In hex, as sidecars have it.
pub(super) fn sha256(file: &[u8]) -> String {
    let mut digest = String::new();
    for byte in Sha256::digest(file) {
        write!(digest, "{byte:02x}").expect("text");
    }
    digest
}
