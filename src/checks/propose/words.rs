//! Proposals about a file as a whole, and how values are written in jobs.toml.

use super::files::Seen;
use super::{ProposedCheck, of_files};
use crate::model::{CheckLevel, Compression, Encoding, Format, Trailer};

/// The evidence for what was not found out.
const AS_CONFIGURED: &str = "as jobs.toml says";

/// How files like this are read; as jobs.toml says, or as they look.
pub(super) fn reading(first: &Seen, is_known: bool, lines: &mut Vec<ProposedCheck>) {
    let reading = &first.reading;
    let mut add = |line: String, evidence: &str| {
        let evidence = if is_known { AS_CONFIGURED } else { evidence }.to_owned();
        lines.push(ProposedCheck { line, evidence });
    };
    if let Some(format) = &reading.format {
        let name = match format {
            Format::Csv { delimiter: Some(b'\t') } => "tsv",
            format => format.as_str(),
        };
        add(format!("format = {}", quoted(name)), "they can be read so to their end");
        match format {
            Format::Csv { delimiter: None } => {
                add("delimiter = \"detect\"".to_owned(), "each header has most of its own");
            }
            Format::Csv {
                delimiter: Some(delimiter),
            } if ![b',', b'\t'].contains(delimiter) => {
                let line = format!("delimiter = {}", quoted(&char::from(*delimiter).to_string()));
                add(line, "the header has most of it");
            }
            Format::Xlsx { sheet: Some(sheet) } => add(format!("sheet = {}", quoted(sheet)), "they have it"),
            Format::Fixed { skip_lines, .. } if *skip_lines > 0 => {
                add(format!("skip_lines = {skip_lines}"), "they begin so");
            }
            Format::Csv { .. }
            | Format::Json
            | Format::JsonLines
            | Format::Fixed { .. }
            | Format::Xlsx { .. }
            | Format::Parquet => {}
        }
    }
    if reading.encoding != Encoding::Utf8 {
        let line = format!("encoding = {}", quoted(reading.encoding.as_str()));
        add(line, "they are not UTF-8");
    }
    if reading.compression != Compression::None {
        let line = format!("compression = {}", quoted(reading.compression.as_str()));
        add(line, "by their names");
    }
}

/// The last line, which is no row, as jobs.toml has it.
pub(super) fn trailer(trailer: &Trailer, lines: &mut Vec<ProposedCheck>) {
    let matches = quoted(trailer.pattern.0.as_str());
    let line = match trailer.level.of_fact() {
        CheckLevel::Hold => format!("trailer = {matches}"),
        CheckLevel::Warn => format!("trailer = {{ matches = {matches}, level = \"warn\" }}"),
    };
    let evidence = AS_CONFIGURED.to_owned();
    lines.push(ProposedCheck { line, evidence });
}

/// Rows and header.
pub(super) fn whole(seen: &[Seen], lines: &mut Vec<ProposedCheck>) {
    let Some(first) = seen.first() else { return };
    let format = first.reading.format.as_ref();
    let has_header = format.is_some_and(|format| format.has_order() && !matches!(format, Format::Fixed { .. }));
    if has_header && first.columns.iter().all(|column| !column.is_empty()) {
        let names: Vec<String> = first.columns.iter().map(|column| quoted(column)).collect();
        lines.push(ProposedCheck {
            line: format!("header = [{}]", names.join(", ")),
            evidence: format!("that of {}", of_files(seen.len())),
        });
    }
    let rows = || seen.iter().map(|seen| seen.rows);
    let (Some(least), Some(most)) = (rows().min(), rows().max()) else {
        return;
    };
    if least == 0 {
        return;
    }
    let change = band(&rows().map(count).collect::<Vec<f64>>(), (0.4, 0.8));
    lines.push(ProposedCheck {
        line: format!(
            "rows = {{ min = {}, change = {} }}",
            (least / 5).max(1),
            quoted(&change)
        ),
        evidence: format!("{least} to {most} rows"),
    });
    let bytes = || seen.iter().map(|seen| seen.bytes);
    if let (Some(least), Some(most)) = (bytes().min(), bytes().max()) {
        let change = band(&bytes().map(count).collect::<Vec<f64>>(), (0.4, 0.8));
        lines.push(ProposedCheck {
            line: format!("bytes = {{ change = {} }}", quoted(&change)),
            evidence: format!("{least} to {most} bytes"),
        });
    }
}

/// A band that is at least so wide below and above, and three times as wide as what was seen.
pub(super) fn band(numbers: &[f64], (below, above): (f64, f64)) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let mut away = (0.0_f64, 0.0_f64);
    if usual != 0.0 {
        for number in &sorted {
            let part = number / usual - 1.0;
            away = (away.0.max(-part), away.1.max(part));
        }
    }
    let below = (3.0 * away.0).max(below).min(0.95);
    let above = (3.0 * away.1).max(above);
    format!("-{}%..+{}%", tens(below), tens(above))
}

/// In percent, rounded up to the next ten; 95 stays.
fn tens(part: f64) -> u64 {
    if (0.95..1.0).contains(&part) {
        return 95;
    }
    round_up(part * 10.0 - 1e-9) * 10
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "parts and ages are small numbers and not negative"
)]
pub(super) fn round_up(number: f64) -> u64 {
    number.max(0.0).ceil() as u64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no file has more rows or bytes than fit into 53 bits"
)]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}

/// A text as TOML has it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text becomes JSON, which TOML reads alike")
}

/// The name of a column as a key.
pub(super) fn key(column: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !column.is_empty() && column.chars().all(is_bare) {
        column.to_owned()
    } else {
        quoted(column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_is_three_times_as_wide_as_what_was_seen() {
        assert_eq!(band(&[100.0, 101.0, 99.0], (0.4, 0.8)), "-40%..+80%");
        assert_eq!(band(&[100.0, 140.0, 75.0], (0.4, 0.8)), "-80%..+120%");
        assert_eq!(band(&[100.0, 101.0, 10.0], (0.4, 0.8)), "-95%..+80%");
        assert_eq!(band(&[], (0.5, 1.0)), "-50%..+100%");
    }

    #[test]
    fn names_that_toml_does_not_take_bare_are_quoted() {
        assert_eq!(key("qty_kg"), "qty_kg");
        assert_eq!(key("Menge (kg)"), "\"Menge (kg)\"");
        assert_eq!(key("a.b"), "\"a.b\"");
    }
}
