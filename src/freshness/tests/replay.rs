//! What a promise would have said of a past.

use jiff::Timestamp;

use super::{HOUR, at, nightly, with};
use crate::freshness::{Broken, replay};
use crate::model::{Dataset, Version, plain_dataset, plain_version};

/// Versions that arrived then, each with data of that time.
fn arrived(times: &[&str]) -> Vec<Version> {
    let numbered = (1..).zip(times);
    numbered
        .map(|(number, time)| plain_version("stock", number, at(time)))
        .collect()
}

fn broken(from: &str, until: Option<&str>) -> Broken {
    Broken {
        from: at(from),
        until: until.map(at),
    }
}

const SINCE: &str = "23 12:00";
const UNTIL: &str = "27 12:00";

fn played(dataset: &Dataset, times: &[&str]) -> (usize, Vec<Broken>, Vec<Broken>) {
    let replayed = replay(dataset, &arrived(times), at(SINCE), at(UNTIL));
    (replayed.due, replayed.late, replayed.stale)
}

#[test]
fn each_delivery_is_held_against_its_deadline() {
    // In time, an hour late, never, and within its grace.
    let (due, late, stale) = played(&nightly(), &["23 23:50", "25 01:00", "27 00:10"]);
    assert_eq!(due, 4);
    assert_eq!(late, [broken("25 00:15", Some("25 01:00")), broken("26 00:15", None)]);
    assert!(stale.is_empty());
}

#[test]
fn a_longer_grace_would_have_told_nobody() {
    let patient = with(|due| due.grace = 2 * HOUR);
    let (due, late, _) = played(&patient, &["23 23:50", "25 01:00", "26 01:59", "27 00:10"]);
    assert_eq!((due, late), (4, vec![]));
}

#[test]
fn a_delivery_that_was_there_before_meets_no_later_one() {
    let (_, late, _) = played(&nightly(), &["20 00:00"]);
    let nights: Vec<Timestamp> = late.iter().map(|late| late.from).collect();
    assert_eq!(nights, [at("24 00:15"), at("25 00:15"), at("26 00:15"), at("27 00:15")]);
    assert!(late.iter().all(|late| late.until.is_none()));
}

#[test]
fn a_deadline_that_is_not_over_is_nobodys_fault() {
    let replayed = replay(&nightly(), &[], at(SINCE), at("24 00:14:59"));
    assert_eq!((replayed.due, replayed.late.len()), (0, 0));
    let replayed = replay(&nightly(), &[], at(SINCE), at("24 00:15"));
    assert_eq!((replayed.due, replayed.late.len()), (1, 1));
}

#[test]
fn an_age_breaks_until_something_younger_comes() {
    let young = Dataset {
        max_age: Some(24 * HOUR),
        ..plain_dataset("stock")
    };
    // The first is older than a day from noon on; what comes at 18:00 is of that time, and is old a day later.
    let (due, late, stale) = played(&young, &["23 12:00", "24 18:00"]);
    assert_eq!((due, late.len()), (0, 0));
    assert_eq!(stale, [broken("24 12:00", Some("24 18:00")), broken("25 18:00", None)]);
    assert!(played(&plain_dataset("stock"), &["23 12:00"]).2.is_empty());
}

#[test]
fn what_is_too_old_as_it_comes_ends_nothing() {
    let young = Dataset {
        max_age: Some(24 * HOUR),
        ..plain_dataset("stock")
    };
    let mut versions = arrived(&["23 12:00", "24 18:00", "25 06:00"]);
    versions[1].effective_as_of = at("20 00:00");
    let replayed = replay(&young, &versions, at(SINCE), at("25 12:00"));
    assert_eq!(replayed.stale, [broken("24 12:00", Some("25 06:00"))]);
}
