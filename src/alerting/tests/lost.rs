//! What people are told about records that were lost.

use jiff::tz::TimeZone;

use super::at;
use crate::alerting::{LostRecords, lost_reason, lost_records};
use crate::model::{Found, Message, Name, ProblemKind, Restoration, Severity, plain_incident, plain_version};

fn restoration() -> Restoration {
    Restoration {
        at: at("12:00"),
        from: Some(at("10:00")),
        until: at("11:30"),
        backup: Some("freshd-7.db".to_owned()),
        because: "a page cannot be read".to_owned(),
        set_aside: Some("damaged-1.db".to_owned()),
        seen: None,
        taken_up_at: None,
        last_run: None,
    }
}

fn told(restoration: &Restoration, jobs: usize, attempts_found: usize, in_place: usize) -> Message {
    let jobs: Vec<Name> = (1..=jobs).map(|number| format!("j{number}").as_str().into()).collect();
    let lost = LostRecords {
        now: at("12:01"),
        zone: &TimeZone::UTC,
        restoration,
        incident: &plain_incident("records", at("12:00")),
        team: &"wms".into(),
        team_title: "Warehouse",
        jobs: &jobs,
        attempts_found,
        found: &Found {
            last_run: 0,
            version_numbers: Vec::new(),
            in_place: vec![plain_version("stock", 7, at("11:00")); in_place],
        },
    };
    lost_records("n1.x".to_owned(), &lost)
}

fn said<'a>(label: &str, message: &'a Message) -> Option<&'a str> {
    let fact = message.facts.iter().find(|fact| fact.label == label);
    fact.map(|fact| fact.text.as_str())
}

#[test]
fn everybody_is_told_which_records_are_lost_and_what_becomes_of_their_jobs() {
    let message = told(&restoration(), 2, 1, 3);
    assert_eq!(
        message.headline,
        "CRITICAL: freshd's records from Fri 2026-11-27 10:00 to Fri 2026-11-27 11:30 are lost. freshd goes on, \
         and does not know which of your jobs ran in that time."
    );
    assert_eq!(message.subject, "[freshd] records were lost (#1)");
    assert_eq!(
        (message.thread.as_str(), message.team.as_str()),
        ("n1.incident-1-owner", "wms")
    );
    assert_eq!(
        (message.severity, message.kind),
        (Severity::Critical, Some(ProblemKind::Freshd))
    );
    let newest = "the backup freshd-7.db, whose newest record is of Fri 2026-11-27 10:00";
    for (label, text) in [
        ("Why", "a page cannot be read"),
        ("Goes on from", newest),
        ("Set aside as", "damaged-1.db, in the state directory"),
        (
            "Found again",
            "1 attempt that its keeper knows, 3 versions that readers see",
        ),
        ("Look after", "j1, j2"),
    ] {
        assert_eq!(said(label, &message), Some(text));
    }
    assert_eq!(
        message.commands,
        ["freshd history --outcome missed", "freshd incidents 1", "freshd status"]
    );
}

#[test]
fn what_records_go_on_from_is_told_as_far_as_it_is_known() {
    let of = |backup: Option<&str>, from: Option<&str>| {
        let restoration = Restoration {
            backup: backup.map(str::to_owned),
            from: from.map(at),
            set_aside: None,
            ..restoration()
        };
        let message = told(&restoration, 0, 0, 0);
        assert_eq!(said("Set aside as", &message), None);
        said("Goes on from", &message).unwrap().to_owned()
    };
    assert_eq!(of(Some("b.db"), None), "the backup b.db");
    assert_eq!(
        of(None, Some("10:00")),
        "the file that was there, whose newest record is of Fri 2026-11-27 10:00"
    );
    assert_eq!(of(None, None), "nothing: there was no backup that could be used");
}

#[test]
fn an_occurrence_of_that_time_says_that_nothing_is_known_of_it() {
    let ends = "were lost with the database of that time; whether it ran, and how it ended, is not known";
    assert_eq!(
        lost_reason(&restoration(), &TimeZone::UTC),
        format!("freshd's records from Fri 2026-11-27 10:00 to Fri 2026-11-27 11:30 {ends}")
    );
    let anew = Restoration {
        from: None,
        ..restoration()
    };
    assert_eq!(
        lost_reason(&anew, &TimeZone::UTC),
        format!("all of freshd's records before Fri 2026-11-27 11:30 {ends}")
    );
}

#[test]
fn jobs_are_named_up_to_a_number_and_counted_beyond() {
    let after = |jobs| said("Look after", &told(&restoration(), jobs, 0, 0)).map(str::to_owned);
    assert_eq!(after(0), None);
    assert!(after(20).unwrap().ends_with("j19, j20"));
    assert!(after(21).unwrap().ends_with("j19, j20, and 1 more"));
}

#[test]
fn what_was_not_found_is_not_told() {
    let found =
        |attempts, in_place| said("Found again", &told(&restoration(), 1, attempts, in_place)).map(str::to_owned);
    assert_eq!(found(0, 0), None);
    assert_eq!(found(2, 0).as_deref(), Some("2 attempts that their keepers know"));
    assert_eq!(found(0, 1).as_deref(), Some("1 version that readers see"));
}
