//! Mistakes in how a file is read, by the format that is to be read.

use super::*;
use crate::model::{FixedColumn, Format, Settings};

/// What is wrong with the checks of an otherwise sound dataset.
fn check_errors(checks: &str) -> Vec<String> {
    let dataset = "[datasets.x]\nowner = \"ops\"\nfile = \"x.dat\"\n";
    errors(&format!("{dataset}checks = {{ {checks} }}\n"))
        .iter()
        .map(|error| error.split_once(' ').expect("a place and a message").1.to_owned())
        .collect()
}

#[test]
fn keys_of_another_format_are_refused() {
    for (checks, expected) in [
        (
            "format = \"xlsx\", delimiter = \";\"",
            "`delimiter` only delimited text has a `delimiter` (take `delimiter` out)",
        ),
        (
            "format = \"csv\", sheet = \"Stock\"",
            "`sheet` only a workbook has a `sheet` (take `sheet` out)",
        ),
        (
            "format = \"parquet\", compression = \"gzip\"",
            "`compression` a workbook or a Parquet file is packed within itself, and not once more (take `compression` out)",
        ),
        (
            "format = \"xlsx\", trailer = '^T(?<rows>[0-9]+)$'",
            "`trailer` only a file of lines has a `trailer` (take `trailer` out)",
        ),
        (
            "format = \"parquet\", encoding = \"latin-1\"",
            "`encoding` the format says itself how its text is written (take `encoding` out)",
        ),
        (
            "format = \"csv\", skip_lines = 1",
            "`skip_lines` `skip_lines` is for files of fixed width (take `skip_lines` out)",
        ),
        (
            "format = \"csv\", columns.a = { from = 1, type = \"text\" }",
            "`from` `from` is for files of fixed width (take `from` out, or write format = \"fixed\")",
        ),
        (
            "format = \"fixed\"",
            "`format` a file of fixed width needs its `columns` (write columns.lot = { from = 1, width = 8 } for each)",
        ),
        (
            "format = \"fixed\", columns.a = { from = 1 }",
            "`a` column `a` has no `width`, and the format is \"fixed\" (write where it is, as in { from = 1, width = 8 })",
        ),
        (
            "format = \"fixed\", columns.a = { from = 1, width = 8 }, columns.b = { from = 8, width = 1 }",
            "`b` column `b` lies over column `a` (`a` has the characters 1 to 8; correct one of the two)",
        ),
        (
            "format = \"fixed\", header = [\"a\"], columns.a = { from = 1, width = 8 }",
            "`[\"a\"]` a file of fixed width has no header to compare (take `header` out)",
        ),
    ] {
        assert_eq!(check_errors(checks), [expected], "{checks}");
    }
}

/// What an accepted configuration says.
fn settings_of(text: &str) -> Settings {
    let place = Place::new();
    let loaded = place.load_text(&format!("{TOP}{text}"));
    loaded.settings.expect("it is accepted")
}

#[test]
fn a_layout_and_a_sheet_are_read_as_they_are_written() {
    let read = |checks: &str| {
        let text = format!("[datasets.x]\nowner = \"ops\"\nfile = \"x.dat\"\nchecks = {{ {checks} }}\n");
        settings_of(&text).datasets["x"].checks.clone()
    };
    let fixed = read(
        "format = \"fixed\", skip_lines = 2, columns.b = { from = 9, width = 4 }, columns.a = { from = 1, width = 8, unique = true }",
    );
    let Some(Format::Fixed { columns, skip_lines }) = &fixed.reading.format else {
        panic!("{fixed:?}");
    };
    assert_eq!(*skip_lines, 2);
    let column = |name: &str, from, width| FixedColumn {
        name: name.to_owned(),
        from,
        width,
    };
    let mut columns = columns.to_vec();
    columns.sort_by_key(|column| column.from);
    assert_eq!(columns, [column("a", 1, 8), column("b", 9, 4)]);
    assert!(fixed.columns.iter().any(|rule| rule.unique));
    let sheet = read("format = \"xlsx\", sheet = \"Stock\"");
    let expected = Format::Xlsx {
        sheet: Some("Stock".into()),
    };
    assert_eq!(sheet.reading.format, Some(expected));
}
