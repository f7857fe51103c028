//! The journal of a dead keeper: fenced, read, and kept until everything in it is stored.

use std::collections::{HashMap, HashSet};
use std::fs::File;

use super::super::cgroup;
use super::super::files::{KeeperFiles, boot_id};
use super::super::journal::{self, Journal, Record, Running, STARTING_THREADS, Started};
use crate::model::{AttemptId, Exit};

/// A keeper that is dead. It holds the keeper's lock, so that none of its number can ever act.
pub(super) struct DeadKeeper {
    files: KeeperFiles,
    _lock: File,
    journal: Option<Journal>,
    /// Attempts in it about which not everything is stored.
    open: HashSet<AttemptId>,
}

/// What its journal says.
#[derive(Default)]
pub(super) struct Testament {
    pub(super) started: HashMap<AttemptId, Started>,
    pub(super) running: HashMap<AttemptId, Running>,
    pub(super) exits: HashMap<AttemptId, Exit>,
    /// Set when it does not say everything it once said: why not, in words.
    pub(super) damage: Option<String>,
}

impl Testament {
    /// Takes the records in the order in which they were written.
    ///
    /// A keeper's threads take attempts in the order of their `started` records, and each says what became of one before it
    /// takes another: `running`, `exited` when that failed, or `refused`. So of all that have neither, only the first ones may have
    /// been started, one for each thread. That holds within one boot; a power cut may have taken `running` records with it.
    fn read(&mut self, records: Vec<Record>, boot_id: &str) {
        let mut unresolved = Vec::new();
        for record in records {
            match record {
                Record::Started(started) => {
                    unresolved.push(started.id);
                    self.started.insert(started.id, started);
                }
                Record::Running(running) => {
                    unresolved.retain(|id| *id != running.id);
                    self.running.insert(running.id, running);
                }
                Record::Exited(exit) => {
                    unresolved.retain(|id| *id != exit.id);
                    self.exits.insert(exit.id, *exit);
                }
                Record::Refused(id) => {
                    unresolved.retain(|unresolved| *unresolved != id);
                    self.started.remove(&id);
                }
                Record::Fence => {}
            }
        }
        if self.damage.is_none() {
            for id in unresolved.iter().skip(STARTING_THREADS) {
                if self.started.get(id).is_some_and(|started| started.boot_id == boot_id) {
                    self.started.remove(id);
                }
            }
        }
    }
}

impl DeadKeeper {
    /// Reads the journal, and fences it.
    pub(super) fn open(files: KeeperFiles, lock: File) -> (Self, Testament) {
        let path = files.journal();
        let mut testament = Testament::default();
        let mut journal = None;
        let named = format!("the journal of keeper {}", files.number);
        match journal::read(&path) {
            Ok(contents) => {
                let is_there = path.exists();
                testament.damage = match contents.damage {
                    Some(damage) => Some(format!("{named} is damaged: {damage}")),
                    None if !is_there && KeeperFiles::had_journal(&lock) => Some(format!("{named} is gone")),
                    None => None,
                };
                // A damaged one is left as it is, for the next daemon and for whoever wants to look at it.
                if testament.damage.is_none() && is_there {
                    journal = Journal::reopen(path, contents.valid_bytes)
                        .and_then(|mut journal| {
                            journal.push(&Record::Fence)?;
                            journal.save()?;
                            Ok(journal)
                        })
                        // The lock is fence enough while we live.
                        .inspect_err(|error| tracing::warn!(%error, "cannot fence a journal"))
                        .ok();
                }
                testament.read(contents.records, &boot_id());
            }
            Err(error) => testament.damage = Some(format!("{named} cannot be read: {error}")),
        }
        if let Some(damage) = &testament.damage {
            tracing::error!("{damage}");
        }
        let dead = Self {
            files,
            _lock: lock,
            journal,
            open: HashSet::new(),
        };
        (dead, testament)
    }

    /// The journal is needed until `close` of this attempt.
    pub(super) fn keep_open(&mut self, id: AttemptId) {
        self.open.insert(id);
    }

    /// Everything about this attempt is stored. Returns whether it was one of this keeper's.
    pub(super) fn close(&mut self, id: AttemptId) -> bool {
        self.open.remove(&id)
    }

    /// Writes down an end that the keeper did not live to see, so that it survives the daemon too.
    pub(super) fn record(&mut self, exit: &Exit) {
        if let Some(journal) = &mut self.journal {
            let saved = journal
                .push(&Record::Exited(Box::new(exit.clone())))
                .and_then(|()| journal.save());
            if let Err(error) = saved {
                tracing::warn!(%error, "the end of an attempt is kept by its event alone");
            }
        }
    }

    /// Whether the attempt is one of this keeper's.
    pub(super) fn knows(&self, id: AttemptId) -> bool {
        self.open.contains(&id)
    }

    /// Removes its files when nothing in them is needed any more. Returns whether it did.
    pub(super) fn remove_if_done(&self) -> bool {
        if self.open.is_empty() {
            if let (Ok(found), Some(state_dir)) = (cgroup::find(), self.files.dir.parent()) {
                cgroup::remove_left(&found, state_dir, |keeper| keeper == self.files.number);
            }
            self.files.remove();
        }
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use jiff::Timestamp;

    use super::*;
    use crate::model::RunId;

    fn id(run: u64) -> AttemptId {
        AttemptId {
            run: RunId(run),
            number: 1,
        }
    }

    fn started(run: u64) -> Record {
        Record::Started(Started {
            id: id(run),
            at: Timestamp::UNIX_EPOCH,
            boot_id: "this".to_owned(),
            timeout_ms: None,
            kill_after_ms: 0,
            keep_leftovers: false,
            report: PathBuf::new(),
            log: None,
            origin: None,
            cgroup: None,
        })
    }

    fn running(run: u64) -> Record {
        Record::Running(Running {
            id: id(run),
            pid: 1,
            start_time: 1,
            at: Timestamp::UNIX_EPOCH,
            pipe: None,
            stderr_pipe: None,
        })
    }

    #[test]
    fn a_killed_keeper_leaves_doubt_about_a_start_of_each_thread_and_a_power_cut_about_all() {
        // There was no space for the second one, and the thread that took the third one was slow.
        let mut records: Vec<_> = (1..=6).map(started).collect();
        records.extend([running(1), Record::Refused(id(2)), running(4)]);
        for (boot, is_damaged, expected) in [
            ("this", false, vec![1, 3, 4, 5]),
            ("another", false, vec![1, 3, 4, 5, 6]),
            ("this", true, vec![1, 3, 4, 5, 6]),
        ] {
            let mut testament = Testament {
                damage: is_damaged.then(String::new),
                ..Testament::default()
            };
            testament.read(records.clone(), boot);
            let mut found: Vec<_> = testament.started.keys().map(|id| id.run.0).collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{boot} {is_damaged}");
        }
    }
}
