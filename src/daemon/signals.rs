//! Signals that mean something, from the first moment on.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the main loop hears.
pub(super) struct Signals {
    pub(super) hangup: Signal,
    pub(super) terminate: Signal,
    pub(super) interrupt: Signal,
}

/// Takes signals while freshd starts, when no loop hears them yet.
///
/// One that tells it to stop ends it there and then, with 0: nothing was decided yet, what the store is doing can be cut
/// short at any point, and reading a damaged database might otherwise outlast everybody's patience. The configuration is
/// read first, and the rest of a start may take minutes: being told to read it means that it is read again at the end.
pub(super) struct Starting {
    is_starting: Arc<AtomicBool>,
    was_hung_up: Arc<AtomicBool>,
}

impl Starting {
    /// Before anything that takes time.
    pub(super) fn begin() -> io::Result<Self> {
        let is_starting = Arc::new(AtomicBool::new(true));
        for stop in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(stop, 0, is_starting.clone())?;
        }
        let was_hung_up = Arc::default();
        flag::register(SIGHUP, Arc::clone(&was_hung_up))?;
        Ok(Self {
            is_starting,
            was_hung_up,
        })
    }

    /// From here on the main loop hears them, and ends in its own way; and whether the configuration is to be read again.
    /// Within a runtime.
    pub(super) fn end(self) -> io::Result<(Signals, bool)> {
        let signals = Signals {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        };
        // Not before they are heard.
        self.is_starting.store(false, Ordering::SeqCst);
        Ok((signals, self.was_hung_up.load(Ordering::SeqCst)))
    }
}
