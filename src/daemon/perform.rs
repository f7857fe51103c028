//! Actions of committed steps, performed without ever blocking the main loop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, oneshot};
use tracing::warn;

use super::files::{FileWork, Work};
use crate::delivery::Delivery;
use crate::model::{Action, DeliveryOutcome, Event, Observation, Reply, Settings, format_duration};
use crate::probe;
use crate::runner::Keepers;

/// Probes that look at the same time, at most.
pub(super) const PROBES_MAX: usize = 8;
/// Messages being sent at the same time, at most: an outage may have left thousands.
pub(super) const SENDS_MAX: usize = 32;
/// How long a probe may take.
const PROBE_WAIT: Duration = Duration::from_secs(30);

/// What performing needs.
pub(super) struct Performer {
    pub(super) settings: Arc<Settings>,
    pub(super) keepers: Keepers,
    pub(super) delivery: Arc<Delivery>,
    pub(super) events: UnboundedSender<Event>,
    pub(super) replies: HashMap<u64, oneshot::Sender<Reply>>,
    /// Places for looks that go on at the same time.
    pub(super) probes: Arc<Semaphore>,
    /// Places for messages that are being sent at the same time.
    pub(super) sends: Arc<Semaphore>,
}

impl Performer {
    /// Performs the actions of one commit, in order where order matters.
    pub(super) fn perform(&mut self, actions: Vec<Action>) {
        let mut files = FileWork::default();
        for action in actions {
            match action {
                Action::Start(spec) => self.keepers.start(spec),
                Action::Stop { id, reason } => self.keepers.stop(id, reason),
                Action::Acknowledge(id) => self.keepers.acknowledge(id),
                Action::Judge(judging) => files.add(judging.id, Work::Judge(judging)),
                Action::Publish(publishing) => match publishing.version.attempt {
                    Some(id) => files.add(id, Work::Publish(publishing)),
                    None => warn!(dataset = %publishing.version.dataset, "nothing to publish"),
                },
                Action::Quarantine(publishing) => {
                    if let Some(id) = publishing.version.attempt {
                        files.add(id, Work::Quarantine(publishing));
                    }
                }
                Action::Clean { id, run_dir, staged } => files.add(id, Work::Clean { run_dir, staged }),
                Action::Probe(dataset) => self.probe(dataset),
                Action::Send(notification) => self.send(*notification),
                Action::Reply { id, reply } => {
                    if let Some(asker) = self.replies.remove(&id) {
                        // Whoever asked may have gone; what was asked for is done all the same.
                        let _ = asker.send(reply);
                    }
                }
            }
        }
        files.start(&self.events);
    }

    fn probe(&self, dataset: Arc<crate::model::Dataset>) {
        let events = self.events.clone();
        let name = dataset.name.clone();
        let places = self.probes.clone();
        tokio::spawn(async move {
            let at = super::clock::now().wall;
            let looking = async {
                // A look that hangs keeps its place: what hangs is bounded, and everything else has threads left.
                let place = places.acquire_owned().await;
                tokio::task::spawn_blocking(move || {
                    let _place = place;
                    probe::observe(&dataset, at)
                })
                .await
            };
            let cannot_tell = |why: String| Observation {
                dataset: name,
                at,
                found: Err(why),
                path: None,
            };
            let observation = match tokio::time::timeout(PROBE_WAIT, looking).await {
                Ok(Ok(observation)) => observation,
                Ok(Err(panic)) => cannot_tell(format!("freshd failed while looking: {panic}")),
                Err(_elapsed) => cannot_tell(format!(
                    "it did not answer within {}; is a share gone?",
                    format_duration(PROBE_WAIT)
                )),
            };
            let _ = events.send(Event::Probed(observation));
        });
    }

    fn send(&self, notification: crate::model::Notification) {
        let events = self.events.clone();
        let id = notification.id;
        let channel = self.settings.channels.get(&notification.address.channel).cloned();
        let delivery = self.delivery.clone();
        let places = self.sends.clone();
        let sending = tokio::spawn(async move {
            let _place = places.acquire_owned().await;
            match channel {
                Some(channel) => delivery.send(&channel, &notification).await,
                None => DeliveryOutcome::Permanent {
                    error: format!("channel {} is no longer in jobs.toml", notification.address.channel),
                },
            }
        });
        tokio::spawn(async move {
            let outcome = sending.await.unwrap_or_else(|panic| DeliveryOutcome::Temporary {
                error: format!("freshd failed while sending: {panic}"),
                retry_after_seconds: None,
            });
            let _ = events.send(Event::Delivered { id, outcome });
        });
    }
}
