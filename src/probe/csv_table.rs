//! Rows out of delimited text with a header line.

use std::io::{self, Cursor, Read};

use csv::{ByteRecord, ReaderBuilder};

use super::csv_lines::CsvLines;
use super::error::ContentError;
use super::table::{Pass, content_of};

/// Between two reads of the text.
const BUFFER_BYTES: usize = 64 << 10;

/// What a delimiter may be when it is to be found out; the first wins where two come as often.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// Reads the rows; `None` as delimiter takes the one that the header has most of.
pub(super) fn read_csv(
    text: &mut dyn Read,
    delimiter: Option<u8>,
    pass: &mut Pass<'_>,
) -> io::Result<Result<(), ContentError>> {
    let mut beginning = Vec::new();
    let delimiter = match delimiter {
        Some(delimiter) => delimiter,
        None => {
            read_first_line(text, &mut beginning)?;
            most_frequent(&beginning)
        }
    };
    let lines = CsvLines::new(Cursor::new(beginning).chain(text), delimiter);
    let reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(false)
        .buffer_capacity(BUFFER_BYTES)
        .from_reader(lines);
    let mut records = Records {
        reader,
        record: ByteRecord::new(),
    };
    records.read_all(pass)
}

/// Reads on until the header is there, or more of it than is needed to know its delimiter.
fn read_first_line(text: &mut dyn Read, line: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 4096];
    while line.len() < BUFFER_BYTES && !has_line(line) {
        let count = text.read(&mut piece)?;
        if count == 0 {
            break;
        }
        line.extend_from_slice(&piece[..count]);
    }
    Ok(())
}

/// Whether there is a whole line with something in it.
fn has_line(text: &[u8]) -> bool {
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let start = text.iter().position(|byte| !is_break(byte));
    start.is_some_and(|start| text[start..].iter().any(is_break))
}

fn most_frequent(text: &[u8]) -> u8 {
    let mut counts = [0_u32; DELIMITERS.len()];
    let (mut is_quoted, mut has_begun) = (false, false);
    for byte in text {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if has_begun && !is_quoted => break,
            _ if is_quoted => {}
            byte => {
                if let Some(index) = DELIMITERS.iter().position(|delimiter| delimiter == byte) {
                    counts[index] += 1;
                }
            }
        }
        has_begun |= !matches!(byte, b'\n' | b'\r');
    }
    let mut best = 0;
    for (index, count) in counts.iter().enumerate() {
        if *count > counts[best] {
            best = index;
        }
    }
    DELIMITERS[best]
}

/// For so many wanted columns a row needs no memory of its own.
const FEW: usize = 32;

struct Records<R: Read> {
    reader: csv::Reader<CsvLines<R>>,
    record: ByteRecord,
}

/// One record of the parser, or why there is none.
enum Next {
    Record { line: u64 },
    End,
    Wrong(ContentError),
}

impl<R: Read> Records<R> {
    fn read_all(&mut self, pass: &mut Pass<'_>) -> io::Result<Result<(), ContentError>> {
        let places = match self.next()? {
            Next::Record { line } => match self.read_header(line, pass) {
                Ok(places) => places,
                Err(error) => return Ok(Err(error)),
            },
            Next::End if self.reader.position().byte() == 0 => return Ok(Ok(())),
            Next::End => return Ok(Err(ContentError::NoHeader)),
            Next::Wrong(error) => return Ok(Err(error)),
        };
        loop {
            match self.next()? {
                Next::Record { line } => {
                    let value = |place: &Option<usize>| {
                        let value = text(self.record.get((*place)?)?);
                        (!value.is_empty()).then_some(value)
                    };
                    let mut few = [None; FEW];
                    let many: Vec<Option<&str>>;
                    let values = match few.get_mut(..places.len()) {
                        Some(few) => {
                            few.iter_mut().zip(&places).for_each(|(few, place)| *few = value(place));
                            few
                        }
                        None => {
                            many = places.iter().map(value).collect();
                            &many[..]
                        }
                    };
                    pass.take(line, values);
                }
                Next::End => break,
                Next::Wrong(error) => return Ok(Err(error)),
            }
        }
        pass.swallowed = self.reader.get_ref().swallowed();
        Ok(match self.reader.get_ref().open_quote_line() {
            Some(line) => Err(ContentError::OpenQuote { line }),
            None => Ok(()),
        })
    }

    fn next(&mut self) -> io::Result<Next> {
        let result = self.reader.read_byte_record(&mut self.record);
        let line = self.reader.get_mut().next_record_line().unwrap_or(0);
        let error = match result {
            Ok(true) => return Ok(self.check_text(line)),
            Ok(false) => return Ok(Next::End),
            Err(error) => error,
        };
        match error.into_kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                let open = self.reader.get_ref().open_quote_line();
                let at_end = !self.reader.read_byte_record(&mut self.record).unwrap_or(true);
                let ended = self.reader.get_ref().ends_line();
                Ok(Next::Wrong(match open {
                    // An open quote swallows the rest of the file, which looks like missing columns.
                    Some(line) if at_end => ContentError::OpenQuote { line },
                    _ => ContentError::UnequalColumns {
                        line,
                        expected: expected_len,
                        found: len,
                        last: at_end && !ended,
                    },
                }))
            }
            csv::ErrorKind::Io(error) => Ok(Next::Wrong(content_of(error)?)),
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }

    fn check_text(&self, line: u64) -> Next {
        if self.record.as_slice().is_ascii() {
            return Next::Record { line };
        }
        let invalid = |value: &[u8]| std::str::from_utf8(value).is_err();
        match self.record.iter().position(invalid) {
            Some(index) => Next::Wrong(ContentError::NotUtf8 {
                line,
                column: Some(index + 1),
            }),
            None => Next::Record { line },
        }
    }

    /// Where each wanted column is.
    fn read_header(&self, line: u64, pass: &mut Pass<'_>) -> Result<Vec<Option<usize>>, ContentError> {
        let names = self.record.iter().map(|name| text(name).to_owned()).collect();
        pass.name_columns(names)
            .map_err(|column| ContentError::DuplicateColumn { line, column })
    }
}

/// Only for values that `check_text` has let through.
fn text(value: &[u8]) -> &str {
    std::str::from_utf8(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_that_the_header_has_most_of() {
        for (text, delimiter) in [
            ("lot;qty;note, or none\nL1;2;x\n", b';'),
            ("lot,qty\n1;2;3;4,5\n", b','),
            ("\n\nlot\tqty\n", b'\t'),
            ("\"a;b;c\",d\n", b','),
            ("lot|qty", b'|'),
            ("lot\n", b','),
            ("", b','),
        ] {
            assert_eq!(most_frequent(text.as_bytes()), delimiter, "{text:?}");
        }
    }
}
