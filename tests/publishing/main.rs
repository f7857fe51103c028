//! Publishing and quarantine: what readers see, however often and wherever the work is cut short.

#[path = "../freshd_process/mod.rs"]
mod freshd_process;
mod hindered;
mod other_user;
mod place;
mod quarantining;
mod restoring;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use freshd::checks::{PublishError, Step, publish, publish_steps, quarantine};
use freshd::model::*;
use place::*;

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
        "stale_at": null,
        "run": 42,
        "attempt": 1,
        "inputs": [],
        "rows": null,
        "bytes": NEW.len(),
        "sha256": new.version.sha256,
        "kept_as": "stock.csv",
        "checks": [],
        "trace": null,
        "settings": null,
        "script": null,
        "by_hand": null,
    });
    assert_eq!(value, expected);
    let beside_kept = fs::read_to_string(sidecar_path(&place.kept_path(42))).ok();
    assert_eq!(beside_kept, Some(text));
}

#[test]
fn who_writes_into_the_published_file_does_not_reach_the_kept_version() {
    for place in [Place::new(), Place::across_devices()] {
        publish(&place.publishing(1, place.staged(1), OLD)).expect("a version");
        let mut published = fs::OpenOptions::new()
            .append(true)
            .open(place.target())
            .expect("the file");
        published.write_all(b"L9,9\n").expect("a reader who writes");
        assert_eq!(place.kept(1).as_deref(), Some(OLD));
        assert_eq!(place.target().metadata().expect("the file").nlink(), 1);
    }
}

#[test]
fn the_same_is_true_of_a_version_put_in_place_from_its_kept_copy() {
    let place = Place::new();
    let new = place.publishing(1, place.staged(1), NEW);
    publish_steps(&new, &Step::ALL[..=position(Step::Keep)]).expect("kept");
    fs::remove_file(&new.staged).expect("somebody tidied up");
    publish(&new).expect("the kept copy is enough");
    fs::write(place.target(), "overwritten in place").expect("a reader who writes");
    assert_eq!(place.kept(1).as_deref(), Some(NEW));
}

#[test]
fn a_kept_version_that_is_the_published_file_itself_becomes_a_copy() {
    let place = Place::new();
    let new = place.publishing(1, place.staged(1), NEW);
    publish(&new).expect("a version");
    fs::remove_file(place.kept_path(1)).expect("the copy");
    fs::hard_link(place.target(), place.kept_path(1)).expect("as it was kept before");
    publish(&new).expect("cut short, and done again");
    fs::write(place.target(), "overwritten in place").expect("a reader who writes");
    assert_eq!(place.kept(1).as_deref(), Some(NEW));
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
fn what_changes_while_it_is_kept_is_neither_kept_nor_published() {
    let place = Place::new();
    let new = place.publishing(1, place.staged(1), NEW);
    publish_steps(&new, &[Step::Bring, Step::Seal]).expect("sealed");
    fs::write(&new.staged, "lot,qty\nL1,").expect("a process that stayed behind");
    let error = publish_steps(&new, &Step::ALL[position(Step::Keep)..]).expect_err("not what was judged");
    assert!(matches!(error, PublishError::Changed { .. }), "{error}");
    assert_eq!(place.seen(), (None, None));
    assert!(!place.kept_path(1).exists());
}

#[test]
fn what_became_a_second_name_of_another_file_is_not_published() {
    let place = Place::new();
    let new = place.publishing(1, place.staged(1), NEW);
    publish_steps(&new, &[Step::Bring]).expect("brought");
    let of_another = place.state.path().join("of_another");
    fs::write(&of_another, NEW).expect("a file that holds the very same");
    fs::remove_file(&new.staged).expect("the candidate");
    fs::hard_link(&of_another, &new.staged).expect("a hard link");
    let error = publish_steps(&new, &Step::ALL[position(Step::Seal)..]).expect_err("not what was brought");
    assert!(matches!(error, PublishError::Changed { .. }), "{error}");
    assert_eq!(place.seen(), (None, None));
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
    new.version.file = Some(target.clone());
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
    for (number, staged) in [(1, place.staged(1)), (2, place.state.path().join("run/out"))] {
        let new = place.publishing(number, staged, NEW);
        let living = new.staged.with_file_name("living.csv");
        fs::hard_link(&new.staged, &living).expect("a hard link");
        publish(&new).expect("a version");
        fs::write(&living, "overwritten in place").expect("the other name");
        assert_eq!(place.seen().0.as_deref(), Some(NEW), "{number}");
        assert_eq!(place.kept(number).as_deref(), Some(NEW), "{number}");
    }
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
fn earlier_versions_that_are_still_needed_stay_until_they_are_not() {
    let place = Place {
        keep_versions: 1,
        ..Place::new()
    };
    let publish_next = |number: u64, spared: &[u64]| {
        let mut new = place.publishing(number, place.staged(number), &format!("version {number}"));
        new.spared = spared.iter().copied().map(VersionNumber).collect();
        publish(&new).expect("a version");
    };
    publish_next(1, &[]);
    for number in 2..=20 {
        publish_next(number, &[1]);
    }
    let versions = place.state.path().join("versions/stock");
    assert_eq!(names(&versions), ["1", "19", "20"]);
    assert_eq!(place.kept(1).as_deref(), Some("version 1"));
    publish_next(21, &[]);
    assert_eq!(names(&versions), ["20", "21"]);
}

#[test]
fn names_do_not_lead_out_of_their_directory() {
    let place = Place::new();
    for name in ["..", "a/b", "/etc", "", "."] {
        let mut new = place.publishing(1, place.staged(1), NEW);
        let mut kept = new.clone();
        new.version.dataset = Name::from(name);
        kept.version.kept_as = Some(name.to_owned());
        for wrong in [new, kept] {
            for result in [publish(&wrong).map(drop), quarantine(&wrong).map(drop)] {
                let error = result.expect_err("a bad name");
                assert!(matches!(error, PublishError::BadName { .. }), "{name}: {error}");
            }
        }
    }
    assert_eq!(names(place.state.path()), Vec::<String>::new());
}

#[test]
fn a_dataset_without_a_file_says_so() {
    let place = Place::new();
    let mut new = place.publishing(1, place.staged(1), NEW);
    new.version.file = None;
    let error = publish(&new).expect_err("no target").to_string();
    assert_eq!(error, "the dataset stock has no `file`; say where readers find it");
}
