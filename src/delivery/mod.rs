//! Notifications to people: email, chats, pagers, webhooks, programs, files; one file for each kind of channel.

mod alertmanager;
mod clean;
mod command;
mod connection;
mod email;
mod failure;
mod file;
mod first_message;
mod groups;
mod html;
mod html_text;
mod http;
mod links;
mod mail;
mod ntfy;
mod pagerduty;
mod redact;
mod slack;
mod slack_app;
mod teams;
mod text;
mod tone;
mod trust;
mod webhook;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use failure::Failure;
use links::Links;
pub use links::{AckLink, PageLink};
use redact::Redactor;
use trust::Trust;

use crate::model::{
    AckOffer, Channel, ChannelKind, ChannelOff, DeliveryOutcome, Heartbeat, Login, Message, Name, Notification,
    Purpose, RUNBOOK, Secret, ThreadRoot, format_duration,
};

/// Longest that one try may take, from looking up the name to the last answer. A program has a limit of its own.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// What it may take beyond its limit until a program is ended and what it said is read.
const ENDING_TIME: Duration = Duration::from_secs(5);

/// Longest headline shown, in characters.
const HEADLINE_CHARS_MAX: usize = 1000;

/// Longest text of a fact or a command shown, in characters.
const FACT_CHARS_MAX: usize = 1000;

/// Longest address of the web that is passed on, in bytes.
const LINK_BYTES_MAX: usize = 2000;

/// Most facts shown.
const FACTS_MAX: usize = 60;

/// Most commands shown.
const COMMANDS_MAX: usize = 20;

/// Most lines of output shown: the last ones.
const OUTPUT_LINES_MAX: usize = 60;

/// Longest line of output shown, in characters.
const OUTPUT_LINE_CHARS_MAX: usize = 400;

/// What a try at sending came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// How it ended.
    pub outcome: DeliveryOutcome,
    /// What the other side calls it, if it was taken by a kind of channel where others can follow it.
    pub receipt: Option<String>,
}

/// Sends notifications; one for the whole daemon, shared by all tries.
pub struct Delivery {
    trust: Trust,
    timeout: Duration,
    ack_link: Option<AckLink>,
    page_link: Option<PageLink>,
    /// Webhooks whose receivers are gone, as they were defined then, with what was answered, which tells no secret.
    gone: Mutex<HashMap<Name, (ChannelKind, String)>>,
    /// Channels at which the last change of a thread's first message failed, which is logged once.
    unchanged: Mutex<HashSet<Name>>,
}

impl Delivery {
    /// Reads the machine's certificate authorities once; `timeout` bounds every try, see
    /// [`SEND_TIMEOUT`].
    pub fn new(timeout: Duration) -> Self {
        Self {
            trust: Trust::new(),
            timeout,
            ack_link: None,
            page_link: None,
            gone: Mutex::default(),
            unchanged: Mutex::default(),
        }
    }

    /// Puts a link into what is sent by which an incident is taken on: into all but a file and an Alertmanager, where others
    /// than those who are told look on.
    ///
    /// A link is a credential, so it is neither decided nor stored with the words of a message, which are on record and in
    /// each copy of the database. It is made here, at each try, from what is committed (the notification) and the key of the
    /// state directory: the same notification always has the same link.
    #[must_use]
    pub fn with_ack_links(mut self, ack_link: AckLink) -> Self {
        self.ack_link = Some(ack_link);
        self
    }

    /// Puts the address of the page about it into every message.
    #[must_use]
    pub fn with_page_links(mut self, page_link: PageLink) -> Self {
        self.page_link = Some(page_link);
        self
    }

    /// One try at sending a notification through its channel.
    ///
    /// Always comes back within the bound, never panics, and tells no secret of the channel.
    pub async fn send(&self, channel: &Channel, notification: &Notification) -> DeliveryOutcome {
        self.send_in_thread(channel, notification, None).await.outcome
    }

    /// The same behind the first message of its thread.
    ///
    /// Where the first message can be changed it then says how it stands by now. That is no part of the try: it has a short
    /// bound of its own, and the outcome is the same without it.
    pub async fn send_in_thread(
        &self,
        channel: &Channel,
        notification: &Notification,
        follows: Option<&ThreadRoot>,
    ) -> Sent {
        let (message, link) = (&notification.message, self.link_of(notification));
        if let Some(outcome) = self.refused_before(channel, message) {
            return Sent { outcome, receipt: None };
        }
        let sending = self.send_once(channel, notification, follows.map(|root| root.receipt.as_str()));
        let (result, receipt) = match self.within_bound(channel, sending).await {
            Ok(receipt) => (Ok(()), receipt),
            Err(failure) => (Err(failure), None),
        };
        if let (Ok(()), None, Some(root)) = (&result, &receipt, follows) {
            self.change_first(channel, message, link.as_ref(), root).await;
        }
        let result = result.map_err(|failure| Redactor::new(channel).and(link.as_ref()).failure(failure));
        Sent {
            outcome: self.remember(channel, result),
            receipt,
        }
    }

    fn link_of(&self, notification: &Notification) -> Option<Secret> {
        self.link_by(&AckOffer::of(notification)?)
    }

    fn link_by(&self, offer: &AckOffer) -> Option<Secret> {
        self.ack_link.as_ref().and_then(|ack_link| ack_link(offer))
    }

    fn page_of(&self, message: &Message) -> Option<String> {
        self.page_link.as_ref().and_then(|page_link| page_link(message))
    }

    /// Gives a sign of life to somebody elsewhere, within the same bound, and tells no secret of it.
    pub async fn beat(&self, heartbeat: &Heartbeat) -> DeliveryOutcome {
        let beat = async {
            let wire = self.trust.wire(heartbeat.ca.as_deref()).await?;
            http::get(&wire.http, &heartbeat.url).await?.judge()
        };
        let late = || Failure::temporary(format!("not answered within {}", format_duration(self.timeout)));
        let result = tokio::time::timeout(self.timeout, beat).await;
        let result = result.unwrap_or_else(|_elapsed| Err(late()));
        Redactor::of_url(&heartbeat.url).outcome(result)
    }

    /// One try at telling a channel that forgets ([`ChannelKind::forgets`]) what it was told before, bounded as
    /// [`Self::send`] is. Any other channel needs to hear nothing again.
    pub async fn repeat(&self, channel: &Channel, messages: &[Message]) -> DeliveryOutcome {
        let result = self
            .within_bound(channel, self.alert(&channel.kind, messages, true))
            .await;
        Redactor::new(channel).outcome(result)
    }

    async fn within_bound<T>(
        &self,
        channel: &Channel,
        sending: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let bound = match &channel.kind {
            ChannelKind::Command(command) => command.timeout + ENDING_TIME,
            _ => self.timeout,
        };
        // The bound lies around everything: what is dropped here closes its connection.
        tokio::time::timeout(bound, sending).await.unwrap_or_else(|_| {
            Err(Failure::unreachable(format!(
                "channel {}: not accepted within {}",
                channel.name,
                format_duration(bound)
            )))
        })
    }

    /// A webhook that has answered 410 is left alone until it is defined otherwise, as Standard Webhooks demands. Whoever
    /// tests it wants to know whether that still holds.
    fn refused_before(&self, channel: &Channel, message: &Message) -> Option<DeliveryOutcome> {
        if message.purpose == Purpose::Test {
            return None;
        }
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        let off = off(&gone, channel)?;
        Some(DeliveryOutcome::Unsent {
            error: format!("{}: {}", off.until(), off.answer),
        })
    }

    /// The channels that are switched off as they are defined, in the order of their names.
    pub fn switched_off(&self, channels: &BTreeMap<Name, Channel>) -> Vec<ChannelOff> {
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        channels.values().filter_map(|channel| off(&gone, channel)).collect()
    }

    /// Switches a webhook off whose receiver is gone, and says so; or on again. What is remembered, and what is said behind the
    /// answer, tells no secret and is bounded by then: what was cut before could not be recognised as one.
    fn remember(&self, channel: &Channel, result: Result<(), Failure>) -> DeliveryOutcome {
        let is_switched = matches!(channel.kind, ChannelKind::Webhook { .. });
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(()) => {
                gone.remove(&channel.name);
                DeliveryOutcome::Accepted
            }
            Err(Failure::Gone { error: answer }) if is_switched => {
                gone.insert(channel.name.clone(), (channel.kind.clone(), answer.clone()));
                let off = ChannelOff {
                    channel: channel.name.clone(),
                    answer,
                };
                DeliveryOutcome::Permanent {
                    error: format!("{}; {}", off.answer, off.until()),
                }
            }
            Err(
                failure @ (Failure::Temporary { .. }
                | Failure::Unreachable { .. }
                | Failure::Permanent { .. }
                | Failure::Unsent { .. }
                | Failure::Gone { .. }),
            ) => failure.into(),
        }
    }

    /// Posts alerts to an Alertmanager.
    async fn alert(&self, kind: &ChannelKind, messages: &[Message], again: bool) -> Result<(), Failure> {
        let ChannelKind::Alertmanager { url, login, labels, ca } = kind else {
            return Ok(());
        };
        let wire = self.trust.wire(ca.as_deref()).await?;
        let authorization = http::authorization(login.as_ref())?;
        let now = jiff::Timestamp::now();
        let page_of = |message: &Message| self.page_of(message);
        let sending = alertmanager::Sending {
            labels,
            page_of: &page_of,
            again,
            now,
        };
        alertmanager::send(&wire.http, url, &authorization, messages, &sending).await
    }

    async fn send_once(
        &self,
        channel: &Channel,
        notification: &Notification,
        follows: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        let to = notification.address.to.as_deref();
        let message = &*notification.message;
        let link = self.link_of(notification);
        let page = self.page_of(message);
        let links = Links {
            ack: link.as_ref().map(Secret::reveal),
            page: page.as_deref(),
        };
        let sent = match &channel.kind {
            ChannelKind::SlackApp {
                api,
                token,
                channel,
                ca,
            } => {
                let wire = self.trust.wire(ca.as_deref()).await?;
                let authorization = http::authorization(Some(&Login::Bearer(token.clone())))?;
                let post = slack_app::Post {
                    channel: to.unwrap_or(channel),
                    follows,
                    message,
                    links,
                };
                return slack_app::send(&wire.http, api, &authorization, &post).await;
            }
            ChannelKind::Email {
                server,
                from,
                username,
                password,
                ca,
            } => {
                let mail = mail::build(from, mail::recipient(to)?, message, links)?;
                let wire = self.trust.wire(ca.as_deref()).await?;
                let credentials = username.as_deref().zip(password.as_ref());
                email::send(server, credentials, wire.tls, &mail).await
            }
            ChannelKind::Slack { url, ca } => {
                let wire = self.trust.wire(ca.as_deref()).await?;
                slack::send(&wire.http, url, message, links).await
            }
            ChannelKind::Webhook { url, secret, ca } => {
                let wire = self.trust.wire(ca.as_deref()).await?;
                let now = jiff::Timestamp::now();
                let body = webhook::body(message, to, links)?;
                webhook::send(&wire.http, url, secret.as_ref(), &message.id, body, now).await
            }
            ChannelKind::Teams { url, ca } => {
                let wire = self.trust.wire(ca.as_deref()).await?;
                teams::send(&wire.http, url, message, links).await
            }
            ChannelKind::PagerDuty { url, routing_key, ca } => {
                let wire = self.trust.wire(ca.as_deref()).await?;
                pagerduty::send(&wire.http, url, routing_key, message, links).await
            }
            ChannelKind::Alertmanager { .. } => self.alert(&channel.kind, std::slice::from_ref(message), false).await,
            ChannelKind::Ntfy { url, topic, login, ca } => {
                let wire = self.trust.wire(ca.as_deref()).await?;
                let authorization = http::authorization(login.as_ref())?;
                ntfy::send(&wire.http, url, topic, authorization, message, links).await
            }
            ChannelKind::Command(command) => command::run(command, notification, links).await,
            ChannelKind::File { dir } => file::write(dir, message, to, links.without_ack()).await,
        };
        sent.map(|()| None)
    }
}

/// How a channel is switched off as it is defined, if it is.
fn off(gone: &HashMap<Name, (ChannelKind, String)>, channel: &Channel) -> Option<ChannelOff> {
    let (kind, answer) = gone.get(&channel.name)?;
    (*kind == channel.kind).then(|| ChannelOff {
        channel: channel.name.clone(),
        answer: answer.clone(),
    })
}

/// How many lines of output are left out, and the last ones, which are shown.
fn output_tail(message: &Message) -> (usize, &[String]) {
    let left_out = message.output.len().saturating_sub(OUTPUT_LINES_MAX);
    (left_out, &message.output[left_out..])
}

/// The page that says what to do, where the runbook is one. Nothing else becomes a link: it may be what a job has printed.
fn link(message: &Message) -> Option<&str> {
    let runbook = message.facts.iter().find(|fact| fact.label == RUNBOOK)?;
    let text = runbook.text.as_str();
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    let is_address = is_web && !text.contains(char::is_whitespace) && reqwest::Url::parse(text).is_ok();
    (is_address && text.len() <= LINK_BYTES_MAX).then_some(text)
}
