//! The threads on which the store and files are read: few, and none that long work could take from short.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::answer::Trouble;

/// Threads that read the store and outputs, and compute from them.
pub(super) const READING_THREADS: usize = 3;
/// Searches through outputs at the same time.
const SEARCHING_MAX: usize = 1;
/// Edits that are read and compared at the same time.
const PLANNING_MAX: usize = 1;

// Whoever only reads a page always finds a thread that neither a search nor a comparison holds.
const _: () = assert!(SEARCHING_MAX + PLANNING_MAX < READING_THREADS);

/// What a thread is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// A look at the store, or at the end of one output.
    Reading,
    /// A search through outputs, which may take seconds.
    Searching,
    /// An edit read and compared with the past, which may take seconds.
    Planning,
}

/// Who has which thread. Whoever waits for one and goes away gives up only a place in the queue; work that has begun keeps
/// its thread until it is done, whether anybody still waits for it or not.
pub(super) struct Threads {
    all: Arc<Semaphore>,
    searching: Arc<Semaphore>,
    planning: Arc<Semaphore>,
}

impl Threads {
    pub(super) fn new() -> Self {
        Self {
            all: Arc::new(Semaphore::new(READING_THREADS)),
            searching: Arc::new(Semaphore::new(SEARCHING_MAX)),
            planning: Arc::new(Semaphore::new(PLANNING_MAX)),
        }
    }

    /// Does it on a thread, as soon as there is one for its kind.
    pub(super) async fn on_one<T: Send + 'static>(
        &self,
        kind: Work,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let closed = |_| Trouble::Silent("freshd is stopping".to_owned());
        let of_kind = match kind {
            Work::Reading => None,
            Work::Searching => Some(&self.searching),
            Work::Planning => Some(&self.planning),
        };
        let turn = match of_kind {
            Some(turns) => Some(turns.clone().acquire_owned().await.map_err(closed)?),
            None => None,
        };
        let thread = self.all.clone().acquire_owned().await.map_err(closed)?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work and not by who asked for it, who may be gone before it ends.
            let _held = (turn, thread);
            work()
        });
        done.await.map_err(|panic| Trouble::unreadable(&panic))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Longer than any of this takes, unless it waits for what never comes.
    const HANGS: Duration = Duration::from_secs(20);

    fn window() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(READING_THREADS)
            .enable_all()
            .build()
            .unwrap()
    }

    #[test]
    fn whoever_asks_for_long_work_and_goes_away_again_and_again_takes_no_thread_from_short_work() {
        let threads = Threads::new();
        let (begun, begins) = mpsc::channel();
        let ends: Vec<mpsc::Sender<()>> = window().block_on(async {
            let mut ends = Vec::new();
            for kind in [Work::Searching, Work::Planning].repeat(2 * READING_THREADS) {
                let (end, ended) = mpsc::channel::<()>();
                let begun = begun.clone();
                let long = threads.on_one(kind, move || {
                    let _ = begun.send(kind);
                    // Until its end is told, or the test is over.
                    let _ = ended.recv();
                });
                let gone = tokio::time::timeout(Duration::from_millis(1), long).await;
                assert!(gone.is_err(), "{kind:?} was done at once");
                ends.push(end);
            }
            let short = threads.on_one(Work::Reading, || "read");
            let read = tokio::time::timeout(HANGS, short).await;
            let read = read.expect("long work that nobody waits for has every thread");
            assert_eq!(read.unwrap(), "read");
            // The first of each goes on, and the others were never begun.
            let going: Vec<Work> = begins.try_iter().collect();
            assert!(
                going.len() == 2 && going[0] != going[1],
                "more than one of a kind at once: {going:?}"
            );
            for end in &ends {
                let _ = end.send(());
            }
            let next = tokio::time::timeout(HANGS, threads.on_one(Work::Searching, || "found")).await;
            assert_eq!(next.expect("its turn did not come back").unwrap(), "found");
            ends
        });
        drop(ends);
    }

    #[test]
    fn work_that_panics_gives_its_thread_back() {
        let threads = Threads::new();
        window().block_on(async {
            for _ in 0..2 * READING_THREADS {
                let broken = threads.on_one(Work::Planning, || panic!("broken"));
                let broken = tokio::time::timeout(HANGS, broken).await;
                assert!(broken.expect("its thread is gone").is_err());
            }
        });
    }
}
