//! Kept versions that are put in place once more: whole wherever that is cut short, and kept all the same.

use freshd::checks::{Step, publish, publish_steps};
use freshd::model::*;

use super::place::*;

#[test]
fn a_restored_version_appears_whole_wherever_publishing_is_cut_short_and_the_kept_one_stays() {
    for done in 0..=Step::ALL.len() {
        for place in [Place::new(), Place::across_devices()] {
            publish(&place.publishing(1, place.staged(1), OLD)).expect("the first version");
            publish(&place.publishing(2, place.staged(2), NEW)).expect("the second");
            // What it is told to publish, from where the first version is kept.
            let restored = Publishing {
                is_kept: true,
                staged: place.kept_path(1),
                ..place.publishing(3, place.staged(3), OLD)
            };
            publish_steps(&restored, &Step::ALL[..done]).expect("no step fails");
            let file = if done > position(Step::Replace) { OLD } else { NEW };
            let sidecar = if done > position(Step::Reveal) { 3 } else { 2 };
            assert_eq!(
                place.seen(),
                (Some(file.to_owned()), Some(sidecar)),
                "after {done} steps"
            );
            let placed = publish(&restored).expect("the rest");
            assert_eq!(
                place.seen(),
                (Some(OLD.to_owned()), Some(3)),
                "after {done} steps and all"
            );
            assert_eq!(placed.bytes, OLD.len() as u64);
            assert_eq!(place.kept(1).as_deref(), Some(OLD), "it stays restorable");
            assert_eq!(place.kept(3).as_deref(), Some(OLD));
        }
    }
}

#[test]
fn a_copy_keeps_its_name_when_the_file_it_is_put_to_has_another() {
    let place = Place::new();
    let first = place.publishing(1, place.staged(1), OLD);
    publish(&first).expect("the first version");
    let renamed = place.exports.path().join("lots.csv");
    let restored = Publishing {
        is_kept: true,
        staged: place.kept_path(1),
        version: Version {
            number: VersionNumber(2),
            file: Some(renamed.clone()),
            ..first.version.clone()
        },
        ..first
    };
    publish(&restored).expect("the second");
    assert_eq!(std::fs::read_to_string(&renamed).expect("a file"), OLD);
    assert_eq!(
        place.seen(),
        (Some(OLD.to_owned()), Some(1)),
        "readers of the old name keep it"
    );
    assert_eq!(place.kept(2).as_deref(), Some(OLD), "kept as stock.csv");
    let mut dataset = place.dataset();
    dataset.file = Some(renamed.clone());
    for sidecar_is_there in [true, false] {
        if !sidecar_is_there {
            std::fs::remove_file(sidecar_path(&renamed)).expect("the sidecar goes");
        }
        let found = freshd::checks::in_place(&dataset, &place.state.path().join("versions")).expect("it is found");
        assert_eq!(
            (found.number, found.file.as_deref()),
            (VersionNumber(2), Some(renamed.as_path()))
        );
        assert_eq!(found.kept_as.as_deref(), Some("stock.csv"));
    }
}

#[test]
fn a_sidecar_that_somebody_wrote_leads_nobody_out_of_the_kept_versions() {
    let place = Place::new();
    publish(&place.publishing(1, place.staged(1), OLD)).expect("the first version");
    let sidecar = sidecar_path(&place.target());
    let text = std::fs::read_to_string(&sidecar).expect("a sidecar");
    let forged = text.replace("\"kept_as\": \"stock.csv\"", "\"kept_as\": \"../../../secret\"");
    assert_ne!(text, forged);
    std::fs::write(&sidecar, forged).expect("it is written");
    let found = freshd::checks::in_place(&place.dataset(), &place.state.path().join("versions")).expect("it is found");
    assert_eq!(found.kept_as.as_deref(), Some("stock.csv"));
}
