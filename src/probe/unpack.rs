//! A reader that unpacks gzip as it goes, and says what is wrong with a package.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::error::ContentError;
use super::meter::Meter;
use crate::model::Compression;

/// What every gzip package begins with.
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";

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
    Plain(&'a mut Meter<R>),
    Gzip(Box<MultiGzDecoder<Packed<'a, R>>>),
    /// A file of no bytes is packed with nothing.
    Empty(&'a mut Meter<R>),
}

impl<'a, R: Read> Unpacked<'a, R> {
    /// Looks at the first bytes; what is not packed as it should be is a content error.
    pub(super) fn new(meter: &'a mut Meter<R>, compression: Compression) -> io::Result<Self> {
        let reader = match compression {
            Compression::None => Reader::Plain(meter),
            Compression::Gzip => Self::open(meter, compression)?,
        };
        Ok(Self {
            reader,
            compression,
            bytes_out: 0,
        })
    }

    fn open(meter: &'a mut Meter<R>, compression: Compression) -> io::Result<Reader<'a, R>> {
        use std::io::BufRead as _;

        let mut packed = BufReader::with_capacity(BUFFER_BYTES, meter);
        let head = packed.fill_buf()?;
        if head.is_empty() {
            return Ok(Reader::Empty(packed.into_inner()));
        }
        // A first read of a single byte is no reason to doubt.
        if head.iter().zip(GZIP_MAGIC).any(|(byte, wanted)| byte != wanted) {
            return Err(ContentError::NotPacked {
                compression: compression.as_str(),
            }
            .into());
        }
        Ok(Reader::Gzip(Box::new(MultiGzDecoder::new(packed))))
    }

    fn meter(&self) -> &Meter<R> {
        match &self.reader {
            Reader::Plain(meter) | Reader::Empty(meter) => meter,
            Reader::Gzip(decoder) => decoder.get_ref().get_ref(),
        }
    }

    fn explained(&self, error: io::Error) -> io::Error {
        if self.meter().has_failed() || self.compression == Compression::None {
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

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = match &mut self.reader {
            Reader::Plain(meter) | Reader::Empty(meter) => meter.read(buffer),
            Reader::Gzip(decoder) => decoder.read(buffer),
        };
        match result {
            Ok(count) => {
                self.bytes_out += count as u64;
                Ok(count)
            }
            Err(error) => Err(self.explained(error)),
        }
    }
}
