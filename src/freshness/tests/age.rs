//! A promised age of what never came, and of what comes again and again unchanged.

use super::standing::{NOTHING, ages, told};
use super::{HOUR, at};
use crate::freshness::{DataState, View, standing};
use crate::model::{Version, plain_dataset, plain_version};

#[test]
fn what_was_never_seen_is_a_problem_once_it_is_promised_for_longer_than_its_age() {
    let stock = ages(2 * HOUR, None);
    let promised = View {
        promised_since: Some(at("26 12:00")),
        ..NOTHING
    };
    let before = standing(&stock, promised, at("26 13:59"));
    assert_eq!(told(&before), (DataState::Unknown, "never seen", None, false));
    assert_eq!(
        (before.next_change, before.deadline),
        (Some(at("26 14:00")), Some(at("26 14:00")))
    );
    let why = "never seen, although promised at most 2h old since Thu 2026-11-26 12:00";
    let unknown = (DataState::Unknown, why, Some(at("26 14:00")), true);
    assert_eq!(told(&standing(&stock, promised, at("26 14:00"))), unknown);
    // What was seen has an age of its own, and what promises no age breaks none.
    let version = plain_version("stock", 1, at("26 13:00"));
    let seen = View {
        current: Some(&version),
        ..promised
    };
    assert_eq!(standing(&stock, seen, at("26 14:30")).state, DataState::Fresh);
    assert!(!standing(&plain_dataset("stock"), promised, at("26 14:00")).is_problem);
}

#[test]
fn what_is_old_because_its_content_never_changed_says_so() {
    let stock = ages(2 * HOUR, None);
    let same = Version {
        arrived_at: at("26 14:59"),
        unchanged: true,
        ..plain_version("stock", 12, at("26 12:00"))
    };
    let of = |version: &Version| {
        let view = View {
            current: Some(version),
            ..NOTHING
        };
        standing(&stock, view, at("26 15:00")).reason
    };
    let old = "3h old (as of Thu 2026-11-26 12:00), promised at most 2h";
    let why = "; version 12 of Thu 2026-11-26 14:59 brought the same content again, so the data is no newer";
    assert_eq!(of(&same), format!("{old}{why}"));
    let changed = Version {
        unchanged: false,
        ..same.clone()
    };
    assert_eq!(of(&changed), old);
}
