//! Places for work on files that may hang: a few at a time, never two for one name.
//!
//! Whoever hangs, on a share that is gone, keeps its thread and its place. So what hangs is bounded, and everything else
//! has threads left.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for one kind of work.
#[derive(Clone, Debug)]
pub(super) struct Places {
    max: usize,
    free: Arc<Semaphore>,
    going_on: Arc<Mutex<BTreeMap<String, State>>>,
}

/// Where a piece of work stands that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It waits for a place, or has not taken too long yet.
    InTime,
    /// It was given up; its thread still lives.
    Overdue,
}

/// The only right to work under a name, and a place once there is one. It goes with the thread that works.
#[derive(Debug)]
pub(super) struct Turn {
    name: String,
    place: Option<OwnedSemaphorePermit>,
    places: Places,
}

impl Places {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            free: Arc::new(Semaphore::new(max)),
            going_on: Arc::default(),
        }
    }

    /// The right to work under a name. `None` while the work before it, under the same one, has not ended.
    pub(super) fn turn(&self, name: &str) -> Option<Turn> {
        let mut going_on = self.going_on();
        if going_on.contains_key(name) {
            return None;
        }
        going_on.insert(name.to_owned(), State::InTime);
        Some(Turn {
            name: name.to_owned(),
            place: None,
            places: self.clone(),
        })
    }

    /// The work under this name is given up: its place counts as one that does not come back.
    pub(super) fn give_up(&self, name: &str) {
        if let Some(state) = self.going_on().get_mut(name) {
            *state = State::Overdue;
        }
    }

    /// Nothing panics while it is held.
    fn going_on(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.going_on.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every place is free.
    #[cfg(test)]
    pub(super) async fn all_free(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(self.max).expect("a few");
        let free = self.free.clone().acquire_many_owned(all).await;
        free.expect("they are never closed")
    }

    /// How many are free.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.free.available_permits()
    }
}

impl Turn {
    /// Waits for a place for as long as others may still give theirs back. Looks anew every `patience` whether they may,
    /// and names those that do not answer when none does.
    pub(super) async fn place(mut self, patience: Duration) -> Result<Self, String> {
        let mut place = std::pin::pin!(self.places.free.clone().acquire_owned());
        loop {
            if let Ok(place) = tokio::time::timeout(patience, &mut place).await {
                self.place = Some(place.map_err(|closed| closed.to_string())?);
                return Ok(self);
            }
            let going_on = self.places.going_on();
            let overdue = going_on.iter().filter(|(_, state)| **state == State::Overdue);
            let overdue: Vec<_> = overdue.map(|(name, _)| name.as_str()).collect();
            if overdue.len() >= self.places.max {
                return Err(format!(
                    "all its places are taken by what does not answer: {}",
                    overdue.join(", ")
                ));
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.places.going_on().remove(&self.name);
    }
}
