//! A reader that digests and counts what passes through it, and knows on which line a CSV record begins.

use std::collections::VecDeque;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// Longest CSV record; it bounds the memory of reading one, whatever the file holds.
pub(super) const RECORD_BYTES_MAX: u64 = 4 << 20;

/// How much of the beginning is remembered, to say what a file is when it is not what it should be.
const HEAD_BYTES_MAX: usize = 512;

/// The CSV grammar, followed byte by byte beside the parser, which does not tell a quote that is still
/// open at the end from one that was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    RecordStart,
    FieldStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

/// Counts, digests and follows what is read through it.
pub(super) struct Meter<R> {
    inner: R,
    hasher: Sha256,
    bytes: u64,
    head: Vec<u8>,
    last_byte: Option<u8>,
    /// `None` while the content is opaque.
    grammar: Option<Grammar>,
}

struct Grammar {
    delimiter: u8,
    place: Place,
    line: u64,
    after_return: bool,
    record_bytes: u64,
    quote_line: u64,
    /// Lines of the records that were read but not yet taken; bounded by the parser's buffer.
    starts: VecDeque<u64>,
    too_long: bool,
}

impl<R: Read> Meter<R> {
    /// For opaque content.
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            bytes: 0,
            head: Vec::new(),
            last_byte: None,
            grammar: None,
        }
    }

    /// For CSV.
    pub(super) fn following_csv(inner: R, delimiter: u8) -> Self {
        let grammar = Grammar {
            delimiter,
            place: Place::RecordStart,
            line: 1,
            after_return: false,
            record_bytes: 0,
            quote_line: 0,
            starts: VecDeque::new(),
            too_long: false,
        };
        Self {
            grammar: Some(grammar),
            ..Self::new(inner)
        }
    }

    /// The line on which the next record that the parser returns begins.
    pub(super) fn next_record_line(&mut self) -> Option<u64> {
        self.grammar.as_mut()?.starts.pop_front()
    }

    /// The line of the quote that is open where reading stopped.
    pub(super) fn open_quote_line(&self) -> Option<u64> {
        let grammar = self.grammar.as_ref()?;
        (grammar.place == Place::Quoted).then_some(grammar.quote_line)
    }

    /// The line of the record that is too long, when that is why reading failed.
    pub(super) fn too_long_line(&self) -> Option<u64> {
        let grammar = self.grammar.as_ref()?;
        (grammar.too_long).then(|| grammar.starts.back().copied().unwrap_or(grammar.line))
    }

    /// Reads what is left, so that size and digest are those of the whole.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        self.grammar = None;
        io::copy(self, &mut io::sink()).map(drop)
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) fn last_byte(&self) -> Option<u8> {
        self.last_byte
    }

    pub(super) fn sha256(self) -> String {
        hex(&self.hasher.finalize())
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let bytes = &buffer[..count];
        self.hasher.update(bytes);
        let wanted = HEAD_BYTES_MAX - self.head.len();
        self.head.extend_from_slice(&bytes[..count.min(wanted)]);
        self.last_byte = bytes.last().copied().or(self.last_byte);
        if let Some(grammar) = &mut self.grammar {
            // The parser drops a byte order mark as well.
            let mark = self.bytes == 0 && bytes.starts_with(b"\xef\xbb\xbf");
            grammar.follow(if mark { &bytes[3..] } else { bytes });
        }
        self.bytes += count as u64;
        match &self.grammar {
            Some(grammar) if grammar.too_long => Err(io::Error::other("a record is too long")),
            _ => Ok(count),
        }
    }
}

impl Grammar {
    fn follow(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let ends_line = matches!(byte, b'\n' | b'\r');
            if self.place == Place::RecordStart && !ends_line {
                self.starts.push_back(self.line);
                self.record_bytes = 0;
                self.place = Place::FieldStart;
            }
            self.record_bytes += 1;
            self.place = match (self.place, byte) {
                (Place::FieldStart, b'"') => {
                    self.quote_line = self.line;
                    Place::Quoted
                }
                (Place::Quoted, b'"') => Place::QuoteInQuoted,
                (Place::Quoted, _) | (Place::QuoteInQuoted, b'"') => Place::Quoted,
                (_, byte) if byte == self.delimiter => Place::FieldStart,
                (_, b'\n' | b'\r') => Place::RecordStart,
                _ => Place::Plain,
            };
            // A carriage return and the line feed behind it end one line.
            if byte == b'\r' || (byte == b'\n' && !self.after_return) {
                self.line += 1;
            }
            self.after_return = byte == b'\r';
            if self.record_bytes > RECORD_BYTES_MAX && self.place != Place::RecordStart {
                self.too_long = true;
                return;
            }
        }
    }
}

/// Bytes as lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The parser and the meter beside it agree on where records are, whatever the bytes.
        #[test]
        fn the_meter_sees_as_many_records_as_the_parser(text in "[ab\",;\r\n]{0,60}") {
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(Meter::following_csv(text.as_bytes(), b','));
            let mut record = csv::ByteRecord::new();
            let mut lines = Vec::new();
            while reader.read_byte_record(&mut record).expect("no error in memory") {
                lines.push(reader.get_mut().next_record_line().expect("a line for each record"));
            }
            prop_assert_eq!(reader.get_mut().next_record_line(), None);
            prop_assert!(lines.is_sorted());
            prop_assert_eq!(reader.get_ref().bytes_read(), text.len() as u64);
        }
    }

    #[test]
    fn lines_are_counted_alike_for_every_line_ending() {
        for text in ["a\nb\n\nc\n", "a\r\nb\r\n\r\nc\r\n", "a\rb\r\rc\r", "\u{feff}a\nb\n\nc"] {
            let mut meter = Meter::following_csv(text.as_bytes(), b',');
            io::copy(&mut meter, &mut io::sink()).expect("no error in memory");
            let lines: Vec<u64> = std::iter::from_fn(|| meter.next_record_line()).collect();
            assert_eq!(lines, [1, 2, 4], "{text:?}");
        }
    }
}
