//! The journal of a dead keeper: fenced, read, and kept until everything in it is stored.

use std::collections::{HashMap, HashSet};
use std::fs::File;

use super::super::files::KeeperFiles;
use super::super::journal::{self, Journal, Record, Running, Started};
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
    /// It does not say everything it once said.
    pub(super) is_damaged: bool,
}

impl DeadKeeper {
    /// Reads the journal, and fences it.
    pub(super) fn open(files: KeeperFiles, lock: File) -> (Self, Testament) {
        let path = files.journal();
        let mut testament = Testament::default();
        let mut journal = None;
        match journal::read(&path) {
            Ok(contents) => {
                testament.is_damaged = contents.damaged;
                if contents.damaged {
                    tracing::error!(journal = %path.display(), "the journal of a dead keeper is damaged");
                } else if path.exists() {
                    journal = Journal::reopen(path.clone(), contents.valid_bytes)
                        .and_then(|mut journal| {
                            journal.push(&Record::Fence)?;
                            journal.save()?;
                            Ok(journal)
                        })
                        // The lock is fence enough while we live.
                        .inspect_err(|error| tracing::warn!(%error, "cannot fence a journal"))
                        .ok();
                }
                for record in contents.records {
                    match record {
                        Record::Started(started) => {
                            testament.started.insert(started.id, started);
                        }
                        Record::Running(running) => {
                            testament.running.insert(running.id, running);
                        }
                        Record::Exited(exit) => {
                            testament.exits.insert(exit.id, *exit);
                        }
                        Record::Fence => {}
                    }
                }
            }
            Err(error) => {
                tracing::error!(%error, "the journal of a dead keeper cannot be read");
                testament.is_damaged = true;
            }
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
            self.files.remove();
        }
        self.open.is_empty()
    }
}
