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
