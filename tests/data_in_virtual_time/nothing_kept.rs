//! A person decides about a version of which nothing is kept: the answer says so, now or at the next start.

use freshd::model::{Decision, Fact, Version, VersionState};
use freshd::store::Store;

use super::by_hand::{decides_about, last, refused, refused_world};
use super::virtual_world::at;

#[test]
fn whoever_decides_about_a_version_of_which_nothing_is_kept_is_told_so() {
    let mut world = refused_world();
    for (decision, number, words) in [
        (
            Decision::Release,
            2,
            "nothing is kept of d@2: there is nothing to publish",
        ),
        (
            Decision::Restore,
            1,
            "d@1 was only seen where others had put it: nothing of it is kept",
        ),
    ] {
        let versions = world.versions("d");
        let known = versions.into_iter().find(|version| version.number.0 == number);
        let bare = Version {
            kept_as: None,
            ..known.expect("it is on record")
        };
        assert_eq!(refused(decides_about(&mut world, decision, bare)), words);
    }
    assert_eq!(world.status("d")["datasets"][0]["served"], 1);
}

#[test]
fn a_decision_that_was_stored_without_a_copy_to_publish_ends_with_its_reason_at_the_next_start() {
    let mut world = refused_world();
    let refused = last(&world);
    world.outside.disk_is_full_until = Some(at("2026-03-02T12:00"));
    decides_about(&mut world, Decision::Release, refused.clone());
    let mut deciding = last(&world);
    assert_eq!(deciding.state, VersionState::Publishing);
    deciding.kept_as = None;
    world.crash();
    let store = Store::open(&world.state_dir()).expect("the store opens");
    let writer = store.into_writer().expect("a writer");
    let fact = Fact::Version(Box::new(deciding));
    writer.commit_blocking(vec![fact]).expect("it is stored");
    writer.close().expect("it ends");
    world.restart();
    let version = last(&world);
    assert_eq!(version.state, VersionState::Quarantined);
    let reason = version.reason.expect("why");
    assert!(
        reason.ends_with("a release by anna came to nothing: nothing of it is kept"),
        "{reason}"
    );
}
