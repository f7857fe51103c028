//! Limits on concurrency across jobs: who has a slot, who waits for one, first come first served.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Engine;
use super::backlog::Todo;
use crate::model::{Name, RunId};

/// All pools, and where each run stands in them.
#[derive(Clone, Debug, Default)]
pub(super) struct Pools {
    by_name: HashMap<Name, Pool>,
    places: HashMap<RunId, Place>,
    /// Tickets of runs that are not in line just now, and get their old place when they are again.
    aside: HashMap<RunId, u64>,
    last_ticket: u64,
    /// Pools in which a slot may have become free since the line was last asked.
    freed: BTreeSet<Name>,
    /// The lines are being asked right now.
    is_handing_on: bool,
}

#[derive(Clone, Debug, Default)]
struct Pool {
    running: BTreeSet<RunId>,
    /// By ticket, in the order of coming.
    waiting: BTreeMap<u64, RunId>,
}

#[derive(Clone, Debug)]
struct Place {
    pool: Name,
    /// `None` for a run that has a slot.
    ticket: Option<u64>,
}

impl Pools {
    /// Whether a run has a slot, or is in line for one.
    pub(super) fn knows(&self, run: RunId) -> bool {
        self.places.contains_key(&run)
    }

    /// Takes a slot for a run, whatever the limit is: it has a process already.
    pub(super) fn occupy(&mut self, pool: Name, run: RunId) {
        self.by_name.entry(pool.clone()).or_default().running.insert(run);
        self.aside.remove(&run);
        self.places.insert(run, Place { pool, ticket: None });
    }

    /// Takes a slot, or a place in the line; `Err` says who has the slots. A place is kept however often this is asked.
    fn enter(&mut self, name: &Name, slots: usize, run: RunId) -> Result<(), String> {
        let ticket = self.ticket(run);
        let pool = self.by_name.entry(name.clone()).or_default();
        let is_first = pool.waiting.first_key_value().is_none_or(|(first, _)| ticket <= *first);
        if pool.running.len() < slots && is_first {
            pool.waiting.remove(&ticket);
            self.occupy(name.clone(), run);
            return Ok(());
        }
        let users: Vec<String> = pool.running.iter().map(ToString::to_string).collect();
        pool.waiting.insert(ticket, run);
        self.aside.remove(&run);
        self.places.insert(
            run,
            Place {
                pool: name.clone(),
                ticket: Some(ticket),
            },
        );
        Err(format!(
            "waits for one of {slots} slots of pool {name}, used by runs {}",
            users.join(", ")
        ))
    }

    /// The place of a run among all that come: a new one, unless it came before.
    fn ticket(&mut self, run: RunId) -> u64 {
        let known = self.places.get(&run).and_then(|place| place.ticket);
        known.or_else(|| self.aside.get(&run).copied()).unwrap_or_else(|| {
            self.last_ticket += 1;
            self.last_ticket
        })
    }

    /// Takes a run out of the line and keeps its place for it; the pool whose line it has left.
    fn stand_aside(&mut self, run: RunId) -> Option<Name> {
        let ticket = self.ticket(run);
        let left = self.leave(run);
        self.aside.insert(run, ticket);
        left
    }

    /// Gives up a slot or a place in the line; the pool in which a slot may now be free.
    fn leave(&mut self, run: RunId) -> Option<Name> {
        self.aside.remove(&run);
        let place = self.places.remove(&run)?;
        let pool = self.by_name.get_mut(&place.pool)?;
        if let Some(ticket) = place.ticket {
            pool.waiting.remove(&ticket);
        } else {
            pool.running.remove(&run);
        }
        Some(place.pool)
    }

    /// The run that is next in line, if a slot is free.
    fn next(&self, name: &Name, slots: usize) -> Option<RunId> {
        let pool = self.by_name.get(name).filter(|pool| pool.running.len() < slots)?;
        pool.waiting.values().next().copied()
    }

    /// Everybody who stands in line, in the order of coming.
    fn in_line(&self) -> Vec<RunId> {
        let lines = self.by_name.values().flat_map(|pool| &pool.waiting);
        let mut line: Vec<(u64, RunId)> = lines.map(|(ticket, run)| (*ticket, *run)).collect();
        line.sort_unstable();
        line.into_iter().map(|(_, run)| run).collect()
    }

    /// Takes a run in line over to the line of another pool, or to none; its place is that of its ticket.
    fn change_lines(&mut self, run: RunId, pool: Option<Name>) {
        let stands_in = self.places.get(&run).map(|place| &place.pool);
        if stands_in == pool.as_ref() {
            return;
        }
        let ticket = self.ticket(run);
        self.leave(run);
        let Some(pool) = pool else {
            self.aside.insert(run, ticket);
            return;
        };
        self.by_name
            .entry(pool.clone())
            .or_default()
            .waiting
            .insert(ticket, run);
        let ticket = Some(ticket);
        self.places.insert(run, Place { pool, ticket });
    }
}

impl Engine {
    /// Takes a slot of the job's pool; `Err` says why the run must wait for one.
    pub(super) fn enter_pool(&mut self, pool: &Name, run: RunId) -> Result<(), String> {
        let slots = self.slots_of(pool);
        self.pools.enter(pool, slots, run)
    }

    /// The run no longer has a process, or no longer waits for one: whoever is next in line may start.
    ///
    /// Who is asked to start may leave as well, because it is too late by now: that is seen to by whoever asks, so
    /// that a line of any length is asked one after the other.
    pub(super) fn leave_pool(&mut self, run: RunId) {
        if let Some(pool) = self.pools.leave(run) {
            self.hand_on_all(pool);
        }
    }

    /// The run cannot start now for another reason than the pool: others do not wait behind it, and it gets its place in
    /// line again when it can.
    pub(super) fn stand_aside(&mut self, run: RunId) {
        if let Some(pool) = self.pools.stand_aside(run) {
            self.hand_on_all(pool);
        }
    }

    fn hand_on_all(&mut self, pool: Name) {
        self.pools.freed.insert(pool);
        if std::mem::replace(&mut self.pools.is_handing_on, true) {
            return;
        }
        while let Some(pool) = self.pools.freed.pop_first() {
            self.hand_on(pool);
        }
        self.pools.is_handing_on = false;
    }

    /// Asks those in line to start, in order, until no slot is free; what this step has no room for is left for the next.
    pub(super) fn hand_on(&mut self, pool: Name) {
        let slots = self.slots_of(&pool);
        while let Some(next) = self.pools.next(&pool, slots) {
            if self.is_full() {
                self.backlog.push_back(Todo::Pool(pool));
                return;
            }
            self.start_or_wait(next);
            if self.pools.next(&pool, slots) == Some(next) {
                return;
            }
        }
    }

    /// Pools and the jobs in them have changed: everybody in line stands where his job belongs now, at once, and is asked
    /// again in the order of coming, over as many steps as it takes.
    pub(super) fn refit_pools(&mut self) {
        for run in self.pools.in_line() {
            let pool = self.job_of(run).and_then(|job| job.policy.pool.clone());
            self.pools.change_lines(run, pool);
            self.backlog.push_back(Todo::Start(run));
        }
    }

    fn slots_of(&self, pool: &Name) -> usize {
        self.settings
            .pools
            .get(pool)
            .map_or(usize::MAX, |slots| *slots as usize)
    }
}
