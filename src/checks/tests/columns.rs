//! What the rules of columns say of their values.

use super::*;

fn rule(column: &str) -> ColumnRule {
    ColumnRule {
        column: column.to_owned(),
        ..ColumnRule::default()
    }
}

fn range(text: &str, min: Option<f64>, max: Option<f64>) -> Range {
    let text = text.to_owned();
    Range { text, min, max }
}

fn checked(content: &str, rules: &[ColumnRule]) -> Case {
    Case::with(content).rules(|dataset| dataset.checks.columns = rules.to_vec())
}

/// A column `v` of these values by a rule: the names and messages of what is broken.
fn broken(values: &[&str], rule: ColumnRule) -> Vec<(String, String)> {
    let content = values
        .iter()
        .fold("v;x\n".to_owned(), |text, value| text + value + ";\n");
    let semicolon = Some(Format::Csv { delimiter: Some(b';') });
    let case = checked(&content, &[rule]).rules(|dataset| dataset.checks.reading.format = semicolon);
    case.problems()
}

#[test]
fn a_value_is_of_the_type_of_its_column() {
    let cases: [(ColumnKind, &[&str], &[&str]); 6] = [
        (ColumnKind::Text, &["", "æ", "1"], &[]),
        (
            ColumnKind::Integer,
            &["0", "-7", "+12", " 3 ", ""],
            &["1.0", "1,000", "one", "-", "1e3"],
        ),
        (
            ColumnKind::Decimal,
            &["0", "-7.5", ".5", "1.", "1e-3", ""],
            &["1,5", "1.000.0", "NaN", "inf", "1e400", ".", "0x1"],
        ),
        (ColumnKind::Boolean, &["true", "False", "0", "1"], &["yes", "2", "t"]),
        (
            ColumnKind::Date,
            &["2026-11-20", "2024-02-29"],
            &["2026-02-29", "20.11.2026", "20261120", "2026-11-20T10:00"],
        ),
        (
            ColumnKind::Datetime,
            &["2026-11-20 22:10", "2026-11-20T22:10:30.5Z"],
            &["22:10", "2026-11-20 25:00"],
        ),
    ];
    for (kind, good, bad) in cases {
        let of_kind = || ColumnRule {
            kind: Some(kind),
            ..rule("v")
        };
        assert_eq!(broken(good, of_kind()), [], "{kind:?}");
        for value in bad {
            let kind = kind.as_str();
            let message = format!("column `v` must be {kind}, but 1 of 2 rows is not: line 3 `{value}`");
            let told = broken(&[good[0], value], of_kind());
            let [(name, said)] = told.as_slice() else {
                panic!("{told:?}")
            };
            // What may have happened stands behind it.
            assert_eq!(
                (name.as_str(), said.split("; ").next()),
                ("type", Some(message.as_str()))
            );
        }
    }
}

#[test]
fn a_decimal_comma_is_no_decimal_point() {
    let comma = || ColumnRule {
        kind: Some(ColumnKind::Decimal),
        decimal_comma: true,
        range: Some(range("0..2", Some(0.0), Some(2.0))),
        ..rule("v")
    };
    assert_eq!(broken(&["1,5", "2", "0,25"], comma()), []);
    let names: Vec<String> = broken(&["1.5", "2,5"], comma())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["type", "range"]);
}

#[test]
fn a_message_shows_three_rows_and_counts_all() {
    let in_range = ColumnRule {
        kind: Some(ColumnKind::Decimal),
        range: Some(range("0..10", Some(0.0), Some(10.0))),
        ..rule("v")
    };
    let message = "column `v` must be in 0..10, but 4 of 6 rows are not: \
                   line 3 `-1`, line 4 `11`, line 6 `1e9`, ...";
    let values = ["0", "-1", "11", "10", "1e9", "10.001"];
    assert_eq!(broken(&values, in_range), problem("range", message));
}

#[test]
fn without_a_type_only_numbers_lie_in_a_range() {
    let at_least = ColumnRule {
        range: Some(range("0..", Some(0.0), None)),
        ..rule("v")
    };
    let message = "column `v` must be at least 0, but 1 of 2 rows is not: line 3 `none`; \
                   `none` is a word for an empty value: write nothing instead";
    assert_eq!(broken(&["5", "none"], at_least), problem("range", message));
}

#[test]
fn an_empty_value_is_only_the_business_of_required() {
    let all = ColumnRule {
        kind: Some(ColumnKind::Integer),
        unique: true,
        range: Some(range("1..2", Some(1.0), Some(2.0))),
        among: Some(Among::Values(vec!["1".to_owned()])),
        matches: Some(Pattern(regex::Regex::new("1").expect("a pattern"))),
        ..rule("v")
    };
    assert_eq!(broken(&["", " ", "1", ""], all.clone()), []);
    let required = ColumnRule { required: true, ..all };
    let message = "column `v` must be filled, but 2 of 3 rows are empty: line 2, line 4";
    assert_eq!(broken(&["", "1", " "], required), problem("required", message));
}

#[test]
fn unique_among_and_matches_name_the_rows_that_break_them() {
    let unique = ColumnRule {
        unique: true,
        ..rule("v")
    };
    let message = "column `v` must be unique, but 2 of 4 rows repeat a value: line 4 `a`, line 5 `a`";
    assert_eq!(broken(&["a", "b", "a", "a"], unique), problem("unique", message));

    let among = ColumnRule {
        among: Some(Among::Values(vec!["kg".to_owned(), "pcs".to_owned()])),
        ..rule("v")
    };
    let message = "column `v` must be one of kg, pcs, but 1 of 3 rows is not: line 4 `KG`; \
                   upper and lower case?";
    assert_eq!(broken(&["kg", "pcs", "KG"], among), problem("in", message));

    let matches = ColumnRule {
        matches: Some(Pattern(regex::Regex::new("^L[0-9]{6}$").expect("a pattern"))),
        ..rule("v")
    };
    let message = "column `v` must be like `^L[0-9]{6}$`, but 1 of 2 rows is not: line 3 `L12345`";
    assert_eq!(broken(&["L123456", "L12345"], matches), problem("matches", message));
}

#[test]
fn a_rule_of_a_column_that_is_not_there_is_broken_whatever_its_level() {
    let warn = ColumnRule {
        required: true,
        level: Level(Some(CheckLevel::Warn)),
        ..rule("quantity")
    };
    let case = checked("lot,Quantity \nL1,1\n", &[warn]);
    let message = "there is no column `quantity`; the header has `Quantity `, which comes closest";
    assert_eq!(case.problems(), problem("columns", message));
    assert_eq!(case.judge().verdict(), Verdict::Hold);
}

#[test]
fn a_warning_is_kept_and_holds_nothing_back() {
    let warn = ColumnRule {
        unique: true,
        level: Level(Some(CheckLevel::Warn)),
        ..rule("lot")
    };
    let judgement = checked("lot\nL1\nL1\n", &[warn]).judge();
    assert_eq!(judgement.verdict(), Verdict::Warn);
    let check = judgement.checks.last().expect("a check");
    assert_eq!((check.name.as_str(), check.column.as_deref()), ("unique", Some("lot")));
}

#[test]
fn values_are_compared_with_what_another_dataset_published() {
    let among = ColumnRule {
        among: Some(Among::Column {
            dataset: Name::from("items"),
            column: "sku".to_owned(),
        }),
        ..rule("sku")
    };
    let mut case = checked("lot,sku\nL1,1001\nL2,1003\n", &[among]);
    let items = Dataset {
        file: Some(case.path("items.csv")),
        checks: csv_checks(),
        ..plain_dataset("items")
    };
    case.judging.compared_with = vec![Arc::new(items)];
    let unknown = "column `sku` cannot be compared with column `sku` of items: ";
    let yet = format!("{unknown}nothing was published yet");
    assert_eq!(case.problems(), problem("in", &yet));

    fs::write(case.path("items.csv"), "sku,name\n1001,Cod\n1002,Ling\n").expect("items");
    let message = "column `sku` must be one of column `sku` of items, but 1 of 2 rows is not: line 3 `1003`";
    assert_eq!(case.problems(), problem("in", message));

    fs::write(case.path("items.csv"), "sku,name\n1001,Cod\n1003,Tusk\n").expect("items");
    assert_eq!(case.problems(), []);

    fs::write(case.path("items.csv"), "item,name\n1001,Cod\n").expect("items");
    assert_eq!(case.problems(), problem("in", &format!("{unknown}it has item, name")));
}

#[test]
fn a_header_has_these_columns_in_this_order() {
    let wanted = ["lot", "qty"].map(str::to_owned).to_vec();
    let case = |content: &str| Case::with(content).rules(|dataset| dataset.checks.header = wanted.clone());
    assert_eq!(case("lot,qty\nL1,1\n").problems(), []);
    for (content, actual, why) in [
        ("qty,lot\n1,L1\n", "qty, lot", "the order is another"),
        ("lot,Qty\nL1,1\n", "lot, Qty", "qty missing, Qty new"),
        ("lot,qty,note\nL1,1,\n", "lot, qty, note", "note new"),
    ] {
        let message = format!("the header must be lot, qty, but it is {actual}: {why}");
        assert_eq!(case(content).problems(), problem("header", &message));
    }
    let json = |dataset: &mut Dataset| dataset.checks.reading.format = Some(Format::JsonLines);
    assert_eq!(case("{\"qty\": 1, \"lot\": \"L1\"}\n").rules(json).problems(), []);
}
