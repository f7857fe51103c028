//! Starts what the journal durably says is started.
//!
//! Who makes a child stands still until it is another program. So where many are to be started, two threads do that.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rustix::event::epoll;

use super::super::journal::{self, Journal, Record};
use super::super::log::Stream;
use super::super::program::NoStart;
use super::super::sys::Spawner;
use super::attempt::{House, NotRunning, RunningAttempt};
use super::record::{json_of, without_process};
use super::talk::Notice;
use super::{Keeper, Source, State, run_dirs};
use crate::model::{AttemptId, AttemptSpec};

/// From so many on the other thread pays: to begin and end it takes as long as one start.
const STARTS_BY_TWO_MIN: usize = 16;

/// Stack of the other thread.
const STACK_BYTES: usize = 256 << 10;

/// An attempt that is started once the journal says so durably.
pub(super) struct Starting {
    pub(super) spec: Box<AttemptSpec>,
    pub(super) started: journal::Started,
    /// Counts attempts in the order of their records.
    pub(super) sequence: u64,
    /// What its directory is made from.
    pub(super) spare_dir: Option<PathBuf>,
}

/// What became of one.
enum Begun {
    Running(Box<RunningAttempt>),
    /// It cannot be started. The message that says so.
    Ended(AttemptId, serde_json::Result<Vec<u8>>),
    /// The disk is too full for what it needs. It can be started when there is space.
    Refused(AttemptId, io::Error),
}

impl Starting {
    fn begin(self, spawner: &mut Spawner, house: &House, dirs: &Mutex<()>) -> Begun {
        let (id, at) = (self.spec.id, Timestamp::now());
        let made = {
            let _turn = held(dirs);
            run_dirs::make(self.spare_dir, &self.spec.run_dir)
        };
        let run_dir = self.spec.run_dir.clone();
        let attempt = match made {
            Ok(()) => RunningAttempt::start(*self.spec, self.started, self.sequence, spawner, house),
            Err(error) => Err(NoStart::of(error, io::Error::to_string).into()),
        };
        match attempt {
            Ok(attempt) => Begun::Running(Box::new(attempt)),
            Err(NotRunning::Ended(status)) => Begun::Ended(id, json_of(without_process(id, status, None, at))),
            Err(NotRunning::Refused(error)) => {
                // It may be its user's by now: the next try makes another.
                let _ = fs::remove_dir(run_dir);
                Begun::Refused(id, error)
            }
        }
    }
}

/// What those that start share: the attempts that nobody has taken, in the order of their records, and the journal.
struct Line<'a> {
    waiting: VecDeque<Starting>,
    journal: &'a mut Journal,
    failure: Option<io::Error>,
}

impl Line<'_> {
    /// The next one, unless something failed.
    fn next(&mut self) -> Option<Starting> {
        match self.failure {
            None => self.waiting.pop_front(),
            Some(_) => None,
        }
    }

    /// Hands to the kernel that it runs, or why not. Not synced by itself: it rides along with the next record that is.
    fn note(&mut self, begun: &Begun) {
        let pushed = match begun {
            Begun::Running(attempt) => self.journal.push(&Record::Running(attempt.running.clone())),
            Begun::Ended(_, Ok(json)) => self.journal.push_json(json),
            Begun::Ended(_, Err(_)) => Ok(()),
            Begun::Refused(id, _) => self.journal.push(&Record::Refused(*id)),
        };
        if let Err(error) = pushed.and_then(|()| self.journal.write()) {
            self.failure.get_or_insert(error);
        }
    }
}

/// Starts what nobody else takes, and takes no other before the journal says what became of the one before. So whoever reads
/// the journal of a keeper that was killed knows of all but one attempt of each thread whether they were started.
///
/// The kernel has one thread at a time change the directory in which theirs are made, and would have the other spin meanwhile:
/// they take turns by `dirs`.
fn start_in_line(line: &Mutex<Line<'_>>, spawner: &mut Spawner, house: &House, dirs: &Mutex<()>) -> Vec<Begun> {
    let mut all = Vec::new();
    let mut next = held(line).next();
    while let Some(starting) = next {
        let begun = starting.begin(spawner, house, dirs);
        let mut line = held(line);
        line.note(&begun);
        next = line.next();
        all.push(begun);
    }
    all
}

fn held<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Keeper {
    /// Starts all of them, in order, until something fails.
    pub(super) fn start_all(&mut self, starting: Vec<Starting>, now: Duration) {
        let by_two = starting.len() >= STARTS_BY_TWO_MIN;
        let (house, [first, second]) = (&self.house, &mut self.spawners);
        let line = Mutex::new(Line {
            waiting: starting.into(),
            journal: &mut self.journal,
            failure: None,
        });
        let dirs = Mutex::default();
        let begun = thread::scope(|scope| {
            let work = || start_in_line(&line, second, house, &dirs);
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            // Should there be none, this thread does all of them.
            let other = by_two.then(|| thread.spawn_scoped(scope, work).ok()).flatten();
            let mut begun = start_in_line(&line, first, house, &dirs);
            if let Some(other) = other {
                begun.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            begun
        });
        let line = line.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (failure, refused) = (line.failure, line.waiting);
        for begun in begun {
            match begun {
                Begun::Running(attempt) => self.take_in(attempt),
                Begun::Ended(id, json) => self.take_end(id, json),
                Begun::Refused(id, error) => self.refuse(id, &error.to_string()),
            }
        }
        if let Some(error) = failure {
            self.journal_failed(&error, now);
            self.refuse_all(refused, &error);
        }
    }

    /// Nothing of them was started.
    pub(super) fn refuse_all(&mut self, starting: impl IntoIterator<Item = Starting>, error: &io::Error) {
        for refused in starting {
            self.refuse(refused.spec.id, &error.to_string());
        }
    }

    fn take_in(&mut self, attempt: Box<RunningAttempt>) {
        let id = attempt.running.id;
        let slot = self.free_slots.pop().unwrap_or(self.slots.len());
        let readable = epoll::EventFlags::IN;
        let pipes = Stream::BOTH.into_iter().zip(&attempt.pipes);
        let pipes = pipes.filter_map(|(stream, pipe)| Some((Source::Pipe(slot, stream), pipe.as_ref()?)));
        let process = attempt.pidfd.iter().map(|pidfd| (Source::Process(slot), pidfd));
        let watched = pipes
            .chain(process)
            .try_for_each(|(source, of)| epoll::add(&self.epoll, of, source.data(), readable));
        if let Err(error) = watched {
            // Only the limit of watches can be the cause. Timeouts still end it.
            self.say(&format!("attempt {id} cannot be watched: {error}"));
        }
        self.mains.insert(attempt.pid.as_raw_nonzero().get(), (id, slot));
        self.states.insert(id, State::Running(slot));
        if let Some(deadline) = attempt.deadline {
            self.deadlines.insert((deadline, slot));
        }
        if slot == self.slots.len() {
            self.slots.push(Some(attempt));
        } else {
            self.slots[slot] = Some(attempt);
        }
        self.notify(Notice::Started(id));
    }
}
