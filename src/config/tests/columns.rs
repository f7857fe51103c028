//! Mistakes in checks of columns, and what good ones mean.

use super::mistakes::check_all;
use super::*;
use crate::model::{Among, CheckLevel, ColumnKind, Compression, Encoding, Format, Level};

/// A sound dataset but for its checks, which stand in line 20 and after a format.
pub(super) fn check_errors(checks: &str) -> Vec<String> {
    let dataset = "[datasets.x]\nowner = \"ops\"\nfile = \"x.csv\"\n";
    errors(&format!("{dataset}checks = {{ format = \"csv\", {checks} }}\n"))
        .iter()
        .map(|error| error.split_once(' ').expect("a place and a message").1.to_owned())
        .collect()
}

#[test]
fn every_mistake_in_a_check_is_told_once_with_its_remedy() {
    check_all(
        check_errors,
        &[
            (
                "columns.a.type = \"decimel\"",
                "`\"decimel\"` `decimel` is not a value of `type` (did you mean \"decimal\"?)",
            ),
            (
                "columns.a.range = \"9..1\"",
                "`\"9..1\"` the range begins behind its end (exchange the two)",
            ),
            (
                "columns.a.range = \"9-12\"",
                "`\"9-12\"` `9-12` is not a range (write both ends or one of them, as in \"0..40000\", \"0..\" or \"..40000\")",
            ),
            (
                "columns.a.range = \"1..many\"",
                "`\"1..many\"` `many` is not a number (write both ends or one of them, as in \"0..40000\", \"0..\" or \"..40000\")",
            ),
            (
                "columns.a = { type = \"date\", range = \"2026-02-30..\" }",
                "`\"2026-02-30..\"` `2026-02-30` is not a date (write both ends or one of them, as in \"0..40000\", \"0..\" or \"..40000\")",
            ),
            (
                "columns.a = { type = \"text\", range = \"1..2\" }",
                "`\"1..2\"` a text lies in no range (write another `type`, or take `range` out)",
            ),
            (
                "columns.a.in = { dataset = \"y\", column = \"a\" }",
                "`\"y\"` unknown dataset `y` (did you mean `x`?)",
            ),
            (
                "columns.a.in = []",
                "`[]` `in` allows nothing (write the values that are allowed)",
            ),
            (
                "columns.a.in = \"kg\"",
                "`\"kg\"` `in` must be a list or a table, not a text (write in = [\"kg\", \"pcs\"] or in = { dataset = \"items\", column = \"sku\" })",
            ),
            (
                "columns.a.matches = \"^L[0-9\"",
                "`\"^L[0-9\"` not a regular expression: unclosed character class (write one, as in '^L[0-9]{6}$', in single quotes)",
            ),
            (
                "columns.a = { level = \"warn\" }",
                "`{ level = \"warn\" }` nothing is asked of column `a` (write what its values are, as in { type = \"decimal\", required = true })",
            ),
            (
                "columns.a = { type = \"integer\", decimal = \"comma\" }",
                "`decimal` `decimal` has no effect without type = \"decimal\" (add type = \"decimal\", or take `decimal` out)",
            ),
            (
                "header = [\"b\"], columns.a.required = true",
                "`[\"b\"]` column `a` is not in the header (add it, or correct its name in `columns`)",
            ),
            (
                "header = [\"a\", \"b\", \"a\"]",
                "`[\"a\", \"b\", \"a\"]` the header names `a` twice (name each column once: no file with two of them is accepted)",
            ),
            (
                "bytes = { min = 2, max = 1 }",
                "`{ min = 2, max = 1 }` `bytes.min` is larger than `bytes.max` (exchange the two)",
            ),
        ],
    );
}

#[test]
fn checks_of_columns_mean_what_they_say() {
    let place = Place::new();
    let text = "[datasets.x]\nowner = \"ops\"\nfile = \"x.csv.gz\"\n[datasets.x.checks]\nformat = \"csv\"\n\
                delimiter = \"detect\"\nencoding = \"latin-1\"\nheader = [\"qty\", \"at\", \"sku\"]\n\
                columns.qty = { type = \"decimal\", decimal = \"comma\", range = \"-1..2.5\", level = \"warn\" }\n\
                columns.at = { type = \"date\", range = \"1970-01-02..\", required = true }\n\
                columns.sku = { in = { dataset = \"x\", column = \"sku\" }, unique = true, matches = '^S' }\n";
    let loaded = place.load_text(&format!("{TOP}{text}"));
    let settings = loaded.settings.expect("sound");
    let checks = &settings.datasets["x"].checks;
    assert_eq!(checks.reading.format, Some(Format::Csv { delimiter: None }));
    assert_eq!(checks.reading.encoding, Encoding::Latin1);
    assert_eq!(checks.reading.compression, Compression::Gzip);
    assert_eq!(checks.header, ["qty", "at", "sku"]);
    let rule = |name: &str| checks.columns.iter().find(|rule| rule.column == name).expect("a rule");
    let qty = rule("qty");
    assert_eq!(
        (qty.kind, qty.decimal_comma, qty.level),
        (Some(ColumnKind::Decimal), true, Level(Some(CheckLevel::Warn)))
    );
    let range = qty.range.as_ref().expect("a range");
    assert_eq!((range.min, range.max), (Some(-1.0), Some(2.5)));
    let at = rule("at");
    assert_eq!((at.required, at.level), (true, Level(None)));
    let range = at.range.as_ref().expect("a range");
    assert_eq!((range.min, range.max), (Some(86_400.0), None));
    let sku = rule("sku");
    assert!(sku.unique && sku.matches.is_some());
    assert!(
        matches!(&sku.among, Some(Among::Column { dataset, column }) if dataset.as_str() == "x" && column == "sku")
    );
}
