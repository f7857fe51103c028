//! The keeper's journal: checksummed records, appended and synced in groups, read back after a crash.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::files::{is_full, naming};
use crate::model::{AttemptId, Exit, Name, Trigger};
pub(super) use contents::read;
#[cfg(fuzzing)]
use contents::{Contents, contents_of};

/// Longest record that is believed.
const RECORD_BYTES_MAX: usize = 4 << 20;

/// Length and checksum before each record, four bytes each, little endian.
const HEADER_BYTES: usize = 8;

/// Threads of a keeper that start attempts. Each has at most one under way of which the journal does not say whether it
/// was started.
pub(super) const STARTING_THREADS: usize = 2;

/// The file grows by this many zeros at a time: a sync that changes neither its length nor its blocks costs the file
/// system half as much. A reader takes zeros for a torn tail.
const GROW_BYTES: u64 = 256 << 10;

/// What a journal says. Acknowledgements are not written: an exit that is read back after its daemon stored it is
/// recognised by the daemon, and told nobody twice.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Record {
    /// The command will be started as soon as this is on disk.
    Started(Started),
    /// The process that was started. Synced with whatever comes next.
    Running(Running),
    /// There was no space to start it in, and it was not.
    Refused(AttemptId),
    /// An attempt ended.
    Exited(Box<Exit>),
    /// A daemon found the keeper dead; nothing may be started from here any more.
    Fence,
}

/// What somebody else needs to see an attempt to its end, should the keeper die.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Started {
    /// Which.
    pub(super) id: AttemptId,
    /// When this was written.
    pub(super) at: Timestamp,
    /// The boot it happened in.
    pub(super) boot_id: String,
    /// How long its process may run before it is told to end, in milliseconds.
    pub(super) timeout_ms: Option<u64>,
    /// Time between SIGTERM and SIGKILL, in milliseconds.
    pub(super) kill_after_ms: u64,
    /// Leave processes that outlive the main one alone.
    pub(super) keep_leftovers: bool,
    /// The report file; also tells the attempt's processes by their environment.
    pub(super) report: PathBuf,
    /// Where its output is kept. An older keeper does not say.
    #[serde(default)]
    pub(super) log: Option<LogPlace>,
    /// What it was started for. An older keeper does not say.
    #[serde(default)]
    pub(super) origin: Option<Origin>,
    /// The cgroup that it lives in, if it has one of its own. An older keeper gives none.
    #[serde(default)]
    pub(super) cgroup: Option<PathBuf>,
}

/// What an attempt was started for, for a daemon whose records do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// Its job.
    pub(super) job: Name,
    /// The occurrence.
    pub(super) due_at: Option<Timestamp>,
    /// Why its run began.
    pub(super) trigger: Trigger,
}

/// Where the output of an attempt is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogPlace {
    /// The file of its first part.
    pub(super) path: PathBuf,
    /// Bytes kept of its beginning, and again of its end.
    pub(super) limit_bytes: u64,
}

/// The process of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Running {
    /// Which.
    pub(super) id: AttemptId,
    /// Its main process.
    pub(super) pid: u32,
    /// When the kernel says that process began, in ticks since boot: with the boot id, a process's true name.
    pub(super) start_time: u64,
    /// When.
    pub(super) at: Timestamp,
    /// The kernel's number of the pipe that is its stdout. An older keeper does not say, or has one pipe for both.
    #[serde(default)]
    pub(super) pipe: Option<u64>,
    /// The same of its stderr.
    #[serde(default)]
    pub(super) stderr_pipe: Option<u64>,
}

/// The journal of a living keeper.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Bytes written so far.
    length: u64,
    /// Bytes of the file, zeros included.
    allocated: u64,
    /// Records not yet written.
    unwritten: Vec<u8>,
    broken: Option<io::Error>,
    lost_sync: bool,
}

impl Journal {
    /// Makes the journal of a new keeper. A journal that says anything belongs to a keeper that died, or is fenced.
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        let journal = Self::open(path)?;
        if journal.length > 0 {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!(
                    "{} belongs to an earlier keeper; start one with a higher number",
                    journal.path.display()
                ),
            ));
        }
        Ok(journal)
    }

    /// Opens the journal of a dead keeper that is whole, behind its last record. The caller holds its lock.
    pub(super) fn reopen(path: PathBuf, valid_bytes: u64) -> io::Result<Self> {
        let mut journal = Self::open(path)?;
        journal.file.set_len(valid_bytes)?;
        journal.length = valid_bytes;
        journal.allocated = valid_bytes;
        Ok(journal)
    }

    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| naming(&error, "open", &path))?;
        let length = file.metadata()?.len();
        Ok(Self {
            path,
            file,
            length,
            allocated: length,
            unwritten: Vec::new(),
            broken: None,
            lost_sync: false,
        })
    }

    /// Adds a record to what the next `write` or `save` takes along.
    pub(super) fn push(&mut self, record: &Record) -> io::Result<()> {
        push_record(&mut self.unwritten, |buffer| {
            serde_json::to_writer(buffer, record).map_err(io::Error::other)
        })
    }

    /// The same for a record that is JSON already.
    pub(super) fn push_json(&mut self, json: &[u8]) -> io::Result<()> {
        push_record(&mut self.unwritten, |buffer| buffer.write_all(json))
    }

    /// Hands what was pushed to the kernel: it survives this process, but not the machine.
    pub(super) fn write(&mut self) -> io::Result<()> {
        if let Some(error) = &self.broken {
            self.unwritten.clear();
            return Err(io::Error::new(error.kind(), error.to_string()));
        }
        let bytes = self.unwritten.len() as u64;
        let written = self
            .grow_to(self.length + bytes)
            .and_then(|()| self.file.write_all_at(&self.unwritten, self.length));
        self.unwritten.clear();
        if self.unwritten.capacity() > 1 << 20 {
            self.unwritten.shrink_to(1 << 16);
        }
        match written {
            Ok(()) => {
                self.length += bytes;
                Ok(())
            }
            Err(error) => Err(self.fail(&error, "write", self.length)),
        }
    }

    fn grow_to(&mut self, bytes: u64) -> io::Result<()> {
        if bytes > self.allocated {
            let grown = bytes.next_multiple_of(GROW_BYTES);
            let zeros = vec![0; usize::try_from(grown - self.allocated).unwrap_or(0)];
            self.file.write_all_at(&zeros, self.allocated)?;
            self.allocated = grown;
        }
        Ok(())
    }

    /// Brings what was pushed to disk. After an error the journal takes nothing until `rewrite` succeeds.
    pub(super) fn save(&mut self) -> io::Result<()> {
        let before = self.length;
        self.write()?;
        match self.file.sync_data() {
            Ok(()) => Ok(()),
            Err(error) => {
                self.lost_sync |= !is_full(&error);
                Err(self.fail(&error, "sync", before))
            }
        }
    }

    /// What was just appended may or may not be on disk. It is cut off, so that a later reader does not take a
    /// refused start for a true one. What was written before stays: it says which processes run.
    fn fail(&mut self, error: &io::Error, doing: &str, valid_bytes: u64) -> io::Error {
        let _ = self.file.set_len(valid_bytes);
        self.length = valid_bytes;
        self.allocated = valid_bytes;
        let failure = naming(error, doing, &self.path);
        self.broken = Some(naming(error, doing, &self.path));
        failure
    }

    /// Whether a write failed and nothing was repaired since.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Whether a sync ever failed for another reason than a full disk: this disk does not keep what it is given.
    pub(super) fn lost_sync(&self) -> bool {
        self.lost_sync
    }

    /// Bytes of all its records.
    pub(super) fn bytes(&self) -> u64 {
        self.length
    }

    /// Forgets everything. Not synced: what a power cut brings back is old news to the daemon.
    pub(super) fn cut(&mut self) {
        if self.file.set_len(0).is_ok() {
            self.length = 0;
            self.allocated = 0;
        }
    }

    /// Replaces the journal by one with these records only: to forget old ones, and to heal after a failed write,
    /// since it relies on nothing that the old file says.
    pub(super) fn rewrite<'a>(&mut self, records: impl Iterator<Item = std::borrow::Cow<'a, [u8]>>) -> io::Result<()> {
        let fresh = self.path.with_extension("journal.new");
        let result = self.write_fresh(&fresh, records);
        if result.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        result.map_err(|error| naming(&error, "rewrite", &self.path))
    }

    fn write_fresh<'a>(
        &mut self,
        fresh: &Path,
        records: impl Iterator<Item = std::borrow::Cow<'a, [u8]>>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        for json in records {
            push_record(&mut bytes, |buffer| buffer.write_all(&json))?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(fresh)?;
        file.write_all_at(&bytes, 0)?;
        file.sync_data()?;
        let dir = self.path.parent().map(File::open).transpose()?;
        fs::rename(fresh, &self.path)?;
        // From here on this is the journal, also when it is not certain that the disk knows.
        self.file = file;
        self.length = bytes.len() as u64;
        self.allocated = self.length;
        self.unwritten.clear();
        let synced = dir.map_or(Ok(()), |dir| dir.sync_all());
        self.broken = synced.as_ref().err().map(|error| naming(error, "sync", &self.path));
        synced
    }
}

fn push_record(buffer: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; HEADER_BYTES]);
    let encoded = encode(buffer);
    let length = buffer.len() - start - HEADER_BYTES;
    let fits = u32::try_from(length).ok().filter(|_| length <= RECORD_BYTES_MAX);
    let (Ok(()), Some(length)) = (encoded, fits) else {
        buffer.truncate(start);
        return Err(io::Error::other("a journal record could not be encoded"));
    };
    let checksum = crc32fast::hash(&buffer[start + HEADER_BYTES..]);
    buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
    buffer[start + 4..start + HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

mod contents;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
#[cfg(test)]
mod tests;
