//! How a file is read: `format`, `delimiter`, `encoding`, `compression`, `sheet` and `skip_lines` of `checks`.

use std::path::Path;

use super::layout;
use crate::config::reader::{Table, Value};
use crate::model::{Compression, Encoding, Format, Reading};

/// Formats of later versions.
const LATER_FORMATS: [&str; 1] = ["xml"];

const FORMATS: &str = "write \"csv\", \"tsv\", \"json\", \"jsonl\", \"fixed\", \"xlsx\" or \"parquet\"";

/// Most lines before the first row.
const SKIP_LINES_MAX: i64 = 1_000;

/// Keys that only some formats know, with what is said where another format has one.
const OWN_KEYS: [(&str, &[&str], &str); 5] = [
    ("delimiter", &["csv"], "only delimited text has a `delimiter`"),
    ("sheet", &["xlsx"], "only a workbook has a `sheet`"),
    ("skip_lines", &["fixed"], "`skip_lines` is for files of fixed width"),
    (
        "compression",
        &["csv", "json", "jsonl", "fixed"],
        "a workbook or a Parquet file is packed within itself, and not once more",
    ),
    (
        "trailer",
        &["csv", "jsonl", "fixed"],
        "only a file of lines has a `trailer`",
    ),
];

/// Reads how a file is read. One whose name ends in `.gz` or `.zst` is packed unless `compression` says otherwise.
pub(super) fn reading(table: &Table<'_>, file: Option<&Path>) -> Reading {
    let delimiter = table.get("delimiter");
    let encoding = table.get("encoding");
    let compression = table.get("compression");
    let sheet = table.get("sheet");
    let skip_lines = table.whole("skip_lines", (0, SKIP_LINES_MAX));
    let mut format = table.get("format").and_then(|value| format(value, delimiter));
    if !table.has("format") {
        for value in [delimiter, encoding, compression, sheet].into_iter().flatten() {
            value.error(
                format!("`{}` has no effect without `format`", value.key),
                "add format = \"csv\"",
            );
        }
    }
    if let Some(format) = &format {
        for (key, formats, message) in OWN_KEYS {
            if let (false, Some(spot)) = (formats.contains(&format.as_str()), table.key_spot(key)) {
                table.report().error(spot, message, format!("take `{key}` out"));
            }
        }
    }
    match &mut format {
        Some(Format::Xlsx { sheet: chosen }) => {
            *chosen = sheet.and_then(Value::text).map(|sheet| sheet.text.into());
        }
        Some(Format::Fixed {
            columns,
            skip_lines: lines,
        }) => {
            *columns = layout::columns(table);
            *lines = skip_lines.and_then(|lines| lines.try_into().ok()).unwrap_or(0);
        }
        Some(_) => layout::refuse(table),
        None => {}
    }
    let encoding = encoding.and_then(|value| {
        value.choice(&[
            ("utf-8", Encoding::Utf8),
            ("latin-1", Encoding::Latin1),
            ("iso-8859-1", Encoding::Latin1),
            ("windows-1252", Encoding::Windows1252),
        ])
    });
    if let (Some(Encoding::Latin1 | Encoding::Windows1252), Some(spot)) = (encoding, table.key_spot("encoding")) {
        let report = table.report();
        match &format {
            Some(Format::Json | Format::JsonLines) => report.error(spot, "JSON is always UTF-8", "take `encoding` out"),
            Some(Format::Xlsx { .. } | Format::Parquet) => {
                report.error(
                    spot,
                    "the format says itself how its text is written",
                    "take `encoding` out",
                );
            }
            _ => {}
        }
    }
    let compression = compression.and_then(|value| {
        value.choice(&[
            ("none", Compression::None),
            ("gzip", Compression::Gzip),
            ("zstd", Compression::Zstd),
        ])
    });
    Reading {
        format,
        encoding: encoding.unwrap_or_default(),
        compression: compression.unwrap_or_else(|| by_name(file)),
        has_trailer: table.has("trailer"),
    }
}

fn by_name(file: Option<&Path>) -> Compression {
    let extension = file.and_then(Path::extension).unwrap_or_default();
    match extension.to_ascii_lowercase().to_str() {
        Some("gz") => Compression::Gzip,
        Some("zst") => Compression::Zstd,
        _ => Compression::None,
    }
}

fn format(value: Value<'_>, delimiter: Option<Value<'_>>) -> Option<Format> {
    let text = value.text()?;
    let default = match text.text {
        "csv" => b',',
        "tsv" => b'\t',
        "json" => return Some(Format::Json),
        "jsonl" | "ndjson" => return Some(Format::JsonLines),
        "xlsx" => return Some(Format::Xlsx { sheet: None }),
        "parquet" => return Some(Format::Parquet),
        "fixed" => {
            return Some(Format::Fixed {
                columns: [].into(),
                skip_lines: 0,
            });
        }
        later if LATER_FORMATS.contains(&later) => {
            text.error(
                format!("format `{later}` is not supported yet"),
                format!("{FORMATS}, or take `format` out to treat it as plain bytes"),
            );
            return None;
        }
        other => {
            text.error(format!("unknown format `{other}`"), FORMATS);
            return None;
        }
    };
    let Some(value) = delimiter else {
        let delimiter = Some(default);
        return Some(Format::Csv { delimiter });
    };
    let delimiter = match value.as_text() {
        Some("detect") => None,
        Some("tab") => Some(b'\t'),
        Some(one) if one.len() == 1 && !"\"\r\n\0".contains(one) => Some(one.as_bytes()[0]),
        Some(_) => {
            value.error(
                "`delimiter` must be one plain character",
                "write delimiter = \";\", delimiter = \"tab\" or delimiter = \"detect\"",
            );
            return None;
        }
        None => {
            value.expected("one character", "write delimiter = \";\"");
            return None;
        }
    };
    Some(Format::Csv { delimiter })
}
