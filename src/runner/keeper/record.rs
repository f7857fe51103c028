//! Starts and ends, on disk before anything is done or said because of them.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use jiff::Timestamp;

use super::super::journal::{self, Record};
use super::super::sys;
use super::super::wire::ToDaemon;
use super::starting::Starting;
use super::talk::Notice;
use super::{Keeper, State, millis};
use crate::model::{AttemptId, Exit, ExitStatus, Output, StopReason, Usage};

/// Commands started in one turn, and with one sync, which takes as long as twenty of them. Ends, output and timeouts wait for
/// all of them: some fifty milliseconds, or a few times that where each gets a user or a cgroup.
const STARTS_PER_TURN_MAX: usize = 256;

/// After a failed write, the journal is repaired at this pace.
const JOURNAL_RETRY: Duration = Duration::from_secs(1);

/// A journal with nothing left to say is cut when it is at least this long: a cut for each quiet moment costs more
/// than it saves.
const CUT_BYTES_MIN: u64 = 1 << 20;

/// A journal that never falls quiet is rewritten without what was acknowledged when it is this long.
const REWRITE_BYTES_MIN: u64 = 4 << 20;

/// The end of an attempt that has no process to wait for.
pub(super) fn without_process(id: AttemptId, status: ExitStatus, stop: Option<StopReason>, at: Timestamp) -> Exit {
    Exit {
        id,
        status,
        stop,
        started_at: at,
        ended_at: at,
        pid: 0,
        usage: Usage::default(),
        output: Output::default(),
        out_of_memory: None,
        report: String::new(),
    }
}

/// An end as the journal and the daemon are told of it: its record and its message are the same JSON.
pub(super) fn json_of(exit: Exit) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&ToDaemon::Exited(Box::new(exit)))
}

impl Keeper {
    /// Adds `started` to the journal for as many pending attempts as one turn may start.
    pub(super) fn declare_starts(&mut self) -> Vec<Starting> {
        let count = self.pending.len().min(STARTS_PER_TURN_MAX);
        let mut starting = Vec::with_capacity(count);
        while starting.len() < count {
            let Some(spec) = self.pending.pop_front() else {
                break;
            };
            let started = journal::Started {
                id: spec.id,
                at: Timestamp::now(),
                boot_id: self.boot_id.clone(),
                timeout_ms: spec.timeout.map(millis),
                kill_after_ms: millis(spec.kill_after),
                keep_leftovers: spec.keep_leftovers,
                report: spec.report.clone(),
                log: Some(journal::LogPlace {
                    path: spec.log.clone(),
                    limit_bytes: spec.log_limit_bytes,
                }),
                origin: Some(journal::Origin {
                    job: spec.job.clone(),
                    due_at: spec.due_at,
                    trigger: spec.trigger,
                }),
                cgroup: self.house.cgroups.as_ref().map(|cgroups| cgroups.path(spec.id)),
            };
            let record = Record::Started(started);
            if let Err(error) = self.journal.push(&record) {
                self.refuse(spec.id, &error.to_string());
                continue;
            }
            if let Record::Started(started) = record {
                self.sequence += 1;
                let sequence = self.sequence;
                starting.push(Starting {
                    spec,
                    started,
                    sequence,
                    spare_dir: self.run_dirs.spare(),
                });
            }
        }
        starting
    }

    /// The one sync of the turn; then what waited for it.
    pub(super) fn save(&mut self, starting: Vec<Starting>, now: Duration) {
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
        for pid in std::mem::take(&mut self.unreaped) {
            let _ = sys::reap(pid);
            self.mains.remove(&pid);
        }
        match saved {
            Ok(()) => self.start_all(starting, now),
            Err(error) => self.refuse_all(starting, &error),
        }
    }

    /// Makes an end part of the next sync.
    pub(super) fn record_exit(&mut self, exit: Exit) {
        let (id, json) = (exit.id, json_of(exit));
        if let Ok(json) = &json {
            let _ = self.journal.push_json(json);
        }
        self.take_end(id, json);
    }

    /// Keeps an end that the journal was told of, until the daemon has it.
    pub(super) fn take_end(&mut self, id: AttemptId, json: serde_json::Result<Vec<u8>>) {
        match json {
            Ok(json) => {
                self.states.insert(id, State::Ended(json.into_boxed_slice()));
                self.unsaved.push(id);
            }
            Err(error) => self.say(&format!("the end of attempt {id} cannot be encoded: {error}")),
        }
    }

    pub(super) fn journal_failed(&mut self, error: &io::Error, now: Duration) {
        if self.journal_retry_at.is_some() {
            return;
        }
        self.journal_retry_at = Some(now + JOURNAL_RETRY);
        self.say(&format!("nothing is started until this is repaired: {error}"));
    }

    /// Writes a new journal with everything that is known, since what the old one holds is uncertain.
    pub(super) fn repair_journal(&mut self, now: Duration) {
        match self.rewrite_journal() {
            Ok(()) => {
                self.journal_retry_at = None;
                self.say("the journal is whole again");
            }
            Err(_) => self.journal_retry_at = Some(now + JOURNAL_RETRY),
        }
    }

    pub(super) fn rewrite_journal(&mut self) -> io::Result<()> {
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

    pub(super) fn shorten_journal(&mut self, now: Duration) {
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
            if self.journal.is_broken() {
                return self.journal_failed(&error, now);
            }
            // The old one is still good: try again when it has doubled.
            self.rewritten_bytes = bytes;
            self.say(&error.to_string());
        }
    }
}
