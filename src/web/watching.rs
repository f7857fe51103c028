//! Outputs that somebody watches while they are written: one look a second at each, however many watch it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::answer::Trouble;
use super::desk::Desk;
use crate::model::{AttemptId, RunId, log_path};

/// How often it is looked whether a run has printed more.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// The last attempt of a run, and the bytes of its output: `None` until the first look.
pub(super) type Printed = Option<(AttemptId, u64)>;

/// Who looks at which output.
#[derive(Clone, Default)]
pub(super) struct Watching(Arc<Mutex<HashMap<RunId, Weak<watch::Sender<Printed>>>>>);

impl Watching {
    /// Moves on when the output of a run's last attempt has grown; ends when the run is over.
    pub(super) fn watch(&self, desk: &Arc<Desk>, run: RunId) -> watch::Receiver<Printed> {
        let (printed, begins) = self.join(run);
        let Some(moves) = begins else { return printed };
        let (watching, desk) = (self.clone(), desk.clone());
        tokio::spawn(async move {
            let mut looks = tokio::time::interval(LOOKS_EVERY);
            loop {
                tokio::select! {
                    _ = looks.tick() => {}
                    () = moves.closed() => {
                        if watching.leaves(run, &moves) {
                            return;
                        }
                        // Somebody has come in that very moment.
                        continue;
                    }
                }
                if tell(&look(&desk, run).await, &moves) {
                    watching.all().remove(&run);
                    return;
                }
            }
        });
        printed
    }

    /// One more who watches; and what tells all of them, for the first, who has to see to it that somebody looks.
    fn join(&self, run: RunId) -> (watch::Receiver<Printed>, Option<Arc<watch::Sender<Printed>>>) {
        let mut all = self.all();
        if let Some(moves) = all.get(&run).and_then(Weak::upgrade) {
            let mut printed = moves.subscribe();
            // What was printed between a page and its stream is told as of the first look.
            printed.mark_changed();
            return (printed, None);
        }
        let (moves, printed) = watch::channel(None);
        let moves = Arc::new(moves);
        all.insert(run, Arc::downgrade(&moves));
        (printed, Some(moves))
    }

    /// Whether nobody watches any more. Whoever comes after that begins anew.
    fn leaves(&self, run: RunId, moves: &watch::Sender<Printed>) -> bool {
        let mut all = self.all();
        let is_alone = moves.receiver_count() == 0;
        if is_alone {
            all.remove(&run);
        }
        is_alone
    }

    fn all(&self) -> MutexGuard<'_, HashMap<RunId, Weak<watch::Sender<Printed>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far a run has come.
enum Stage {
    /// No attempt was made yet: it prints once its turn has come.
    Waits,
    /// Its last attempt has printed so many bytes.
    Prints(AttemptId, u64),
    /// It is over, or there is none.
    Over,
}

/// Tells those who watch what a look has seen. Says whether the run is over. What cannot be read now may be a moment later:
/// as long as somebody watches, it is looked at again.
fn tell(seen: &Result<Stage, Trouble>, moves: &watch::Sender<Printed>) -> bool {
    match *seen {
        Ok(Stage::Waits) | Err(_) => false,
        Ok(Stage::Prints(last, bytes)) => {
            moves.send_if_modified(|known| known.replace((last, bytes)) != Some((last, bytes)));
            false
        }
        Ok(Stage::Over) => true,
    }
}

async fn look(desk: &Arc<Desk>, run: RunId) -> Result<Stage, Trouble> {
    let state_dir = desk.state_dir();
    desk.read(move |reader| {
        let Some((run, attempts)) = reader.run(run)?.filter(|(run, _)| run.outcome.is_none()) else {
            return Ok(Stage::Over);
        };
        Ok(match attempts.last() {
            None => Stage::Waits,
            Some(last) => {
                let log = std::fs::metadata(log_path(&state_dir, &run.job, last.id));
                Stage::Prints(last.id, log.map_or(0, |log| log.len()))
            }
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_watch_an_output_one_looks_and_the_last_to_go_ends_it() {
        let watching = Watching::default();
        let (mut first, begins) = watching.join(RunId(1));
        let moves = begins.expect("nobody looks yet");
        let (mut second, begins) = watching.join(RunId(1));
        assert!(begins.is_none(), "somebody looks already");
        assert!(
            watching.join(RunId(2)).1.is_some(),
            "another output is looked at by itself"
        );
        second.mark_unchanged();
        let seen = Some(("1.1".parse().unwrap(), 5));
        moves.send_replace(seen);
        for printed in [&mut first, &mut second] {
            assert!(printed.has_changed().unwrap());
            assert_eq!(*printed.borrow_and_update(), seen);
        }
        drop(first);
        assert!(!watching.leaves(RunId(1), &moves), "one is left");
        let (late, _) = watching.join(RunId(1));
        assert!(late.has_changed().unwrap(), "whoever comes later is told what was seen");
        drop((second, late));
        assert!(watching.leaves(RunId(1), &moves));
        assert!(watching.join(RunId(1)).1.is_some(), "it begins anew");
    }

    #[test]
    fn what_cannot_be_read_once_is_watched_on_and_only_the_end_of_the_run_ends_that() {
        let (moves, mut printed) = watch::channel(None);
        let last: AttemptId = "1.1".parse().unwrap();
        assert!(!tell(
            &Err(Trouble::Unreadable("database is locked".to_owned())),
            &moves
        ));
        assert!(!printed.has_changed().unwrap());
        assert!(!tell(&Ok(Stage::Prints(last, 5)), &moves));
        assert_eq!(*printed.borrow_and_update(), Some((last, 5)));
        assert!(!tell(&Ok(Stage::Prints(last, 5)), &moves));
        assert!(!printed.has_changed().unwrap(), "it has printed nothing more");
        assert!(tell(&Ok(Stage::Over), &moves));
    }
}
