//! The one thread that writes: takes whatever commits wait, and makes them durable together.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::group::Group;
use super::lock::StateLock;
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

/// Stores facts, through a thread of its own.
///
/// Dropping it stores what was asked for before, and closes the database in order.
#[derive(Debug)]
pub struct Writer {
    sender: SyncSender<Request>,
    thread: Option<JoinHandle<()>>,
}

type Answer = oneshot::Sender<Result<(), CommitError>>;

#[derive(Debug)]
enum Request {
    Commit(Vec<Fact>, Answer),
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
        let Self { connection, dir, lock } = self;
        let (sender, receiver) = sync_channel(REQUESTS_WAITING_MAX);
        let thread = Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(connection, &receiver, lock))
            .map_err(|error| OpenError::Other {
                doing: "start the writer of",
                file: dir,
                detail: error.to_string(),
            })?;
        Ok(Writer {
            sender,
            thread: Some(thread),
        })
    }
}

impl Writer {
    /// Stores `facts`, all or none; durable once the answer is `Ok`.
    ///
    /// Takes its place in the queue at once, before the future is first polled: commits are stored in the order of
    /// these calls. Blocks for a moment when very many wait already. Dropping the future takes nothing back.
    pub fn commit(&self, facts: Vec<Fact>) -> impl Future<Output = Result<(), CommitError>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::Commit(facts, answer));
        answer_of(answered)
    }

    /// The same for a thread that may wait. Not for async code.
    ///
    /// # Errors
    /// As of [`Writer::commit`].
    pub fn commit_blocking(&self, facts: Vec<Fact>) -> Result<(), CommitError> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::Commit(facts, answer));
        answered.blocking_recv().unwrap_or(Err(CommitError::Closed))
    }

    /// Copies the whole log into the database and empties it, as far as readers allow: a chore for idle minutes.
    pub fn checkpoint(&self) -> impl Future<Output = Result<(), CommitError>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::Checkpoint(answer));
        answer_of(answered)
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
fn serve(connection: Connection, receiver: &Receiver<Request>, lock: StateLock) {
    let closed = match Group::new(&connection) {
        Ok(group) => Serving {
            group,
            commits: Vec::new(),
            answers: Vec::new(),
            log_is_copied: false,
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
    commits: Vec<Vec<Fact>>,
    answers: Vec<Answer>,
    log_is_copied: bool,
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
        if !self.log_is_copied {
            match receiver.recv_timeout(IDLE_BEFORE_CHECKPOINT) {
                Ok(request) => return Some(request),
                Err(RecvTimeoutError::Disconnected) => return None,
                // An error stops the group for good, and the next commit is told of it.
                Err(RecvTimeoutError::Timeout) => drop(self.group.checkpoint()),
            }
            self.log_is_copied = true;
            // Failing to save memory is no failure.
            let _ = self.group.shrink();
        }
        receiver.recv().ok()
    }

    /// Takes all commits that wait behind the first one; the request that ended the search, if it was another.
    fn gather(&mut self, receiver: &Receiver<Request>, facts: Vec<Fact>, answer: Answer) -> Option<Request> {
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
        let results = self.group.commit(&mut self.commits);
        for (answer, result) in self.answers.drain(..).zip(results) {
            // Nobody may be waiting any more.
            let _ = answer.send(result);
        }
        self.commits.clear();
        self.log_is_copied = false;
        self.bound_log();
    }

    fn bound_log(&mut self) {
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
    }

    fn checkpoint_all(&mut self) -> Result<(), CommitError> {
        self.log_is_copied = true;
        self.group.checkpoint_all(READERS_WAIT)
    }
}
