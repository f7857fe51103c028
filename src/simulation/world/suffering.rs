//! What a machine does to a daemon: kills, power cuts, full disks, clocks that are set, sleep.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;

use super::{BOOT_TAKES, COMMITS_RESERVED, Crash, Death, STEP_MIN_MS, Turn, World};
use crate::model::{Event, ExitStatus, Lack, Shortage};
use crate::simulation::{Outside, Seen};

impl<O: Outside> World<O> {
    /// The daemon is killed, and perhaps more; it comes again after `down`.
    pub fn kill(&mut self, death: Death, down: Duration) {
        self.die(death == Death::Machine);
        if death == Death::DaemonAndKeeper {
            self.kill_keeper();
        }
        self.after(down, Turn::Start);
    }

    /// Lets it die at a commit to come. Several follow each other.
    pub fn crash(&mut self, crash: Crash) {
        self.crashes.push_back(crash);
    }

    /// The keeper that takes new attempts is killed.
    pub fn kill_keeper(&mut self) {
        self.saw(&Seen::KeeperDied);
        let (life, at) = (self.life(), self.moment());
        for (id, status, told) in self.keepers.kill(life, at) {
            self.saw(&Seen::Ended {
                id,
                status: &status,
                stop: None,
            });
            if let (Some(life), Some(exit)) = (life, told) {
                self.after(Duration::from_millis(1), Turn::Tell(life, Event::AttemptEnded(exit)));
            }
        }
        if let Some(life) = life {
            self.keepers.current(life);
        }
    }

    /// The keeper is killed when it has written down that it starts the next attempt, and before it does.
    pub fn kill_keeper_at_next_start(&mut self) {
        self.keeper_dies_next = true;
    }

    /// The disk is full, or has space again. The daemon learns of both at once; while it is full, it takes what the
    /// daemon's reserve has room for.
    pub fn fill_disk(&mut self, is_full: bool) {
        self.is_disk_full = is_full;
        if !is_full {
            self.commits_reserved = COMMITS_RESERVED;
        }
        self.saw(&Seen::DiskFull(is_full));
        let held = self
            .daemon
            .as_mut()
            .filter(|_| !is_full)
            .and_then(|daemon| daemon.held.take());
        if let Some((facts, actions)) = held {
            self.commit(facts, actions);
        }
        let shortage = self.shortage();
        if let Some(daemon) = &mut self.daemon {
            daemon.inbox.push(Event::Space(shortage));
        }
        self.attend();
    }

    /// What the daemon finds when it looks how much space there is.
    pub(super) fn shortage(&self) -> Option<Shortage> {
        self.is_disk_full.then(|| Shortage {
            dir: PathBuf::from("/state"),
            since: self.moment().now.wall,
            lack: Lack::Bytes,
            left: 0,
            needed: 1,
        })
    }

    /// The wall clock is set; the boot clock does not notice.
    pub fn set_clock(&mut self, by_ms: i64) {
        self.offset += SignedDuration::from_millis(by_ms);
        self.saw(&Seen::ClockSet(by_ms));
        if by_ms.abs() >= STEP_MIN_MS {
            self.attend();
        }
    }

    /// The machine sleeps, processes and all; both clocks go on.
    pub fn sleep(&mut self, by: Duration) {
        self.elapsed += by;
        self.keepers.sleep(by);
        let queue = std::mem::take(&mut self.queue);
        self.queue = queue
            .into_iter()
            .map(|((at, number), turn)| ((at + by, number), turn))
            .collect();
        self.saw(&Seen::Slept);
    }

    pub(super) fn crash_at_this_commit(&mut self) -> Option<Crash> {
        let crash = self.crashes.front_mut()?;
        if crash.after_commits > 0 {
            crash.after_commits -= 1;
            return None;
        }
        self.crashes.pop_front()
    }

    /// The daemon is gone from one instant to the next, and with it what only it knew; perhaps the machine too.
    pub(super) fn die(&mut self, power: bool) {
        self.daemon = None;
        if power {
            self.memory.lose_unsynced();
            self.saw(&Seen::Down { power });
            for id in self.keepers.lose_power() {
                self.saw(&Seen::Ended {
                    id,
                    status: &ExitStatus::Signal(9),
                    stop: None,
                });
            }
            self.boots += 1;
            self.booted_at = self.elapsed.saturating_sub(BOOT_TAKES);
        } else {
            // Written is enough to survive a process; whether it was all written is decided by the point of its death.
            let kept = self.memory.sync();
            self.saw(&Seen::Down { power });
            if let Err(contradiction) = kept {
                self.saw(&Seen::Contradiction(&contradiction));
            }
        }
    }
}
