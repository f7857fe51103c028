//! What is said of a dataset whose job people have set aside.

use super::standing::{NOTHING, ages};
use super::{MINUTE, at, nightly, slot};
use crate::freshness::{DataState, Resting, View, standing};
use crate::model::{Dataset, Name, Pause, SlotState, plain_dataset, plain_version};

pub(super) fn pause() -> Pause {
    Pause {
        by: "kari".to_owned(),
        because: "the move".to_owned(),
        since: at("26 00:30"),
    }
}

#[test]
fn what_a_new_delivery_would_mend_says_who_has_set_its_job_aside() {
    let (version, pause, export) = (plain_version("stock", 1, at("26 00:05")), pause(), Name::from("export"));
    let missed = [slot("26", SlotState::Late)];
    let said = |dataset: &Dataset, current, slots, resting| {
        let view = View {
            current,
            slots,
            resting,
            producer: Some(&export),
            had_its_chance: true,
            ..NOTHING
        };
        let standing = standing(dataset, view, at("26 02:00"));
        (standing.state, standing.reason)
    };
    let aging = ages(10 * MINUTE, None);
    for (dataset, current, slots, state) in [
        (&aging, Some(&version), &[][..], DataState::Stale),
        (&nightly(), None, &missed[..], DataState::Late),
        (&aging, None, &[][..], DataState::Unknown),
    ] {
        let (plain_state, plain) = said(dataset, current, slots, None);
        assert_eq!(plain_state, state);
        for (resting, words) in [
            (Resting::Paused(&pause), "; its job export is paused by kari: the move"),
            (Resting::SwitchedOff, "; its job export is switched off"),
        ] {
            let told = said(dataset, current, slots, Some(resting));
            assert_eq!(told, (state, format!("{plain}{words}")));
        }
    }
    // Of what is switched off something may be promised and kept all the same: by hand.
    let (state, reason) = said(&plain_dataset("stock"), Some(&version), &[], Some(Resting::SwitchedOff));
    assert_eq!(
        (state, reason.as_str()),
        (DataState::Fresh, "no promise is made for it")
    );
}
