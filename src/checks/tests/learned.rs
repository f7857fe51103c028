//! What is said of a candidate that is not like those before.

use std::time::Duration;

use super::*;
use crate::model::{earlier, of_days};

/// A week's stock: so many lots, each of `kg`, at two sites.
fn stock(lots: u32, kg: f64) -> String {
    let mut text = "lot,site,qty_kg,pieces,note\n".to_owned();
    for lot in 0..lots {
        let site = if lot % 2 == 0 { "alesund" } else { "tromso" };
        let kg = kg + f64::from(lot % 5) / 10.0;
        text.push_str(&format!("L{lot},{site},{kg:.1},{},\n", 200 + lot % 7));
    }
    text
}

pub(super) fn share(part: f64) -> Share {
    let text = format!("{}%", part * 100.0);
    Share { text, part }
}

fn band(low: f64, high: f64) -> Band {
    Band::Between {
        text: String::new(),
        low: Some(low),
        high: Some(high),
    }
}

pub(super) fn column(name: &str, kind: ColumnKind) -> ColumnRule {
    ColumnRule {
        column: name.to_owned(),
        kind: Some(kind),
        ..ColumnRule::default()
    }
}

/// Rules that compare everything there is.
fn comparing(dataset: &mut Dataset) {
    dataset.checks.rows_change = Some(band(0.7, 1.5));
    dataset.checks.bytes_change = Some(Band::Auto);
    dataset.checks.columns = vec![
        ColumnRule {
            codes_new: Some(share(0.0)),
            codes_vanished: Some(share(0.0)),
            ..column("site", ColumnKind::Text)
        },
        ColumnRule {
            median: Some(band(0.5, 2.0)),
            sum: Some(band(0.5, 2.0)),
            ..column("qty_kg", ColumnKind::Decimal)
        },
        ColumnRule {
            median: Some(band(0.5, 2.0)),
            ..column("pieces", ColumnKind::Integer)
        },
        ColumnRule {
            nulls: Some(share(0.05)),
            ..column("lot", ColumnKind::Text)
        },
    ];
}

/// A candidate that is compared with so many versions of 100 lots of about 12.5 kg, of a Friday each.
fn after(versions: u64, candidate: &str) -> Case {
    after_some(versions, Duration::from_hours(7 * 24), candidate)
}

/// The same of versions that came so long after each other.
fn after_some(versions: u64, apart: Duration, candidate: &str) -> Case {
    let mut past = Vec::new();
    for number in 1..=versions {
        let text = stock(98 + u32::try_from(number % 5).expect("a count"), 12.3);
        let judgement = Case::with(&text).rules(comparing).judge();
        let weeks = apart * u32::try_from(versions - number).expect("a count");
        let mut version = plain_version("stock", number, earlier(time("2026-11-20T22:00:00Z"), weeks));
        version.rows = judgement.measurement.rows;
        version.bytes = judgement.measurement.bytes;
        version.lesson = judgement.profile.map(|profile| Lesson {
            weekday: 5,
            profile: Arc::new(profile),
        });
        past.extend(version.past().map(Arc::new));
    }
    let mut case = Case::with(candidate).rules(comparing);
    case.judging.comparison = Comparison {
        of: "Fridays",
        since: Vec::new(),
        versions: past,
    };
    case
}

pub(super) fn names(case: &Case) -> Vec<String> {
    case.problems().into_iter().map(|(name, _)| name).collect()
}

fn message(case: &Case, name: &str) -> String {
    let found = case.problems().into_iter().find(|(check, _)| check == name);
    found.unwrap_or_else(|| panic!("no {name} in {:?}", case.problems())).1
}

#[test]
fn what_is_like_the_versions_before_passes_and_says_with_what_it_was_compared() {
    let case = after(8, &stock(100, 12.0));
    assert_eq!(case.problems(), []);
    let checks = case.judge().checks;
    let rows = checks
        .iter()
        .find(|check| check.name == "rows.change")
        .expect("compared");
    assert_eq!(
        rows.message,
        "100 rows came, 1 times the 100 of the last 8 Fridays (versions 1 to 8), and 70 to 150 were expected"
    );
}

#[test]
fn of_several_versions_of_one_day_it_is_said_of_how_many_days_they_are() {
    let told = |hours: u64, candidate: &str| {
        let case = after_some(8, Duration::from_hours(hours), candidate);
        message(&case, "rows.change")
    };
    let few = stock(1, 12.0);
    let hourly = told(1, &few);
    let words = " the 100 of the last 8 on Fridays (versions 1 to 8, all of one day), and ";
    assert!(hourly.contains(words), "{hourly}");
    let learning = after_some(3, Duration::from_hours(1), &few).judge().checks;
    let message = "rows.change is not compared yet: learning 3/4 on Fridays";
    assert!(learning.iter().any(|check| check.message == message), "{learning:?}");
    let case = after_some(8, Duration::from_hours(1), &few);
    let mut comparison = case.judging.comparison;
    for past in comparison.versions.iter_mut().take(3) {
        let past = Arc::make_mut(past);
        past.arrived_at = earlier(past.arrived_at, Duration::from_hours(7 * 24 - 3));
    }
    assert_eq!(comparison.days(), 2);
    let (of, days) = of_days(comparison.of, 8, comparison.days());
    assert_eq!((of.as_str(), days.as_str()), ("on Fridays", ", of 2 days"));
}

#[test]
fn with_fewer_than_four_it_is_learning_and_says_how_far() {
    let case = after(3, &stock(9, 500.0));
    assert_eq!(case.problems(), []);
    let checks = case.judge().checks;
    let learning: Vec<&CheckResult> = checks.iter().filter(|check| check.actual == "learning 3/4").collect();
    assert_eq!(learning.len(), 8, "{checks:?}");
    let message = "rows.change is not compared yet: learning 3/4 Fridays";
    assert!(learning.iter().any(|check| check.message == message), "{learning:?}");
    assert_eq!(names(&after(4, &stock(9, 12.0)))[0], "rows.change");
}

#[test]
fn half_a_file_and_a_file_twice_are_told_by_their_rows() {
    let half = after(8, &stock(50, 12.3));
    let said = message(&half, "rows.change");
    assert!(
        said.starts_with("50 rows came, 0.5 times the 100 of the last 8 Fridays"),
        "{said}"
    );
    assert!(
        said.ends_with("70 to 150 were expected; is a part of it missing?"),
        "{said}"
    );
    let twice = message(&after(8, &stock(200, 12.3)), "rows.change");
    assert!(twice.ends_with("is everything in it twice?"), "{twice}");
    assert_eq!(half.judge().verdict(), Verdict::Warn);
    let held = half.rules(|dataset| dataset.checks.rows_level = Level(Some(CheckLevel::Hold)));
    assert_eq!(held.judge().verdict(), Verdict::Hold);
}

#[test]
fn pounds_instead_of_kilograms_are_named_with_rows_that_show_it() {
    let said = message(&after(8, &stock(100, 12.5 * 2.2046)), "median");
    assert!(
        said.starts_with("the median of column `qty_kg` is 27.8, 2.224 times the 12.5 "),
        "{said}"
    );
    assert!(
        said.contains("of the last 8 Fridays (versions 1 to 8), and 6.25 to 25 was expected: line 2 `27.6`"),
        "{said}"
    );
    assert!(said.ends_with("pounds instead of kilograms?"), "{said}");
    let comma = message(&after(8, &stock(100, 12_500.0)), "sum");
    assert!(comma.contains("decimal comma read as thousands separator"), "{comma}");
}

#[test]
fn two_columns_that_are_exchanged_are_named() {
    let text = stock(100, 12.3).replace("qty_kg,pieces", "pieces,qty_kg");
    let said = message(
        &after(8, &text).rules(|dataset| {
            // Of the type of both, so that only the comparison can tell.
            dataset.checks.columns[2].kind = Some(ColumnKind::Decimal);
        }),
        "median",
    );
    assert!(said.ends_with("are `qty_kg` and `pieces` exchanged?"), "{said}");
}

#[test]
fn codes_that_are_new_or_gone_are_named() {
    let one_site = stock(100, 12.3).replace("tromso", "alesund");
    let said = message(&after(8, &one_site), "codes.vanished");
    assert_eq!(
        said,
        "column `site`: 1 of 2 codes that always came, in each of the last 8 Fridays (versions 1 to 8), is missing: `tromso`"
    );
    let renamed = stock(100, 12.3).replace("alesund", "S-1").replace("tromso", "S-2");
    let said = message(&after(8, &renamed), "codes.new");
    assert!(
        said.starts_with("column `site`: 2 of 2 codes were never seen before"),
        "{said}"
    );
    assert!(
        said.ends_with("line 2 `S-1`, line 3 `S-2`; the codes of another system?"),
        "{said}"
    );
    let broken = stock(100, 12.3).replace("alesund", "Ã…lesund");
    assert!(message(&after(8, &broken), "codes.new").ends_with("UTF-8 that was read as Latin-1 on its way?"));
}

#[test]
fn empty_values_where_there_were_none_are_told() {
    let mut lines: Vec<String> = stock(100, 12.3).lines().map(str::to_owned).collect();
    for line in lines.iter_mut().skip(1).take(10) {
        *line = line
            .split_once(',')
            .map_or_else(String::new, |(_, rest)| format!(",{rest}"));
    }
    let said = message(&after(8, &(lines.join("\n") + "\n")), "nulls");
    assert_eq!(
        said,
        "column `lot` is empty in 10 % of the rows, and was in 0 % of the last 8 Fridays (versions 1 to 8): line 2, line 3, line 4"
    );
}

#[test]
fn what_is_remembered_of_a_file_has_a_bound() {
    let many: Vec<String> = (0..2_000).map(|lot| format!("L{lot},site-{lot},{lot},1,")).collect();
    let many = many.join("\n") + "\n";
    let judgement = after(8, &format!("lot,site,qty_kg,pieces,note\n{many}")).judge();
    let profile = judgement.profile.expect("a profile");
    assert_eq!(profile.columns["site"].codes, None);
    assert!(serde_json::to_string(&profile).expect("JSON").len() < 1_000);
    let no_rules = Case::with("a\n1\n").judge();
    assert_eq!(no_rules.profile, None);
}

/// From so many versions on the check of this name and column was expected to jump.
fn jumped(mut case: Case, (name, column): (&str, Option<&str>), version: u64) -> Case {
    case.judging.comparison.since = vec![Jump {
        check: CheckOf {
            name: name.to_owned(),
            column: column.map(str::to_owned),
        },
        version: VersionNumber(version),
    }];
    case
}

#[test]
fn a_check_that_jumped_is_not_compared_with_what_was_before() {
    let odd = stock(300, 12.3);
    let judgement = jumped(after(8, &odd), ("rows.change", None), 7).judge();
    let rows = judgement.checks.iter().find(|check| check.name == "rows.change");
    let rows = rows.expect("it is answered");
    assert_eq!(rows.verdict, Verdict::Pass);
    assert_eq!(
        rows.message,
        "rows.change is not compared yet: learning 2/4 Fridays since the expected change in version 7"
    );
    let sum = judgement.checks.iter().find(|check| check.name == "sum");
    assert_eq!(
        sum.map(|sum| sum.verdict),
        Some(Verdict::Warn),
        "the sum has not jumped"
    );
    let judgement = jumped(after(8, &odd), ("codes.new", Some("site")), 7).judge();
    let codes = judgement.checks.iter().find(|check| check.name == "codes.new");
    assert!(
        codes.is_some_and(|codes| codes.message.contains("learning 2/4")),
        "{codes:?}"
    );
    let codes = judgement.checks.iter().find(|check| check.name == "codes.vanished");
    assert!(
        codes.is_some_and(|codes| !codes.message.contains("learning")),
        "{codes:?}"
    );
}
