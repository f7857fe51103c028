//! The sign of life for somebody elsewhere: given only while freshd does what it is for.
//!
//! More withholds it than systemd's watchdog, which a restart follows: whoever watches from elsewhere is a person, who can
//! also mend what no restart does. A disk that is full and messages that do not arrive are among it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::delivery::Delivery;
use crate::engine::Engine;
use crate::model::{DeliveryOutcome, Heartbeat as Configured, Now};
use crate::store::Writer;

/// When the next sign is due, and how the last one went.
pub(super) struct Heartbeat {
    /// The one that is given, as it was configured when the next was set.
    given: Option<Configured>,
    next: Option<Instant>,
    going: Arc<AtomicBool>,
    last: Arc<Mutex<Last>>,
}

/// What the signs came to.
#[derive(Default)]
struct Last {
    taken_at: Option<Timestamp>,
    came_to: Option<Came>,
}

/// What one sign came to.
#[derive(PartialEq, Eq)]
enum Came {
    Taken,
    /// It was not given.
    Withheld(String),
    /// The other side did not take it.
    Refused(String),
}

impl Came {
    fn error(&self) -> Option<String> {
        match self {
            Self::Taken => None,
            Self::Withheld(why) => Some(format!("withheld: {why}")),
            Self::Refused(why) => Some(why.clone()),
        }
    }
}

impl Heartbeat {
    /// The first sign is due at once, if one is to be given.
    pub(super) fn new() -> Self {
        Self {
            given: None,
            next: Some(Instant::now()),
            going: Arc::default(),
            last: Arc::default(),
        }
    }

    /// Returns when the next sign is due; never, where nobody is to be told.
    pub(super) async fn due(&self) {
        match self.next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => std::future::pending().await,
        }
    }

    /// The loop has turned. Gives the sign if it is due and a test of freshd itself finds nothing.
    pub(super) fn turned(&mut self, engine: &Engine, now: Now, writer: &Writer, delivery: &Arc<Delivery>) {
        if engine.settings().heartbeat != self.given {
            // Another address knows nothing of those before.
            self.given.clone_from(&engine.settings().heartbeat);
            self.next = Some(Instant::now());
            self.last = Arc::default();
        }
        let Some(heartbeat) = &self.given else {
            self.next = None;
            return;
        };
        let now_due = self.next.is_some_and(|next| next <= Instant::now());
        if !now_due {
            return;
        }
        self.next = Some(Instant::now() + heartbeat.every);
        // The one before may still be under way: the next has its own time all the same.
        if self.going.swap(true, Ordering::AcqRel) {
            return;
        }
        let found = engine.self_test(now);
        let written = writer.health_write();
        let heartbeat = heartbeat.clone();
        let (delivery, going, last) = (delivery.clone(), self.going.clone(), self.last.clone());
        tokio::spawn(async move {
            let mut found = found;
            if let Err(error) = written.await {
                found.push(format!("the store takes no write: {error}"));
            }
            let came_to = match found.is_empty() {
                true => sent(delivery.beat(&heartbeat).await),
                false => Came::Withheld(found.join("; ")),
            };
            note(&last, came_to);
            going.store(false, Ordering::Release);
        });
    }

    /// What `freshd status` says of it.
    pub(super) fn to_json(&self) -> Value {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match self.next {
            Some(_) => json!({ "taken_at": last.taken_at, "error": last.came_to.as_ref().and_then(Came::error) }),
            None => Value::Null,
        }
    }
}

fn sent(outcome: DeliveryOutcome) -> Came {
    match outcome {
        DeliveryOutcome::Accepted => Came::Taken,
        DeliveryOutcome::Temporary { error, .. }
        | DeliveryOutcome::Unreachable { error }
        | DeliveryOutcome::Permanent { error }
        | DeliveryOutcome::Unsent { error } => Came::Refused(error),
    }
}

/// Remembers how it went, and logs what begins.
fn note(last: &Mutex<Last>, came_to: Came) {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let is_news = last
        .came_to
        .as_ref()
        .is_none_or(|before| std::mem::discriminant(before) != std::mem::discriminant(&came_to));
    match &came_to {
        Came::Taken => {
            last.taken_at = Some(Timestamp::now());
            if is_news {
                info!("the heartbeat is taken");
            }
        }
        Came::Withheld(why) if is_news => error!("no heartbeat, withheld: {why}"),
        Came::Refused(why) if is_news => warn!("the heartbeat was not taken: {why}"),
        Came::Withheld(_) | Came::Refused(_) => {}
    }
    last.came_to = Some(came_to);
}
