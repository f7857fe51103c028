//! What the checks say of candidates of every kind.

mod columns;
mod kinds;
mod learned;
mod machine;
mod records;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::judge;
use crate::model::*;
use crate::probe::Progress;

/// A candidate for a CSV dataset without any rule of its own; tests change what they are about.
struct Case {
    dir: TempDir,
    judging: Judging,
}

impl Case {
    fn new() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let target = dir.path().join("stock-2026-11-18.csv");
        let id = AttemptId {
            run: RunId(7),
            number: 1,
        };
        let dataset = Dataset {
            file: Some(target.clone()),
            checks: csv_checks(),
            ..plain_dataset("stock")
        };
        let judging = Judging {
            id,
            dataset: Arc::new(dataset),
            staged: staged_path(&target, id),
            started_at: time("2026-11-20T22:00:00Z"),
            script: None,
            compared_with: Vec::new(),
            comparison: Comparison::default(),
            inputs: Vec::new(),
            report: Vec::new(),
        };
        Self { dir, judging }
    }

    fn with(content: &str) -> Self {
        let case = Self::new();
        fs::write(&case.judging.staged, content).expect("a candidate");
        case
    }

    fn rules(mut self, change: impl FnOnce(&mut Dataset)) -> Self {
        change(Arc::make_mut(&mut self.judging.dataset));
        self
    }

    fn report(mut self, text: &str) -> Self {
        self.judging.report = parse_report(text).pairs;
        self
    }

    fn judge(&self) -> Judgement {
        judge(&self.judging, &Progress::default()).expect("a verdict")
    }

    /// Names and sentences of the checks that do not pass.
    fn problems(&self) -> Vec<(String, String)> {
        let checks = self.judge().checks;
        let bad = checks.into_iter().filter(|check| check.verdict != Verdict::Pass);
        bad.map(|check| (check.name, check.message)).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn csv_checks() -> Checks {
    let reading = Reading {
        format: Some(Format::Csv { delimiter: Some(b',') }),
        ..Reading::default()
    };
    Checks {
        reading,
        ..Checks::default()
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn problem(name: &str, message: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), message.to_owned())]
}

const GOOD: &str = "lot,qty\nL1,1\nL2,2\n";

#[test]
fn a_good_candidate_passes_and_the_checks_made_are_listed() {
    let case = Case::with(GOOD).rules(|dataset| {
        dataset.checks.rows_min = Some(2);
        dataset.checks.rows_max = Some(2);
        dataset.checks.bytes_min = Some(18);
    });
    let judgement = case.report("rows=2\nbytes=18").judge();
    assert_eq!(judgement.verdict(), Verdict::Pass);
    let names: Vec<&str> = judgement.checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "output",
            "format",
            "last_line",
            "empty",
            "bytes.min",
            "rows.min",
            "rows.max",
            "report.rows",
            "report.bytes"
        ]
    );
    assert_eq!(judgement.measurement.rows, Some(2));
    assert_eq!(judgement.measurement.bytes, 18);
    assert_eq!(judgement.measurement.as_of, None);
}

#[test]
fn a_missing_candidate_says_where_to_write() {
    let case = Case::new();
    let message = "the job ended well but wrote nothing to FRESHD_OUTPUT; write the file to that path";
    assert_eq!(case.problems(), problem("output", message));
    assert_eq!(case.judge().verdict(), Verdict::Hold);
    assert_eq!(case.judge().measurement, Measurement::default());
}

#[test]
fn a_link_or_directory_is_no_candidate() {
    let case = Case::new();
    fs::write(case.path("real.csv"), GOOD).expect("a file");
    symlink(case.path("real.csv"), &case.judging.staged).expect("a link");
    let message = "the job left a symbolic link at FRESHD_OUTPUT; write a regular file to that path";
    assert_eq!(case.problems(), problem("output", message));

    let case = Case::new();
    fs::create_dir(&case.judging.staged).expect("a directory");
    let message = "the job left a directory at FRESHD_OUTPUT; write a regular file to that path";
    assert_eq!(case.problems(), problem("output", message));
}

#[test]
fn an_empty_candidate_is_held_unless_it_may_be_empty() {
    for (content, what) in [("", "no bytes"), ("lot,qty\n", "a header and no rows")] {
        let message = format!("the output has {what}; if that can be right, set may_be_empty = true for the dataset");
        assert_eq!(Case::with(content).problems(), problem("empty", &message));
        let allowed = Case::with(content).rules(|dataset| dataset.may_be_empty = true);
        assert_eq!(allowed.problems(), []);
        assert_eq!(allowed.judge().measurement.rows, Some(0));
    }
}

#[test]
fn limits_say_what_was_expected_and_what_came() {
    let case = Case::with(GOOD).rules(|dataset| {
        dataset.checks.rows_min = Some(50);
        dataset.checks.rows_max = Some(1);
        dataset.checks.bytes_min = Some(19);
    });
    let expected = [
        ("bytes.min", "expected at least 19 bytes, and 18 came"),
        ("rows.min", "expected at least 50 rows, and 2 came"),
        ("rows.max", "expected at most 1 row, and 2 came"),
    ];
    assert_eq!(
        case.problems(),
        expected.map(|(name, message)| (name.to_owned(), message.to_owned()))
    );
    let check = &case.judge().checks[5];
    assert_eq!((check.expected.as_str(), check.actual.as_str()), ("at least 50", "2"));
}

#[test]
fn a_file_cut_off_in_its_last_line_is_held() {
    for (content, name, message) in [
        (
            "lot,qty\nL1,1\nL2",
            "last_line",
            "line 3: 1 value where the header names 2, and the file ends there: it may be cut off",
        ),
        (
            "lot,qty\nL1,1\nL2,2",
            "last_line",
            "the last line does not end with a line break, so it may be cut off; let the job write one after its last row",
        ),
        (
            "lot,qty\nL1,1\nL2\nL3,3\n",
            "format",
            "line 3: 1 value where the header names 2",
        ),
        (
            "lot,qty\nL1,\"1\n",
            "format",
            "line 2: a quote is opened and never closed",
        ),
    ] {
        let case = Case::with(content);
        assert_eq!(case.problems(), problem(name, message), "{content:?}");
        let measurement = case.judge().measurement;
        assert_eq!(measurement.bytes, content.len() as u64);
        assert_eq!(measurement.sha256.len(), 64);
    }
}

#[test]
fn an_error_page_in_place_of_csv_is_named_for_what_it_is() {
    for (content, what) in [
        (
            "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n</html>\n",
            "an HTML page titled \"502 Bad Gateway\"",
        ),
        ("\u{feff}\n  <HTML>\n<body>a, b\nc\n", "an HTML page"),
    ] {
        let message =
            format!("the output is {what}, not CSV: it may be the error page of the server it was fetched from");
        let problems = Case::with(content).problems();
        assert_eq!(problems.first(), problem("format", &message).first(), "{content}");
    }
    let page = "<html>\n";
    let opaque = Case::with(page).rules(|dataset| dataset.checks.reading.format = None);
    assert_eq!(opaque.problems(), []);
}

#[test]
fn opaque_output_needs_no_lines() {
    let case = Case::with("\u{0}binary").rules(|dataset| dataset.checks.reading.format = None);
    assert_eq!(case.problems(), []);
    assert_eq!(case.judge().measurement.rows, None);
    let counted = case.rules(|dataset| dataset.checks.rows_min = Some(1));
    let message = "expected at least 1 row, but they could not be counted";
    assert_eq!(counted.problems(), problem("rows.min", message));
}

#[test]
fn what_the_job_reports_must_be_what_came() {
    for (report, name, message) in [
        (
            "rows=3",
            "report.rows",
            "the job reported 3 rows, but 2 came: some may be lost or doubled",
        ),
        (
            "bytes=19",
            "report.bytes",
            "the job reported 19 bytes, but 18 came: some may be lost or doubled",
        ),
        (
            "rows=1,000",
            "report.rows",
            "the job reported rows=1,000, which is not a whole number; write it as in rows=2",
        ),
        (
            "as_of=2026-11-20 22:10",
            "as_of",
            "the job reported as_of=2026-11-20 22:10, which has no time zone; write it as in 2026-11-20T22:10:00+01:00",
        ),
        (
            "as_of=Friday",
            "as_of",
            "the job reported as_of=Friday, which is not a time; write it as in 2026-11-20T22:10:00+01:00",
        ),
    ] {
        assert_eq!(Case::with(GOOD).report(report).problems(), problem(name, message));
    }
    // The last line of a key counts.
    assert_eq!(Case::with(GOOD).report("rows=3\nrows=2").problems(), []);
}

#[test]
fn the_reported_as_of_stands_above_the_rule() {
    let by_column = |dataset: &mut Dataset| {
        dataset.as_of = AsOf::Column {
            column: "at".to_owned(),
            zone: None,
        };
    };
    let content = "lot,at\nL1,2026-11-19T00:00:00Z\n";
    let ruled = Case::with(content).rules(by_column);
    assert_eq!(ruled.judge().measurement.as_of, Some(time("2026-11-19T00:00:00Z")));
    let reported = ruled.report("as_of=2026-11-20T20:00:00+01:00");
    assert_eq!(reported.judge().measurement.as_of, Some(time("2026-11-20T19:00:00Z")));
    assert_eq!(reported.problems(), []);

    let broken = Case::with("lot,at\nL1,2026-11-19\n").rules(by_column);
    assert_eq!(broken.problems()[0].0, "as_of");
    assert_eq!(broken.report("as_of=2026-11-20T20:00:00Z").problems(), []);
}

#[test]
fn a_pattern_reads_the_name_under_which_the_candidate_is_published() {
    let case = Case::with(GOOD).rules(|dataset| {
        dataset.as_of = AsOf::Pattern {
            pattern: "stock-%Y-%m-%d.csv".to_owned(),
            zone: TimeZone::UTC,
        };
    });
    assert_eq!(case.judge().measurement.as_of, Some(time("2026-11-18T00:00:00Z")));

    let mut by_hand = case;
    by_hand.judging.staged = by_hand.path("stock-2026-11-19.csv");
    fs::write(&by_hand.judging.staged, GOOD).expect("a file");
    assert_eq!(by_hand.judge().measurement.as_of, Some(time("2026-11-19T00:00:00Z")));
}

#[test]
fn a_required_as_of_must_come_from_somewhere() {
    let case = Case::with(GOOD).rules(|dataset| dataset.requires_as_of = true);
    let message = "nothing says as of when the data is; report as_of=TIME or set an `as_of` rule that finds one";
    assert_eq!(case.problems(), problem("requires_as_of", message));
    assert_eq!(case.report("as_of=2026-11-20T20:00:00Z").problems(), []);
}

#[test]
fn an_as_of_in_the_future_is_told_and_left_to_others_to_judge() {
    let far = Case::with(GOOD).report("as_of=2999-01-01T00:00:00Z");
    let judgement = far.judge();
    assert_eq!(judgement.verdict(), Verdict::Warn);
    assert_eq!(judgement.measurement.as_of, Some(time("2999-01-01T00:00:00Z")));
    let (name, message) = &far.problems()[0];
    assert_eq!(name, "as_of");
    assert!(
        message.ends_with("after it was written; a clock or a time zone may be wrong"),
        "{message}"
    );

    // Newer than the start of the job, but not than the file it wrote.
    let written = Timestamp::try_from(far.judging.staged.metadata().unwrap().modified().unwrap());
    let written = written.expect("a time in range");
    let mut near = Case::with(GOOD).report(&format!("as_of={}", written + Duration::from_mins(4)));
    near.judging.started_at = written - Duration::from_hours(5);
    assert_eq!(near.problems(), []);
}
