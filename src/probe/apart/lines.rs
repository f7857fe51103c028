//! What the process that reads a table writes: a line of JSON for each row, and one for the end.
//!
//! A row is `[7,["L1",null]]`: where it stands, and the values of the columns that were asked for. The end is an object, and
//! without it the table was not read to its end. Empty lines are signs of life.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{MEMORY_BYTES_MAX, smaller};
use crate::model::Format;
use crate::probe::error::ContentError;
use crate::probe::json_table::Quoted;
use crate::probe::table::RECORD_BYTES_MAX;

/// Between two writes.
const BUFFER_BYTES: usize = 64 << 10;

/// After so many bytes of the file without a row, a sign of life is given.
const BYTES_BETWEEN_SIGNS: u64 = 1 << 20;

/// What those say who notice that there is no more memory: the allocator, the standard library and Zstandard.
pub(super) const NO_MEMORY: [&str; 3] = ["memory allocation of", "out of memory", "not enough memory"];

/// How reading ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) columns: Vec<String>,
    pub(super) wrong: Option<Wrong>,
}

/// Why a table could not be read to its end.
/// Characters of what is wrong.
const WHY_CHARS_MAX: usize = 400;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::probe) enum Wrong {
    /// No row has anything.
    NoHeader,
    /// Something at a row, as a person counts it.
    Row { row: u64, why: String },
    /// Something with the file.
    Whole { why: String },
    /// It takes more memory than there may be.
    Memory,
    /// The system refused, with this number.
    System { errno: i32 },
}

impl Wrong {
    /// In the words for a file of this format. The outer error is the system's.
    pub(super) fn of(self, format: &Format) -> io::Result<ContentError> {
        Ok(match self {
            Self::NoHeader => ContentError::NoHeader,
            Self::Memory => {
                let most = MEMORY_BYTES_MAX >> 20;
                let why = format!("reading it takes more than {most} MiB of memory; {}", smaller(format));
                return Self::Whole { why }.of(format);
            }
            Self::Row { row, why } => ContentError::Sheet { row, why },
            Self::Whole { why } if *format == Format::Parquet => ContentError::Parquet { why },
            Self::Whole { why } => ContentError::Workbook { why },
            Self::System { errno } => return Err(io::Error::from_raw_os_error(errno)),
        })
    }

    /// With no more words than anybody reads: some readers repeat what they found in the file.
    fn bounded(mut self) -> Self {
        if let Self::Row { why, .. } | Self::Whole { why } = &mut self
            && let Some((end, _)) = why.char_indices().nth(WHY_CHARS_MAX)
        {
            why.truncate(end);
            why.push('…');
        }
        self
    }

    /// What failed below a reader: the system, or the content in these words.
    pub(in crate::probe) fn io(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOMEM) => Self::Memory,
            Some(errno) => Self::System { errno },
            None => Self::text(error.to_string()),
        }
    }

    /// What is wrong in the words of a reader underneath: some notice themselves that there is no more memory.
    pub(in crate::probe) fn text(why: String) -> Self {
        if NO_MEMORY.iter().any(|words| why.contains(words)) {
            return Self::Memory;
        }
        Self::Whole { why }
    }

    /// A row with more than a record may have.
    pub(in crate::probe) fn too_long(row: u64) -> Self {
        let most = RECORD_BYTES_MAX >> 20;
        let why = format!("its values have more than {most} MiB together");
        Self::Row { row, why }
    }
}

/// A row of such a line; `None` when it is none.
pub(super) fn row(text: &[u8]) -> Option<(u64, Vec<Option<Cow<'_, str>>>)> {
    let (line, values): (u64, Vec<Option<Quoted<'_>>>) = serde_json::from_slice(text).ok()?;
    Some((line, values.into_iter().map(|value| Some(value?.0)).collect()))
}

/// Where the lines go.
pub(super) struct Lines(Mutex<State>);

struct State {
    out: BufWriter<File>,
    line: Vec<u8>,
    bytes_since_sign: u64,
    /// All was said, or nobody listens.
    has_ended: bool,
}

impl Lines {
    pub(super) fn new(out: File) -> Self {
        Self(Mutex::new(State {
            out: BufWriter::with_capacity(BUFFER_BYTES, out),
            line: Vec::new(),
            bytes_since_sign: 0,
            has_ended: false,
        }))
    }

    /// A row. One that is too long ends it.
    pub(super) fn row(&self, line: u64, values: &[Option<&str>]) {
        let mut state = self.state();
        state.bytes_since_sign = 0;
        if !state.write(&(line, values)) {
            state.end(Vec::new(), Some(Wrong::too_long(line)));
        }
    }

    /// So many bytes of the file were read; an error when reading on is of no use.
    pub(super) fn read(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.state();
        state.bytes_since_sign += bytes;
        if state.bytes_since_sign >= BYTES_BETWEEN_SIGNS {
            state.bytes_since_sign = 0;
            let told = state.out.write_all(b"\n").and_then(|()| state.out.flush());
            state.has_ended |= told.is_err();
        }
        if state.has_ended {
            return Err(io::Error::other("nobody wants more of it"));
        }
        Ok(())
    }

    /// All was read, or something is wrong. What ended before stays as it ended.
    pub(super) fn end(&self, columns: Vec<String>, wrong: Option<Wrong>) {
        self.state().end(columns, wrong);
    }

    /// Nothing panics while it is held.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether the line is no longer than a record may be.
    fn write(&mut self, line: &impl Serialize) -> bool {
        if self.has_ended {
            return true;
        }
        self.line.clear();
        if serde_json::to_writer(&mut self.line, line).is_err() || self.line.len() as u64 >= RECORD_BYTES_MAX {
            return false;
        }
        self.line.push(b'\n');
        self.has_ended |= self.out.write_all(&self.line).is_err();
        true
    }

    fn end(&mut self, columns: Vec<String>, wrong: Option<Wrong>) {
        let wrong = wrong.map(Wrong::bounded);
        if !self.write(&End { columns, wrong }) {
            let why = "the names of its columns are too long".to_owned();
            let wrong = Some(Wrong::Whole { why });
            self.write(&End {
                columns: Vec::new(),
                wrong,
            });
        }
        let _ = self.out.flush();
        self.has_ended = true;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use super::*;

    /// What was written by `write`.
    fn written(write: impl FnOnce(&Lines)) -> String {
        let mut file = tempfile::tempfile().expect("a file");
        write(&Lines::new(file.try_clone().expect("a file")));
        let mut text = String::new();
        file.rewind().expect("a file");
        file.read_to_string(&mut text).expect("UTF-8");
        text
    }

    #[test]
    fn reading_on_without_a_row_gives_signs_of_life_and_none_within_a_line() {
        let text = written(|lines| {
            lines.row(3, &[Some("L1"), None]);
            for _ in 0..5 {
                lines.read(BYTES_BETWEEN_SIGNS / 2).expect("somebody listens");
            }
            lines.row(4, &[Some("\u{1}\""), None]);
            lines.end(vec!["lot".to_owned()], None);
        });
        assert_eq!(
            text,
            "[3,[\"L1\",null]]\n\n\n[4,[\"\\u0001\\\"\",null]]\n{\"columns\":[\"lot\"],\"wrong\":null}\n"
        );
    }

    #[test]
    fn nothing_comes_behind_an_end() {
        let long = "x".repeat(usize::try_from(RECORD_BYTES_MAX).expect("a size"));
        let text = written(|lines| {
            lines.row(7, &[Some(&long)]);
            lines.row(8, &[Some("L1")]);
            assert!(lines.read(1).is_err(), "reading on is of no use");
            lines.end(vec!["lot".to_owned()], None);
        });
        assert_eq!(
            text,
            "{\"columns\":[],\"wrong\":{\"row\":{\"row\":7,\"why\":\"its values have more than 4 MiB together\"}}}\n"
        );
    }

    #[test]
    fn nobody_reads_on_when_nobody_listens() {
        let (listens, out) = std::io::pipe().expect("a pipe");
        drop(listens);
        let lines = Lines::new(File::from(std::os::fd::OwnedFd::from(out)));
        assert!(lines.read(BYTES_BETWEEN_SIGNS - 1).is_ok(), "it was not tried yet");
        assert!(lines.read(1).is_err());
    }
}
