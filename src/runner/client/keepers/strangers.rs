//! Attempts that a keeper knows and the store does not, because records were lost: they are introduced to the engine.
//!
//! A keeper's journal says what an attempt was started for. Only what earlier lives left is asked about: a keeper that has
//! once told everything it knows has no strangers any more, but for attempts that it had taken and not yet started.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use jiff::Timestamp;

use super::KeeperSet;
use crate::model::{AttemptId, Event, Exit, FoundAttempt, Name};
use crate::runner::files::KeeperFiles;
use crate::runner::journal::{self, Record, Started};

/// Whether the store knows every attempt that was ever handed to a keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// It does.
    Whole,
    /// It goes on from a backup: keepers may know attempts that it does not, which are told by `AttemptFound`.
    Lost,
}

/// What is known of strangers.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    introduced: HashSet<AttemptId>,
    /// With a keeper that has not started them yet.
    pending: HashSet<AttemptId>,
    /// What the journal of each keeper said of starts when it was last read.
    starts: HashMap<u32, HashMap<AttemptId, Started>>,
}

impl Strangers {
    /// Every keeper has told what it knows.
    pub(super) fn close_journals(&mut self) {
        self.starts.clear();
    }
}

impl KeeperSet {
    /// Whether an attempt that this keeper tells of, and that nobody asks about, may be one that the store forgot.
    pub(super) fn may_have_strangers(&self, number: u32) -> bool {
        self.records == Records::Lost && self.unanswered.contains(&number)
    }

    /// A keeper of an earlier life has taken it and not started it: it is introduced once it has.
    pub(super) fn expect_stranger(&mut self, id: AttemptId) {
        self.strangers.pending.insert(id);
    }

    /// Introduces an attempt that was expected, now that its keeper has written down what it is.
    pub(super) async fn introduce_expected(&mut self, number: u32, id: AttemptId) {
        if self.strangers.pending.remove(&id) {
            self.introduce_by_journal(number, id).await;
        }
    }

    /// Introduces an attempt by what its keeper's journal says of it.
    pub(super) async fn introduce_by_journal(&mut self, number: u32, id: AttemptId) {
        let known = |set: &Self| set.strangers.starts.get(&number)?.get(&id).cloned();
        if known(self).is_none() {
            self.journalled(number);
        }
        let found = match known(self) {
            Some(started) => found(&started),
            // A journal that was shortened keeps ends without what they began with.
            None => found_by_log(&self.state_dir, id),
        };
        match found {
            Some(found) => self.introduce_as(found).await,
            None => tracing::error!(
                keeper = number,
                attempt = %id,
                "a keeper knows an attempt of which nothing is recorded, and nothing says whose it is"
            ),
        }
    }

    /// Introduces an attempt that a dead keeper started.
    pub(super) async fn introduce(&mut self, started: &Started) {
        match found(started) {
            Some(found) => self.introduce_as(found).await,
            None => {
                let id = started.id;
                tracing::error!(attempt = %id, "an attempt of which nothing is recorded does not say whose it is");
            }
        }
    }

    async fn introduce_as(&mut self, found: FoundAttempt) {
        if self.strangers.introduced.insert(found.id) {
            self.tell(Event::AttemptFound(found)).await;
        }
    }

    /// Ends that a living keeper has told before, and has not yet cut from its journal: the store may have lost them.
    pub(super) async fn tell_of_ends_before(&mut self, number: u32, listed: &HashSet<AttemptId>) {
        let exits = self.journalled(number);
        for exit in exits.into_iter().filter(|exit| !listed.contains(&exit.id)) {
            if !self.settle(exit.id) {
                self.introduce_by_journal(number, exit.id).await;
            }
            self.tell(Event::AttemptEnded(exit)).await;
        }
    }

    /// Reads a keeper's journal: its starts are remembered, its ends returned in the order in which they were written.
    fn journalled(&mut self, number: u32) -> Vec<Exit> {
        let path = KeeperFiles::new(&self.state_dir, number).journal();
        let records = match journal::read(&path) {
            Ok(contents) => contents.records,
            Err(error) => {
                tracing::error!(keeper = number, %error, "the journal of a keeper cannot be read");
                Vec::new()
            }
        };
        let starts = self.strangers.starts.entry(number).or_default();
        let mut exits = Vec::new();
        for record in records {
            match record {
                Record::Started(started) => {
                    starts.insert(started.id, started);
                }
                Record::Exited(exit) => exits.push(*exit),
                Record::Running(_) | Record::Refused(_) | Record::Fence => {}
            }
        }
        exits
    }
}

/// What a journal says of an attempt; of one that an older keeper started, the place of its log names the job.
fn found(started: &Started) -> Option<FoundAttempt> {
    let origin = started.origin.as_ref();
    let by_log = || {
        let job = started.log.as_ref()?.path.parent()?.file_name()?;
        Some(Name::from(job.to_str()?))
    };
    Some(FoundAttempt {
        id: started.id,
        job: origin.map(|origin| origin.job.clone()).or_else(by_log)?,
        due_at: origin.and_then(|origin| origin.due_at),
        trigger: origin.map(|origin| origin.trigger),
        at: started.at,
    })
}

/// What the place of an attempt's log says of it: `logs/JOB/41.1.log`.
fn found_by_log(state_dir: &Path, id: AttemptId) -> Option<FoundAttempt> {
    let jobs = std::fs::read_dir(state_dir.join("logs")).ok()?.flatten();
    let mut logs = jobs.map(|job| (job.file_name(), job.path().join(format!("{id}.log"))));
    let (job, log) = logs.find(|(_, log)| log.exists())?;
    let written = log.metadata().and_then(|log| log.modified()).ok()?;
    Some(FoundAttempt {
        id,
        job: Name::from(job.to_str()?),
        due_at: None,
        trigger: None,
        at: Timestamp::try_from(written).ok()?,
    })
}
