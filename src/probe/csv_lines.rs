//! A reader that follows the CSV grammar beside the parser, and so knows on which line a record or a quote begins.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::error::ContentError;
use super::table::{RECORD_BYTES_MAX, Swallowed};

/// Where in the grammar reading stands. The parser does not tell a quote that is still open at the end from one that
/// was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    RecordStart,
    FieldStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

/// CSV in UTF-8, followed byte by byte.
pub(super) struct CsvLines<R> {
    inner: R,
    grammar: Grammar,
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
    ends_line: bool,
    lost: LostRows,
}

/// Looks for rows that a stray quote has swallowed.
#[derive(Default)]
struct LostRows {
    /// Delimiters of the first record, and whether it has ended.
    delimiters: u64,
    has_header: bool,
    /// Of the line within a quoted value, and the lines of that value so far.
    quoted_delimiters: u64,
    quoted_lines: u64,
    /// A line of that value has as many delimiters as the header.
    looks_like_rows: bool,
    swallowed: Option<Swallowed>,
}

/// A value with so many lines surely holds more than was meant.
const LINES_OF_VALUE_MAX: u64 = 30;

impl<R: Read> CsvLines<R> {
    pub(super) fn new(inner: R, delimiter: u8) -> Self {
        let grammar = Grammar {
            delimiter,
            place: Place::RecordStart,
            line: 1,
            after_return: false,
            record_bytes: 0,
            quote_line: 0,
            starts: VecDeque::new(),
            ends_line: true,
            lost: LostRows::default(),
        };
        Self { inner, grammar }
    }

    /// The line on which the next record that the parser returns begins.
    pub(super) fn next_record_line(&mut self) -> Option<u64> {
        self.grammar.starts.pop_front()
    }

    /// The line of the quote that is open where reading stopped.
    pub(super) fn open_quote_line(&self) -> Option<u64> {
        (self.grammar.place == Place::Quoted).then_some(self.grammar.quote_line)
    }

    /// The first value that holds what look like rows.
    pub(super) fn swallowed(&self) -> Option<Swallowed> {
        self.grammar.lost.swallowed
    }

    /// Whether what was read last is a line break.
    pub(super) fn ends_line(&self) -> bool {
        self.grammar.ends_line
    }
}

impl<R: Read> Read for CsvLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.grammar.follow(&buffer[..count])?;
        Ok(count)
    }
}

impl Grammar {
    fn follow(&mut self, mut bytes: &[u8]) -> Result<(), ContentError> {
        if let Some(last) = bytes.last() {
            self.ends_line = matches!(last, b'\n' | b'\r');
        }
        while !bytes.is_empty() {
            let is_quoted = matches!(self.place, Place::Quoted | Place::QuoteInQuoted);
            let plain = if self.lost.has_header && !is_quoted {
                lines_without_quote(bytes)
            } else {
                0
            };
            self.follow_unquoted(&bytes[..plain])?;
            let followed = plain + self.follow_record(&bytes[plain..])?;
            bytes = &bytes[followed..];
        }
        Ok(())
    }

    /// Follows byte by byte to the end of a record, and returns how many bytes that were.
    fn follow_record(&mut self, bytes: &[u8]) -> Result<usize, ContentError> {
        for (index, &byte) in bytes.iter().enumerate() {
            let ends_line = matches!(byte, b'\n' | b'\r');
            if self.place == Place::RecordStart && !ends_line {
                self.starts.push_back(self.line);
                self.record_bytes = 0;
                self.place = Place::FieldStart;
            }
            self.record_bytes += 1;
            self.lost.look_at(self.place, byte, self.delimiter, self.quote_line);
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
                let line = self.starts.back().copied().unwrap_or(self.line);
                return Err(ContentError::RecordTooLong { line });
            }
            if self.place == Place::RecordStart {
                return Ok(index + 1);
            }
        }
        Ok(bytes.len())
    }
}

/// How many bytes there are to the end of the last line before one with a quote; all of them when there is none.
fn lines_without_quote(bytes: &[u8]) -> usize {
    let Some(quote) = memchr::memchr(b'"', bytes) else {
        return bytes.len();
    };
    memchr::memrchr2(b'\n', b'\r', &bytes[..quote]).map_or(0, |end| end + 1)
}

impl Grammar {
    /// The same for what has no quote in it, line by line: most of most files.
    fn follow_unquoted(&mut self, bytes: &[u8]) -> Result<(), ContentError> {
        let mut from = 0;
        for end in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            self.follow_line(&bytes[from..end])?;
            let is_return = bytes[end] == b'\r';
            if is_return || !self.after_return {
                self.line += 1;
            }
            self.after_return = is_return;
            self.place = Place::RecordStart;
            from = end + 1;
        }
        self.follow_line(&bytes[from..])
    }

    /// A piece of a line, without its break.
    fn follow_line(&mut self, bytes: &[u8]) -> Result<(), ContentError> {
        let Some(last) = bytes.last() else { return Ok(()) };
        if self.place == Place::RecordStart {
            self.starts.push_back(self.line);
            self.record_bytes = 0;
        }
        self.record_bytes += bytes.len() as u64;
        self.after_return = false;
        self.place = if *last == self.delimiter {
            Place::FieldStart
        } else {
            Place::Plain
        };
        if self.record_bytes > RECORD_BYTES_MAX {
            let line = self.starts.back().copied().unwrap_or(self.line);
            return Err(ContentError::RecordTooLong { line });
        }
        Ok(())
    }
}

impl LostRows {
    /// A byte, before which the grammar stands at `place`: is what lies within quotes a row that a stray quote has swallowed?
    fn look_at(&mut self, place: Place, byte: u8, delimiter: u8, quote_line: u64) {
        let is_delimiter = byte == delimiter;
        match (place, byte) {
            (Place::FieldStart, b'"') => {
                (self.quoted_delimiters, self.quoted_lines) = (0, 0);
                self.looks_like_rows = false;
            }
            (Place::Quoted, b'\n') => {
                // The first is the rest of a line, however many it has.
                let is_whole = self.quoted_lines > 0;
                self.looks_like_rows |= is_whole && self.has_header && self.quoted_delimiters == self.delimiters.max(1);
                (self.quoted_delimiters, self.quoted_lines) = (0, self.quoted_lines + 1);
            }
            (Place::Quoted, _) => self.quoted_delimiters += u64::from(is_delimiter),
            (Place::QuoteInQuoted, byte) if byte != b'"' => {
                let is_odd = self.looks_like_rows || self.quoted_lines > LINES_OF_VALUE_MAX;
                if is_odd && self.swallowed.is_none() {
                    let (line, lines) = (quote_line, self.quoted_lines + 1);
                    self.swallowed = Some(Swallowed { line, lines });
                }
                self.looks_like_rows = false;
            }
            _ => {}
        }
        if !self.has_header && place != Place::Quoted {
            self.delimiters += u64::from(is_delimiter);
            self.has_header = matches!(byte, b'\n' | b'\r') && place != Place::RecordStart;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The parser and the grammar beside it agree on where records are, whatever the bytes.
        #[test]
        fn the_grammar_sees_as_many_records_as_the_parser(text in "[ab\",;\r\n]{0,60}") {
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(CsvLines::new(text.as_bytes(), b','));
            let mut record = csv::ByteRecord::new();
            let mut lines = Vec::new();
            while reader.read_byte_record(&mut record).expect("no error in memory") {
                lines.push(reader.get_mut().next_record_line().expect("a line for each record"));
            }
            prop_assert_eq!(reader.get_mut().next_record_line(), None);
            prop_assert!(lines.is_sorted());
        }
    }

    proptest! {
        /// However it is cut into pieces, and so whichever way is taken, the same lines begin records.
        #[test]
        fn the_way_that_is_taken_makes_no_difference(text in "[ab\",\r\n]{0,60}", piece in 1_usize..9) {
            let followed = |piece: usize| {
                let mut csv = CsvLines::new(&b""[..], b',');
                for bytes in text.as_bytes().chunks(piece) {
                    csv.grammar.follow(bytes).expect("no record is so long");
                }
                (csv.grammar.starts.clone(), csv.grammar.line, csv.grammar.place, csv.grammar.ends_line)
            };
            prop_assert_eq!(followed(piece), followed(1));
        }
    }

    #[test]
    fn lines_are_counted_alike_for_every_line_ending() {
        for text in ["a\nb\n\nc\n", "a\r\nb\r\n\r\nc\r\n", "a\rb\r\rc\r", "a\nb\n\nc"] {
            let mut csv = CsvLines::new(text.as_bytes(), b',');
            io::copy(&mut csv, &mut io::sink()).expect("no error in memory");
            let lines: Vec<u64> = std::iter::from_fn(|| csv.next_record_line()).collect();
            assert_eq!(lines, [1, 2, 4], "{text:?}");
        }
    }
}
