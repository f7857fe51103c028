//! Compares a candidate with what was accepted before, and asks what may have happened when it is not like that.

mod cause;
mod codes;
mod usual;

use super::columns::{Tally, row_word};
use crate::model::{
    Band, CheckLevel, CheckResult, Checks, ColumnProfile, ColumnRule, Comparison, Measurement, Past, Profile, Verdict,
    of_days,
};
use cause::{Differing, cause_of_number, cause_of_rows};
use usual::{Usual, times_usual};
pub(super) use usual::{percent, shown};

/// What is compared.
pub(super) struct Candidate<'a> {
    /// Its rows and bytes.
    pub(super) measurement: &'a Measurement,
    /// Its columns.
    pub(super) profile: &'a Profile,
    /// Where to find lines that show it.
    pub(super) tally: &'a Tally<'a>,
}

/// The answers of all rules that compare with versions before.
pub(super) fn answers(checks: &Checks, candidate: &Candidate<'_>, comparison: &Comparison) -> Vec<CheckResult> {
    if !checks.learn() {
        return Vec::new();
    }
    let mut sheet = Learned {
        comparison,
        row_word: row_word(checks),
        answers: Vec::new(),
    };
    let rows = candidate.measurement.rows;
    if let (Some(band), Some(rows)) = (&checks.rows_change, rows) {
        sheet.count("rows", rows, band, checks.rows_level.of_habit(), |past| past.rows);
    }
    if let Some(band) = &checks.bytes_change {
        let bytes = candidate.measurement.bytes;
        sheet.count("bytes", bytes, band, checks.bytes_level.of_habit(), |past| {
            Some(past.bytes)
        });
    }
    let differing = differing(checks, candidate, comparison);
    for rule in checks.columns.iter().filter(|rule| rule.learns()) {
        if let (Some(now), Some(sketch)) = (
            candidate.profile.columns.get(&rule.column),
            candidate.tally.sketch(rule),
        ) {
            let column = Seen { rule, now, sketch };
            sheet.column(&column, &differing);
        }
    }
    sheet.answers
}

/// A column of the candidate.
struct Seen<'a> {
    rule: &'a ColumnRule,
    now: &'a ColumnProfile,
    sketch: &'a super::columns::Sketch,
}

/// The columns of which the median is not as usual, with both: two of them may be exchanged.
fn differing(checks: &Checks, candidate: &Candidate<'_>, comparison: &Comparison) -> Vec<Differing> {
    let mut found = Vec::new();
    for rule in checks.columns.iter().filter(|rule| rule.median.is_some()) {
        let column = rule.column.as_str();
        let now = candidate.profile.columns.get(column).and_then(|now| now.numbers);
        let comparison = comparison.of_check("median", Some(column));
        let usual = Usual::of(&comparison, |past| Some(numbers(past, column)?.median.get()));
        if let (Some(now), Some(usual), Some(band)) = (now, usual, &rule.median)
            && !usual.expected(band).contains(now.median.get())
        {
            found.push(Differing {
                column: column.to_owned(),
                now: now.median.get(),
                usual: usual.median,
            });
        }
    }
    found
}

fn numbers(past: &Past, column: &str) -> Option<crate::model::Numbers> {
    past.lesson.profile.columns.get(column)?.numbers
}

struct Learned<'a> {
    comparison: &'a Comparison,
    /// By what a row is found.
    row_word: &'static str,
    answers: Vec<CheckResult>,
}

impl Learned<'_> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "no file has more rows or bytes than fit into 53 bits"
    )]
    fn count(&mut self, what: &str, now: u64, band: &Band, level: CheckLevel, of: impl Fn(&Past) -> Option<u64>) {
        let name = format!("{what}.change");
        let Some(usual) = self.usual(&name, None, |past| of(past).map(|count| count as f64)) else {
            return;
        };
        let expected = usual.expected(band);
        let unit = if now == 1 { what.trim_end_matches('s') } else { what };
        let mut message = format!(
            "{} {unit} came, {} the {} {}, and {} were expected",
            shown(now as f64),
            times_usual(now as f64, usual.median),
            shown(usual.median),
            self.compared(&name, None),
            expected.words()
        );
        let is_fine = expected.contains(now as f64);
        let cause = if what == "rows" {
            cause_of_rows(now, usual.median)
        } else {
            None
        };
        if let Some(cause) = cause.filter(|_| !is_fine) {
            message.push_str("; ");
            message.push_str(&cause);
        }
        self.add(
            &name,
            None,
            level,
            is_fine,
            &expected.words(),
            &now.to_string(),
            message,
        );
    }

    fn column(&mut self, column: &Seen<'_>, differing: &[Differing]) {
        let rule = column.rule;
        if let Some(band) = &rule.median {
            self.number("median", column, band, differing, |numbers| numbers.median.get());
        }
        if let Some(band) = &rule.sum {
            self.number("sum", column, band, differing, |numbers| numbers.sum.get());
        }
        if rule.nulls.is_some() {
            self.nulls(column);
        }
        if rule.codes() {
            self.codes(column);
        }
    }

    fn number(
        &mut self,
        what: &str,
        column: &Seen<'_>,
        band: &Band,
        differing: &[Differing],
        of: impl Fn(&crate::model::Numbers) -> f64,
    ) {
        let (rule, name) = (column.rule, column.rule.column.as_str());
        let level = rule.level.of_habit();
        let Some(usual) = self.usual(what, Some(name), |past| numbers(past, name).as_ref().map(&of)) else {
            return;
        };
        let expected = usual.expected(band);
        let Some(now) = column.now.numbers.as_ref().map(&of) else {
            let message = format!(
                "column `{name}` has no number, and its {what} was {} {}",
                shown(usual.median),
                self.compared(what, Some(name))
            );
            self.add(what, Some(name), level, false, &expected.words(), "no number", message);
            return;
        };
        let is_fine = expected.contains(now);
        let mut message = format!(
            "the {what} of column `{name}` is {}, {} the {} {}, and {} was expected",
            shown(now),
            times_usual(now, usual.median),
            shown(usual.median),
            self.compared(what, Some(name)),
            expected.words()
        );
        if !is_fine {
            let lines = column.sketch.filled_lines.iter();
            let word = self.row_word;
            let lines: Vec<String> = lines.map(|(line, value)| format!("{word} {line} `{value}`")).collect();
            message.push_str(": ");
            message.push_str(&lines.join(", "));
            if let Some(cause) = cause_of_number(name, now, &usual, differing, what) {
                message.push_str("; ");
                message.push_str(&cause);
            }
        }
        self.add(
            what,
            Some(name),
            level,
            is_fine,
            &expected.words(),
            &shown(now),
            message,
        );
    }

    fn nulls(&mut self, column: &Seen<'_>) {
        let (rule, name) = (column.rule, column.rule.column.as_str());
        let Some(allowed) = &rule.nulls else { return };
        let of = |past: &Past| past.lesson.profile.columns.get(name).map(empty_part);
        let Some(usual) = self.usual("nulls", Some(name), of) else {
            return;
        };
        let now = empty_part(column.now);
        let most = (usual.median + allowed.part).min(1.0);
        let is_fine = now <= most;
        let mut message = format!(
            "column `{name}` is empty in {} of the rows, and was in {} {}",
            percent(now),
            percent(usual.median),
            self.compared("nulls", Some(name))
        );
        if !is_fine {
            let lines: Vec<String> = column
                .sketch
                .empty_lines
                .iter()
                .map(|line| format!("{} {line}", self.row_word))
                .collect();
            message.push_str(": ");
            message.push_str(&lines.join(", "));
        }
        let expected = format!("at most {}", percent(most));
        self.add(
            "nulls",
            Some(name),
            rule.level.of_habit(),
            is_fine,
            &expected,
            &percent(now),
            message,
        );
    }

    /// What was usual; while that is still being learned, it says so.
    fn usual(&mut self, name: &str, column: Option<&str>, of: impl Fn(&Past) -> Option<f64>) -> Option<Usual> {
        let comparison = self.comparison.of_check(name, column);
        let found = Usual::of(&comparison, of);
        if found.is_none() {
            let (progress, words) = (comparison.progress(), comparison.progress_words());
            let subject = column
                .map(|column| format!("of column `{column}` "))
                .unwrap_or_default();
            let message = format!("{name} {subject}is not compared yet: {words}");
            self.add(name, column, CheckLevel::Warn, true, &progress, &progress, message);
        }
        found
    }

    /// `of the last 8 Fridays (versions 12 to 19)`, as far as this check compares with them.
    fn compared(&self, name: &str, column: Option<&str>) -> String {
        let comparison = self.comparison.of_check(name, column);
        let versions = &comparison.versions;
        match (versions.first(), versions.last()) {
            (Some(only), Some(_)) if versions.len() == 1 => format!("of version {}", only.number),
            (Some(first), Some(last)) => {
                let (of, from_days) = of_days(comparison.of, versions.len(), comparison.days());
                format!(
                    "of the last {} {of} (versions {} to {}{from_days})",
                    versions.len(),
                    first.number,
                    last.number
                )
            }
            _ => String::new(),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of an answer")]
    fn add(
        &mut self,
        name: &str,
        column: Option<&str>,
        level: CheckLevel,
        is_fine: bool,
        expected: &str,
        actual: &str,
        message: String,
    ) {
        let verdict = if is_fine { Verdict::Pass } else { level.verdict() };
        self.answers.push(CheckResult {
            name: name.to_owned(),
            column: column.map(str::to_owned),
            verdict,
            expected: expected.to_owned(),
            actual: actual.to_owned(),
            message,
        });
    }
}

/// The part of the rows in which a column is empty.
#[expect(clippy::cast_precision_loss, reason = "no file has more rows than fit into 53 bits")]
fn empty_part(column: &ColumnProfile) -> f64 {
    let rows = column.filled + column.empty;
    if rows == 0 {
        0.0
    } else {
        column.empty as f64 / rows as f64
    }
}
