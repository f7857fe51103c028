//! A reader that counts and digests the bytes of a file as they pass, whatever they mean.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// Counts and digests what is read through it.
pub(super) struct Meter<R> {
    inner: R,
    /// `None`: somebody else digests.
    hasher: Option<Sha256>,
    bytes: u64,
    has_failed: bool,
}

impl<R: Read> Meter<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            hasher: Some(Sha256::new()),
            bytes: 0,
            has_failed: false,
        }
    }

    /// One that counts only: the digest is that of nothing.
    pub(super) fn counting(inner: R) -> Self {
        Self {
            hasher: None,
            ..Self::new(inner)
        }
    }

    /// Reads what is left, so that size and digest are those of the whole.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }

    /// The system refused to read, which is not the content's fault.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    pub(super) fn sha256(self) -> String {
        hex(&self.hasher.unwrap_or_default().finalize())
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer).inspect_err(|error| {
            self.has_failed |= error.kind() != io::ErrorKind::Interrupted;
        })?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        self.bytes += count as u64;
        Ok(count)
    }
}

/// Bytes as lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
