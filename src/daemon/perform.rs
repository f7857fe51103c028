//! Actions of committed steps, performed without ever blocking the main loop.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, oneshot, watch};

use super::changes::Changes;
use super::files::{Desk, FileWork, Work};
use super::history::{self, Pace};
use super::looks::Looks;
use crate::delivery::{Delivery, Sent};
use crate::model::{Action, DeliveryOutcome, Event, Message, Name, Reply, SearchFrom, Settings, ThreadRoot};
use crate::probe;
use crate::runner::Keepers;

/// Messages being sent through one channel at the same time, at most: an outage may have left thousands. Looking up
/// a name and writing a file take a thread each, and some are to be left for everything else.
const SENDS_MAX: u32 = 8;

/// What is known of the repetitions at one channel.
#[derive(Debug, Default)]
pub(super) struct Repetition {
    /// One is on its way.
    is_going: AtomicBool,
    /// The last one was not accepted, which is logged once.
    has_failed: AtomicBool,
}

/// What performing needs.
pub(super) struct Performer {
    /// Those in force. What waits for its turn looks at them when it has it.
    pub(super) settings: watch::Sender<Arc<Settings>>,
    pub(super) state_dir: PathBuf,
    pub(super) keepers: Keepers,
    pub(super) delivery: Arc<Delivery>,
    pub(super) events: UnboundedSender<Event>,
    pub(super) replies: HashMap<u64, oneshot::Sender<Reply>>,
    pub(super) looks: Looks,
    pub(super) desk: Desk,
    /// Places for messages that are being sent at the same time, by channel.
    pub(super) sends: HashMap<Name, Arc<Semaphore>>,
    /// What first messages of threads are to say, by channel.
    pub(super) changes: HashMap<Name, Arc<Changes>>,
    /// How the last repetition went at each channel that forgets.
    pub(super) repeats: HashMap<Name, Arc<Repetition>>,
    pub(super) pace: Pace,
}

impl Performer {
    /// Performs the actions of one commit, in order where order matters; something else is due in `due_in`.
    pub(super) fn perform(&mut self, actions: Vec<Action>, due_in: Option<Duration>) {
        let mut files = FileWork::default();
        for action in actions {
            match action {
                Action::Start(spec) => self.keepers.start(spec),
                Action::Stop { id, reason } => self.keepers.stop(id, reason),
                Action::Acknowledge(id) => self.keepers.acknowledge(id),
                Action::Judge(judging) => files.add(Some(judging.id), Work::Judge(judging)),
                Action::Publish(publishing) => {
                    // What a person decided belongs to no attempt's order.
                    let attempt = publishing.version.attempt.filter(|_| !publishing.is_kept);
                    files.add(attempt, Work::Publish(publishing));
                }
                Action::Quarantine(publishing) => {
                    if let Some(id) = publishing.version.attempt {
                        files.add(Some(id), Work::Quarantine(publishing));
                    }
                }
                Action::Clean { id, run_dir, staged } => files.add(Some(id), Work::Clean { run_dir, staged }),
                Action::Probe(dataset) => self.probe(dataset),
                Action::Send { notification, follows } => self.send(*notification, follows),
                Action::Repeat { channel, messages } => self.repeat(channel, messages),
                Action::Change { channel, root, newest } => self.change(channel, *root, *newest),
                Action::Search { limits, from } => {
                    if from == SearchFrom::START {
                        self.pace.first();
                    }
                    let pause = self.pace.pause(Instant::now(), due_in);
                    history::search(self.state_dir.clone(), limits, from, pause, self.events.clone());
                }
                Action::LookBack { from, until } => {
                    history::look_back(self.state_dir.clone(), (from, until), self.events.clone());
                }
                Action::Remove(leftovers) => {
                    history::remove(self.state_dir.clone(), *leftovers, self.events.clone());
                }
                Action::Sweep => history::sweep(self.state_dir.clone(), self.events.clone()),
                Action::Reply { id, reply } => {
                    if let Some(asker) = self.replies.remove(&id) {
                        // Whoever asked may have gone; what was asked for is done all the same.
                        let _ = asker.send(reply);
                    }
                }
            }
        }
        files.start(&self.desk, &self.events);
    }

    /// Adds to a status which channels are switched off, which delivery alone knows.
    pub(super) fn add_channels_off(&self, status: &mut serde_json::Value) {
        let channels_off = self.delivery.switched_off(&self.settings.borrow().channels);
        status["channels_off"] = serde_json::json!(channels_off);
    }

    /// The configuration that is in force from now on.
    pub(super) fn take_on(&mut self, settings: Arc<Settings>) {
        self.sends.retain(|channel, _| settings.channels.contains_key(channel));
        self.changes
            .retain(|channel, _| settings.channels.contains_key(channel));
        self.repeats
            .retain(|channel, _| settings.channels.contains_key(channel));
        self.settings.send_replace(settings);
    }

    fn probe(&self, dataset: Arc<crate::model::Dataset>) {
        let events = self.events.clone();
        let looks = self.looks.clone();
        tokio::spawn(async move {
            let name = dataset.name.clone();
            let observation = looks
                .look(&name, move |at, progress| probe::observe(&dataset, at, progress))
                .await;
            let _ = events.send(Event::Probed(observation));
        });
    }

    /// Places for messages to be sent through one channel: one that hangs holds up no other.
    fn places(&mut self, channel: &Name) -> Arc<Semaphore> {
        let places = self.sends.entry(channel.clone());
        places
            .or_insert_with(|| Arc::new(Semaphore::new(SENDS_MAX as usize)))
            .clone()
    }

    /// Tells a channel again what it knows. One at a time, and nothing else meanwhile: the end of something must not be
    /// overtaken by the word that it goes on. A repetition that comes while another is on its way says nothing new.
    fn repeat(&mut self, channel: Name, messages: Vec<Message>) {
        let repetition = self.repeats.entry(channel.clone()).or_default().clone();
        if repetition.is_going.swap(true, Ordering::AcqRel) {
            return;
        }
        let settings = self.settings.subscribe();
        let delivery = self.delivery.clone();
        let places = self.places(&channel);
        let telling = tokio::spawn(async move {
            let _places = places.acquire_many_owned(SENDS_MAX).await;
            let channel = settings.borrow().channels.get(&channel).cloned()?;
            Some((channel.name.clone(), delivery.repeat(&channel, &messages).await))
        });
        tokio::spawn(async move {
            let told = telling.await;
            repetition.is_going.store(false, Ordering::Release);
            let Ok(Some((channel, outcome))) = told else { return };
            repetition.note(&channel, &outcome);
        });
    }

    /// Changes the first message of a thread, when nothing else is to be sent through its channel: it must not overtake, nor
    /// be overtaken by, what a message behind it makes of the first.
    fn change(&mut self, channel: Name, root: ThreadRoot, newest: Message) {
        let settings = self.settings.subscribe();
        let delivery = self.delivery.clone();
        let changes = self.changes.entry(channel.clone()).or_default();
        changes.put_in(root, newest, move |change| {
            let channel = settings.borrow().channels.get(&channel).cloned();
            let delivery = delivery.clone();
            async move {
                match channel {
                    Some(channel) => delivery.change(&channel, &change.newest, &change.root).await,
                    // With its channel the thread is gone.
                    None => DeliveryOutcome::Accepted,
                }
            }
        });
    }

    fn send(&mut self, notification: crate::model::Notification, follows: Option<Box<ThreadRoot>>) {
        let events = self.events.clone();
        let id = notification.id;
        let settings = self.settings.subscribe();
        let delivery = self.delivery.clone();
        let places = self.places(&notification.address.channel);
        let changes = self.changes.entry(notification.address.channel.clone()).or_default();
        let turn = changes.sending(follows.as_deref());
        let sending = tokio::spawn(async move {
            let _place = places.acquire_owned().await;
            turn.turn().await;
            // Only now: while it waited, its channel may have got another address or password.
            let channel = settings.borrow().channels.get(&notification.address.channel).cloned();
            match channel {
                Some(channel) => {
                    let sent = delivery.send_in_thread(&channel, &notification, follows.as_deref());
                    let sent = sent.await;
                    if sent.outcome == DeliveryOutcome::Accepted {
                        turn.taken();
                    }
                    sent
                }
                None => not_taken(DeliveryOutcome::Unsent {
                    error: format!("channel {} is no longer in jobs.toml", notification.address.channel),
                }),
            }
        });
        tokio::spawn(async move {
            let sent = sending.await.unwrap_or_else(|panic| {
                // Nobody knows how far it came.
                not_taken(DeliveryOutcome::Unreachable {
                    error: format!("freshd failed while sending: {panic}"),
                })
            });
            let Sent { outcome, receipt } = sent;
            let _ = events.send(Event::Delivered { id, outcome, receipt });
        });
    }
}

fn not_taken(outcome: DeliveryOutcome) -> Sent {
    Sent { outcome, receipt: None }
}

impl Repetition {
    /// Logs when repetitions begin to fail, and when they work again. Nobody is told: the next message that matters is.
    fn note(&self, channel: &Name, outcome: &DeliveryOutcome) {
        let error = outcome.error();
        match (self.has_failed.swap(error.is_some(), Ordering::AcqRel), error) {
            (false, Some(error)) => tracing::warn!(
                %channel,
                error,
                "what is open could not be told again; until it can, the channel may take it for over"
            ),
            (true, None) => tracing::info!(%channel, "what is open is told again"),
            (true, Some(_)) | (false, None) => {}
        }
    }
}
