//! The message that freshd itself is gone: from jobs.toml straight to the fallback, with no store, no outbox and no daemon.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::alerting::{Gone, gone};
use crate::config::{Environment, LastResort, last_resort};
use crate::delivery::{Delivery, SEND_TIMEOUT};
use crate::model::{Address, DeliveryOutcome, Notification, NotificationId, NotificationState};

/// Waits between the tries at one address. Whoever calls waits for all of them.
const WAITS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(20)];

/// How an address took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Where it went.
    pub address: Address,
    /// Why it was not taken, if it was not.
    pub error: Option<String>,
}

/// Tells the fallback of `config` that a unit has failed, whatever else is wrong with that file. One for each address.
/// `back_on` is the state directory on which a freshd answers all the same, if one does.
///
/// # Errors
/// Fails when nothing can be sent from here at all.
pub fn notice(
    unit: &str,
    config: &Path,
    back_on: Option<&Path>,
    environment: &Environment,
) -> std::io::Result<Vec<Notice>> {
    let LastResort {
        fallback,
        channels,
        unusable,
        mistakes,
        timezone,
    } = last_resort(config, environment);
    let now = Timestamp::now();
    let first = mistakes
        .first()
        .map(|first| format!("{}:{}: {}", first.file, first.line, first.message));
    let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    // Whoever reads it is nowhere near the directory that this was started in.
    let absolute = std::path::absolute(config).unwrap_or_else(|_| config.to_owned());
    let message = Arc::new(gone(
        format!("{:016x}.gone", now.as_microsecond()),
        &Gone {
            now,
            zone: &timezone.unwrap_or(TimeZone::UTC),
            unit,
            hostname: &hostname,
            config: &absolute.display().to_string(),
            back_on: back_on.map(|dir| dir.display().to_string()).as_deref(),
            mistakes: first.as_deref().map(|first| (first, mistakes.len())),
        },
    ));
    let notification = |address: &Address| Notification {
        id: NotificationId(0),
        incident: None,
        address: address.clone(),
        message: message.clone(),
        state: NotificationState::Pending,
        tries: 0,
        next_try_at: now,
        created_at: now,
        ended_at: None,
        last_error: None,
        receipt: None,
        digest: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let delivery = Arc::new(Delivery::new(SEND_TIMEOUT));
        let sending: Vec<_> = fallback
            .iter()
            .map(|address| {
                let (delivery, notification) = (delivery.clone(), notification(address));
                let channel = channels.get(&address.channel).cloned();
                let why = unusable.get(&address.channel).cloned();
                tokio::spawn(async move {
                    match channel {
                        Some(channel) => tried(&delivery, &channel, &notification).await,
                        None => Some(format!(
                            "channel {} cannot be used: {}",
                            notification.address.channel,
                            why.as_deref().unwrap_or("nothing defines it")
                        )),
                    }
                })
            })
            .collect();
        let mut notices = Vec::new();
        for (address, sent) in fallback.iter().cloned().zip(sending) {
            let error = sent.await.unwrap_or_else(|panic| Some(panic.to_string()));
            notices.push(Notice { address, error });
        }
        Ok(notices)
    })
}

/// Sends it, and again while another try may help; the last error.
async fn tried(delivery: &Delivery, channel: &crate::model::Channel, notification: &Notification) -> Option<String> {
    for wait in WAITS {
        match delivery.send(channel, notification).await {
            DeliveryOutcome::Accepted => return None,
            DeliveryOutcome::Permanent { error } | DeliveryOutcome::Unsent { error } => return Some(error),
            DeliveryOutcome::Temporary { .. } | DeliveryOutcome::Unreachable { .. } => tokio::time::sleep(wait).await,
        }
    }
    match delivery.send(channel, notification).await {
        DeliveryOutcome::Accepted => None,
        DeliveryOutcome::Permanent { error }
        | DeliveryOutcome::Unsent { error }
        | DeliveryOutcome::Unreachable { error }
        | DeliveryOutcome::Temporary { error, .. } => Some(error),
    }
}
