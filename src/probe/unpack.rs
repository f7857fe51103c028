//! A reader that unpacks as it goes, and says what is wrong with a package.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::error::ContentError;
use super::meter::Meter;
use super::text::HEAD_BYTES_MAX;
use crate::model::Compression;

/// What every gzip package begins with.
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";

/// What every Zstandard package begins with.
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// Between two reads of the packed file.
const BUFFER_BYTES: usize = 64 << 10;

type Packed<'a, R> = BufReader<&'a mut Meter<R>>;

/// The content of a file that may be packed.
pub(super) struct Unpacked<'a, R: Read> {
    reader: Reader<'a, R>,
    compression: Compression,
    bytes_out: u64,
}

enum Reader<'a, R: Read> {
    /// Not packed; or a file of no bytes, which is packed with nothing.
    Plain(&'a mut Meter<R>),
    /// One package after the other; nothing while one gives way to the next, or behind the last.
    Gzip(Option<Box<GzDecoder<Packed<'a, R>>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Packed<'a, R>>>),
}

impl<'a, R: Read> Unpacked<'a, R> {
    /// Looks at the first bytes; what is not packed as it should be is a content error, and they are left in `head`.
    pub(super) fn new(meter: &'a mut Meter<R>, compression: Compression, head: &mut Vec<u8>) -> io::Result<Self> {
        let reader = match compression {
            Compression::None => Reader::Plain(meter),
            Compression::Gzip | Compression::Zstd => Self::open(meter, compression, head)?,
        };
        Ok(Self {
            reader,
            compression,
            bytes_out: 0,
        })
    }

    fn open(meter: &'a mut Meter<R>, compression: Compression, head: &mut Vec<u8>) -> io::Result<Reader<'a, R>> {
        let mut packed = BufReader::with_capacity(BUFFER_BYTES, meter);
        let first = packed.fill_buf()?;
        if first.is_empty() {
            return Ok(Reader::Plain(packed.into_inner()));
        }
        let magic = match compression {
            Compression::Zstd => ZSTD_MAGIC,
            Compression::Gzip | Compression::None => GZIP_MAGIC,
        };
        if !may_begin(first, magic) {
            head.extend(first.iter().take(HEAD_BYTES_MAX));
            let compression = compression.as_str();
            return Err(ContentError::NotPacked { compression }.into());
        }
        Ok(match compression {
            Compression::Zstd => Reader::Zstd(Box::new(zstd::stream::read::Decoder::with_buffer(packed)?)),
            Compression::Gzip | Compression::None => Reader::Gzip(Some(Box::new(GzDecoder::new(packed)))),
        })
    }

    /// The system refused to read the packed file.
    fn has_failed(&self) -> bool {
        match &self.reader {
            Reader::Plain(meter) => meter.has_failed(),
            Reader::Gzip(decoder) => decoder
                .as_ref()
                .is_some_and(|decoder| decoder.get_ref().get_ref().has_failed()),
            Reader::Zstd(decoder) => decoder.get_ref().get_ref().has_failed(),
        }
    }

    fn explained(&self, error: io::Error) -> io::Error {
        if self.has_failed() || self.compression == Compression::None {
            return error;
        }
        let compression = self.compression.as_str();
        let bytes = self.bytes_out;
        match error.kind() {
            io::ErrorKind::Interrupted => error,
            io::ErrorKind::UnexpectedEof => ContentError::PackageCutOff { compression, bytes }.into(),
            _ => ContentError::PackageBroken {
                compression,
                bytes,
                why: error.to_string(),
            }
            .into(),
        }
    }
}

/// A first read of a single byte is no reason to doubt.
fn may_begin(first: &[u8], magic: &[u8]) -> bool {
    first.iter().zip(magic).all(|(byte, wanted)| byte == wanted)
}

/// Reads on behind the end of a package, where another may begin.
fn read_gzip<R: Read>(
    slot: &mut Option<Box<GzDecoder<Packed<'_, R>>>>,
    buffer: &mut [u8],
) -> io::Result<Option<usize>> {
    loop {
        let Some(decoder) = slot else { return Ok(Some(0)) };
        let count = decoder.read(buffer)?;
        if count > 0 || buffer.is_empty() {
            return Ok(Some(count));
        }
        let rest = decoder.get_mut().fill_buf()?;
        if rest.is_empty() {
            return Ok(Some(0));
        }
        if !may_begin(rest, GZIP_MAGIC) {
            return Ok(None);
        }
        *slot = slot
            .take()
            .map(|decoder| Box::new(GzDecoder::new(decoder.into_inner())));
    }
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = match &mut self.reader {
            Reader::Plain(meter) => return meter.read(buffer).inspect(|count| self.bytes_out += *count as u64),
            Reader::Gzip(slot) => read_gzip(slot, buffer),
            Reader::Zstd(decoder) => decoder.read(buffer).map(Some),
        };
        match result {
            Ok(Some(count)) => {
                self.bytes_out += count as u64;
                Ok(count)
            }
            Ok(None) => Err(ContentError::AfterPackage {
                compression: self.compression.as_str(),
                bytes: self.bytes_out,
            }
            .into()),
            Err(error) => Err(self.explained(error)),
        }
    }
}
