//! What is said of records that do not balance, of known rows, of ages, and of rows that are lost in a value.

use super::learned::{column, names, share};
use super::*;

#[test]
fn the_last_line_must_tell_the_rows_that_came() {
    let trailer = |text: &str| {
        Case::with(text).rules(|dataset| {
            dataset.checks.reading.has_trailer = true;
            dataset.checks.trailer = Some(Trailer {
                pattern: Pattern(regex::Regex::new("^T;(?<rows>[0-9]+)$").expect("an expression")),
                level: Level::default(),
            });
        })
    };
    let good = trailer("lot,qty\nL1,1\nL2,2\nT;2\n");
    assert_eq!((good.problems(), good.judge().measurement.rows), (vec![], Some(2)));
    let message = "the last line says 3 rows, but 2 came: some are lost or doubled";
    assert_eq!(
        trailer("lot,qty\nL1,1\nL2,2\nT;3\n").problems(),
        problem("trailer", message)
    );
    let message = "the last line must be like `^T;(?<rows>[0-9]+)$`, but it is `L2,2`; the file may be cut off";
    assert_eq!(trailer("lot,qty\nL1,1\nL2,2\n").problems(), problem("trailer", message));
}

#[test]
fn what_went_out_must_have_come_in() {
    let balanced = |report: &str, tolerance: f64| {
        let case = Case::with("lot,qty\nL1,1.5\nL2,2\n").report(report);
        case.rules(|dataset| {
            dataset.checks.balance = Some(Balance {
                rows: Some(BalanceRows::Reported),
                sums: vec!["qty".to_owned()],
                tolerance: share(tolerance),
                level: Level::default(),
            });
        })
        .problems()
    };
    assert_eq!(balanced("source_rows=2\nsource_sum.qty=3.5", 0.0), []);
    assert_eq!(balanced("source_rows=2\nsource_sum.qty=3.6", 0.05), []);
    let message =
        "a sum of column `qty` does not balance: 4 that the job reported as source_sum.qty, but 3.5 came: 0.5 missing";
    assert_eq!(
        balanced("source_rows=2\nsource_sum.qty=4", 0.0),
        problem("balance.sum", message)
    );
    let names: Vec<String> = balanced("source_rows=3", 0.0)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["balance.rows", "balance.sum"]);

    let of_input = |rows: Option<u64>| {
        let mut case = Case::with("lot,qty\nL1,1.5\nL2,2\n").rules(|dataset| {
            dataset.checks.balance = Some(Balance {
                rows: Some(BalanceRows::Input(Name::from("lots"))),
                sums: Vec::new(),
                tolerance: share(0.0),
                level: Level::default(),
            });
        });
        case.judging.inputs = vec![(Name::from("lots"), rows)];
        case.problems()
    };
    assert_eq!(of_input(Some(2)), []);
    assert_eq!(of_input(Some(5)).len(), 1);
    let message = "it cannot be told whether it balances: a number of rows is not known that the version of lots has that it was made from";
    assert_eq!(of_input(None), problem("balance.rows", message));
}

#[test]
fn a_known_row_and_two_columns_that_belong_together_are_looked_at() {
    let range = |text: &str, min, max| Range {
        text: text.to_owned(),
        min: Some(min),
        max: Some(max),
    };
    let case = |text: &str| {
        Case::with(text).rules(|dataset| {
            dataset.checks.canaries = vec![Canary {
                key: "sku".to_owned(),
                value: "1001".to_owned(),
                column: "kg".to_owned(),
                range: range("0.3..0.6", 0.3, 0.6),
                decimal_comma: false,
                level: Level::default(),
            }];
            dataset.checks.ratios = vec![Ratio {
                of: "kg".to_owned(),
                to: "pieces".to_owned(),
                range: range("0.1..1", 0.1, 1.0),
                decimal_comma: (false, false),
                level: Level::default(),
            }];
        })
    };
    assert_eq!(case("sku,kg,pieces\n1001,0.4,1\n1002,9,10\n1003,1,0\n").problems(), []);
    let message = "the row with `sku` 1001 must have kg in 0.3..0.6, but has something else: line 2 `0.9`";
    assert_eq!(
        case("sku,kg,pieces\n1001,0.9,1\n").problems(),
        problem("canary", message)
    );
    let message = "the row with `sku` 1001 must have kg in 0.3..0.6, but there is no such row";
    assert_eq!(
        case("sku,kg,pieces\n1002,0.4,1\n").problems(),
        problem("canary", message)
    );
    let message = "`kg` divided by `pieces` must be in 0.1..1, but 1 of 2 rows is not: line 3 `9 / 2`";
    assert_eq!(
        case("sku,kg,pieces\n1001,0.4,1\n1002,9,2\n").problems(),
        problem("ratio", message)
    );
    let names: Vec<String> = names(&case("sku,kg\n1001,0.4\n"));
    assert_eq!(names, ["columns"]);
}

#[test]
fn ages_are_counted_from_when_the_file_was_written() {
    let oslo = TimeZone::get("Europe/Oslo").expect("a zone");
    let range = |text: &str, min: f64, max: f64| {
        Some(Range {
            text: text.to_owned(),
            min: Some(min),
            max: Some(max),
        })
    };
    let counted = |times: &[&str]| {
        let rows = times.join("\n") + "\n";
        let mut case = Case::with(&format!("at\n{rows}")).rules(|dataset| {
            dataset.checks.columns = vec![ColumnRule {
                age: range("0s..26h", 0.0, 93_600.0),
                newest: range("0s..45m", 0.0, 2_700.0),
                zone: Some(oslo.clone()),
                ..column("at", ColumnKind::Datetime)
            }];
        });
        let file = fs::File::options()
            .append(true)
            .open(&case.judging.staged)
            .expect("a candidate");
        let written = std::time::UNIX_EPOCH + Duration::from_mins(29_899_990);
        file.set_modified(written).expect("its time");
        case.judging.started_at = time("2026-11-06T21:00:00Z");
        case.problems()
    };
    assert_eq!(counted(&["2026-11-06 20:00", "2026-11-06 22:05"]), []);
    let message = "the newest value of column `at` is `2026-11-06 21:05` (line 2), 1h 5m before the file was written, \
                   but it must be 0s..45m before; 1h off: UTC instead of local time?";
    assert_eq!(counted(&["2026-11-06 21:05"]), problem("newest", message));
    let told = counted(&["2026-06-11 22:05"]);
    assert!(
        told[0]
            .1
            .ends_with("line 2 `2026-06-11 22:05`; day and month exchanged?"),
        "{told:?}"
    );
    let told = counted(&["2026-11-05 22:05"]);
    assert!(told[0].1.ends_with("is it yesterday's file again?"), "{told:?}");
    let parts = Case::with("site\nalesund\n").rules(|dataset| {
        dataset.checks.columns = vec![ColumnRule {
            parts: vec!["alesund".to_owned(), "tromso".to_owned()],
            ..column("site", ColumnKind::Text)
        }];
    });
    let message = "column `site` must have all of alesund, tromso, but no row has tromso";
    assert_eq!(parts.problems(), problem("parts", message));
}

#[test]
fn a_quote_that_swallows_rows_and_a_wrong_delimiter_are_told_without_any_rule() {
    let swallowed = "lot,note\nL1,a\nL2,\"b\nL3,c\nL4,d\nL5,e\"\nL6,f\n";
    let message = "line 3: a quote is opened, and closed 4 lines later; what lies between looks like rows that are lost in one value";
    assert_eq!(Case::with(swallowed).problems(), problem("quotes", message));
    assert_eq!(Case::with("lot,note\nL1,\"one\ntwo\nthree\"\n").problems(), []);
    let told = Case::with("lot;qty\nL1;1\n").problems();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].0 == "delimiter" && told[0].1.contains("say delimiter = \";\""),
        "{told:?}"
    );
    let one = Case::with("lot;qty\nL1\n").rules(|dataset| dataset.checks.header = vec!["lot;qty".to_owned()]);
    assert_eq!(one.problems(), []);
}

#[test]
fn a_broken_time_does_not_hide_that_a_file_is_cut_off() {
    let as_of = |dataset: &mut Dataset| {
        dataset.as_of = AsOf::Column {
            column: "at".to_owned(),
            zone: None,
        };
        dataset.checks.rows_min = Some(1);
    };
    let case = Case::with("at,qty\nsoon,1\n2026-11-20T10:00:00Z").rules(as_of);
    let names = names(&case);
    assert!(
        names.contains(&"last_line".to_owned()) && names.contains(&"as_of".to_owned()),
        "{names:?}"
    );
    let whole = Case::with("at,qty\nsoon,1\n").rules(as_of);
    assert_eq!(whole.judge().measurement.rows, Some(1));
    assert_eq!(whole.problems().len(), 1);
}
