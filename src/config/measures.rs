//! How a dataset is watched and judged: `probe` and `checks`.

use std::path::PathBuf;
use std::time::Duration;

use globset::GlobBuilder;

use super::context::Context;
use super::datasets::text_as_of;
use super::reader::{Table, Text, Value};
use crate::model::{AsOf, Checks, Format, Probe, ProbeTarget};

const PROBE_EVERY_DEFAULT: Duration = Duration::from_mins(1);
const PROBE_EVERY_MIN: Duration = Duration::from_secs(1);

/// Formats of later versions.
const LATER_FORMATS: [&str; 7] = ["json", "jsonl", "ndjson", "parquet", "xlsx", "xml", "fixed"];

/// Reads `probe = { file | glob, as_of, every }`.
pub(super) fn probe(context: &Context<'_>, value: Value<'_>, path: String) -> (Option<Probe>, Option<AsOf>) {
    let Some(table) = value.table(path) else {
        return (None, None);
    };
    let errors = context.report.errors();
    table.unsupported(&["url", "sql", "database", "object", "sftp", "command", "ping"]);
    let refused = context.report.errors() > errors;
    let file = table.text("file");
    let glob = table.text("glob");
    let target = match (file, glob) {
        (Some(file), None) => Some(ProbeTarget::File(context.path(&file))),
        (None, Some(glob)) => absolute_glob(context, &glob).map(ProbeTarget::Glob),
        (Some(_), Some(_)) => {
            value.error("`probe` has both a file and a glob", "keep one of the two");
            None
        }
        (None, None) => {
            if !refused && !table.has("file") && !table.has("glob") {
                value.error(
                    "`probe` does not say what to look at",
                    "write probe = { file = \"...\", every = \"1m\" } or { glob = \"...\", every = \"1m\" }",
                );
            }
            None
        }
    };
    let as_of = table.text("as_of").and_then(|text| {
        text_as_of(
            context,
            &text,
            "write \"mtime\" or a pattern, as in \"stock-%Y-%m-%d.csv\"",
        )
    });
    let every = table.get("every").and_then(|every| {
        let duration = every.duration()?;
        if duration < PROBE_EVERY_MIN {
            every.error("`every` must be at least 1s", "write every = \"1m\"");
        }
        Some(duration)
    });
    table.finish();
    let probe = target.map(|target| Probe {
        target,
        every: every.unwrap_or(PROBE_EVERY_DEFAULT),
    });
    (probe, as_of)
}

fn absolute_glob(context: &Context<'_>, text: &Text<'_>) -> Option<String> {
    let pattern = if text.text.starts_with('/') {
        text.text.to_owned()
    } else {
        let dir = context.report.dir(text.spot());
        let relative: PathBuf = PathBuf::from(text.text).components().collect();
        let dir = globset::escape(&dir.to_string_lossy());
        format!("{}/{}", dir.trim_end_matches('/'), relative.to_string_lossy())
    };
    match GlobBuilder::new(&pattern).literal_separator(true).build() {
        Ok(_) => Some(pattern),
        Err(error) => {
            text.error(
                format!("`{}` is not a pattern: {}", text.text, error.kind()),
                "write a pattern, as in exports/stock-*.csv",
            );
            None
        }
    }
}

/// Reads `[datasets.NAME.checks]`.
pub(super) fn checks(table: Table<'_>) -> Checks {
    table.unsupported(&[
        "columns",
        "header",
        "trailer",
        "balance",
        "encoding",
        "ratio",
        "canary",
        "level",
        "sum",
        "median",
        "parts",
        "compression",
    ]);
    let delimiter = table.get("delimiter");
    let format = table.get("format").and_then(|value| format(value, delimiter));
    if let (Some(delimiter), false) = (delimiter, table.has("format")) {
        delimiter.error("`delimiter` has no effect without `format`", "add format = \"csv\"");
    }
    let mut checks = Checks {
        format,
        ..Checks::default()
    };
    let rows_spot = table.key_spot("rows");
    if let Some(rows) = table.table("rows") {
        rows.unsupported(&["change"]);
        checks.rows_min = rows.whole("min", (0, i64::MAX)).and_then(|rows| rows.try_into().ok());
        checks.rows_max = rows.whole("max", (0, i64::MAX)).and_then(|rows| rows.try_into().ok());
        if let (Some(min), Some(max)) = (checks.rows_min, checks.rows_max)
            && min > max
        {
            table
                .report()
                .error(rows.spot, "`rows.min` is larger than `rows.max`", "exchange the two");
        }
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
        bytes.unsupported(&["max", "change"]);
        checks.bytes_min = bytes.get("min").and_then(Value::size);
        bytes.finish();
    }
    table.finish();
    checks
}

fn format(value: Value<'_>, delimiter: Option<Value<'_>>) -> Option<Format> {
    let text = value.text()?;
    let default = match text.text {
        "csv" => b',',
        "tsv" => b'\t',
        later if LATER_FORMATS.contains(&later) => {
            text.error(
                format!("format `{later}` is not supported yet"),
                "write \"csv\" or \"tsv\", or take `format` out to treat it as plain bytes",
            );
            return None;
        }
        other => {
            text.error(format!("unknown format `{other}`"), "write \"csv\" or \"tsv\"");
            return None;
        }
    };
    let delimiter = match delimiter {
        None => default,
        Some(value) => match value.as_text() {
            Some("tab") => b'\t',
            Some(one) if one.len() == 1 && !"\"\r\n\0".contains(one) => one.as_bytes()[0],
            Some(_) => {
                value.error(
                    "`delimiter` must be one plain character",
                    "write delimiter = \";\" or delimiter = \"tab\"",
                );
                return None;
            }
            None => {
                value.expected("one character", "write delimiter = \";\"");
                return None;
            }
        },
    };
    Some(Format::Csv { delimiter })
}
