//! Starts what the journal durably says is started.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use rustix::event::epoll;

use super::super::journal::{self, Record};
use super::super::log::Stream;
use super::attempt::RunningAttempt;
use super::talk::Notice;
use super::{Keeper, Source, State};
use crate::model::{AttemptId, AttemptSpec, ExitStatus};

/// An attempt that is started once the journal says so durably.
pub(super) struct Starting {
    pub(super) spec: Box<AttemptSpec>,
    pub(super) started: journal::Started,
    /// Counts attempts in the order of their records.
    pub(super) sequence: u64,
    /// Whether its directory could be made.
    pub(super) made: io::Result<()>,
}

impl Keeper {
    /// Starts all of them, one after the other, and writes at once that each runs. Nothing is started after a failure: so
    /// whoever reads the journal of a keeper that was killed knows of all but one attempt whether they were started. That is
    /// why no second thread starts some of them.
    pub(super) fn start_all(&mut self, starting: Vec<Starting>, now: Duration) {
        let mut starting = starting.into_iter();
        while let Some(next) = starting.next() {
            self.start(next);
            if let Err(error) = self.journal.write() {
                self.journal_failed(&error, now);
                self.refuse_all(starting.by_ref(), &error);
            }
        }
    }

    fn start(&mut self, starting: Starting) {
        let (id, at) = (starting.spec.id, Timestamp::now());
        let attempt = match starting.made {
            Ok(()) => RunningAttempt::start(
                *starting.spec,
                starting.started,
                starting.sequence,
                &mut self.spawner,
                &self.house,
            ),
            Err(error) => Err(ExitStatus::NotStarted(error.to_string())),
        };
        match attempt {
            Ok(attempt) => self.take_in(id, Box::new(attempt)),
            Err(status) => self.end_without_process(id, status, None, at),
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
