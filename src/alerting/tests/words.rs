//! The words of a message, by what it is about and who reads it.

use super::{Friday, at, friday, reading, stands};
use crate::alerting::{DataSide, message};
use crate::freshness::DataState;
use crate::model::{About, Message, Outcome, Owner, ProblemKind, Purpose, Severity, plain_dataset};

pub(super) const OWNER: &str = "wms";
pub(super) const READER: &str = "transport";

pub(super) fn tell(purpose: Purpose, team: &str, friday: &Friday) -> Message {
    message("n1.x".to_owned(), purpose, &team.into(), &friday.situation())
}

pub(super) fn headline(purpose: Purpose, team: &str, friday: &Friday) -> String {
    tell(purpose, team, friday).headline
}

/// What a label says; more than one text is joined by a bar.
pub(super) fn said(label: &str, message: &Message) -> String {
    let facts = message.facts.iter().filter(|fact| fact.label == label);
    facts.map(|fact| fact.text.as_str()).collect::<Vec<_>>().join(" | ")
}

#[test]
fn an_opening_says_what_failed_what_will_break_who_is_hit_and_what_to_type() {
    let message = tell(Purpose::Opening, OWNER, &friday());
    assert_eq!(message.subject, "[freshd] export failed (#1)");
    assert_eq!(message.thread, "n1.incident-1-owner");
    assert_eq!(
        message.headline,
        "WARNING: export failed, Fri 2026-11-27 22:10: exit code 1. stock goes stale Fri 2026-11-27 23:30. \
         trucks reads it first, Fri 2026-11-27 23:45."
    );
    let facts: Vec<String> = message
        .facts
        .iter()
        .map(|fact| format!("{}: {}", fact.label, fact.text))
        .collect();
    assert_eq!(
        facts,
        [
            "What: export failed",
            "Since: Fri 2026-11-27 22:10",
            "Why: exit code 1",
            "Owner: Warehouse",
            "Data as of: Fri 2026-11-27 21:00: stock",
            "Readers see: version 7 of stock, arrived Fri 2026-11-27 21:00",
            "Goes stale: stock, Fri 2026-11-27 23:30",
            "Tried: 1 attempt of export, run 1, Fri 2026-11-27 22:00 to 22:10",
            "Read by: trucks, Fri 2026-11-27 23:45: stock",
        ]
    );
    assert_eq!(
        message.commands,
        [
            "freshd why export",
            "freshd logs export",
            "freshd run export --wait",
            "freshd ack 1"
        ]
    );
}

#[test]
fn what_was_tried_is_counted_and_has_its_time_where_it_is_known() {
    let mut story = friday();
    let run = story.run.as_mut().unwrap();
    (run.attempts, run.ended_at) = (3, None);
    let message = tell(Purpose::Opening, OWNER, &story);
    assert!(
        message
            .headline
            .starts_with("WARNING: export failed after 3 attempts, Fri 2026-11-27 22:10: exit code 1.")
    );
    assert_eq!(
        said("Tried", &message),
        "3 attempts of export, run 1, since Fri 2026-11-27 22:00"
    );
    story.attempt.as_mut().unwrap().reason = Some("exit code 1".to_owned());
    let message = tell(Purpose::Opening, OWNER, &story);
    assert_eq!(
        said("Tried", &message),
        "3 attempts of export, run 1, since Fri 2026-11-27 22:00, so far: exit code 1"
    );
    let run = story.run.as_mut().unwrap();
    run.started_at = None;
    let message = tell(Purpose::Opening, OWNER, &story);
    assert_eq!(said("Tried", &message), "3 attempts of export, run 1");
    story.run = None;
    let message = tell(Purpose::Opening, OWNER, &story);
    let begins = "WARNING: export failed, Fri 2026-11-27 22:10: exit code 1.";
    assert!(message.headline.starts_with(begins), "{}", message.headline);
    assert_eq!(said("Tried", &message), "");
}

#[test]
fn each_end_of_a_run_has_its_words() {
    for (kind, outcome, words) in [
        (ProblemKind::Failed, Outcome::Failed, "failed"),
        (ProblemKind::Failed, Outcome::Killed, "failed"),
        (
            ProblemKind::Rejected,
            Outcome::Rejected,
            "delivered data that the checks refused",
        ),
        (ProblemKind::Failed, Outcome::TimedOut, "did not end in time"),
        (ProblemKind::Lost, Outcome::Lost, "ended without a trace"),
        (ProblemKind::Failed, Outcome::SpawnFailed, "could not be started"),
        (ProblemKind::Suspect, Outcome::Succeeded, "is suspect"),
        // It is well just now, and told of because it comes and goes.
        (ProblemKind::Failed, Outcome::Succeeded, "failed"),
        (
            ProblemKind::Rejected,
            Outcome::Succeeded,
            "delivered data that the checks refused",
        ),
        (ProblemKind::Lost, Outcome::Failed, "ended without a trace"),
    ] {
        let mut story = friday();
        story.incident.kind = kind;
        story.run.as_mut().unwrap().outcome = Some(outcome);
        let headline = headline(Purpose::Opening, OWNER, &story);
        assert!(
            headline.starts_with(&format!("WARNING: export {words}, Fri 2026-11-27 22:10: exit code 1.")),
            "{headline}"
        );
    }
}

#[test]
fn each_state_of_data_has_its_word() {
    for (state, words) in [
        (DataState::Late, "stock is late: "),
        (DataState::Stale, "stock is stale: "),
        (DataState::Suspect, "stock is suspect: "),
        (DataState::Unknown, "stock is unknown: "),
    ] {
        let mut story = friday();
        story.standing = stands(state);
        let message = tell(Purpose::Update, OWNER, &story);
        assert_eq!(said("Broken", &message), format!("{words}2h old, promised at most 1h"));
        assert!(message.headline.contains(words), "{}", message.headline);
    }
    for (state, word) in [
        (DataState::Fresh, "fresh"),
        (DataState::Held, "held back"),
        (DataState::Paused, "fresh"),
    ] {
        let mut story = friday();
        story.standing = stands(state);
        let message = tell(Purpose::Recovery, OWNER, &story);
        assert_eq!(said("State", &message), format!("stock is {word}"));
        assert_eq!(said("Goes stale", &message), "");
    }
}

#[test]
fn an_update_says_what_broke_once_something_did() {
    let problem = "export failed, Fri 2026-11-27 22:10: exit code 1. stock goes stale Fri 2026-11-27 23:30. ";
    let first = "trucks reads it first, Fri 2026-11-27 23:45.";
    let mut story = friday();
    assert_eq!(
        headline(Purpose::Update, OWNER, &story),
        format!("WARNING: {problem}{first}")
    );
    story.standing = stands(DataState::Stale);
    story.incident.severity = Severity::Critical;
    let broken = "stock is stale: 2h old, promised at most 1h. ";
    assert_eq!(
        headline(Purpose::Update, OWNER, &story),
        format!("CRITICAL: {broken}The cause: export failed. {first}")
    );
    // Who answers for the job is told of the job first, as long as it has not been.
    assert_eq!(
        headline(Purpose::Opening, OWNER, &story),
        format!("CRITICAL: export failed, Fri 2026-11-27 22:10: exit code 1. stock is stale. {first}")
    );
    story.readers = vec![reading("trucks", "transport", None)];
    assert_eq!(
        headline(Purpose::Opening, OWNER, &story),
        "CRITICAL: export failed, Fri 2026-11-27 22:10: exit code 1. stock is stale."
    );
    story.incident.subject = "stock".into();
    assert_eq!(
        headline(Purpose::Opening, OWNER, &story),
        format!("CRITICAL: {}", broken.trim_end())
    );
    story.dataset = None;
    assert_eq!(
        headline(Purpose::Opening, OWNER, &story),
        "CRITICAL: stock: exit code 1."
    );
}

#[test]
fn reminders_and_escalations_say_for_how_long() {
    let story = friday().stale();
    let broken = "stock is stale: 2h old, promised at most 1h. trucks reads it first, Fri 2026-11-27 23:45.";
    for (purpose, before, subject) in [
        (Purpose::Opening, "WARNING", "[freshd] stock is stale (#1)"),
        (
            Purpose::Reminder,
            "WARNING, still open after 1h 5m",
            "Re: [freshd] stock is stale (#1)",
        ),
        (
            Purpose::Escalation,
            "WARNING, nobody has answered for 1h 5m",
            "Re: [freshd] stock is stale (#1)",
        ),
    ] {
        let message = tell(purpose, OWNER, &story);
        assert_eq!(
            (message.headline, message.subject),
            (format!("{before}: {broken}"), subject.to_owned())
        );
    }
}

#[test]
fn readers_are_told_in_a_thread_of_their_own_what_it_means_for_them() {
    let mut story = friday();
    story.standing = stands(DataState::Stale);
    let impact = "WARNING: stock, which trucks reads, is stale: 2h old, promised at most 1h. \
                  trucks reads it next Fri 2026-11-27 23:45. Warehouse answers for it and has been told.";
    for (purpose, subject) in [
        (Purpose::Impact, "[freshd] stock not as promised (#1)"),
        (Purpose::Update, "Re: [freshd] stock not as promised (#1)"),
    ] {
        let message = tell(purpose, READER, &story);
        assert_eq!((message.subject.as_str(), message.headline.as_str()), (subject, impact));
        assert_eq!(message.thread, "n1.incident-1-impact");
        assert_eq!(message.commands, ["freshd why stock"]);
        assert_eq!(said("Read by", &message), "trucks (you), Fri 2026-11-27 23:45: stock");
    }
    // Who owns it and reads nothing.
    story.dataset.as_mut().unwrap().owner = Owner::Team("finance".into());
    assert_eq!(
        headline(Purpose::Impact, "finance", &story),
        "WARNING: stock, which you own, is stale: 2h old, promised at most 1h. \
         Warehouse answers for it and has been told."
    );
    story.readers = vec![reading("trucks", "transport", None)];
    let message = tell(Purpose::Impact, READER, &story);
    assert_eq!(
        message.headline,
        "WARNING: stock, which trucks reads, is stale: 2h old, promised at most 1h. \
         Warehouse answers for it and has been told."
    );
    assert_eq!(said("Also read by", &message), "trucks (you)");
    story.dataset = None;
    assert_eq!(
        headline(Purpose::Impact, READER, &story),
        "WARNING: export: exit code 1."
    );
    // An escalation reaches a team that was not told before, and is for the owner's thread all the same.
    assert_eq!(tell(Purpose::Escalation, READER, &story).thread, "n1.incident-1-owner");
}

#[test]
fn a_reader_is_told_of_what_it_reads_and_an_owner_of_what_is_broken() {
    let mut story = friday();
    story.standing = stands(DataState::Stale);
    story.dataset.as_mut().unwrap().owner = Owner::Team("finance".into());
    let lots = plain_dataset("lots");
    let mut situation = story.situation();
    let unbroken = DataSide {
        dataset: &lots,
        standing: stands(DataState::Fresh),
        current: None,
    };
    situation.data.insert(0, unbroken);
    let told = |team: &str| message("n1.x".to_owned(), Purpose::Impact, &team.into(), &situation).headline;
    assert!(told(READER).starts_with("WARNING: stock, which trucks reads, is stale:"));
    assert!(told("finance").starts_with("WARNING: stock, which you own, is stale:"));
    assert!(!told("production").contains("you own"), "it owns neither");
    situation.readers[0].dataset = "lots".into();
    let told = message("n1.x".to_owned(), Purpose::Impact, &READER.into(), &situation).headline;
    assert!(
        told.starts_with("WARNING: lots, which trucks reads, is fresh:"),
        "{told}"
    );
}

#[test]
fn a_recovery_says_how_long_it_lasted_and_what_is_good_again() {
    let mut story = friday();
    story.incident.resolved_at = Some(at("22:40"));
    let message = tell(Purpose::Recovery, OWNER, &story);
    assert_eq!(
        message.headline,
        "RESOLVED after 30m: stock is fresh again, as of Fri 2026-11-27 21:00."
    );
    assert_eq!(message.subject, "Re: [freshd] export failed (#1)");
    assert_eq!(said("Until", &message), "Fri 2026-11-27 22:40");
    assert_eq!(message.commands, ["freshd why export"]);
    let again = |story: &Friday| headline(Purpose::Recovery, OWNER, story);
    story.current = None;
    assert_eq!(again(&story), "RESOLVED after 30m: export works again.");
    assert_eq!(
        said("Readers see", &tell(Purpose::Recovery, OWNER, &story)),
        "no version of stock yet"
    );
    story.current = friday().current;
    story.standing = stands(DataState::Stale);
    assert_eq!(again(&story), "RESOLVED after 30m: export works again.");
    story.job = None;
    assert_eq!(again(&story), "RESOLVED after 30m: export.");
    story.is_configured = false;
    story.incident.resolution = Some(crate::model::Incident::GONE.to_owned());
    assert_eq!(
        again(&story),
        "CLOSED after 30m: export is no longer in jobs.toml, so freshd no longer watches it."
    );
    assert_eq!(tell(Purpose::Recovery, OWNER, &story).commands, ["freshd incidents 1"]);
}

#[test]
fn the_last_lines_of_output_go_to_the_owner_while_it_lasts() {
    let mut story = friday();
    let attempt = story.attempt.as_mut().unwrap();
    let printed = (1..=14).map(|line| format!("{line} {}", "x".repeat(300)));
    // Blank lines would take the place of what it said.
    attempt.output.tail = printed.collect::<Vec<_>>().join("\n\n") + &"\n \n".repeat(20);
    attempt.report = vec![
        ("rows".to_owned(), "7".to_owned()),
        ("message".to_owned(), "no disk".to_owned()),
    ];
    let message = tell(Purpose::Opening, OWNER, &story);
    let lines: Vec<(&str, usize)> = message
        .output
        .iter()
        .map(|line| (line.split_once(' ').unwrap().0, line.chars().count()))
        .collect();
    let last = ["3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14"].map(|number| (number, 200));
    assert_eq!(lines, last);
    assert_eq!(said("Job says", &message), "no disk");
    assert!(tell(Purpose::Recovery, OWNER, &story).output.is_empty());
    assert!(tell(Purpose::Impact, READER, &story).output.is_empty());
    story.attempt = None;
    let message = tell(Purpose::Opening, OWNER, &story);
    assert!(message.output.is_empty() && said("Job says", &message).is_empty());
}

#[test]
fn a_reminder_says_for_how_long_and_not_when_it_began_as_well() {
    let words = headline(Purpose::Reminder, OWNER, &friday());
    assert!(
        words.starts_with("WARNING, still open after 1h 5m: export failed: exit code 1."),
        "{words}"
    );
}

#[test]
fn why_data_is_broken_is_said_in_one_line() {
    let mut story = friday();
    story.standing = stands(DataState::Stale);
    let mut situation = story.situation();
    situation.why = story.standing.reason.clone();
    let message = message("n1.x".to_owned(), Purpose::Opening, &OWNER.into(), &situation);
    assert_eq!(said("Broken", &message), "stock is stale");
    let lines = message.facts.iter().filter(|fact| fact.text.contains(&situation.why));
    assert_eq!(lines.count(), 1, "{:?}", message.facts);
}

#[test]
fn of_the_dataset_that_it_is_about_nothing_is_said_twice() {
    let mut story = friday().stale();
    story.incident.about = About::Dataset;
    let mut situation = story.situation();
    situation.why = story.standing.reason.clone();
    let message = message("n1.x".to_owned(), Purpose::Opening, &OWNER.into(), &situation);
    assert_eq!(said("What", &message), "stock is stale");
    assert_eq!(said("Why", &message), "2h old, promised at most 1h");
    assert_eq!(said("Broken", &message), "");
}

#[test]
fn a_long_line_of_output_is_quoted_with_its_end_and_says_that_it_was_cut() {
    let mut story = friday();
    let attempt = story.attempt.as_mut().expect("it was tried");
    attempt.output.tail = format!("{}\n{} ORA-12541: no listener", "x".repeat(200), "0".repeat(500));
    let message = tell(Purpose::Opening, OWNER, &story);
    let [whole, cut] = &message.output[..] else {
        panic!("two lines: {:?}", message.output);
    };
    assert_eq!(*whole, "x".repeat(200));
    let zeros = |count| "0".repeat(count);
    assert_eq!(*cut, format!("{} … {} ORA-12541: no listener", zeros(97), zeros(77)));
}
