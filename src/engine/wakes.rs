//! When to look again: one heap for wall time, one order for the boot clock.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Address, IncidentId, Name, NotificationId, Now, RunId, VersionRef, later};

/// Something to look at again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Wake {
    /// The clock has caught up with what is recorded; first, since what waits for it is older than what is due then.
    Clock,
    /// A job's next occurrence is due.
    Job(Name),
    /// A dataset's state may change.
    Data(Name),
    /// A dataset is to be probed.
    Probe(Name),
    /// A run has waited long enough for its inputs.
    Inputs(RunId),
    /// A window of maintenance opens.
    Windows,
    /// An incident opens, reminds or escalates.
    Incident(IncidentId),
    /// Something that waits for an address may have its turn.
    Address(Address),
    /// The fallback may have to be told of a notification that waits.
    Notification(NotificationId),
    /// Channels that forget are to be told again.
    Repeat,
    /// A week is over.
    Weekly,
}

/// Something to be tried again on the boot clock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Retry {
    /// A run: its next attempt, or its output once more.
    Run(RunId),
    /// A version that a person decided to put in place.
    ByHand(VersionRef),
}

/// All of them. Waking too early does no harm: whoever is woken looks at the facts and arms again.
#[derive(Clone, Debug, Default)]
pub(super) struct Wakes {
    heap: BinaryHeap<Reverse<(Timestamp, Wake)>>,
    /// The time for which each is armed; heap entries that differ are out of date.
    armed: HashMap<Wake, Timestamp>,
    /// Retries run on the boot clock.
    retries: BTreeSet<(Duration, Retry)>,
}

impl Wakes {
    /// Wakes at `at`, unless it is armed for an earlier time already.
    pub(super) fn arm(&mut self, wake: Wake, at: Timestamp) {
        if self.armed.get(&wake).is_some_and(|armed| *armed <= at) {
            return;
        }
        self.armed.insert(wake.clone(), at);
        self.heap.push(Reverse((at, wake)));
    }

    /// Gives back what it took to grow.
    pub(super) fn shrink_to_fit(&mut self) {
        self.heap.shrink_to_fit();
        self.armed.shrink_to_fit();
    }

    /// Tries again at this instant of the boot clock.
    pub(super) fn arm_retry(&mut self, retry: Retry, at: Duration) {
        self.retries.insert((at, retry));
    }

    /// The next one whose time has come.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<Wake> {
        while let Some(Reverse((at, _))) = self.heap.peek() {
            if *at > now {
                return None;
            }
            let Reverse((at, wake)) = self.heap.pop()?;
            if self.armed.get(&wake) == Some(&at) {
                self.armed.remove(&wake);
                return Some(wake);
            }
        }
        None
    }

    /// The next retry whose time has come.
    pub(super) fn pop_retry(&mut self, now: Duration) -> Option<Retry> {
        self.retries.first().filter(|(at, _)| *at <= now)?;
        self.retries.pop_first().map(|(_, retry)| retry)
    }

    /// The earliest of all, in wall time as of now.
    pub(super) fn next(&self, now: Now) -> Option<Timestamp> {
        let wall = self.heap.peek().map(|Reverse((at, _))| *at);
        let boot = self
            .retries
            .first()
            .map(|(at, _)| later(now.wall, at.saturating_sub(now.boot)));
        [wall, boot].into_iter().flatten().min()
    }
}
