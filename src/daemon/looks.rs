//! Looks at data, off the main loop: a few at a time, and never two at one dataset.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::clock;
use crate::model::{Name, Observation, format_duration};

/// Looks that go on at the same time, at most.
const LOOKS_MAX: usize = 8;
/// How long a look may take.
const LOOK_WAIT: Duration = Duration::from_secs(30);

/// All looks of a daemon. One that hangs, on a share that is gone, keeps its thread and its place: what hangs is
/// bounded, and everything else has threads left.
#[derive(Clone, Debug)]
pub(super) struct Looks {
    places: Arc<Semaphore>,
    going_on: Arc<Mutex<BTreeMap<Name, State>>>,
    patience: Duration,
}

/// Where a look stands that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It waits for a place, or has not taken too long yet.
    InTime,
    /// It was given up; its thread still lives.
    Overdue,
}

/// The right to look at a dataset. It goes with the thread that looks.
struct Turn {
    dataset: Name,
    going_on: Arc<Mutex<BTreeMap<Name, State>>>,
}

impl Default for Looks {
    fn default() -> Self {
        Self::patient_for(LOOK_WAIT)
    }
}

impl Looks {
    fn patient_for(patience: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(LOOKS_MAX)),
            going_on: Arc::default(),
            patience,
        }
    }

    /// Looks at a dataset once a place is free; `observe` is given the time at which it begins. Says why when that
    /// cannot be done, or takes too long.
    pub(super) async fn look(
        &self,
        dataset: &Name,
        observe: impl FnOnce(Timestamp) -> Observation + Send + 'static,
    ) -> Observation {
        let cannot_tell = |why: String| Observation {
            dataset: dataset.clone(),
            at: clock::now().wall,
            found: Err(why),
            path: None,
        };
        let Some(turn) = self.take_turn(dataset) else {
            return cannot_tell("the look before it still does not answer; is a share gone?".to_owned());
        };
        let place = match self.place().await {
            Ok(place) => place,
            Err(why) => return cannot_tell(why),
        };
        // Not before: what was written while it waited must not look as if nobody had written to it for long.
        let at = clock::now().wall;
        let looking = tokio::task::spawn_blocking(move || {
            let _held = (turn, place);
            observe(at)
        });
        match tokio::time::timeout(self.patience, looking).await {
            Ok(Ok(observation)) => observation,
            Ok(Err(panic)) => cannot_tell(format!("freshd failed while looking: {panic}")),
            Err(_elapsed) => {
                if let Some(state) = going_on(&self.going_on).get_mut(dataset) {
                    *state = State::Overdue;
                }
                cannot_tell(format!(
                    "it did not answer within {}; is a share gone?",
                    format_duration(self.patience)
                ))
            }
        }
    }

    /// `None` while a look at this dataset has not ended.
    fn take_turn(&self, dataset: &Name) -> Option<Turn> {
        let mut looks = going_on(&self.going_on);
        if looks.contains_key(dataset) {
            return None;
        }
        looks.insert(dataset.clone(), State::InTime);
        Some(Turn {
            dataset: dataset.clone(),
            going_on: self.going_on.clone(),
        })
    }

    /// Waits for a place for as long as others may still give theirs back.
    async fn place(&self) -> Result<OwnedSemaphorePermit, String> {
        let mut place = std::pin::pin!(self.places.clone().acquire_owned());
        loop {
            if let Ok(place) = tokio::time::timeout(self.patience, &mut place).await {
                return place.map_err(|closed| closed.to_string());
            }
            let looks = going_on(&self.going_on);
            let overdue = looks.iter().filter(|(_, state)| **state == State::Overdue);
            let overdue: Vec<_> = overdue.map(|(dataset, _)| dataset.to_string()).collect();
            if overdue.len() >= LOOKS_MAX {
                return Err(format!(
                    "freshd looks at nothing more while these do not answer: {}",
                    overdue.join(", ")
                ));
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        going_on(&self.going_on).remove(&self.dataset);
    }
}

/// Nothing panics while it is held.
fn going_on(looks: &Mutex<BTreeMap<Name, State>>) -> MutexGuard<'_, BTreeMap<Name, State>> {
    looks.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// So long that a test ends within it, whatever the machine does.
    const AMPLE: Duration = Duration::from_mins(10);
    /// Reached only by a test that fails.
    const BOUND: Duration = Duration::from_secs(20);
    /// What hangs is given up at once.
    const SHORT: Duration = Duration::from_millis(5);

    fn nothing_there(dataset: Name) -> impl FnOnce(Timestamp) -> Observation + Send + 'static {
        move |at| Observation {
            dataset,
            at,
            found: Ok(None),
            path: None,
        }
    }

    /// A look that hangs until the sender is dropped.
    fn hangs(dataset: Name) -> (Sender<()>, impl FnOnce(Timestamp) -> Observation + Send + 'static) {
        let (release, released): (_, Receiver<()>) = channel();
        let look = move |at| {
            let _ = released.recv();
            nothing_there(dataset)(at)
        };
        (release, look)
    }

    async fn sees(looks: &Looks, dataset: &Name) -> Result<(), String> {
        let seen = looks.look(dataset, nothing_there(dataset.clone())).await;
        seen.found.map(|_| ())
    }

    /// Waits until every thread has given its place back.
    async fn all_have_ended(looks: &Looks) {
        let all = u32::try_from(LOOKS_MAX).expect("a few");
        let _ = looks.places.acquire_many(all).await.expect("they are never closed");
    }

    #[tokio::test]
    async fn a_dataset_that_hangs_takes_one_place_however_often_it_is_looked_at() {
        let hasty = Looks::patient_for(SHORT);
        let patient = Looks {
            patience: AMPLE,
            ..hasty.clone()
        };
        let (dead, alive) = (Name::from("dead"), Name::from("alive"));
        let (release, look) = hangs(dead.clone());
        let why = hasty.look(&dead, look).await.found.expect_err("it hangs");
        assert!(why.contains("did not answer within"), "{why}");

        for _ in 0..3 * LOOKS_MAX {
            let why = sees(&patient, &dead).await.expect_err("it still hangs");
            assert!(why.contains("still does not answer"), "{why}");
        }
        assert_eq!(patient.places.available_permits(), LOOKS_MAX - 1);
        assert_eq!(sees(&patient, &alive).await, Ok(()));

        drop(release);
        all_have_ended(&patient).await;
        assert_eq!(sees(&patient, &dead).await, Ok(()), "it is looked at again");
    }

    #[tokio::test]
    async fn waiting_for_a_place_is_no_part_of_the_look() {
        let looks = Looks::patient_for(SHORT);
        let all = u32::try_from(LOOKS_MAX).expect("a few");
        let places = looks
            .places
            .clone()
            .acquire_many_owned(all)
            .await
            .expect("they are free");
        let stock = Name::from("stock");
        let mut waits = std::pin::pin!(looks.place());
        let still_waits = tokio::time::timeout(10 * SHORT, &mut waits).await.is_err();
        assert!(still_waits, "who holds a place may still give it back");
        drop(places);
        drop(waits.await.expect("a place"));

        let patient = Looks {
            patience: AMPLE,
            ..looks.clone()
        };
        let places = looks
            .places
            .clone()
            .acquire_many_owned(all)
            .await
            .expect("they are free");
        let mut look = std::pin::pin!(patient.look(&stock, nothing_there(stock.clone())));
        assert!(tokio::time::timeout(SHORT, &mut look).await.is_err());
        let freed_at = clock::now().wall;
        drop(places);
        assert!(
            look.await.at >= freed_at,
            "the time is that of the look, not of the wish for it"
        );
    }

    #[tokio::test]
    async fn who_finds_every_place_hanging_says_which_data_does_not_answer() {
        let looks = Looks::patient_for(SHORT);
        let mut releases = Vec::new();
        for number in 0..LOOKS_MAX {
            let dataset = Name::from(format!("dead-{number}").as_str());
            let (release, look) = hangs(dataset.clone());
            releases.push(release);
            assert!(looks.look(&dataset, look).await.found.is_err());
        }
        let stock = Name::from("stock");
        let seen = tokio::time::timeout(BOUND, sees(&looks, &stock)).await;
        let why = seen.expect("it waits for no place").expect_err("no place is left");
        assert!(why.contains("dead-0, dead-1, "), "{why}");
        drop(releases);
        all_have_ended(&looks).await;
    }
}
