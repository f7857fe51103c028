//! A reader that keeps the last line of a text for itself, where that is no row.

use std::io::{self, Read};

/// Longest last line; a longer one is no trailer.
const TRAILER_BYTES_MAX: usize = 64 << 10;

/// All lines but the last.
pub(super) struct WithoutTrailer<R> {
    inner: R,
    /// Read, from `taken` on not yet handed out; from `given` on it may still be the last line.
    held: Vec<u8>,
    taken: usize,
    given: usize,
    is_at_end: bool,
}

impl<R: Read> WithoutTrailer<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            held: Vec::new(),
            taken: 0,
            given: 0,
            is_at_end: false,
        }
    }

    /// The last line without its break, once all was read.
    pub(super) fn last_line(&self) -> Option<String> {
        let line = self.held.get(self.given..).filter(|_| self.is_at_end)?;
        let line = String::from_utf8_lossy(line);
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn fill(&mut self) -> io::Result<()> {
        self.held.drain(..self.taken);
        self.given -= self.taken;
        self.taken = 0;
        let before = self.held.len();
        self.held.resize(before + TRAILER_BYTES_MAX, 0);
        let result = self.inner.read(&mut self.held[before..]);
        let count = *result.as_ref().unwrap_or(&0);
        self.held.truncate(before + count);
        if result? == 0 {
            self.is_at_end = true;
            return Ok(());
        }
        let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
        // The break that ends the last line, and empty lines behind it, belong to it.
        let end = self
            .held
            .iter()
            .rposition(|byte| !is_break(byte))
            .map_or(0, |last| last + 1);
        if let Some(begin) = memchr::memrchr(b'\n', &self.held[..end]) {
            self.given = self.given.max(begin + 1);
        }
        if self.held.len() - self.given > TRAILER_BYTES_MAX {
            self.given = self.held.len();
        }
        Ok(())
    }
}

impl<R: Read> Read for WithoutTrailer<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.given && !self.is_at_end {
            self.fill()?;
        }
        let count = (self.given - self.taken).min(buffer.len());
        buffer[..count].copy_from_slice(&self.held[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Hands out a few bytes at a time.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(buffer.len()).min(self.1);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn split(text: &str, piece: usize) -> (String, Option<String>) {
        let mut reader = WithoutTrailer::new(Pieces(text.as_bytes(), piece));
        let mut rows = String::new();
        reader.read_to_string(&mut rows).expect("no error in memory");
        (rows, reader.last_line())
    }

    #[test]
    fn the_last_line_is_no_row() {
        for (text, rows, last) in [
            ("a\n1\nT;1\n", "a\n1\n", "T;1"),
            ("a\n1\nT;1", "a\n1\n", "T;1"),
            ("a\r\n1\r\nT;1\r\n\r\n", "a\r\n1\r\n", "T;1"),
            ("only\n", "", "only"),
            ("", "", ""),
        ] {
            assert_eq!(split(text, 3), (rows.to_owned(), Some(last.to_owned())), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn it_is_the_same_however_it_is_read(text in "[a\n\r;]{0,40}", piece in 1_usize..7) {
            prop_assert_eq!(split(&text, piece), split(&text, 1_000));
        }
    }
}
