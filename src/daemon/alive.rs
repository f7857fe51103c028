//! Signs of life: a record every minute, and systemd's watchdog, only after a self-test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tracing::warn;

use crate::store::Writer;

/// How often the daemon records that it lives, so that its downtime can be told.
const RECORD_EVERY: Duration = Duration::from_mins(1);

/// When the next sign of life is due.
pub(super) struct Alive {
    record: Interval,
    /// Half of systemd's patience, where it watches.
    watchdog_every: Option<Duration>,
    next_watchdog: Instant,
    /// A self-test is under way.
    testing: Arc<AtomicBool>,
}

impl Alive {
    pub(super) fn new() -> Self {
        let start = Instant::now() + RECORD_EVERY;
        let mut record = tokio::time::interval_at(start, RECORD_EVERY);
        record.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watchdog_every = sd_notify::watchdog_enabled().map(|patience| patience / 2);
        let next_watchdog = Instant::now();
        Self {
            record,
            watchdog_every,
            next_watchdog,
            testing: Arc::default(),
        }
    }

    /// Waits for the next sign of life, and says whether it is to be recorded. systemd's comes more often, and
    /// makes the loop turn.
    pub(super) async fn beat(&mut self) -> bool {
        match self.watchdog_every {
            Some(_) => {
                tokio::select! {
                    _ = self.record.tick() => true,
                    () = tokio::time::sleep_until(self.next_watchdog) => false,
                }
            }
            None => {
                self.record.tick().await;
                true
            }
        }
    }

    /// The loop has turned: it decided what was due and committed it. systemd hears of it once a write to the
    /// store has succeeded too.
    pub(super) fn turned(&mut self, writer: &Writer) {
        let Some(every) = self.watchdog_every else { return };
        if Instant::now() < self.next_watchdog || self.testing.swap(true, Ordering::AcqRel) {
            return;
        }
        self.next_watchdog = Instant::now() + every;
        let testing = self.testing.clone();
        let written = writer.health_write();
        tokio::spawn(async move {
            match written.await {
                Ok(()) => tell(&[NotifyState::Watchdog]),
                Err(error) => warn!(%error, "self-test failed: the store does not take a write"),
            }
            testing.store(false, Ordering::Release);
        });
    }
}

/// freshd supervises.
pub(super) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("supervising")]);
}

/// A new configuration is being read.
pub(super) fn reloading() {
    let monotonic = NotifyState::monotonic_usec_now();
    match monotonic {
        Ok(at) => tell(&[NotifyState::Reloading, at]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// freshd ends in order.
pub(super) fn stopping() {
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("stopping; running jobs go on"),
    ]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "could not reach systemd");
    }
}
