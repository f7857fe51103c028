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

/// Unpacks every part that its reader may look at, and keeps nothing of it.
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
        if !extension.is_some_and(|extension| extension == "xml" || extension == "rels") {
            continue;
        }
        let (most, is_sheet) = match lower.as_str() {
            lower if lower.contains("worksheets/") => (SHEET_BYTES_MAX, true),
            lower if lower.ends_with("sharedstrings.xml") => (SHARED_BYTES_MAX, false),
            _ => (PART_BYTES_MAX, false),
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
    Broken(String),
}

fn look_through(part: &mut dyn Read, most: u64) -> io::Result<Looked> {
    let mut piece = vec![0; 64 << 10];
    let (mut bytes, mut since_mark, mut has_long) = (0_u64, 0_u64, false);
    loop {
        let count = match part.read(&mut piece) {
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
