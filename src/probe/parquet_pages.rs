//! How large the pages of a Parquet column unpack, read from their headers alone: before anything is unpacked.
//!
//! A page header is a structure of Thrift's compact protocol (<https://parquet.apache.org/docs/file-format/>): its second
//! field is the size unpacked, its third the size as it lies in the file. What the file says elsewhere is not believed.

use std::io::{self, Read, Seek, SeekFrom};

/// Longest header of a page: it may hold the smallest and largest value of the page.
const HEADER_BYTES_MAX: u64 = 8 << 20;

/// Most values of a dictionary, which all are in memory at a time.
const DICTIONARY_VALUES_MAX: u64 = 4 << 20;

/// How deep structures may lie within each other.
const DEPTH_MAX: u8 = 8;

/// The largest page, unpacked, of those that lie in these bytes; `None` when they are no pages, or a dictionary has more
/// values than it has bytes or than can be held.
pub(super) fn largest_page<R: Read + Seek>(file: &mut R, from: u64, bytes: u64) -> io::Result<Option<u64>> {
    let end = from.saturating_add(bytes);
    let (mut place, mut largest) = (from, 0);
    while place < end {
        file.seek(SeekFrom::Start(place))?;
        let mut header = Header {
            reader: file.take(HEADER_BYTES_MAX.min(end - place)),
            bytes: 0,
        };
        let (unpacked, packed) = match header.sizes() {
            Ok(sizes) => sizes,
            Err(error) if error.raw_os_error().is_some() => return Err(error),
            Err(_) => return Ok(None),
        };
        place += header.bytes + packed;
        largest = largest.max(unpacked);
    }
    Ok(Some(largest))
}

struct Header<R> {
    reader: R,
    bytes: u64,
}

fn broken() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

impl<R: Read> Header<R> {
    fn sizes(&mut self) -> io::Result<(u64, u64)> {
        let (mut unpacked, mut packed) = (None, None);
        let mut field = 0_i64;
        let mut values = 0;
        while let Some(kind) = self.field(&mut field)? {
            match (field, kind) {
                (2, I32) => unpacked = Some(self.zigzag()?),
                (3, I32) => packed = Some(self.zigzag()?),
                (7, STRUCT) => values = self.dictionary_values()?,
                _ => self.skip(kind, 0)?,
            }
        }
        let size = |size: Option<i64>| size.and_then(|size| u64::try_from(size).ok()).ok_or_else(broken);
        let (unpacked, packed) = (size(unpacked)?, size(packed)?);
        // The library makes room for as many as are told.
        if values > unpacked.min(DICTIONARY_VALUES_MAX) {
            return Err(broken());
        }
        Ok((unpacked, packed))
    }

    /// How many values the header of a dictionary tells.
    fn dictionary_values(&mut self) -> io::Result<u64> {
        let (mut values, mut field) = (0, 0_i64);
        while let Some(kind) = self.field(&mut field)? {
            match (field, kind) {
                (1, I32) => values = u64::try_from(self.zigzag()?).map_err(|_| broken())?,
                _ => self.skip(kind, 1)?,
            }
        }
        Ok(values)
    }

    /// The kind of the next field, and its number; `None` behind the last.
    fn field(&mut self, number: &mut i64) -> io::Result<Option<u8>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Ok(None);
        }
        *number = match byte >> 4 {
            0 => self.zigzag()?,
            by => number.checked_add(i64::from(by)).ok_or_else(broken)?,
        };
        Ok(Some(byte & 0x0f))
    }

    fn skip(&mut self, kind: u8, depth: u8) -> io::Result<()> {
        if depth > DEPTH_MAX {
            return Err(broken());
        }
        match kind {
            TRUE | FALSE => Ok(()),
            BYTE => self.byte().map(drop),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.pass(8),
            BINARY => {
                let count = self.varint()?;
                self.pass(count)
            }
            STRUCT => {
                let mut field = 0;
                while let Some(kind) = self.field(&mut field)? {
                    self.skip(kind, depth + 1)?;
                }
                Ok(())
            }
            // Lists, sets and maps: no page header has one.
            _ => Err(broken()),
        }
    }

    fn pass(&mut self, count: u64) -> io::Result<()> {
        let passed = io::copy(&mut (&mut self.reader).take(count), &mut io::sink())?;
        self.bytes += passed;
        if passed == count { Ok(()) } else { Err(broken()) }
    }

    fn zigzag(&mut self) -> io::Result<i64> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(broken())
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.reader.read_exact(&mut byte)?;
        self.bytes += 1;
        Ok(byte[0])
    }
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const STRUCT: u8 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn largest(content: &[u8]) -> Option<u64> {
        let mut file = io::Cursor::new(content);
        largest_page(&mut file, 0, content.len() as u64).expect("memory")
    }

    #[test]
    fn the_largest_page_counts_unpacked_and_the_next_begins_behind_what_lies_in_the_file() {
        // Kind 0, 10 bytes unpacked, 3 packed; then 300 and 1.
        let pages = [
            &[0x15, 0, 0x15, 20, 0x15, 6, 0][..],
            b"abc",
            &[0x15, 0, 0x15, 0xd8, 0x04, 0x15, 2, 0],
            b"d",
        ];
        assert_eq!(largest(&pages.concat()), Some(300));
        assert_eq!(largest(&pages[..2].concat()), Some(10));
    }

    #[test]
    fn a_dictionary_has_no_more_values_than_bytes() {
        // Kind 2, 10 bytes unpacked, 3 packed; and so many values.
        let page = |values: u8| [&[0x15, 4, 0x15, 20, 0x15, 6, 0x4c, 0x15, values * 2, 0, 0][..], b"abc"].concat();
        assert_eq!(largest(&page(10)), Some(10));
        assert_eq!(largest(&page(11)), None);
    }

    #[test]
    fn structures_that_lie_in_each_other_without_end_are_no_header() {
        assert_eq!(largest(&vec![0x1c; 4 << 20]), None);
    }
}
