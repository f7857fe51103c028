//! File work that actions ask for, off the main loop; in order for each attempt, beside each other otherwise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinError;
use tracing::{error, warn};

use crate::checks;
use crate::model::{self, AttemptId, Event, Judgement, Judging, Publishing, Setback, VersionRef, format_duration};

/// How long reading a candidate may stand still before the run goes on without a verdict.
const HANG_MAX: Duration = Duration::from_mins(5);

/// How long moving a version or a refused candidate may take before the log speaks of it. It is not given up: a rename
/// that hangs may still happen, and readers would see what the records say was refused.
const MOVE_LONG: Duration = Duration::from_mins(10);

/// One piece of file work.
#[derive(Debug)]
pub(super) enum Work {
    Judge(Box<Judging>),
    Publish(Box<Publishing>),
    Quarantine(Box<Publishing>),
    Clean { run_dir: PathBuf, staged: Option<PathBuf> },
}

/// The file work of one step.
#[derive(Debug, Default)]
pub(super) struct FileWork {
    by_attempt: BTreeMap<AttemptId, Vec<Work>>,
}

impl FileWork {
    pub(super) fn add(&mut self, id: AttemptId, work: Work) {
        self.by_attempt.entry(id).or_default().push(work);
    }

    /// Starts all of it. Removing what is no longer needed is one piece for the whole step; every candidate
    /// is a piece of its own, so that a large one delays no other.
    pub(super) fn start(self, events: &UnboundedSender<Event>) {
        let mut removals = Vec::new();
        for (id, work) in self.by_attempt {
            if work.iter().all(|work| matches!(work, Work::Clean { .. })) {
                removals.extend(work);
            } else {
                spawn(id, work, events.clone());
            }
        }
        if !removals.is_empty() {
            tokio::task::spawn_blocking(move || {
                for work in removals {
                    if let Work::Clean { run_dir, staged } = work {
                        clean(&run_dir, staged.as_deref());
                    }
                }
            });
        }
    }
}

/// Performs the work of one attempt in order; a panic in it becomes the answer it owes.
fn spawn(id: AttemptId, work: Vec<Work>, events: UnboundedSender<Event>) {
    tokio::spawn(async move {
        for work in work {
            if let Some(answer) = perform(id, work).await {
                // The receiver is gone only when the daemon ends; the work is asked for again at the next start.
                let _ = events.send(answer);
            }
        }
    });
}

async fn perform(id: AttemptId, work: Work) -> Option<Event> {
    match work {
        Work::Judge(judging) => {
            let result = judge(judging).await;
            if let Err(setback) = &result {
                warn!(attempt = %id, "could not judge an output: {}", setback.why);
            }
            Some(Event::Judged { id, result })
        }
        Work::Publish(publishing) => {
            let version = version_of(&publishing);
            let publishing = tokio::task::spawn_blocking(move || checks::publish(&publishing));
            let takes_long = || warn!(%version, "{}", still_moving("put in place"));
            let result = match telling_when_long(publishing, MOVE_LONG, takes_long).await {
                Ok(result) => result.map_err(|error| Setback {
                    may_pass: error.may_pass(),
                    why: error.to_string(),
                }),
                Err(panic) => Err(failed("publishing", &panic)),
            };
            if let Err(setback) = &result {
                warn!(%version, "could not put a version in place: {}", setback.why);
            }
            Some(Event::Published { version, result })
        }
        Work::Quarantine(publishing) => {
            let version = version_of(&publishing);
            let moving = tokio::task::spawn_blocking(move || checks::quarantine(&publishing));
            let takes_long = || warn!(%version, "{}", still_moving("moved to quarantine"));
            match telling_when_long(moving, MOVE_LONG, takes_long).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => warn!(%version, %error, "could not keep a refused candidate"),
                Err(panic) => error!(%version, %panic, "could not keep a refused candidate"),
            }
            None
        }
        Work::Clean { run_dir, staged } => {
            let cleaned = tokio::task::spawn_blocking(move || clean(&run_dir, staged.as_deref())).await;
            if let Err(panic) = cleaned {
                error!(attempt = %id, %panic, "could not clean up");
            }
            None
        }
    }
}

/// A verdict, or what kept freshd from one. A share that hangs holds its thread, but neither the run nor its owner.
async fn judge(judging: Box<Judging>) -> Result<Judgement, Setback> {
    let bytes_read = Arc::new(AtomicU64::new(0));
    let (staged, counter) = (judging.staged.clone(), bytes_read.clone());
    let judged = tokio::task::spawn_blocking(move || checks::judge(&judging, &counter));
    match unless_it_hangs(judged, &bytes_read, HANG_MAX).await {
        Some(Ok(result)) => result.map_err(|error| Setback {
            why: error.to_string(),
            may_pass: true,
        }),
        Some(Err(panic)) => Err(failed("judging", &panic)),
        None => Err(Setback {
            why: format!(
                "nothing could be read of {} for {}; is a share gone?",
                staged.display(),
                format_duration(HANG_MAX)
            ),
            // It was given its time, and every further try would hold one more thread.
            may_pass: false,
        }),
    }
}

/// Waits for work for as long as it reads on; `None` once it has read nothing for that long.
async fn unless_it_hangs<T>(work: impl Future<Output = T>, bytes_read: &AtomicU64, patience: Duration) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut before = bytes_read.load(Ordering::Relaxed);
    loop {
        if let Ok(done) = tokio::time::timeout(patience, &mut work).await {
            return Some(done);
        }
        let now = bytes_read.load(Ordering::Relaxed);
        if now == before {
            return None;
        }
        before = now;
    }
}

/// Waits for work to the end, and tells once that it takes long.
async fn telling_when_long<T>(work: impl Future<Output = T>, patience: Duration, tell: impl FnOnce()) -> T {
    let mut work = std::pin::pin!(work);
    if let Ok(done) = tokio::time::timeout(patience, &mut work).await {
        return done;
    }
    tell();
    work.await
}

fn still_moving(done: &str) -> String {
    format!(
        "not {done} after {}, and it is waited for; is a share gone?",
        format_duration(MOVE_LONG)
    )
}

fn failed(doing: &str, panic: &JoinError) -> Setback {
    Setback {
        why: format!("freshd failed while {doing} it, which is a bug: {panic}"),
        may_pass: false,
    }
}

fn version_of(publishing: &Publishing) -> VersionRef {
    VersionRef {
        dataset: publishing.version.dataset.clone(),
        number: publishing.version.number,
    }
}

/// Removes what an attempt no longer needs; what is gone already is fine.
fn clean(run_dir: &Path, staged: Option<&Path>) {
    let not_gone = |error: &std::io::Error| error.kind() != std::io::ErrorKind::NotFound;
    // Most jobs leave nothing behind, and the keeper has taken their directory back: that is one call.
    if let Err(error) = std::fs::remove_dir(run_dir)
        && not_gone(&error)
        && let Err(error) = std::fs::remove_dir_all(run_dir)
        && not_gone(&error)
    {
        warn!(directory = %run_dir.display(), %error, "could not remove a run directory");
    }
    if let Some(staged) = staged
        && let Err(error) = std::fs::remove_file(staged)
        && not_gone(&error)
    {
        warn!(file = %staged.display(), %error, "could not remove staged output");
    }
    // That of another user's attempt lies in a directory of its own, with whatever that user put beside it.
    let own_dir = model::output_dir(run_dir);
    if staged.is_some_and(|staged| staged.parent() == Some(&own_dir))
        && let Err(error) = std::fs::remove_dir_all(&own_dir)
        && not_gone(&error)
    {
        warn!(directory = %own_dir.display(), %error, "could not remove a directory for staged output");
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn what_reads_on_is_waited_for_and_what_stands_still_is_not() {
        let bytes_read = AtomicU64::new(0);
        // Nobody wakes it: each look finds that more was read since the last one.
        let slow = std::future::poll_fn(|_| match bytes_read.fetch_add(1, Ordering::Relaxed) {
            0..20 => Poll::Pending,
            _ => Poll::Ready("a verdict"),
        });
        assert_eq!(unless_it_hangs(slow, &bytes_read, PATIENCE).await, Some("a verdict"));

        let hangs = std::future::pending::<()>();
        assert_eq!(unless_it_hangs(hangs, &bytes_read, PATIENCE).await, None);
    }

    #[tokio::test]
    async fn moving_that_takes_long_is_told_once_and_waited_for() {
        let (end, ended) = tokio::sync::oneshot::channel();
        // It ends only once it was told of.
        let told = telling_when_long(ended, PATIENCE, || end.send("in place").expect("it is waited for"));
        assert_eq!(told.await, Ok("in place"));

        let quick = std::future::ready("in place");
        let told = telling_when_long(quick, PATIENCE, || panic!("it did not take long"));
        assert_eq!(told.await, "in place");
    }
}
