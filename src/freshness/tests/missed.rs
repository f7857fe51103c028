//! Since when deliveries that were missed one after the other are missing.

use super::standing::NOTHING;
use super::{HOUR, at, nightly, slot};
use crate::freshness::{View, standing};
use crate::model::{Dataset, Slot, SlotState, VersionNumber, plain_version};

#[test]
fn what_was_missed_one_after_the_other_is_late_since_the_first_and_says_what_is_missing_last() {
    let version = plain_version("stock", 1, at("23 00:05"));
    let came = |day, state| Slot {
        version: Some(VersionNumber(1)),
        decided_at: Some(at(&format!("{day} 00:05"))),
        ..slot(day, state)
    };
    let of = |dataset: &Dataset, slots: &[Slot]| {
        let view = View {
            current: Some(&version),
            slots,
            ..NOTHING
        };
        let standing = standing(dataset, view, at("28 12:00"));
        (
            standing.since,
            standing.state_since,
            standing.reason_since,
            standing.reason,
        )
    };
    let missing = "the delivery due Sat 2026-11-28 00:00 with 15m grace has not come".to_owned();
    let late_since = |text| (Some(at(text)), Some(at(text)), Some(at("28 00:15")), missing.clone());
    let (missed, late) = (|day| slot(day, SlotState::Missed), slot("28", SlotState::Late));
    let nightly = nightly();
    // Those in between need not be known.
    let slots = [missed("25"), missed("27"), late.clone()];
    assert_eq!(of(&nightly, &slots), late_since("25 00:15"));
    // It is over with whatever came, or was not promised any more; what nobody waited for changes nothing.
    for (between, since) in [
        (came("26", SlotState::Recovered), "27 00:15"),
        (came("26", SlotState::Met), "27 00:15"),
        (came("26", SlotState::Excused), "27 00:15"),
        (slot("26", SlotState::Withdrawn), "27 00:15"),
        (slot("26", SlotState::Excused), "25 00:15"),
    ] {
        let state = between.state;
        let slots = [missed("25"), between, missed("27"), late.clone()];
        assert_eq!(of(&nightly, &slots), late_since(since), "{state:?}");
    }
    // It was late before it was too old, and so it is since then.
    let both = |max_age| Dataset {
        max_age: Some(max_age),
        ..nightly.clone()
    };
    let slots = [missed("25"), late];
    for (max_age, stale_since) in [(72 * HOUR, "26 00:05"), (24 * HOUR, "24 00:05")] {
        let (since, state_since, reason_since, _) = of(&both(max_age), &slots);
        let stale_since = Some(at(stale_since));
        assert_eq!((state_since, reason_since), (stale_since, stale_since));
        assert_eq!(since, stale_since.min(Some(at("25 00:15"))));
    }
}
