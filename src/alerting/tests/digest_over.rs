//! Digests: what is said of what is over, and of what somebody has asked for once more.

use super::at;
use super::digest::{gathered, waiting};
use crate::model::{CLOSED_BY, Message, MessageFact, Notification, Purpose, Severity, WhyGathered};

/// The message about the end of an incident.
fn end(number: u64, facts: &[(&str, &str)]) -> Notification {
    let (mut one, _) = waiting(number, Severity::Critical, "20:00");
    let mut message = Message::clone(&one.message);
    message.purpose = Purpose::Recovery;
    message.facts = facts
        .iter()
        .map(|(label, text)| MessageFact {
            label: (*label).to_owned(),
            text: (*text).to_owned(),
        })
        .collect();
    one.message = message.into();
    one
}

#[test]
fn what_is_over_says_from_when_until_when_it_was() {
    let over = |since: &str, until: &str| {
        let one = end(1, &[("Since", since), ("Until", until)]);
        gathered(&[(one, None)], WhyGathered::Flood).incidents[0].text.clone()
    };
    for (since, until, says) in [
        ("Fri 2026-11-27 22:10", "Fri 2026-11-27 22:40", "22:10 to 22:40"),
        (
            "Fri 2026-11-27 22:10 (stuck since Fri 2026-11-27 22:20)",
            "Fri 2026-11-27 22:40",
            "22:10 to 22:40",
        ),
        (
            "Thu 2026-11-26 22:10",
            "Thu 2026-11-26 22:40",
            "Thu 2026-11-26 22:10 to 22:40",
        ),
        (
            "Thu 2026-11-26 22:10",
            "Fri 2026-11-27 06:00",
            "Thu 2026-11-26 22:10 to Fri 2026-11-27 06:00",
        ),
    ] {
        assert_eq!(over(since, until), format!("#1 job-1 failed, {says}"));
    }
}

#[test]
fn a_digest_of_ends_alone_does_not_look_like_an_alarm() {
    let ends = [1, 2].map(|number| (end(number, &[]), None));
    let down = WhyGathered::Downtime {
        from: at("20:00"),
        until: at("22:00"),
    };
    for (why, subject) in [
        (WhyGathered::Flood, "[freshd] 2 problems, all over"),
        (WhyGathered::Together, "[freshd] 2 problems, all over"),
        (
            WhyGathered::Outage,
            "[freshd] 2 problems while mail could not be delivered, all over",
        ),
        (down, "[freshd] 2 problems after freshd was down for 2h, all over"),
    ] {
        assert_eq!(
            gathered(&ends, why).subject,
            format!("{subject}: job-1 failed; job-2 failed")
        );
    }
    let (open, incident) = waiting(3, Severity::Critical, "20:00");
    let some_open = [(end(1, &[]), None), (open, Some(incident))];
    assert_eq!(
        gathered(&some_open, WhyGathered::Flood).subject,
        "[freshd] 2 problems: job-3 failed; and 1 more"
    );
}

#[test]
fn what_is_over_is_told_as_past() {
    for (words, past) in [
        ("is flapping", "was flapping"),
        ("is full", "was full"),
        ("cannot be reached", "could not be reached"),
        ("failed", "failed"),
    ] {
        let mut one = end(1, &[]);
        let mut message = Message::clone(&one.message);
        message.kind = Some(crate::model::ProblemKind::ChannelBroken);
        message.subject = format!("[freshd] copy {words} (#1)");
        one.message = message.into();
        let message = gathered(&[(one, None)], WhyGathered::Flood);
        assert_eq!(message.incidents[0].text, format!("#1 copy {past}"));
    }
}

#[test]
fn what_an_edit_ended_is_not_said_to_be_mended() {
    let closed = end(1, &[(CLOSED_BY, "an edit of jobs.toml: job-1 is switched off")]);
    let message = gathered(&[(closed, None)], WhyGathered::Flood);
    assert_eq!(
        message.incidents[0].text,
        "#1 job-1 failed, closed by an edit of jobs.toml"
    );
}

#[test]
fn a_line_says_that_somebody_has_asked_for_it_once_more() {
    let resent = |mut one: Notification| {
        let mut message = Message::clone(&one.message);
        message.resent_at = Some(at("22:00"));
        one.message = message.into();
        one
    };
    let (open, incident) = waiting(1, Severity::Critical, "20:00");
    let all = [(resent(open), Some(incident)), (resent(end(2, &[])), None)];
    let message = gathered(&all, WhyGathered::Flood);
    let lines: Vec<&str> = message.incidents.iter().map(|line| &*line.text).collect();
    assert_eq!(
        lines,
        [
            "#1 sent again: job-1 failed, critical, since Fri 2026-11-27 20:00",
            "#2 sent again: job-2 failed"
        ]
    );
}
