//! `[datasets.NAME.checks]`: how a file is read.

/// How a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
