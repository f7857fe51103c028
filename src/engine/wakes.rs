//! When to look again: one heap for wall time, one order for the boot clock.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use hashbrown::HashTable;
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
    Address(Box<Address>),
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
///
/// There is one for each of very many jobs, so that each is kept once: in a heap, and a table says at which place.
#[derive(Clone, Debug, Default)]
pub(super) struct Wakes {
    /// A binary heap: those at twice a place and one or two more come no earlier than the one there.
    heap: Vec<(Timestamp, Wake)>,
    places: HashTable<usize>,
    hashing: RandomState,
    /// Retries run on the boot clock.
    retries: BTreeSet<(Duration, Retry)>,
}

impl Wakes {
    /// Wakes at `at`, unless it is armed for an earlier time already.
    pub(super) fn arm(&mut self, wake: Wake, at: Timestamp) {
        let hash = self.hashing.hash_one(&wake);
        let known = self.places.find(hash, |place| self.heap[*place].1 == wake).copied();
        let place = known.unwrap_or(self.heap.len());
        if known.is_none() {
            self.heap.push((at, wake));
            let (heap, hashing) = (&self.heap, &self.hashing);
            self.places
                .insert_unique(hash, place, |place| hashing.hash_one(&heap[*place].1));
        } else if self.heap[place].0 <= at {
            return;
        }
        self.heap[place].0 = at;
        self.move_up(place);
    }

    /// Gives back what it took to grow.
    pub(super) fn shrink_to_fit(&mut self) {
        self.heap.shrink_to_fit();
        let (heap, hashing) = (&self.heap, &self.hashing);
        self.places.shrink_to_fit(|place| hashing.hash_one(&heap[*place].1));
    }

    /// Tries again at this instant of the boot clock.
    pub(super) fn arm_retry(&mut self, retry: Retry, at: Duration) {
        self.retries.insert((at, retry));
    }

    /// The next one whose time has come.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<Wake> {
        self.heap.first().filter(|(at, _)| *at <= now)?;
        let last = self.heap.len() - 1;
        self.swap(0, last);
        let (_, wake) = self.heap.pop()?;
        let hash = self.hashing.hash_one(&wake);
        if let Ok(found) = self.places.find_entry(hash, |place| *place == last) {
            found.remove();
        }
        self.move_down(0);
        Some(wake)
    }

    /// The next retry whose time has come.
    pub(super) fn pop_retry(&mut self, now: Duration) -> Option<Retry> {
        self.retries.first().filter(|(at, _)| *at <= now)?;
        self.retries.pop_first().map(|(_, retry)| retry)
    }

    /// The earliest of all, in wall time as of now.
    pub(super) fn next(&self, now: Now) -> Option<Timestamp> {
        let wall = self.heap.first().map(|(at, _)| *at);
        let boot = self
            .retries
            .first()
            .map(|(at, _)| later(now.wall, at.saturating_sub(now.boot)));
        [wall, boot].into_iter().flatten().min()
    }

    /// How many jobs are due at an instant or before, but no more than are asked for.
    pub(super) fn jobs_until(&self, until: Timestamp, max: usize) -> usize {
        let (mut jobs, mut places) = (0, vec![0]);
        while jobs < max
            && let Some(place) = places.pop()
        {
            if let Some((_, wake)) = self.heap.get(place).filter(|(at, _)| *at <= until) {
                jobs += usize::from(matches!(wake, Wake::Job(_)));
                places.extend([2 * place + 1, 2 * place + 2]);
            }
        }
        jobs
    }

    fn move_up(&mut self, mut place: usize) {
        while place > 0 {
            let above = (place - 1) / 2;
            if self.heap[above] <= self.heap[place] {
                return;
            }
            self.swap(above, place);
            place = above;
        }
    }

    fn move_down(&mut self, mut place: usize) {
        loop {
            let below = (2 * place + 1..self.heap.len()).take(2);
            let Some(first) = below.min_by_key(|below| &self.heap[*below]) else {
                return;
            };
            if self.heap[place] <= self.heap[first] {
                return;
            }
            self.swap(place, first);
            place = first;
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        if one == other {
            return;
        }
        let both = [one, other];
        let hashes = both.map(|place| self.hashing.hash_one(&self.heap[place].1));
        let is_it = |which: usize, place: &usize| *place == both[which];
        if let [Some(one), Some(other)] = self.places.get_disjoint_mut(hashes, is_it) {
            std::mem::swap(one, other);
        }
        self.heap.swap(one, other);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn jobs_until_an_instant_are_counted_up_to_a_number_and_nothing_else_is() {
        let mut wakes = Wakes::default();
        assert_eq!(wakes.jobs_until(second(9), 9), 0);
        for number in 0..20_i64 {
            wakes.arm(Wake::Job(Name::from(format!("job-{number}"))), second(number / 2));
            wakes.arm(Wake::Data(Name::from(format!("data-{number}"))), second(0));
        }
        assert_eq!(wakes.jobs_until(second(3), 100), 8);
        assert_eq!(wakes.jobs_until(second(3), 5), 5);
        assert_eq!(wakes.jobs_until(second(-1), 5), 0);
    }

    proptest! {
        /// Arms (a time) or pops (none), beside a plain map of what is armed.
        #[test]
        fn each_comes_once_at_its_earliest_time_and_those_of_one_time_in_order(
            done in prop::collection::vec((0_u64..40, prop::option::weighted(0.7, 0_i64..60)), 1..300),
            now in 0_i64..60,
        ) {
            let mut wakes = Wakes::default();
            let mut armed: BTreeMap<Wake, Timestamp> = BTreeMap::new();
            for (id, at) in done {
                if let Some(at) = at {
                    let wake = Wake::Incident(IncidentId(id));
                    let known = armed.entry(wake.clone()).or_insert(second(at));
                    *known = second(at).min(*known);
                    wakes.arm(wake, second(at));
                } else {
                    let first = armed.iter().map(|(wake, at)| (*at, wake.clone())).min();
                    let due = first.filter(|(at, _)| *at <= second(now)).map(|(_, wake)| wake);
                    if let Some(wake) = &due {
                        armed.remove(wake);
                    }
                    prop_assert_eq!(wakes.pop(second(now)), due);
                }
                wakes.shrink_to_fit();
                let next = wakes.next(Now { wall: second(0), boot: Duration::ZERO });
                prop_assert_eq!(next, armed.values().min().copied());
            }
        }
    }
}
