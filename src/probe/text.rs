//! A reader that turns the text of a file into UTF-8 as it goes, and remembers how it begins and ends.

use std::io::{self, Read};

use encoding_rs::{Decoder, WINDOWS_1252};

use super::error::ContentError;
use crate::model::Encoding;

/// How much of the beginning is remembered, to say what a file is when it is not what it should be.
pub(super) const HEAD_BYTES_MAX: usize = 512;

/// Between two reads of what is turned into UTF-8, where a byte becomes three at most.
const BUFFER_BYTES: usize = 16 << 10;

/// The bytes that Windows-1252 leaves without a meaning.
const UNDEFINED: [u8; 5] = [0x81, 0x8d, 0x8f, 0x90, 0x9d];

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// UTF-8 out of whatever is read; a byte order mark is dropped.
pub(super) struct Text<R> {
    inner: R,
    /// Read from `inner`, not yet looked at; the rest of the beginning.
    waiting: Vec<u8>,
    head: Vec<u8>,
    last_byte: Option<u8>,
    /// Line breaks before what was not looked at yet.
    line: u64,
    foreign: Option<Foreign>,
    has_begun: bool,
}

/// Text of one byte a character.
struct Foreign {
    encoding: Encoding,
    decoder: Decoder,
    /// Decoded, not yet handed out, from this place on.
    out: String,
    taken: usize,
    at_end: bool,
    utf8: Utf8Suspicion,
}

impl<R: Read> Text<R> {
    pub(super) fn new(inner: R, encoding: Encoding) -> Self {
        let foreign = (encoding != Encoding::Utf8).then(|| Foreign {
            encoding,
            decoder: WINDOWS_1252.new_decoder_without_bom_handling(),
            out: String::with_capacity(3 * BUFFER_BYTES + 16),
            taken: 0,
            at_end: false,
            utf8: Utf8Suspicion::default(),
        });
        Self {
            inner,
            waiting: Vec::new(),
            head: Vec::new(),
            last_byte: None,
            line: 1,
            foreign,
            has_begun: false,
        }
    }

    /// The first bytes of the file, unpacked and as they are written.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) fn last_byte(&self) -> Option<u8> {
        self.last_byte
    }

    /// Reads enough to know what kind of text it is.
    fn begin(&mut self) -> io::Result<()> {
        self.has_begun = true;
        let mut head = Vec::with_capacity(HEAD_BYTES_MAX);
        let result = self.inner.by_ref().take(HEAD_BYTES_MAX as u64).read_to_end(&mut head);
        self.last_byte = head.last().copied();
        self.head.clone_from(&head);
        self.waiting = head;
        result?;
        let head = self.head.as_slice();
        let marked = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
        if marked || looks_like_utf16(head) {
            return Err(ContentError::Utf16.into());
        }
        if head.starts_with(UTF8_MARK) {
            if let Some(foreign) = &self.foreign {
                let encoding = foreign.encoding.as_str();
                return Err(ContentError::IsUtf8 { encoding }.into());
            }
            self.waiting.drain(..UTF8_MARK.len());
        }
        Ok(())
    }

    fn next_bytes(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.waiting.is_empty() {
            let count = self.waiting.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.waiting[..count]);
            self.waiting.drain(..count);
            return Ok(count);
        }
        let count = self.inner.read(buffer)?;
        self.last_byte = buffer[..count].last().copied().or(self.last_byte);
        Ok(count)
    }

    /// Refuses what no text has in it, and counts lines.
    fn inspect(&mut self, bytes: &[u8]) -> io::Result<()> {
        let lines = |bytes: &[u8]| memchr::memchr_iter(b'\n', bytes).count() as u64;
        let wrong = match &mut self.foreign {
            None => memchr::memchr(0, bytes),
            Some(foreign) => {
                foreign.utf8.add(bytes);
                let encoding = foreign.encoding;
                bytes.iter().position(|byte| *byte == 0 || is_outside(*byte, encoding))
            }
        };
        let Some(place) = wrong else {
            self.line += lines(bytes);
            return Ok(());
        };
        let line = self.line + lines(&bytes[..place]);
        Err(match (bytes[place], &self.foreign) {
            (0, _) | (_, None) => ContentError::Nul { line },
            (_, Some(foreign)) if foreign.utf8.is_likely() => ContentError::IsUtf8 {
                encoding: foreign.encoding.as_str(),
            },
            (byte, Some(foreign)) => ContentError::OutsideEncoding {
                line,
                byte,
                encoding: foreign.encoding.as_str(),
            },
        }
        .into())
    }

    fn decode(&mut self) -> io::Result<()> {
        let mut raw = [0; BUFFER_BYTES];
        let count = self.next_bytes(&mut raw)?;
        self.inspect(&raw[..count])?;
        let Some(foreign) = &mut self.foreign else {
            return Ok(());
        };
        foreign.out.clear();
        foreign.taken = 0;
        foreign.at_end = count == 0;
        let (_, read, _) = foreign
            .decoder
            .decode_to_string(&raw[..count], &mut foreign.out, foreign.at_end);
        debug_assert_eq!(read, count, "the text has room for three bytes of each");
        if foreign.at_end && foreign.utf8.is_certain() {
            let encoding = foreign.encoding.as_str();
            return Err(ContentError::IsUtf8 { encoding }.into());
        }
        Ok(())
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if !self.has_begun {
            self.begin()?;
        }
        if self.foreign.is_none() {
            let count = self.next_bytes(buffer)?;
            self.inspect(&buffer[..count])?;
            return Ok(count);
        }
        loop {
            if let Some(foreign) = &mut self.foreign {
                let rest = &foreign.out.as_bytes()[foreign.taken..];
                if !rest.is_empty() {
                    let count = rest.len().min(buffer.len());
                    buffer[..count].copy_from_slice(&rest[..count]);
                    foreign.taken += count;
                    return Ok(count);
                }
                if foreign.at_end {
                    return Ok(0);
                }
            }
            self.decode()?;
        }
    }
}

/// Every second byte of a short Latin text in UTF-16 is NUL.
fn looks_like_utf16(head: &[u8]) -> bool {
    let nul_at = |first: usize| {
        let mut every_second = head.iter().skip(first).step_by(2);
        head.len() >= 4 && every_second.all(|byte| *byte == 0)
    };
    let some = head.iter().any(|byte| *byte != 0);
    some && (nul_at(0) || nul_at(1))
}

fn is_outside(byte: u8, encoding: Encoding) -> bool {
    match encoding {
        Encoding::Utf8 => false,
        // What Latin-1 has there are control characters that no file holds; it is Windows-1252 then.
        Encoding::Latin1 => (0x80..=0x9f).contains(&byte),
        Encoding::Windows1252 => UNDEFINED.contains(&byte),
    }
}

/// Whether text that is said to be of one byte a character is UTF-8 all along, which does not happen by chance.
#[derive(Default)]
struct Utf8Suspicion {
    is_refuted: bool,
    characters: u64,
    /// The beginning of a character at the end of the last piece.
    begun: Vec<u8>,
}

impl Utf8Suspicion {
    fn add(&mut self, bytes: &[u8]) {
        if self.is_refuted || (self.begun.is_empty() && bytes.is_ascii()) {
            return;
        }
        let mut text = std::mem::take(&mut self.begun);
        text.extend_from_slice(bytes);
        let valid = match std::str::from_utf8(&text) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                text[error.valid_up_to()..].clone_into(&mut self.begun);
                std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default()
            }
            Err(_) => {
                self.is_refuted = true;
                return;
            }
        };
        self.characters += valid.chars().filter(|character| !character.is_ascii()).count() as u64;
    }

    /// All that was read so far is UTF-8, and not only ASCII.
    fn is_likely(&self) -> bool {
        !self.is_refuted && self.characters > 0
    }

    /// The same, at the end.
    fn is_certain(&self) -> bool {
        self.is_likely() && self.begun.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Hands out a byte at a time, or as many as it is told.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(buffer.len()).min(self.1);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn decoded(bytes: &[u8], encoding: Encoding, piece: usize) -> Result<String, String> {
        let mut text = String::new();
        let mut reader = Text::new(Pieces(bytes, piece), encoding);
        reader.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    proptest! {
        #[test]
        fn latin_1_is_decoded_character_by_character(text in "[ -~\n\u{a0}-\u{ff}]{0,80}", piece in 1_usize..20) {
            let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
            let accidental = std::str::from_utf8(&bytes).is_ok() && !bytes.is_ascii();
            prop_assume!(!accidental);
            prop_assert_eq!(decoded(&bytes, Encoding::Latin1, piece), Ok(text.clone()));
            prop_assert_eq!(decoded(&bytes, Encoding::Windows1252, piece), Ok(text));
        }

        #[test]
        fn utf_8_stays_what_it_is(text in "[a-z,\n\u{e5}\u{20ac}]{0,80}", piece in 1_usize..20) {
            let marked = format!("\u{feff}{text}");
            prop_assert_eq!(decoded(marked.as_bytes(), Encoding::Utf8, piece), Ok(text.clone()));
            prop_assert_eq!(decoded(text.as_bytes(), Encoding::Utf8, piece), Ok(text.clone()));
            if !text.is_ascii() {
                prop_assert!(decoded(text.as_bytes(), Encoding::Windows1252, piece).is_err());
            }
        }
    }

    #[test]
    fn windows_1252_has_the_signs_that_latin_1_lacks() {
        assert_eq!(decoded(b"\x80 5\x96", Encoding::Windows1252, 1), Ok("€ 5–".to_owned()));
        let error = decoded(b"a\nb\n\x80", Encoding::Latin1, 1).expect_err("no euro in Latin-1");
        assert!(error.starts_with("line 3: the byte 80 is no latin-1"), "{error}");
        let error = decoded(b"\x81", Encoding::Windows1252, 1).expect_err("undefined");
        assert!(error.starts_with("line 1: the byte 81 is no windows-1252"), "{error}");
    }
}
