//! `[datasets.NAME.checks]`: how a file is read.

use std::sync::Arc;

/// How a file is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What its rows are written in; `None`: it is opaque, and nobody looks into it.
    pub format: Option<Format>,
    /// How its text is written.
    pub encoding: Encoding,
    /// What it is packed with.
    pub compression: Compression,
    /// The last line is no row.
    pub has_trailer: bool,
}

/// What rows are written in.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Lines on which each value has its place.
    Fixed {
        /// Where the columns are.
        columns: Arc<[FixedColumn]>,
        /// Lines before the first row.
        skip_lines: u64,
    },
    /// A sheet of an Excel workbook, with a header row.
    Xlsx {
        /// Its name; `None`: the first.
        sheet: Option<Arc<str>>,
    },
    /// Apache Parquet.
    Parquet,
}

/// Where a column is on each line of a file of fixed width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedColumn {
    /// Its name.
    pub name: String,
    /// Its first character, from 1.
    pub from: u32,
    /// Its characters.
    pub width: u32,
}

impl FixedColumn {
    /// Its last character, from 1.
    pub fn to(&self) -> u32 {
        self.from.saturating_add(self.width) - 1
    }
}

impl Format {
    /// Its name for people and in jobs.toml.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Csv { .. } => "csv",
            Self::Json => "json",
            Self::JsonLines => "jsonl",
            Self::Fixed { .. } => "fixed",
            Self::Xlsx { .. } => "xlsx",
            Self::Parquet => "parquet",
        }
    }

    /// By what a person finds a row of it: text has lines, a sheet and a table have rows.
    pub fn row_word(&self) -> &'static str {
        match self {
            Self::Xlsx { .. } | Self::Parquet => "row",
            Self::Csv { .. } | Self::Json | Self::JsonLines | Self::Fixed { .. } => "line",
        }
    }

    /// Whether it is text, which is read from its beginning to its end.
    pub fn is_text(&self) -> bool {
        !matches!(self, Self::Xlsx { .. } | Self::Parquet)
    }

    /// Whether its columns have an order.
    pub fn has_order(&self) -> bool {
        !matches!(self, Self::Json | Self::JsonLines)
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
    /// Zstandard, also several after each other.
    Zstd,
}

impl Compression {
    /// Its name for people and in jobs.toml.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}
