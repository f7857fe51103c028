//! The state of a dataset, and the sentence that says why.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{HOUR, MINUTE, at, nightly, slot, with};
use crate::freshness::{Breach, DataState, Resting, Standing, View, standing};
use crate::model::{
    Dataset, Measurement, Name, Observation, Probe, ProbeTarget, Slot, SlotState, Version, VersionNumber, VersionRef,
    plain_dataset, plain_version,
};

pub(super) const NOTHING: View<'static> = View {
    current: None,
    refused: None,
    slots: &[],
    observation: None,
    producer: None,
    promised_since: None,
    zone: &TimeZone::UTC,
    tells_age: true,
    resting: None,
    had_its_chance: false,
};

/// State, reason, since when, and whether people should hear of it.
pub(super) fn told(standing: &Standing) -> (DataState, &str, Option<Timestamp>, bool) {
    let Standing {
        state,
        reason,
        since,
        is_problem,
        ..
    } = standing;
    (*state, reason, *since, *is_problem)
}

pub(super) fn ages(max_age: Duration, warn_age: Option<Duration>) -> Dataset {
    Dataset {
        max_age: Some(max_age),
        warn_age,
        ..plain_dataset("stock")
    }
}

#[test]
fn each_state_has_its_word_and_says_whether_readers_have_what_was_promised() {
    for (state, word, keeps) in [
        (DataState::Fresh, "fresh", true),
        (DataState::DueSoon, "due_soon", true),
        (DataState::Late, "late", false),
        (DataState::Stale, "stale", false),
        (DataState::Suspect, "suspect", false),
        (DataState::Held, "held", true),
        (DataState::Unknown, "unknown", false),
        (DataState::Paused, "paused", true),
    ] {
        assert_eq!((state.as_str(), state.keeps_promise()), (word, keeps));
    }
}

#[test]
fn what_was_never_seen_is_a_problem_once_it_has_had_its_chance() {
    let stock = nightly();
    let never = standing(&plain_dataset("stock"), NOTHING, at("27 00:00"));
    assert_eq!(told(&never), (DataState::Unknown, "never seen", None, false));
    assert_eq!((never.next_change, never.deadline, never.as_of), (None, None, None));
    let slots = [slot("27", SlotState::Pending)];
    let waiting = View {
        slots: &slots,
        ..NOTHING
    };
    let first = "never seen; the first delivery is due Fri 2026-11-27 00:00";
    assert_eq!(
        told(&standing(&stock, waiting, at("26 12:00"))),
        (DataState::Unknown, first, None, false)
    );
    let ran = View {
        had_its_chance: true,
        ..waiting
    };
    let ran_in_vain = "never seen: its job has run, but no version was published";
    assert_eq!(
        told(&standing(&stock, ran, at("26 12:00"))),
        (DataState::Unknown, ran_in_vain, None, true)
    );
    let none = "no delivery has ever come; the last was due by Fri 2026-11-27 00:15";
    let late = (DataState::Late, none, Some(at("27 00:15")), true);
    assert_eq!(told(&standing(&stock, waiting, at("27 00:15"))), late);
    // What is not promised any more is not broken.
    let unpromised = standing(&plain_dataset("stock"), waiting, at("27 00:15"));
    assert_eq!(told(&unpromised).0, DataState::Unknown);
}

#[test]
fn a_probe_that_cannot_tell_or_finds_nothing_is_a_problem() {
    let watched = Dataset {
        probe: Some(Probe {
            target: ProbeTarget::File("/in/stock.csv".into()),
            every: Duration::from_mins(1),
        }),
        ..plain_dataset("stock")
    };
    let version = plain_version("stock", 1, at("26 12:00"));
    let seen = |found| Observation {
        dataset: Name::from("stock"),
        at: at("26 13:00"),
        found,
        path: None,
        written_at: None,
    };
    let of = |observation: &Observation, current| {
        let view = View {
            current,
            observation: Some(observation),
            ..NOTHING
        };
        let standing = standing(&watched, view, at("26 14:00"));
        (standing.state, standing.reason, standing.since, standing.is_problem)
    };
    let blind = seen(Err("the share hangs".to_owned()));
    let cannot = "the probe cannot tell: the share hangs".to_owned();
    assert_eq!(
        of(&blind, Some(&version)),
        (DataState::Unknown, cannot, Some(at("26 13:00")), true)
    );
    let nothing = seen(Ok(None));
    let none = "never seen: the probe finds nothing there".to_owned();
    assert_eq!(
        of(&nothing, None),
        (DataState::Unknown, none, Some(at("26 13:00")), true)
    );
    // What was there once goes on aging by its promise.
    assert_eq!(of(&nothing, Some(&version)).0, DataState::Fresh);
    let something = seen(Ok(Some(Measurement::default())));
    assert_eq!(of(&something, None).1, "never seen");
}

#[test]
fn data_ages_by_its_own_time_and_by_that_of_what_it_was_made_from() {
    let version = Version {
        as_of: at("26 11:00"),
        effective_as_of: at("26 10:00"),
        limited_by: Some(VersionRef {
            dataset: Name::from("items"),
            number: VersionNumber(3),
        }),
        ..plain_version("stock", 1, at("26 12:00"))
    };
    let view = View {
        current: Some(&version),
        ..NOTHING
    };
    let stock = ages(4 * HOUR, Some(3 * HOUR));
    let of = |now| standing(&stock, view, now);
    let fresh = of(at("26 12:59:59"));
    let within = "as of Thu 2026-11-26 10:00, within its promise";
    assert_eq!(told(&fresh), (DataState::Fresh, within, None, false));
    assert_eq!(
        (fresh.as_of, fresh.effective_as_of),
        (Some(at("26 11:00")), Some(at("26 10:00")))
    );
    assert_eq!(
        (fresh.arrived_at, fresh.limited_by.clone()),
        (Some(at("26 12:00")), version.limited_by.clone())
    );
    assert_eq!(
        (fresh.next_change, fresh.deadline),
        (Some(at("26 13:00")), Some(at("26 14:00")))
    );
    let soon = of(at("26 13:00"));
    assert_eq!(
        told(&soon),
        (DataState::DueSoon, "3h old; it becomes stale soon", None, false)
    );
    assert_eq!(
        (soon.next_change, soon.deadline),
        (Some(at("26 14:00")), Some(at("26 14:00")))
    );
    let stale = of(at("26 14:00"));
    // By its number alone it would look like a promise that holds.
    let old = "just over 4h old (as of Thu 2026-11-26 10:00, limited by items@3), promised at most 4h";
    assert_eq!(told(&stale), (DataState::Stale, old, Some(at("26 14:00")), true));
    let older = "4h 1m old (as of Thu 2026-11-26 10:00, limited by items@3), promised at most 4h";
    assert_eq!(of(at("26 14:01")).reason, older);
    assert_eq!((stale.next_change, stale.deadline), (None, None));
    // What is kept of it is as true two days later.
    let kept = |now| {
        let view = View {
            tells_age: false,
            ..view
        };
        standing(&stock, view, now).reason
    };
    let words = "as of Thu 2026-11-26 10:00, limited by items@3, promised at most 4h old";
    assert_eq!([kept(at("26 14:00")), kept(at("28 14:00"))], [words, words]);
    assert_eq!(
        kept(at("26 13:00")),
        "as of Thu 2026-11-26 10:00; it becomes stale soon"
    );
}

#[test]
fn a_time_in_the_future_is_not_believed_beyond_five_minutes() {
    let version = Version {
        as_of: at("26 12:10"),
        ..plain_version("stock", 1, at("26 12:00"))
    };
    let view = View {
        current: Some(&version),
        ..NOTHING
    };
    let of = |now| standing(&plain_dataset("stock"), view, now);
    let suspect = of(at("26 12:04:59"));
    let future = "its as_of Thu 2026-11-26 12:10 lies in the future, believable from Thu 2026-11-26 12:05";
    assert_eq!(told(&suspect), (DataState::Suspect, future, Some(at("26 12:00")), true));
    assert_eq!(suspect.next_change, Some(at("26 12:05")));
    assert_eq!(
        told(&of(at("26 12:05"))),
        (DataState::Fresh, "no promise is made for it", None, false)
    );
}

#[test]
fn a_delivery_that_has_not_come_is_told_before_and_after_its_deadline() {
    let version = plain_version("stock", 1, at("26 00:05"));
    let slots = [slot("26", SlotState::Met), slot("27", SlotState::Pending)];
    let view = View {
        current: Some(&version),
        slots: &slots,
        ..NOTHING
    };
    let of = |now| standing(&nightly(), view, now);
    let fresh = of(at("27 00:09:59"));
    assert_eq!(fresh.state, DataState::Fresh);
    assert_eq!(
        (fresh.next_change, fresh.deadline),
        (Some(at("27 00:10")), Some(at("27 00:15")))
    );
    assert_eq!(of(at("26 12:00")).next_change, Some(at("27 00:00")));
    let soon = of(at("27 00:10"));
    let warned = "nothing delivered yet; it becomes late Fri 2026-11-27 00:15";
    assert_eq!(told(&soon), (DataState::DueSoon, warned, None, false));
    assert_eq!(soon.next_change, Some(at("27 00:15")));
    let late = of(at("27 00:15"));
    let missing = "the delivery due Fri 2026-11-27 00:00 with 15m grace has not come";
    assert_eq!(told(&late), (DataState::Late, missing, Some(at("27 00:15")), true));
    assert_eq!(late.deadline, None);
    let no_grace = standing(&with(|due| due.grace = Duration::ZERO), view, at("27 00:15"));
    assert_eq!(told(&no_grace).1, "the delivery due Fri 2026-11-27 00:00 has not come");
    // A slot that warns at its deadline alone does not warn.
    let silent = [Slot {
        warn_at: at("27 00:15"),
        ..slot("27", SlotState::Pending)
    }];
    let silent = View { slots: &silent, ..view };
    assert_eq!(standing(&nightly(), silent, at("27 00:14")).state, DataState::Fresh);
}

#[test]
fn the_newest_broken_delivery_counts_until_a_later_one_has_come_since() {
    let version = plain_version("stock", 1, at("25 00:05"));
    let state = |slots: &[Slot]| {
        let view = View {
            current: Some(&version),
            slots,
            ..NOTHING
        };
        standing(&nightly(), view, at("28 12:00")).state
    };
    let delivered = |day, state, text: &str| Slot {
        decided_at: Some(at(text)),
        ..slot(day, state)
    };
    for broken in [SlotState::Late, SlotState::Missed] {
        assert_eq!(state(&[slot("27", broken)]), DataState::Late, "{broken:?}");
        for good in [SlotState::Met, SlotState::Recovered] {
            assert_eq!(
                state(&[slot("27", broken), delivered("28", good, "27 00:15")]),
                DataState::Fresh,
                "{broken:?} {good:?}"
            );
            // It came before the broken one was due: that one is still missing.
            assert_eq!(
                state(&[slot("27", broken), delivered("28", good, "27 00:14:59")]),
                DataState::Late,
                "{broken:?} {good:?}"
            );
            assert_eq!(
                state(&[delivered("27", good, "28 00:20"), slot("28", broken)]),
                DataState::Late,
                "{good:?} {broken:?}"
            );
        }
        let withdrawn = delivered("28", SlotState::Withdrawn, "28 00:00");
        assert_eq!(state(&[slot("27", broken), withdrawn]), DataState::Late, "{broken:?}");
    }
    assert_eq!(state(&[slot("28", SlotState::Met)]), DataState::Fresh);
    assert_eq!(state(&[slot("27", SlotState::Withdrawn)]), DataState::Fresh);
    assert_eq!(state(&[slot("28", SlotState::Pending)]), DataState::Late);
}

#[test]
fn an_age_that_is_broken_is_told_before_a_delivery_that_is() {
    let version = plain_version("stock", 1, at("26 00:05"));
    let slots = [slot("27", SlotState::Late)];
    let view = View {
        current: Some(&version),
        slots: &slots,
        ..NOTHING
    };
    let both = Dataset {
        max_age: Some(25 * HOUR),
        ..nightly()
    };
    assert_eq!(standing(&both, view, at("27 01:04:59")).state, DataState::Late);
    assert_eq!(standing(&both, view, at("27 01:05")).state, DataState::Stale);
}

#[test]
fn a_refused_version_holds_and_a_paused_job_excuses_what_no_promise_breaks() {
    let version = plain_version("stock", 1, at("26 00:05"));
    let refused = Version {
        reason: Some("rows.min: 3, at least 50".to_owned()),
        ..plain_version("stock", 2, at("26 01:00"))
    };
    let (pause, export) = (super::resting::pause(), Name::from("export"));
    let view = View {
        current: Some(&version),
        refused: Some(&refused),
        resting: Some(Resting::Paused(&pause)),
        producer: Some(&export),
        ..NOTHING
    };
    let stock = plain_dataset("stock");
    let held = "version 2 is held back (rows.min: 3, at least 50); version 1 is served";
    assert_eq!(
        told(&standing(&stock, view, at("26 02:00"))),
        (DataState::Held, held, None, false)
    );
    let silent = Version {
        reason: None,
        ..refused.clone()
    };
    let silent = View {
        refused: Some(&silent),
        ..view
    };
    let held = "version 2 is held back (refused by the checks); version 1 is served";
    assert_eq!(told(&standing(&stock, silent, at("26 02:00"))).1, held);
    let paused = View { refused: None, ..view };
    let excused = (
        DataState::Paused,
        "its job export is paused by kari: the move",
        None,
        false,
    );
    assert_eq!(told(&standing(&stock, paused, at("26 02:00"))), excused);
    let stale = standing(&ages(10 * MINUTE, None), paused, at("26 02:00"));
    assert_eq!(stale.state, DataState::Stale);
}

#[test]
fn the_nearest_of_all_promises_is_the_deadline() {
    let version = plain_version("stock", 1, at("26 12:00"));
    let slots = [slot("27", SlotState::Pending)];
    let view = View {
        current: Some(&version),
        slots: &slots,
        ..NOTHING
    };
    let aging = |hours: u32| Dataset {
        max_age: Some(hours * HOUR),
        ..nightly()
    };
    let next = |dataset: &Dataset| {
        let standing = standing(dataset, view, at("26 13:00"));
        (standing.deadline, standing.breaks_as)
    };
    assert_eq!(next(&aging(4)), (Some(at("26 16:00")), Breach::Stale));
    assert_eq!(next(&aging(40)), (Some(at("27 00:15")), Breach::Late));
    // At the instant at which it is both it is told as too old.
    let both = Dataset {
        max_age: Some(12 * HOUR + 15 * MINUTE),
        ..nightly()
    };
    assert_eq!(next(&both), (Some(at("27 00:15")), Breach::Stale));
    let passed = standing(&aging(4), view, at("26 16:00"));
    assert_eq!(
        (passed.state, passed.deadline),
        (DataState::Stale, Some(at("27 00:15")))
    );
    assert_eq!(passed.next_change, Some(at("27 00:00")));
}
