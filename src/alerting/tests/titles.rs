//! Titles: what people call a thing, and its name where it is typed.

use super::digest::{gathered, waiting};
use super::words::{OWNER, READER, said, tell};
use super::{friday, stands};
use crate::freshness::DataState;
use crate::model::{
    About, IMPACT_THREAD, Message, MessageFact, ProblemKind, Purpose, Severity, VersionNumber, VersionRef, WhyGathered,
};

#[test]
fn a_subject_is_one_line_whatever_it_is_made_from() {
    let mut story = friday();
    story.standing = stands(DataState::Stale);
    story.dataset.as_mut().unwrap().title = Some("Stock\r\nBcc: all@example.com".to_owned());
    let message = tell(Purpose::Impact, READER, &story);
    assert_eq!(
        message.subject,
        "[freshd] Stock  Bcc: all@example.com not as promised (#1)"
    );
}

#[test]
fn titles_limits_and_runbooks_are_told() {
    let mut story = friday();
    story.job.as_mut().unwrap().title = Some("Nightly export".into());
    let dataset = story.dataset.as_mut().unwrap();
    (dataset.title, dataset.runbook) = (Some("Stock".to_owned()), Some("https://wiki/stock".to_owned()));
    let version = story.current.as_mut().unwrap();
    version.limited_by = Some(VersionRef {
        dataset: "lots".into(),
        number: VersionNumber(3),
    });
    let message = tell(Purpose::Opening, OWNER, &story);
    assert_eq!(message.subject, "[freshd] Nightly export failed (#1)");
    assert_eq!(
        message.headline,
        "WARNING: Nightly export failed, Fri 2026-11-27 22:10: exit code 1. Stock goes stale Fri 2026-11-27 23:30. \
         trucks reads it first, Fri 2026-11-27 23:45."
    );
    assert_eq!(said("What", &message), "Nightly export (export) failed");
    assert_eq!(message.commands[0], "freshd why export");
    assert_eq!(
        said("Data as of", &message),
        "Fri 2026-11-27 21:00, limited by lots@3: Stock (stock)"
    );
    assert_eq!(said("Runbook", &message), "https://wiki/stock");
    story.job.as_mut().unwrap().runbook = Some("https://wiki/export".into());
    assert_eq!(
        said("Runbook", &tell(Purpose::Opening, OWNER, &story)),
        "https://wiki/export"
    );
}

#[test]
fn a_subject_calls_what_it_is_about_by_its_title_and_has_room_for_what_is_the_matter() {
    let mut story = friday().stale();
    story.incident.about = About::Dataset;
    story.dataset.as_mut().unwrap().title = Some("Stock per lot".to_owned());
    let message = tell(Purpose::Opening, OWNER, &story);
    assert_eq!(message.subject, "[freshd] Stock per lot is stale (#1)");
    assert!(
        message.headline.starts_with("WARNING: Stock per lot is stale: 2h old"),
        "{}",
        message.headline
    );
    story.dataset.as_mut().unwrap().title = Some("Sjø ".repeat(60));
    let message = tell(Purpose::Opening, OWNER, &story);
    let begins = format!("[freshd] {}…", "Sjø ".repeat(20).trim_end());
    assert_eq!(message.subject, format!("{begins} is stale (#1)"));
}

#[test]
fn what_is_over_is_told_by_its_title_and_with_its_cause_only_where_that_is_something_else() {
    let over = |subject: &str, kind: ProblemKind, what: &str| {
        let (mut one, _) = waiting(1, Severity::Critical, "20:00");
        let fact = MessageFact {
            label: "What".to_owned(),
            text: what.to_owned(),
        };
        one.message = Message {
            purpose: Purpose::Recovery,
            thread: format!("n1.incident-1{IMPACT_THREAD}"),
            kind: Some(kind),
            subject_name: subject.into(),
            subject: "Re: [freshd] Stock per lot not as promised (#1)".to_owned(),
            facts: vec![fact],
            ..Message::clone(&one.message)
        }
        .into();
        gathered(&[(one, None)], WhyGathered::Flood).incidents[0].text.clone()
    };
    assert_eq!(
        over("stock", ProblemKind::Stale, "Stock per lot (stock) is stale"),
        "#1 Stock per lot not as promised"
    );
    assert_eq!(
        over("export", ProblemKind::Failed, "Nightly export (export) failed"),
        "#1 Stock per lot not as promised, because Nightly export failed"
    );
}
