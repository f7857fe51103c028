//! Every channel against a real other side over real sockets, the bad ones included.

mod support;

#[path = "delivery/alertmanager.rs"]
mod alertmanager;
#[path = "delivery/command.rs"]
mod command;
#[path = "delivery/digest.rs"]
mod digest;
#[path = "delivery/drill.rs"]
mod drill;
#[path = "delivery/email.rs"]
mod email;
#[path = "delivery/file.rs"]
mod file;
#[path = "delivery/gone.rs"]
mod gone;
#[path = "delivery/links.rs"]
mod links;
#[path = "delivery/mail.rs"]
mod mail;
#[path = "delivery/ntfy.rs"]
mod ntfy;
#[path = "delivery/pagerduty.rs"]
mod pagerduty;
#[path = "delivery/slack.rs"]
mod slack;
#[path = "delivery/slack_app.rs"]
mod slack_app;
#[path = "delivery/slack_thread.rs"]
mod slack_thread;
#[path = "delivery/teams.rs"]
mod teams;
#[path = "delivery/webhook.rs"]
mod webhook;

use std::time::Duration;

use freshd::delivery::Delivery;
use freshd::model::{ChannelKind, DeliveryOutcome, Message};

/// The bound for tests in which nothing hangs.
const AMPLE: Duration = Duration::from_secs(20);

/// The bound for tests in which something does.
const SHORT: Duration = Duration::from_millis(300);

/// How soon a try bounded by `SHORT` is over, on a busy machine too.
const PROMPT: Duration = Duration::from_secs(4);

/// One try within an ample bound.
async fn send(kind: &ChannelKind, message: Message, to: Option<&str>) -> DeliveryOutcome {
    send_within(AMPLE, kind, message, to).await
}

async fn send_within(bound: Duration, kind: &ChannelKind, message: Message, to: Option<&str>) -> DeliveryOutcome {
    let channel = support::sample::channel(kind.clone());
    let notification = support::sample::notification(message, to);
    Delivery::new(bound).send(&channel, &notification).await
}

/// The words of a failure that may pass, and the wait that was asked for.
#[track_caller]
fn temporary(outcome: DeliveryOutcome) -> (String, Option<u64>) {
    match outcome {
        DeliveryOutcome::Temporary {
            error,
            retry_after_seconds,
        } => (error, retry_after_seconds),
        other => panic!("not temporary: {other:?}"),
    }
}

/// The words of a failure to get an answer at all.
#[track_caller]
fn unanswered(outcome: DeliveryOutcome) -> String {
    match outcome {
        DeliveryOutcome::Unreachable { error } => error,
        other => panic!("answered: {other:?}"),
    }
}

/// The words of a failure that will not pass.
#[track_caller]
fn permanent(outcome: DeliveryOutcome) -> String {
    match outcome {
        DeliveryOutcome::Permanent { error } => error,
        other => panic!("not permanent: {other:?}"),
    }
}

/// The words of a failure to send it at all.
#[track_caller]
fn unsent(outcome: DeliveryOutcome) -> String {
    match outcome {
        DeliveryOutcome::Unsent { error } => error,
        other => panic!("not unsent: {other:?}"),
    }
}
