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
use crate::model::{DeliveryOutcome, Now};
use crate::store::Writer;

/// When the next sign is due, and how the last one went.
pub(super) struct Heartbeat {
    next: Option<Instant>,
    going: Arc<AtomicBool>,
    last: Arc<Mutex<Last>>,
}

/// What the last signs came to.
#[derive(Default)]
struct Last {
    taken_at: Option<Timestamp>,
    /// Why the one after that was not given, or not taken.
    error: Option<String>,
}

impl Heartbeat {
    /// The first sign is due at once, if one is to be given.
    pub(super) fn new() -> Self {
        Self {
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
        let Some(heartbeat) = engine.settings().heartbeat.clone() else {
            self.next = None;
            return;
        };
        let due = *self.next.get_or_insert_with(Instant::now);
        if Instant::now() < due || self.going.swap(true, Ordering::AcqRel) {
            return;
        }
        self.next = Some(Instant::now() + heartbeat.every);
        let found = engine.self_test(now);
        let written = writer.health_write();
        let (delivery, going, last) = (delivery.clone(), self.going.clone(), self.last.clone());
        tokio::spawn(async move {
            let mut found = found;
            if let Err(error) = written.await {
                found.push(format!("the store takes no write: {error}"));
            }
            let result = match found.is_empty() {
                true => sent(delivery.beat(&heartbeat).await),
                false => Err(format!("withheld: {}", found.join("; "))),
            };
            note(&last, result);
            going.store(false, Ordering::Release);
        });
    }

    /// What `freshd status` says of it.
    pub(super) fn to_json(&self) -> Value {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match self.next {
            Some(_) => json!({ "taken_at": last.taken_at, "error": last.error }),
            None => Value::Null,
        }
    }
}

fn sent(outcome: DeliveryOutcome) -> Result<(), String> {
    match outcome {
        DeliveryOutcome::Accepted => Ok(()),
        DeliveryOutcome::Temporary { error, .. } | DeliveryOutcome::Permanent { error } => Err(error),
    }
}

/// Remembers how it went, and logs what has changed.
fn note(last: &Mutex<Last>, result: Result<(), String>) {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let before = last.error.take();
    match result {
        Ok(()) => {
            if last.taken_at.replace(Timestamp::now()).is_none() || before.is_some() {
                info!("the heartbeat is taken");
            }
        }
        Err(why) => {
            if before.is_none() {
                match why.starts_with("withheld") {
                    true => error!("no heartbeat: {why}"),
                    false => warn!("the heartbeat was not taken: {why}"),
                }
            }
            last.error = Some(why);
        }
    }
}
