//! What the first messages of threads are to say by now, where nothing is sent behind them: one after the other, and each only
//! while nothing is being sent through its channel.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::model::{DeliveryOutcome, Message, ThreadRoot};

/// Between two changes: Slack takes fifty in a minute.
const CHANGE_EVERY: Duration = Duration::from_millis(1_200);

/// Longest pause that the other side can ask for.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// What was not taken is tried so often in all.
const TRIES_MAX: u32 = 3;

/// So many may wait at one channel; what waits longest is left out then.
const WAITING_MAX: usize = 500;

/// What the first message of a thread is to say.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) root: ThreadRoot,
    pub(super) newest: Message,
    /// Its place among all that is sent and changed through the channel.
    number: u64,
    tries: u32,
}

/// Changes at one channel. What is sent there goes first: nobody is told anything by a change.
#[derive(Debug)]
pub(super) struct Changes {
    queue: Mutex<Queue>,
    /// What the other side calls the message that is being changed.
    under_way: watch::Sender<Option<String>>,
    /// Something was sent, and may have been the last.
    sent: Notify,
    every: Duration,
}

#[derive(Debug, Default)]
struct Queue {
    /// Oldest first, and one for each message.
    waiting: VecDeque<Change>,
    /// Messages that are being sent, or wait for their turn.
    sends: usize,
    /// Of what is sent or changed next.
    number: u64,
    /// Somebody works the queue off.
    is_worked_off: bool,
}

impl Default for Changes {
    fn default() -> Self {
        Self::every(CHANGE_EVERY)
    }
}

impl Changes {
    fn every(every: Duration) -> Self {
        Self {
            queue: Mutex::default(),
            under_way: watch::Sender::new(None),
            sent: Notify::new(),
            every,
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message is to be sent, perhaps behind a first one: no change begins until what is returned is dropped.
    pub(super) fn sending(self: &Arc<Self>, follows: Option<&ThreadRoot>) -> Sending {
        let mut queue = self.queue();
        queue.sends += 1;
        Sending {
            number: queue.next_number(),
            follows: follows.map(|root| root.receipt.clone()),
            changes: self.clone(),
        }
    }

    /// One more is to be changed, in the place of an earlier change of the same; by `apply`, which comes back in time.
    pub(super) fn put_in<F, Applied>(self: &Arc<Self>, root: ThreadRoot, newest: Message, apply: F)
    where
        F: Fn(Arc<Change>) -> Applied + Send + Sync + 'static,
        Applied: Future<Output = DeliveryOutcome> + Send + 'static,
    {
        let mut queue = self.queue();
        queue.forget(&root.receipt, u64::MAX);
        if queue.waiting.len() == WAITING_MAX {
            queue.waiting.pop_front();
            tracing::debug!("more first messages of threads are to be changed than is worth while");
        }
        let number = queue.next_number();
        let tries = 0;
        queue.waiting.push_back(Change {
            root,
            newest,
            number,
            tries,
        });
        if !std::mem::replace(&mut queue.is_worked_off, true) {
            tokio::spawn(self.clone().work_off(apply));
        }
    }

    async fn work_off<F, Applied>(self: Arc<Self>, apply: F)
    where
        F: Fn(Arc<Change>) -> Applied + Send + Sync + 'static,
        Applied: Future<Output = DeliveryOutcome> + Send + 'static,
    {
        while let Some(change) = self.next().await {
            let change = Arc::new(change);
            let applied = tokio::spawn(apply(change.clone())).await;
            let pause = match applied {
                Ok(outcome @ (DeliveryOutcome::Temporary { .. } | DeliveryOutcome::Unreachable { .. })) => {
                    if let Some(change) = Arc::into_inner(change) {
                        self.queue().take_back(change);
                    }
                    let asked = outcome.retry_after();
                    asked.clamp(self.every, PAUSE_MAX)
                }
                Ok(DeliveryOutcome::Accepted | DeliveryOutcome::Permanent { .. } | DeliveryOutcome::Unsent { .. })
                | Err(_) => self.every,
            };
            self.under_way.send_replace(None);
            tokio::time::sleep(pause).await;
        }
    }

    /// The next, once nothing is being sent; nothing where none is left.
    async fn next(&self) -> Option<Change> {
        loop {
            {
                let mut queue = self.queue();
                if queue.waiting.is_empty() {
                    queue.is_worked_off = false;
                    return None;
                }
                if queue.sends == 0 {
                    let next = queue.waiting.pop_front();
                    // While nobody can begin to send.
                    self.under_way
                        .send_replace(next.as_ref().map(|change| change.root.receipt.clone()));
                    return next;
                }
            }
            self.sent.notified().await;
        }
    }
}

impl Queue {
    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// What was put in before that says nothing new of a message.
    fn forget(&mut self, receipt: &str, before: u64) {
        self.waiting
            .retain(|change| change.root.receipt != receipt || change.number > before);
    }

    /// One was not taken, and goes first once more, unless a newer one has come.
    fn take_back(&mut self, mut change: Change) {
        change.tries += 1;
        let is_newer = |other: &Change| other.root.receipt == change.root.receipt;
        if change.tries < TRIES_MAX && !self.waiting.iter().any(is_newer) {
            self.waiting.push_front(change);
        }
    }
}

/// A message on its way to a channel.
#[derive(Debug)]
pub(super) struct Sending {
    changes: Arc<Changes>,
    follows: Option<String>,
    number: u64,
}

impl Sending {
    /// Waits while the message that it is sent behind is being changed: what it makes of that comes last.
    pub(super) async fn turn(&self) {
        let mut under_way = self.changes.under_way.subscribe();
        // The sender lives as long as what is waited for.
        let _ = under_way
            .wait_for(|changed| changed.is_none() || *changed != self.follows)
            .await;
    }

    /// It was taken: the first message of its thread says what it says, and what was to be changed before counts no more.
    pub(super) fn taken(&self) {
        if let Some(receipt) = &self.follows {
            self.changes.queue().forget(receipt, self.number);
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.changes.queue().sends -= 1;
        self.changes.sent.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    use super::*;
    use crate::model::plain_message;

    fn saying(headline: &str) -> Message {
        Message {
            headline: headline.to_owned(),
            ..plain_message(jiff::Timestamp::UNIX_EPOCH)
        }
    }

    fn root(receipt: &str) -> ThreadRoot {
        ThreadRoot {
            receipt: receipt.to_owned(),
            message: Arc::new(saying("")),
            offer: None,
        }
    }

    /// A channel of which one hears what is changed, and that answers what it is told to.
    struct Channel {
        changes: Arc<Changes>,
        changed: UnboundedSender<String>,
        heard: UnboundedReceiver<String>,
        answers: Arc<Mutex<VecDeque<DeliveryOutcome>>>,
    }

    impl Channel {
        fn new(answers: impl IntoIterator<Item = DeliveryOutcome>) -> Self {
            let (changed, heard) = unbounded_channel();
            Self {
                changes: Arc::new(Changes::every(Duration::ZERO)),
                changed,
                heard,
                answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            }
        }

        fn change(&self, receipt: &str, headline: &str) {
            let (changed, answers) = (self.changed.clone(), self.answers.clone());
            self.changes.put_in(root(receipt), saying(headline), move |change| {
                let said = format!("{}: {}", change.root.receipt, change.newest.headline);
                let _ = changed.send(said);
                let answer = answers.lock().expect("whole").pop_front();
                async move { answer.unwrap_or(DeliveryOutcome::Accepted) }
            });
        }

        /// All that was changed, up to this.
        async fn until(&mut self, last: &str) -> Vec<String> {
            let mut all = Vec::new();
            while all.last().is_none_or(|said| said != last) {
                all.push(self.heard.recv().await.expect("more is to come"));
            }
            all
        }
    }

    #[tokio::test]
    async fn what_is_sent_goes_first_and_each_message_is_changed_once() {
        let mut channel = Channel::new([]);
        let sends: Vec<Sending> = (0..2).map(|_| channel.changes.sending(None)).collect();
        for number in 0..2_000 {
            channel.change(&format!("{}", number % 3), &format!("{number}"));
        }
        for send in sends {
            // Nobody waits for a change that has not begun.
            send.turn().await;
            assert!(channel.heard.try_recv().is_err());
        }
        assert_eq!(channel.until("1: 1999").await, ["2: 1997", "0: 1998", "1: 1999"]);
    }

    #[tokio::test]
    async fn what_a_message_says_behind_the_first_is_not_overtaken_by_what_was_to_be_changed_before() {
        let mut channel = Channel::new([]);
        let reminder = channel.changes.sending(Some(&root("1")));
        channel.change("1", "since");
        let refused = channel.changes.sending(Some(&root("2")));
        channel.change("2", "since");
        let end = channel.changes.sending(Some(&root("1")));
        reminder.taken();
        drop((reminder, refused));
        end.taken();
        drop(end);
        channel.change("3", "last");
        assert_eq!(channel.until("3: last").await, ["2: since", "3: last"]);
    }

    #[tokio::test]
    async fn what_is_not_taken_is_tried_again_unless_something_newer_is_to_be_said() {
        let busy = || DeliveryOutcome::Temporary {
            error: "busy".to_owned(),
            retry_after_seconds: None,
        };
        let mut channel = Channel::new([busy(), busy(), busy(), DeliveryOutcome::Accepted]);
        channel.change("1", "never taken");
        channel.change("2", "last");
        let tried = channel.until("2: last").await;
        assert_eq!(tried[..3], ["1: never taken", "1: never taken", "1: never taken"]);
        assert_eq!(tried.len(), 4);
    }
}
