//! What the keeper and its daemon tell each other.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use rustix::event::epoll;

use super::super::sys;
use super::super::wire::{KNOWN_PART_MAX, Known, KnownAttempt, KnownState, ToDaemon, ToKeeper, push_frame, push_json};
use super::attempt::attempts_max;
use super::connection::{Connection, OUTGOING_BYTES_MAX};
use super::record::without_process;
use super::{Keeper, Source, State, unwatch};
use crate::model::{AttemptId, AttemptSpec, ExitStatus};

/// Attempts and notices that may wait before the keeper stops listening to the daemon for a moment.
const WAITING_MAX: usize = 4_096;

/// Something the connected daemon has not been told. Small: what it says is looked up when it is said.
pub(super) enum Notice {
    Started(AttemptId),
    Exited(AttemptId),
    Refused {
        id: AttemptId,
        why: Box<str>,
        lasting: bool,
    },
}

impl Keeper {
    /// Lets a daemon in. It takes the place of the one before, of whom nothing is read any more.
    pub(super) fn welcome(&mut self) {
        let connection = match Connection::accept(&self.listener) {
            Ok(Some(connection)) => connection,
            Ok(None) => return,
            Err(error) => return self.say(&format!("a connection was refused: {error}")),
        };
        self.hang_up(None);
        let source = Source::Connection.data();
        if let Err(error) = epoll::add(&self.epoll, &connection.stream, source, epoll::EventFlags::IN) {
            return self.say(&format!("a connection cannot be watched: {error}"));
        }
        self.connection = Some(connection);
        self.list();
        let ended: Vec<_> = self
            .states
            .iter()
            .filter(|(_, state)| matches!(state, State::Ended(_)))
            .map(|(id, _)| *id)
            // Those not yet on disk are told when they are.
            .filter(|id| !self.unsaved.contains(id))
            .collect();
        self.notices.extend(ended.into_iter().map(Notice::Exited));
    }

    fn hang_up(&mut self, why: Option<&io::Error>) {
        if let Some(connection) = self.connection.take() {
            unwatch(&self.epoll, &connection.stream);
            self.notices.clear();
            // A daemon that ends says nothing; that is no news.
            let is_news = |why: &&io::Error| {
                !matches!(
                    why.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
                )
            };
            if let Some(why) = why.filter(is_news) {
                self.say(&format!("the connection is given up: {why}"));
            }
        }
    }

    /// The connection can be read or written.
    pub(super) fn talk(&mut self, flags: epoll::EventFlags, now: Duration) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let mut commands = Vec::new();
        let ended = flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR);
        let heard = if connection.watched.0 || ended {
            connection.read(&mut commands)
        } else {
            Ok(())
        };
        for command in commands {
            self.obey(command, now);
        }
        if let Err(error) = heard {
            self.hang_up(Some(&error));
        }
    }

    fn obey(&mut self, command: ToKeeper, now: Duration) {
        match command {
            ToKeeper::Start(spec) => {
                self.has_worked = true;
                self.take(spec);
            }
            ToKeeper::Stop { id, reason } => match self.states.get(&id) {
                Some(State::Running(slot)) => self.stop(*slot, reason, now),
                Some(State::Pending) => {
                    self.pending.retain(|spec| spec.id != id);
                    let status = ExitStatus::NotStarted("told to end before it began".to_owned());
                    self.record_exit(without_process(id, status, Some(reason), Timestamp::now()));
                }
                Some(State::Ended(_)) | None => {}
            },
            ToKeeper::Acknowledge(ids) => {
                for id in ids {
                    if let Some(State::Ended(_)) = self.states.get(&id) {
                        self.states.remove(&id);
                    }
                }
            }
            ToKeeper::GetReady(attempts) => self.run_dirs.want(attempts),
            ToKeeper::List => self.list(),
            ToKeeper::Ping => {
                if let Some(connection) = &mut self.connection {
                    let _ = push_frame(&mut connection.outgoing, &ToDaemon::Pong);
                }
                // Asked while there is nothing to do: what the last attempts took is not needed for that, and what the
                // answer takes not before the next one.
                if self.states.is_empty() {
                    match std::mem::take(&mut self.has_worked) {
                        true => sys::give_back_memory(),
                        false => sys::give_back_program(),
                    }
                }
            }
            ToKeeper::Retire => self.retired = true,
        }
    }

    /// Takes an attempt that is not known yet; says again what is known of one that is.
    fn take(&mut self, spec: Box<AttemptSpec>) {
        let id = spec.id;
        match self.states.get(&id) {
            Some(State::Pending) => {}
            Some(State::Running(_)) => self.notify(Notice::Started(id)),
            Some(State::Ended(_)) => {
                if !self.unsaved.contains(&id) {
                    self.notify(Notice::Exited(id));
                }
            }
            None if self.retired => {
                self.refuse(id, "a newer keeper has taken over");
            }
            None if self.journal.is_broken() || self.journal.lost_sync() => {
                self.refuse(id, "the journal cannot be written");
            }
            None if self.mains.len() + self.pending.len() >= attempts_max(&self.house.limits) => {
                let why = format!(
                    "no more than {} attempts run at a time with the limit of open files ({}); raise LimitNOFILE or ulimit -Hn",
                    attempts_max(&self.house.limits),
                    self.house.limits.own.current.unwrap_or(u64::MAX),
                );
                self.refuse(id, &why);
            }
            None => {
                self.states.insert(id, State::Pending);
                self.pending.push_back(spec);
            }
        }
    }

    /// Forgets an attempt that was not started, and says why.
    pub(super) fn refuse(&mut self, id: AttemptId, why: &str) {
        self.states.remove(&id);
        self.notify(Notice::Refused {
            id,
            why: why.into(),
            lasting: self.retired || self.journal.lost_sync(),
        });
    }

    /// Nothing is kept for a daemon that is not there: on connecting it is told everything.
    pub(super) fn notify(&mut self, notice: Notice) {
        if self.connection.is_some() {
            self.notices.push_back(notice);
        }
    }

    fn list(&mut self) {
        let attempts: Vec<_> = self
            .states
            .iter()
            .map(|(id, state)| KnownAttempt {
                id: *id,
                state: match state {
                    State::Pending => KnownState::Pending,
                    State::Ended(_) => KnownState::Ended,
                    State::Running(slot) => match self.slots.get(*slot) {
                        Some(Some(attempt)) => KnownState::Running {
                            pid: attempt.running.pid,
                            at: attempt.running.at,
                        },
                        _ => KnownState::Pending,
                    },
                },
            })
            .collect();
        let Some(connection) = &mut self.connection else {
            return;
        };
        let parts = attempts.len().div_ceil(KNOWN_PART_MAX).max(1);
        for part in 0..parts {
            let from = part * KNOWN_PART_MAX;
            let to = attempts.len().min(from + KNOWN_PART_MAX);
            let known = ToDaemon::Known(Known {
                number: self.files.number,
                build: self.build.clone(),
                retired: self.retired || self.journal.lost_sync(),
                answers_pings: true,
                attempts: attempts[from..to].to_vec(),
                complete: part + 1 == parts,
            });
            let _ = push_frame(&mut connection.outgoing, &known);
        }
    }

    /// Writes what there is to tell, as far as the daemon reads it.
    pub(super) fn tell(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let written = loop {
            while connection.waiting_bytes() < OUTGOING_BYTES_MAX
                && let Some(notice) = self.notices.pop_front()
            {
                let outgoing = &mut connection.outgoing;
                match notice {
                    Notice::Exited(id) => {
                        if let Some(State::Ended(json)) = self.states.get(&id) {
                            push_json(outgoing, json);
                        }
                    }
                    Notice::Started(id) => {
                        // If it has ended since, that says it all.
                        if let Some(State::Running(slot)) = self.states.get(&id)
                            && let Some(Some(attempt)) = self.slots.get(*slot)
                        {
                            let started = ToDaemon::Started {
                                id,
                                pid: attempt.running.pid,
                                at: attempt.running.at,
                            };
                            let _ = push_frame(outgoing, &started);
                        }
                    }
                    Notice::Refused { id, why, lasting } => {
                        let why = why.into_string();
                        let _ = push_frame(outgoing, &ToDaemon::Refused { id, why, lasting });
                    }
                }
            }
            let written = connection.write();
            if written.is_err() || connection.waiting_bytes() > 0 || self.notices.is_empty() {
                break written;
            }
        };
        if let Err(error) = written {
            self.hang_up(Some(&error));
        }
    }

    /// Has itself woken by the daemon for what it can read, and for what it can write.
    pub(super) fn listen(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let wanted = (
            self.notices.len() < WAITING_MAX && self.pending.len() < WAITING_MAX,
            connection.waiting_bytes() > 0,
        );
        if wanted != connection.watched {
            let mut flags = epoll::EventFlags::empty();
            flags.set(epoll::EventFlags::IN, wanted.0);
            flags.set(epoll::EventFlags::OUT, wanted.1);
            let source = Source::Connection.data();
            if epoll::modify(&self.epoll, &connection.stream, source, flags).is_ok() {
                connection.watched = wanted;
            }
        }
    }
}
