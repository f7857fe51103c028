//! Signs of life: a record every minute, and systemd's watchdog, only after a self-test.
//!
//! systemd is kept waiting for what a restart mends, and for nothing else:
//!
//! | found | withheld | why |
//! |---|---|---|
//! | the loop does not turn | yes, by itself | a restart begins with the store |
//! | something due lags by more than a minute | yes | the same: it is decided anew at the start |
//! | something due waits behind what a start, a reload or a confirmed clock asked for | no | each turn commits a part of that, and a restart would begin the rest of it again |
//! | the store takes no write | yes | a new process opens it anew; and a supervisor that remembers nothing supervises nothing |
//! | the disk is full | no | no restart makes room, and `freshd status` says what lacks |
//! | a keeper does not say that it started an attempt | no, logged | the next daemon would ask the same keeper, and running jobs are its own |
//! | messages cannot be delivered | no | a mail server that is away must not restart freshd every 30 s |

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::{error, warn};

use super::heartbeat::Heartbeat;
use crate::delivery::Delivery;
use crate::engine::Engine;
use crate::model::{AttemptId, Now, format_duration};
use crate::store::{CommitError, Writer};

/// How often the daemon records that it lives, so that its downtime can be told; and looks after whatever else is to be
/// looked at now and then. All of it comes with one wake of the loop: one that has nothing to do should sleep.
const RECORD_EVERY: Duration = Duration::from_mins(1);

/// The timer that wakes the loop for the record may be so late: then the loop wakes by a clock of another kind. Longer than
/// the 4 s that the runtime may look at a timer ahead of time, so that no daemon in good order wakes for this.
const TIMER_LATE_MAX: Duration = Duration::from_secs(10);

/// How often a daemon that stands still says so, at least.
const STANDS_STILL_EVERY: Duration = Duration::from_secs(10);

/// The time it asks for then, should it not be ready yet, in microseconds.
const STARTS_WITHIN_US: u32 = 60_000_000;

/// How long a claimed attempt may wait for its keeper's word.
const UNHEARD_MAX: Duration = Duration::from_mins(1);

/// When the next sign of life is due.
pub(super) struct Alive {
    next_record: Instant,
    /// Attempts that no keeper speaks of, and that the log names already.
    unheard: Vec<AttemptId>,
    /// Half of systemd's patience, where it watches.
    watchdog_every: Option<Duration>,
    next_watchdog: Instant,
    /// A self-test is under way.
    testing: Arc<AtomicBool>,
    /// For somebody elsewhere.
    heartbeat: Heartbeat,
}

impl Alive {
    pub(super) fn new() -> Self {
        let watchdog_every = sd_notify::watchdog_enabled().map(|patience| patience / 2);
        let next_watchdog = Instant::now();
        Self {
            next_record: Instant::now() + RECORD_EVERY,
            unheard: Vec::new(),
            watchdog_every,
            next_watchdog,
            testing: Arc::default(),
            heartbeat: Heartbeat::new(),
        }
    }

    /// Waits for the next sign of life to somebody who waits for it. They may come more often than the record, and make
    /// the loop turn. Should the timer be wrong that is to wake the loop, it turns for the record all the same.
    pub(super) async fn beat(&mut self) {
        let watched = self.watchdog_every.is_some();
        tokio::select! {
            () = tokio::time::sleep_until(self.next_watchdog), if watched => {}
            () = self.heartbeat.due() => {}
            () = tokio::time::sleep_until(self.next_record + TIMER_LATE_MAX) => {}
        }
    }

    /// How long the loop may sleep until a record is due.
    pub(super) fn until_record(&self) -> Duration {
        self.next_record.saturating_duration_since(Instant::now())
    }

    /// Whether it is time to record that the daemon lives. Said once: the next record is due after the pause, however late
    /// this one was.
    pub(super) fn take_due_record(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self.next_record <= now;
        if is_due {
            self.next_record = now + RECORD_EVERY;
        }
        is_due
    }

    /// The loop has turned: it decided what was due and committed it. systemd hears of it once nothing is found to
    /// lag and a write to the store has succeeded too.
    pub(super) fn turned(&mut self, engine: &Engine, now: Now, writer: &Writer, delivery: &Arc<Delivery>) {
        self.heartbeat.turned(engine, now, writer, delivery);
        let Some(every) = self.watchdog_every else { return };
        if Instant::now() < self.next_watchdog {
            return;
        }
        // The test before may still be under way: the next has its own time all the same.
        self.next_watchdog = Instant::now() + every;
        if self.testing.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(lag) = engine.lag(now) {
            let lag = format_duration(lag);
            error!("self-test failed: what was due {lag} ago is not decided; a restart decides it from the store");
            self.testing.store(false, Ordering::Release);
            return;
        }
        let testing = self.testing.clone();
        let written = writer.health_write();
        tokio::spawn(async move {
            match written.await {
                // No restart makes room: whoever is to make it finds a daemon that says so.
                Ok(()) | Err(CommitError::Full) => tell(&[NotifyState::Watchdog]),
                Err(error) => warn!(%error, "self-test failed: the store does not take a write"),
            }
            testing.store(false, Ordering::Release);
        });
    }

    /// Adds to a status what freshd finds of itself.
    pub(super) fn sign(&self, status: &mut Value, engine: &Engine, now: Now) {
        status["self_test"] = json!(engine.self_test(now));
        status["heartbeat"] = self.heartbeat.to_json();
    }

    /// Gives the signs of life of a daemon that stands still for want of space: once each time this is awaited to its
    /// end. One that is starting is given more time for that.
    pub(super) async fn stands_still(&mut self) {
        let every = self
            .watchdog_every
            .unwrap_or(STANDS_STILL_EVERY)
            .min(STANDS_STILL_EVERY);
        tokio::time::sleep_until(self.next_watchdog).await;
        self.next_watchdog = Instant::now() + every;
        tell(&[
            NotifyState::Watchdog,
            NotifyState::Status("the disk is full; nothing starts"),
            NotifyState::ExtendTimeoutUsec(STARTS_WITHIN_US),
        ]);
    }

    /// Names in the log, once each, the attempts that were handed to a keeper which says nothing of them.
    pub(super) fn look_for_unheard(&mut self, engine: &Engine, now: Now) {
        let unheard = engine.unheard(now, UNHEARD_MAX);
        for id in unheard.iter().filter(|id| !self.unheard.contains(id)) {
            error!(run = %id.run, attempt = id.number, "no keeper says that it started this attempt; is the process `freshd keeper` stopped, or its disk stuck?");
        }
        self.unheard = unheard;
    }
}

/// A start asks systemd for so much more time, again and again.
const OPENING_STEP: Duration = Duration::from_secs(30);

/// Reading a damaged database of a hundred million runs, and its backups, takes no longer than this.
const OPENING_MAX: Duration = Duration::from_hours(1);

/// Asks systemd for patience for as long as `open` takes: to read a database through, and to go on from a backup, may
/// take longer than a start usually does, and a start that is killed would begin that anew.
pub(super) fn asking_for_patience<T>(open: impl FnOnce() -> T) -> T {
    let (is_open, opened) = std::sync::mpsc::channel::<()>();
    let asking = move || {
        let steps = OPENING_MAX.as_secs() / (OPENING_STEP.as_secs() / 2);
        for _ in 0..steps {
            if opened.recv_timeout(OPENING_STEP / 2) != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                return;
            }
            let more = u32::try_from(OPENING_STEP.as_micros()).unwrap_or(u32::MAX);
            tell(&[NotifyState::ExtendTimeoutUsec(more)]);
        }
    };
    // Without the thread a start has the time that it usually has.
    let _ = std::thread::Builder::new().name("patience".to_owned()).spawn(asking);
    let opened = open();
    drop(is_open);
    opened
}

/// freshd supervises.
pub(super) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("supervising")]);
}

/// freshd no longer stands still.
pub(super) fn goes_on() {
    tell(&[NotifyState::Status("supervising")]);
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
