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
/// being read already, so that being told to read it means nothing.
pub(super) struct Starting(Arc<AtomicBool>);

impl Starting {
    /// Before anything that takes time.
    pub(super) fn begin() -> io::Result<Self> {
        let is_starting = Arc::new(AtomicBool::new(true));
        for stop in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(stop, 0, is_starting.clone())?;
        }
        // Taken, and not looked at.
        flag::register(SIGHUP, Arc::default())?;
        Ok(Self(is_starting))
    }

    /// From here on the main loop hears them, and ends in its own way. Within a runtime.
    pub(super) fn end(self) -> io::Result<Signals> {
        let signals = Signals {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        };
        // Not before they are heard.
        self.0.store(false, Ordering::SeqCst);
        Ok(signals)
    }
}
