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
        let mut all = self.all();
        if let Some(looks) = all.get(&run).and_then(Weak::upgrade) {
            let mut printed = looks.subscribe();
            // What was printed between a page and its stream is told as of the first look.
            printed.mark_changed();
            return printed;
        }
        let (moves, printed) = watch::channel(None);
        let moves = Arc::new(moves);
        all.insert(run, Arc::downgrade(&moves));
        drop(all);
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
                match look(&desk, run).await {
                    Ok(Stage::Waits) => {}
                    Ok(Stage::Prints(last, bytes)) => {
                        moves.send_if_modified(|known| known.replace((last, bytes)) != Some((last, bytes)));
                    }
                    Ok(Stage::Over) | Err(_) => {
                        watching.all().remove(&run);
                        return;
                    }
                }
            }
        });
        printed
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
