//! The keeper: the parent of all attempts, one loop that outlives the daemon.
//!
//! Each turn of the loop takes what happened (messages, output, ends, deadlines), writes all starts and ends of the
//! turn to the journal with one sync, and only then starts commands and tells the daemon. So a command never runs
//! without a durable `started`, and many runs share one sync. While starts wait, most else does (`rush`).

mod adopted;
mod attempt;
mod connection;
mod ending;
mod record;
mod run_dirs;
mod rush;
mod starting;
mod talk;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd, RawFd};
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
use attempt::{Buffers, House, PipeState, RunningAttempt};
use connection::Connection;
use run_dirs::RunDirs;
use rush::Rush;
use talk::Notice;

use super::cgroup::{self, Cgroups};
use super::files::{KeeperFiles, boot_id, build_of, make_private_dir};
use super::journal::{Journal, STARTING_THREADS};
use super::log::Stream;
use super::open_files::OpenFiles;
use super::process::boot_now;
use super::sys::{self, Spawner};
use crate::model::{AttemptId, AttemptSpec};

/// Events taken from the kernel in one turn.
const EVENTS_PER_TURN_MAX: usize = 256;

/// Descriptors for which the table has room from the beginning: those of two thousand attempts.
const FILES_MANY: RawFd = 8_192;

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
    Pipe(usize, Stream),
    Process(usize),
}

impl Source {
    fn data(self) -> epoll::EventData {
        let value = match self {
            Self::Door => 0,
            Self::Connection => 1,
            Self::Timer => 2,
            Self::Children => 3,
            Self::Pipe(slot, Stream::Stdout) => 4 + 3 * slot as u64,
            Self::Pipe(slot, Stream::Stderr) => 5 + 3 * slot as u64,
            Self::Process(slot) => 6 + 3 * slot as u64,
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
                let slot = usize::try_from((value - 4) / 3).unwrap_or(usize::MAX);
                match (value - 4) % 3 {
                    0 => Self::Pipe(slot, Stream::Stdout),
                    1 => Self::Pipe(slot, Stream::Stderr),
                    _ => Self::Process(slot),
                }
            }
        }
    }
}

struct Keeper {
    files: KeeperFiles,
    house: House,
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
    /// One for each thread that starts.
    spawners: [Spawner; STARTING_THREADS],
    run_dirs: RunDirs,
    /// Cgroups of ended attempts in which something still lives.
    leaves_left: Vec<PathBuf>,
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
    rush: Rush,
    /// Ends that are not on disk yet.
    unsaved: Vec<AttemptId>,
    /// Main processes whose end is part of the next sync.
    unreaped: Vec<i32>,
    adopted: Adopted,
    sweep_at: Option<Duration>,
    sequence: u64,
    retired: bool,
    /// It began, or was given attempts, since it last gave memory back.
    has_worked: bool,
    /// Since when there is neither a daemon nor an attempt, and how long it bears that.
    lonely_since: Option<Duration>,
    lonely_max: Duration,
    buffers: Buffers,
    log_lines: u32,
}

/// Runs a keeper until it has nothing left to do and was told to leave. The hidden verb `freshd keeper`.
///
/// With nothing to do and no daemon for `lonely_max` it leaves as well: its daemon was killed and will not come back.
/// `open_files` is the limit that its attempts are given, where the keeper was not given the same.
///
/// Writes one byte to standard output when it can be connected to.
///
/// # Errors
/// When the keeper cannot begin: another one of this number lives or lived, or a file cannot be made. Once it has
/// begun, only a failure of epoll itself ends it.
pub fn keeper_main(state_dir: &Path, number: u32, lonely_max: Duration, open_files: Option<u64>) -> anyhow::Result<()> {
    sys::ignore_signals();
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let mut keeper = Keeper::open(state_dir, number, lonely_max, open_files)?;
    let mut stdout = io::stdout();
    let _ = stdout.write_all(b"r").and_then(|()| stdout.flush());
    let mut events = Vec::with_capacity(EVENTS_PER_TURN_MAX);
    // Most keepers wait most of the time, and what it took to begin is not needed for that.
    sys::give_back_memory();
    while !keeper.is_done() {
        keeper.turn(&mut events)?;
    }
    keeper.run_dirs.remove();
    keeper.remove_leaves();
    keeper.files.remove();
    Ok(())
}

impl Keeper {
    fn open(state_dir: &Path, number: u32, lonely_max: Duration, open_files: Option<u64>) -> anyhow::Result<Self> {
        // Before it has any other descriptor: those of attempts are never copied into a child then.
        let spawners = [Spawner::new()?, Spawner::new()?];
        make_room(FILES_MANY);
        let state_dir = std::path::absolute(state_dir)?;
        let files = KeeperFiles::new(&state_dir, number);
        make_private_dir(&files.dir)?;
        let Some(lock) = files.lock_reserved()? else {
            anyhow::bail!("the number {number} was not reserved for this keeper, or it is taken");
        };
        let journal = Journal::create(files.journal())?;
        KeeperFiles::note_journal(&lock)?;
        let listener = connection::listen(&files)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let readable = epoll::EventFlags::IN;
        epoll::add(&epoll, &listener, Source::Door.data(), readable)?;
        epoll::add(&epoll, &timer, Source::Timer.data(), readable)?;
        let child_signals = sys::child_signals()?;
        epoll::add(&epoll, &child_signals, Source::Children.data(), readable)?;
        let cgroups = cgroup::find().map(|found| Cgroups::new(&found, &state_dir, number));
        Ok(Self {
            leaves_left: Vec::new(),
            run_dirs: RunDirs::take_over(&state_dir.join("run"), number),
            house: House {
                state_dir,
                limits: OpenFiles::raise(open_files),
                cgroups: cgroups.ok(),
            },
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
            spawners,
            states: HashMap::new(),
            pending: VecDeque::new(),
            slots: Vec::new(),
            free_slots: Vec::new(),
            freed_slots: Vec::new(),
            mains: HashMap::new(),
            deadlines: BTreeSet::new(),
            to_settle: Vec::new(),
            rush: Rush::default(),
            unsaved: Vec::new(),
            unreaped: Vec::new(),
            adopted: Adopted::default(),
            sweep_at: None,
            sequence: 0,
            retired: false,
            has_worked: true,
            lonely_since: Some(boot_now()),
            lonely_max,
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
        let settles = !self.to_settle.is_empty() && self.rush.waits_until().is_none();
        let busy = !self.pending.is_empty() || !self.unsaved.is_empty() || settles || self.run_dirs.lacks();
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
                Source::Pipe(slot, stream) => self.read_output(slot, stream),
                Source::Process(slot) => self.main_ended(slot, now),
            }
        }
        self.meet_deadlines(now);
        if child_ended {
            self.child_ended(now);
        }
        self.rush.turn(!self.pending.is_empty(), now);
        if !self.rush.goes_on() {
            self.settle_ended(now);
        }
        if self.journal_retry_at.is_some_and(|at| at <= now) {
            self.repair_journal(now);
        }
        let starting = self.declare_starts();
        let starts = starting.len();
        self.save(starting, now);
        self.shorten_journal(now);
        self.rush.started(starts, boot_now());
        let more_comes = !self.pending.is_empty() || self.rush.waits_until().is_some();
        if !self.rush.goes_on() || !more_comes {
            self.tell();
        }
        if self.run_dirs.lacks() {
            self.run_dirs.make_some();
        }
        self.listen();
        self.free_slots.append(&mut self.freed_slots);
        if self.connection.is_some() || !self.states.is_empty() {
            self.lonely_since = None;
        } else {
            let since = *self.lonely_since.get_or_insert(now);
            self.retired |= now >= since + self.lonely_max;
        }
        Ok(())
    }

    /// Arms the timer for whatever is due next.
    fn set_timer(&mut self) -> io::Result<()> {
        let next = [
            self.deadlines.first().map(|(deadline, _)| *deadline),
            self.journal_retry_at,
            self.sweep_at,
            self.lonely_since.map(|since| since + self.lonely_max),
            self.rush.waits_until(),
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

    /// Reads once from what became readable. The kernel names first what became so first, and in that order the two
    /// streams of an attempt are kept.
    fn read_output(&mut self, slot: usize, stream: Stream) {
        let Some(Some(attempt)) = self.slots.get_mut(slot) else {
            return;
        };
        if attempt.read_output(stream, &mut self.buffers) == PipeState::Closed {
            if let Some(pipe) = attempt.pipes[stream.index()].take() {
                unwatch(&self.epoll, pipe);
            }
            if attempt.ended.is_some() {
                self.to_settle.push(slot);
            }
        }
    }
}

/// Makes the table of descriptors as large as for so many, which costs next to nothing while nobody shares it. Later, when a
/// thread or a child does, the kernel waits for all cores each time it grows: a tenth of a second for a thousand attempts.
fn make_room(descriptors: RawFd) {
    // Where the limit is lower, it grows as it must.
    let _ = rustix::io::fcntl_dupfd_cloexec(io::stderr(), descriptors - 1);
}

/// Milliseconds as journals and messages have them.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Takes a descriptor out of epoll before it is closed: should anybody else hold it, its registration would live on.
fn unwatch(epoll: &OwnedFd, source: impl AsFd) {
    let _ = epoll::delete(epoll, source);
}
