//! The one thread that writes: takes whatever commits wait, and makes them durable together.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{Notify, oneshot};

use super::group::Group;
use super::lock::StateLock;
use super::seen::Witness;
use super::{CommitError, OpenError, Store};
use crate::model::Fact;

/// Requests that may wait. Who asks for more is held up until the disk has caught up.
const REQUESTS_WAITING_MAX: usize = 1_024;

/// Facts in one transaction, about: bounds how long the first commit of a group waits for the last.
const GROUP_FACTS_MAX: usize = 8_192;

/// The log is copied into the database when it has grown to this: 16 MiB.
const LOG_PAGES_CHECKPOINT: u64 = 4_096;

/// The log may grow to this, 48 MiB, before readers are waited for.
const LOG_PAGES_MAX: u64 = 3 * LOG_PAGES_CHECKPOINT;

/// How long readers are waited for then.
const READERS_WAIT: Duration = Duration::from_millis(500);

/// How long nothing must have been written before the log is copied into the database for want of other work.
const IDLE_BEFORE_CHECKPOINT: Duration = Duration::from_secs(10);

/// A shorter log, 256 KiB, is left as it is then: copying each sign of life would quadruple the syncs of an idle daemon.
const LOG_PAGES_WORTH_COPYING: u64 = 64;

/// Stores facts, through a thread of its own.
///
/// Dropping it stores what was asked for before, and closes the database in order.
#[derive(Debug)]
pub struct Writer {
    sender: SyncSender<Request>,
    thread: Option<JoinHandle<()>>,
    rested: Arc<Notify>,
}

type Answer = oneshot::Sender<Result<(), CommitError>>;

#[derive(Debug)]
enum Request {
    Commit(Arc<Vec<Fact>>, Answer),
    Checkpoint(Answer),
    HealthWrite(Answer),
    Close(Answer),
}

impl Store {
    /// Starts the thread that writes. The directory stays locked until the writer is closed or dropped.
    ///
    /// # Errors
    /// Fails when the thread cannot be started.
    pub fn into_writer(self) -> Result<Writer, OpenError> {
        self.into_writer_resting_after(IDLE_BEFORE_CHECKPOINT)
    }

    pub(super) fn into_writer_resting_after(self, idle: Duration) -> Result<Writer, OpenError> {
        let Self { connection, dir, lock } = self;
        let file = dir.clone();
        let (sender, receiver) = sync_channel(REQUESTS_WAITING_MAX);
        let rested = Arc::new(Notify::new());
        let rests = rested.clone();
        let thread = Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(connection, &dir, &receiver, lock, idle, &rests))
            .map_err(|error| OpenError::Other {
                doing: "start the writer of",
                file,
                detail: error.to_string(),
            })?;
        Ok(Writer {
            sender,
            thread: Some(thread),
            rested,
        })
    }
}

impl Writer {
    /// Stores `facts`, all or none; durable once the answer is `Ok`.
    ///
    /// Takes its place in the queue at once, before the future is first polled: commits are stored in the order of
    /// these calls. Blocks for a moment when very many wait already. Dropping the future takes nothing back.
    ///
    /// The facts are shared with whoever asks, who may ask for the same ones again, or tell of them afterwards.
    pub fn commit<Facts>(&self, facts: Facts) -> impl Future<Output = Result<(), CommitError>> + Send + use<Facts>
    where
        Facts: Into<Arc<Vec<Fact>>>,
    {
        let (answer, answered) = oneshot::channel();
        self.send(Request::Commit(facts.into(), answer));
        answer_of(answered)
    }

    /// The same for a thread that may wait. Not for async code.
    ///
    /// # Errors
    /// As of [`Writer::commit`].
    pub fn commit_blocking(&self, facts: Vec<Fact>) -> Result<(), CommitError> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::Commit(Arc::new(facts), answer));
        answered.blocking_recv().unwrap_or(Err(CommitError::Closed))
    }

    /// Copies the whole log into the database and empties it, as far as readers allow: a chore for idle minutes.
    pub fn checkpoint(&self) -> impl Future<Output = Result<(), CommitError>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::Checkpoint(answer));
        answer_of(answered)
    }

    /// Returns when much was written, nothing more came for a while, and the memory that it took was freed.
    pub async fn rested(&self) {
        self.rested.notified().await;
    }

    /// A real write, synced like any other: `Ok` proves that freshd can still record what happens.
    pub fn health_write(&self) -> impl Future<Output = Result<(), CommitError>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::HealthWrite(answer));
        answer_of(answered)
    }

    /// Stores what was asked for before, copies the log into the database, and gives the directory back.
    ///
    /// # Errors
    /// Fails when the log could not be copied; nothing is lost then, the next start copies it.
    pub fn close(mut self) -> Result<(), CommitError> {
        self.end()
    }

    fn send(&self, request: Request) {
        // When the thread has ended, the answer is dropped with the request, which the asker is told as `Closed`.
        let _ = self.sender.send(request);
    }

    fn end(&mut self) -> Result<(), CommitError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        let (answer, answered) = oneshot::channel();
        self.send(Request::Close(answer));
        let joined = thread.join().map_err(|_| CommitError::Closed);
        // The thread has ended, so that the answer is there or never comes.
        let mut answered = answered;
        joined.and_then(|()| answered.try_recv().unwrap_or(Err(CommitError::Closed)))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// What is answered, or that nobody is left to answer.
async fn answer_of(answered: oneshot::Receiver<Result<(), CommitError>>) -> Result<(), CommitError> {
    answered.await.unwrap_or(Err(CommitError::Closed))
}

/// The thread: ends when it is told to, or when nobody can ask any more.
fn serve(
    connection: Connection,
    dir: &Path,
    receiver: &Receiver<Request>,
    lock: StateLock,
    idle: Duration,
    rests: &Notify,
) {
    let witness = Witness::begin(dir, &connection);
    let closed = match witness.and_then(|witness| Ok(Group::new(&connection)?.witnessed_by(witness))) {
        Ok(group) => Serving {
            group,
            idle,
            rests,
            commits: Vec::new(),
            answers: Vec::new(),
            // What a life before did not come to.
            may_release: true,
            has_rested: false,
            checkpoint_at_pages: LOG_PAGES_CHECKPOINT,
        }
        .run(receiver),
        Err(error) => refuse_all(receiver, &CommitError::of_sqlite("the writer", &error)),
    };
    // In this order: whoever gets the lock finds a database that nobody has open.
    drop(connection);
    drop(lock);
    if let Some((answer, result)) = closed {
        let _ = answer.send(result);
    }
}

fn refuse_all(receiver: &Receiver<Request>, error: &CommitError) -> Option<(Answer, Result<(), CommitError>)> {
    while let Ok(request) = receiver.recv() {
        match request {
            Request::Commit(_, answer) | Request::Checkpoint(answer) | Request::HealthWrite(answer) => {
                drop(answer.send(Err(error.clone())));
            }
            Request::Close(answer) => return Some((answer, Err(error.clone()))),
        }
    }
    None
}

struct Serving<'connection> {
    group: Group<'connection>,
    /// How long nothing must have been asked for before it rests.
    idle: Duration,
    rests: &'connection Notify,
    commits: Vec<Arc<Vec<Fact>>>,
    answers: Vec<Answer>,
    /// Rows were forgotten, and the pages that they leave may be given back.
    may_release: bool,
    /// Nothing was written since the log was last copied, or left as too short.
    has_rested: bool,
    /// Moves on while a reader keeps the log from being begun anew, so that not every commit pays for trying.
    checkpoint_at_pages: u64,
}

impl Serving<'_> {
    fn run(&mut self, receiver: &Receiver<Request>) -> Option<(Answer, Result<(), CommitError>)> {
        let mut next = None;
        loop {
            let request = match next.take() {
                Some(request) => request,
                None => self.wait(receiver)?,
            };
            match request {
                Request::Commit(facts, answer) => {
                    next = self.gather(receiver, facts, answer);
                    self.commit();
                }
                Request::Checkpoint(answer) => {
                    let _ = answer.send(self.checkpoint_all());
                }
                Request::HealthWrite(answer) => {
                    let _ = answer.send(self.group.health_write());
                }
                Request::Close(answer) => return Some((answer, self.checkpoint_all())),
            }
        }
    }

    /// The next request; copies the log when none comes for a while.
    fn wait(&mut self, receiver: &Receiver<Request>) -> Option<Request> {
        while self.may_release {
            match receiver.try_recv() {
                Ok(request) => return Some(request),
                Err(TryRecvError::Disconnected) => return None,
                // What hinders it, such as a full disk, is no reason to try on.
                Err(TryRecvError::Empty) => self.may_release = self.group.release() == Ok(true),
            }
            self.bound_log();
        }
        if !self.has_rested {
            match receiver.recv_timeout(self.idle) {
                Ok(request) => return Some(request),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.rest(),
            }
        }
        receiver.recv().ok()
    }

    /// Nothing was asked for during a while.
    fn rest(&mut self) {
        self.has_rested = true;
        if self.group.log_pages().unwrap_or(0) < LOG_PAGES_WORTH_COPYING {
            return;
        }
        // An error stops the group for good, and the next commit is told of it.
        drop(self.group.checkpoint());
        // Failing to save memory is no failure.
        let _ = self.group.shrink();
        self.rests.notify_one();
    }

    /// Takes all commits that wait behind the first one; the request that ended the search, if it was another.
    fn gather(&mut self, receiver: &Receiver<Request>, facts: Arc<Vec<Fact>>, answer: Answer) -> Option<Request> {
        let mut facts_gathered = facts.len();
        self.commits.push(facts);
        self.answers.push(answer);
        while facts_gathered < GROUP_FACTS_MAX {
            match receiver.try_recv() {
                Ok(Request::Commit(facts, answer)) => {
                    facts_gathered += facts.len();
                    self.commits.push(facts);
                    self.answers.push(answer);
                }
                Ok(other) => return Some(other),
                Err(_) => return None,
            }
        }
        None
    }

    fn commit(&mut self) {
        let group: Vec<&[Fact]> = self.commits.iter().map(|facts| facts.as_slice()).collect();
        let results = self.group.commit(&group);
        for (answer, result) in self.answers.drain(..).zip(results) {
            // Nobody may be waiting any more.
            let _ = answer.send(result);
        }
        let is_forgetting = |fact: &Fact| matches!(fact, Fact::Forgotten(_));
        self.may_release |= self.commits.iter().any(|facts| facts.iter().any(is_forgetting));
        let is_life = |fact: &Fact| matches!(fact, Fact::Life(_));
        // What signs of life add to the log is little: an idle daemon does not look at it for that.
        let is_idle = self.commits.iter().all(|facts| facts.iter().all(is_life));
        self.commits.clear();
        if !is_idle {
            self.has_rested = self.bound_log() < LOG_PAGES_WORTH_COPYING;
        }
    }

    /// Returns how long the log was found, in pages.
    fn bound_log(&mut self) -> u64 {
        let pages = self.group.log_pages().unwrap_or(0);
        if pages < LOG_PAGES_CHECKPOINT {
            self.checkpoint_at_pages = LOG_PAGES_CHECKPOINT;
        } else if pages >= self.checkpoint_at_pages {
            self.checkpoint_at_pages = pages + LOG_PAGES_CHECKPOINT;
            // An error stops the group for good, and the next commit is told of it.
            drop(if pages >= LOG_PAGES_MAX {
                self.checkpoint_all()
            } else {
                self.group.checkpoint()
            });
        }
        pages
    }

    fn checkpoint_all(&mut self) -> Result<(), CommitError> {
        self.has_rested = true;
        self.group.checkpoint_all(READERS_WAIT)
    }
}
