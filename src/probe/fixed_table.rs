//! Rows out of lines on which each value has its place.

use std::io::{self, BufRead, BufReader, Read};

use super::error::ContentError;
use super::table::{Pass, RECORD_BYTES_MAX};
use crate::model::FixedColumn;

/// Between two reads of the text.
const BUFFER_BYTES: usize = 64 << 10;

/// Reads the rows behind the first `skip_lines` lines. Empty lines are none.
pub(super) fn read_fixed(
    text: &mut dyn Read,
    columns: &[FixedColumn],
    skip_lines: u64,
    pass: &mut Pass<'_>,
) -> io::Result<Result<(), ContentError>> {
    let mut lines = Lines {
        reader: BufReader::with_capacity(BUFFER_BYTES, text),
        bytes: Vec::new(),
        number: 0,
    };
    let names = columns.iter().map(|column| column.name.clone()).collect();
    let places = match pass.name_columns(names) {
        Ok(places) => places,
        // jobs.toml cannot name a key twice.
        Err(column) => return Ok(Err(ContentError::DuplicateColumn { line: 1, column })),
    };
    let reach = u64::from(columns.iter().map(FixedColumn::to).max().unwrap_or(0));
    let mut begins = Vec::new();
    loop {
        let ends_line = match lines.read()? {
            Ok(Some(ends_line)) => ends_line,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        let line = lines.number;
        let Ok(text) = std::str::from_utf8(&lines.bytes) else {
            return Ok(Err(ContentError::NotUtf8 { line, column: None }));
        };
        if line <= skip_lines || text.is_empty() {
            continue;
        }
        find_characters(text, &mut begins);
        let found = begins.len() as u64 - 1;
        if found < reach {
            return Ok(Err(ContentError::ShortLine {
                line,
                expected: reach,
                found,
                last: !ends_line,
            }));
        }
        let value = |place: &Option<usize>| {
            let column = &columns[(*place)?];
            let (from, to) = (begins[column.from as usize - 1], begins[column.to() as usize]);
            Some(text[from..to].trim()).filter(|value| !value.is_empty())
        };
        let values: Vec<Option<&str>> = places.iter().map(value).collect();
        pass.take(line, &values);
    }
}

/// Where each character begins, and where the last ends: columns are counted in characters, not in bytes.
fn find_characters(text: &str, begins: &mut Vec<usize>) {
    begins.clear();
    if text.is_ascii() {
        begins.extend(0..=text.len());
    } else {
        begins.extend(text.char_indices().map(|(begin, _)| begin));
        begins.push(text.len());
    }
}

struct Lines<R> {
    reader: R,
    bytes: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Reads a line, without its break; whether it had one, or `None` at the end.
    fn read(&mut self) -> io::Result<Result<Option<bool>, ContentError>> {
        self.bytes.clear();
        self.number += 1;
        let most = RECORD_BYTES_MAX + 1;
        let count = (&mut self.reader).take(most).read_until(b'\n', &mut self.bytes)?;
        if count == 0 {
            return Ok(Ok(None));
        }
        let ends_line = self.bytes.ends_with(b"\n");
        if count as u64 == most && !ends_line {
            return Ok(Err(ContentError::RecordTooLong { line: self.number }));
        }
        while self.bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            self.bytes.pop();
        }
        Ok(Ok(Some(ends_line)))
    }
}
