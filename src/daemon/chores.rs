//! Housekeeping on a clock of its own, in UTC, where a late or lost tick costs nothing.

use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tracing::error;

use crate::runner;

/// Something the daemon does for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chore {
    /// Copy the store's log into its database while nothing else is going on.
    Checkpoint,
    /// Read jobs.toml as `check` does, and log what has become wrong since: a calendar that runs out, a file that
    /// is gone.
    LookAhead,
    /// Look after freshd's own records: see whether a backup is wanted, and whether the database is sound.
    Care,
    /// Forget what is beyond `[history]`.
    Forget,
    /// The same with the files, which are much to look at.
    ForgetFiles,
}

/// When each is done: second, minute, hour, day of month, month, day of week.
///
/// A backup is taken once a day at most: the hourly look takes the one that failed, or that a midnight made wanted.
const CHORES: [(&str, Chore); 5] = [
    ("0 17 * * * *", Chore::Checkpoint),
    ("0 30 5 * * *", Chore::LookAhead),
    ("0 37 * * * *", Chore::Care),
    ("0 47 * * * *", Chore::Forget),
    ("0 53 4 * * *", Chore::ForgetFiles),
];
/// Chores that wait for the main loop, at most; a further one is left out.
const CHORES_WAITING_MAX: usize = 16;
/// The scheduler looks every half second whether something is due. It is let do so for this long when something is.
const LOOKING: Duration = Duration::from_secs(5);
/// The thread sleeps, and now and then computes a few times of day.
const STACK_BYTES: usize = 256 << 10;

/// The schedule of chores; they stop when it is dropped.
pub(super) struct Chores {
    due: mpsc::Receiver<Chore>,
}

impl Chores {
    /// Starts it, on a thread of its own.
    pub(super) fn start() -> anyhow::Result<Self> {
        Self::start_with(CHORES.to_vec(), LOOKING)
    }

    fn start_with(chores: Vec<(&'static str, Chore)>, looking: Duration) -> anyhow::Result<Self> {
        let (sender, due) = mpsc::channel(CHORES_WAITING_MAX);
        std::thread::Builder::new()
            .name("chores".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                while !sender.is_closed() {
                    if let Err(error) = round(&chores, looking, &sender) {
                        error!(%error, "freshd's own chores have ended; the rest goes on, restart it to have them done");
                        return;
                    }
                }
            })
            .context("start the thread of freshd's own chores")?;
        Ok(Self { due })
    }

    /// The next chore, when it is due.
    pub(super) async fn next(&mut self) -> Option<Chore> {
        self.due.recv().await
    }
}

/// Sleeps until the next chore is due, and lets the scheduler tell it. Some tasks of a scheduler never end: they go
/// with the runtime, and the next round has a new one.
fn round(chores: &[(&'static str, Chore)], looking: Duration, sender: &mpsc::Sender<Chore>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        tokio::select! {
            told = tell_next(chores, looking, sender) => told.map_err(Into::into),
            () = sender.closed() => Ok(()),
        }
    })
}

async fn tell_next(
    chores: &[(&'static str, Chore)],
    looking: Duration,
    sender: &mpsc::Sender<Chore>,
) -> Result<(), JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    for &(when, chore) in chores {
        let sender = sender.clone();
        let job = Job::new(when, move |_, _| {
            // Full means that the loop has better things to do; the chore comes round again.
            let _ = sender.try_send(chore);
        })?;
        scheduler.add(job).await?;
    }
    // It tells nothing that is due in this very second: then it looks at once.
    let until_due = scheduler.time_till_next_job().await?.unwrap_or_default();
    tokio::time::sleep(until_due).await;
    scheduler.start().await?;
    tokio::time::sleep(looking).await;
    Ok(())
}

/// Gives back what work has left behind, beside the loop: the allocator looks through everything it holds.
pub(super) fn give_back_memory() {
    tokio::task::spawn_blocking(runner::give_back_memory);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chore_comes_round_again_and_again() {
        // Shorter than the second between two of them: each comes from a round of its own.
        let looking = Duration::from_millis(700);
        let mut chores = Chores::start_with(vec![("* * * * * *", Chore::Checkpoint)], looking).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for _ in 0..2 {
            assert_eq!(runtime.block_on(chores.next()), Some(Chore::Checkpoint));
        }
    }

    #[test]
    fn every_chore_has_a_time() {
        for (when, _) in CHORES {
            assert!(Job::new(when, |_, _| {}).is_ok(), "{when}");
        }
    }
}
