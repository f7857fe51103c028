//! Judges the values of columns while a file is read, in memory that does not grow with it.

mod compared;
mod seen;
mod value;

use std::borrow::Cow;

use crate::model::{CheckLevel, CheckResult, ColumnRule, Verdict};
use crate::probe::{self, Row, Rows};
pub(super) use compared::{Compared, compared};
use seen::{Seen, VALUES_MAX};
pub(in crate::checks) use value::{Reading, read};

/// How many bad rows a message shows.
const EXAMPLES_MAX: usize = 3;

/// What the rows have shown so far.
pub(super) struct Tally<'a> {
    columns: Vec<Column<'a>>,
    rows: u64,
}

struct Column<'a> {
    rule: &'a ColumnRule,
    allowed: Compared<'a>,
    /// The values so far, where none may come twice.
    seen: Option<Seen>,
    faults: Vec<Fault>,
}

/// The rules of a column, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Type,
    Required,
    Unique,
    Range,
    In,
    Matches,
}

const RULES: [Broken; 6] = [
    Broken::Type,
    Broken::Required,
    Broken::Unique,
    Broken::Range,
    Broken::In,
    Broken::Matches,
];

/// How often a rule was broken, and where at first.
#[derive(Clone, Debug, Default)]
struct Fault {
    count: u64,
    examples: Vec<String>,
}

impl<'a> Tally<'a> {
    /// Before the first row; `allowed` belongs to each rule in order.
    pub(super) fn new(rules: &'a [ColumnRule], allowed: Vec<Compared<'a>>) -> Self {
        let columns = rules.iter().zip(allowed).map(|(rule, allowed)| Column {
            rule,
            allowed,
            seen: rule.unique.then(Seen::default),
            faults: vec![Fault::default(); RULES.len()],
        });
        Self {
            columns: columns.collect(),
            rows: 0,
        }
    }

    /// The answers, when all rows were read; `present` are the columns that the file has.
    pub(super) fn answers(&self, present: &[String]) -> Vec<CheckResult> {
        let mut answers = Vec::new();
        for column in &self.columns {
            // A JSON array of nothing names no column, and is missing none.
            if self.rows == 0 && present.is_empty() {
                continue;
            }
            if present.contains(&column.rule.column) {
                column.answer(self.rows, &mut answers);
            } else {
                answers.push(missing(&column.rule.column, present));
            }
        }
        answers
    }
}

impl Rows for Tally<'_> {
    fn wanted(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.rule.column.clone()).collect()
    }

    fn row(&mut self, row: &Row<'_>) {
        self.rows += 1;
        for (column, value) in self.columns.iter_mut().zip(row.values) {
            let value = value.filter(|value| !value.trim().is_empty());
            column.look_at(row.line, value);
        }
    }
}

impl Column<'_> {
    fn look_at(&mut self, line: u64, value: Option<&str>) {
        let Some(value) = value else {
            if self.rule.required {
                self.fault(Broken::Required, || format!("line {line}"));
            }
            return;
        };
        let shown = || format!("line {line} `{}`", probe::shortened(value));
        match read(value, self.rule) {
            Reading::Wrong => self.fault(Broken::Type, shown),
            Reading::Size(size) if !contains(self.rule, size) => self.fault(Broken::Range, shown),
            Reading::Size(_) | Reading::Other => {}
        }
        if self.seen.as_mut().is_some_and(|seen| !seen.add(value)) {
            self.fault(Broken::Unique, shown);
        }
        if !self.allowed.contains(value) {
            self.fault(Broken::In, shown);
        }
        if let Some(pattern) = &self.rule.matches
            && !pattern.0.is_match(value)
        {
            self.fault(Broken::Matches, shown);
        }
    }

    fn fault(&mut self, broken: Broken, example: impl FnOnce() -> String) {
        let fault = &mut self.faults[broken as usize];
        fault.count += 1;
        if fault.examples.len() < EXAMPLES_MAX {
            fault.examples.push(example());
        }
    }

    fn answer(&self, rows: u64, answers: &mut Vec<CheckResult>) {
        for (broken, fault) in RULES.into_iter().zip(&self.faults) {
            let Some((name, expected)) = self.expected(broken) else {
                continue;
            };
            if let (Broken::In, Some(why)) = (broken, self.allowed.why_unknown()) {
                answers.push(self.result(name, self.rule.level, &expected, "not known", why.to_owned()));
                continue;
            }
            let column = &self.rule.column;
            if fault.count > 0 {
                let (actual, of_rows) = (times(fault.count, "row"), times(rows, "row"));
                let have = match (broken, fault.count) {
                    (Broken::Required, 1) => "is empty",
                    (Broken::Required, _) => "are empty",
                    (Broken::Unique, 1) => "repeats a value",
                    (Broken::Unique, _) => "repeat a value",
                    (_, 1) => "has something else",
                    (_, _) => "have something else",
                };
                let mut examples = fault.examples.join(", ");
                if fault.count > EXAMPLES_MAX as u64 {
                    examples.push_str(", ...");
                }
                let message =
                    format!("column `{column}` must be {expected}, but {actual} of {of_rows} {have}: {examples}");
                answers.push(self.result(name, self.rule.level, &expected, &actual, message));
            } else if broken == Broken::Unique && self.seen.as_ref().is_some_and(Seen::is_full) {
                let message = format!(
                    "column `{column}` must be unique, but only the first {VALUES_MAX} values could be compared"
                );
                answers.push(self.result(name, CheckLevel::Warn, &expected, "not known", message));
            } else {
                let message = format!("column `{column}` is {expected}");
                answers.push(CheckResult {
                    verdict: Verdict::Pass,
                    ..self.result(name, CheckLevel::Hold, &expected, &expected, message)
                });
            }
        }
    }

    /// The name of a rule and what it asks for; `None` when the column has no such rule.
    fn expected(&self, broken: Broken) -> Option<(&'static str, Cow<'static, str>)> {
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
            Broken::Range => ("range", format!("in {}", rule.range.as_ref()?.text).into()),
            Broken::In => ("in", self.allowed.expected(rule.among.as_ref()?).into()),
            Broken::Matches => {
                let pattern = rule.matches.as_ref()?;
                ("matches", format!("like `{}`", pattern.0.as_str()).into())
            }
        })
    }

    fn result(&self, name: &str, level: CheckLevel, expected: &str, actual: &str, message: String) -> CheckResult {
        CheckResult {
            name: name.to_owned(),
            column: Some(self.rule.column.clone()),
            verdict: match level {
                CheckLevel::Warn => Verdict::Warn,
                CheckLevel::Hold => Verdict::Hold,
            },
            expected: expected.to_owned(),
            actual: actual.to_owned(),
            message,
        }
    }
}

fn contains(rule: &ColumnRule, size: f64) -> bool {
    let Some(range) = &rule.range else { return true };
    range.min.is_none_or(|min| size >= min) && range.max.is_none_or(|max| size <= max)
}

/// A column that is not there is no matter of taste: its rules cannot be judged, whatever their level.
fn missing(column: &str, present: &[String]) -> CheckResult {
    let instead = match probe::nearest(column, present) {
        Some(nearest) => format!("the header has `{nearest}`, which comes closest"),
        None => format!("the header has {}", probe::listed(present)),
    };
    CheckResult {
        name: "columns".to_owned(),
        column: Some(column.to_owned()),
        verdict: Verdict::Hold,
        expected: "a column".to_owned(),
        actual: "none".to_owned(),
        message: format!("there is no column `{column}`; {instead}"),
    }
}

fn times(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
