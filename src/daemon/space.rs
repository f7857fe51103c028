//! How much space is left in the state directory: looked at now and then, and whenever a write meets a full disk.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{error, info, warn};

use super::clock;
use crate::model::{Event, Shortage, Snapshot};
use crate::store::{OpenError, Reserve, Store};

/// How often it is looked at while it lacks, or soon will. Space that is there again is noticed within this.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// With less than this free beside the reserve, in bytes, the log warns: there is time left to make room.
const LOW_BYTES: u64 = 64 << 20;

/// The reserve of a state directory, and what the engine knows of the space there.
pub(super) struct Space {
    watched: Arc<Mutex<Watched>>,
    /// It is to be looked at.
    asked: Arc<Notify>,
}

struct Watched {
    reserve: Reserve,
    events: UnboundedSender<Event>,
    /// What the engine was told last.
    told: Option<Shortage>,
    is_low: bool,
}

/// Opens a store, for which a full disk is given as much of the reserve as that takes.
pub(super) fn open_store(state_dir: &Path) -> Result<(Store, Snapshot), OpenError> {
    let mut reserve = Reserve::of(state_dir);
    loop {
        match Store::open_and_load(state_dir) {
            Err(OpenError::DiskFull { .. }) if reserve.give_back() => {}
            opened => return opened,
        }
    }
}

impl Space {
    /// Lays the reserve if there is room. What lacks otherwise is for the engine's start.
    pub(super) fn find(state_dir: &Path, events: UnboundedSender<Event>) -> (Self, Option<Shortage>) {
        let mut watched = Watched {
            reserve: Reserve::of(state_dir),
            events,
            told: None,
            is_low: false,
        };
        let found = watched.reserve.look(clock::now().wall);
        watched.warn_when_low(found.as_ref().ok().copied());
        watched.told = found.err();
        if let Some(shortage) = &watched.told {
            error!("{}; nothing starts until there is room", shortage.in_words());
        }
        let shortage = watched.told.clone();
        let watched = Arc::new(Mutex::new(watched));
        let asked = Arc::default();
        (Self { watched, asked }, shortage)
    }

    /// Looks whenever it is asked to, and again and again while space lacks or soon will, until the daemon ends. Not in the
    /// main loop, which may be waiting for space, and which no disk that hangs may hold up.
    pub(super) fn watch(&self) {
        let (watched, asked) = (self.watched.clone(), self.asked.clone());
        tokio::spawn(async move {
            loop {
                let is_scarce = locked(&watched).is_scarce();
                if is_scarce {
                    tokio::time::sleep(LOOK_EVERY).await;
                } else {
                    asked.notified().await;
                    if locked(&watched).is_scarce() {
                        // A write met a full disk just now.
                        continue;
                    }
                }
                let mut watched = locked(&watched);
                if watched.events.is_closed() {
                    return;
                }
                watched.look();
            }
        });
    }

    /// Asks for a look: while there is enough, it is for the main loop to say when. A disk that fills in between is met by
    /// the next write.
    pub(super) fn look(&self) {
        self.asked.notify_one();
    }

    /// A write met a full disk: the engine is told, and a slice of the reserve given back. `false` when none is left.
    pub(super) fn is_full(&self) -> bool {
        let mut watched = locked(&self.watched);
        let has_given = watched.reserve.give_back();
        if watched.told.is_none() {
            let shortage = watched.reserve.shortage(clock::now().wall);
            watched.tell(Some(shortage));
            self.asked.notify_one();
        }
        has_given
    }
}

impl Watched {
    /// The engine was told that space lacks, or the log that it soon will.
    fn is_scarce(&self) -> bool {
        self.told.is_some() || self.is_low
    }

    fn look(&mut self) {
        let since = self.told.as_ref().map_or(clock::now().wall, |told| told.since);
        let found = self.reserve.look(since);
        self.warn_when_low(found.as_ref().ok().copied());
        let shortage = found.err();
        if shortage != self.told {
            self.tell(shortage);
        }
    }

    fn tell(&mut self, shortage: Option<Shortage>) {
        if shortage.is_none() {
            info!("there is space again: what waited for it starts");
        }
        self.told.clone_from(&shortage);
        let _ = self.events.send(Event::Space(shortage));
    }

    /// Once, until there is twice as much.
    fn warn_when_low(&mut self, free: Option<u64>) {
        let Some(free) = free else { return };
        if free < LOW_BYTES && !self.is_low {
            self.is_low = true;
            warn!(
                free_mib = free >> 20,
                "the disk of the state directory is nearly full; when it is, nothing starts"
            );
        } else if free >= 2 * LOW_BYTES {
            self.is_low = false;
        }
    }
}

/// Nothing panics while it is held.
fn locked(watched: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}
