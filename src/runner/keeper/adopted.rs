//! Processes whose parents died: they come to the keeper, which must know whose they are, and reap them.
//!
//! A process that is left of an attempt whose main process is gone has an oldest living ancestor, and that one is a
//! child of the keeper, since the keeper is the subreaper of everything below it. So when the keeper has no children
//! but main processes, nothing is left of any attempt: one look answers for all of them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::super::process::{Process, attempt_in_environment, own_children, read_process};
use super::super::sys;
use crate::model::AttemptId;

/// The processes that were adopted and still live.
#[derive(Default)]
pub(super) struct Adopted {
    orphans: HashMap<i32, Orphan>,
    /// Ended attempts whose leftovers are to be left alone.
    kept: HashSet<AttemptId>,
}

struct Orphan {
    process: Process,
    owner: Owner,
}

/// Whose an orphan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// Its session or its environment names the attempt.
    Attempt(AttemptId),
    /// It hid both. It belongs to an attempt that was running when it was first seen.
    Stray {
        /// The newest of those, by order of start.
        newest: u64,
        /// One of them wants its leftovers kept.
        spared: bool,
    },
}

/// What the keeper knows of its main processes, for the question whose an orphan is.
pub(super) struct Mains<'a> {
    /// Attempt by pid of its main process.
    pub(super) by_pid: &'a HashMap<i32, (AttemptId, usize)>,
    /// How many attempts were ever started.
    pub(super) newest: u64,
    /// An attempt runs that wants its leftovers kept.
    pub(super) any_keeps: bool,
    /// Where the report files of this freshd's attempts lie.
    pub(super) state_dir: &'a Path,
}

impl Adopted {
    /// Looks at the keeper's children: reaps those that ended, and finds out whose the new ones are.
    pub(super) fn look(&mut self, mains: &Mains<'_>) {
        let children = own_children();
        if children.len() == mains.by_pid.len() && self.orphans.is_empty() {
            return;
        }
        let mut alive = HashSet::new();
        for pid in children {
            if mains.by_pid.contains_key(&pid) {
                continue;
            }
            if !matches!(sys::reap(pid), Ok(false)) {
                continue;
            }
            alive.insert(pid);
            if !self.orphans.contains_key(&pid)
                && let Some(process) = read_process(pid)
            {
                let owner = self.owner_of(&process, mains);
                self.orphans.insert(pid, Orphan { process, owner });
            }
        }
        self.orphans.retain(|pid, _| alive.contains(pid));
        let orphans = &self.orphans;
        self.kept
            .retain(|id| orphans.values().any(|orphan| orphan.owner == Owner::Attempt(*id)));
    }

    fn owner_of(&self, process: &Process, mains: &Mains<'_>) -> Owner {
        if let Some((id, _)) = mains.by_pid.get(&process.session) {
            return Owner::Attempt(*id);
        }
        if let Some((id, report)) = attempt_in_environment(process.pid) {
            // A job may run a freshd of its own, whose attempts have the same numbers as ours.
            let is_ours = report.starts_with(mains.state_dir.as_os_str().as_encoded_bytes());
            if is_ours || mains.by_pid.values().any(|(running, _)| *running == id) {
                return Owner::Attempt(id);
            }
        }
        Owner::Stray {
            newest: mains.newest,
            spared: mains.any_keeps || !self.kept.is_empty(),
        }
    }

    /// Whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.orphans.is_empty()
    }

    /// The orphans of one attempt, by pid. What descends from them is not in it.
    pub(super) fn of(&self, id: AttemptId) -> HashSet<i32> {
        self.orphans
            .values()
            .filter(|orphan| orphan.owner == Owner::Attempt(id))
            .map(|orphan| orphan.process.pid)
            .collect()
    }

    /// From now on what is left of this attempt is left alone.
    pub(super) fn keep(&mut self, id: AttemptId) {
        self.kept.insert(id);
    }

    /// Orphans that have no right to live: of an attempt that ended and does not keep them, or strays that can
    /// belong to none that still runs. `oldest_running` is the order of start of the oldest running attempt.
    pub(super) fn outlaws(&self, is_running: impl Fn(AttemptId) -> bool, oldest_running: Option<u64>) -> HashSet<i32> {
        self.orphans
            .values()
            .filter(|orphan| match orphan.owner {
                Owner::Attempt(id) => !is_running(id) && !self.kept.contains(&id),
                Owner::Stray { newest, spared } => !spared && oldest_running.is_none_or(|oldest| oldest > newest),
            })
            .map(|orphan| orphan.process.pid)
            .collect()
    }
}
