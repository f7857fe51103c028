//! Where a log is read from: the file that is still written to, or the packed one that it became.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use rustix::fs::OFlags;
use zstd::stream::read::Decoder;

use super::super::files::open_beneath;
use super::super::logpack::{WINDOW_LOG_MAX, packed_path};

/// Opens that find neither file before it is certain that there is none: one may become the other in between.
const LOOKS_MAX: usize = 3;

/// The bytes of a log.
pub(super) enum Source {
    /// One file of several, as it lies there.
    Plain(File),
    /// All of them, one behind the other.
    Packed(Box<Decoder<'static, BufReader<File>>>),
    /// The end of a packed one, in memory.
    Kept(Cursor<Vec<u8>>),
}

impl Source {
    /// Opens the beginning of a log. `NotFound` when there is none.
    pub(super) fn open(log: &Path) -> io::Result<Self> {
        let mut looks = 0;
        loop {
            if let Some(packed) = Self::open_packed(log)? {
                return Ok(packed);
            }
            looks += 1;
            match open_beneath(log, OFlags::RDONLY) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && looks < LOOKS_MAX => {}
                opened => return opened.map(Self::Plain),
            }
        }
    }

    /// Opens the packed log, if it was packed.
    pub(super) fn open_packed(log: &Path) -> io::Result<Option<Self>> {
        let file = match open_beneath(&packed_path(log), OFlags::RDONLY) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut decoder = Decoder::new(file)?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        Ok(Some(Self::Packed(Box::new(decoder))))
    }

    /// Whether nothing comes behind its end but another file.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buffer),
            Self::Packed(decoder) => decoder.read(buffer),
            Self::Kept(end) => end.read(buffer),
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Packed(_) => "Packed",
            Self::Kept(_) => "Kept",
        })
    }
}
