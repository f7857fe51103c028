//! Whether a value comes twice among more than can be remembered: sorted runs of their hashes in a file without a name.
//!
//! What memory holds (`seen`) answers at once. Values beyond that are written down, 16 bytes each (hash and line), in runs
//! that are sorted before they are written; in the end the runs are read side by side, and what is equal lies together.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Values of a run: 8 MiB.
const RUN_VALUES: usize = 512 << 10;

/// Most runs, for a billion values: each is read through a small buffer of its own.
const RUNS_MAX: usize = 2_000;

/// Between two reads of a run; all of them together stay small.
const BUFFER_BYTES: usize = 4 << 10;

/// Bytes of a value in the file.
const VALUE_BYTES: usize = 16;

/// Where there is space that is no memory, as a rule.
const DIRS: [&str; 2] = ["/var/tmp", "/tmp"];

/// The hash of a value, and the line it stands on.
type Hashed = (u64, u64);

/// The values that are not in memory any more.
#[derive(Default)]
pub(super) struct Repeats {
    values: Vec<Hashed>,
    file: Option<File>,
    runs: Vec<u64>,
    broken: Option<String>,
}

impl Repeats {
    /// Writes a value down.
    pub(super) fn add(&mut self, hash: u64, line: u64) {
        if self.broken.is_some() {
            return;
        }
        self.values.push((hash, line));
        if self.values.len() == RUN_VALUES
            && let Err(error) = self.write_run()
        {
            self.broken = Some(error.to_string());
            self.values = Vec::new();
        }
    }

    /// How many of them came before, and the first few lines on which they come once more; or why nobody can tell.
    pub(super) fn found(&mut self, examples: usize) -> Result<(u64, Vec<u64>), String> {
        let found = match &self.broken {
            Some(why) => return Err(why.clone()),
            None => self.merge(examples),
        };
        found.map_err(|error| error.to_string())
    }

    fn write_run(&mut self) -> io::Result<()> {
        if self.runs.len() == RUNS_MAX {
            return Err(io::Error::other("there are more than a billion"));
        }
        self.values.sort_unstable();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(nameless_file()?),
        };
        let mut writer = BufWriter::with_capacity(1 << 16, file);
        for (hash, line) in &self.values {
            writer.write_all(&hash.to_le_bytes())?;
            writer.write_all(&line.to_le_bytes())?;
        }
        writer.flush()?;
        self.runs.push(self.values.len() as u64);
        self.values.clear();
        Ok(())
    }

    fn merge(&mut self, examples: usize) -> io::Result<(u64, Vec<u64>)> {
        self.values.sort_unstable();
        let mut runs: Vec<Box<dyn Iterator<Item = io::Result<Hashed>> + '_>> = Vec::new();
        let mut place = 0;
        for values in &self.runs {
            let Some(file) = &self.file else { break };
            let bytes = values * VALUE_BYTES as u64;
            runs.push(Box::new(Run::new(file, place, bytes)));
            place += bytes;
        }
        runs.push(Box::new(self.values.iter().map(|value| Ok(*value))));
        let mut heads = BinaryHeap::new();
        for (index, run) in runs.iter_mut().enumerate() {
            if let Some(head) = run.next() {
                heads.push(Reverse((head?, index)));
            }
        }
        let (mut count, mut lines, mut before) = (0, BinaryHeap::new(), None);
        while let Some(Reverse(((hash, line), index))) = heads.pop() {
            if before == Some(hash) {
                count += 1;
                // The largest of the few is the first to go.
                lines.push(line);
                if lines.len() > examples {
                    lines.pop();
                }
            }
            before = Some(hash);
            if let Some(next) = runs[index].next() {
                heads.push(Reverse((next?, index)));
            }
        }
        Ok((count, lines.into_sorted_vec()))
    }
}

/// A file that nobody else sees, and that is gone with its descriptor.
fn nameless_file() -> io::Result<File> {
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for dir in DIRS {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::open(Path::new(dir), flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => return Ok(File::from(file)),
            Err(error) => failed = error.into(),
        }
    }
    Err(failed)
}

/// One run, as it lies in the file.
struct Run<'a> {
    reader: BufReader<Piece<'a>>,
}

struct Piece<'a> {
    file: &'a File,
    place: u64,
    end: u64,
}

impl<'a> Run<'a> {
    fn new(file: &'a File, place: u64, bytes: u64) -> Self {
        let end = place + bytes;
        let piece = Piece { file, place, end };
        Self {
            reader: BufReader::with_capacity(BUFFER_BYTES, piece),
        }
    }
}

impl Read for Piece<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.place).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let count = self.file.read_at(&mut buffer[..wanted], self.place)?;
        self.place += count as u64;
        Ok(count)
    }
}

impl Iterator for Run<'_> {
    type Item = io::Result<Hashed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut value = [0; VALUE_BYTES];
        match self.reader.read_exact(&mut value) {
            Ok(()) => {
                let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| value[at + index]));
                Some(Ok((word(0), word(8))))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spread;

    #[test]
    fn what_comes_twice_is_found_across_runs_with_its_first_lines() {
        let mut repeats = Repeats::default();
        let many = 3 * RUN_VALUES as u64 + 5;
        for line in 0..many {
            repeats.add(spread(line), line);
        }
        assert_eq!(repeats.found(3), Ok((0, Vec::new())));
        for (number, line) in [(7, 0), (many - 1, 1), (RUN_VALUES as u64, 2), (7, 3), (8, 4)] {
            repeats.add(spread(number), many + line);
        }
        let lines = [0, 1, 2].map(|line| many + line).to_vec();
        assert_eq!(repeats.found(3), Ok((5, lines)));
    }

    #[test]
    fn nobody_can_tell_of_more_than_can_be_written_down() {
        let mut repeats = Repeats {
            runs: vec![0; RUNS_MAX],
            ..Repeats::default()
        };
        for line in 0..=RUN_VALUES as u64 {
            repeats.add(spread(line), line);
        }
        assert_eq!(repeats.found(3), Err("there are more than a billion".to_owned()));
        assert!(repeats.values.is_empty(), "and nothing of them is held any more");
    }
}
