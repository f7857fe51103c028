//! Whether a value comes twice among more than can be remembered: sorted runs of their hashes in a file without a name.
//!
//! What memory holds (`seen`) answers at once. Values beyond that are written down, 16 bytes each (hash, column and line), in
//! runs that are sorted before they are written; in the end the runs are read side by side, and what is equal lies together.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fstatfs, fstatvfs};
use rustix::io::Errno;

use super::unique::Found;
use crate::probe::{Hindered, Progress};

/// Values of a run: 8 MiB.
const RUN_VALUES: usize = 512 << 10;

/// Most runs, for a billion values: each is read through a small buffer of its own.
const RUNS_MAX: usize = 2_000;

/// Between two reads of a run; all of them together stay small.
const BUFFER_BYTES: usize = 4 << 10;

/// Bytes of a value in the file.
const VALUE_BYTES: usize = 16;

/// Where there is space that is no memory, as a rule.
const DIR: &str = "/var/tmp";

/// What is left free on a disk for everybody else.
const SPARE_BYTES: u64 = 256 << 20;

/// What a file system says of itself that keeps its files in memory: tmpfs and ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// After so many values that were compared somebody who waits is told.
const VALUES_BETWEEN_SIGNS: u64 = 64 << 10;

/// Bits of a line's number; above them stands the column's.
const LINE_BITS: u32 = 48;

/// The hash of a value, and where it stands.
type Hashed = (u64, u64);

/// Why it is not known what comes twice.
#[derive(Clone, Debug)]
pub(super) enum Untold {
    /// Nobody can tell here; why, in words.
    Unknown(String),
    /// Something on this machine, which may pass.
    Hindered(Hindered),
}

/// The values that are not in memory any more.
pub(super) struct Repeats {
    places: Vec<PathBuf>,
    spare_bytes: u64,
    values: Vec<Hashed>,
    file: Option<File>,
    runs: Vec<u64>,
    broken: Option<Untold>,
}

impl Repeats {
    /// They are written where no memory is used up for it: to `/var/tmp`, or to the directory `beside`.
    pub(super) fn new(beside: Option<&Path>) -> Self {
        let places = [Some(Path::new(DIR)), beside].into_iter().flatten();
        Self {
            places: places.map(Path::to_owned).collect(),
            spare_bytes: SPARE_BYTES,
            values: Vec::new(),
            file: None,
            runs: Vec::new(),
            broken: None,
        }
    }

    /// Writes a value of a column and a line down.
    pub(super) fn add(&mut self, hash: u64, (column, line): (u16, u64)) {
        if self.broken.is_some() {
            return;
        }
        let place = u64::from(column) << LINE_BITS | line & ((1 << LINE_BITS) - 1);
        self.values.push((hash, place));
        if self.values.len() == RUN_VALUES
            && let Err(untold) = self.write_run()
        {
            self.broken = Some(untold);
            self.values = Vec::new();
        }
    }

    /// How many of them came before, and the first few lines on which they come once more, by column; or why nobody knows.
    pub(super) fn found(&mut self, examples: usize, progress: &Progress) -> Result<BTreeMap<u16, Found>, Untold> {
        match &self.broken {
            Some(untold) => Err(untold.clone()),
            None => self.merge(examples, progress).map_err(|error| hindered(&error)),
        }
    }

    fn write_run(&mut self) -> Result<(), Untold> {
        if self.runs.len() == RUNS_MAX {
            return Err(Untold::Unknown("there are more than a billion".to_owned()));
        }
        self.values.sort_unstable();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(nameless_file(&self.places)?),
        };
        let failed = |error: io::Error| hindered(&error);
        let disk = fstatvfs(&*file).map_err(|error| failed(error.into()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let wanted = (RUN_VALUES * VALUE_BYTES) as u64;
        if free.saturating_sub(wanted) < self.spare_bytes {
            let spare = self.spare_bytes >> 20;
            return Err(hindered(&io::Error::other(format!(
                "that would leave less than {spare} MiB free"
            ))));
        }
        let mut writer = BufWriter::with_capacity(1 << 16, file);
        for (hash, place) in &self.values {
            writer.write_all(&hash.to_le_bytes()).map_err(failed)?;
            writer.write_all(&place.to_le_bytes()).map_err(failed)?;
        }
        writer.flush().map_err(failed)?;
        self.runs.push(self.values.len() as u64);
        self.values.clear();
        Ok(())
    }

    fn merge(&mut self, examples: usize, progress: &Progress) -> io::Result<BTreeMap<u16, Found>> {
        self.values.sort_unstable();
        let mut runs: Vec<Box<dyn Iterator<Item = io::Result<Hashed>> + '_>> = Vec::new();
        let mut start = 0;
        for values in &self.runs {
            let Some(file) = &self.file else { break };
            let bytes = values * VALUE_BYTES as u64;
            runs.push(Box::new(Run::new(file, start, bytes)));
            start += bytes;
        }
        runs.push(Box::new(self.values.iter().map(|value| Ok(*value))));
        let mut heads = BinaryHeap::new();
        for (index, run) in runs.iter_mut().enumerate() {
            if let Some(head) = run.next() {
                heads.push(Reverse((head?, index)));
            }
        }
        let (mut repeated, mut before, mut compared) = (BTreeMap::new(), None, 0_u64);
        while let Some(Reverse(((hash, place), index))) = heads.pop() {
            if before == Some(hash) {
                let column = u16::try_from(place >> LINE_BITS).unwrap_or(u16::MAX);
                let (count, lines): &mut (u64, BinaryHeap<u64>) = repeated.entry(column).or_default();
                *count += 1;
                // The largest of the few is the first to go.
                lines.push(place & ((1 << LINE_BITS) - 1));
                if lines.len() > examples {
                    lines.pop();
                }
            }
            before = Some(hash);
            compared += 1;
            if compared.is_multiple_of(VALUES_BETWEEN_SIGNS) {
                progress.go_on()?;
            }
            if let Some(next) = runs[index].next() {
                heads.push(Reverse((next?, index)));
            }
        }
        let found = repeated.into_iter().map(|(column, (count, lines))| {
            let lines = lines.into_sorted_vec();
            (column, Found { count, lines })
        });
        Ok(found.collect())
    }
}

fn hindered(error: &io::Error) -> Untold {
    Untold::Hindered(Hindered::new(&format!(
        "its values, more than memory may hold, cannot be written down to compare them: {error}"
    )))
}

/// A file on a disk that nobody else sees, and that is gone with its descriptor.
fn nameless_file(places: &[PathBuf]) -> Result<File, Untold> {
    let mut why = Vec::new();
    for place in places {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let opened = rustix::fs::open(place, flags, Mode::RUSR | Mode::WUSR).map(File::from);
        let shown = place.display();
        match opened.and_then(|file| Ok((fstatfs(&file)?, file))) {
            Ok((disk, file)) if !is_in_memory(disk.f_type) => return Ok(file),
            Ok(_) => why.push(format!("{shown} is in memory")),
            // Nothing that more room or more time would change.
            Err(
                error @ (Errno::NOENT
                | Errno::NOTDIR
                | Errno::ACCESS
                | Errno::PERM
                | Errno::ROFS
                | Errno::OPNOTSUPP
                | Errno::ISDIR
                | Errno::INVAL),
            ) => why.push(format!("{shown}: {}", io::Error::from(error))),
            Err(error) => return Err(hindered(&error.into())),
        }
    }
    let why = why.join(", ");
    Err(Untold::Unknown(format!("there is no disk to write them down ({why})")))
}

/// By the number that a file system says of itself, whose kind is not the same on all machines.
fn is_in_memory(kind: impl Into<i128>) -> bool {
    let kind = kind.into();
    IN_MEMORY.iter().any(|known| kind == i128::from(*known))
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

    fn found(repeats: &mut Repeats) -> Result<BTreeMap<u16, Found>, String> {
        let progress = Progress::default();
        repeats.found(3, &progress).map_err(|untold| match untold {
            Untold::Unknown(why) => why,
            Untold::Hindered(why) => format!("hindered: {why}"),
        })
    }

    fn fill(repeats: &mut Repeats) {
        for line in 0..RUN_VALUES as u64 {
            repeats.add(spread(line), (0, line));
        }
    }

    #[test]
    fn what_comes_twice_is_found_across_runs_with_its_first_lines_and_its_column() {
        let mut repeats = Repeats::new(None);
        let many = 3 * RUN_VALUES as u64 + 5;
        for line in 0..many {
            repeats.add(spread(line), (u16::from(line == 8), line));
        }
        assert_eq!(found(&mut repeats), Ok(BTreeMap::new()));
        for (number, line) in [(7, 0), (many - 1, 1), (RUN_VALUES as u64, 2), (7, 3), (8, 4)] {
            repeats.add(spread(number), (u16::from(number == 8), many + line));
        }
        let lines = |lines: &[u64]| lines.iter().map(|line| many + line).collect();
        let first = Found {
            count: 4,
            lines: lines(&[0, 1, 2]),
        };
        let second = Found {
            count: 1,
            lines: lines(&[4]),
        };
        assert_eq!(found(&mut repeats), Ok(BTreeMap::from([(0, first), (1, second)])));
    }

    #[test]
    fn comparing_is_seen_from_outside_and_ends_when_it_is_given_up() {
        use std::sync::atomic::Ordering;
        let mut repeats = Repeats::new(None);
        fill(&mut repeats);
        let progress = Progress::default();
        repeats.found(3, &progress).expect("no value twice");
        let signs = progress.bytes_read().load(Ordering::Relaxed);
        assert_eq!(signs, RUN_VALUES as u64 / VALUES_BETWEEN_SIGNS);
        progress.give_up();
        assert!(matches!(repeats.found(3, &progress), Err(Untold::Hindered(_))));
    }

    #[test]
    fn nobody_can_tell_of_more_than_can_be_written_down() {
        let mut repeats = Repeats {
            runs: vec![0; RUNS_MAX],
            ..Repeats::new(None)
        };
        fill(&mut repeats);
        assert_eq!(found(&mut repeats), Err("there are more than a billion".to_owned()));
        assert!(repeats.values.is_empty(), "and nothing of them is held any more");
    }

    #[test]
    fn memory_is_no_place_to_write_what_memory_cannot_hold() {
        let mut repeats = Repeats {
            places: ["/dev/shm", "/nowhere"].map(PathBuf::from).to_vec(),
            ..Repeats::new(None)
        };
        fill(&mut repeats);
        let why = "there is no disk to write them down (/dev/shm is in memory, /nowhere: No such file or directory (os error 2))";
        assert_eq!(found(&mut repeats), Err(why.to_owned()));
        let beside = tempfile::tempdir_in(DIR).expect("a directory on a disk");
        let mut repeats = Repeats::new(Some(beside.path()));
        repeats.places.remove(0);
        fill(&mut repeats);
        assert_eq!(found(&mut repeats), Ok(BTreeMap::new()));
    }

    #[test]
    fn the_last_of_a_disk_is_left_to_others() {
        let mut repeats = Repeats {
            spare_bytes: u64::MAX,
            ..Repeats::new(None)
        };
        fill(&mut repeats);
        let why = found(&mut repeats).expect_err("no room");
        assert!(
            why.starts_with("hindered: ") && why.contains("that would leave less than"),
            "{why}"
        );
    }
}
