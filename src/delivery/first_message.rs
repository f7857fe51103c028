//! The first message of a thread, changed where it stands: whoever looks at the channel alone sees how it is by now.
//!
//! The message in the thread is what notifies, and what counts as delivered. So a change is tried once, after that was
//! taken, and nothing depends on it: the next message of the thread changes the first one again.

use std::sync::PoisonError;
use std::time::Duration;

use super::links::Links;
use super::redact::Redactor;
use super::{Delivery, Failure, http, slack, slack_app};
use crate::model::{
    ACKNOWLEDGED, CLOSED_BY, Channel, ChannelKind, DeliveryOutcome, ESCALATED, Login, Message, MessageFact, Purpose,
    STILL_BROKEN, Secret, ThreadRoot, format_duration,
};

/// Longest that a change may take, from looking up the name to the answer.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(5);

/// The label of the line by which a changed message says what it said when it was sent.
const AT_FIRST: &str = "At first";

impl Delivery {
    /// Has the first message of a thread say how it is by now, where nothing was sent behind it. Always comes back within a
    /// few seconds, with what the other side has answered. The link is that of what the thread offers, made as at each try.
    pub async fn change(&self, channel: &Channel, newest: &Message, root: &ThreadRoot) -> DeliveryOutcome {
        let link = root.offer.as_ref().and_then(|offer| self.link_by(offer));
        self.change_first(channel, newest, link.as_ref(), root).await
    }

    /// Has the first message of a thread say what the newest one says, with this link, above the facts that it came
    /// with.
    pub(super) async fn change_first(
        &self,
        channel: &Channel,
        newest: &Message,
        link: Option<&Secret>,
        root: &ThreadRoot,
    ) -> DeliveryOutcome {
        let ChannelKind::SlackApp { api, token, ca, .. } = &channel.kind else {
            return DeliveryOutcome::Accepted;
        };
        let page = self.page_of(newest);
        let links = Links {
            ack: link.map(Secret::reveal),
            page: page.as_deref(),
        };
        let body = slack::in_blocks(&as_of_now(&root.message, newest), links);
        let change = async {
            let wire = self.trust.wire(ca.as_deref()).await?;
            let authorization = http::authorization(Some(&Login::Bearer(token.clone())))?;
            slack_app::change(&wire.http, api, &authorization, &root.receipt, body).await
        };
        let late = || Failure::temporary(format!("not answered within {}", format_duration(CHANGE_TIMEOUT)));
        let result = tokio::time::timeout(CHANGE_TIMEOUT, change).await;
        let result = result.unwrap_or_else(|_elapsed| Err(late()));
        let redactor = Redactor::new(channel).and(link);
        let outcome = redactor.outcome(result);
        self.note_change(channel, &outcome);
        outcome
    }

    /// Logs when changes begin to fail, and when they work again. Nobody is told: the thread says it all.
    fn note_change(&self, channel: &Channel, outcome: &DeliveryOutcome) {
        let mut unchanged = self.unchanged.lock().unwrap_or_else(PoisonError::into_inner);
        let channel = &channel.name;
        match outcome {
            DeliveryOutcome::Accepted => {
                if unchanged.remove(channel) {
                    tracing::info!(%channel, "the first messages of threads are changed again");
                }
            }
            DeliveryOutcome::Temporary { error, .. }
            | DeliveryOutcome::Unreachable { error }
            | DeliveryOutcome::Permanent { error }
            | DeliveryOutcome::Unsent { error } => {
                if unchanged.insert(channel.clone()) {
                    tracing::warn!(
                        %channel,
                        error,
                        "the first message of a thread could not be changed; what came behind it was delivered"
                    );
                }
            }
        }
    }
}

/// What the first message says once the newest one of its thread was taken: how it is, and what there is to do, by the
/// newest; what was known at first, by itself.
fn as_of_now(first: &Message, newest: &Message) -> Message {
    // By these somebody is on it, or an end is one in part, or one of which nothing was mended.
    let of_now = newest
        .facts
        .iter()
        .filter(|fact| [ACKNOWLEDGED, ESCALATED, STILL_BROKEN, CLOSED_BY].contains(&fact.label.as_str()));
    let at_first = MessageFact {
        label: AT_FIRST.to_owned(),
        text: first.headline.clone(),
    };
    // What is over is not to look as if it went on.
    let (facts, output) = match newest.purpose {
        Purpose::Recovery => (&[][..], &[][..]),
        _ => (&first.facts[..], &first.output[..]),
    };
    Message {
        // An update says more of what is wrong, and not that less is.
        purpose: match newest.purpose {
            Purpose::Update => first.purpose,
            purpose => purpose,
        },
        facts: of_now
            .cloned()
            .chain(std::iter::once(at_first))
            .chain(facts.iter().cloned())
            .collect(),
        output: output.to_vec(),
        ..newest.clone()
    }
}
