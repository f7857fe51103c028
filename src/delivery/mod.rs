//! Notifications to people: email, Slack, webhook, file; one file each.

mod clean;
mod connection;
mod email;
mod failure;
mod file;
mod html;
mod http;
mod mail;
mod redact;
mod slack;
mod text;
mod tone;
mod trust;
mod webhook;

use std::time::Duration;

use failure::Failure;
use redact::Redactor;
use trust::Trust;

use crate::model::{Channel, ChannelKind, DeliveryOutcome, Message, Notification, format_duration};

/// Longest that one try may take, from looking up the name to the last answer.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest headline shown, in characters.
const HEADLINE_CHARS_MAX: usize = 1000;

/// Longest text of a fact or a command shown, in characters.
const FACT_CHARS_MAX: usize = 1000;

/// Most facts shown.
const FACTS_MAX: usize = 60;

/// Most commands shown.
const COMMANDS_MAX: usize = 20;

/// Most lines of output shown: the last ones.
const OUTPUT_LINES_MAX: usize = 60;

/// Longest line of output shown, in characters.
const OUTPUT_LINE_CHARS_MAX: usize = 400;

/// Sends notifications; one for the whole daemon, shared by all tries.
pub struct Delivery {
    trust: Trust,
    timeout: Duration,
}

impl Delivery {
    /// Reads the machine's certificate authorities once; `timeout` bounds every try, see
    /// [`SEND_TIMEOUT`].
    pub fn new(timeout: Duration) -> Self {
        Self {
            trust: Trust::new(),
            timeout,
        }
    }

    /// One try at sending a notification through its channel.
    ///
    /// Always comes back within the bound, never panics, and tells no secret of the channel.
    pub async fn send(&self, channel: &Channel, notification: &Notification) -> DeliveryOutcome {
        // The bound lies around everything: what is dropped here closes its connection.
        let result = tokio::time::timeout(self.timeout, self.send_once(channel, notification))
            .await
            .unwrap_or_else(|_| {
                Err(Failure::temporary(format!(
                    "channel {}: not accepted within {}",
                    channel.name,
                    format_duration(self.timeout)
                )))
            });
        Redactor::new(channel).outcome(result.into())
    }

    async fn send_once(&self, channel: &Channel, notification: &Notification) -> Result<(), Failure> {
        let to = notification.address.to.as_deref();
        let message = &notification.message;
        match &channel.kind {
            ChannelKind::Email {
                server,
                from,
                username,
                password,
                ca,
            } => {
                let mail = mail::build(from, mail::recipient(to)?, message)?;
                let wire = self.trust.wire(ca.as_deref()).await?;
                let credentials = username.as_deref().zip(password.as_ref());
                email::send(server, credentials, wire.tls, &mail).await
            }
            ChannelKind::Slack { url, ca } => {
                let wire = self.trust.wire(ca.as_deref()).await?;
                slack::send(&wire.http, url, message).await
            }
            ChannelKind::Webhook { url, secret, ca } => {
                let wire = self.trust.wire(ca.as_deref()).await?;
                let now = jiff::Timestamp::now();
                webhook::send(&wire.http, url, secret.as_ref(), message, to, now).await
            }
            ChannelKind::File { dir } => file::write(dir, message, to).await,
        }
    }
}

/// The lines of a digest about what is open, one for each incident.
fn open(message: &Message) -> Vec<String> {
    digest_lines(message, false)
}

/// What a digest says of all that is over: in one piece, each incident by its number.
fn over(message: &Message) -> Vec<String> {
    let lines = digest_lines(message, true);
    let piece = lines.join("; ");
    (!lines.is_empty()).then_some(piece).into_iter().collect()
}

fn digest_lines(message: &Message, is_over: bool) -> Vec<String> {
    let lines = message.incidents.iter().filter(|line| line.is_over == is_over);
    lines.map(|line| clean::line(&line.text, FACT_CHARS_MAX)).collect()
}

/// How many lines of output are left out, and the last ones, which are shown.
fn output_tail(message: &Message) -> (usize, &[String]) {
    let left_out = message.output.len().saturating_sub(OUTPUT_LINES_MAX);
    (left_out, &message.output[left_out..])
}
