//! What reading an output gives, line by line.

use jiff::Timestamp;

use crate::runner::log::Stream;

/// A line an attempt printed, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When its first byte was read.
    pub at: Timestamp,
    /// The bytes as printed, without the newline. For a gap, a sentence.
    pub text: Vec<u8>,
    /// What it is.
    pub kind: LineKind,
    /// Which output it was printed to.
    pub stream: Stream,
}

/// What a line of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// A whole line.
    Whole,
    /// A piece of a line that goes on in the next `LogLine` of its stream.
    Piece,
    /// The text says how many bytes were left out here, or that some may be missing.
    Gap,
}

impl LineKind {
    /// As JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "line",
            Self::Piece => "piece",
            Self::Gap => "gap",
        }
    }
}
