//! Goes on reading what an attempt prints after its keeper died, into the log that the keeper began.

use std::os::fd::OwnedFd;
use std::time::Duration;

use jiff::Timestamp;
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use super::journal::LogPlace;
use super::log::{OutputLog, stamp};
use super::sys;
use crate::model::Output;

/// Read at once.
const READ_BYTES_MAX: usize = 16 << 10;

/// Reads of what is left at the end: a pipe holds this much by default, and nobody is waited for.
const LAST_READS_MAX: usize = (64 << 10) / READ_BYTES_MAX + 1;

/// The output of an attempt without a keeper.
pub(super) struct Inherited {
    pipe: Option<AsyncFd<OwnedFd>>,
    log: Option<OutputLog>,
    scratch: Vec<u8>,
}

/// What reading once showed.
enum Heard {
    Something,
    Nothing,
    TheEnd,
}

impl Inherited {
    /// Goes on with a log. Without a pipe that can still be read, the log says that something may be missing.
    pub(super) async fn take_up(place: Option<LogPlace>, pipe: Option<OwnedFd>) -> Self {
        let pipe = pipe.and_then(|pipe| sys::watch(pipe).ok());
        let is_heard = pipe.is_some();
        let log = match place {
            // It may be long, and has to be read.
            Some(place) => tokio::task::spawn_blocking(move || resume(place, is_heard)).await.ok(),
            None => None,
        };
        Self {
            pipe,
            log: log.flatten(),
            scratch: Vec::new(),
        }
    }

    /// Whether anybody may still print.
    pub(super) fn can_be_heard(&self) -> bool {
        self.pipe.is_some()
    }

    /// Reads until nobody can print any more. May be dropped at any time: what was read is in the log.
    pub(super) async fn hear(&mut self) {
        while let Some(pipe) = &self.pipe {
            let Ok(mut ready) = pipe.readable().await else {
                self.pipe = None;
                return;
            };
            let heard = hear_once(ready.get_inner(), self.log.as_mut(), &mut self.scratch);
            match heard {
                // A job that prints without pause must not keep its timeout, or any other work of this thread, waiting.
                Heard::Something => tokio::task::yield_now().await,
                Heard::Nothing => ready.clear_ready(),
                Heard::TheEnd => self.pipe = None,
            }
        }
    }

    /// The same for at most so long.
    pub(super) async fn hear_for(&mut self, time: Duration) {
        // What remains after that is left to `hear_rest`.
        let _ = tokio::time::timeout(time, self.hear()).await;
    }

    /// Reads what is there, and waits for nobody.
    pub(super) fn hear_rest(&mut self) {
        for _ in 0..LAST_READS_MAX {
            let Some(pipe) = &self.pipe else {
                return;
            };
            match hear_once(pipe.get_ref(), self.log.as_mut(), &mut self.scratch) {
                Heard::Something => {}
                Heard::Nothing => return,
                Heard::TheEnd => self.pipe = None,
            }
        }
    }

    /// What there is to tell of it.
    pub(super) fn finish(self) -> Output {
        self.log.map(OutputLog::finish).unwrap_or_default()
    }
}

fn resume(place: LogPlace, is_heard: bool) -> Option<OutputLog> {
    let shown = place.path.display().to_string();
    let mut log = OutputLog::resume(place.path, place.limit_bytes)
        .inspect_err(|error| tracing::error!(log = shown, %error, "cannot go on with the output of an attempt"))
        .ok()?;
    if !is_heard {
        log.note_missing();
    }
    Some(log)
}

/// Read and written in one go, and not apart from the threads of the daemon: a write goes to memory, and nothing that
/// was read can get lost between.
fn hear_once(pipe: &OwnedFd, log: Option<&mut OutputLog>, scratch: &mut Vec<u8>) -> Heard {
    let mut buffer = [0; READ_BYTES_MAX];
    match rustix::io::read(pipe, &mut buffer) {
        Ok(0) => Heard::TheEnd,
        Ok(read) => {
            if let Some(log) = log {
                log.write(&buffer[..read], &stamp(Timestamp::now()), scratch);
            }
            Heard::Something
        }
        Err(Errno::INTR) => Heard::Something,
        Err(Errno::AGAIN) => Heard::Nothing,
        Err(_) => Heard::TheEnd,
    }
}
