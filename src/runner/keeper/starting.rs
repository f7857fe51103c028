//! Starts what the journal durably says is started.
//!
//! Who makes a child stands still until it is another program. So where many are to be started, two threads do that, and
//! the keeper's own keeps the records of both.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rustix::event::epoll;

use super::super::journal::{self, Record};
use super::super::log::Stream;
use super::super::sys::Spawner;
use super::attempt::{House, NotRunning, RunningAttempt};
use super::talk::Notice;
use super::{Keeper, Source, State};
use crate::model::{AttemptId, AttemptSpec, ExitStatus};

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
    /// Whether its directory could be made.
    pub(super) made: io::Result<()>,
}

/// What became of it.
struct Begun {
    id: AttemptId,
    at: Timestamp,
    attempt: Result<Box<RunningAttempt>, NotRunning>,
}

impl Starting {
    fn begin(self, spawner: &mut Spawner, house: &House) -> Begun {
        let (id, at) = (self.spec.id, Timestamp::now());
        let attempt = match self.made {
            Ok(()) => RunningAttempt::start(*self.spec, self.started, self.sequence, spawner, house).map(Box::new),
            Err(error) => Err(ExitStatus::NotStarted(error.to_string())),
        };
        Begun { id, at, attempt }
    }
}

/// Attempts that neither thread has taken.
#[derive(Default)]
struct Waiting(Mutex<VecDeque<Starting>>);

impl Waiting {
    fn next(&self) -> Option<Starting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn take_all(&self) -> VecDeque<Starting> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Keeper {
    /// Starts all of them, in order.
    pub(super) fn start_all(&mut self, starting: Vec<Starting>, now: Duration) {
        let with_another = starting.len() >= STARTS_BY_TWO_MIN;
        let waiting = Waiting(Mutex::new(starting.into()));
        let house = self.house.clone();
        let (tell, told) = mpsc::channel();
        // Only while it is lent to the other thread it is not there.
        let mut other = self.other_spawner.take();
        thread::scope(|scope| {
            if let Some(spawner) = other.as_mut().filter(|_| with_another) {
                let (waiting, house) = (&waiting, &house);
                let work = move || {
                    while let Some(next) = waiting.next() {
                        let _ = tell.send(next.begin(spawner, house));
                    }
                };
                // Without it this thread does all of them.
                let _ = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
            } else {
                drop(tell);
            }
            while let Some(next) = waiting.next() {
                let begun = next.begin(&mut self.spawner, &house);
                self.note(begun, &waiting, now);
                for begun in told.try_iter() {
                    self.note(begun, &waiting, now);
                }
            }
            // Until the other thread has ended.
            for begun in told {
                self.note(begun, &waiting, now);
            }
        });
        self.other_spawner = other;
    }

    /// Writes at once that it runs, and has nothing started after a failure: so whoever reads the journal of a keeper that
    /// was killed knows of all but two attempts whether they were started.
    fn note(&mut self, begun: Begun, waiting: &Waiting, now: Duration) {
        match begun.attempt {
            Ok(attempt) => self.take_in(begun.id, attempt),
            Err(status) => self.end_without_process(begun.id, status, None, begun.at),
        }
        if let Err(error) = self.journal.write() {
            self.journal_failed(&error, now);
            self.refuse_all(waiting.take_all(), &error);
        }
    }

    /// Nothing of them was started.
    pub(super) fn refuse_all(&mut self, starting: impl IntoIterator<Item = Starting>, error: &io::Error) {
        for refused in starting {
            self.refuse(refused.spec.id, &error.to_string());
        }
    }

    fn take_in(&mut self, id: AttemptId, attempt: Box<RunningAttempt>) {
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
        // Not synced by itself: it rides along with the next record that is.
        let _ = self.journal.push(&Record::Running(attempt.running.clone()));
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
