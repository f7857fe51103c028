//! What the values of columns must satisfy: `columns.NAME` of `checks`.

use super::values::{age, among, band, pattern, range, share};
use crate::config::context::Context;
use crate::config::reader::{Table, Value};
use crate::model::{ColumnKind, ColumnRule, Share};

/// The keys of which a column needs one.
const ASKS: [&str; 13] = [
    "type", "required", "unique", "range", "in", "matches", "parts", "age", "newest", "median", "sum", "nulls", "codes",
];

/// Reads `columns`; `path` is its name in messages.
pub(super) fn columns(context: &Context<'_>, table: &Table<'_>, path: &str) -> Vec<ColumnRule> {
    let mut rules = Vec::new();
    for (name, _, value) in table.entries() {
        if let Some(inner) = value.table(format!("{path}.{name}")) {
            rules.push(column(context, name, value, inner));
        }
    }
    rules
}

fn column(context: &Context<'_>, name: &str, whole: Value<'_>, table: Table<'_>) -> ColumnRule {
    let kind = table.choice(
        "type",
        &[
            ("text", ColumnKind::Text),
            ("integer", ColumnKind::Integer),
            ("decimal", ColumnKind::Decimal),
            ("boolean", ColumnKind::Boolean),
            ("date", ColumnKind::Date),
            ("datetime", ColumnKind::Datetime),
        ],
    );
    let decimal_comma = table.choice("decimal", &[("comma", true), ("point", false)]);
    if let (Some(_), true, Some(spot)) = (
        decimal_comma,
        !matches!(kind, Some(ColumnKind::Decimal)) && (kind.is_some() || !table.has("type")),
        table.key_spot("decimal"),
    ) {
        let report = context.report;
        report.error(
            spot,
            "`decimal` has no effect without type = \"decimal\"",
            "add type = \"decimal\", or take `decimal` out",
        );
    }
    let (codes_new, codes_vanished) = codes(&table);
    let rule = ColumnRule {
        column: name.to_owned(),
        kind,
        decimal_comma: decimal_comma.unwrap_or(false),
        required: table.flag("required").unwrap_or(false),
        unique: table.flag("unique").unwrap_or(false),
        range: table.get("range").and_then(|value| range(value, kind)),
        among: table
            .get("in")
            .and_then(|value| among(context, value, table.path_of("in"))),
        matches: table.get("matches").and_then(pattern),
        parts: table.get("parts").map(parts).unwrap_or_default(),
        age: table.get("age").and_then(age),
        newest: table.get("newest").and_then(age),
        zone: Some(context.timezone.clone()),
        median: table.get("median").and_then(band),
        sum: table.get("sum").and_then(band),
        nulls: table.get("nulls").and_then(share),
        codes_new,
        codes_vanished,
        level: super::level(&table),
    };
    fits_type(
        &table,
        kind,
        &["age", "newest"],
        "dates",
        &[ColumnKind::Date, ColumnKind::Datetime],
    );
    fits_type(
        &table,
        kind,
        &["median", "sum"],
        "numbers",
        &[ColumnKind::Integer, ColumnKind::Decimal],
    );
    // Read with the layout of the file.
    let has_place = ["from", "width"].map(|key| table.get(key).is_some()).contains(&true);
    if !has_place && !ASKS.iter().any(|key| table.has(key)) {
        whole.error(
            format!("nothing is asked of column `{name}`"),
            "write what its values are, as in { type = \"decimal\", required = true }",
        );
    }
    table.finish();
    rule
}

/// A rule about dates or numbers needs their type.
fn fits_type(table: &Table<'_>, kind: Option<ColumnKind>, keys: &[&str], what: &str, kinds: &[ColumnKind]) {
    // A type that could not be read has been told already.
    if kind.is_some_and(|kind| kinds.contains(&kind)) || (kind.is_none() && table.has("type")) {
        return;
    }
    let types: Vec<String> = kinds.iter().map(|kind| format!("\"{}\"", kind.as_str())).collect();
    for key in keys {
        if let Some(spot) = table.key_spot(key) {
            let message = format!("`{key}` is about {what}, and no `type` says that these are some");
            table
                .report()
                .error(spot, message, format!("write type = {}", types.join(" or ")));
        }
    }
}

/// `{ new = "10%", vanished = "0%" }`.
fn codes(table: &Table<'_>) -> (Option<Share>, Option<Share>) {
    let Some(value) = table.get("codes") else {
        return (None, None);
    };
    let Some(inner) = value.table(table.path_of("codes")) else {
        return (None, None);
    };
    let found = (inner.get("new").and_then(share), inner.get("vanished").and_then(share));
    if !inner.has("new") && !inner.has("vanished") {
        let help = "write codes = { new = \"10%\", vanished = \"0%\" }";
        inner.missing("new", "`codes` asks for nothing", help);
    }
    inner.finish();
    found
}

fn parts(value: Value<'_>) -> Vec<String> {
    let parts: Vec<String> = value.texts().iter().map(|text| text.text.to_owned()).collect();
    if value.list().is_some_and(|list| list.is_empty()) {
        value.error(
            "`parts` asks for nothing",
            "write the values that must come, as in [\"alesund\", \"tromso\"]",
        );
    }
    parts
}
