//! Rules about whole records: `trailer`, `balance`, `canary` and `ratio` of `checks`.

use super::level;
use super::values::{pattern, range, share};
use crate::config::context::{Context, Section};
use crate::config::reader::{Table, Value};
use crate::model::{Balance, BalanceRows, Canary, ColumnRule, Level, Ratio, Share, Trailer};

/// The group of a trailer's expression that holds the number of rows.
const ROWS_GROUP: &str = "rows";

/// `trailer = '^T;(?<rows>[0-9]+)$'`, or a table with `matches` and `level`.
pub(super) fn trailer(table: &Table<'_>) -> Option<Trailer> {
    let value = table.get("trailer")?;
    let (expression, level) = if value.is_table() {
        let inner = value.table(table.path_of("trailer"))?;
        let expression = inner.get("matches");
        if expression.is_none() {
            inner.missing("matches", "the trailer has no expression", EXAMPLE);
        }
        let level = level(&inner);
        inner.finish();
        (expression?, level)
    } else {
        (value, Level::default())
    };
    let pattern = pattern(expression)?;
    if !pattern.0.capture_names().any(|name| name == Some(ROWS_GROUP)) {
        expression.error("the expression has no group `rows`", EXAMPLE);
        return None;
    }
    Some(Trailer { pattern, level })
}

const EXAMPLE: &str = "write what the last line looks like, as in '^T;(?<rows>[0-9]+)$', in single quotes";

/// `balance = { rows = true, sums = ["qty_kg"], tolerance = "0.1%" }`; `rows = "lots"` counts those of an input.
pub(super) fn balance(context: &Context<'_>, table: &Table<'_>) -> Option<Balance> {
    let inner = table.table("balance")?;
    let rows = match inner.get("rows") {
        None => None,
        Some(value) if value.as_text().is_some() => value
            .text()
            .and_then(|text| context.refer(Section::Datasets, &text))
            .map(BalanceRows::Input),
        Some(value) => value.flag().and_then(|flag| flag.then_some(BalanceRows::Reported)),
    };
    let sums = inner.texts("sums").iter().map(|text| text.text.to_owned()).collect();
    let tolerance = inner.get("tolerance").and_then(share).unwrap_or(Share {
        text: "0%".to_owned(),
        part: 0.0,
    });
    if !inner.has("rows") && !inner.has("sums") {
        let help = "write balance = { rows = true, sums = [\"qty_kg\"] }";
        inner.missing("rows", "`balance` compares nothing", help);
    }
    let level = level(&inner);
    inner.finish();
    Some(Balance {
        rows,
        sums,
        tolerance,
        level,
    })
}

/// `canary = [{ where = { sku = "1001" }, column = "kg", range = "0.3..0.6" }]`.
pub(super) fn canaries(table: &Table<'_>, columns: &[ColumnRule]) -> Vec<Canary> {
    let read = |inner: &Table<'_>| {
        let found = inner.get("where").and_then(|value| single(value, inner));
        let column = inner.text("column");
        let range = inner.get("range").and_then(|value| range(value, None));
        required(inner, &["where", "column", "range"], CANARY);
        let level = level(inner);
        let ((key, value), column, range) = (found?, column?, range?);
        Some(Canary {
            key,
            value,
            column: column.text.to_owned(),
            range,
            decimal_comma: has_comma(columns, column.text),
            level,
        })
    };
    tables(table, "canary", CANARY, read)
}

const CANARY: &str = "write canary = [{ where = { sku = \"1001\" }, column = \"kg\", range = \"0.3..0.6\" }]";

/// `ratio = [{ of = "qty_kg", to = "pieces", range = "0.2..8" }]`.
pub(super) fn ratios(table: &Table<'_>, columns: &[ColumnRule]) -> Vec<Ratio> {
    let read = |inner: &Table<'_>| {
        let (of, to) = (inner.text("of"), inner.text("to"));
        let range = inner.get("range").and_then(|value| range(value, None));
        required(inner, &["of", "to", "range"], RATIO);
        let level = level(inner);
        let (of, to, range) = (of?, to?, range?);
        Some(Ratio {
            of: of.text.to_owned(),
            to: to.text.to_owned(),
            range,
            decimal_comma: (has_comma(columns, of.text), has_comma(columns, to.text)),
            level,
        })
    };
    tables(table, "ratio", RATIO, read)
}

const RATIO: &str = "write ratio = [{ of = \"qty_kg\", to = \"pieces\", range = \"0.2..8\" }]";

/// Each table of a list.
fn tables<T>(table: &Table<'_>, key: &'static str, help: &str, read: impl Fn(&Table<'_>) -> Option<T>) -> Vec<T> {
    let Some(value) = table.get(key) else { return Vec::new() };
    if !value.is_list() {
        value.expected("a list of tables", help);
        return Vec::new();
    }
    let mut found = Vec::new();
    for item in value.list().unwrap_or_default() {
        if let Some(inner) = item.table(table.path_of(key)) {
            found.extend(read(&inner));
            inner.finish();
        }
    }
    found
}

fn required(table: &Table<'_>, keys: &[&'static str], help: &str) {
    for key in keys {
        if !table.has(key) {
            table.missing(key, format!("`{key}` is missing"), help);
        }
    }
}

/// The one column and value of `where`.
fn single(value: Value<'_>, table: &Table<'_>) -> Option<(String, String)> {
    let inner = value.table(table.path_of("where"))?;
    let mut entries = inner.entries();
    let (Some((column, _, wanted)), None) = (entries.next(), entries.next()) else {
        value.error("`where` must name one column", "write where = { sku = \"1001\" }");
        return None;
    };
    Some((column.to_owned(), wanted.text()?.text.to_owned()))
}

fn has_comma(columns: &[ColumnRule], column: &str) -> bool {
    columns.iter().any(|rule| rule.column == column && rule.decimal_comma)
}
