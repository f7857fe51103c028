//! What the values of columns must satisfy: `columns.NAME` of `checks`.

use jiff::tz::TimeZone;
use regex::RegexBuilder;

use crate::config::context::{Context, Section};
use crate::config::reader::{Table, Value};
use crate::model::{Among, CheckLevel, ColumnKind, ColumnRule, Pattern, Range};

/// Most memory of one compiled regular expression.
const PATTERN_BYTES_MAX: usize = 1 << 20;

const RANGE_HELP: &str = "write both ends or one of them, as in \"0..40000\", \"0..\" or \"..40000\"";

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
    table.unsupported(&["median", "sum", "nulls", "codes"]);
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
        level: table
            .choice("level", &[("warn", CheckLevel::Warn), ("hold", CheckLevel::Hold)])
            .unwrap_or_default(),
    };
    let asks = ["type", "required", "unique", "range", "in", "matches"];
    if !asks.iter().any(|key| table.has(key)) && !table.has("median") && !table.has("sum") {
        whole.error(
            format!("nothing is asked of column `{name}`"),
            "write what its values are, as in { type = \"decimal\", required = true }",
        );
    }
    table.finish();
    rule
}

fn pattern(value: Value<'_>) -> Option<Pattern> {
    let text = value.text()?;
    match RegexBuilder::new(text.text).size_limit(PATTERN_BYTES_MAX).build() {
        Ok(regex) => Some(Pattern(regex)),
        Err(error) => {
            let error = error.to_string();
            // The first lines repeat the pattern and point into it.
            let why = error.lines().last().unwrap_or_default().trim();
            let why = why.strip_prefix("error: ").unwrap_or(why);
            text.error(
                format!("not a regular expression: {why}"),
                "write one, as in '^L[0-9]{6}$', in single quotes",
            );
            None
        }
    }
}

/// A list of values, or `{ dataset, column }`.
fn among(context: &Context<'_>, value: Value<'_>, path: String) -> Option<Among> {
    if !value.is_table() {
        if !value.is_list() {
            let help = "write in = [\"kg\", \"pcs\"] or in = { dataset = \"items\", column = \"sku\" }";
            value.expected("a list or a table", help);
            return None;
        }
        let values: Vec<String> = value.texts().iter().map(|text| text.text.to_owned()).collect();
        if value.list().is_some_and(|list| list.is_empty()) {
            value.error("`in` allows nothing", "write the values that are allowed");
        }
        return Some(Among::Values(values));
    }
    let table = value.table(path)?;
    let dataset = table
        .text("dataset")
        .and_then(|text| context.refer(Section::Datasets, &text));
    let column = table.text("column").map(|text| text.text.to_owned());
    for key in ["dataset", "column"] {
        if !table.has(key) {
            let help = "write in = { dataset = \"items\", column = \"sku\" }";
            table.missing(key, format!("`in` does not name its {key}"), help);
        }
    }
    table.finish();
    Some(Among::Column {
        dataset: dataset?,
        column: column?,
    })
}

fn range(value: Value<'_>, kind: Option<ColumnKind>) -> Option<Range> {
    let text = value.text()?;
    let size: fn(&str) -> Option<f64> = match kind {
        None | Some(ColumnKind::Integer | ColumnKind::Decimal) => number,
        Some(ColumnKind::Date | ColumnKind::Datetime) => date,
        Some(kind @ (ColumnKind::Text | ColumnKind::Boolean)) => {
            text.error(
                format!("a {} lies in no range", kind.as_str()),
                "write another `type`, or take `range` out",
            );
            return None;
        }
    };
    let Some((min, max)) = text.text.split_once("..") else {
        text.error(format!("`{}` is not a range", text.text), RANGE_HELP);
        return None;
    };
    let mut ends = [None, None];
    for (end, written) in ends.iter_mut().zip([min.trim(), max.trim()]) {
        if written.is_empty() {
            continue;
        }
        *end = size(written);
        if end.is_none() {
            let what = match kind {
                Some(ColumnKind::Date | ColumnKind::Datetime) => "a date",
                _ => "a number",
            };
            text.error(format!("`{written}` is not {what}"), RANGE_HELP);
            return None;
        }
    }
    match ends {
        [None, None] => {
            text.error("the range has no end", RANGE_HELP);
            None
        }
        [Some(min), Some(max)] if min > max => {
            text.error("the range begins behind its end", "exchange the two");
            None
        }
        [min, max] => Some(Range {
            text: text.text.to_owned(),
            min,
            max,
        }),
    }
}

fn number(text: &str) -> Option<f64> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number: f64 = is_plain.then(|| text.parse().ok()).flatten()?;
    number.is_finite().then_some(number)
}

/// In seconds since 1970; what has no offset is taken as UTC, as the values are.
#[expect(
    clippy::cast_precision_loss,
    reason = "the seconds of all years that there are fit into 53 bits"
)]
fn date(text: &str) -> Option<f64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_second() as f64);
    }
    let local: jiff::civil::DateTime = text.parse().ok()?;
    let time = TimeZone::UTC.to_timestamp(local).ok()?;
    Some(time.as_second() as f64)
}
