//! Publishing and quarantine: what readers see, however often and wherever the work is cut short.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use freshd::checks::{PublishError, QUARANTINED_MAX, REASONS_FILE, Step, publish, publish_steps, quarantine};
use freshd::model::*;
use freshd::probe;
use jiff::Timestamp;
use tempfile::TempDir;

const OLD: &str = "lot,qty\nL1,1\n";
const NEW: &str = "lot,qty\nL1,2\nL2,3\n";

/// A directory with a target and the state beside it, as the daemon would have them.
struct Place {
    exports: TempDir,
    state: TempDir,
    keep_versions: u32,
}

impl Place {
    fn new() -> Self {
        Self {
            exports: TempDir::new().expect("a temporary directory"),
            state: TempDir::new().expect("a temporary directory"),
            keep_versions: 14,
        }
    }

    /// The state lies on another file system than the exports.
    fn across_devices() -> Self {
        let place = Self {
            state: TempDir::new_in("/dev/shm").expect("a second file system"),
            ..Self::new()
        };
        let device = |path: &Path| path.metadata().expect("it is there").dev();
        assert_ne!(device(place.exports.path()), device(place.state.path()));
        place
    }

    fn target(&self) -> PathBuf {
        self.exports.path().join("stock.csv")
    }

    fn staged(&self, number: u64) -> PathBuf {
        staged_path(&self.target(), attempt(number))
    }

    /// A version whose candidate is at `staged`, with this content.
    fn publishing(&self, number: u64, staged: PathBuf, content: &str) -> Publishing {
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
            },
            dataset: Arc::new(dataset),
            staged,
            versions_dir: self.state.path().join("versions"),
            quarantine_dir: self.state.path().join("quarantine"),
        }
    }

    fn dataset(&self) -> Dataset {
        Dataset {
            name: Name::from("stock"),
            title: None,
            owner: Owner::Nobody,
            system: None,
            file: Some(self.target()),
            probe: None,
            consumers: Vec::new(),
            due: None,
            max_age: None,
            warn_age: None,
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
    fn seen(&self) -> (Option<String>, Option<u64>) {
        let sidecar = fs::read(sidecar_path(&self.target())).ok();
        let version = sidecar.map(|text| {
            let value: serde_json::Value = serde_json::from_slice(&text).expect("whole JSON");
            value["version"].as_u64().expect("a version")
        });
        (fs::read_to_string(self.target()).ok(), version)
    }

    fn kept_path(&self, number: u64) -> PathBuf {
        let target = self.target();
        version_path(
            &self.state.path().join("versions"),
            &Name::from("stock"),
            VersionNumber(number),
            target.file_name().expect("a name"),
        )
    }

    fn kept(&self, number: u64) -> Option<String> {
        let path = self.kept_path(number);
        let content = fs::read_to_string(&path).ok()?;
        assert!(sidecar_path(&path).exists(), "a kept version has its sidecar");
        Some(content)
    }

    /// Names beside the target, to see that nothing is left behind.
    fn names(&self) -> Vec<String> {
        names(self.exports.path())
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn attempt(number: u64) -> AttemptId {
    AttemptId {
        run: RunId(number),
        number: 1,
    }
}

fn position(step: Step) -> usize {
    let position = Step::ALL.iter().position(|other| *other == step);
    position.expect("every step is in the list")
}

/// Cuts the work short after each number of steps, looks with a reader's eyes, and does it again in full.
fn cut_short_everywhere(make: impl Fn() -> Place, stage: impl Fn(&Place) -> PathBuf, first: bool) {
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

#[test]
fn readers_see_the_old_or_the_new_file_whole_wherever_publishing_is_cut_short() {
    cut_short_everywhere(Place::new, |place| place.staged(2), false);
}

#[test]
fn the_first_version_appears_whole_wherever_publishing_is_cut_short() {
    cut_short_everywhere(Place::new, |place| place.staged(2), true);
}

#[test]
fn it_is_the_same_when_versions_are_kept_on_another_file_system() {
    cut_short_everywhere(Place::across_devices, |place| place.staged(2), false);
}

#[test]
fn it_is_the_same_when_the_candidate_lies_in_another_directory() {
    cut_short_everywhere(Place::new, |place| place.state.path().join("run/out"), false);
}

#[test]
fn it_is_the_same_when_the_candidate_lies_on_another_file_system() {
    cut_short_everywhere(Place::across_devices, |place| place.state.path().join("run/out"), false);
}

#[test]
fn a_candidate_cleaned_away_halfway_is_not_missed_once_it_was_brought() {
    for done in 1..=Step::ALL.len() {
        let place = Place::across_devices();
        publish(&place.publishing(1, place.staged(1), OLD)).expect("the first version");
        let new = place.publishing(2, place.state.path().join("run/out"), NEW);
        publish_steps(&new, &Step::ALL[..done]).expect("no step fails");
        fs::remove_file(&new.staged).expect("the copy is made in the first step");
        publish(&new).expect("the rest");
        assert_eq!(place.seen(), (Some(NEW.to_owned()), Some(2)));
        assert_eq!(place.names(), ["stock.csv", "stock.csv.freshd.json"]);
    }
}

#[test]
fn what_a_step_cut_short_in_its_middle_left_behind_does_no_harm() {
    for place in [Place::new(), Place::across_devices()] {
        let kept = place.kept_path(1);
        fs::create_dir_all(kept.parent().expect("a directory")).expect("directories");
        for path in [
            place.target().with_file_name(".stock.csv.freshd-incoming"),
            place.target().with_file_name(".stock.csv.freshd-incoming.part"),
            place.target().with_file_name(".stock.csv.freshd-sidecar"),
            place.target().with_file_name(".stock.csv.freshd-sidecar.part"),
            kept.with_file_name("stock.csv.part"),
            kept.with_file_name("stock.csv.freshd.json.part"),
        ] {
            fs::write(path, "half").expect("a directory");
        }
        let new = place.publishing(1, place.state.path().join("run/out"), NEW);
        publish(&new).expect("a version");
        assert_eq!(place.seen(), (Some(NEW.to_owned()), Some(1)));
        assert_eq!(place.kept(1).as_deref(), Some(NEW));
    }
}

#[test]
fn the_sidecar_says_what_the_file_is() {
    let place = Place::new();
    let new = place.publishing(42, place.staged(42), NEW);
    publish(&new).expect("a version");
    let text = fs::read_to_string(sidecar_path(&place.target())).expect("a sidecar");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let expected = serde_json::json!({
        "dataset": "stock",
        "version": 42,
        "as_of": "2026-11-20T21:00:00Z",
        "effective_as_of": "2026-11-20T21:00:00Z",
        "limited_by": "items@7",
        "arrived_at": "2026-11-20T21:42:00Z",
        "run": 42,
        "inputs": [],
        "rows": null,
        "bytes": NEW.len(),
        "sha256": new.version.sha256,
        "checks": [],
    });
    assert_eq!(value, expected);
    let beside_kept = fs::read_to_string(sidecar_path(&place.kept_path(42))).ok();
    assert_eq!(beside_kept, Some(text));
}

#[test]
fn a_kept_version_costs_no_space_on_the_same_file_system() {
    let place = Place::new();
    publish(&place.publishing(1, place.staged(1), OLD)).expect("a version");
    assert_eq!(place.target().metadata().expect("the file").nlink(), 2);
}

#[test]
fn a_lost_candidate_is_put_in_place_from_the_kept_copy() {
    for place in [Place::new(), Place::across_devices()] {
        publish(&place.publishing(1, place.staged(1), OLD)).expect("the first version");
        let new = place.publishing(2, place.staged(2), NEW);
        publish_steps(&new, &Step::ALL[..=position(Step::Keep)]).expect("kept");
        fs::remove_file(&new.staged).expect("somebody tidied up");
        publish(&new).expect("the kept copy is enough");
        assert_eq!(place.seen(), (Some(NEW.to_owned()), Some(2)));
    }
}

#[test]
fn a_damaged_kept_copy_is_made_anew() {
    for place in [Place::new(), Place::across_devices()] {
        let new = place.publishing(2, place.staged(2), NEW);
        let kept = place.kept_path(2);
        fs::create_dir_all(kept.parent().expect("a directory")).expect("directories");
        fs::write(&kept, "lot,qt").expect("half of an earlier copy");
        publish(&new).expect("a version");
        assert_eq!(place.kept(2).as_deref(), Some(NEW));
    }
}

#[test]
fn a_candidate_that_is_nowhere_left_is_a_clear_error_and_readers_keep_the_old_file() {
    let place = Place::new();
    publish(&place.publishing(1, place.staged(1), OLD)).expect("the first version");
    let new = place.publishing(2, place.staged(2), NEW);
    fs::remove_file(&new.staged).expect("somebody tidied up");
    let error = publish(&new).expect_err("nothing to publish");
    assert!(matches!(error, PublishError::Gone { .. }));
    let expected = format!(
        "stock@2 cannot be put in place: its output {} is gone, and no copy of it is left; run the job again",
        new.staged.display()
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(place.seen(), (Some(OLD.to_owned()), Some(1)));
}

#[test]
fn what_changed_after_it_was_judged_is_not_published() {
    let place = Place::new();
    publish(&place.publishing(1, place.staged(1), OLD)).expect("the first version");
    let new = place.publishing(2, place.staged(2), NEW);
    fs::write(&new.staged, "lot,qty\nL1,").expect("a process that stayed behind");
    let error = publish(&new).expect_err("not what was judged");
    assert!(matches!(error, PublishError::Changed { .. }), "{error}");
    assert_eq!(place.seen(), (Some(OLD.to_owned()), Some(1)));
    assert_eq!(place.kept(2), None);
}

#[test]
fn a_version_never_takes_the_place_of_a_later_one() {
    let place = Place::new();
    let one = place.publishing(1, place.staged(1), OLD);
    publish_steps(&one, &Step::ALL[..=position(Step::Keep)]).expect("cut short");
    publish(&place.publishing(2, place.staged(2), NEW)).expect("the later version");
    let error = publish(&one).expect_err("readers would go back in time");
    assert!(matches!(error, PublishError::Superseded { by: 2, .. }), "{error}");
    assert_eq!(place.seen(), (Some(NEW.to_owned()), Some(2)));
}

#[test]
fn numbers_that_begin_again_with_a_new_state_directory_are_published() {
    let place = Place::new();
    publish(&place.publishing(57, place.staged(57), OLD)).expect("the old state");
    let mut new = place.publishing(1, place.staged(1), NEW);
    new.version.arrived_at = "2026-12-01T00:00:00Z".parse().expect("a timestamp");
    publish(&new).expect("a later arrival");
    assert_eq!(place.seen(), (Some(NEW.to_owned()), Some(1)));
}

#[test]
fn the_permissions_of_the_file_before_stay() {
    let place = Place::new();
    publish(&place.publishing(1, place.staged(1), OLD)).expect("the first version");
    let mode = |path: PathBuf| path.metadata().expect("it is there").mode() & 0o7777;
    fs::set_permissions(place.target(), fs::Permissions::from_mode(0o640)).expect("its owner may");
    let new = place.publishing(2, place.staged(2), NEW);
    fs::set_permissions(&new.staged, fs::Permissions::from_mode(0o777)).expect("its owner may");
    publish(&new).expect("the second version");
    assert_eq!(mode(place.target()), 0o640);
    assert_eq!(mode(sidecar_path(&place.target())), 0o640);
}

#[test]
fn a_first_version_takes_no_special_permissions_from_its_job() {
    let place = Place::new();
    let new = place.publishing(1, place.staged(1), NEW);
    fs::set_permissions(&new.staged, fs::Permissions::from_mode(0o4755)).expect("its owner may");
    publish(&new).expect("a version");
    let mode = place.target().metadata().expect("the file").mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn a_missing_target_directory_is_made() {
    let place = Place::new();
    let mut new = place.publishing(1, place.state.path().join("run/out"), NEW);
    let target = place.exports.path().join("a/b/stock.csv");
    Arc::make_mut(&mut new.dataset).file = Some(target.clone());
    publish(&new).expect("a version");
    assert_eq!(fs::read_to_string(target).ok().as_deref(), Some(NEW));
}

#[test]
fn a_link_or_directory_in_place_of_the_file_is_refused() {
    let place = Place::new();
    let elsewhere = place.state.path().join("elsewhere.csv");
    fs::write(&elsewhere, OLD).expect("a file");
    symlink(&elsewhere, place.target()).expect("a link");
    let error = publish(&place.publishing(1, place.staged(1), NEW)).expect_err("a link");
    assert!(matches!(error, PublishError::NotAFile { .. }), "{error}");
    let target = place.target();
    assert!(target.is_symlink(), "it is not replaced behind the back of its readers");

    fs::remove_file(&target).expect("the link");
    fs::create_dir(&target).expect("a directory");
    let error = publish(&place.publishing(1, place.staged(1), NEW)).expect_err("a directory");
    assert!(matches!(error, PublishError::NotAFile { .. }), "{error}");
}

#[test]
fn a_candidate_that_became_a_link_is_refused() {
    let place = Place::new();
    let new = place.publishing(1, place.staged(1), NEW);
    let secret = place.state.path().join("secret");
    fs::rename(&new.staged, &secret).expect("moved away");
    symlink(&secret, &new.staged).expect("a link");
    let error = publish(&new).expect_err("a link");
    assert!(matches!(error, PublishError::NotAFile { .. }), "{error}");
    assert!(!place.target().exists());
}

#[test]
fn an_output_that_is_a_hard_link_becomes_a_file_of_its_own() {
    let place = Place::new();
    let new = place.publishing(1, place.staged(1), NEW);
    let living = place.state.path().join("living.csv");
    fs::hard_link(&new.staged, &living).expect("a hard link");
    publish(&new).expect("a version");
    fs::write(&living, "overwritten in place").expect("the other name");
    assert_eq!(place.seen().0.as_deref(), Some(NEW));
    assert_eq!(place.kept(1).as_deref(), Some(NEW));
}

#[test]
fn earlier_versions_beyond_those_to_keep_are_removed_oldest_first() {
    let place = Place {
        keep_versions: 2,
        ..Place::new()
    };
    for number in 1..=12 {
        let content = format!("version {number}");
        publish(&place.publishing(number, place.staged(number), &content)).expect("a version");
    }
    let versions = place.state.path().join("versions/stock");
    assert_eq!(names(&versions), ["10", "11", "12"]);
    fs::create_dir(versions.join("notes")).expect("somebody's own directory");
    publish(&place.publishing(13, place.staged(13), NEW)).expect("a version");
    assert_eq!(names(&versions), ["11", "12", "13", "notes"]);
}

#[test]
fn names_do_not_lead_out_of_their_directory() {
    let place = Place::new();
    for name in ["..", "a/b", "/etc", "", "."] {
        let mut new = place.publishing(1, place.staged(1), NEW);
        Arc::make_mut(&mut new.dataset).name = Name::from(name);
        for result in [publish(&new), quarantine(&new).map(drop)] {
            let error = result.expect_err("a bad name");
            assert!(matches!(error, PublishError::BadName { .. }), "{name}: {error}");
        }
    }
    assert_eq!(names(place.state.path()), Vec::<String>::new());
}

#[test]
fn a_dataset_without_a_file_says_so() {
    let place = Place::new();
    let mut new = place.publishing(1, place.staged(1), NEW);
    Arc::make_mut(&mut new.dataset).file = None;
    let error = publish(&new).expect_err("no target").to_string();
    assert_eq!(error, "the dataset stock has no `file`; say where readers find it");
}

#[test]
fn a_refused_candidate_lies_in_quarantine_with_its_reasons() {
    for place in [Place::new(), Place::across_devices()] {
        publish(&place.publishing(1, place.staged(1), OLD)).expect("the first version");
        let mut new = place.publishing(2, place.staged(2), NEW);
        new.version.reason = Some("expected at least 50 rows, and 2 came".to_owned());
        for again in ["once", "twice"] {
            let path = quarantine(&new).expect(again);
            assert_eq!(path, place.state.path().join("quarantine/stock/2"));
            assert_eq!(names(&path), [REASONS_FILE, "stock.csv"]);
            let content = fs::read_to_string(path.join("stock.csv")).ok();
            assert_eq!(content.as_deref(), Some(NEW));
            let text = fs::read(path.join(REASONS_FILE)).expect("reasons");
            let value: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
            assert_eq!(value["reason"], "expected at least 50 rows, and 2 came");
            assert_eq!(value["file"], "stock.csv");
            assert_eq!(value["version"], 2);
        }
        assert_eq!(place.seen(), (Some(OLD.to_owned()), Some(1)));
        assert_eq!(place.names(), ["stock.csv", "stock.csv.freshd.json"]);
    }
}

#[test]
fn quarantine_takes_whatever_the_job_left() {
    let place = Place::new();
    let mut new = place.publishing(1, place.staged(1), NEW);
    fs::remove_file(&new.staged).expect("nothing is left");
    let path = quarantine(&new).expect("only reasons");
    assert_eq!(names(&path), [REASONS_FILE]);

    // The exports and the state must share a file system to move these.
    new.version.number = VersionNumber(2);
    symlink("/etc/passwd", &new.staged).expect("a link");
    let path = quarantine(&new).expect("the link itself");
    let link = fs::read_link(path.join("stock.csv")).expect("still a link");
    assert_eq!(link, Path::new("/etc/passwd"));

    new.version.number = VersionNumber(3);
    fs::create_dir_all(new.staged.join("inner")).expect("a directory");
    let path = quarantine(&new).expect("the directory itself");
    assert!(path.join("stock.csv/inner").is_dir());
}

#[test]
fn quarantine_keeps_the_newest_and_stays_bounded() {
    let place = Place::new();
    let count = QUARANTINED_MAX as u64 + 3;
    for number in 1..=count {
        let new = place.publishing(number, place.staged(number), NEW);
        quarantine(&new).expect("a refused candidate");
    }
    let mut left: Vec<u64> = names(&place.state.path().join("quarantine/stock"))
        .iter()
        .map(|name| name.parse().expect("a number"))
        .collect();
    left.sort_unstable();
    assert_eq!(left, (4..=count).collect::<Vec<_>>());
}
