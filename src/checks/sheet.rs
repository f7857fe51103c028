//! The answers about a file as a whole, in words: what it is, how it ends, how much it is.

use jiff::{SignedDuration, Timestamp};

use super::kind::Kind;
use crate::model::{CheckResult, Format, Level, Verdict, format_duration};
use crate::probe::{self, ContentError, MeasureError, Swallowed};

/// How far `as_of` may be ahead of the last write of the candidate: clocks differ a little.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// The answers, in the order in which they were given.
#[derive(Default)]
pub(super) struct Sheet {
    pub(super) checks: Vec<CheckResult>,
}

impl Sheet {
    fn add(&mut self, verdict: Verdict, name: &str, expected: &str, actual: &str, message: impl Into<String>) {
        self.checks.push(CheckResult {
            name: name.to_owned(),
            column: None,
            verdict,
            expected: expected.to_owned(),
            actual: actual.to_owned(),
            message: message.into(),
        });
    }

    pub(super) fn pass(&mut self, name: &str, expected: &str, actual: &str, message: impl Into<String>) {
        self.add(Verdict::Pass, name, expected, actual, message);
    }

    pub(super) fn hold(&mut self, name: &str, expected: &str, actual: &str, message: impl Into<String>) {
        self.add(Verdict::Hold, name, expected, actual, message);
    }

    pub(super) fn refuse_unread(&mut self, error: &MeasureError) {
        let (actual, message) = match error {
            MeasureError::Missing { .. } => (
                "nothing",
                "the job ended well but wrote nothing to FRESHD_OUTPUT; write the file to that path".to_owned(),
            ),
            MeasureError::NotAFile { what, .. } => (
                *what,
                format!("the job left {what} at FRESHD_OUTPUT; write a regular file to that path"),
            ),
            MeasureError::Changed { .. } => (
                "a file still being written",
                "the output changed while it was judged; let the job wait for everything that writes to it".to_owned(),
            ),
            MeasureError::Io { .. } | MeasureError::Content(_) => ("unreadable", error.to_string()),
        };
        self.hold("output", "a file", actual, message);
    }

    pub(super) fn format(&mut self, format: &Format, kind: Option<Kind>, content: &Result<(), ContentError>) {
        let name = format.as_str();
        if let Some(Kind { what, advice }) = kind {
            let written = name.to_uppercase();
            let message = format!("the output is {what}, not {written}: {advice}");
            self.hold("format", name, &what, message);
            return;
        }
        let Err(error) = content else {
            let message = match format {
                Format::Csv { .. } => "every line has the columns of the header",
                Format::Json | Format::JsonLines => "every record is an object",
                Format::Fixed { .. } => "every line reaches as far as the columns",
                Format::Xlsx { .. } | Format::Parquet => "every row can be read",
            };
            self.pass("format", name, name, message);
            return;
        };
        let message = error.to_string();
        match error {
            ContentError::UnequalColumns {
                expected,
                found,
                last: true,
                ..
            } => self.hold(
                "last_line",
                &format!("{expected} columns"),
                &format!("{found} columns"),
                message,
            ),
            ContentError::ShortLine {
                expected,
                found,
                last: true,
                ..
            } => self.hold(
                "last_line",
                &format!("{expected} characters"),
                &format!("{found} characters"),
                message,
            ),
            ContentError::JsonBroken { last: true, .. } | ContentError::OpenArray { .. } => {
                self.hold("last_line", "a whole record", "a part of one", message);
            }
            _ => self.hold("format", name, &format!("broken {name}"), message),
        }
    }

    /// One column, and within its name what separates columns.
    pub(super) fn delimiter(&mut self, columns: &[String]) {
        if let Some(other) = probe::other_delimiter(columns) {
            let shown = match other {
                '\t' => "tab".to_owned(),
                other => other.to_string(),
            };
            let message = format!(
                "the header has {}; if it is really one name, write header = [\"...\"]",
                probe::listed(columns)
            );
            self.hold(
                "delimiter",
                "several columns",
                &format!("one with `{shown}` in its name"),
                message,
            );
        }
    }

    /// A value that holds what look like rows.
    pub(super) fn swallowed(&mut self, Swallowed { line, lines }: Swallowed) {
        let message = format!(
            "line {line}: a quote is opened, and closed {lines} lines later; what lies between looks like rows that are lost in one value"
        );
        self.add(
            Verdict::Warn,
            "quotes",
            "values of a few lines",
            &format!("one of {lines} lines"),
            message,
        );
    }

    pub(super) fn last_line(&mut self, last_byte: Option<u8>) {
        let expected = "a line break at the end";
        if matches!(last_byte, Some(b'\n' | b'\r')) {
            self.pass("last_line", expected, expected, "the last line is complete");
        } else {
            self.hold(
                "last_line",
                expected,
                "no line break at the end",
                "the last line does not end with a line break, so it may be cut off; let the job write one after its last row",
            );
        }
    }

    pub(super) fn header(&mut self, format: &Format, expected: &[String], found: &[String]) {
        let mut columns = found.to_vec();
        let mut wanted = expected.to_vec();
        if !format.has_order() {
            // An object has its keys in any order.
            columns.sort_unstable();
            wanted.sort_unstable();
        }
        let (listed, actual) = (probe::listed(expected), probe::listed(found));
        if columns == wanted {
            self.pass("header", &listed, &actual, "the header is as expected");
            return;
        }
        let lacking = |all: &[String], of: &[String]| -> Vec<String> {
            let is_lacking = |name: &&String| !of.contains(name);
            all.iter().filter(is_lacking).cloned().collect()
        };
        let (missing, strange) = (lacking(expected, found), lacking(found, expected));
        let mut parts = Vec::new();
        if !missing.is_empty() {
            parts.push(format!("{} missing", probe::listed(&missing)));
        }
        if !strange.is_empty() {
            parts.push(format!("{} new", probe::listed(&strange)));
        }
        if parts.is_empty() {
            parts.push("the order is another".to_owned());
        }
        let message = format!("the header must be {listed}, but it is {actual}: {}", parts.join(", "));
        self.hold("header", &listed, &actual, message);
    }

    pub(super) fn empty(&mut self, bytes: u64, rows: Option<u64>, may_be_empty: bool) {
        let actual = match (bytes, rows) {
            (0, _) => "no bytes",
            (_, Some(0)) => "a header and no rows",
            _ => {
                self.pass("empty", "not empty", "not empty", "the output is not empty");
                return;
            }
        };
        if may_be_empty {
            let message = format!("the output has {actual}, which may_be_empty allows");
            self.pass("empty", "may be empty", actual, message);
        } else {
            let message =
                format!("the output has {actual}; if that can be right, set may_be_empty = true for the dataset");
            self.hold("empty", "not empty", actual, message);
        }
    }

    pub(super) fn at_least(&mut self, name: &str, level: Level, least: u64, measured: Option<u64>) {
        let fine = measured.is_some_and(|measured| measured >= least);
        let expected = (format!("at least {least}"), least);
        self.bound(name, level, &expected, measured, fine);
    }

    pub(super) fn at_most(&mut self, name: &str, level: Level, most: u64, measured: Option<u64>) {
        let fine = measured.is_some_and(|measured| measured <= most);
        let expected = (format!("at most {most}"), most);
        self.bound(name, level, &expected, measured, fine);
    }

    fn bound(
        &mut self,
        name: &str,
        level: Level,
        (expected, limit): &(String, u64),
        measured: Option<u64>,
        fine: bool,
    ) {
        let unit = name.split('.').next().unwrap_or(name);
        let unit = match limit {
            1 => unit.trim_end_matches('s'),
            _ => unit,
        };
        let Some(measured) = measured else {
            let message = format!("expected {expected} {unit}, but they could not be counted");
            let verdict = level.of_fact().verdict();
            self.add(verdict, name, expected, "not counted", message);
            return;
        };
        let message = format!("expected {expected} {unit}, and {measured} came");
        let verdict = if fine { Verdict::Pass } else { level.of_fact().verdict() };
        self.add(verdict, name, expected, &measured.to_string(), message);
    }

    pub(super) fn reported(&mut self, key: &str, text: &str, measured: u64) {
        let name = format!("report.{key}");
        let actual = measured.to_string();
        match text.parse::<u64>() {
            Ok(number) if number == measured => {
                let message = format!("the job reported {number} {key}, and so many came");
                self.pass(&name, text, &actual, message);
            }
            Ok(number) => {
                let message =
                    format!("the job reported {number} {key}, but {measured} came: some may be lost or doubled");
                self.hold(&name, text, &actual, message);
            }
            Err(_) => {
                let message = format!(
                    "the job reported {key}={text}, which is not a whole number; write it as in {key}={measured}"
                );
                self.hold(&name, text, &actual, message);
            }
        }
    }

    pub(super) fn as_of(&mut self, as_of: Option<Timestamp>, required: bool, newest: Timestamp) {
        // A reported time that cannot be read, or a broken column, has been answered already.
        if self.checks.iter().any(|check| check.name == "as_of") {
            return;
        }
        let Some(as_of) = as_of else {
            if required {
                self.hold(
                    "requires_as_of",
                    "an as_of",
                    "none",
                    "nothing says as of when the data is; report as_of=TIME or set an `as_of` rule that finds one",
                );
            }
            return;
        };
        let ahead = as_of.duration_since(newest);
        if ahead > AHEAD_MAX {
            let by = format_duration(std::time::Duration::from_secs(ahead.unsigned_abs().as_secs()));
            let message = format!(
                "the data says it is as of {as_of}, {by} after it was written; a clock or a time zone may be wrong"
            );
            let expected = format!("at most {newest}");
            self.add(Verdict::Warn, "as_of", &expected, &as_of.to_string(), message);
        } else {
            let message = format!("the data is as of {as_of}");
            self.pass("as_of", "not in the future", &as_of.to_string(), message);
        }
    }
}
