//! Looks at the values of columns while a file is read, in memory that does not grow with it.

mod ages;
mod column;
mod compared;
mod hints;
mod median;
mod records;
mod repeats;
mod seen;
mod sketch;
mod unique;
mod value;

use std::path::Path;

use jiff::Timestamp;

use crate::model::{CheckResult, Checks, ColumnRule, Format, Profile, Verdict};
use crate::probe::{self, Hindered, Progress, Row, Rows};
use column::Column;
pub(super) use compared::{Compared, compared};
pub(super) use hints::of_code;
use records::Records;
use repeats::Untold;
pub(super) use sketch::Sketch;
use unique::Unique;
pub(super) use value::number;

/// How many bad rows a message shows.
const EXAMPLES_MAX: usize = 3;

/// What the rows have shown so far.
pub(super) struct Tally<'a> {
    columns: Vec<Column<'a>>,
    unique: Unique,
    records: Records<'a>,
    rows: u64,
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
    Age,
}

const RULES: [Broken; 7] = [
    Broken::Type,
    Broken::Required,
    Broken::Unique,
    Broken::Range,
    Broken::In,
    Broken::Matches,
    Broken::Age,
];

/// How often a rule was broken, and where at first.
#[derive(Clone, Debug)]
struct Fault {
    /// By what a row is found: `line` or `row`.
    word: &'static str,
    count: u64,
    examples: Vec<(u64, String)>,
}

impl Fault {
    fn new(word: &'static str) -> Self {
        Self {
            word,
            count: 0,
            examples: Vec::new(),
        }
    }

    fn add(&mut self, line: u64, value: &str) {
        self.count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push((line, probe::shortened(value)));
        }
    }

    /// ``line 3 `-2`, line 4 `-1`, ...``
    fn shown(&self) -> String {
        let word = self.word;
        let one = |(line, value): &(u64, String)| match value.as_str() {
            "" => format!("{word} {line}"),
            value => format!("{word} {line} `{value}`"),
        };
        let mut shown = self.examples.iter().map(one).collect::<Vec<_>>().join(", ");
        if self.count > EXAMPLES_MAX as u64 {
            shown.push_str(", ...");
        }
        shown
    }
}

impl<'a> Tally<'a> {
    /// Before the first row; `allowed` belongs to each rule of a column in order, `written` is when the file was, and
    /// `beside` the directory in which it lies.
    pub(super) fn new(
        checks: &'a Checks,
        allowed: Vec<Compared<'a>>,
        written: Timestamp,
        beside: Option<&Path>,
    ) -> Self {
        let mut unique = Unique::new(beside);
        let columns = checks.columns.iter().zip(allowed);
        Self {
            columns: columns
                .map(|(rule, allowed)| Column::new(rule, allowed, (written, row_word(checks)), &mut unique))
                .collect(),
            unique,
            records: Records::new(checks),
            rows: 0,
        }
    }

    /// All rows were read: compares the values that memory did not hold. An error is the machine's own doing.
    pub(super) fn find_repeats(&mut self, progress: &Progress) -> Result<(), Hindered> {
        match self.unique.found(progress) {
            Ok(found) => {
                for column in &mut self.columns {
                    if let Some(found) = column.place.and_then(|place| found.get(&place)) {
                        column.add_repeats(found);
                    }
                }
            }
            Err(Untold::Unknown(why)) => self.columns.iter_mut().for_each(|column| column.cannot_tell(&why)),
            Err(Untold::Hindered(hindered)) => return Err(hindered),
        }
        Ok(())
    }

    /// The answers, when all rows were read; `present` are the columns that the file has.
    pub(super) fn answers(&self, present: &[String]) -> Vec<CheckResult> {
        let mut answers = Vec::new();
        // A JSON array of nothing names no column, and is missing none.
        if self.rows == 0 && present.is_empty() {
            return answers;
        }
        for column in &self.columns {
            if present.contains(&column.rule.column) {
                column.answer(self.rows, &self.columns, &mut answers);
            } else {
                answers.push(missing(&column.rule.column, present));
            }
        }
        self.records.answer(present, &mut answers);
        answers
    }

    /// What is remembered of the file, when all rows were read.
    pub(super) fn profile(&mut self) -> Profile {
        let mut profile = Profile::default();
        for column in &mut self.columns {
            profile.add(column.rule.column.clone(), column.sketch.profile());
        }
        profile
    }

    /// What was seen of the column of a rule.
    pub(super) fn sketch(&self, rule: &ColumnRule) -> Option<&Sketch> {
        let found = self.columns.iter().find(|column| column.rule.column == rule.column);
        found.map(|column| &column.sketch)
    }

    /// The sum of a column whose sum must balance.
    pub(super) fn sum(&self, column: &str) -> Option<f64> {
        self.records.sum(column)
    }
}

impl Rows for Tally<'_> {
    fn wanted(&self) -> Vec<String> {
        let columns = self.columns.iter().map(|column| column.rule.column.clone());
        columns.chain(self.records.wanted()).collect()
    }

    fn row(&mut self, row: &Row<'_>) {
        self.rows += 1;
        let (own, others) = row.values.split_at(self.columns.len());
        for (column, value) in self.columns.iter_mut().zip(own) {
            let value = value.filter(|value| !value::trimmed(value).is_empty());
            column.look_at(row.line, value, &mut self.unique);
        }
        self.records.look_at(row.line, others);
    }
}

/// What the rules of a column ask of each value, as answers name it: `("range", "in 0..100")`. Rules that look at other
/// files, at time or at repetition are left out.
pub(super) fn asked(rule: &ColumnRule) -> Vec<(&'static str, String)> {
    let mut unique = Unique::new(None);
    let column = Column::new(rule, Compared::Nothing, (Timestamp::UNIX_EPOCH, "row"), &mut unique);
    let of_values = [
        Broken::Type,
        Broken::Required,
        Broken::Range,
        Broken::In,
        Broken::Matches,
    ];
    let asked = of_values.into_iter().filter_map(|broken| column.expected(broken));
    asked.map(|(name, expected)| (name, expected.into_owned())).collect()
}

/// By what a person finds a row of the file.
pub(super) fn row_word(checks: &Checks) -> &'static str {
    checks.reading.format.as_ref().map_or("line", Format::row_word)
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

/// `1 row`, `2 rows`.
pub(super) fn times(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
