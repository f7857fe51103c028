//! Goes on reading what an attempt prints after its keeper died, into the log that the keeper began.

use std::os::fd::OwnedFd;
use std::time::Duration;

use jiff::Timestamp;
use rustix::io::Errno;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::task::JoinHandle;

use super::journal::LogPlace;
use super::log::{OutputLog, Stream, stamp};
use super::sys;
use crate::model::Output;

/// Read at once.
const READ_BYTES_MAX: usize = 16 << 10;

/// Reads of what is left in one pipe at the end: it holds this much by default, and nobody is waited for.
const LAST_READS_MAX: usize = (64 << 10) / READ_BYTES_MAX + 1;

/// The pipes of an attempt that were found again.
#[derive(Default)]
pub(super) struct FoundPipes {
    /// Of stdout and stderr.
    pub(super) pipes: [Option<OwnedFd>; 2],
    /// Both were, or the only one.
    pub(super) is_whole: bool,
}

/// The output of an attempt without a keeper.
pub(super) struct Inherited {
    /// Of stdout and stderr, until nobody can print there any more.
    pipes: [Option<AsyncFd<OwnedFd>>; 2],
    log: Option<OutputLog>,
    /// Reads what the log holds already: it may be long, and neither a timeout nor anybody who stops it waits for that.
    resuming: Option<JoinHandle<Option<OutputLog>>>,
    scratch: Vec<u8>,
}

/// What reading once showed.
enum Heard {
    Something,
    Nothing,
    TheEnd,
}

impl Inherited {
    /// Goes on with a log. Where a pipe cannot be read any more, the log says that something may be missing.
    pub(super) fn take_up(place: Option<LogPlace>, found: FoundPipes) -> Self {
        let FoundPipes { pipes, mut is_whole } = found;
        let pipes = pipes.map(|pipe| {
            let watched = sys::watch(pipe?);
            is_whole &= watched.is_ok();
            watched.ok()
        });
        Self {
            pipes,
            log: None,
            resuming: place.map(|place| tokio::task::spawn_blocking(move || resume(place, is_whole))),
            scratch: Vec::new(),
        }
    }

    /// Waits until the log can be gone on with. May be dropped at any time.
    async fn resumed(&mut self) {
        if let Some(resuming) = &mut self.resuming {
            self.log = resuming.await.ok().flatten();
            self.resuming = None;
        }
    }

    /// Whether anybody may still print.
    pub(super) fn can_be_heard(&self) -> bool {
        self.pipes.iter().any(Option::is_some)
    }

    /// Reads until nobody can print any more. May be dropped at any time: what was read is in the log.
    pub(super) async fn hear(&mut self) {
        self.resumed().await;
        while self.can_be_heard() {
            let [stdout, stderr] = &self.pipes;
            let (stream, ready) = tokio::select! {
                ready = readable(stdout.as_ref()), if stdout.is_some() => (Stream::Stdout, ready),
                ready = readable(stderr.as_ref()), if stderr.is_some() => (Stream::Stderr, ready),
            };
            let Some(mut ready) = ready else {
                self.pipes[stream.index()] = None;
                continue;
            };
            let heard = hear_once(stream, ready.get_inner(), self.log.as_mut(), &mut self.scratch);
            match heard {
                // A job that prints without pause must not keep its timeout, or any other work of this thread, waiting.
                Heard::Something => tokio::task::yield_now().await,
                Heard::Nothing => ready.clear_ready(),
                Heard::TheEnd => self.pipes[stream.index()] = None,
            }
        }
    }

    /// The same for at most so long, also while the log is still read: what is to be done then does not wait for that.
    pub(super) async fn hear_for(&mut self, time: Duration) {
        // What remains after that is left to `hear_rest`.
        let _ = tokio::time::timeout(time, self.hear()).await;
    }

    /// Reads what is there, and waits for nobody.
    pub(super) async fn hear_rest(&mut self) {
        self.resumed().await;
        for stream in Stream::BOTH {
            for _ in 0..LAST_READS_MAX {
                let Some(pipe) = &self.pipes[stream.index()] else {
                    break;
                };
                match hear_once(stream, pipe.get_ref(), self.log.as_mut(), &mut self.scratch) {
                    Heard::Something => {}
                    Heard::Nothing => break,
                    Heard::TheEnd => self.pipes[stream.index()] = None,
                }
            }
        }
    }

    /// What there is to tell of it.
    pub(super) fn finish(self) -> Output {
        self.log.map(OutputLog::finish).unwrap_or_default()
    }
}

/// Waits until there is something in a pipe, or nobody holds it; `None` when it cannot be watched.
async fn readable(pipe: Option<&AsyncFd<OwnedFd>>) -> Option<AsyncFdReadyGuard<'_, OwnedFd>> {
    pipe?.readable().await.ok()
}

fn resume(place: LogPlace, is_whole: bool) -> Option<OutputLog> {
    let shown = place.path.display().to_string();
    let mut log = OutputLog::resume(place.path, place.limit_bytes)
        .inspect_err(|error| tracing::error!(log = shown, %error, "cannot go on with the output of an attempt"))
        .ok()?;
    if !is_whole {
        log.note_missing();
    }
    Some(log)
}

/// Read and written in one go, and not apart from the threads of the daemon: a write goes to memory, and nothing that
/// was read can get lost between.
fn hear_once(stream: Stream, pipe: &OwnedFd, log: Option<&mut OutputLog>, scratch: &mut Vec<u8>) -> Heard {
    let mut buffer = [0; READ_BYTES_MAX];
    match rustix::io::read(pipe, &mut buffer) {
        Ok(0) => Heard::TheEnd,
        Ok(read) => {
            if let Some(log) = log {
                log.write(stream, &buffer[..read], &stamp(Timestamp::now()), scratch);
            }
            Heard::Something
        }
        Err(Errno::INTR) => Heard::Something,
        Err(Errno::AGAIN) => Heard::Nothing,
        Err(_) => Heard::TheEnd,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn neither_a_stop_nor_the_sweep_of_leftovers_waits_for_a_log_that_is_long_to_read() {
        let (gate, opened) = std::sync::mpsc::channel::<()>();
        let mut output = Inherited {
            pipes: [None, None],
            log: None,
            resuming: Some(tokio::task::spawn_blocking(move || {
                let _ = opened.recv();
                None
            })),
            scratch: Vec::new(),
        };
        let patience = Duration::from_secs(5);
        let heard = tokio::time::timeout(patience, output.hear_for(Duration::from_millis(1)));
        assert_eq!(heard.await, Ok(()));
        assert!(output.resuming.is_some(), "it is still read");
        drop(gate);
        output.hear_rest().await;
        assert!(output.resuming.is_none(), "the end of the attempt has all of it");
    }
}
