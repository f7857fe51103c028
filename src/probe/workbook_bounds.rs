//! Looks through the parts of a workbook before it is read: what unpacks to more than can be held is refused.

use std::borrow::Cow;
use std::io::{self, Read, Seek};
use std::path::Path;

use super::error::ContentError;
use super::table::RECORD_BYTES_MAX;

/// Most parts of a workbook.
const PARTS_MAX: usize = 10_000;

/// Most bytes of the texts that its sheets share: they are held in memory, which takes about twice as much.
const SHARED_BYTES_MAX: u64 = 64 << 20;

/// Most bytes of any other part that is no sheet: names, styles and relations.
const PART_BYTES_MAX: u64 = 16 << 20;

/// Most bytes of a sheet, which is read piece by piece.
const SHEET_BYTES_MAX: u64 = 16 << 30;

/// The attribute by which its reader takes memory for the shared texts, before it has read one.
const PROMISED: &[u8] = b"uniqueCount";

/// The shortest shared text: `<si/>`.
const TEXT_BYTES_MIN: u64 = 5;

/// Unpacks every part, as its relations may point to any, and keeps nothing of it.
///
/// What the package says of its sizes is not believed. Between two marks of a sheet there may be as much as a record
/// may have.
pub(super) fn check_bounds<R: Read + Seek>(reader: R) -> io::Result<Result<(), ContentError>> {
    let wrong = |why: String| Ok(Err(ContentError::Workbook { why }));
    let mut archive = match zip::ZipArchive::new(reader) {
        Ok(archive) => archive,
        Err(zip::result::ZipError::Io(error)) if error.raw_os_error().is_some() => return Err(error),
        // Its reader tells better what it is instead.
        Err(_) => return Ok(Ok(())),
    };
    if archive.len() > PARTS_MAX {
        return wrong(format!(
            "it has {} parts, and at most {PARTS_MAX} are looked at",
            archive.len()
        ));
    }
    for index in 0..archive.len() {
        let mut part = match archive.by_index(index) {
            Ok(part) => part,
            Err(error) => return wrong(format!("{error}; it may be damaged")),
        };
        // A name that is no text is none that its reader knows.
        let Ok(name) = part.name().map(Cow::into_owned) else {
            continue;
        };
        let lower = name.to_ascii_lowercase();
        let extension = Path::new(&lower).extension();
        let is_markup = extension.is_some_and(|extension| extension == "xml" || extension == "rels");
        let (most, is_sheet) = match lower.as_str() {
            lower if lower.contains("worksheets/") => (SHEET_BYTES_MAX, true),
            lower if lower.ends_with("sharedstrings.xml") => (SHARED_BYTES_MAX, false),
            _ if is_markup => (PART_BYTES_MAX, false),
            // As a rule a picture; but a relation may say that it is a sheet, or anything else.
            _ => (SHARED_BYTES_MAX, true),
        };
        let shown = super::table::shortened(&name);
        match look_through(&mut part, most)? {
            Looked::TooLarge => {
                let most = most >> 20;
                return wrong(format!("its part {shown} unpacks to more than {most} MiB"));
            }
            Looked::LongValue if is_sheet => {
                let most = RECORD_BYTES_MAX >> 20;
                return wrong(format!("a value in its part {shown} is longer than {most} MiB"));
            }
            Looked::ManyTexts => {
                return wrong(format!(
                    "its part {shown} says that it has more texts than it has room for"
                ));
            }
            Looked::Fine | Looked::LongValue => {}
            Looked::Broken(why) => {
                return wrong(format!("its part {shown} cannot be unpacked: {why}; it may be damaged"));
            }
        }
    }
    Ok(Ok(()))
}

enum Looked {
    Fine,
    TooLarge,
    LongValue,
    ManyTexts,
    Broken(String),
}

fn look_through(part: &mut dyn Read, most: u64) -> io::Result<Looked> {
    let mut piece = vec![0; 64 << 10];
    let (mut bytes, mut since_mark, mut has_long) = (0_u64, 0_u64, false);
    let mut promise = Promise::default();
    loop {
        let count = match part.read(&mut piece) {
            Ok(0) if promise.largest > bytes / TEXT_BYTES_MIN => return Ok(Looked::ManyTexts),
            Ok(0) => return Ok(if has_long { Looked::LongValue } else { Looked::Fine }),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.raw_os_error().is_some() => return Err(error),
            Err(error) => return Ok(Looked::Broken(error.to_string())),
        };
        bytes += count as u64;
        if bytes > most {
            return Ok(Looked::TooLarge);
        }
        let read = &piece[..count];
        promise.look(read);
        match (memchr::memchr(b'<', read), memchr::memrchr(b'<', read)) {
            (Some(first), Some(last)) => {
                has_long |= since_mark + first as u64 > RECORD_BYTES_MAX;
                since_mark = (count - last) as u64;
            }
            _ => since_mark += count as u64,
        }
        has_long |= since_mark > RECORD_BYTES_MAX;
    }
}

/// How many shared texts a part says that it has, wherever it says so.
#[derive(Default)]
struct Promise {
    largest: u64,
    /// So many bytes of the attribute's name were just read.
    matched: usize,
    /// The number behind the name.
    number: Option<u64>,
}

impl Promise {
    fn look(&mut self, piece: &[u8]) {
        for &byte in piece {
            if self.matched == PROMISED.len() {
                match byte {
                    b'0'..=b'9' => {
                        let number = self.number.unwrap_or(0).saturating_mul(10);
                        let number = number.saturating_add(u64::from(byte - b'0'));
                        self.number = Some(number);
                        self.largest = self.largest.max(number);
                    }
                    b'=' | b'"' | b'\'' | b'+' | b' ' | b'\t' | b'\r' | b'\n' if self.number.is_none() => {}
                    _ => (self.matched, self.number) = (0, None),
                }
            } else if byte == PROMISED[self.matched] {
                self.matched += 1;
            } else {
                // No part of the name is its beginning once more, but for the first letter.
                self.matched = usize::from(byte == PROMISED[0]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    fn refused(name: &str, part: &[u8]) -> Option<String> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(part).unwrap();
        let answer = check_bounds(archive.finish().unwrap()).unwrap();
        answer.err().map(|error| error.to_string())
    }

    #[test]
    fn a_workbook_that_promises_more_texts_than_its_part_has_room_for_is_refused() {
        let texts = |count: &str, before: usize| {
            let before = " ".repeat(before);
            format!("{before}<sst {count}><si/><si><t>x</t></si></sst>").into_bytes()
        };
        for count in [
            r#"uniqueCount="1000000000000""#,
            "uniqueCount =\n'099999999999999999999999'",
        ] {
            // Also where two reads meet within it.
            for before in [0, (64 << 10) - 10, (64 << 10) - 20] {
                let why = refused("xl/sharedStrings.xml", &texts(count, before));
                assert!(why.is_some_and(|why| why.contains("more texts")), "{count} {before}");
            }
        }
        assert_eq!(refused("xl/sharedStrings.xml", &texts(r#"uniqueCount="2""#, 0)), None);
    }

    #[test]
    fn a_part_with_any_name_is_looked_through() {
        let long = vec![b'y'; usize::try_from(RECORD_BYTES_MAX).unwrap() + 1];
        let why = refused("xl/data.bin", &long);
        assert!(why.is_some_and(|why| why.contains("longer than")));
        assert_eq!(refused("xl/media/image1.png", &long[..1000]), None);
    }
}
