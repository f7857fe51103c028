//! How a file is read: `format`, `delimiter`, `encoding` and `compression` of `checks`.

use std::path::Path;

use crate::config::reader::{Table, Value};
use crate::model::{Compression, Encoding, Format, Reading};

/// Formats of later versions.
const LATER_FORMATS: [&str; 4] = ["parquet", "xlsx", "xml", "fixed"];

const FORMATS: &str = "write \"csv\", \"tsv\", \"json\" or \"jsonl\"";

/// Reads how a file is read. One whose name ends in `.gz` or `.zst` is packed unless `compression` says otherwise.
pub(super) fn reading(table: &Table<'_>, file: Option<&Path>) -> Reading {
    let delimiter = table.get("delimiter");
    let encoding = table.get("encoding");
    let compression = table.get("compression");
    let format = table.get("format").and_then(|value| format(value, delimiter));
    if !table.has("format") {
        for value in [delimiter, encoding, compression].into_iter().flatten() {
            value.error(
                format!("`{}` has no effect without `format`", value.key),
                "add format = \"csv\"",
            );
        }
    }
    let encoding = encoding.and_then(|value| {
        value.choice(&[
            ("utf-8", Encoding::Utf8),
            ("latin-1", Encoding::Latin1),
            ("iso-8859-1", Encoding::Latin1),
            ("windows-1252", Encoding::Windows1252),
        ])
    });
    if let (Some(Format::Json | Format::JsonLines), Some(Encoding::Latin1 | Encoding::Windows1252), Some(spot)) =
        (format, encoding, table.key_spot("encoding"))
    {
        let report = table.report();
        report.error(spot, "JSON is always UTF-8", "take `encoding` out");
    }
    let compression = compression.and_then(|value| {
        value.choice(&[
            ("none", Compression::None),
            ("gzip", Compression::Gzip),
            ("zstd", Compression::Zstd),
        ])
    });
    if let (Some(Format::Json), Some(spot)) = (format, table.key_spot("trailer")) {
        let report = table.report();
        report.error(spot, "a JSON array has no `trailer`", "take `trailer` out");
    }
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
        "json" | "jsonl" | "ndjson" => {
            if let Some(delimiter) = delimiter {
                delimiter.error("JSON has no `delimiter`", "take `delimiter` out");
            }
            return Some(match text.text {
                "json" => Format::Json,
                _ => Format::JsonLines,
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
