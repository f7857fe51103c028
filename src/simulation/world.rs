//! freshd in virtual time: decide, commit, perform, with every way in which a machine can get in between.

mod asking;
mod performing;
mod suffering;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::keepers::Keepers;
use super::{Memory, Moment, Outside, Play, Seen};
use crate::engine::{Engine, Step};
use crate::model::{
    AcceptedSettings, Action, AttemptId, AttemptSpec, Event, Fact, Host, Now, Settings, StopReason, elapsed,
};

/// A wall clock that moved by less than this was not set: as in the daemon, a drift that is being corrected.
const STEP_MIN_MS: i64 = 500;
/// The boot clock of a machine that has just started.
const BOOT_TAKES: Duration = Duration::from_secs(30);
/// Commits for which the reserve lasts while the disk is full: some full disks are over before it is used up.
const COMMITS_RESERVED: u32 = 16;
/// Decisions at one instant, at most: an engine that asks for more is woken for nothing.
const DECISIONS_AT_ONCE_MAX: u32 = 100_000;

/// At which point of a commit the daemon dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// It has decided; nothing is written.
    BeforeWrite,
    /// It has written; nothing is synced.
    BeforeSync,
    /// It has synced; nothing is performed.
    BeforeActions,
    /// It has performed so many actions.
    AfterActions(usize),
}

/// What dies at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The daemon alone: keepers and processes go on.
    Daemon,
    /// The daemon, and with it the keeper that takes new attempts.
    DaemonAndKeeper,
    /// The whole machine: its processes end, and what was not synced is gone.
    Machine,
}

/// A death that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// So many commits are left in peace before.
    pub after_commits: u32,
    /// Where in the commit after those.
    pub point: CrashPoint,
    /// What dies.
    pub death: Death,
    /// How long it takes until the daemon starts again.
    pub down: Duration,
}

/// freshd in virtual time.
pub struct World<O> {
    /// What is not the machine.
    pub outside: O,
    /// The configuration that the next start or reload reads.
    pub settings: Arc<Settings>,
    /// How often the daemon records that it lives.
    pub alive_every: Duration,
    memory: Memory,
    keepers: Keepers,
    daemon: Option<Daemon>,
    /// Lives of the daemon so far.
    lives: u64,
    origin: Timestamp,
    elapsed: Duration,
    /// By how much the wall clock was set, in all.
    offset: SignedDuration,
    booted_at: Duration,
    boots: u32,
    queue: BTreeMap<(Duration, u64), Turn>,
    sequence: u64,
    crashes: VecDeque<Crash>,
    is_disk_full: bool,
    /// Commits that a full disk still takes, because the daemon gives its reserve back.
    commits_reserved: u32,
    /// The keeper is killed between writing down its next start and starting it.
    keeper_dies_next: bool,
    /// Every configuration that was ever in force, by its digest.
    accepted: HashMap<String, Arc<Settings>>,
    /// What lies staged.
    wrote: HashMap<AttemptId, Play>,
    decided_at: (Duration, u32),
    requests: u64,
}

/// The daemon while it lives.
struct Daemon {
    life: u64,
    engine: Engine,
    /// By how much the wall clock had been set when it last looked.
    offset: SignedDuration,
    inbox: Vec<Event>,
    /// A step that waits for space on the disk; nothing else goes on meanwhile.
    held: Option<(Vec<Fact>, Vec<Action>)>,
}

/// Something whose time comes.
enum Turn {
    /// The daemon starts.
    Start,
    /// This life of the daemon hears of something.
    Tell(u64, Event),
    /// The keeper of that number is told by this life to start an attempt.
    HandOver(u64, u32, Box<AttemptSpec>),
    /// A keeper is told by this life to end an attempt.
    Stop(u64, AttemptId, StopReason),
    /// A process may have ended.
    Ends(AttemptId),
    /// This life of the daemon says that it is alive.
    Beat(u64),
}

impl<O: Outside> World<O> {
    /// A machine that has just started, with an empty state directory and no daemon.
    pub fn new(outside: O, settings: Arc<Settings>, origin: Timestamp, seed: u64) -> Self {
        Self {
            outside,
            settings,
            alive_every: Duration::from_mins(1),
            memory: Memory::new(seed),
            keepers: Keepers::default(),
            daemon: None,
            lives: 0,
            origin,
            elapsed: BOOT_TAKES,
            offset: SignedDuration::ZERO,
            booted_at: Duration::ZERO,
            boots: 1,
            queue: BTreeMap::new(),
            sequence: 0,
            crashes: VecDeque::new(),
            is_disk_full: false,
            commits_reserved: COMMITS_RESERVED,
            keeper_dies_next: false,
            accepted: HashMap::new(),
            wrote: HashMap::new(),
            decided_at: (Duration::ZERO, 0),
            requests: 0,
        }
    }

    /// The present.
    pub fn moment(&self) -> Moment {
        let since_origin = signed(self.elapsed.saturating_sub(BOOT_TAKES)) + self.offset;
        Moment {
            elapsed: self.elapsed,
            now: Now {
                wall: self.origin.saturating_add(since_origin).unwrap_or(Timestamp::MAX),
                boot: self.elapsed.saturating_sub(self.booted_at),
            },
        }
    }

    /// What is stored.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Stores facts of a past that was not played.
    pub fn remember(&mut self, facts: Vec<Fact>) {
        self.memory.write(facts);
        if let Err(contradiction) = self.memory.sync() {
            self.saw(&Seen::Contradiction(&contradiction));
        }
    }

    /// Whether the daemon lives.
    pub fn is_up(&self) -> bool {
        self.daemon.is_some()
    }

    /// Starts the daemon on what is stored, unless it lives.
    pub fn start(&mut self) {
        if self.daemon.is_some() {
            return;
        }
        self.lives += 1;
        let life = self.lives;
        let settings = Arc::clone(&self.settings);
        self.saw(&Seen::Up {
            life,
            settings: &settings,
        });
        let at = self.moment();
        let snapshot = self.memory.snapshot();
        let mut engine = Engine::new(settings, self.host(), snapshot, at.now);
        for digest in engine.started_under() {
            if let Some(settings) = self.accepted.get(&digest) {
                engine.recall(settings);
            }
        }
        let (told, overdue) = self.keepers.recover(&engine.unfinished(), at);
        self.keepers.current(life);
        self.daemon = Some(Daemon {
            life,
            engine,
            offset: self.offset,
            inbox: Vec::new(),
            held: None,
        });
        for id in overdue {
            self.after(Duration::ZERO, Turn::Ends(id));
        }
        self.after(self.alive_every, Turn::Beat(life));
        // What the keepers tell comes in the first commit or in a later one.
        let accepted = self.accept();
        let mut first = vec![Event::Started {
            accepted,
            shortage: self.shortage(),
        }];
        for (place, event) in told.into_iter().enumerate() {
            if place % 2 == 0 {
                first.push(event);
            } else {
                self.after(Duration::from_millis(1), Turn::Tell(life, event));
            }
        }
        self.decide(first);
    }

    /// The daemon ends in order, and processes go on.
    pub fn stop(&mut self) {
        if self.daemon.as_ref().is_some_and(|daemon| daemon.held.is_none()) {
            self.decide(vec![Event::Stopping]);
        }
        self.die(false);
    }

    /// The engine, while the daemon lives.
    pub fn engine(&self) -> Option<&Engine> {
        self.daemon.as_ref().map(|daemon| &daemon.engine)
    }

    /// Lets time pass.
    pub fn run_until(&mut self, until: Duration) {
        loop {
            let turn = self.queue.first_key_value().map(|((at, _), _)| *at);
            let wake = self.next_wake();
            let Some(next) = [turn, wake].into_iter().flatten().min().filter(|next| *next <= until) else {
                break;
            };
            self.elapsed = self.elapsed.max(next);
            if wake == Some(next) {
                self.decide(vec![Event::Tick]);
            } else if let Some((_, turn)) = self.queue.pop_first() {
                self.take(turn);
            }
            if self.decided_at == (self.elapsed, DECISIONS_AT_ONCE_MAX) {
                self.saw(&Seen::Contradiction("it is woken again and again at one instant"));
                return;
            }
        }
        self.elapsed = self.elapsed.max(until);
    }

    /// When the engine is to be woken, as time of the world.
    fn next_wake(&self) -> Option<Duration> {
        let daemon = self.daemon.as_ref().filter(|daemon| daemon.held.is_none())?;
        let at = self.moment();
        let wake = daemon.engine.next_wake(at.now)?;
        Some(at.elapsed.saturating_add(elapsed(at.now.wall, wake)))
    }

    /// Decides about what waits in the inbox, unless a step is held.
    fn attend(&mut self) {
        let Some(daemon) = self.daemon.as_mut().filter(|daemon| daemon.held.is_none()) else {
            return;
        };
        let events = std::mem::take(&mut daemon.inbox);
        let is_set = daemon.offset != self.offset;
        if is_set || !events.is_empty() {
            self.decide(events);
        }
    }

    fn decide(&mut self, mut events: Vec<Event>) {
        let at = self.moment();
        let offset = self.offset;
        let Some(daemon) = &mut self.daemon else { return };
        let by_ms = i64::try_from((offset - daemon.offset).as_millis()).unwrap_or(i64::MAX);
        daemon.offset = offset;
        if by_ms.abs() >= STEP_MIN_MS {
            events.insert(0, Event::ClockStepped { by_ms });
        }
        let mut facts = Vec::new();
        let mut actions = Vec::new();
        for event in events {
            let step: Step = daemon.engine.handle(at.now, event);
            facts.extend(step.facts);
            actions.extend(step.actions);
        }
        self.decided_at = match self.decided_at {
            (before, count) if before == self.elapsed => (before, count + 1),
            _ => (self.elapsed, 1),
        };
        self.saw(&Seen::Decided {
            facts: &facts,
            actions: &actions,
        });
        self.commit(facts, actions);
    }

    /// Nothing is performed before the facts are synced.
    fn commit(&mut self, facts: Vec<Fact>, actions: Vec<Action>) {
        let mut crash = None;
        if !facts.is_empty() {
            if self.is_disk_full && self.commits_reserved == 0 {
                if let Some(daemon) = &mut self.daemon {
                    daemon.held = Some((facts, actions));
                }
                return;
            }
            self.commits_reserved = self.commits_reserved.saturating_sub(u32::from(self.is_disk_full));
            crash = self.crash_at_this_commit();
            let dies = |point| crash.filter(|crash: &Crash| crash.point == point);
            if let Some(crash) = dies(CrashPoint::BeforeWrite) {
                return self.kill(crash.death, crash.down);
            }
            self.memory.write(facts);
            self.saw(&Seen::Written);
            if let Some(crash) = dies(CrashPoint::BeforeSync) {
                return self.kill(crash.death, crash.down);
            }
            if let Err(contradiction) = self.memory.sync() {
                return self.saw(&Seen::Contradiction(&contradiction));
            }
            self.saw(&Seen::Synced);
            if let Some(crash) = dies(CrashPoint::BeforeActions) {
                return self.kill(crash.death, crash.down);
            }
        }
        for (place, action) in actions.into_iter().enumerate() {
            if let Some(crash) = crash.filter(|crash| crash.point == CrashPoint::AfterActions(place)) {
                return self.kill(crash.death, crash.down);
            }
            self.perform(action);
        }
        if let Some(crash) = crash {
            self.kill(crash.death, crash.down);
        }
    }

    fn life(&self) -> Option<u64> {
        self.daemon.as_ref().map(|daemon| daemon.life)
    }

    fn saw(&mut self, seen: &Seen<'_>) {
        let at = self.moment();
        self.outside.saw(at, seen);
    }

    fn after(&mut self, after: Duration, turn: Turn) {
        self.sequence += 1;
        self.queue
            .insert((self.elapsed.saturating_add(after), self.sequence), turn);
    }

    fn host(&self) -> Host {
        Host {
            boot_id: format!("boot-{}", self.boots),
            state_dir: PathBuf::from("/state"),
            env: vec![("PATH".to_owned(), "/bin".to_owned())],
            hostname: "machine".to_owned(),
        }
    }

    fn accept(&mut self) -> AcceptedSettings {
        let digest = self.settings.digest.clone();
        self.accepted.insert(digest.clone(), Arc::clone(&self.settings));
        AcceptedSettings {
            digest,
            files: Vec::new(),
            at: self.moment().now.wall,
            by: "simulation".to_owned(),
        }
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
