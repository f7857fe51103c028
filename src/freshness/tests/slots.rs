//! Promised deliveries: where they lie, what meets them, what time does to them.

use jiff::{SignedDuration, Timestamp};

use super::{HOUR, at, closed_on, nightly, slot, with};
use crate::freshness::{
    close, deliver, delivered_for, first_slot, first_slot_behind, newest_slot, next_slot, reopen, slot_after, slot_at,
};
use crate::model::{Dataset, Slot, SlotState, Version, VersionNumber, earlier, plain_dataset, plain_version};

const EVERY_STATE: [SlotState; 6] = [
    SlotState::Pending,
    SlotState::Met,
    SlotState::Late,
    SlotState::Missed,
    SlotState::Recovered,
    SlotState::Withdrawn,
];

fn due(slot: Option<Slot>) -> Option<Timestamp> {
    slot.map(|slot| slot.due_at)
}

fn arrived(text: &str) -> Version {
    plain_version("stock", 7, at(text))
}

#[test]
fn a_slot_has_its_opening_its_warning_its_deadline_and_what_it_must_cover() {
    let slot = slot_at(&nightly(), at("27 00:00")).unwrap();
    assert_eq!((slot.warn_at, slot.deadline), (at("27 00:10"), at("27 00:15")));
    // What arrived within the grace of the slot before met that one.
    assert_eq!((slot.opens_at, slot.covers), (at("26 00:15"), None));
    assert_eq!(
        (slot.state, slot.version, slot.decided_at),
        (SlotState::Pending, None, None)
    );
    let early = with(|due| due.early = Some(2 * HOUR));
    assert_eq!(slot_at(&early, at("27 00:00")).unwrap().opens_at, at("26 22:00"));
    let long_grace = with(|due| due.grace = 30 * HOUR);
    assert_eq!(slot_at(&long_grace, at("27 00:00")).unwrap().opens_at, at("27 00:00"));
    let covers = with(|due| due.covers = Some(SignedDuration::from_hours(-24)));
    assert_eq!(slot_at(&covers, at("27 00:00")).unwrap().covers, Some(at("26 00:00")));
}

#[test]
fn the_first_slot_is_the_one_whose_grace_still_runs() {
    let stock = nightly();
    assert_eq!(due(first_slot(&stock, at("26 12:00"))), Some(at("27 00:00")));
    assert_eq!(due(first_slot(&stock, at("27 00:14:59"))), Some(at("27 00:00")));
    assert_eq!(due(first_slot(&stock, at("27 00:15"))), Some(at("28 00:00")));
    assert_eq!(first_slot(&plain_dataset("stock"), at("27 00:00")), None);
}

#[test]
fn a_promise_that_begins_anew_does_not_lay_again_what_was_laid_before() {
    let stock = nightly();
    let (before, last) = (slot("26", SlotState::Met), slot("27", SlotState::Met));
    assert_eq!(
        due(first_slot_behind(&stock, &before, at("27 00:10"))),
        Some(at("27 00:00"))
    );
    assert_eq!(
        due(first_slot_behind(&stock, &last, at("27 00:10"))),
        Some(at("28 00:00"))
    );
    assert_eq!(
        due(first_slot_behind(&stock, &last, at("29 12:00"))),
        Some(at("30 00:00"))
    );
    assert_eq!(first_slot_behind(&plain_dataset("stock"), &last, at("29 12:00")), None);
}

#[test]
fn slots_follow_each_other_and_are_found_by_their_due_time() {
    let stock = nightly();
    assert_eq!(due(slot_after(&stock, at("27 00:00"))), Some(at("28 00:00")));
    assert_eq!(
        due(next_slot(&stock, &slot("27", SlotState::Met))),
        Some(at("28 00:00"))
    );
    assert_eq!(due(newest_slot(&stock, at("27 00:00"))), Some(at("27 00:00")));
    assert_eq!(due(newest_slot(&stock, at("26 23:59:59"))), Some(at("26 00:00")));
    assert_eq!(due(slot_at(&stock, at("27 00:00"))), Some(at("27 00:00")));
    assert_eq!(slot_at(&stock, at("27 00:01")), None);
    // The same slot, by whichever way it is laid.
    assert_eq!(
        next_slot(&stock, &slot("26", SlotState::Met)),
        slot_at(&stock, at("27 00:00"))
    );
    let nothing = plain_dataset("stock");
    assert_eq!(slot_after(&nothing, at("27 00:00")), None);
    assert_eq!(newest_slot(&nothing, at("27 00:00")), None);
    assert_eq!(next_slot(&nothing, &slot("27", SlotState::Met)), None);
}

#[test]
fn nothing_is_due_on_a_day_that_the_calendar_closes() {
    // 28 and 29 November are Saturday and Sunday.
    let stock = with(|due| due.schedule.calendar = Some(closed_on(0b100_0001)));
    assert_eq!(due(slot_after(&stock, at("27 12:00"))), Some(at("30 00:00")));
    let never = with(|due| due.schedule.calendar = Some(closed_on(0b111_1111)));
    assert_eq!(slot_after(&never, at("27 12:00")), None);
}

#[test]
fn a_version_meets_an_open_slot_in_time_or_recovers_it_afterwards() {
    let in_time = arrived("27 00:15");
    let later = arrived("27 00:15:01");
    for state in EVERY_STATE {
        let of = |version| deliver(&slot("27", state), version, false).map(|slot| slot.state);
        let is_open = matches!(state, SlotState::Pending | SlotState::Late);
        assert_eq!(of(&in_time), is_open.then_some(SlotState::Met), "{state:?}");
        assert_eq!(of(&later), is_open.then_some(SlotState::Recovered), "{state:?}");
    }
    let met = deliver(&slot("27", SlotState::Pending), &in_time, false).unwrap();
    assert_eq!(
        (met.version, met.decided_at),
        (Some(VersionNumber(7)), Some(at("27 00:15")))
    );
    assert_eq!((met.due_at, met.deadline), (at("27 00:00"), at("27 00:15")));
}

#[test]
fn a_version_counts_only_when_it_is_not_too_early_covers_enough_and_changed_where_it_must() {
    let pending = slot("27", SlotState::Pending);
    let counts = |slot: &Slot, version: &Version, must_change| deliver(slot, version, must_change).is_some();
    assert!(counts(&pending, &arrived("26 00:15"), false));
    assert!(!counts(&pending, &arrived("26 00:14:59"), false));
    let covers = Slot {
        covers: Some(at("26 12:00")),
        ..pending.clone()
    };
    let of = |as_of: &str| Version {
        effective_as_of: at(as_of),
        ..arrived("26 23:00")
    };
    assert!(counts(&covers, &of("26 12:00"), false));
    assert!(!counts(&covers, &of("26 11:59:59"), false));
    let unchanged = Version {
        unchanged: true,
        ..arrived("26 23:00")
    };
    assert!(counts(&pending, &unchanged, false));
    assert!(!counts(&pending, &unchanged, true));
    assert!(counts(&pending, &arrived("26 23:00"), true));
}

#[test]
fn a_version_is_delivered_for_the_slot_it_is_near_to_else_for_the_oldest_that_is_open() {
    let place = |dataset: &Dataset, slots: &[Slot], version: &Version| {
        delivered_for(dataset, slots, version).map(|(place, slot)| (place, slot.state))
    };
    let stock = nightly();
    let slots = [slot("26", SlotState::Late), slot("27", SlotState::Pending)];
    // Before noon it is the late one of the 26th; from noon on it is that of the 27th.
    assert_eq!(
        place(&stock, &slots, &arrived("26 11:59:59")),
        Some((0, SlotState::Recovered))
    );
    assert_eq!(place(&stock, &slots, &arrived("26 12:00")), Some((1, SlotState::Met)));
    // One that is late keeps no version from an older one.
    let both_late = [slot("26", SlotState::Late), slot("27", SlotState::Late)];
    assert_eq!(
        place(&stock, &both_late, &arrived("27 01:00")),
        Some((0, SlotState::Recovered))
    );
    // Where `early` says from when on a delivery counts, that decides instead of nearness.
    let early = with(|due| due.early = Some(20 * HOUR));
    let opened = |day| Slot {
        opens_at: earlier(at(&format!("{day} 00:00")), 20 * HOUR),
        ..slot(day, SlotState::Pending)
    };
    let slots = [slot("26", SlotState::Late), opened("27")];
    assert_eq!(place(&early, &slots, &arrived("26 04:00")), Some((1, SlotState::Met)));
    assert_eq!(
        place(&early, &slots, &arrived("26 03:59:59")),
        Some((0, SlotState::Recovered))
    );
    let must_change = Dataset {
        must_change: true,
        ..nightly()
    };
    let unchanged = Version {
        unchanged: true,
        ..arrived("26 23:00")
    };
    assert_eq!(place(&must_change, &slots, &unchanged), None);
    assert_eq!(place(&stock, &[slot("26", SlotState::Met)], &arrived("26 23:00")), None);
}

#[test]
fn a_slot_is_late_after_its_deadline_and_missed_once_the_next_one_is_due() {
    let next = Some(at("28 00:00"));
    let closed = |state, next, now| close(&slot("27", state), next, now).map(|slot| (slot.state, slot.decided_at));
    let late = Some((SlotState::Late, Some(at("27 00:15"))));
    let missed = Some((SlotState::Missed, next));
    assert_eq!(closed(SlotState::Pending, next, at("27 00:14:59")), None);
    assert_eq!(closed(SlotState::Pending, next, at("27 00:15")), late);
    assert_eq!(closed(SlotState::Pending, next, at("27 23:59:59")), late);
    assert_eq!(closed(SlotState::Pending, None, at("29 00:00")), late);
    assert_eq!(closed(SlotState::Pending, next, at("28 00:00")), missed);
    assert_eq!(closed(SlotState::Late, next, at("27 23:59:59")), None);
    assert_eq!(closed(SlotState::Late, next, at("28 00:00")), missed);
    for state in [
        SlotState::Met,
        SlotState::Missed,
        SlotState::Recovered,
        SlotState::Withdrawn,
    ] {
        assert_eq!(closed(state, next, at("29 00:00")), None, "{state:?}");
    }
    // With a grace longer than the time to the next one, the deadline has the last word.
    let soon = Some(at("27 00:05"));
    assert_eq!(closed(SlotState::Pending, soon, at("27 00:14:59")), None);
    let missed = Some((SlotState::Missed, Some(at("27 00:15"))));
    assert_eq!(closed(SlotState::Pending, soon, at("27 00:15")), missed);
}

#[test]
fn what_a_clock_that_was_ahead_has_closed_is_open_again() {
    let missed = Slot {
        decided_at: Some(at("28 00:00")),
        ..slot("27", SlotState::Missed)
    };
    let late = slot("27", SlotState::Late);
    let reopened = |slot: &Slot, now| reopen(slot, now).map(|slot| (slot.state, slot.decided_at));
    let pending = Some((SlotState::Pending, None));
    assert_eq!(reopened(&late, at("27 00:14:59")), pending);
    assert_eq!(reopened(&late, at("27 00:15")), None);
    assert_eq!(reopened(&missed, at("27 00:14:59")), pending);
    let late_again = Some((SlotState::Late, Some(at("27 00:15"))));
    assert_eq!(reopened(&missed, at("27 00:15")), late_again);
    assert_eq!(reopened(&missed, at("27 23:59:59")), late_again);
    assert_eq!(reopened(&missed, at("28 00:00")), None);
    for state in [
        SlotState::Pending,
        SlotState::Met,
        SlotState::Recovered,
        SlotState::Withdrawn,
    ] {
        assert_eq!(reopened(&slot("27", state), at("26 00:00")), None, "{state:?}");
    }
}
