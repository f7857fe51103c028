//! What a person decides about versions: on the record, crash-safe, and never younger than the data is.

use freshd::model::{
    Action, ByHand, Decision, Event, HandKind, Outcome, Purpose, Reply, Request, SlotState, Version, VersionNumber,
    VersionState,
};

use super::virtual_world::{Crash, Play, World, at, with_ops};
use super::world;

const OPS: &str = "mail:ops@sea.example";

/// Anna decides about a version.
pub(crate) fn decides(world: &mut World, decision: Decision, number: u64) -> Option<Reply> {
    let version = world
        .versions("d")
        .into_iter()
        .find(|version| version.number.0 == number);
    decides_about(world, decision, version.expect("it is on record"))
}

pub(crate) fn decides_about(world: &mut World, decision: Decision, version: Version) -> Option<Reply> {
    world.handle(Event::Decided {
        id: 4_711,
        by: "anna".to_owned(),
        because: "the plant in Tromsø is closed".to_owned(),
        decision,
        learn: false,
        version: Ok(Box::new(version)),
    });
    let soon = world.now.wall + jiff::SignedDuration::from_secs(1);
    world.run_until_instant(soon);
    world.replies.pop()
}

pub(crate) fn refused(reply: Option<Reply>) -> String {
    match reply {
        Some(Reply::Refused(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

/// Three versions of an hour each; the last is what readers see.
fn three() -> World {
    let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
    for hour in 8..11 {
        world.run_until(&format!("2026-03-02T{hour:02}:30"));
        world.run("p");
    }
    world.run_until("2026-03-02T11:00");
    world
}

/// Version 1 is published, version 2 was refused.
pub(crate) fn refused_world() -> World {
    let mut world = world("max_age = \"26h\"", "2026-03-02T08:00");
    world.run("p");
    world.run_until("2026-03-02T09:00");
    world.script("p", |_, now| Play::writes("few", now).refused("3 rows, at least 50"));
    world.run("p");
    world.run_until("2026-03-02T09:30");
    world
}

pub(crate) fn last(world: &World) -> Version {
    world.versions("d").pop().expect("a version")
}

#[test]
fn a_restored_version_has_a_number_of_its_own_and_the_age_of_the_old_data() {
    let mut world = three();
    let first = world.versions("d").remove(0);
    assert!(matches!(
        decides(&mut world, Decision::Restore, 1),
        Some(Reply::Done(_))
    ));
    let restored = last(&world);
    assert_eq!(restored.number, VersionNumber(4));
    assert_eq!(restored.state, VersionState::Published);
    assert_eq!(
        (restored.as_of, &restored.sha256, restored.run),
        (first.as_of, &first.sha256, first.run)
    );
    let by_hand = ByHand {
        kind: HandKind::Restored(first.reference()),
        by: "anna".to_owned(),
        because: "the plant in Tromsø is closed".to_owned(),
        at: restored.arrived_at,
    };
    assert_eq!(restored.provenance.by_hand, Some(by_hand));
    // 26 hours after the old data, not after its restoration.
    world.run_until("2026-03-03T10:29");
    assert_eq!(world.state_of("d").0, "fresh");
    world.run_until("2026-03-03T10:31");
    assert_eq!(world.state_of("d").0, "stale");
}

#[test]
fn what_is_published_by_hand_is_a_copy_of_what_stays_where_it_is() {
    let mut world = three();
    decides(&mut world, Decision::Restore, 1);
    let published = world.asked.iter().rev().find_map(|action| match action {
        Action::Publish(publishing) => Some(publishing),
        _ => None,
    });
    let published = published.expect("a publication");
    assert!(published.is_kept);
    assert!(
        published.staged.ends_with("versions/d/1/d.csv"),
        "{}",
        published.staged.display()
    );
}

#[test]
fn a_restored_version_is_no_delivery() {
    let mut world = World::start(
        &with_ops(
            "[datasets.d]\nowner = \"ops\"\nfile = \"d.csv\"\ndue = { at = \"0 12 * * *\", early = \"2h\" }\n\
             [jobs.p]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n",
        ),
        "2026-03-02T08:00",
    );
    world.run("p");
    world.run_until("2026-03-02T11:00");
    decides(&mut world, Decision::Restore, 1);
    world.run_until("2026-03-02T12:30");
    let of_noon = |world: &World| {
        let slots = world.slots("d");
        slots
            .iter()
            .find(|slot| slot.due_at == at("2026-03-02T12:00"))
            .expect("a slot")
            .state
    };
    assert_eq!(of_noon(&world), SlotState::Late);
    world.run("p");
    world.run_until("2026-03-02T12:40");
    assert_eq!(of_noon(&world), SlotState::Recovered);
}

#[test]
fn a_released_candidate_is_published_under_its_number_and_its_run_says_who_did_that() {
    let mut world = refused_world();
    assert_eq!(world.state_of("d").0, "held");
    let why = world.done(Request::Why { name: "d".into() });
    let lies = why["dataset"]["quarantine"].as_str().unwrap_or_default();
    assert!(lies.ends_with("quarantine/d/2"), "{why}");
    assert_eq!(
        why["incidents"].as_array().map(Vec::len),
        Some(0),
        "that is the job's: {why}"
    );
    let why = world.done(Request::Why { name: "p".into() });
    assert_eq!(why["incidents"][0]["subject"], "p");
    let why = refused(decides(&mut world, Decision::Restore, 2));
    assert!(why.contains("`freshd release d@2`"), "{why}");
    assert!(matches!(
        decides(&mut world, Decision::Release, 2),
        Some(Reply::Done(_))
    ));
    let released = last(&world);
    assert_eq!(
        (released.number, released.state),
        (VersionNumber(2), VersionState::Published)
    );
    assert_eq!(world.state_of("d").0, "fresh");
    let run = world.last_run("p");
    assert_eq!(run.outcome, Some(Outcome::Rejected), "an outcome never changes");
    let of_run = world.reader().versions_of_run(run.id).expect("the store is read");
    assert_eq!(of_run, std::slice::from_ref(&released));
    let by_hand = released.provenance.by_hand.expect("somebody's decision").words();
    assert_eq!(by_hand, "released by anna: the plant in Tromsø is closed");
    assert_eq!(world.open_incidents().len(), 0);
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Recovery]);
    let message = &world.sent[0].1.message;
    assert!(
        message
            .commands
            .contains(&"freshd release d@2 --because TEXT".to_owned()),
        "{:?}",
        message.commands
    );
    let lies = message
        .facts
        .iter()
        .find(|fact| fact.label == "In quarantine")
        .expect("where it lies");
    assert!(
        lies.text == "d@2, quarantine/d/2 of the state directory; `freshd release` publishes it all the same",
        "{}",
        lies.text
    );
    world.crash();
    world.restart();
    world.run_until("2026-03-02T10:00");
    assert_eq!(world.open_incidents().len(), 0, "also after a restart");
    let why = refused(decides(&mut world, Decision::Release, 2));
    assert!(why.contains("was published"), "{why}");
}

#[test]
fn an_older_candidate_is_not_put_over_a_newer_version() {
    let mut world = refused_world();
    world.script("p", |_, now| Play::writes("enough", now));
    world.run("p");
    world.run_until("2026-03-02T09:40");
    let why = refused(decides(&mut world, Decision::Release, 2));
    assert!(why.contains("d@3 was published since d@2 was refused"), "{why}");
    assert_eq!(last(&world).number, VersionNumber(3));
}

#[test]
fn a_crash_on_any_side_of_the_decision_leaves_the_old_version_or_the_new_one() {
    for decision in [Decision::Restore, Decision::Release] {
        for crash in [Crash::Before, Crash::After, Crash::Acted] {
            let mut world = refused_world();
            let before = world.versions("d").len();
            world.crash_at = Some((world.commits + 1, crash));
            let number = if decision == Decision::Restore { 1 } else { 2 };
            decides(&mut world, decision, number);
            world.run_until("2026-03-02T09:35");
            let versions = world.versions("d");
            assert!(
                versions.iter().all(|version| version.state != VersionState::Publishing),
                "{versions:?}"
            );
            let was_decided = crash != Crash::Before;
            match decision {
                Decision::Restore => assert_eq!(versions.len() - before, usize::from(was_decided)),
                Decision::Release => assert_eq!(versions[1].state == VersionState::Published, was_decided),
            }
        }
    }
}

#[test]
fn what_cannot_be_put_in_place_is_said_to_the_asker_and_readers_keep_what_they_have() {
    let mut world = three();
    world.outside.unpublishable.push(freshd::model::VersionRef {
        dataset: "d".into(),
        number: VersionNumber(4),
    });
    let why = refused(decides(&mut world, Decision::Restore, 1));
    assert!(why.starts_with("d@1 could not be restored: "), "{why}");
    assert_eq!(last(&world).state, VersionState::Quarantined);
    // It was no candidate: nothing is held back, now or after a restart, and nothing can be released.
    assert_eq!(world.state_of("d").0, "fresh");
    world.crash();
    world.restart();
    assert_eq!(world.state_of("d").0, "fresh");
    assert!(refused(decides(&mut world, Decision::Release, 4)).contains("nothing to release"));
}

#[test]
fn a_passing_setback_of_what_a_person_decided_is_tried_again_for_minutes() {
    for (decision, number) in [(Decision::Restore, 1), (Decision::Release, 2)] {
        for crashes in [false, true] {
            let mut world = refused_world();
            world.outside.disk_is_full_until = Some(at("2026-03-02T09:32"));
            assert_eq!(decides(&mut world, decision, number), None, "nobody is answered yet");
            if crashes {
                world.crash();
                world.restart();
            }
            world.run_until("2026-03-02T09:35");
            assert_eq!(last(&world).state, VersionState::Published);
            let answered = matches!(world.replies.last(), Some(Reply::Done(_)));
            assert_eq!(answered, !crashes, "by the daemon that was asked");
        }
    }
}

#[test]
fn a_setback_that_does_not_pass_is_said_to_the_asker_after_minutes() {
    let mut world = refused_world();
    world.outside.disk_is_full_until = Some(at("2026-03-02T12:00"));
    assert_eq!(decides(&mut world, Decision::Release, 2), None);
    world.run_until("2026-03-02T09:33:59");
    assert_eq!(last(&world).state, VersionState::Publishing);
    world.run_until("2026-03-02T09:34:05");
    let why = refused(world.replies.pop());
    assert_eq!(why, "it could not be released: no space left on device");
    let candidate = last(&world);
    assert_eq!(candidate.state, VersionState::Quarantined);
    assert_eq!(candidate.provenance.by_hand, None);
    assert_eq!(
        candidate.reason.as_deref(),
        Some("3 rows, at least 50; a release by anna came to nothing: no space left on device")
    );
}

#[test]
fn what_was_decided_about_a_dataset_that_is_gone_from_jobs_toml_ends_on_the_record() {
    for (decision, number, words) in [
        (
            Decision::Restore,
            1,
            "d@1 could not be restored: d is no longer in jobs.toml",
        ),
        (
            Decision::Release,
            2,
            "3 rows, at least 50; a release by anna came to nothing: d is no longer in jobs.toml",
        ),
    ] {
        for restarts in [true, false] {
            let mut world = refused_world();
            world.outside.disk_is_full_until = Some(at("2026-03-02T09:32"));
            decides(&mut world, decision, number);
            let without = super::virtual_world::with_ops("");
            if restarts {
                world.crash();
                world.edit(&without);
                world.restart();
            } else {
                world.reload(&without);
            }
            world.run_until("2026-03-02T09:40");
            let version = last(&world);
            assert_eq!(version.state, VersionState::Quarantined);
            assert_eq!(version.reason.as_deref(), Some(words));
            // Nothing of it is left in the way once the dataset is back.
            world.reload(&super::made("max_age = \"26h\""));
            assert!(matches!(
                decides(&mut world, Decision::Restore, 1),
                Some(Reply::Done(_))
            ));
        }
    }
}

#[test]
fn a_restored_version_says_whether_readers_see_anything_else() {
    for (number, unchanged) in [(1, false), (3, true)] {
        let mut world = three();
        decides(&mut world, Decision::Restore, number);
        let restored = last(&world);
        assert_eq!((restored.number, restored.unchanged), (VersionNumber(4), unchanged));
        assert_eq!(restored.attempt, None, "no attempt made it");
    }
}

#[test]
fn the_release_of_one_candidate_leaves_a_newer_one_held() {
    let mut world = refused_world();
    world.script("p", |_, now| Play::writes("fewer", now).refused("2 rows, at least 50"));
    world.run("p");
    world.run_until("2026-03-02T09:40");
    assert!(matches!(
        decides(&mut world, Decision::Release, 2),
        Some(Reply::Done(_))
    ));
    let (state, reason) = world.state_of("d");
    assert_eq!(state, "held");
    assert!(reason.contains("2 rows, at least 50"), "{reason}");
}

#[test]
fn what_freshd_does_not_keep_is_neither_restored_nor_released() {
    let mut world = refused_world();
    let [published, refused_one] = world.versions("d").try_into().expect("two versions");
    let seen = Version {
        kept_as: None,
        ..published.clone()
    };
    let why = refused(decides_about(&mut world, Decision::Restore, seen));
    assert!(why.contains("was only seen where others had put it"), "{why}");
    let nothing = Version {
        sha256: String::new(),
        ..refused_one
    };
    let why = refused(decides_about(&mut world, Decision::Release, nothing));
    assert!(why.contains("there is nothing to publish"), "{why}");
    for watched in ["", "probe = { file = \"/in/d.csv\", every = \"1m\" }\n"] {
        world.reload(&with_ops(&format!("[datasets.d]\nowner = \"ops\"\n{watched}")));
        let why = refused(decides_about(&mut world, Decision::Restore, published.clone()));
        assert!(why.contains("d is only watched"), "{why}");
    }
}
