//! What is said of data that the checks refused.

use super::friday;
use super::words::{OWNER, READER, said};
use crate::alerting::{Refused, message};
use crate::model::{
    CheckResult, Judgement, Message, Outcome, ProblemKind, Purpose, Verdict, VersionNumber, VersionRef,
};

/// What the checks say, by name and sentence, where all but the first refuse it.
fn judged(checks: &[(&str, &str)]) -> Judgement {
    let check = |(number, (name, message)): (usize, &(&str, &str))| CheckResult {
        name: (*name).to_owned(),
        column: None,
        verdict: if number == 0 { Verdict::Pass } else { Verdict::Hold },
        expected: String::new(),
        actual: String::new(),
        message: (*message).to_owned(),
    };
    Judgement {
        checks: checks.iter().enumerate().map(check).collect(),
        ..Judgement::default()
    }
}

/// A message about a run whose output was refused by these.
fn refused(purpose: Purpose, team: &str, judgement: &Judgement) -> Message {
    let mut story = friday();
    story.incident.kind = ProblemKind::Rejected;
    story.incident.reason = judgement.refusal();
    story.run.as_mut().unwrap().outcome = Some(Outcome::Rejected);
    let mut situation = story.situation();
    situation.refused = Some(Refused {
        version: VersionRef {
            dataset: "stock".into(),
            number: VersionNumber(8),
        },
        lies: "quarantine/stock/8".into(),
        checks: &judgement.checks,
    });
    message("n1.x".to_owned(), purpose, &team.into(), &situation)
}

#[test]
fn the_first_sentence_has_one_broken_rule_and_the_others_stand_in_a_line_each() {
    let judgement = judged(&[
        ("output", "the job wrote a file"),
        ("rows.min", "expected at least 50 rows, and 2 came"),
        ("header", "the header must be `lot`, but it is `lotto`"),
        ("type", "column `kg` must be number, but 1 of 2 rows is not"),
        ("in", "column `site` must be one of 3, but 2 of 2 rows are not"),
    ]);
    let opening = refused(Purpose::Opening, OWNER, &judgement);
    assert_eq!(
        opening.headline,
        "WARNING: export delivered data that the checks refused, Fri 2026-11-27 22:10: expected at least 50 rows, and 2 \
         came; and 3 more rules are broken. stock goes stale Fri 2026-11-27 23:30. trucks reads it first, \
         Fri 2026-11-27 23:45."
    );
    assert_eq!(
        said("Broken too", &opening),
        "header: the header must be `lot`, but it is `lotto` | \
         type: column `kg` must be number, but 1 of 2 rows is not | \
         in: column `site` must be one of 3, but 2 of 2 rows are not"
    );
    assert_eq!(
        said("Broken rule", &opening),
        "rows.min: expected at least 50 rows, and 2 came"
    );
    let one = refused(
        Purpose::Opening,
        OWNER,
        &judged(&[("output", "a file"), ("rows.min", "2 came")]),
    );
    assert_eq!(said("Broken rule", &one), "", "the reason says all");
    assert_eq!(
        said("In quarantine", &opening),
        "stock@8, quarantine/stock/8 of the state directory; `freshd release` publishes it all the same"
    );
    let notice = refused(Purpose::Impact, READER, &judgement);
    assert_eq!(said("Broken rule", &notice), "", "a reader is not to mend it");
    assert_eq!(said("Broken too", &notice), "", "a reader is not to mend it");
    let end = refused(Purpose::Recovery, OWNER, &judgement);
    assert_eq!(said("Broken too", &end), "", "it is over");
}

#[test]
fn broken_rules_without_end_are_counted_and_long_ones_cut() {
    let long = "x".repeat(900);
    let mut checks = vec![("in", long.as_str()); 22];
    checks[1] = ("rows.min", "expected at least 50 rows, and 2 came");
    let opening = refused(Purpose::Opening, OWNER, &judged(&checks));
    let told = said("Broken too", &opening);
    let lines: Vec<&str> = told.split(" | ").collect();
    assert_eq!(lines.len(), 13);
    assert!(lines[..12].iter().all(|line| line.chars().count() == 301), "{lines:?}");
    assert_eq!(lines[12], "and 8 more: freshd why stock");
    assert!(
        opening.headline.contains("2 came; and 20 more rules are broken."),
        "{}",
        opening.headline
    );
}
