//! A directory with a target and the state beside it, and what its readers see.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use freshd::checks::{Step, publish, publish_steps};
use freshd::model::*;
use freshd::probe;
use jiff::Timestamp;
use tempfile::TempDir;

pub(crate) const OLD: &str = "lot,qty\nL1,1\n";
pub(crate) const NEW: &str = "lot,qty\nL1,2\nL2,3\n";

/// A directory with a target and the state beside it, as the daemon would have them.
pub(crate) struct Place {
    pub(crate) exports: TempDir,
    pub(crate) state: TempDir,
    pub(crate) keep_versions: u32,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            exports: TempDir::new().expect("a temporary directory"),
            state: TempDir::new().expect("a temporary directory"),
            keep_versions: 14,
        }
    }

    /// The state lies on another file system than the exports.
    pub(crate) fn across_devices() -> Self {
        let place = Self {
            state: TempDir::new_in("/dev/shm").expect("a second file system"),
            ..Self::new()
        };
        let device = |path: &Path| path.metadata().expect("it is there").dev();
        assert_ne!(device(place.exports.path()), device(place.state.path()));
        place
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.exports.path().join("stock.csv")
    }

    pub(crate) fn staged(&self, number: u64) -> PathBuf {
        staged_path(&self.target(), attempt(number))
    }

    /// A version whose candidate is at `staged`, with this content.
    pub(crate) fn publishing(&self, number: u64, staged: PathBuf, content: &str) -> Publishing {
        let dataset = self.dataset();
        fs::create_dir_all(staged.parent().expect("a directory")).expect("a directory");
        fs::write(&staged, content).expect("a candidate");
        let measured = probe::measure(&staged, &dataset).expect("a good candidate");
        let as_of: Timestamp = "2026-11-20T21:00:00Z".parse().expect("a timestamp");
        Publishing {
            version: Version {
                dataset: dataset.name.clone(),
                number: VersionNumber(number),
                state: VersionState::Publishing,
                arrived_at: as_of + Duration::from_secs(number * 60),
                as_of,
                effective_as_of: as_of,
                limited_by: Some(VersionRef {
                    dataset: Name::from("items"),
                    number: VersionNumber(7),
                }),
                run: Some(RunId(number)),
                attempt: Some(attempt(number)),
                inputs: Vec::new(),
                rows: measured.rows,
                bytes: measured.bytes,
                sha256: measured.sha256,
                unchanged: false,
                checks: Vec::new(),
                reason: None,
                stamp: None,
                file: dataset.file.clone(),
                kept_as: dataset.file.as_deref().map(kept_name),
                provenance: Provenance::default(),
                lesson: None,
            },
            dataset: Arc::new(dataset),
            staged,
            is_kept: false,
            spared: Vec::new(),
            versions_dir: self.state.path().join("versions"),
            quarantine_dir: self.state.path().join("quarantine"),
        }
    }

    pub(crate) fn dataset(&self) -> Dataset {
        Dataset {
            name: Name::from("stock"),
            title: None,
            owner: Owner::Nobody,
            system: None,
            file: Some(self.target()),
            probe: None,
            made_from: Vec::new(),
            consumers: Vec::new(),
            due: None,
            max_age: None,
            warn_age: None,
            counted_in: None,
            parts: Vec::new(),
            part_of: None,
            maintenance: Vec::new(),
            as_of: AsOf::Start,
            checks: Checks::default(),
            settle: Duration::from_secs(2),
            must_change: false,
            may_be_empty: false,
            requires_as_of: false,
            keep_versions: self.keep_versions,
            severity: Severity::Critical,
            description: None,
            runbook: None,
        }
    }

    /// What a reader finds: the file, and the version in the sidecar.
    pub(crate) fn seen(&self) -> (Option<String>, Option<u64>) {
        let sidecar = fs::read(sidecar_path(&self.target())).ok();
        let version = sidecar.map(|text| {
            let value: serde_json::Value = serde_json::from_slice(&text).expect("whole JSON");
            value["version"].as_u64().expect("a version")
        });
        (fs::read_to_string(self.target()).ok(), version)
    }

    pub(crate) fn kept_path(&self, number: u64) -> PathBuf {
        let target = self.target();
        version_path(
            &self.state.path().join("versions"),
            &Name::from("stock"),
            VersionNumber(number),
            &kept_name(&target),
        )
    }

    pub(crate) fn kept(&self, number: u64) -> Option<String> {
        let path = self.kept_path(number);
        let content = fs::read_to_string(&path).ok()?;
        assert!(sidecar_path(&path).exists(), "a kept version has its sidecar");
        Some(content)
    }

    /// Names beside the target, to see that nothing is left behind.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.exports.path())
    }
}

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

pub(crate) fn attempt(number: u64) -> AttemptId {
    AttemptId {
        run: RunId(number),
        number: 1,
    }
}

pub(crate) fn position(step: Step) -> usize {
    let position = Step::ALL.iter().position(|other| *other == step);
    position.expect("every step is in the list")
}

/// Cuts the work short after each number of steps, looks with a reader's eyes, and does it again in full.
pub(crate) fn cut_short_everywhere(make: impl Fn() -> Place, stage: impl Fn(&Place) -> PathBuf, first: bool) {
    for done in 0..=Step::ALL.len() {
        let place = make();
        if !first {
            let old = place.publishing(1, place.staged(1), OLD);
            publish(&old).expect("the first version");
        }
        let new = place.publishing(2, stage(&place), NEW);
        publish_steps(&new, &Step::ALL[..done]).expect("no step fails");

        let replaced = done > position(Step::Replace);
        let revealed = done > position(Step::Reveal);
        let file = match (replaced, first) {
            (true, _) => Some(NEW.to_owned()),
            (false, true) => None,
            (false, false) => Some(OLD.to_owned()),
        };
        let sidecar = match (revealed, first) {
            (true, _) => Some(2),
            (false, true) => None,
            (false, false) => Some(1),
        };
        assert_eq!(place.seen(), (file, sidecar), "after {done} steps");
        assert!(replaced || !revealed, "a sidecar promises more than its file holds");
        if done > position(Step::Keep) {
            assert_eq!(place.kept(2).as_deref(), Some(NEW), "after {done} steps");
        }

        for again in ["again", "and once more"] {
            publish(&new).expect(again);
            assert_eq!(place.seen(), (Some(NEW.to_owned()), Some(2)), "{again}");
            assert_eq!(place.kept(2).as_deref(), Some(NEW), "{again}");
        }
        assert_eq!(place.kept(1).as_deref(), (!first).then_some(OLD));
        assert_eq!(place.names(), ["stock.csv", "stock.csv.freshd.json"]);
    }
}
