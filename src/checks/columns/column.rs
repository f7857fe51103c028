//! One column and its rules: what each value breaks, and the answers in the end.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::ages::Ages;
use super::compared::Compared;
use super::hints::{fits, hint};
use super::seen::Added;
use super::sketch::Sketch;
use super::unique::{Found, Unique};
use super::value::{Reading, read};
use super::{Broken, Fault, RULES, contains, times};
use crate::model::{CheckLevel, CheckResult, ColumnRule, Verdict};
use crate::probe;

/// From so many rows on it is no chance that one half repeats the other.
const ROWS_TWICE_MIN: u64 = 8;

pub(super) struct Column<'a> {
    pub(super) rule: &'a ColumnRule,
    allowed: Compared<'a>,
    /// Its number among the columns where no value may come twice.
    pub(super) place: Option<u16>,
    /// Memory did not hold all values of it; and why they could not be compared.
    was_full: bool,
    unknown: Option<String>,
    /// Those of the `parts` that have not come yet.
    missing_parts: BTreeSet<&'a str>,
    ages: Option<Ages>,
    pub(super) sketch: Sketch,
    faults: Vec<Fault>,
}

impl<'a> Column<'a> {
    pub(super) fn new(
        rule: &'a ColumnRule,
        allowed: Compared<'a>,
        (written, row_word): (Timestamp, &'static str),
        unique: &mut Unique,
    ) -> Self {
        Self {
            rule,
            place: rule.unique.then(|| unique.add_column()),
            allowed,
            was_full: false,
            unknown: None,
            missing_parts: rule.parts.iter().map(String::as_str).collect(),
            ages: Ages::new(rule, written, row_word),
            sketch: Sketch::new(rule.codes()),
            faults: vec![Fault::new(row_word); RULES.len()],
        }
    }

    /// `unique` remembers the values of all columns where none may come twice.
    pub(super) fn look_at(&mut self, line: u64, value: Option<&str>, unique: &mut Unique) {
        let Some(value) = value else {
            self.sketch.add_empty(line);
            if self.rule.required {
                self.fault(Broken::Required, line, "");
            }
            return;
        };
        let mut number = None;
        match read(value, self.rule) {
            Reading::Wrong => {
                // A number of another kind is one all the same: it may tell what has happened.
                let sign = if self.rule.decimal_comma { ',' } else { '.' };
                number = self
                    .rule
                    .is_numeric()
                    .then(|| super::number(value.trim(), sign))
                    .flatten();
                self.fault(Broken::Type, line, value);
            }
            Reading::Size(size) => {
                number = Some(size).filter(|size| size.is_finite() && self.rule.is_numeric());
                if !contains(self.rule, size) {
                    self.fault(Broken::Range, line, value);
                }
            }
            Reading::Other => {}
        }
        self.sketch.add(line, value, number);
        if let Some(place) = self.place {
            match unique.add(place, line, value) {
                Added::New => {}
                Added::Repeated => self.fault(Broken::Unique, line, value),
                Added::Unknown => self.was_full = true,
            }
        }
        if !self.allowed.contains(value) {
            self.fault(Broken::In, line, value);
        }
        if let Some(pattern) = &self.rule.matches
            && !pattern.0.is_match(value)
        {
            self.fault(Broken::Matches, line, value);
        }
        let rule = self.rule;
        if self.ages.as_mut().is_some_and(|ages| !ages.add(rule, line, value)) {
            self.fault(Broken::Age, line, value);
        }
        if !self.missing_parts.is_empty() {
            self.missing_parts.remove(value);
        }
    }

    fn fault(&mut self, broken: Broken, line: u64, value: &str) {
        self.faults[broken as usize].add(line, value);
    }

    /// What came twice of the values that memory did not hold.
    pub(super) fn add_repeats(&mut self, found: &Found) {
        let fault = &mut self.faults[Broken::Unique as usize];
        let count = fault.count + found.count;
        for line in &found.lines {
            fault.add(*line, "");
        }
        fault.count = count;
    }

    /// Nobody knows what came twice of those, for this reason.
    pub(super) fn cannot_tell(&mut self, why: &str) {
        self.unknown = self.was_full.then(|| why.to_owned());
    }

    /// `all` are the columns of the file that have rules, this one among them.
    pub(super) fn answer(&self, rows: u64, all: &[Self], answers: &mut Vec<CheckResult>) {
        for (broken, fault) in RULES.into_iter().zip(&self.faults) {
            let Some((name, expected)) = self.expected(broken) else {
                continue;
            };
            let level = self.rule.level.of_fact();
            if let (Broken::In, Some(why)) = (broken, self.allowed.why_unknown()) {
                answers.push(self.result(name, level, &expected, "not known", why.to_owned()));
                continue;
            }
            let column = &self.rule.column;
            if fault.count > 0 {
                answers.push(self.fault_answer(name, &expected, broken, fault, rows, all));
            } else if let (Broken::Unique, Some(why)) = (broken, &self.unknown) {
                let message = format!(
                    "column `{column}` must be unique, but only those of its values could be compared that memory holds: {why}"
                );
                answers.push(self.result(name, CheckLevel::Warn, &expected, "not known", message));
            } else {
                answers.push(self.pass(name, &expected, format!("column `{column}` is {expected}")));
            }
        }
        self.answer_parts(answers);
        self.answer_newest(answers);
    }

    fn fault_answer(
        &self,
        name: &str,
        expected: &str,
        broken: Broken,
        fault: &Fault,
        rows: u64,
        all: &[Self],
    ) -> CheckResult {
        let (actual, of_rows) = (times(fault.count, "row"), times(rows, "row"));
        let have = match (broken, fault.count) {
            (Broken::Required, 1) => "is empty",
            (Broken::Required, _) => "are empty",
            (Broken::Unique, 1) => "repeats a value",
            (Broken::Unique, _) => "repeat a value",
            (_, 1) => "is not",
            (_, _) => "are not",
        };
        let column = &self.rule.column;
        let mut message = format!(
            "column `{column}` must be {expected}, but {} of {of_rows} {have}: {}",
            fault.count,
            fault.shown()
        );
        if let Some(cause) = self.cause(broken, fault, rows, all) {
            message.push_str("; ");
            message.push_str(&cause);
        }
        self.result(name, self.rule.level.of_fact(), expected, &actual, message)
    }

    fn cause(&self, broken: Broken, fault: &Fault, rows: u64, all: &[Self]) -> Option<String> {
        if broken == Broken::Unique {
            let is_half = fault.count.saturating_mul(2) == rows && rows >= ROWS_TWICE_MIN;
            return is_half.then(|| "is everything in it twice?".to_owned());
        }
        if broken == Broken::Age {
            let ages = self.ages.as_ref()?;
            let all_fit = fault
                .examples
                .iter()
                .all(|(_, value)| ages.fits_exchanged(self.rule, value));
            return all_fit.then(|| "day and month exchanged?".to_owned());
        }
        let is_odd = |fault: &Fault| fault.count > rows / 2;
        let bad_values = |column: &Self| -> Vec<String> {
            let bad = column.faults.iter().filter(|fault| is_odd(fault));
            bad.flat_map(|fault| fault.examples.iter().map(|(_, value)| value.clone()))
                .collect()
        };
        let fit = |values: &[String], column: &Self| {
            !values.is_empty()
                && values
                    .iter()
                    .all(|value| fits(column.rule, &column.allowed, value) == Some(true))
        };
        if is_odd(fault) && !matches!(broken, Broken::Required | Broken::Unique) {
            let own = bad_values(self);
            let others = all.iter().filter(|other| other.rule.column != self.rule.column);
            for other in others.filter(|other| fit(&own, other)) {
                let name = &other.rule.column;
                let theirs = bad_values(other);
                if fit(&theirs, self) {
                    return Some(format!("are `{}` and `{name}` exchanged?", self.rule.column));
                }
                if !theirs.is_empty() {
                    return Some(format!("they would be right in column `{name}`: has a column shifted?"));
                }
            }
        }
        let mut hints = fault
            .examples
            .iter()
            .map(|(_, value)| hint(broken, self.rule, &self.allowed, value));
        // What explains only some of them explains nothing.
        let first = hints.next()??;
        hints.all(|hint| hint.is_some()).then_some(first)
    }

    fn answer_parts(&self, answers: &mut Vec<CheckResult>) {
        if self.rule.parts.is_empty() {
            return;
        }
        let column = &self.rule.column;
        let expected = format!("all of {}", self.rule.parts.join(", "));
        if self.missing_parts.is_empty() {
            answers.push(self.pass("parts", &expected, format!("column `{column}` has {expected}")));
            return;
        }
        let missing: Vec<&str> = self.missing_parts.iter().copied().collect();
        let missing = probe::shortened(&missing.join(", "));
        let message = format!("column `{column}` must have {expected}, but no row has {missing}");
        let actual = format!("without {missing}");
        answers.push(self.result("parts", self.rule.level.of_fact(), &expected, &actual, message));
    }

    fn answer_newest(&self, answers: &mut Vec<CheckResult>) {
        let (Some(range), Some(ages)) = (&self.rule.newest, &self.ages) else {
            return;
        };
        let expected = format!("{} before the file was written", range.text);
        match ages.too_far(self.rule, range) {
            Some((actual, message)) => {
                answers.push(self.result("newest", self.rule.level.of_fact(), &expected, &actual, message));
            }
            None => {
                let message = format!("the newest value of column `{}` is {expected}", self.rule.column);
                answers.push(self.pass("newest", &expected, message));
            }
        }
    }

    /// The name of a rule and what it asks for; `None` when the column has no such rule.
    pub(super) fn expected(&self, broken: Broken) -> Option<(&'static str, Cow<'static, str>)> {
        let rule = self.rule;
        Some(match broken {
            Broken::Type => {
                let kind = rule.kind?;
                let comma = if rule.decimal_comma {
                    " with a decimal comma"
                } else {
                    ""
                };
                ("type", format!("{}{comma}", kind.as_str()).into())
            }
            Broken::Required => ("required", rule.required.then_some("filled")?.into()),
            Broken::Unique => ("unique", rule.unique.then_some("unique")?.into()),
            Broken::Range => ("range", rule.range.as_ref()?.words().into()),
            Broken::In => ("in", self.allowed.expected(rule.among.as_ref()?).into()),
            Broken::Matches => {
                let pattern = rule.matches.as_ref()?;
                ("matches", format!("like `{}`", pattern.0.as_str()).into())
            }
            Broken::Age => (
                "age",
                format!("{} before the file was written", rule.age.as_ref()?.text).into(),
            ),
        })
    }

    fn pass(&self, name: &str, expected: &str, message: String) -> CheckResult {
        CheckResult {
            verdict: Verdict::Pass,
            ..self.result(name, CheckLevel::Hold, expected, expected, message)
        }
    }

    fn result(&self, name: &str, level: CheckLevel, expected: &str, actual: &str, message: String) -> CheckResult {
        CheckResult {
            name: name.to_owned(),
            column: Some(self.rule.column.clone()),
            verdict: level.verdict(),
            expected: expected.to_owned(),
            actual: actual.to_owned(),
            message,
        }
    }
}
