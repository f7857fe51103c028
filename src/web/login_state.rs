//! What logins need to remember: sessions, tries, the key, and a clock that nobody can set.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::passwords::Checking;
use super::session_file::SessionFile;
use super::sessions::Sessions;
use super::throttle::Throttle;
use crate::store::SigningKey;

/// How often the log speaks of tries that are refused unseen.
const REFUSALS_LOGGED_EVERY: Duration = Duration::from_mins(1);

/// One for the window.
pub(super) struct LoginState {
    /// By it links and browsers are known again.
    pub(super) key: SigningKey,
    /// Other machines can reach the port.
    pub(super) is_beyond_this_machine: bool,
    pub(super) checking: Checking,
    sessions: Mutex<Sessions>,
    throttle: Mutex<Throttle>,
    /// Nothing is logged of refused tries until then.
    quiet_until: Mutex<Duration>,
}

impl LoginState {
    pub(super) fn new(key: SigningKey, is_beyond_this_machine: bool, sessions: SessionFile) -> Self {
        Self {
            key,
            is_beyond_this_machine,
            checking: Checking::new(),
            sessions: Mutex::new(Sessions::kept_in(sessions)),
            throttle: Mutex::new(Throttle::new()),
            quiet_until: Mutex::default(),
        }
    }

    /// Time since the machine was started, sleep included: a session does not outlive a night in a bag.
    pub(super) fn now() -> Duration {
        let now = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or(0))
    }

    /// Whether tries that are refused unseen are worth a line of the log: whoever makes thousands fills no disk.
    pub(super) fn is_news(&self) -> bool {
        let mut quiet_until = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Self::now();
        let is_news = now >= *quiet_until;
        if is_news {
            *quiet_until = now + REFUSALS_LOGGED_EVERY;
        }
        is_news
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
