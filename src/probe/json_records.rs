//! Cuts JSON into its records, one at a time, without holding more than one of them.

use std::io::{self, BufRead};

use super::error::ContentError;
use super::table::RECORD_BYTES_MAX;

/// How records follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One on each line.
    Lines,
    /// As the items of one array.
    Array,
}

/// The records of a text, as they are written.
pub(super) struct JsonRecords<R> {
    reader: R,
    shape: Shape,
    place: Place,
    record: Vec<u8>,
    line: u64,
}

/// Where in an array reading stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    BeforeArray,
    /// Behind the opening bracket: an item, or the end.
    FirstItem,
    /// Behind a comma.
    NextItem,
    /// Behind an item: a comma, or the end.
    BehindItem,
    BehindArray,
}

/// One record, or why there is none.
pub(super) enum Piece<'a> {
    /// A record and the line on which it begins.
    Record { line: u64, text: &'a [u8] },
    /// There is no more.
    End,
    /// This is not how records follow each other.
    Wrong(ContentError),
}

impl<R: BufRead> JsonRecords<R> {
    pub(super) fn new(reader: R, shape: Shape) -> Self {
        Self {
            reader,
            shape,
            place: Place::BeforeArray,
            record: Vec::new(),
            line: 1,
        }
    }

    pub(super) fn next(&mut self) -> io::Result<Piece<'_>> {
        match self.shape {
            Shape::Lines => self.next_line(),
            Shape::Array => self.next_item(),
        }
    }

    fn next_line(&mut self) -> io::Result<Piece<'_>> {
        loop {
            self.record.clear();
            let line = self.line;
            loop {
                let buffer = self.reader.fill_buf()?;
                if buffer.is_empty() {
                    break;
                }
                let end = memchr::memchr(b'\n', buffer);
                let count = end.map_or(buffer.len(), |end| end + 1);
                self.record.extend_from_slice(&buffer[..count]);
                self.reader.consume(count);
                if self.record.len() as u64 > RECORD_BYTES_MAX {
                    return Ok(Piece::Wrong(ContentError::RecordTooLong { line }));
                }
                if end.is_some() {
                    self.line += 1;
                    break;
                }
            }
            if self.record.is_empty() {
                return Ok(Piece::End);
            }
            if !self.record.iter().all(u8::is_ascii_whitespace) {
                let text = &self.record;
                return Ok(Piece::Record { line, text });
            }
        }
    }

    fn next_item(&mut self) -> io::Result<Piece<'_>> {
        loop {
            let Some(byte) = self.next_mark()? else {
                return Ok(match self.place {
                    Place::BehindArray => Piece::End,
                    Place::BeforeArray => Piece::Wrong(ContentError::NoArray { found: None }),
                    _ => Piece::Wrong(ContentError::OpenArray { line: self.line }),
                });
            };
            self.place = match (self.place, byte) {
                (Place::BeforeArray, b'[') => Place::FirstItem,
                (Place::BeforeArray, byte) => {
                    let found = Some(if byte == b'{' { "an object" } else { "something else" });
                    return Ok(Piece::Wrong(ContentError::NoArray { found }));
                }
                (Place::FirstItem | Place::BehindItem, b']') => Place::BehindArray,
                (Place::BehindItem, b',') => Place::NextItem,
                (Place::FirstItem | Place::NextItem, byte) if !b"],".contains(&byte) => {
                    let line = self.line;
                    self.place = Place::BehindItem;
                    return Ok(match self.read_item(byte)? {
                        Ok(()) => Piece::Record {
                            line,
                            text: &self.record,
                        },
                        Err(error) => Piece::Wrong(error),
                    });
                }
                (Place::BehindArray, _) => return Ok(Piece::Wrong(ContentError::AfterArray { line: self.line })),
                (_, _) => return Ok(Piece::Wrong(ContentError::ArrayBroken { line: self.line })),
            };
            self.reader.consume(1);
        }
    }

    /// The next byte that is no white space, not yet taken.
    fn next_mark(&mut self) -> io::Result<Option<u8>> {
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let space = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let mark = buffer.get(space).copied();
            self.line += memchr::memchr_iter(b'\n', &buffer[..space]).count() as u64;
            self.reader.consume(space);
            if mark.is_some() {
                return Ok(mark);
            }
        }
    }

    /// Reads one item to its end, by its brackets and quotes alone; whether it is good JSON is for the parser.
    fn read_item(&mut self, first: u8) -> io::Result<Result<(), ContentError>> {
        let started_at = self.line;
        let is_nested = matches!(first, b'{' | b'[');
        let (mut depth, mut in_text, mut is_escaped) = (0_u32, false, false);
        self.record.clear();
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Err(ContentError::OpenArray { line: started_at }));
            }
            let mut end = None;
            for (place, byte) in buffer.iter().enumerate() {
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' if in_text => is_escaped = true,
                    b'"' => in_text = !in_text,
                    _ if in_text => {}
                    b',' | b']' if depth == 0 => end = Some(place),
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 && is_nested {
                            end = Some(place + 1);
                        }
                    }
                    _ => {}
                }
                if end.is_some() {
                    break;
                }
            }
            let count = end.unwrap_or(buffer.len());
            self.record.extend_from_slice(&buffer[..count]);
            self.line += memchr::memchr_iter(b'\n', &buffer[..count]).count() as u64;
            self.reader.consume(count);
            if self.record.len() as u64 > RECORD_BYTES_MAX {
                return Ok(Err(ContentError::RecordTooLong { line: started_at }));
            }
            if end.is_some() {
                return Ok(Ok(()));
            }
        }
    }
}
