//! `[datasets.NAME.checks]`: how a file is read, and what it must satisfy.

use std::collections::BTreeSet;

use super::Name;

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
    /// The columns and their order; empty: any.
    pub header: Vec<String>,
    /// What the values of columns must satisfy.
    pub columns: Vec<ColumnRule>,
}

impl Checks {
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
#[derive(Clone, Debug, PartialEq)]
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
    /// What becomes of a file that breaks a rule.
    pub level: CheckLevel,
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

/// What becomes of a file that does not pass a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckLevel {
    /// It is published all the same, and the warning is kept with the version.
    Warn,
    /// Readers keep what they have.
    #[default]
    Hold,
}

/// How a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What its rows are written in; `None`: it is opaque, and nobody looks into it.
    pub format: Option<Format>,
    /// How its text is written.
    pub encoding: Encoding,
    /// What it is packed with.
    pub compression: Compression,
}

/// What rows are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Delimited text with a header line.
    Csv {
        /// Between two values; `None`: the one that the header has most of.
        delimiter: Option<u8>,
    },
    /// One array of objects.
    Json,
    /// An object on each line.
    JsonLines,
}

impl Format {
    /// Its name for people and in jobs.toml.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv { .. } => "csv",
            Self::Json => "json",
            Self::JsonLines => "jsonl",
        }
    }
}

/// How text is written in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// ISO 8859-1.
    Latin1,
    /// What Windows calls ANSI in Western Europe: Latin-1 with letters and signs in the place of control characters.
    Windows1252,
}

impl Encoding {
    /// Its name for people and in jobs.toml.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Latin1 => "latin-1",
            Self::Windows1252 => "windows-1252",
        }
    }
}

/// What a file is packed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Nothing.
    #[default]
    None,
    /// gzip, also several after each other.
    Gzip,
}

impl Compression {
    /// Its name for people and in jobs.toml.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
        }
    }
}
