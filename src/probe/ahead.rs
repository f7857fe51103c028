//! Reads a file ahead of whoever looks into it, and digests it meanwhile: the two need about as long as each other.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::meter::Meter;

/// One read. Small enough that memory for it is taken and given back cheaply.
const PIECE_BYTES: usize = 64 << 10;

/// So many pieces are read ahead: half a mebibyte in all.
const PIECES_AHEAD: usize = 8;

/// What was read ahead.
pub(super) struct Ahead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    taken: usize,
}

/// Lets `look` read what `reader` has, and gives the digest of what was read, in hex, beside its answer. Where `look`
/// does not read to the end, that is the digest of no more than it has read, and of some pieces behind that.
pub(super) fn read_ahead<R: Read + Send, T>(reader: R, look: impl FnOnce(Ahead) -> T) -> (T, String) {
    thread::scope(|scope| {
        let (full, pieces) = sync_channel(PIECES_AHEAD);
        let reading = scope.spawn(move || {
            let mut meter = Meter::new(reader);
            loop {
                let mut piece = vec![0; PIECE_BYTES];
                let sent = match meter.read(&mut piece) {
                    Ok(0) => break,
                    Ok(count) => {
                        piece.truncate(count);
                        full.send(Ok(piece))
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => {
                        let _ = full.send(Err(error));
                        break;
                    }
                };
                // Nobody listens any more.
                if sent.is_err() {
                    break;
                }
            }
            meter.sha256()
        });
        let answer = look(Ahead {
            pieces,
            piece: Vec::new(),
            taken: 0,
        });
        let digest = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (answer, digest)
    })
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.piece.len() {
            self.taken = 0;
            // Whoever reads on behind an error must not be given the old piece once more.
            self.piece.clear();
            self.piece = match self.pieces.recv() {
                Ok(piece) => piece?,
                // All was read.
                Err(_) => Vec::new(),
            };
        }
        let rest = &self.piece[self.taken..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}
