//! Digests: what comes first, what fits, and what is said of those that are over.

use jiff::tz::TimeZone;

use super::super::{Concern, INSTEAD_OF, Own, ToGather, digest};

use super::at;
use crate::model::{
    About, Address, DIGEST_CHARS_USUAL, DownDeliveries, Drill, Incident, IncidentId, Message, Name, Notification,
    NotificationId, NotificationState, ProblemKind, Purpose, SENT_AGAIN, Severity, WhyGathered, plain_incident,
};

/// An incident with the message about it that waits.
pub(super) fn waiting(number: u64, severity: Severity, since: &str) -> (Notification, Incident) {
    let incident = Incident {
        id: IncidentId(number),
        severity,
        ..plain_incident(&format!("job-{number}"), at(since))
    };
    let message = Message {
        id: format!("m.{number}"),
        thread: "t".to_owned(),
        incident: Some(incident.id),
        purpose: Purpose::Opening,
        severity,
        kind: Some(incident.kind),
        about: Some(incident.about),
        since: Some(incident.since),
        subject_name: incident.subject.clone(),
        subject: format!("[freshd] job-{number} failed (#{number})"),
        headline: String::new(),
        facts: Vec::new(),
        incidents: Vec::new(),
        gathered: None,
        stands_in_for: None,
        team_title: None,
        resent_at: None,
        kind_since: None,
        output: Vec::new(),
        commands: Vec::new(),
        team: Name::from("ops"),
        owner: "ops".to_owned(),
        at: at(since),
        zone: None,
        trace: None,
    };
    let notification = Notification {
        id: NotificationId(number),
        incident: Some(incident.id),
        address: address(),
        message: message.into(),
        state: NotificationState::Pending,
        tries: 0,
        next_try_at: at(since),
        created_at: at(since),
        ended_at: None,
        last_error: None,
        receipt: None,
        digest: None,
    };
    (notification, incident)
}

pub(super) fn address() -> Address {
    Address {
        channel: Name::from("mail"),
        to: None,
    }
}

pub(super) fn gathered(waiting: &[(Notification, Option<Incident>)], why: WhyGathered) -> Message {
    gathered_with(waiting, why, &Concern::default())
}

pub(super) fn gathered_with(
    waiting: &[(Notification, Option<Incident>)],
    why: WhyGathered,
    concern: &Concern,
) -> Message {
    digest_of(waiting, why, &|_, _| concern.clone())
}

/// The digest of `ops` at 23:00.
pub(super) fn digest_of(
    waiting: &[(Notification, Option<Incident>)],
    why: WhyGathered,
    concern_of: &dyn Fn(&Notification, &Incident) -> Concern,
) -> Message {
    let waiting: Vec<_> = waiting.iter().map(|(one, incident)| (one, incident.as_ref())).collect();
    let gather = ToGather {
        now: at("23:00"),
        zone: &TimeZone::UTC,
        address: &address(),
        team: &Name::from("ops"),
        team_title: "ops".to_owned(),
        why,
        chars_max: DIGEST_CHARS_USUAL,
        deliveries: DownDeliveries::default(),
        only_due: None,
        waiting: &waiting,
        title_of: &|team| format!("the {team}"),
        concern_of,
        quiet_cause_of: &|_| None,
    };
    digest("m.99".to_owned(), &gather)
}

#[test]
fn what_is_open_comes_first_the_worst_of_it_first_and_each_incident_once() {
    let (over, _) = waiting(1, Severity::Critical, "20:00");
    let (mild, of_mild) = waiting(2, Severity::Warning, "20:10");
    let (new, of_new) = waiting(3, Severity::Critical, "20:30");
    let (old, of_old) = waiting(4, Severity::Critical, "20:20");
    let (reminder, of_reminder) = waiting(4, Severity::Critical, "20:20");
    let message = gathered(
        &[
            (over, None),
            (mild, Some(of_mild)),
            (new, Some(of_new)),
            (old, Some(of_old)),
            (reminder, Some(of_reminder)),
        ],
        WhyGathered::Outage,
    );
    let lines: Vec<&str> = message.incidents.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        lines,
        [
            "#4 job-4 failed, critical, since Fri 2026-11-27 20:20",
            "#3 job-3 failed, critical, since Fri 2026-11-27 20:30",
            "#2 job-2 failed, warning, since Fri 2026-11-27 20:10",
            "#1 job-1 failed",
        ]
    );
    assert_eq!(message.severity, Severity::Critical);
    assert_eq!(
        message.subject,
        "[freshd] 4 problems while mail could not be delivered: job-4 failed; job-3 failed; and 2 more"
    );
    assert_eq!(
        message.headline,
        "CRITICAL: 4 problems, 3 of them open, 1 over: job-4 failed; job-3 failed; job-2 failed; and 1 more. \
         Told in one message because mail took no message for a while."
    );
}

#[test]
fn what_is_rehearsed_comes_behind_all_that_is_wrong_and_makes_nothing_worse() {
    let (mut drill, mut of_drill) = waiting(1, Severity::Critical, "20:00");
    let drilled = Drill {
        by: "kari".to_owned(),
        until: at("21:00"),
    };
    (of_drill.kind, of_drill.drill) = (ProblemKind::Drill, Some(drilled));
    drill.message = Message {
        kind: Some(ProblemKind::Drill),
        ..Message::clone(&drill.message)
    }
    .into();
    let (wrong, of_wrong) = waiting(2, Severity::Warning, "20:30");
    let (over, _) = waiting(3, Severity::Critical, "19:00");
    let all = [(over, None), (drill, Some(of_drill)), (wrong, Some(of_wrong))];
    let message = gathered(&all, WhyGathered::Flood);
    let lines: Vec<&str> = message.incidents.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        lines,
        [
            "#2 job-2 failed, warning, since Fri 2026-11-27 20:30",
            "#1 [DRILL] rehearsal with job job-1, since Fri 2026-11-27 20:00: nothing is wrong",
            "#3 job-3 failed",
        ]
    );
    assert_eq!(message.severity, Severity::Warning);
    assert_eq!(
        message.headline,
        "WARNING: 2 problems and 1 rehearsal, 2 of them open, 1 over: job-2 failed; and 1 more. \
         Told in one message because many came at once."
    );
}

/// The same incident with a message that is for something else.
fn waiting_as(purpose: Purpose, number: u64) -> (Notification, Option<Incident>) {
    let (mut one, incident) = waiting(number, Severity::Critical, "20:00");
    let message = Message::clone(&one.message);
    one.message = Message { purpose, ..message }.into();
    (one, Some(incident))
}

#[test]
fn what_is_told_once_more_says_so_and_a_digest_of_nothing_else_is_titled_so() {
    use Purpose::{Escalation, Opening, Reminder, Update};
    let since = "critical, since Fri 2026-11-27 20:00";
    let reminded = [
        waiting_as(Reminder, 1),
        waiting_as(Reminder, 2),
        waiting_as(Escalation, 2),
    ];
    let message = gathered(&reminded, WhyGathered::Together);
    let lines: Vec<&str> = message.incidents.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        lines,
        [
            format!("#1 still open: job-1 failed, {since}"),
            format!("#2 nobody has answered: job-2 failed, {since}")
        ]
    );
    let untold = Concern {
        untold: Some("Warehouse".to_owned()),
        ..Concern::default()
    };
    let of_untold = gathered_with(&reminded, WhyGathered::Together, &untold);
    assert_eq!(
        of_untold.incidents[1].text,
        format!("#2 Warehouse could not be told: job-2 failed, {since}")
    );
    assert_eq!(
        message.subject,
        "[freshd] 2 problems still open: job-1 failed; job-2 failed"
    );
    assert_eq!(
        message.headline,
        "CRITICAL: 2 problems still open: job-1 failed; job-2 failed. Told in one message because they came together."
    );
    // With news among it, it is a digest like any other, and a line with news is one of those.
    let mixed = [waiting_as(Opening, 1), waiting_as(Reminder, 1), waiting_as(Reminder, 2)];
    let message = gathered(&mixed, WhyGathered::Together);
    assert_eq!(message.subject, "[freshd] 2 problems: job-1 failed; job-2 failed");
    assert_eq!(message.incidents[0].text, format!("#1 job-1 failed, {since}"));
    assert_eq!(
        message.incidents[1].text,
        format!("#2 still open: job-2 failed, {since}")
    );
    let worse = gathered(&[waiting_as(Reminder, 1), waiting_as(Update, 1)], WhyGathered::Outage);
    assert_eq!(worse.incidents[0].text, format!("#1 job-1 failed, {since}"));
    assert_eq!(
        worse.subject,
        "[freshd] 1 problem while mail could not be delivered: job-1 failed"
    );
    let down = WhyGathered::Downtime {
        from: at("20:00"),
        until: at("22:00"),
    };
    assert_eq!(
        gathered(&reminded, down).subject,
        "[freshd] 2 problems after freshd was down for 2h: job-1 failed; job-2 failed"
    );
}

#[test]
fn why_is_not_said_where_that_is_the_same_once_more() {
    let line = |about: About, kind: ProblemKind, own: (About, &str, &str)| {
        let (one, mut incident) = waiting(1, Severity::Critical, "20:00");
        (incident.about, incident.kind) = (about, kind);
        let concern = Concern {
            own: Some(Own {
                about: own.0,
                name: Name::from(own.1),
                words: own.2.to_owned(),
                with_others: None,
                since: at("20:10"),
            }),
            ..Concern::default()
        };
        let message = gathered_with(&[(one, Some(incident))], WhyGathered::Flood, &concern);
        message.incidents[0].text.clone()
    };
    // Whose own it is reads of the same beginning as whoever answers for it.
    let since = "critical, since Fri 2026-11-27 20:00";
    for (about, kind, own, says) in [
        (
            About::Dataset,
            ProblemKind::Stale,
            (About::Dataset, "job-1", "the data of job 1 is stale"),
            format!("job-1 is stale, {since}"),
        ),
        (
            About::Job,
            ProblemKind::Failed,
            (About::Job, "job-1", "job job-1 failed"),
            format!("job-1 failed, {since}"),
        ),
        (
            About::Job,
            ProblemKind::Failed,
            (About::Dataset, "stock", "stock is stale"),
            "stock is stale, critical, since Fri 2026-11-27 20:10, because job-1 failed".to_owned(),
        ),
        // A job and what it makes may have one name, and are two things.
        (
            About::Job,
            ProblemKind::Failed,
            (About::Dataset, "job-1", "job-1 is stale"),
            "job-1 is stale, critical, since Fri 2026-11-27 20:10, because job-1 failed".to_owned(),
        ),
    ] {
        assert_eq!(line(about, kind, own), format!("#1 {says}"));
    }
}

#[test]
fn a_digest_of_what_is_over_alarms_nobody() {
    let (over, _) = waiting(1, Severity::Critical, "20:00");
    let (other, _) = waiting(2, Severity::Critical, "20:00");
    let message = gathered(&[(over, None), (other, None)], WhyGathered::Flood);
    assert_eq!(message.severity, Severity::Warning);
    assert_eq!(
        message.headline,
        "2 problems, all of them over: job-1 failed; job-2 failed. Told in one message because many came at once."
    );
}

#[test]
fn each_digest_is_a_conversation_of_its_own() {
    let (one, incident) = waiting(1, Severity::Warning, "20:00");
    let message = gathered(&[(one, Some(incident))], WhyGathered::Flood);
    assert_eq!(message.thread, "m.99.digest");
    assert_eq!(message.zone.as_deref(), Some("UTC"));
}

#[test]
fn a_digest_says_how_to_take_on_what_is_open_in_it() {
    let (one, incident) = waiting(1, Severity::Warning, "20:00");
    let (over, _) = waiting(2, Severity::Warning, "20:00");
    let open = gathered(&[(one, Some(incident)), (over.clone(), None)], WhyGathered::Flood);
    assert_eq!(open.commands.last().map(String::as_str), Some("freshd ack NUMBER"));
    assert!(!open.is_over());
    let over = gathered(&[(over, None)], WhyGathered::Flood);
    assert_eq!(over.commands.last().map(String::as_str), Some("freshd incidents 2"));
    assert!(over.is_over(), "and its foot says nothing of how bad it is");
}

#[test]
fn what_does_not_fit_is_left_for_the_next_and_said() {
    let many: Vec<_> = (1..=900)
        .map(|number| waiting(number, Severity::Warning, "20:00"))
        .map(|(one, incident)| (one, Some(incident)))
        .collect();
    let message = gathered(&many, WhyGathered::Flood);
    let chars: usize = message.incidents.iter().map(|line| line.text.chars().count() + 2).sum();
    assert!(
        (DIGEST_CHARS_USUAL - 100..=DIGEST_CHARS_USUAL).contains(&chars),
        "{chars}"
    );
    let left = 900 - message.incidents.len();
    assert_eq!(
        message.facts[0].text,
        format!("{left} further problems follow in a message of their own")
    );
}

#[test]
fn a_line_that_is_longer_than_all_the_room_is_told_all_the_same() {
    let (mut one, mut incident) = waiting(1, Severity::Warning, "20:00");
    incident.subject = Name::from("x".repeat(2 * DIGEST_CHARS_USUAL));
    one.next_try_at = at("20:01");
    let message = gathered(&[(one, Some(incident))], WhyGathered::Flood);
    assert_eq!(message.incidents.len(), 1);
}

#[test]
fn in_whose_stead_it_comes_is_said_also_of_what_is_sent_again() {
    let (mut one, incident) = waiting(1, Severity::Warning, "21:00");
    let mut message = Message::clone(&one.message);
    message.put_above(INSTEAD_OF, "ops, for whom you stand in");
    message.put_above(SENT_AGAIN, "on request of anna");
    one.message = message.into();
    let message = gathered(&[(one, Some(incident))], WhyGathered::Outage);
    let facts: Vec<_> = message
        .facts
        .iter()
        .map(|fact| (fact.label.as_str(), fact.text.as_str()))
        .collect();
    assert_eq!(facts, [(INSTEAD_OF, "ops, for whom you stand in")]);
}
