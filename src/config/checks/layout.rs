//! Where the columns of a file of fixed width are: `from` and `width` of `columns.NAME`.

use std::sync::Arc;

use crate::config::reader::Table;
use crate::model::FixedColumn;

/// Farthest character of a line.
const LINE_CHARACTERS_MAX: i64 = 100_000;

const EXAMPLE: &str = "write where it is, as in { from = 1, width = 8 }";

/// Reads where the columns are, in the order in which they are written.
pub(super) fn columns(table: &Table<'_>) -> Arc<[FixedColumn]> {
    let mut columns: Vec<FixedColumn> = Vec::new();
    let Some(inner) = table.table("columns") else {
        if let Some(spot) = table.key_spot("format") {
            let help = "write columns.lot = { from = 1, width = 8 } for each";
            table
                .report()
                .error(spot, "a file of fixed width needs its `columns`", help);
        }
        return columns.into();
    };
    for (name, spot, value) in inner.entries() {
        // What is no table is told where its rules are read.
        let column = value.is_table().then(|| value.table(inner.path_of(name))).flatten();
        let Some(column) = column else { continue };
        let from = column.whole("from", (1, LINE_CHARACTERS_MAX));
        let width = column.whole("width", (1, LINE_CHARACTERS_MAX));
        for key in ["from", "width"] {
            if !column.has(key) {
                let message = format!("column `{name}` has no `{key}`, and the format is \"fixed\"");
                column.report().error(spot, message, EXAMPLE);
            }
        }
        let number = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
        let (Some(from), Some(width)) = (number(from), number(width)) else {
            continue;
        };
        let column = FixedColumn {
            name: name.to_owned(),
            from,
            width,
        };
        let overlaps = |other: &&FixedColumn| other.from <= column.to() && column.from <= other.to();
        if let Some(other) = columns.iter().find(overlaps) {
            let message = format!("column `{name}` lies over column `{}`", other.name);
            let (from, to) = (other.from, other.to());
            let help = format!(
                "`{}` has the characters {from} to {to}; correct one of the two",
                other.name
            );
            inner.report().error(spot, message, help);
        }
        columns.push(column);
    }
    columns.into()
}

/// Other formats have no use for it.
pub(super) fn refuse(table: &Table<'_>) {
    let Some(inner) = table.table("columns") else { return };
    for (name, _, value) in inner.entries() {
        // What is no table is told where its rules are read.
        let column = value.is_table().then(|| value.table(inner.path_of(name))).flatten();
        let Some(column) = column else { continue };
        for key in ["from", "width"] {
            if let Some(spot) = column.key_spot(key) {
                let message = format!("`{key}` is for files of fixed width");
                let help = format!("take `{key}` out, or write format = \"fixed\"");
                column.report().error(spot, message, help);
            }
        }
    }
}
