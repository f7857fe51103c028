//! Judges a candidate before readers see it; each answer says what was expected and what came.

use std::io;
use std::sync::atomic::AtomicU64;

use jiff::{SignedDuration, Timestamp};

use super::columns::{Compared, Tally, compared};
use super::kind::{Kind, kind_of};
use super::script::script;
use crate::model::{
    AsOf, CheckResult, Format, Judgement, Judging, Measurement, Verdict, format_duration, report_value, staged_path,
};
use crate::probe::{self, ContentError, MeasureError, Survey, TimeError};

/// How far `as_of` may be ahead of the last write of the candidate: clocks differ a little.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Measures a candidate once and judges it by the checks of its dataset.
///
/// What the job left unreadable is held back, with the reason. An error is the machine's own doing and no verdict.
/// `bytes_read` counts up while the candidate is read.
pub fn judge(judging: &Judging, bytes_read: &AtomicU64) -> Result<Judgement, MeasureError> {
    let mut sheet = Sheet::default();
    let measurement = match open_and_survey(judging, bytes_read) {
        Ok((survey, as_of, answers)) => judge_survey(judging, survey, as_of, answers, &mut sheet),
        Err(error) => {
            if let Some(error) = of_the_machine(&error) {
                return Err(error);
            }
            sheet.refuse_unread(&error);
            Measurement::default()
        }
    };
    Ok(Judgement {
        measurement,
        checks: sheet.checks,
        script: script(judging),
    })
}

/// What the machine did, where the job is not to blame.
///
/// Permissions are the job's, which made the file. A directory that is gone with all that was in it says nothing of
/// what the job wrote.
pub(in crate::checks) fn of_the_machine(error: &MeasureError) -> Option<MeasureError> {
    let (path, source) = match error {
        MeasureError::Missing { path } => {
            let directory = path.parent()?;
            (directory, directory.metadata().err()?)
        }
        MeasureError::Io { path, source } => {
            let code = source.raw_os_error()?;
            (path.as_path(), io::Error::from_raw_os_error(code))
        }
        MeasureError::NotAFile { .. } | MeasureError::Changed { .. } | MeasureError::Content(_) => return None,
    };
    let path = path.to_owned();
    (source.kind() != io::ErrorKind::PermissionDenied).then_some(MeasureError::Io { path, source })
}

/// What the job reports as its `as_of`, when it does; then the dataset's rule is not asked.
type ReportedTime = Option<Result<Timestamp, (String, TimeError)>>;

/// What one pass over the candidate tells, and what the rules of its columns say of it.
type Surveyed = (Survey, ReportedTime, Vec<CheckResult>);

fn open_and_survey(judging: &Judging, bytes_read: &AtomicU64) -> Result<Surveyed, MeasureError> {
    let dataset = &judging.dataset;
    let reported: ReportedTime = report_value(&judging.report, "as_of").map(|text| {
        let time = probe::parse_time(text, None);
        time.map_err(|why| (text.to_owned(), why))
    });
    let rule = if reported.is_some() {
        &AsOf::Start
    } else {
        &dataset.as_of
    };
    let staged = &judging.staged;
    // A staged candidate is hidden under another name until it is published under its own.
    let named = match &dataset.file {
        Some(target) if staged_path(target, judging.id) == *staged => target,
        _ => staged,
    };
    let name = named.file_name().unwrap_or_default().to_string_lossy();
    let file = probe::open_regular(staged)?;
    let reading = dataset.checks.reading;
    let rules = dataset.checks.columns.as_slice();
    let allowed = rules
        .iter()
        .map(|rule| compared(rule, &judging.compared_with, bytes_read))
        .collect::<Result<Vec<Compared<'_>>, _>>()?;
    let mut tally = Tally::new(rules, allowed);
    let survey = probe::survey(&file, staged, &name, reading, rule, &mut tally, bytes_read)?;
    let answers = match survey.content {
        Ok(()) if survey.measurement.bytes > 0 => tally.answers(&survey.columns),
        _ => Vec::new(),
    };
    Ok((survey, reported, answers))
}

fn judge_survey(
    judging: &Judging,
    survey: Survey,
    reported: ReportedTime,
    answers: Vec<CheckResult>,
    sheet: &mut Sheet,
) -> Measurement {
    let Survey {
        mut measurement,
        content,
        head,
        last_byte,
        modified_at,
        columns,
    } = survey;
    let dataset = &judging.dataset;
    let checks = &dataset.checks;
    let bytes = measurement.bytes;
    sheet.pass("output", "a file", "a file", "the job wrote a file");

    let format = checks.reading.format;
    if let Some(format) = format.filter(|_| bytes > 0 || content.is_err()) {
        sheet.format(format, kind_of(&head, format, &content), &content);
        if matches!(format, Format::Csv { .. }) && content.is_ok() && last_byte.is_some() {
            sheet.last_line(last_byte);
        }
    } else if let Err(error) = &content {
        sheet.hold("as_of", "a time", "none", error.to_string());
    }
    if bytes == 0 || content.is_ok() {
        sheet.empty(bytes, measurement.rows, dataset.may_be_empty);
    }
    if let Some(least) = checks.bytes_min {
        sheet.at_least("bytes.min", "bytes", least, Some(bytes));
    }
    if let Some(most) = checks.bytes_max {
        sheet.at_most("bytes.max", "bytes", most, Some(bytes));
    }
    if let Some(least) = checks.rows_min {
        sheet.at_least("rows.min", "rows", least, measurement.rows);
    }
    if let Some(most) = checks.rows_max {
        sheet.at_most("rows.max", "rows", most, measurement.rows);
    }
    if let (Some(format), false, Ok(()), true) = (format, checks.header.is_empty(), &content, bytes > 0) {
        sheet.header(format, &checks.header, &columns);
    }
    sheet.checks.extend(answers);
    for (key, measured) in [("rows", measurement.rows), ("bytes", Some(bytes))] {
        if let (Some(text), Some(measured)) = (report_value(&judging.report, key), measured) {
            sheet.reported(key, text, measured);
        }
    }
    match reported {
        Some(Ok(time)) => measurement.as_of = Some(time),
        Some(Err((text, why))) => {
            let why = match why {
                TimeError::WithoutZone => "has no time zone",
                TimeError::Unreadable => "is not a time",
            };
            let message =
                format!("the job reported as_of={text}, which {why}; write it as in 2026-11-20T22:10:00+01:00");
            sheet.hold("as_of", "a time with its zone", &text, message);
        }
        None => {}
    }
    let newest = modified_at.max(judging.started_at);
    sheet.as_of(measurement.as_of, dataset.requires_as_of, newest);
    measurement
}

/// The answers, in the order in which they were given.
#[derive(Default)]
struct Sheet {
    checks: Vec<CheckResult>,
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

    fn pass(&mut self, name: &str, expected: &str, actual: &str, message: impl Into<String>) {
        self.add(Verdict::Pass, name, expected, actual, message);
    }

    fn hold(&mut self, name: &str, expected: &str, actual: &str, message: impl Into<String>) {
        self.add(Verdict::Hold, name, expected, actual, message);
    }

    fn refuse_unread(&mut self, error: &MeasureError) {
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

    fn format(&mut self, format: Format, kind: Option<Kind>, content: &Result<(), ContentError>) {
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
            ContentError::JsonBroken { last: true, .. } | ContentError::OpenArray { .. } => {
                self.hold("last_line", "a whole record", "a part of one", message);
            }
            ContentError::AsOf { .. } | ContentError::Name { .. } | ContentError::MissingColumn { .. } => {
                self.hold("as_of", "a time", "none", message);
            }
            _ => self.hold("format", name, &format!("broken {name}"), message),
        }
    }

    fn last_line(&mut self, last_byte: Option<u8>) {
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

    fn header(&mut self, format: Format, expected: &[String], found: &[String]) {
        let mut columns = found.to_vec();
        let mut wanted = expected.to_vec();
        if !matches!(format, Format::Csv { .. }) {
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

    fn empty(&mut self, bytes: u64, rows: Option<u64>, may_be_empty: bool) {
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

    fn at_least(&mut self, name: &str, unit: &str, least: u64, measured: Option<u64>) {
        let fine = measured.is_some_and(|measured| measured >= least);
        let expected = (format!("at least {least}"), least);
        self.bound(name, unit, &expected, measured, fine);
    }

    fn at_most(&mut self, name: &str, unit: &str, most: u64, measured: Option<u64>) {
        let fine = measured.is_some_and(|measured| measured <= most);
        let expected = (format!("at most {most}"), most);
        self.bound(name, unit, &expected, measured, fine);
    }

    fn bound(&mut self, name: &str, unit: &str, (expected, limit): &(String, u64), measured: Option<u64>, fine: bool) {
        let unit = match limit {
            1 => unit.trim_end_matches('s'),
            _ => unit,
        };
        let Some(measured) = measured else {
            let message = format!("expected {expected} {unit}, but they could not be counted");
            self.hold(name, expected, "not counted", message);
            return;
        };
        let message = format!("expected {expected} {unit}, and {measured} came");
        let verdict = if fine { Verdict::Pass } else { Verdict::Hold };
        self.add(verdict, name, expected, &measured.to_string(), message);
    }

    fn reported(&mut self, key: &str, text: &str, measured: u64) {
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

    fn as_of(&mut self, as_of: Option<Timestamp>, required: bool, newest: Timestamp) {
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
