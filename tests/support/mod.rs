//! Real other sides for tests: a mail server, an HTTP receiver, certificates, and messages to send.
#![allow(dead_code, reason = "each test program uses its own part of it")]

pub(crate) mod certificates;
pub(crate) mod http;
pub(crate) mod sample;
pub(crate) mod smtp;
mod smtp_session;

use std::time::Duration;

use tokio::sync::watch;

/// How long a test waits for something that must happen; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until what a sink has recorded satisfies `holds`, and returns the record of that moment.
pub(crate) async fn wait_until<R>(record: &watch::Sender<R>, what: &str, mut holds: impl FnMut(&R) -> bool) -> R
where
    R: Clone + std::fmt::Debug,
{
    let mut seen = record.subscribe();
    let waited = tokio::time::timeout(PATIENCE, seen.wait_for(|record| holds(record))).await;
    let Ok(found) = waited else {
        panic!("no {what} within {PATIENCE:?}: {:?}", *record.borrow());
    };
    found.expect("the sink is still there").clone()
}
