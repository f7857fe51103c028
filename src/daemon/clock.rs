//! The two clocks, and one timer on the wall clock that notices when the clock is set.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use rustix::io::Errno;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
    timerfd_settime,
};
use tokio::sync::mpsc;

use crate::model::{Now, whole_microseconds};

/// A set clock moves wall time against boot time by at least this much; less is drift being corrected.
const STEP_MIN: Duration = Duration::from_millis(500);
/// The timer's thread only waits and sends.
const TIMER_STACK_BYTES: usize = 64 << 10;

/// Reads both clocks.
pub fn now() -> Now {
    let boot = clock_gettime(ClockId::Boottime);
    let boot = Duration::new(
        u64::try_from(boot.tv_sec).unwrap_or(0),
        u32::try_from(boot.tv_nsec).unwrap_or(0),
    );
    Now {
        wall: whole_microseconds(Timestamp::now()),
        boot,
    }
}

/// One `CLOCK_REALTIME` timer, read by a thread of its own.
#[derive(Debug)]
pub(super) struct Timer {
    fd: Arc<OwnedFd>,
    armed: Option<Timestamp>,
    /// Wall time minus boot time when last looked at.
    offset_ms: i64,
}

impl Timer {
    /// Starts the thread: it sends a word whenever the timer fires or the clock is set.
    pub(super) fn start(now: Now, woken: mpsc::UnboundedSender<()>) -> anyhow::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC).context("make a timer")?;
        let fd = Arc::new(fd);
        let read = fd.clone();
        std::thread::Builder::new()
            .name("timer".to_owned())
            .stack_size(TIMER_STACK_BYTES)
            .spawn(move || {
                let mut expirations = [0_u8; 8];
                loop {
                    match rustix::io::read(&*read, &mut expirations) {
                        Ok(_) | Err(Errno::CANCELED) => {}
                        Err(Errno::INTR) => continue,
                        Err(_) => return,
                    }
                    if woken.send(()).is_err() {
                        return;
                    }
                }
            })
            .context("start the timer's thread")?;
        Ok(Self {
            fd,
            armed: None,
            offset_ms: offset_ms(now),
        })
    }

    /// Wakes at `at`; at once if that is past.
    pub(super) fn arm(&mut self, at: Timestamp) -> anyhow::Result<()> {
        if self.armed == Some(at) {
            return Ok(());
        }
        // A zero time would disarm it.
        let from_epoch = at.max(Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1));
        let value = Timespec {
            tv_sec: from_epoch.as_second(),
            tv_nsec: i64::from(from_epoch.subsec_nanosecond()),
        };
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: value,
        };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        match timerfd_settime(&*self.fd, flags, &once) {
            Ok(_) => self.armed = Some(at),
            // The clock was set a moment ago. It is armed all the same; looking again soon does no harm.
            Err(Errno::CANCELED) => self.armed = None,
            Err(error) => return Err(error).context("arm the timer"),
        }
        Ok(())
    }

    /// By how many milliseconds the wall clock was set since the last call; negative is backward.
    pub(super) fn stepped(&mut self, now: Now) -> Option<i64> {
        let offset_ms = offset_ms(now);
        let by_ms = offset_ms - self.offset_ms;
        self.offset_ms = offset_ms;
        let is_step = u128::from(by_ms.unsigned_abs()) >= STEP_MIN.as_millis();
        is_step.then_some(by_ms)
    }

    /// The timer has fired or was cancelled: it must be armed anew.
    pub(super) fn disarmed(&mut self) {
        self.armed = None;
    }
}

fn offset_ms(now: Now) -> i64 {
    now.wall.as_millisecond() - i64::try_from(now.boot.as_millis()).unwrap_or(i64::MAX)
}
