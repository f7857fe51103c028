//! The keeper: the parent of all attempts, one loop that outlives the daemon.
//!
//! Each turn of the loop takes what happened (messages, output, ends, deadlines), writes all starts and ends of the
//! turn to the journal with one sync, and only then starts commands and tells the daemon. So a command never runs
//! without a durable `started`, and many runs share one sync.

mod adopted;
mod attempt;
mod connection;
mod ending;
mod talk;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime};

use adopted::Adopted;
pub use attempt::REPORT_BYTES_MAX;
pub(super) use attempt::read_report;
use attempt::{Buffers, FileLimits, PipeState, RunningAttempt};
use connection::Connection;
use talk::Notice;

use super::files::{KeeperFiles, boot_id, build_of, make_private_dir};
use super::journal::{self, Journal, Record};
use super::process::boot_now;
use super::sys::{self, SpawnAttributes};
use super::wire::ToDaemon;
use crate::model::{AttemptId, AttemptSpec, Exit, ExitStatus, Output, StopReason, Usage};

/// Commands started in one turn, so that ends and timeouts need not wait for a storm of starts.
const STARTS_PER_TURN_MAX: usize = 32;

/// Events taken from the kernel in one turn.
const EVENTS_PER_TURN_MAX: usize = 256;

/// After a failed write, the journal is repaired at this pace.
const JOURNAL_RETRY: Duration = Duration::from_secs(1);

/// A journal with nothing left to say is cut when it is at least this long: a cut for each quiet moment costs more
/// than it saves.
const CUT_BYTES_MIN: u64 = 16 << 10;

/// A journal that never falls quiet is rewritten without what was acknowledged when it is this long.
const REWRITE_BYTES_MIN: u64 = 4 << 20;

/// Lines the keeper writes to its own log in its life.
const LOG_LINES_MAX: u32 = 10_000;

/// Where an attempt stands.
enum State {
    /// Taken, not started.
    Pending,
    /// Has a process; in this slot.
    Running(usize),
    /// Ended, and not acknowledged. Holds the message (and journal record) that says so, as JSON.
    Ended(Box<[u8]>),
}

/// What an epoll event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Door,
    Connection,
    Timer,
    Children,
    Pipe(usize),
    Process(usize),
}

impl Source {
    fn data(self) -> epoll::EventData {
        let value = match self {
            Self::Door => 0,
            Self::Connection => 1,
            Self::Timer => 2,
            Self::Children => 3,
            Self::Pipe(slot) => 4 + 2 * slot as u64,
            Self::Process(slot) => 5 + 2 * slot as u64,
        };
        epoll::EventData::new_u64(value)
    }

    fn of(data: epoll::EventData) -> Self {
        match data.u64() {
            0 => Self::Door,
            1 => Self::Connection,
            2 => Self::Timer,
            3 => Self::Children,
            value => {
                let slot = usize::try_from(value / 2 - 2).unwrap_or(usize::MAX);
                if value % 2 == 0 {
                    Self::Pipe(slot)
                } else {
                    Self::Process(slot)
                }
            }
        }
    }
}

struct Keeper {
    files: KeeperFiles,
    state_dir: PathBuf,
    /// Held until the process ends, by whatever cause.
    _lock: File,
    build: String,
    boot_id: String,
    epoll: OwnedFd,
    timer: OwnedFd,
    timer_set: Option<Duration>,
    child_signals: OwnedFd,
    listener: UnixListener,
    connection: Option<Connection>,
    /// What the connected daemon has not been told.
    notices: VecDeque<Notice>,
    journal: Journal,
    /// Length of the journal after it was last rewritten.
    rewritten_bytes: u64,
    journal_retry_at: Option<Duration>,
    attributes: SpawnAttributes,
    limits: FileLimits,
    /// Every attempt it knows: from the moment its spec arrives until its end is acknowledged.
    ///
    /// That it forgets then, in memory and in the journal, cannot make an attempt start twice: the daemon
    /// acknowledges only after it has stored the end, and sends no attempt that it has stored as ended; and a spec
    /// sent before cannot arrive after, since both come over one ordered connection, and a new connection drops
    /// whatever was unread in the one before.
    states: HashMap<AttemptId, State>,
    pending: VecDeque<Box<AttemptSpec>>,
    slots: Vec<Option<Box<RunningAttempt>>>,
    free_slots: Vec<usize>,
    /// Freed in this turn: events already fetched may still name them.
    freed_slots: Vec<usize>,
    mains: HashMap<i32, (AttemptId, usize)>,
    deadlines: BTreeSet<(Duration, usize)>,
    /// Slots whose main process ended, to be looked at in this turn.
    to_settle: Vec<usize>,
    /// Ends that are not on disk yet.
    unsaved: Vec<AttemptId>,
    adopted: Adopted,
    sweep_at: Option<Duration>,
    sequence: u64,
    retired: bool,
    buffers: Buffers,
    log_lines: u32,
}

/// Runs a keeper until it has nothing left to do and was told to leave. The hidden verb `freshd keeper`.
///
/// Writes one byte to standard output when it can be connected to.
///
/// # Errors
/// When the keeper cannot begin: another one of this number lives or lived, or a file cannot be made. Once it has
/// begun, only a failure of epoll itself ends it.
pub fn keeper_main(state_dir: &Path, number: u32) -> anyhow::Result<()> {
    sys::clear_environment();
    sys::ignore_signals();
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let mut keeper = Keeper::open(state_dir, number)?;
    let mut stdout = io::stdout();
    let _ = stdout.write_all(b"r").and_then(|()| stdout.flush());
    let mut events = Vec::with_capacity(EVENTS_PER_TURN_MAX);
    while !keeper.is_done() {
        keeper.turn(&mut events)?;
    }
    keeper.files.remove();
    Ok(())
}

impl Keeper {
    fn open(state_dir: &Path, number: u32) -> anyhow::Result<Self> {
        let state_dir = std::path::absolute(state_dir)?;
        let files = KeeperFiles::new(&state_dir, number);
        make_private_dir(&files.dir)?;
        let Some(lock) = files.try_lock()? else {
            anyhow::bail!("keeper {number} is alive already; start one with a higher number");
        };
        let journal = Journal::create(files.journal())?;
        let listener = connection::listen(&files)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let readable = epoll::EventFlags::IN;
        epoll::add(&epoll, &listener, Source::Door.data(), readable)?;
        epoll::add(&epoll, &timer, Source::Timer.data(), readable)?;
        let child_signals = sys::child_signals()?;
        epoll::add(&epoll, &child_signals, Source::Children.data(), readable)?;
        Ok(Self {
            state_dir,
            _lock: lock,
            build: build_of(Path::new("/proc/self/exe")),
            boot_id: boot_id(),
            epoll,
            timer,
            timer_set: None,
            child_signals,
            listener,
            connection: None,
            notices: VecDeque::new(),
            journal,
            rewritten_bytes: 0,
            journal_retry_at: None,
            attributes: SpawnAttributes::new()?,
            limits: FileLimits::raise(),
            states: HashMap::new(),
            pending: VecDeque::new(),
            slots: Vec::new(),
            free_slots: Vec::new(),
            freed_slots: Vec::new(),
            mains: HashMap::new(),
            deadlines: BTreeSet::new(),
            to_settle: Vec::new(),
            unsaved: Vec::new(),
            adopted: Adopted::default(),
            sweep_at: None,
            sequence: 0,
            retired: false,
            buffers: Buffers::new(),
            log_lines: 0,
            files,
        })
    }

    fn is_done(&self) -> bool {
        self.retired && self.states.is_empty()
    }

    /// One line for people, in the keeper's log file.
    fn say(&mut self, message: &str) {
        if self.log_lines < LOG_LINES_MAX {
            self.log_lines += 1;
            let number = self.files.number;
            let _ = writeln!(io::stderr(), "{:.3} keeper {number}: {message}", Timestamp::now());
        }
    }

    fn turn(&mut self, events: &mut Vec<epoll::Event>) -> io::Result<()> {
        self.set_timer()?;
        let busy = !self.pending.is_empty() || !self.unsaved.is_empty() || !self.to_settle.is_empty();
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(events), busy.then_some(&at_once)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let now = boot_now();
        let mut child_ended = false;
        for event in events.iter() {
            let flags = event.flags;
            match Source::of(event.data) {
                Source::Door => self.welcome(),
                Source::Connection => self.talk(flags, now),
                Source::Timer => {
                    let mut expirations = [0_u8; 8];
                    let _ = rustix::io::read(&self.timer, &mut expirations);
                    self.timer_set = None;
                }
                Source::Children => child_ended = true,
                Source::Pipe(slot) => self.read_output(slot),
                Source::Process(slot) => self.main_ended(slot, now),
            }
        }
        self.meet_deadlines(now);
        if child_ended {
            self.child_ended(now);
        }
        self.settle_ended(now);
        if self.journal_retry_at.is_some_and(|at| at <= now) {
            self.repair_journal(now);
        }
        let starting = self.declare_starts(now);
        self.save(starting, now);
        self.shorten_journal();
        self.tell();
        self.free_slots.append(&mut self.freed_slots);
        Ok(())
    }

    /// Arms the timer for whatever is due next.
    fn set_timer(&mut self) -> io::Result<()> {
        let next = [
            self.deadlines.first().map(|(deadline, _)| *deadline),
            self.journal_retry_at,
            self.sweep_at,
        ];
        let next = next.into_iter().flatten().min();
        if next == self.timer_set {
            return Ok(());
        }
        // All zero disarms; a deadline of zero cannot be, the machine has booted.
        let at = next.unwrap_or_default();
        let value = Timespec {
            tv_sec: i64::try_from(at.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(at.subsec_nanos()),
        };
        let setting = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: value,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &setting)?;
        self.timer_set = next;
        Ok(())
    }

    fn read_output(&mut self, slot: usize) {
        let Some(Some(attempt)) = self.slots.get_mut(slot) else {
            return;
        };
        if attempt.pipe.is_some() && attempt.read_output(&mut self.buffers) == PipeState::Closed {
            self.close_pipe(slot);
        }
    }

    fn close_pipe(&mut self, slot: usize) {
        let Some(Some(attempt)) = self.slots.get_mut(slot) else {
            return;
        };
        if let Some(pipe) = attempt.pipe.take() {
            unwatch(&self.epoll, pipe);
        }
        if attempt.ended.is_some() {
            self.to_settle.push(slot);
        }
    }

    /// Adds `started` to the journal for as many pending attempts as one turn may start.
    fn declare_starts(&mut self, now: Duration) -> Vec<(Box<AttemptSpec>, journal::Started)> {
        let count = self.pending.len().min(STARTS_PER_TURN_MAX);
        let mut starting = Vec::with_capacity(count);
        while starting.len() < count {
            let Some(spec) = self.pending.pop_front() else {
                break;
            };
            let timeout_at = spec.timeout.map(|timeout| now.saturating_add(timeout));
            let started = journal::Started {
                id: spec.id,
                at: Timestamp::now(),
                boot_id: self.boot_id.clone(),
                timeout_boot_ms: timeout_at.map(millis),
                kill_after_ms: millis(spec.kill_after),
                keep_leftovers: spec.keep_leftovers,
                report: spec.report.clone(),
            };
            let record = Record::Started(started);
            if let Err(error) = self.journal.push(&record) {
                self.refuse(spec.id, &error.to_string());
                continue;
            }
            if let Record::Started(started) = record {
                starting.push((spec, started));
            }
        }
        starting
    }

    /// The one sync of the turn; then what waited for it.
    fn save(&mut self, starting: Vec<(Box<AttemptSpec>, journal::Started)>, now: Duration) {
        if starting.is_empty() && self.unsaved.is_empty() {
            return;
        }
        let saved = self.journal.save();
        if let Err(error) = &saved {
            self.journal_failed(error, now);
        }
        // An end that could not be saved is told all the same: the daemon's own commit keeps it as well, and the
        // journal gets it when it is repaired.
        for id in std::mem::take(&mut self.unsaved) {
            self.notify(Notice::Exited(id));
        }
        if starting.is_empty() {
            return;
        }
        match saved {
            Ok(()) => {
                for (spec, started) in starting {
                    self.start(*spec, started);
                }
                if let Err(error) = self.journal.write() {
                    self.journal_failed(&error, now);
                }
            }
            Err(error) => {
                for (spec, _) in starting {
                    self.refuse(spec.id, &error.to_string());
                }
            }
        }
    }

    fn start(&mut self, spec: AttemptSpec, started: journal::Started) {
        let id = spec.id;
        self.sequence += 1;
        let at = Timestamp::now();
        let attempt = match RunningAttempt::start(spec, started, self.sequence, &self.attributes, &self.limits) {
            Ok(attempt) => attempt,
            Err(status) => return self.end_without_process(id, status, None, at),
        };
        let slot = self.free_slots.pop().unwrap_or(self.slots.len());
        let readable = epoll::EventFlags::IN;
        let watched = attempt
            .pipe
            .as_ref()
            .map_or(Ok(()), |pipe| {
                epoll::add(&self.epoll, pipe, Source::Pipe(slot).data(), readable)
            })
            .and_then(|()| {
                let process = Source::Process(slot).data();
                epoll::add(&self.epoll, &attempt.pidfd, process, readable)
            });
        if let Err(error) = watched {
            // Only the limit of watches can be the cause. Timeouts still end it.
            self.say(&format!("attempt {id} cannot be watched: {error}"));
        }
        // Not synced by itself: it rides along with the next record that is.
        let _ = self.journal.push(&Record::Running(attempt.running.clone()));
        self.mains.insert(attempt.pid.as_raw_nonzero().get(), (id, slot));
        self.states.insert(id, State::Running(slot));
        if let Some(deadline) = attempt.deadline {
            self.deadlines.insert((deadline, slot));
        }
        let attempt = Some(Box::new(attempt));
        if slot == self.slots.len() {
            self.slots.push(attempt);
        } else {
            self.slots[slot] = attempt;
        }
        self.notify(Notice::Started(id));
    }

    /// Records the end of an attempt that has no process to wait for.
    fn end_without_process(&mut self, id: AttemptId, status: ExitStatus, stop: Option<StopReason>, at: Timestamp) {
        self.record_exit(Exit {
            id,
            status,
            stop,
            started_at: at,
            ended_at: at,
            pid: 0,
            usage: Usage::default(),
            output: Output::default(),
            report: String::new(),
        });
    }

    /// Makes an end part of the next sync.
    fn record_exit(&mut self, exit: Exit) {
        let id = exit.id;
        // The record in the journal and the message to the daemon are the same JSON.
        match serde_json::to_vec(&ToDaemon::Exited(Box::new(exit))) {
            Ok(json) => {
                let _ = self.journal.push_json(&json);
                self.states.insert(id, State::Ended(json.into_boxed_slice()));
                self.unsaved.push(id);
            }
            Err(error) => self.say(&format!("the end of attempt {id} cannot be encoded: {error}")),
        }
    }

    fn journal_failed(&mut self, error: &io::Error, now: Duration) {
        if self.journal_retry_at.is_some() {
            return;
        }
        self.journal_retry_at = Some(now + JOURNAL_RETRY);
        self.say(&format!("nothing is started until this is repaired: {error}"));
    }

    /// Writes a new journal with everything that is known, since what the old one holds is uncertain.
    fn repair_journal(&mut self, now: Duration) {
        match self.rewrite_journal() {
            Ok(()) => {
                self.journal_retry_at = None;
                self.say("the journal is whole again");
            }
            Err(_) => self.journal_retry_at = Some(now + JOURNAL_RETRY),
        }
    }

    fn rewrite_journal(&mut self) -> io::Result<()> {
        let running = self.slots.iter().flatten().flat_map(|attempt| {
            [
                Record::Started(attempt.started.clone()),
                Record::Running(attempt.running.clone()),
            ]
        });
        let running = running.filter_map(|record| serde_json::to_vec(&record).ok().map(Cow::Owned));
        let ended = self.states.values().filter_map(|state| match state {
            State::Ended(json) => Some(Cow::Borrowed(json.as_ref())),
            State::Pending | State::Running(_) => None,
        });
        self.journal.rewrite(running.chain(ended))?;
        self.rewritten_bytes = self.journal.bytes();
        Ok(())
    }

    fn shorten_journal(&mut self) {
        if self.journal.is_broken() || !self.unsaved.is_empty() {
            return;
        }
        let bytes = self.journal.bytes();
        if self.states.is_empty() {
            if bytes >= CUT_BYTES_MIN {
                self.journal.cut();
                self.rewritten_bytes = 0;
            }
        } else if bytes >= REWRITE_BYTES_MIN.max(2 * self.rewritten_bytes)
            && let Err(error) = self.rewrite_journal()
        {
            // The old one is still good: try again when it has doubled.
            self.rewritten_bytes = bytes;
            self.say(&error.to_string());
        }
    }
}

/// Milliseconds as journals and messages have them.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Takes a descriptor out of epoll, which must come before closing it: a child that was just spawned may hold a
/// copy for a moment, and would keep the registration alive.
fn unwatch(epoll: &OwnedFd, source: impl AsFd) {
    let _ = epoll::delete(epoll, source);
}
