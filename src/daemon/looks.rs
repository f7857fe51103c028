//! Looks at data, off the main loop: a few at a time, and never two at one dataset.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::clock;
use super::places::Places;
use crate::model::{Name, Observation, format_duration};
use crate::probe::Progress;

/// Looks that go on at the same time, at most.
const LOOKS_MAX: usize = 8;
/// How long a look may take.
const LOOK_WAIT: Duration = Duration::from_secs(30);

/// All looks of a daemon.
#[derive(Clone, Debug)]
pub(super) struct Looks {
    places: Places,
    patience: Duration,
}

impl Default for Looks {
    fn default() -> Self {
        Self::patient_for(LOOK_WAIT)
    }
}

impl Looks {
    fn patient_for(patience: Duration) -> Self {
        Self {
            places: Places::new(LOOKS_MAX),
            patience,
        }
    }

    /// Looks at a dataset once a place is free; `observe` is given the time at which it begins, and what is given up with
    /// it. Says why when that cannot be done, or takes too long.
    pub(super) async fn look(
        &self,
        dataset: &Name,
        observe: impl FnOnce(Timestamp, &Progress) -> Observation + Send + 'static,
    ) -> Observation {
        let cannot_tell = |why: String| Observation {
            dataset: dataset.clone(),
            at: clock::now().wall,
            found: Err(why),
            path: None,
            written_at: None,
        };
        let Some(turn) = self.places.turn(dataset.as_str()) else {
            return cannot_tell("the look before it still does not answer; is a share gone?".to_owned());
        };
        let turn = match turn.place(self.patience).await {
            Ok(turn) => turn,
            Err(why) => return cannot_tell(format!("freshd looks at nothing more: {why}")),
        };
        // Not before: what was written while it waited must not look as if nobody had written to it for long.
        let at = clock::now().wall;
        let progress = Arc::new(Progress::default());
        let looking = {
            let progress = progress.clone();
            tokio::task::spawn_blocking(move || {
                let _held = turn;
                observe(at, &progress)
            })
        };
        match tokio::time::timeout(self.patience, looking).await {
            Ok(Ok(observation)) => observation,
            Ok(Err(panic)) => cannot_tell(format!("freshd failed while looking: {panic}")),
            Err(_elapsed) => {
                self.places.give_up(dataset.as_str());
                progress.give_up();
                cannot_tell(format!(
                    "it did not answer within {}; is a share gone?",
                    format_duration(self.patience)
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Instant;

    use super::*;

    /// So long that a test ends within it, whatever the machine does.
    const AMPLE: Duration = Duration::from_mins(10);
    /// Reached only by a test that fails.
    const BOUND: Duration = Duration::from_secs(20);
    /// What hangs is given up at once.
    const SHORT: Duration = Duration::from_millis(5);

    fn nothing_there(dataset: Name) -> impl FnOnce(Timestamp, &Progress) -> Observation + Send + 'static {
        move |at, _: &Progress| Observation {
            dataset,
            at,
            found: Ok(None),
            path: None,
            written_at: None,
        }
    }

    /// A look that hangs until the sender is dropped.
    fn hangs(
        dataset: Name,
    ) -> (
        Sender<()>,
        impl FnOnce(Timestamp, &Progress) -> Observation + Send + 'static,
    ) {
        let (release, released): (_, Receiver<()>) = channel();
        let look = move |at, progress: &Progress| {
            let _ = released.recv();
            nothing_there(dataset)(at, progress)
        };
        (release, look)
    }

    async fn sees(looks: &Looks, dataset: &Name) -> Result<(), String> {
        let seen = looks.look(dataset, nothing_there(dataset.clone())).await;
        seen.found.map(|_| ())
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
        assert_eq!(patient.places.free(), LOOKS_MAX - 1);
        assert_eq!(sees(&patient, &alive).await, Ok(()));

        drop(release);
        drop(patient.places.all_free().await);
        assert_eq!(sees(&patient, &dead).await, Ok(()), "it is looked at again");
    }

    #[tokio::test]
    async fn who_still_looks_is_told_that_nobody_waits() {
        let looks = Looks::patient_for(SHORT);
        let stock = Name::from("stock");
        let (tell, told) = channel();
        let dataset = stock.clone();
        let look = move |at, progress: &Progress| {
            let begun = Instant::now();
            while !progress.is_given_up() && begun.elapsed() < BOUND {
                std::thread::yield_now();
            }
            let _ = tell.send(progress.is_given_up());
            nothing_there(dataset)(at, progress)
        };
        assert!(looks.look(&stock, look).await.found.is_err());
        assert_eq!(told.recv(), Ok(true));
    }

    #[tokio::test]
    async fn waiting_for_a_place_is_no_part_of_the_look() {
        let looks = Looks::patient_for(SHORT);
        let places = looks.places.all_free().await;
        let stock = Name::from("stock");
        let turn = looks.places.turn("stock").expect("the first");
        let mut waits = std::pin::pin!(turn.place(SHORT));
        let still_waits = tokio::time::timeout(10 * SHORT, &mut waits).await.is_err();
        assert!(still_waits, "who holds a place may still give it back");
        drop(places);
        drop(waits.await.expect("a place"));

        let patient = Looks {
            patience: AMPLE,
            ..looks.clone()
        };
        let places = looks.places.all_free().await;
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
        drop(looks.places.all_free().await);
    }
}
