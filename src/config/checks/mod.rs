//! `[datasets.NAME.checks]`: how a file is read, and what it must satisfy.

mod columns;
mod layout;
mod reading;
mod records;
mod values;

use std::path::Path;

use super::context::Context;
use super::reader::{Table, Value};
use crate::model::{CheckLevel, Checks, Doubt, Format, Level};
use columns::columns;
use reading::reading;
use values::band;

/// Reads the checks of a dataset whose file, where it has one, lies at `file`.
pub(super) fn checks(context: &Context<'_>, table: Table<'_>, file: Option<&Path>) -> Checks {
    let mut checks = Checks {
        reading: reading(&table, file),
        ..Checks::default()
    };
    let rows_spot = table.key_spot("rows");
    if let Some(rows) = table.table("rows") {
        checks.rows_min = rows.whole("min", (0, i64::MAX)).and_then(|rows| rows.try_into().ok());
        checks.rows_max = rows.whole("max", (0, i64::MAX)).and_then(|rows| rows.try_into().ok());
        checks.rows_change = rows.get("change").and_then(band);
        checks.rows_level = level(&rows);
        ordered(&rows, "rows", checks.rows_min, checks.rows_max);
        rows.finish();
        if let (Some(spot), false) = (rows_spot, table.has("format")) {
            table.report().error(
                spot,
                "rows cannot be counted without a `format`",
                "add format = \"csv\"",
            );
        }
    }
    if let Some(bytes) = table.table("bytes") {
        checks.bytes_min = bytes.get("min").and_then(Value::size);
        checks.bytes_max = bytes.get("max").and_then(Value::size);
        checks.bytes_change = bytes.get("change").and_then(band);
        checks.bytes_level = level(&bytes);
        ordered(&bytes, "bytes", checks.bytes_min, checks.bytes_max);
        bytes.finish();
    }
    if let Some(inner) = table.table("columns") {
        checks.columns = columns(context, &inner, &table.path_of("columns"));
    }
    checks.trailer = records::trailer(&table);
    checks.balance = records::balance(context, &table);
    checks.canaries = records::canaries(&table, &checks.columns);
    checks.ratios = records::ratios(&table, &checks.columns);
    let header = table.get("header");
    if let (Some(Format::Fixed { .. }), Some(header)) = (&checks.reading.format, header) {
        header.error("a file of fixed width has no header to compare", "take `header` out");
    }
    if let Some(header) = header {
        checks.header = header.texts().iter().map(|text| text.text.to_owned()).collect();
        if header.list().is_some_and(|names| names.is_empty()) {
            header.error("the header has no column", "write header = [\"lot\", \"qty\"]");
        }
        for text in header.texts() {
            if checks.header.iter().filter(|name| *name == text.text).count() > 1 {
                let message = format!("the header names `{}` twice", text.text);
                header.error(message, "name each column once: no file with two of them is accepted");
                break;
            }
        }
    }
    for key in ["columns", "header", "trailer", "balance", "canary", "ratio"] {
        if let (Some(spot), false) = (table.key_spot(key), table.has("format")) {
            let message = format!("`{key}` cannot be read without a `format`");
            table.report().error(spot, message, "add format = \"csv\"");
        }
    }
    for rule in &checks.columns {
        if !checks.header.is_empty()
            && !checks.header.contains(&rule.column)
            && let Some(header) = header
        {
            let message = format!("column `{}` is not in the header", rule.column);
            header.error(message, "add it, or correct its name in `columns`");
        }
    }
    table.finish();
    checks
}

/// Tells of the rules that would have refused what was accepted before, each where it stands.
pub(super) fn doubted(doubts: &[Doubt], table: &Table<'_>) {
    let Some(columns) = table.table("columns") else { return };
    for doubt in doubts {
        let named = columns.entries().find(|(name, ..)| *name == doubt.column);
        let Some((_, spot, value)) = named else { continue };
        let rule = value.table(String::new());
        let key = doubt.key.and_then(|key| rule?.key_spot(key));
        let help = match doubt.key {
            Some(_) => "correct the rule, unless it is those files that were wrong: the next one like them is refused",
            None => "correct its name, unless the next file has it: one without it is refused",
        };
        table.report().warning(key.unwrap_or(spot), doubt.message.clone(), help);
    }
}

/// What becomes of a file that breaks a rule of this table.
fn level(table: &Table<'_>) -> Level {
    Level(table.choice("level", &[("warn", CheckLevel::Warn), ("hold", CheckLevel::Hold)]))
}

fn ordered(table: &Table<'_>, key: &str, min: Option<u64>, max: Option<u64>) {
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        let message = format!("`{key}.min` is larger than `{key}.max`");
        table.report().error(table.spot, message, "exchange the two");
    }
}
