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
                let Ok(Some(seen)) = look(&desk, run).await else {
                    watching.all().remove(&run);
                    return;
                };
                moves.send_if_modified(|known| known.replace(seen) != Some(seen));
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

/// The last attempt of a run that goes on, and how much it has printed.
async fn look(desk: &Arc<Desk>, run: RunId) -> Result<Printed, Trouble> {
    let state_dir = desk.state_dir();
    desk.read(move |reader| {
        let going_on = reader.run(run)?.filter(|(run, _)| run.outcome.is_none());
        Ok(going_on.and_then(|(run, attempts)| {
            let last = attempts.last()?.id;
            let bytes = std::fs::metadata(log_path(&state_dir, &run.job, last)).map_or(0, |log| log.len());
            Some((last, bytes))
        }))
    })
    .await
}
