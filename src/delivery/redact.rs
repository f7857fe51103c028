//! Takes the values of a channel's secrets out of every text that leaves the room.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::clean;
use super::failure::Failure;
use crate::model::{self, Channel, ChannelKind, DeliveryOutcome, Login, Secret, SecretTexts};

/// Longest error text that leaves the room, in characters: three lines of a terminal. What a receiver answers may be a page.
const ERROR_CHARS_MAX: usize = 240;

/// Shorter parts of a URL are words rather than tokens.
const URL_PART_BYTES_MIN: usize = 8;

/// All texts that give a channel's secrets away.
pub(super) struct Redactor {
    /// As they are sent, however short.
    telling: BTreeSet<String>,
    /// The same and the link of the message, whatever a receiver has made of them.
    texts: SecretTexts,
}

impl Redactor {
    /// Knows the secrets of this channel, and the forms in which they travel.
    pub(super) fn new(channel: &Channel) -> Self {
        let mut telling = Vec::new();
        match &channel.kind {
            ChannelKind::Email { username, password, .. } => {
                if let Some(password) = password {
                    let password = password.reveal();
                    let user = username.as_deref().unwrap_or_default();
                    telling.push(password.to_owned());
                    telling.push(STANDARD.encode(password));
                    telling.push(STANDARD.encode(format!("\0{user}\0{password}")));
                }
            }
            ChannelKind::Slack { url, .. } | ChannelKind::Teams { url, .. } => telling.extend(url_parts(url)),
            ChannelKind::SlackApp { api, token, .. } => {
                telling.extend(url_parts(api));
                telling.push(token.reveal().to_owned());
            }
            ChannelKind::PagerDuty { url, routing_key, .. } => {
                telling.extend(url_parts(url));
                telling.push(routing_key.reveal().to_owned());
            }
            ChannelKind::Alertmanager { url, login, .. } => {
                telling.extend(url_parts(url));
                telling.extend(login.iter().flat_map(login_parts));
            }
            ChannelKind::Ntfy { url, topic, login, .. } => {
                telling.extend(url_parts(url));
                telling.extend(Some(topic.reveal().to_owned()).filter(|topic| topic.len() >= URL_PART_BYTES_MIN));
                telling.extend(login.iter().flat_map(login_parts));
            }
            ChannelKind::Webhook { url, secret, .. } => {
                telling.extend(url_parts(url));
                if let Some(secret) = secret {
                    telling.push(secret.reveal().to_owned());
                    telling.push(secret.reveal().trim_start_matches("whsec_").to_owned());
                }
            }
            // A program is given none but the link, of which `and` knows.
            ChannelKind::Command(_) | ChannelKind::File { .. } => {}
        }
        Self::of(telling)
    }

    /// Knows a URL that is a secret.
    pub(super) fn of_url(url: &Secret) -> Self {
        Self::of(url_parts(url))
    }

    /// Knows a link as well, which is a secret of the message.
    pub(super) fn and(mut self, link: Option<&Secret>) -> Self {
        if let Some(link) = link {
            self.texts.add(link.reveal());
        }
        self
    }

    fn of(telling: Vec<String>) -> Self {
        let mut texts = SecretTexts::default();
        for text in &telling {
            texts.add(text);
        }
        let telling = telling.into_iter().filter(|text| !text.is_empty()).collect();
        Self { telling, texts }
    }

    /// What a try came to.
    pub(super) fn outcome(self, result: Result<(), Failure>) -> DeliveryOutcome {
        match result {
            Ok(()) => DeliveryOutcome::Accepted,
            Err(failure) => self.failure(failure).into(),
        }
    }

    /// The failure without any of them, its text one bounded line.
    pub(super) fn failure(self, failure: Failure) -> Failure {
        failure.reworded(|error| self.text(error))
    }

    /// A text without any of them, one bounded line.
    pub(super) fn text(self, mut text: String) -> String {
        model::Redactor::new(self.telling, false).hide(&mut text);
        self.texts.redactor(false).hide(&mut text);
        // Only now: a secret that was cut before would not be recognised.
        clean::saying(&text, ERROR_CHARS_MAX)
    }
}

/// What proves who asks, and the form in which it travels.
fn login_parts(login: &Login) -> Vec<String> {
    match login {
        Login::Bearer(token) => vec![token.reveal().to_owned()],
        Login::Basic { username, password } => {
            let password = password.reveal();
            vec![password.to_owned(), STANDARD.encode(format!("{username}:{password}"))]
        }
    }
}

/// A webhook's URL is a secret as a whole and in its parts; its host is not, and names the channel.
fn url_parts(url: &Secret) -> Vec<String> {
    let mut parts = vec![url.reveal().to_owned()];
    if let Ok(url) = Url::parse(url.reveal()) {
        parts.push(url.as_str().to_owned());
        parts.push(url.path().to_owned());
        parts.extend(url.path_segments().into_iter().flatten().map(str::to_owned));
        parts.extend(url.query().map(str::to_owned));
        parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        parts.extend(url.fragment().map(str::to_owned));
        parts.push(url.username().to_owned());
    }
    parts.retain(|part| part.len() >= URL_PART_BYTES_MIN);
    parts.extend(Url::parse(url.reveal()).iter().flat_map(url_login));
    parts
}

/// What a URL says of who asks, and the form in which it travels; however short it is.
fn url_login(url: &Url) -> Vec<String> {
    if url.password().is_none() && url.username().is_empty() {
        return Vec::new();
    }
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (username, password) = (decoded(url.username()), url.password().unwrap_or_default());
    let sent = format!("{username}:{}", decoded(password));
    vec![password.to_owned(), decoded(password), STANDARD.encode(sent)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HIDDEN;

    fn redacted(kind: ChannelKind, error: &str) -> String {
        let channel = Channel {
            name: "hook".into(),
            kind,
        };
        match Redactor::new(&channel).outcome(Err(Failure::permanent(error))) {
            DeliveryOutcome::Permanent { error } => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_token_inside_a_url_is_hidden_and_the_host_is_not() {
        let slack = ChannelKind::Slack {
            url: Secret::new("https://hooks.slack.com/services/T0000001/B0000001/XxYyZzXxYyZz"),
            ca: None,
        };
        assert_eq!(
            redacted(slack, "hooks.slack.com said: no token XxYyZzXxYyZz for B0000001"),
            "hooks.slack.com said: no token [hidden] for [hidden]"
        );
    }

    #[test]
    fn a_signing_secret_is_hidden_with_and_without_its_prefix() {
        let hook = || ChannelKind::Webhook {
            url: Secret::new("https://user:longpassword@ops.example/in?token=abcdefgh1"),
            secret: Some(Secret::new("whsec_c2VjcmV0")),
            ca: None,
        };
        assert_eq!(
            redacted(hook(), "whsec_c2VjcmV0, c2VjcmV0, abcdefgh1, longpassword"),
            "[hidden], [hidden], [hidden], [hidden]"
        );
    }

    #[test]
    fn a_login_inside_a_url_is_hidden_as_it_travels_however_short_it_is() {
        let hook = |url: &str| ChannelKind::Webhook {
            url: Secret::new(url),
            secret: None,
            ca: None,
        };
        let said = format!("Basic {} of pä/ss", STANDARD.encode("user:pä/ss"));
        assert_eq!(
            redacted(hook("https://user:p%C3%A4%2Fss@ops.example/in"), &said),
            "Basic [hidden] of [hidden]"
        );
        let said = format!("Basic {}", STANDARD.encode("user:"));
        assert_eq!(redacted(hook("https://user@ops.example/in"), &said), "Basic [hidden]");
    }

    #[test]
    fn the_link_of_a_message_is_hidden_in_whatever_form_it_comes_back() {
        let link = "https://freshd.example.com/ack/2-tRlBq7XyZw0aK4mN";
        let channel = Channel {
            name: "script".into(),
            kind: ChannelKind::Slack {
                url: Secret::new("https://hooks.slack.com/services/T0000001/B0000001/XxYyZzXxYyZz"),
                ca: None,
            },
        };
        let token = "2-tRlBq7XyZw0aK4mN";
        for said in [
            link.to_owned(),
            token.to_owned(),
            STANDARD.encode(link),
            STANDARD.encode(format!("{{\"ack_url\":\"{link}\"}}")),
        ] {
            let redactor = Redactor::new(&channel).and(Some(&Secret::new(link)));
            let outcome = redactor.outcome(Err(Failure::permanent(said.clone())));
            let DeliveryOutcome::Permanent { error } = outcome else {
                panic!("{outcome:?}")
            };
            // The very ends may be left, which begin and end what stands around it.
            assert!(
                error.contains(HIDDEN) && error.len() < said.len() / 2 + 40,
                "{said}: {error}"
            );
            assert!(
                !error.contains(token) && !error.contains(&STANDARD.encode(link)[8..40]),
                "{said}: {error}"
            );
        }
    }

    #[test]
    fn a_password_that_a_receiver_says_again_in_another_form_is_hidden() {
        let hook = |secret: &str| ChannelKind::Webhook {
            url: Secret::new("https://ops.example/in"),
            secret: Some(Secret::new(secret)),
            ca: None,
        };
        let password = "hemmelig & lang/fisk";
        for said in [
            "hemmelig%20%26%20lang%2Ffisk".to_owned(),
            STANDARD.encode(format!("\0other\0{password}")),
        ] {
            let error = redacted(hook(password), &format!("535 of {said}"));
            assert!(error.contains(HIDDEN) && !error.contains(&said[8..20]), "{error}");
        }
        // However short it is, as it is.
        assert_eq!(redacted(hook("fisk"), "535 fisk is wrong"), "535 [hidden] is wrong");
    }

    #[test]
    fn an_error_is_one_bounded_line_and_its_end_is_no_half_secret() {
        let hook = ChannelKind::Webhook {
            url: Secret::new("https://ops.example/in"),
            secret: Some(Secret::new("correct horse battery staple")),
            ca: None,
        };
        let said = format!(
            "no\r\n{}correct horse battery staple{}",
            "x".repeat(480),
            "y".repeat(9000)
        );
        let error = redacted(hook, &said);
        assert!(error.starts_with("no  xxx") && !error.contains("correct"), "{error}");
        assert_eq!(error.chars().count(), ERROR_CHARS_MAX);
    }
}
