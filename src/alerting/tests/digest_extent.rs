//! Digests: how much is affected, and what to type about it.

use super::super::Concern;
use super::at;
use super::digest::{digest_of, gathered_with, waiting};
use crate::model::{Incident, Notification, Severity, WhyGathered};

#[test]
fn a_line_says_how_much_is_affected_before_who_reads_it_next() {
    let (one, incident) = waiting(1, Severity::Critical, "20:00");
    let concern = Concern {
        extent: Some("forecast and 39 more are stale".to_owned()),
        next: Some(("trucks reads stock".to_owned(), at("23:45"))),
        ..Concern::default()
    };
    let message = gathered_with(&[(one, Some(incident))], WhyGathered::Flood, &concern);
    assert_eq!(
        message.incidents[0].text,
        "#1 job-1 failed, critical, since Fri 2026-11-27 20:00; forecast and 39 more are stale; \
         trucks reads stock Fri 2026-11-27 23:45"
    );
}

#[test]
fn what_is_to_be_typed_first_is_about_the_worst_that_its_reader_is_to_mend() {
    let waiting = [
        waiting(1, Severity::Warning, "20:00"),
        waiting(2, Severity::Critical, "20:10"),
    ];
    let told = |waiting: &[(Notification, Incident)]| {
        let waiting = waiting.iter().cloned().map(|(one, incident)| (one, Some(incident)));
        let to_type = |_: &Notification, incident: &Incident| Concern {
            commands: vec![format!("freshd why {}", incident.subject)],
            ..Concern::default()
        };
        digest_of(&waiting.collect::<Vec<_>>(), WhyGathered::Flood, &to_type).commands
    };
    let shown = ["freshd status", "freshd incidents"];
    let of_both = [
        "freshd why job-2",
        shown[0],
        shown[1],
        "freshd incidents NUMBER",
        "freshd ack NUMBER",
    ];
    assert_eq!(told(&waiting), of_both);
    let of_one = [
        "freshd why job-1",
        shown[0],
        shown[1],
        "freshd incidents 1",
        "freshd ack 1",
    ];
    assert_eq!(told(&waiting[..1]), of_one);
}

#[test]
fn a_line_calls_things_as_people_do_and_says_who_keeps_it_quiet() {
    let (one, incident) = waiting(1, Severity::Critical, "20:00");
    let concern = Concern {
        called: Some("Export of the stock".to_owned()),
        quiet: Some("silenced until Fri 2026-11-27 23:30 by kari: the servers move".to_owned()),
        ..Concern::default()
    };
    let message = gathered_with(&[(one, Some(incident))], WhyGathered::Flood, &concern);
    assert_eq!(
        message.incidents[0].text,
        "#1 Export of the stock failed, critical, since Fri 2026-11-27 20:00; silenced until Fri 2026-11-27 23:30 by kari: \
         the servers move"
    );
}
