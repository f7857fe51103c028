//! What the daemon and a keeper say to each other: JSON messages, each behind its length.

use std::io;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{AttemptId, AttemptSpec, Exit, StopReason};

/// Longest message either side accepts; a specification with a larger environment could not be executed anyway.
pub(super) const FRAME_BYTES_MAX: usize = 4 << 20;

const LENGTH_BYTES: usize = 4;

/// What the daemon says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToKeeper {
    /// Start this attempt, unless it is known already.
    Start(Box<AttemptSpec>),
    /// Tell an attempt to end.
    Stop {
        /// Which.
        id: AttemptId,
        /// Why.
        reason: StopReason,
    },
    /// The ends of these attempts are stored: forget them.
    Acknowledge(Vec<AttemptId>),
    /// So many attempts may come together soon: have at hand what they need.
    GetReady(usize),
    /// Say what is known. Every connection begins with the answer to this.
    List,
    /// Say that you are there.
    Ping,
    /// Take no more attempts, and leave when nothing is left.
    Retire,
}

/// What a keeper says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToDaemon {
    /// All attempts it knows, in parts of at most `KNOWN_PART_MAX`.
    Known(Known),
    /// The process of an attempt was started.
    Started {
        /// Which.
        id: AttemptId,
        /// Its main process.
        pid: u32,
        /// When.
        at: Timestamp,
    },
    /// An attempt ended; said again on each connection until it is acknowledged.
    Exited(Box<Exit>),
    /// It is there.
    Pong,
    /// An attempt was not and will not be started by this keeper, unless it is sent again.
    Refused {
        /// Which.
        id: AttemptId,
        /// Why, in words.
        why: String,
        /// This keeper will refuse everything from now on.
        lasting: bool,
    },
}

/// Attempts in one part of a list.
pub(super) const KNOWN_PART_MAX: usize = 1_000;

/// A part of the list of attempts a keeper knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Known {
    /// The keeper's number.
    pub(super) number: u32,
    /// The program it runs, as `build_of` names it.
    pub(super) build: String,
    /// It takes no new attempts.
    pub(super) retired: bool,
    /// It answers `Ping`. An older keeper does not.
    #[serde(default)]
    pub(super) answers_pings: bool,
    /// The attempts.
    pub(super) attempts: Vec<KnownAttempt>,
    /// No further part follows.
    pub(super) complete: bool,
}

/// An attempt a keeper knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KnownAttempt {
    /// Which.
    pub(super) id: AttemptId,
    /// Where it stands.
    pub(super) state: KnownState,
}

/// Where an attempt stands with its keeper.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KnownState {
    /// Taken, not started yet.
    Pending,
    /// Its process runs.
    Running {
        /// Its main process.
        pid: u32,
        /// When it started.
        at: Timestamp,
    },
    /// It ended; the exit follows as a message of its own.
    Ended,
}

/// Appends a message with its length.
pub(super) fn push_frame(buffer: &mut Vec<u8>, message: &impl Serialize) -> io::Result<()> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; LENGTH_BYTES]);
    let encoded = serde_json::to_writer(&mut *buffer, message).map_err(io::Error::other);
    let length = buffer.len() - start - LENGTH_BYTES;
    if let Err(error) = encoded.and_then(|()| check_length(length)) {
        buffer.truncate(start);
        return Err(error);
    }
    write_length(buffer, start, length);
    Ok(())
}

/// Appends a message that is JSON already.
pub(super) fn push_json(buffer: &mut Vec<u8>, json: &[u8]) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; LENGTH_BYTES]);
    buffer.extend_from_slice(json);
    write_length(buffer, start, json.len());
}

fn write_length(buffer: &mut [u8], start: usize, length: usize) {
    // Lengths are checked against FRAME_BYTES_MAX, far below 4 GiB.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    buffer[start..start + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
}

fn check_length(length: usize) -> io::Result<()> {
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a message of {length} bytes is longer than {FRAME_BYTES_MAX}"),
        ));
    }
    Ok(())
}

/// Bytes that arrived, cut into messages.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    bytes: Vec<u8>,
    taken: usize,
}

impl FrameReader {
    /// Adds bytes as they came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.taken == self.bytes.len() {
            self.bytes.clear();
            self.taken = 0;
            // One long message must not hold its memory for ever.
            self.bytes.shrink_to(1 << 16);
        } else if self.taken > 1 << 16 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message, if it is there.
    pub(super) fn take<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let rest = &self.bytes[self.taken..];
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        check_length(length)?;
        let Some(json) = rest.get(..length) else {
            return Ok(None);
        };
        let message = serde_json::from_slice(json).map_err(io::Error::other)?;
        self.taken += LENGTH_BYTES + length;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunId;

    #[test]
    fn messages_are_found_however_the_bytes_arrive() {
        let id = AttemptId {
            run: RunId(7),
            number: 1,
        };
        let mut bytes = Vec::new();
        push_frame(&mut bytes, &ToKeeper::Acknowledge(vec![id])).unwrap();
        push_frame(&mut bytes, &ToKeeper::Retire).unwrap();
        push_json(&mut bytes, br#""list""#);
        for step in [1, 3, bytes.len()] {
            let mut reader = FrameReader::default();
            let mut seen = Vec::new();
            for part in bytes.chunks(step) {
                reader.push(part);
                while let Some(message) = reader.take::<ToKeeper>().unwrap() {
                    seen.push(message);
                }
            }
            assert!(
                matches!(
                    seen.as_slice(),
                    [ToKeeper::Acknowledge(ids), ToKeeper::Retire, ToKeeper::List] if *ids == [id]
                ),
                "{seen:?}"
            );
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_an_error_before_any_memory_is_taken() {
        let mut reader = FrameReader::default();
        reader.push(&u32::MAX.to_le_bytes());
        assert!(reader.take::<ToKeeper>().is_err());
    }
}
