//! A delivery that has not come is called late wherever a message speaks of it: nobody knows that the data is too old.

use super::words::{OWNER, READER, headline, said, tell};
use super::{friday, stands};
use crate::freshness::{Breach, DataState};
use crate::model::{Message, ProblemKind, Purpose, Severity};

/// All words of a message that a person reads.
fn all_words(message: &Message) -> String {
    let facts = message
        .facts
        .iter()
        .map(|fact| format!("{}: {}", fact.label, fact.text));
    let lines: Vec<String> = [message.subject.clone(), message.headline.clone()]
        .into_iter()
        .chain(facts)
        .collect();
    lines.join("\n")
}

#[test]
fn what_is_late_is_called_stale_nowhere() {
    let mut story = friday().stale();
    story.standing = stands(DataState::Late);
    story.incident.kind = ProblemKind::Late;
    story.incident.severity = Severity::Critical;
    story.made_from_it = vec!["stock", "forecast"];
    let message = tell(Purpose::Opening, OWNER, &story);
    assert_eq!(message.subject, "[freshd] stock is late (#1)");
    assert_eq!(said("What", &message), "stock is late");
    assert!(
        message.headline.starts_with("CRITICAL: stock is late: "),
        "{}",
        message.headline
    );
    for (purpose, team) in [
        (Purpose::Opening, OWNER),
        (Purpose::Update, OWNER),
        (Purpose::Reminder, OWNER),
        (Purpose::Escalation, OWNER),
        (Purpose::Impact, READER),
        (Purpose::Recovery, READER),
    ] {
        let words = all_words(&tell(purpose, team, &story));
        assert!(
            words.contains("late") && !words.contains("stale"),
            "{purpose:?}: {words}"
        );
    }
    let job_failed = friday();
    story.incident = job_failed.incident;
    story.job = job_failed.job;
    let failed = headline(Purpose::Opening, OWNER, &story);
    assert!(
        failed.contains("export failed, Fri 2026-11-27 22:10: exit code 1. stock is late."),
        "{failed}"
    );
}

#[test]
fn a_warning_says_whether_it_becomes_late_or_goes_stale() {
    let mut story = friday();
    for (breaks_as, words, label) in [
        (Breach::Late, "becomes late", "Becomes late"),
        (Breach::Stale, "goes stale", "Goes stale"),
    ] {
        story.standing.breaks_as = breaks_as;
        let message = tell(Purpose::Opening, OWNER, &story);
        let told = format!("stock {words} Fri 2026-11-27 23:30.");
        assert!(message.headline.contains(&told), "{}", message.headline);
        assert_eq!(said(label, &message), "stock, Fri 2026-11-27 23:30");
    }
}
