//! File work that actions ask for, off the main loop; in order for each attempt, beside each other otherwise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinError;
use tracing::{error, warn};

use super::places::Places;
use crate::checks;
use crate::model::{self, AttemptId, Event, Judgement, Judging, Publishing, Setback, VersionRef, format_duration};
use crate::probe::Progress;

/// How long reading a candidate may stand still before the run goes on without a verdict.
const HANG_MAX: Duration = Duration::from_mins(5);

/// How long moving a version or a refused candidate may take before the log speaks of it. It is not given up: a rename
/// that hangs may still happen, and readers would see what the records say was refused.
const MOVE_LONG: Duration = Duration::from_mins(10);

/// Candidates that are read at the same time, at most, and files that are moved. With those of looks and of messages they
/// leave threads for everything else, were all of them to hang.
const JUDGED_MAX: usize = 12;
const MOVED_MAX: usize = 8;

/// One piece of file work.
#[derive(Debug)]
pub(super) enum Work {
    Judge(Box<Judging>),
    Publish(Box<Publishing>),
    Quarantine(Box<Publishing>),
    Clean { run_dir: PathBuf, staged: Option<PathBuf> },
}

/// What all file work of a daemon shares.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    judging: Places,
    moving: Arc<Semaphore>,
    /// Removing is never urgent.
    removing: Arc<Semaphore>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            judging: Places::new(JUDGED_MAX),
            moving: Arc::new(Semaphore::new(MOVED_MAX)),
            removing: Arc::new(Semaphore::new(1)),
        }
    }
}

/// The file work of one step.
#[derive(Debug, Default)]
pub(super) struct FileWork {
    /// `None` for what belongs to no attempt.
    by_attempt: BTreeMap<Option<AttemptId>, Vec<Work>>,
}

impl FileWork {
    pub(super) fn add(&mut self, id: Option<AttemptId>, work: Work) {
        self.by_attempt.entry(id).or_default().push(work);
    }

    /// Starts all of it. Removing what is no longer needed is one piece for the whole step; every candidate
    /// is a piece of its own, so that a large one delays no other.
    pub(super) fn start(self, desk: &Desk, events: &UnboundedSender<Event>) {
        let mut removals = Vec::new();
        for work in self.by_attempt.into_values() {
            if work.iter().all(|work| matches!(work, Work::Clean { .. })) {
                removals.extend(work);
            } else {
                spawn(work, desk.clone(), events.clone());
            }
        }
        if !removals.is_empty() {
            let desk = desk.clone();
            tokio::spawn(async move {
                let removing = in_place(desk.removing, move || {
                    for work in removals {
                        if let Work::Clean { run_dir, staged } = work {
                            clean(&run_dir, staged.as_deref());
                        }
                    }
                });
                if let Err(panic) = removing.await {
                    error!(%panic, "could not clean up");
                }
            });
        }
    }
}

/// Performs the work of one attempt in order; a panic in it becomes the answer it owes.
fn spawn(work: Vec<Work>, desk: Desk, events: UnboundedSender<Event>) {
    tokio::spawn(async move {
        for work in work {
            if let Some(answer) = perform(work, &desk).await {
                // The receiver is gone only when the daemon ends; the work is asked for again at the next start.
                let _ = events.send(answer);
            }
        }
    });
}

async fn perform(work: Work, desk: &Desk) -> Option<Event> {
    match work {
        Work::Judge(judging) => {
            let id = judging.id;
            let result = judge(judging, &desk.judging).await;
            if let Err(setback) = &result {
                warn!(attempt = %id, "could not judge an output: {}", setback.why);
            }
            Some(Event::Judged { id, result })
        }
        Work::Publish(publishing) => {
            let version = version_of(&publishing);
            let publishing = in_place(desk.moving.clone(), move || checks::publish(&publishing));
            let takes_long = || warn!(%version, "{}", still_moving("put in place"));
            let result = match telling_when_long(publishing, MOVE_LONG, takes_long).await {
                Ok(result) => result.map(Some).map_err(|error| Setback {
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
            let moving = in_place(desk.moving.clone(), move || checks::quarantine(&publishing));
            let takes_long = || warn!(%version, "{}", still_moving("moved to quarantine"));
            match telling_when_long(moving, MOVE_LONG, takes_long).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => warn!(%version, %error, "could not keep a refused candidate"),
                Err(panic) => error!(%version, %panic, "could not keep a refused candidate"),
            }
            None
        }
        Work::Clean { run_dir, staged } => {
            let cleaned = in_place(desk.removing.clone(), move || clean(&run_dir, staged.as_deref())).await;
            if let Err(panic) = cleaned {
                error!(%panic, "could not clean up");
            }
            None
        }
    }
}

/// Does it on a thread once there is a place, which goes with that thread.
async fn in_place<T: Send + 'static>(
    places: Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    // They are never closed.
    let place = places.acquire_owned().await;
    let working = move || {
        let _held = place;
        work()
    };
    tokio::task::spawn_blocking(working).await
}

/// A verdict, or what kept freshd from one. A share that hangs holds its thread, but neither the run nor its owner.
async fn judge(judging: Box<Judging>, places: &Places) -> Result<Judgement, Setback> {
    let name = format!("{} of {}", judging.id, judging.staged.display());
    let Some(turn) = places.turn(&name) else {
        let why = format!(
            "reading {} goes on since it was last asked for",
            judging.staged.display()
        );
        return Err(Setback { why, may_pass: true });
    };
    let turn = turn.place(HANG_MAX).await.map_err(|why| Setback {
        why: format!("freshd reads no output more: {why}; is a share gone?"),
        may_pass: false,
    })?;
    let progress = Arc::new(Progress::default());
    let (staged, seen) = (judging.staged.clone(), progress.clone());
    let judged = tokio::task::spawn_blocking(move || {
        let _held = turn;
        checks::judge(&judging, &progress)
    });
    match unless_it_hangs(judged, seen.bytes_read(), HANG_MAX).await {
        Some(Ok(result)) => result.map_err(|error| Setback {
            why: error.to_string(),
            may_pass: true,
        }),
        Some(Err(panic)) => Err(failed("judging", &panic)),
        None => {
            places.give_up(&name);
            seen.give_up();
            let (file, time) = (staged.display(), format_duration(HANG_MAX));
            Err(Setback {
                why: format!("nothing could be read of {file} for {time}; is a share gone?"),
                // It was given its time, and every further try would hold one more thread.
                may_pass: false,
            })
        }
    }
}

/// Waits for work for as long as it reads on; `None` once it has read nothing for that long.
pub(super) async fn unless_it_hangs<T>(
    work: impl Future<Output = T>,
    bytes_read: &AtomicU64,
    patience: Duration,
) -> Option<T> {
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

    #[tokio::test]
    async fn what_hangs_keeps_no_more_than_its_places() {
        let places = Places::new(2);
        let mut held = Vec::new();
        for name in ["stock", "orders"] {
            let turn = places.turn(name).expect("the first").place(PATIENCE).await;
            held.push(turn.expect("a place"));
            places.give_up(name);
        }
        let waits = places.turn("prices").expect("the first").place(PATIENCE).await;
        let why = waits.expect_err("all places hang");
        assert!(why.contains("orders, stock"), "{why}");
        assert!(places.turn("prices").is_some(), "who was refused may ask again");
        held.clear();
        assert!(places.turn("prices").expect("the first").place(PATIENCE).await.is_ok());
    }

    #[tokio::test]
    async fn a_removal_that_hangs_keeps_one_thread() {
        let desk = Desk::default();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let hangs = tokio::spawn(in_place(desk.removing.clone(), move || released.recv().is_err()));
        while desk.removing.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let mut next = std::pin::pin!(in_place(desk.removing.clone(), || ()));
        assert!(tokio::time::timeout(PATIENCE, &mut next).await.is_err(), "it waits");
        drop(release);
        assert!(hangs.await.expect("no panic").expect("no panic"));
        next.await.expect("no panic");
    }
}
