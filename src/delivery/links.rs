//! The addresses of the web that a message ends with: where its incident is taken on, and where it is seen.

use std::sync::Arc;

use crate::model::{AckOffer, Message, Secret};

/// What is offered by the link that takes an incident on.
pub(super) const ACK_WORDS: &str = "Take it on, without a login";

/// The same on a button of a phone, which has room for little.
pub(super) const ACK_WORDS_SHORT: &str = "Take it on";

/// What is offered by the link to the page.
pub(super) const PAGE_WORDS: &str = "See it in freshd";

/// Where a reader of a message that offers its incident can take that on without a login; `None` where there is no such place.
pub type AckLink = Arc<dyn Fn(&AckOffer) -> Option<Secret> + Send + Sync>;

/// The page about what a message tells, for who may see it; `None` where people have no way to it.
pub type PageLink = Arc<dyn Fn(&Message) -> Option<String> + Send + Sync>;

/// The links of one message.
#[derive(Clone, Copy, Default)]
pub(super) struct Links<'a> {
    /// By it the incident is taken on: a credential, which stands in what is sent and in nothing that is kept.
    pub(super) ack: Option<&'a str>,
    /// The page of the incident; whoever opens it has to log in where that is asked for.
    pub(super) page: Option<&'a str>,
}

impl<'a> Links<'a> {
    /// Each with the words that offer it.
    pub(super) fn offers(self) -> impl Iterator<Item = (&'static str, &'a str)> {
        let ack = self.ack.map(|url| (ACK_WORDS, url));
        let page = self.page.map(|url| (PAGE_WORDS, url));
        ack.into_iter().chain(page)
    }

    /// For what is kept where others read it: no credential.
    pub(super) fn without_ack(self) -> Self {
        Self { ack: None, ..self }
    }
}
