//! The file that the process reads, as both readers want it: each reading at a place of its own.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::lines::Lines;

/// Between two reads of the file.
const BUFFER_BYTES: usize = 64 << 10;

/// The file, and who is told that reading goes on.
#[derive(Clone)]
pub(in crate::probe) struct Source {
    file: Arc<File>,
    /// What grows behind it meanwhile is not looked at.
    bytes: u64,
    lines: Arc<Lines>,
}

impl Source {
    pub(super) fn new(file: File, lines: Arc<Lines>) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        Ok(Self {
            file: Arc::new(file),
            bytes,
            lines,
        })
    }

    /// A reader that begins at `place`.
    pub(in crate::probe) fn reader(&self, place: u64) -> BufReader<SourceReader> {
        let source = self.clone();
        BufReader::with_capacity(BUFFER_BYTES, SourceReader { source, place })
    }

    pub(in crate::probe) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Reads at its own place: that of the file itself, which others have open too, stays where it is.
pub(in crate::probe) struct SourceReader {
    source: Source,
    place: u64,
}

impl Read for SourceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.source.bytes.saturating_sub(self.place)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.source.file.read_at(&mut buffer[..wanted], self.place)?;
        self.place += count as u64;
        self.source.lines.read(count as u64)?;
        Ok(count)
    }
}

impl Seek for SourceReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => self.source.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.place.checked_add_signed(by),
        };
        self.place = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.place)
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Source {
    type T = BufReader<SourceReader>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(self.reader(start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut content = Vec::new();
        let count = self.reader(start).take(length as u64).read_to_end(&mut content)?;
        if count < length {
            return Err(ParquetError::EOF(format!(
                "{length} bytes are told, and {count} are there"
            )));
        }
        Ok(content.into())
    }
}
