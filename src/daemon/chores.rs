//! Housekeeping on a clock of its own, in UTC, where a late or lost tick costs nothing.

use anyhow::Context;
use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Something the daemon does for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chore {
    /// Copy the store's log into its database while nothing else is going on.
    Checkpoint,
    /// Read jobs.toml as `check` does, and log what has become wrong since: a calendar that runs out, a file that
    /// is gone.
    LookAhead,
}

/// When each is done: second, minute, hour, day of month, month, day of week.
const CHORES: [(&str, Chore); 2] = [("0 17 * * * *", Chore::Checkpoint), ("0 30 5 * * *", Chore::LookAhead)];
/// Chores that wait for the main loop, at most; a further one is left out.
const CHORES_WAITING_MAX: usize = 16;

/// The schedule of chores; they stop when it is dropped.
pub(super) struct Chores {
    due: mpsc::Receiver<Chore>,
    _scheduler: JobScheduler,
}

impl Chores {
    /// Starts it.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let (sender, due) = mpsc::channel(CHORES_WAITING_MAX);
        let scheduler = schedule(sender).await.context("schedule freshd's own chores")?;
        Ok(Self {
            due,
            _scheduler: scheduler,
        })
    }

    /// The next chore, when it is due.
    pub(super) async fn next(&mut self) -> Option<Chore> {
        self.due.recv().await
    }
}

async fn schedule(sender: mpsc::Sender<Chore>) -> Result<JobScheduler, JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    for (when, chore) in CHORES {
        let sender = sender.clone();
        let job = Job::new(when, move |_, _| {
            // Full means that the loop has better things to do; the chore comes round again.
            let _ = sender.try_send(chore);
        })?;
        scheduler.add(job).await?;
    }
    scheduler.start().await?;
    Ok(scheduler)
}
