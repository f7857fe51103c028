//! Says what a file really is, where it is not what its dataset says.

use crate::model::Format;
use crate::probe::ContentError;

/// What a file is, and what may have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// With its article: `an Excel workbook`.
    pub(super) what: String,
    /// How it may have come to that, or what to do.
    pub(super) advice: &'static str,
}

/// What begins so, whatever follows.
const BEGINNINGS: &[(&[u8], &str, &str)] = &[
    (
        b"PK\x03\x04",
        "a ZIP archive or an Excel workbook",
        "let it be exported as text, or say format = \"xlsx\"",
    ),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an Excel workbook that is encrypted, or of the kind before 2007",
        "let it be saved as .xlsx, without a password",
    ),
    (
        b"PARE",
        "an encrypted Parquet file",
        "let it be written without encryption",
    ),
    (b"%PDF-", "a PDF document", "let it be exported as text"),
    (
        b"PAR1",
        "a Parquet file",
        "let it be exported as text, or say format = \"parquet\"",
    ),
    (b"SQLite format 3\0", "an SQLite database", "let it be exported as text"),
    (
        b"\x1f\x8b",
        "packed with gzip",
        "let it be unpacked, or say compression = \"gzip\"",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "packed with Zstandard",
        "let it be unpacked, or say compression = \"zstd\"",
    ),
];

/// What the first bytes show it to be, when that is not `format`.
///
/// What only looks like something else, but could be read as what it should be, is left in peace.
pub(super) fn kind_of(head: &[u8], format: &Format, content: &Result<(), ContentError>) -> Option<Kind> {
    let own = beginning_of(format);
    if own.is_some_and(|own| head.starts_with(own)) {
        return None;
    }
    if let Some((_, what, advice)) = BEGINNINGS.iter().find(|(beginning, ..)| head.starts_with(beginning)) {
        let what = (*what).to_owned();
        return Some(Kind { what, advice });
    }
    if let Some(title) = html_title(head) {
        let what = match title.as_str() {
            "" => "an HTML page".to_owned(),
            title => format!("an HTML page titled \"{title}\""),
        };
        let advice = "it may be the error page of the server it was fetched from";
        return Some(Kind { what, advice });
    }
    if own.is_some() && !head.is_empty() {
        let is_text = !head.contains(&0)
            && String::from_utf8_lossy(head)
                .chars()
                .filter(|c| *c == '\u{fffd}')
                .count()
                < 3;
        return Some(Kind {
            what: if is_text { "text" } else { "something else" }.to_owned(),
            advice: "let it be exported as before, or correct `format`",
        });
    }
    let begins = |beginning: &str| {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        text.starts_with(beginning.as_bytes())
    };
    let is_csv = matches!(format, Format::Csv { .. });
    let Err(error) = content else { return None };
    let what = match error {
        _ if begins("<?xml") => "XML",
        _ if is_csv && (begins("{\"") || begins("[{") || begins("{\n")) => "JSON",
        ContentError::NoArray { found: Some(_) } if begins("{") => return json_object(head),
        _ => return None,
    };
    Some(Kind {
        what: what.to_owned(),
        advice: "let it be exported as before, or correct `format`",
    })
}

/// What every file of a format that is no text begins with.
fn beginning_of(format: &Format) -> Option<&'static [u8]> {
    match format {
        Format::Xlsx { .. } => Some(b"PK\x03\x04"),
        Format::Parquet => Some(b"PAR1"),
        Format::Csv { .. } | Format::Json | Format::JsonLines | Format::Fixed { .. } => None,
    }
}

/// Objects one after the other are JSON Lines; one alone is often the error of a server.
fn json_object(head: &[u8]) -> Option<Kind> {
    let mut lines = head.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let is_object = |line: &[u8]| line.starts_with(b"{") && line.trim_ascii_end().ends_with(b"}");
    let are_objects = lines.next().is_some_and(is_object) && lines.next().is_some_and(|line| line.starts_with(b"{"));
    are_objects.then(|| Kind {
        what: "an object on each line".to_owned(),
        advice: "write format = \"jsonl\"",
    })
}

/// The title of a page where there should be data: `Some` as soon as it is a page, `""` without a title.
fn html_title(head: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let lower = text.to_ascii_lowercase();
    if !lower.starts_with("<!doctype html") && !lower.starts_with("<html") {
        return None;
    }
    let title = lower.find("<title>").and_then(|at| {
        let from = at + "<title>".len();
        let length = lower[from..].find("</title>")?;
        Some(text[from..from + length].trim())
    });
    Some(title.unwrap_or_default().replace(char::is_control, " "))
}
