//! Rules about whole rows: known ones, two columns that belong together, and sums that must balance.

use super::sketch::Sum;
use super::value::number;
use super::{Fault, missing, times};
use crate::model::{Canary, CheckResult, Checks, Level, Range, Ratio, Verdict};
use crate::probe;

/// The rules, and what the rows have shown of each.
pub(super) struct Records<'a> {
    /// The columns that are looked at here, each once.
    columns: Vec<&'a str>,
    canaries: Vec<Known<'a>>,
    ratios: Vec<Pair<'a>>,
    sums: Vec<Summed<'a>>,
    rows: u64,
}

struct Known<'a> {
    canary: &'a Canary,
    key: usize,
    column: usize,
    found: u64,
    fault: Fault,
}

struct Pair<'a> {
    ratio: &'a Ratio,
    of: usize,
    to: usize,
    fault: Fault,
}

struct Summed<'a> {
    column: &'a str,
    place: usize,
    decimal_comma: bool,
    sum: Sum,
}

impl<'a> Records<'a> {
    pub(super) fn new(checks: &'a Checks) -> Self {
        let word = super::row_word(checks);
        let mut columns: Vec<&'a str> = Vec::new();
        let mut place = |column: &'a str| {
            let known = columns.iter().position(|known| *known == column);
            known.unwrap_or_else(|| {
                columns.push(column);
                columns.len() - 1
            })
        };
        let canaries = checks.canaries.iter().map(|canary| Known {
            canary,
            key: place(&canary.key),
            column: place(&canary.column),
            found: 0,
            fault: Fault::new(word),
        });
        let canaries = canaries.collect();
        let ratios = checks.ratios.iter().map(|ratio| Pair {
            ratio,
            of: place(&ratio.of),
            to: place(&ratio.to),
            fault: Fault::new(word),
        });
        let ratios = ratios.collect();
        let sums = checks.balance.iter().flat_map(|balance| &balance.sums);
        let sums = sums.map(|column| Summed {
            column,
            place: place(column),
            decimal_comma: checks
                .columns
                .iter()
                .any(|rule| rule.column == *column && rule.decimal_comma),
            sum: Sum::default(),
        });
        let sums = sums.collect();
        Self {
            columns,
            canaries,
            ratios,
            sums,
            rows: 0,
        }
    }

    pub(super) fn wanted(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|column| (*column).to_owned())
    }

    pub(super) fn look_at(&mut self, line: u64, values: &[Option<&str>]) {
        self.rows += 1;
        let value = |place: usize| values.get(place).copied().flatten().map(str::trim).unwrap_or_default();
        for known in &mut self.canaries {
            if value(known.key) == known.canary.value {
                known.found += 1;
                let found = value(known.column);
                let size = number(found, sign(known.canary.decimal_comma));
                if !size.is_some_and(|size| lies_in(&known.canary.range, size)) {
                    known.fault.add(line, found);
                }
            }
        }
        for pair in &mut self.ratios {
            let (comma_of, comma_to) = pair.ratio.decimal_comma;
            let of = number(value(pair.of), sign(comma_of));
            let to = number(value(pair.to), sign(comma_to));
            // What is no number is the business of its column's type, and nothing divides by nothing.
            if let Some((of, to)) = of.zip(to)
                && to != 0.0
                && !lies_in(&pair.ratio.range, of / to)
            {
                pair.fault
                    .add(line, &format!("{} / {}", value(pair.of), value(pair.to)));
            }
        }
        for summed in &mut self.sums {
            if let Some(number) = number(value(summed.place), sign(summed.decimal_comma)) {
                summed.sum.add(number);
            }
        }
    }

    pub(super) fn sum(&self, column: &str) -> Option<f64> {
        let found = self.sums.iter().find(|summed| summed.column == column);
        found.map(|summed| summed.sum.total())
    }

    pub(super) fn answer(&self, present: &[String], answers: &mut Vec<CheckResult>) {
        let is_there = |place: usize| present.iter().any(|present| *present == self.columns[place]);
        let absent = (0..self.columns.len()).filter(|place| !is_there(*place));
        answers.extend(absent.map(|place| missing(self.columns[place], present)));
        for known in &self.canaries {
            if is_there(known.key) && is_there(known.column) {
                answers.push(known.answer());
            }
        }
        for pair in &self.ratios {
            if is_there(pair.of) && is_there(pair.to) {
                answers.push(pair.answer(self.rows));
            }
        }
    }
}

impl Known<'_> {
    fn answer(&self) -> CheckResult {
        let Canary {
            key,
            value,
            column,
            range,
            level,
            ..
        } = self.canary;
        let expected = format!("{column} {}", range.words());
        let subject = format!("the row with `{key}` {}", probe::shortened(value));
        if self.found == 0 {
            let message = format!("{subject} must have {expected}, but there is no such row");
            return result("canary", column, *level, &expected, "no such row", message);
        }
        if self.fault.count > 0 {
            let message = format!(
                "{subject} must have {expected}, but has something else: {}",
                self.fault.shown()
            );
            return result("canary", column, *level, &expected, "something else", message);
        }
        pass("canary", column, &expected, format!("{subject} has {expected}"))
    }
}

impl Pair<'_> {
    fn answer(&self, rows: u64) -> CheckResult {
        let Ratio {
            of, to, range, level, ..
        } = self.ratio;
        let expected = range.words();
        if self.fault.count > 0 {
            let actual = times(self.fault.count, "row");
            let are = if self.fault.count == 1 { "is" } else { "are" };
            let message = format!(
                "`{of}` divided by `{to}` must be {expected}, but {} of {} {are} not: {}",
                self.fault.count,
                times(rows, "row"),
                self.fault.shown()
            );
            return result("ratio", of, *level, &expected, &actual, message);
        }
        pass(
            "ratio",
            of,
            &expected,
            format!("`{of}` divided by `{to}` is {expected}"),
        )
    }
}

fn sign(decimal_comma: bool) -> char {
    if decimal_comma { ',' } else { '.' }
}

fn lies_in(range: &Range, size: f64) -> bool {
    range.min.is_none_or(|min| size >= min) && range.max.is_none_or(|max| size <= max)
}

fn pass(name: &str, column: &str, expected: &str, message: String) -> CheckResult {
    CheckResult {
        verdict: Verdict::Pass,
        ..result(name, column, Level::default(), expected, expected, message)
    }
}

fn result(name: &str, column: &str, level: Level, expected: &str, actual: &str, message: String) -> CheckResult {
    CheckResult {
        name: name.to_owned(),
        column: Some(column.to_owned()),
        verdict: level.of_fact().verdict(),
        expected: expected.to_owned(),
        actual: actual.to_owned(),
        message,
    }
}
