//! A start begins from exactly what decisions need.

use super::samples::{full_notification, lesson};
use super::*;
use crate::model::{
    Address, AddressRecord, Life, Notification, NotificationId, NotificationState, Outage, Outcome, Pace, Purpose,
    WhyGathered,
};

fn loaded(facts: Vec<Fact>) -> crate::model::Snapshot {
    let dir = tempfile::tempdir().unwrap();
    let writer = writer(&dir);
    writer.commit_blocking(facts).unwrap();
    writer.close().unwrap();
    Store::open(dir.path()).unwrap().load().unwrap()
}

#[test]
fn a_new_directory_has_a_seed_of_its_own_that_stays() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let seeds = dirs
        .each_ref()
        .map(|dir| Store::open(dir.path()).unwrap().load().unwrap().seed);
    assert_ne!(seeds[0], seeds[1]);
    let again = Store::open(dirs[0].path()).unwrap().load().unwrap();
    assert_eq!(
        again,
        crate::model::Snapshot {
            seed: seeds[0],
            ..Default::default()
        }
    );
}

#[test]
fn unfinished_runs_and_the_last_done_one_of_each_job_are_loaded_with_their_attempts() {
    let over = |id, job, outcome| ended(&run(id, job, i64::try_from(id).unwrap()), outcome);
    let runs = [
        over(1, "a", Outcome::Succeeded),
        over(2, "a", Outcome::Failed),
        over(3, "a", Outcome::Skipped),
        over(4, "a", Outcome::Missed),
        over(5, "b", Outcome::Skipped),
        run(6, "b", 6),
        run(7, "a", 7),
        over(8, "c", Outcome::Lost),
    ];
    let mut facts: Vec<Fact> = runs.iter().cloned().map(Fact::Run).collect();
    facts.extend(
        runs.iter()
            .map(|run| Fact::Attempt(attempt(run, 1)))
            .chain([Fact::Attempt(attempt(&runs[1], 2))]),
    );
    let snapshot = loaded(facts);
    let expected = [&runs[1], &runs[5], &runs[6], &runs[7]];
    assert_eq!(snapshot.runs.iter().collect::<Vec<_>>(), expected);
    let attempts: Vec<String> = snapshot.attempts.iter().map(|attempt| attempt.id.to_string()).collect();
    assert_eq!(attempts, ["2.1", "2.2", "6.1", "7.1", "8.1"]);
    assert_eq!(snapshot.last_run, Some(RunId(8)));
}

#[test]
fn of_each_weekday_the_last_eight_accepted_versions_that_teach_anything_are_loaded() {
    let teaches = |number: u64, weekday: i8, state| Version {
        lesson: Some(lesson(weekday)),
        ..version("d", number, state)
    };
    let mut versions: Vec<Version> = (1..=10)
        .map(|number| teaches(number, 5, VersionState::Published))
        .collect();
    versions.extend([
        teaches(11, 1, VersionState::Published),
        teaches(12, 5, VersionState::Quarantined),
        teaches(13, 5, VersionState::Publishing),
        version("d", 14, VersionState::Published),
        version("other", 1, VersionState::Published),
    ]);
    let snapshot = loaded(
        versions
            .iter()
            .cloned()
            .map(|version| Fact::Version(Box::new(version)))
            .collect(),
    );
    let numbers: Vec<u64> = snapshot.past.iter().map(|past| past.number.0).collect();
    assert_eq!(numbers, [3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(snapshot.past.first(), versions[2].past().as_ref());
}

#[test]
fn of_a_datasets_versions_the_newest_of_each_kind_are_loaded() {
    use VersionState::{Published, Publishing, Quarantined};
    let states = [
        Publishing,
        Published,
        Published,
        Quarantined,
        Published,
        Quarantined,
        Publishing,
    ];
    let mut facts: Vec<Fact> = (1..)
        .zip(states)
        .map(|(number, state)| Fact::Version(Box::new(version("stock", number, state))))
        .collect();
    facts.push(Fact::Version(Box::new(version("items", 9, Published))));
    let snapshot = loaded(facts);
    let found: Vec<(&str, u64)> = snapshot
        .versions
        .iter()
        .map(|version| (version.dataset.as_str(), version.number.0))
        .collect();
    let expected = [
        ("items", 9),
        ("stock", 1),
        ("stock", 3),
        ("stock", 5),
        ("stock", 6),
        ("stock", 7),
    ];
    assert_eq!(found, expected);
    let numbers = [(Name::from("items"), 9), (Name::from("stock"), 7)];
    assert_eq!(snapshot.version_numbers, numbers);
}

fn slots_of(snapshot: &crate::model::Snapshot) -> Vec<(&str, Timestamp, SlotState)> {
    let slots = snapshot.slots.iter();
    slots
        .map(|slot| (slot.dataset.as_str(), slot.due_at, slot.state))
        .collect()
}

#[test]
fn of_a_datasets_slots_the_undecided_and_the_newest_decided_are_loaded() {
    use SlotState::{Late, Met, Missed, Pending, Recovered, Withdrawn};
    let states = [Met, Late, Missed, Recovered, Pending, Pending, Withdrawn];
    let mut facts: Vec<Fact> = (0..)
        .zip(states)
        .map(|(due, state)| Fact::Slot(slot("stock", due, state)))
        .collect();
    facts.push(Fact::Slot(slot("items", 0, Pending)));
    let snapshot = loaded(facts);
    let expected = [
        ("items", at(0), Pending),
        ("stock", at(1), Late),
        ("stock", at(3), Recovered),
        ("stock", at(4), Pending),
        ("stock", at(5), Pending),
    ];
    assert_eq!(slots_of(&snapshot), expected);
}

#[test]
fn with_the_newest_slot_that_was_missed_the_first_is_loaded_since_one_came() {
    use SlotState::{Excused, Late, Met, Missed, Recovered, Withdrawn};
    let first_of = |states: &[SlotState]| {
        let facts = (0..).zip(states);
        let facts = facts.map(|(due, state)| Fact::Slot(slot("stock", due, *state)));
        let snapshot = loaded(facts.collect());
        slots_of(&snapshot)
            .into_iter()
            .map(|(_, due_at, _)| due_at)
            .collect::<Vec<_>>()
    };
    for came in [Met, Recovered, Withdrawn] {
        let states = [Missed, came, Missed, Missed, Missed, Late];
        assert_eq!(first_of(&states), [at(2), at(4), at(5)], "{came:?}");
    }
    assert_eq!(first_of(&[Missed, Missed, Missed]), [at(0), at(2)]);
    assert_eq!(first_of(&[Missed, Excused, Missed]), [at(0), at(2)]);
    assert_eq!(first_of(&[Met, Missed, Late]), [at(1), at(2)]);
}

#[test]
fn of_a_datasets_excused_slots_the_newest_is_loaded_with_what_still_tells_of_it() {
    use SlotState::{Excused, Met, Missed};
    let facts = (0..).zip([Excused, Missed, Excused, Excused]);
    let facts = facts.map(|(due, state)| Fact::Slot(slot("stock", due, state)));
    let past = (0..).zip([Excused, Met]);
    let past = past.map(|(due, state)| Fact::Slot(slot("items", due, state)));
    let snapshot = loaded(facts.chain(past).collect());
    let expected = [
        ("items", at(1), Met),
        ("stock", at(1), Missed),
        ("stock", at(3), Excused),
    ];
    assert_eq!(slots_of(&snapshot), expected);
}

#[test]
fn the_newest_record_is_the_latest_past_and_never_a_plan() {
    let claimed = Run {
        retry_at: Some(at(9_000)),
        ..run(1, "stock", 60)
    };
    let snapshot = loaded(vec![
        Fact::Slot(slot("stock", 8_000, SlotState::Pending)),
        Fact::Job(job("stock", 60)),
        Fact::Life(Life {
            number: 1,
            started_at: at(0),
            seen_at: at(70),
            ended_at: None,
            boot_id: "b".to_owned(),
            version: "0.1.0".to_owned(),
            back: None,
        }),
        Fact::Run(claimed),
    ]);
    assert_eq!(snapshot.newest_record_at, Some(at(70)));
}

#[test]
fn the_highest_numbers_count_what_is_over_too() {
    let snapshot = loaded(vec![
        Fact::Incident(incident(4, "a", IncidentState::Resolved)),
        Fact::Incident(incident(2, "b", IncidentState::Open)),
    ]);
    assert_eq!(snapshot.last_incident, Some(IncidentId(4)));
    assert_eq!(snapshot.last_notification, None::<NotificationId>);
    assert_eq!(snapshot.incidents, [incident(2, "b", IncidentState::Open)]);
}

#[test]
fn of_what_is_over_it_is_known_what_explained_it_as_long_as_that_goes_on() {
    let over = |id, subject: &str, cause: u64| {
        Fact::Incident(Incident {
            cause: Some(IncidentId(cause)),
            about: crate::model::About::Dataset,
            ..incident(id, subject, IncidentState::Resolved)
        })
    };
    let snapshot = loaded(vec![
        Fact::Incident(incident(1, "going", IncidentState::Open)),
        Fact::Incident(incident(2, "over", IncidentState::Resolved)),
        over(3, "later", 1),
        over(4, "earlier", 1),
        over(5, "of-what-is-over", 2),
        over(6, "later", 1),
        Fact::Incident(Incident {
            cause: Some(IncidentId(1)),
            ..incident(7, "job", IncidentState::Resolved)
        }),
    ]);
    let mended = ["earlier", "later"].map(|name| (IncidentId(1), Name::from(name)));
    assert_eq!(snapshot.mended, mended);
}

#[test]
fn of_what_is_over_it_is_known_where_its_end_was_written_to_while_something_is_on_its_way() {
    let told = |id, about: u64, to: &str, state| {
        Fact::Notification(Notification {
            state,
            address: Address {
                channel: Name::from("mail"),
                to: Some(to.to_owned()),
            },
            ..full_notification(id, Some(IncidentId(about)))
        })
    };
    let snapshot = loaded(vec![
        Fact::Incident(incident(1, "over", IncidentState::Resolved)),
        Fact::Incident(incident(2, "told-in-full", IncidentState::Resolved)),
        Fact::Incident(incident(3, "open", IncidentState::Open)),
        told(1, 1, "a", NotificationState::Delivered),
        told(2, 1, "a", NotificationState::Delivered),
        told(3, 1, "b", NotificationState::Pending),
        told(4, 2, "c", NotificationState::Delivered),
        told(5, 3, "d", NotificationState::Pending),
    ]);
    let written = snapshot.ends_written.iter();
    let written: Vec<_> = written.map(|(id, to)| (id.0, to.to_string())).collect();
    assert_eq!(written, [(1, "mail:a".to_owned()), (1, "mail:b".to_owned())]);
}

#[test]
fn of_the_ends_that_were_taken_those_of_the_last_minutes_are_loaded() {
    let told = |id, purpose, state, ended: i64| {
        let known = full_notification(id, Some(IncidentId(1)));
        let mut message = crate::model::Message::clone(&known.message);
        message.purpose = purpose;
        Fact::Notification(Notification {
            state,
            message: std::sync::Arc::new(message),
            ended_at: Some(at(ended)),
            ..known
        })
    };
    let snapshot = loaded(vec![
        Fact::Incident(incident(1, "over", IncidentState::Resolved)),
        told(1, Purpose::Recovery, NotificationState::Delivered, 699),
        told(2, Purpose::Recovery, NotificationState::Delivered, 700),
        told(3, Purpose::Recovery, NotificationState::Dead, 900),
        told(4, Purpose::Opening, NotificationState::Delivered, 900),
        told(5, Purpose::Recovery, NotificationState::Delivered, 1000),
    ]);
    let taken: Vec<_> = snapshot.ends_taken.iter().map(|taken| taken.id.0).collect();
    assert_eq!(taken, [2, 5], "up to five minutes before the newest record");
}

#[test]
fn of_an_address_it_is_loaded_how_it_stands_and_nothing_once_it_takes_what_comes() {
    let address = |to: Option<&str>| Address {
        channel: Name::from("mail"),
        to: to.map(str::to_owned),
    };
    let outage = Outage {
        since: at(7),
        failed: 3,
        error: "connection refused".to_owned(),
        next_try_at: at(90),
        last: NotificationId(5),
        is_certain: true,
        is_unreachable: true,
        at_once_after: Some(2),
    };
    let pace = Pace {
        next_at: at(99),
        why: WhyGathered::Outage,
    };
    let record = |to, outage: Option<&Outage>, pace| AddressRecord {
        address: address(to),
        outage: outage.cloned(),
        pace,
        next_in_stead: None,
        next_end_at: None,
    };
    let facts = [
        record(Some("a@sea.example"), Some(&outage), None),
        record(Some("a@sea.example"), Some(&outage), Some(pace)),
        record(None, None, Some(pace)),
        record(Some("b@sea.example"), Some(&outage), None),
        record(Some("b@sea.example"), None, None),
        AddressRecord {
            next_in_stead: Some(at(120)),
            ..record(Some("c@sea.example"), None, None)
        },
        AddressRecord {
            next_end_at: Some(at(130)),
            ..record(Some("d@sea.example"), None, None)
        },
    ];
    let snapshot = loaded(facts.iter().cloned().map(Fact::Address).collect());
    let left = [&facts[2], &facts[1], &facts[5], &facts[6]].map(AddressRecord::clone);
    assert_eq!(snapshot.addresses, left);
    assert_eq!(snapshot.newest_record_at, None, "a try to come is no record");
}

#[test]
fn the_configuration_accepted_last_is_the_one_that_counts_also_after_a_return() {
    let accepted = |digest: &str, second| {
        Fact::Settings(crate::model::AcceptedSettings {
            digest: digest.to_owned(),
            files: Vec::new(),
            at: at(second),
            by: "root".to_owned(),
        })
    };
    // The clock was set back between the second and the third.
    let facts = vec![accepted("old", 1), accepted("new", 50), accepted("old", 20)];
    assert_eq!(loaded(facts).settings_digest, Some("old".to_owned()));
}
