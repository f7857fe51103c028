//! The daemon's side: one handle on all keepers, whether they live, died, or are left from an earlier daemon.

mod dead;
mod keepers;
mod link_state;

use std::path::{Path, PathBuf};

use tokio::sync::{mpsc, oneshot};

pub use self::keepers::Records;
use self::keepers::{Command, KeeperSet};
use super::cgroup;
use super::files::{keeper_numbers, make_private_dir};
use crate::model::{Attempt, AttemptId, AttemptSpec, Event, StopReason};

/// A handle on all keepers of a state directory. What happens to attempts arrives as events.
///
/// - `AttemptStarted` and `AttemptEnded` may come again after a crash of the daemon, never within its life;
///   `AttemptEnded` does come again after a restart until `acknowledge` was called.
/// - An attempt may be given to `start` again as long as it was not acknowledged: it is started at most once.
/// - `AttemptNeverStarted` comes for attempts that no keeper has started and none will: they may be given to `start`
///   again, or be forgotten.
#[derive(Clone, Debug)]
pub struct Keepers {
    commands: mpsc::UnboundedSender<Command>,
}

/// An attempt that is stored as not ended.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// As it is stored.
    pub attempt: Attempt,
    /// What it was started with, as far as that is known.
    pub spec: Option<Box<AttemptSpec>>,
}

/// Why keepers cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The directory of the keepers cannot be made or read.
    #[error("the directory of the keepers cannot be used: {0}")]
    Directory(#[source] std::io::Error),
    /// No keeper can be started.
    #[error("{0}; see that this file is freshd and that processes can be started")]
    Launch(String),
}

/// Takes up what earlier lives left, and makes sure that a keeper is there for new attempts.
///
/// `unfinished` are all attempts stored as not ended; `records` says whether there may be more than those. Every one of them is answered by an event, now or when it
/// ends; so is `start` of new ones. Returns when each earlier keeper has answered or is known to be dead, or did not
/// answer within ten seconds; attempts that such a silent keeper may know stay undecided until it answers or dies.
///
/// The calling process becomes a subreaper, so that the status of attempts whose keeper dies can still be had. Only
/// one daemon may do this for one state directory; the caller holds a lock for that.
///
/// # Why nothing starts twice
/// An attempt is reported as never started only after every keeper that exists was heard or is dead. A dead one
/// cannot act, since its lock is held here, and its journal holds `started` for all that it may have started. A
/// living one has lost its connection to the daemon before by accepting ours, has dropped what was unread in it,
/// and lists everything it had read; from now on it hears only us, and new attempts go to the current keeper alone.
pub async fn recover(
    state_dir: &Path,
    exe: &Path,
    unfinished: &[Unfinished],
    records: Records,
    events: mpsc::Sender<Event>,
) -> Result<Keepers, RunnerError> {
    let state_dir: PathBuf = std::path::absolute(state_dir).map_err(RunnerError::Directory)?;
    let exe = std::path::absolute(exe).map_err(RunnerError::Directory)?;
    make_private_dir(&state_dir.join("keeper")).map_err(RunnerError::Directory)?;
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::warn!(%error, "cannot become a subreaper: attempts whose keeper dies will be lost");
    }
    let (numbers, highest) = keeper_numbers(&state_dir).map_err(RunnerError::Directory)?;
    match cgroup::find() {
        Ok(found) => {
            tracing::info!(cgroup = %found.dir.display(), "each attempt gets a cgroup of its own, and is ended by it");
            // A keeper that lives or lived without our knowing its end has a lock or a journal.
            cgroup::remove_left(&found, &state_dir, |keeper| !numbers.contains(&keeper));
        }
        Err(why) => tracing::info!(
            why,
            "attempts have no cgroup of their own: they are followed from parent to child"
        ),
    }
    let (commands, inbox) = mpsc::unbounded_channel();
    let (ready, is_ready) = oneshot::channel();
    let set = KeeperSet::new(state_dir, exe, unfinished, records, events, ready);
    tokio::spawn(set.run(numbers, highest, inbox));
    match is_ready.await {
        Ok(Ok(())) => Ok(Keepers { commands }),
        Ok(Err(why)) => Err(RunnerError::Launch(why)),
        Err(_) => Err(RunnerError::Launch("the task that serves the keepers ended".to_owned())),
    }
}

impl Keepers {
    /// Hands an attempt to the current keeper. The claim must be stored before.
    pub fn start(&self, spec: Box<AttemptSpec>) {
        self.send(Command::Start(spec));
    }

    /// Says that so many attempts may come together soon. Nothing depends on it but how soon they start.
    pub fn get_ready(&self, attempts: usize) {
        self.send(Command::GetReady(attempts));
    }

    /// Tells an attempt to end. Its end arrives as an event as always.
    pub fn stop(&self, id: AttemptId, reason: StopReason) {
        self.send(Command::Stop { id, reason });
    }

    /// Asks the keepers whether they are there, for a caller who does so every few minutes: while they have nothing in
    /// their hands, nobody else asks them.
    pub fn look(&self) {
        self.send(Command::Look);
    }

    /// Says that the end of an attempt is stored.
    pub fn acknowledge(&self, id: AttemptId) {
        self.send(Command::Acknowledge(id));
    }

    /// Ends the service: keepers leave when their attempts have ended and a later daemon has taken note. Returns when
    /// everything said before is on its way.
    pub async fn close(self) {
        let (done, is_done) = oneshot::channel();
        self.send(Command::Close(done));
        let _ = is_done.await;
    }

    fn send(&self, command: Command) {
        // Fails only while the runtime shuts down; then the next start asks for it again.
        let _ = self.commands.send(command);
    }
}
