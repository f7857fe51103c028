//! `[datasets.NAME.checks]`: what a file must satisfy.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::{Name, Reading, Verdict};

/// What a candidate must satisfy before readers see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checks {
    /// How the file is read.
    pub reading: Reading,
    /// Fewest rows, without the header.
    pub rows_min: Option<u64>,
    /// Most rows, without the header.
    pub rows_max: Option<u64>,
    /// Fewest bytes.
    pub bytes_min: Option<u64>,
    /// Most bytes.
    pub bytes_max: Option<u64>,
    /// How the number of rows may differ from what is usual.
    pub rows_change: Option<Band>,
    /// How the size may differ from what is usual.
    pub bytes_change: Option<Band>,
    /// What becomes of a file that breaks a rule about rows.
    pub rows_level: Level,
    /// What becomes of a file that breaks a rule about bytes.
    pub bytes_level: Level,
    /// The columns and their order; empty: any.
    pub header: Vec<String>,
    /// What the values of columns must satisfy.
    pub columns: Vec<ColumnRule>,
    /// The last line is no row, but says how many there are.
    pub trailer: Option<Trailer>,
    /// What went out must have come in.
    pub balance: Option<Balance>,
    /// Rows that are known, and what must be true of them.
    pub canaries: Vec<Canary>,
    /// How two columns of each row belong together.
    pub ratios: Vec<Ratio>,
}

impl Checks {
    /// Whether any rule compares with versions before.
    pub fn learn(&self) -> bool {
        self.rows_change.is_some() || self.bytes_change.is_some() || self.columns.iter().any(ColumnRule::learns)
    }

    /// The datasets with whose columns values are compared.
    pub fn compared_with(&self) -> BTreeSet<&Name> {
        let among = self.columns.iter().filter_map(|rule| rule.among.as_ref());
        let named = among.filter_map(|among| match among {
            Among::Values(_) => None,
            Among::Column { dataset, .. } => Some(dataset),
        });
        named.collect()
    }
}

/// A `columns.NAME`: what the values of one column must satisfy.
///
/// An empty value is only the business of `required`; all other rules are about the values that are there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnRule {
    /// The column.
    pub column: String,
    /// What its values are; `None`: anything.
    pub kind: Option<ColumnKind>,
    /// Numbers have a decimal comma instead of a point.
    pub decimal_comma: bool,
    /// No value is empty.
    pub required: bool,
    /// No value comes twice.
    pub unique: bool,
    /// The values lie in it.
    pub range: Option<Range>,
    /// The values are among these.
    pub among: Option<Among>,
    /// A regular expression that is found in each value.
    pub matches: Option<Pattern>,
    /// Each of these comes at least once.
    pub parts: Vec<String>,
    /// How long before the file was written each value lies, in seconds.
    pub age: Option<Range>,
    /// The same of the newest value alone.
    pub newest: Option<Range>,
    /// The zone of times without an offset, for `age` and `newest`; UTC unless given.
    pub zone: Option<TimeZone>,
    /// How the median may differ from what is usual.
    pub median: Option<Band>,
    /// How the sum may differ from what is usual.
    pub sum: Option<Band>,
    /// How much larger the share of empty values may be than what is usual.
    pub nulls: Option<Share>,
    /// How large the share of codes never seen before may be.
    pub codes_new: Option<Share>,
    /// How large the share of missing codes may be, of those that always came.
    pub codes_vanished: Option<Share>,
    /// What becomes of a file that breaks a rule.
    pub level: Level,
}

impl ColumnRule {
    /// Whether it compares with versions before.
    pub fn learns(&self) -> bool {
        self.median.is_some() || self.sum.is_some() || self.nulls.is_some() || self.codes()
    }

    /// Whether its different values are to be remembered.
    pub fn codes(&self) -> bool {
        self.codes_new.is_some() || self.codes_vanished.is_some()
    }

    /// Whether its values are numbers.
    pub fn is_numeric(&self) -> bool {
        match self.kind {
            Some(kind) => matches!(kind, ColumnKind::Integer | ColumnKind::Decimal),
            None => self.range.is_some() || self.median.is_some() || self.sum.is_some(),
        }
    }
}

/// How far something may lie from the median of what was accepted before.
#[derive(Clone, Debug, PartialEq)]
pub enum Band {
    /// `"auto"`: as far as the versions before differ among themselves, five times over; at least a fifth.
    Auto,
    /// `"-30%..+50%"`.
    Between {
        /// As it is written.
        text: String,
        /// The lower end, as a factor of the median: 0.7.
        low: Option<f64>,
        /// The upper end, likewise: 1.5.
        high: Option<f64>,
    },
}

/// `"10%"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// As it is written.
    pub text: String,
    /// As a part of one.
    pub part: f64,
}

/// What the last line says.
#[derive(Clone, Debug, PartialEq)]
pub struct Trailer {
    /// Fits the whole line; its group `rows` is the number of rows.
    pub pattern: Pattern,
    /// What becomes of a file without it, or with another number.
    pub level: Level,
}

/// What the source counted, against what came.
#[derive(Clone, Debug, PartialEq)]
pub struct Balance {
    /// Where the rows of the source are counted; `None`: they are not compared.
    pub rows: Option<BalanceRows>,
    /// Columns whose sum the job reports as `source_sum.COLUMN`.
    pub sums: Vec<String>,
    /// How much may be lost or gained.
    pub tolerance: Share,
    /// What becomes of a file that does not balance.
    pub level: Level,
}

/// Where the rows of the source are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BalanceRows {
    /// The job reports `source_rows`.
    Reported,
    /// They are those of the version of this dataset that the run was given.
    Input(Name),
}

/// A row that is known: `SKU 1001 weighs 0.3..0.6`.
#[derive(Clone, Debug, PartialEq)]
pub struct Canary {
    /// The column by which it is found.
    pub key: String,
    /// What stands there.
    pub value: String,
    /// The column that is looked at.
    pub column: String,
    /// Where its number lies.
    pub range: Range,
    /// It is written with a decimal comma.
    pub decimal_comma: bool,
    /// What becomes of a file without it, or with another number.
    pub level: Level,
}

/// Two columns of each row.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratio {
    /// What is divided.
    pub of: String,
    /// By what.
    pub to: String,
    /// Where the quotient lies.
    pub range: Range,
    /// What they are written with a decimal comma: `of` and `to`.
    pub decimal_comma: (bool, bool),
    /// What becomes of a file in which it does not.
    pub level: Level,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Anything.
    Text,
    /// Digits with a sign at most.
    Integer,
    /// A number, with or without decimals.
    Decimal,
    /// `true` or `false`, `1` or `0`.
    Boolean,
    /// `2026-11-20`.
    Date,
    /// A date with a time of day, with or without its offset.
    Datetime,
}

impl ColumnKind {
    /// Its name in jobs.toml.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Datetime => "datetime",
        }
    }
}

/// `"0..40000"`: both ends are part of it, and either may be absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// As it is written.
    pub text: String,
    /// The smallest value, as a number or, of dates, in seconds since 1970.
    pub min: Option<f64>,
    /// The largest value, likewise.
    pub max: Option<f64>,
}

impl Range {
    /// What it asks for, behind `must be`.
    pub fn words(&self) -> String {
        let text = self.text.trim();
        match (text.strip_suffix(".."), text.strip_prefix("..")) {
            (Some(least), _) => format!("at least {}", least.trim_end()),
            (None, Some(most)) => format!("at most {}", most.trim_start()),
            (None, None) => format!("in {text}"),
        }
    }
}

/// What a value must be one of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Among {
    /// These.
    Values(Vec<String>),
    /// Those in a column of the published file of another dataset.
    Column {
        /// The dataset.
        dataset: Name,
        /// Its column.
        column: String,
    },
}

/// A regular expression, compiled. Two are equal when they are written alike.
#[derive(Clone, Debug)]
pub struct Pattern(pub regex::Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// A rule of a column that would have refused a version which was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The column.
    pub column: String,
    /// The key of the rule in jobs.toml; `None` when the file had no such column at all.
    pub key: Option<&'static str>,
    /// What would have been refused, and why.
    pub message: String,
}

/// What becomes of a file that does not pass a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckLevel {
    /// It is published all the same, and the warning is kept with the version.
    Warn,
    /// Readers keep what they have.
    Hold,
}

impl CheckLevel {
    /// The verdict on a file that does not pass.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Warn => Verdict::Warn,
            Self::Hold => Verdict::Hold,
        }
    }
}

/// A level as it is written, if it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level(pub Option<CheckLevel>);

impl Level {
    /// Of a rule that is true or false: it holds the file back unless told otherwise.
    pub fn of_fact(self) -> CheckLevel {
        self.0.unwrap_or(CheckLevel::Hold)
    }

    /// Of a rule about what is usual: it warns unless told otherwise.
    pub fn of_habit(self) -> CheckLevel {
        self.0.unwrap_or(CheckLevel::Warn)
    }
}
