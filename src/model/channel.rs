//! Channels: the ways to reach people, as jobs.toml describes them.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Command, Name, RunAs, Secret};

/// How often a channel that forgets is told of everything that is open.
pub const REPEAT_EVERY: Duration = Duration::from_mins(1);

/// For how long a channel that forgets is told again that something is over.
pub const REPEAT_ENDS_FOR: Duration = Duration::from_mins(5);

/// How many of the last notifications a start looks through for ends to tell again.
pub const ENDS_LOOKED_AT: usize = 1_000;

/// The labels by which freshd tells alerts apart at an Alertmanager. Each stays as it is while an incident is open, but for
/// `severity`.
pub const ALERT_LABELS: [&str; 6] = ["alertname", "severity", "team", "job", "dataset", "part"];

/// One way to reach somebody: `"mail:warehouse@seafood.example"`, `"slack-ops"`.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct Address {
    /// The channel's name.
    pub channel: Name,
    /// What stands behind the colon: whom to reach through it.
    pub to: Option<String>,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.to {
            Some(to) => write!(f, "{}:{to}", self.channel),
            None => write!(f, "{}", self.channel),
        }
    }
}

/// A `[channels.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name.
    pub name: Name,
    /// How it sends.
    pub kind: ChannelKind,
}

/// How a channel sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// SMTP.
    Email {
        /// Where mail is handed in.
        server: MailServer,
        /// Sender address.
        from: String,
        /// For AUTH; needs `password`.
        username: Option<String>,
        /// For AUTH.
        password: Option<Secret>,
        /// PEM file with further certificate authorities to trust.
        ca: Option<PathBuf>,
    },
    /// A Slack incoming webhook.
    Slack {
        /// The webhook's URL, itself a secret.
        url: Secret,
        /// PEM file with further certificate authorities to trust.
        ca: Option<PathBuf>,
    },
    /// A Slack app, by its Web API: what belongs together is one thread there.
    SlackApp {
        /// Where the API is, without the name of a method.
        api: Secret,
        /// The app's bot token.
        token: Secret,
        /// Where it posts, unless the address says otherwise: `#ops`, or an id.
        channel: String,
        /// PEM file with further certificate authorities to trust.
        ca: Option<PathBuf>,
    },
    /// A JSON POST with Standard Webhooks headers.
    Webhook {
        /// Where to.
        url: Secret,
        /// Signing secret, `whsec_` and base64 or plain text.
        secret: Option<Secret>,
        /// PEM file with further certificate authorities to trust.
        ca: Option<PathBuf>,
    },
    /// Microsoft Teams, through a workflow's URL.
    Teams {
        /// The workflow's URL, itself a secret.
        url: Secret,
        /// PEM file with further certificate authorities to trust.
        ca: Option<PathBuf>,
    },
    /// `PagerDuty`, by its Events API v2.
    PagerDuty {
        /// Where events are taken: that of the account's region.
        url: Secret,
        /// Names the integration, and lets write to it.
        routing_key: Secret,
        /// PEM file with further certificate authorities to trust.
        ca: Option<PathBuf>,
    },
    /// An Alertmanager, by its API v2. What is open is told again and again, see [`ChannelKind::forgets`].
    Alertmanager {
        /// Where it is reached, without `/api/v2/alerts`.
        url: Secret,
        /// Who asks.
        login: Option<Login>,
        /// Further labels of every alert, such as the site.
        labels: Vec<(String, String)>,
        /// PEM file with further certificate authorities to trust.
        ca: Option<PathBuf>,
    },
    /// A topic of an ntfy server.
    Ntfy {
        /// The server, without the topic.
        url: Secret,
        /// What is subscribed to. Whoever knows it reads along where no login is asked for.
        topic: Secret,
        /// Who asks.
        login: Option<Login>,
        /// PEM file with further certificate authorities to trust.
        ca: Option<PathBuf>,
    },
    /// A program that is given the message.
    Command(Box<CommandChannel>),
    /// A directory of .eml and .json, for trying things out and for audits.
    File {
        /// The directory, absolute.
        dir: PathBuf,
    },
}

/// Characters of incidents in one digest, where nothing narrower is asked for.
pub const DIGEST_CHARS_USUAL: usize = 7_000;

impl ChannelKind {
    /// Whether the other side forgets what it is not told again: such a channel is told of everything that is open each
    /// [`REPEAT_EVERY`], and of what is over for [`REPEAT_ENDS_FOR`].
    pub fn forgets(&self) -> bool {
        matches!(self, Self::Alertmanager { .. })
    }

    /// Whether whatever is sent to it is an alarm for somebody: such a channel gets no weekly report and no proof.
    pub fn alarms(&self) -> bool {
        matches!(self, Self::Alertmanager { .. } | Self::PagerDuty { .. })
    }

    /// How many characters of incidents a digest may have; `None` of a kind that groups what it is told by itself, and so
    /// is told everything.
    pub fn digest_chars(&self) -> Option<usize> {
        match self {
            Self::Alertmanager { .. } | Self::PagerDuty { .. } => None,
            // A message has 4,096 bytes, in whatever alphabet.
            Self::Ntfy { .. } => Some(1_500),
            // A card has 28 KB, of which each line takes some.
            Self::Teams { .. } => Some(4_000),
            // The narrowest of them is Slack, which takes 10,000 characters in all.
            Self::Email { .. }
            | Self::Slack { .. }
            | Self::SlackApp { .. }
            | Self::Webhook { .. }
            | Self::Command(_)
            | Self::File { .. } => Some(DIGEST_CHARS_USUAL),
        }
    }
}

/// Who has to answer, whomever a message is for. What one address cannot be told because nobody answers, none is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// Where mail is handed in, and as whom.
    Mail {
        /// Host name.
        host: String,
        /// Port.
        port: u16,
        /// For AUTH.
        username: Option<String>,
    },
    /// A web address without its path.
    Web {
        /// `https` or `http`.
        scheme: String,
        /// Host name.
        host: String,
        /// Port.
        port: Option<u16>,
    },
}

impl ChannelKind {
    /// Who has to answer so that it works; `None` where that is this machine.
    pub fn server(&self) -> Option<Server> {
        let url = match self {
            Self::Email { server, username, .. } => {
                return Some(Server::Mail {
                    host: server.host.to_lowercase(),
                    port: server.port,
                    username: username.clone(),
                });
            }
            Self::SlackApp { api, .. } => api,
            Self::Slack { url, .. }
            | Self::Webhook { url, .. }
            | Self::Teams { url, .. }
            | Self::PagerDuty { url, .. }
            | Self::Alertmanager { url, .. }
            | Self::Ntfy { url, .. } => url,
            Self::Command(_) | Self::File { .. } => return None,
        };
        let url = Url::parse(url.reveal()).ok()?;
        Some(Server::Web {
            scheme: url.scheme().to_owned(),
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default(),
        })
    }
}

/// How a request says who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// HTTP basic authentication.
    Basic {
        /// Who.
        username: String,
        /// Proves it.
        password: Secret,
    },
    /// A bearer token.
    Bearer(Secret),
}

/// A program that sends messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandChannel {
    /// What is started.
    pub command: Command,
    /// Longest time that it may take.
    pub timeout: Duration,
    /// As whom; `None`: as freshd.
    pub run_as: Option<RunAs>,
    /// Its whole environment, but for what the message adds.
    pub env: Vec<(String, String)>,
}

/// Where mail is handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// Host name, checked against the certificate.
    pub host: String,
    /// 465, 587 or 25 unless written.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// `smtps://`: TLS from the first byte.
    Tls,
    /// `smtp+starttls://`: STARTTLS, required.
    StartTls,
    /// `smtp://`: none; accepted for loopback only.
    Plain,
}

/// A channel that is switched off, because its receiver has asked to be left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelOff {
    /// Its name.
    pub channel: Name,
    /// What the receiver answered.
    pub answer: String,
}

impl ChannelOff {
    /// Until when it stays so.
    pub fn until(&self) -> String {
        let channel = &self.channel;
        format!(
            "channel {channel} is switched off until it changes in jobs.toml, `freshd notify test --channel {channel}` is taken, or freshd is restarted"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(host: &str, port: u16, username: Option<&str>) -> ChannelKind {
        ChannelKind::Email {
            server: MailServer {
                host: host.to_owned(),
                port,
                security: MailSecurity::Tls,
            },
            from: "freshd@sea.example".to_owned(),
            username: username.map(str::to_owned),
            password: username.map(|_| Secret::new("hemmelig")),
            ca: None,
        }
    }

    fn hook(url: &str) -> ChannelKind {
        ChannelKind::Webhook {
            url: Secret::new(url),
            secret: None,
            ca: None,
        }
    }

    fn app(api: &str) -> ChannelKind {
        ChannelKind::SlackApp {
            api: Secret::new(api),
            token: Secret::new("xoxb-1"),
            channel: "#ops".to_owned(),
            ca: None,
        }
    }

    #[test]
    fn one_server_answers_for_whatever_is_sent_through_it() {
        let here = "https://ops.example/in";
        for (one, other, is_same) in [
            (hook(here), hook("https://ops.example/other?key=1"), true),
            (hook(here), hook("https://ops.example:443/in"), true),
            (hook(here), hook("https://OPS.example/in"), true),
            (hook(here), app("https://ops.example/api"), true),
            (hook(here), hook("http://ops.example/in"), false),
            (hook(here), hook("http://ops.example:443/in"), false),
            (hook(here), hook("https://ops.example:8443/in"), false),
            (hook(here), hook("https://other.example/in"), false),
            (app("https://slack.com/api"), app("https://slack.com/api/"), true),
            (
                mail("Mail.sea.example", 465, None),
                mail("mail.sea.example", 465, None),
                true,
            ),
            (
                mail("mail.sea.example", 465, None),
                mail("mail.sea.example", 587, None),
                false,
            ),
            (
                mail("mail.sea.example", 465, Some("a")),
                mail("mail.sea.example", 465, Some("a")),
                true,
            ),
            (
                mail("mail.sea.example", 465, Some("a")),
                mail("mail.sea.example", 465, Some("b")),
                false,
            ),
            (
                mail("mail.sea.example", 465, Some("a")),
                mail("mail.sea.example", 465, None),
                false,
            ),
            (mail("ops.example", 443, None), hook(here), false),
        ] {
            assert!(one.server().is_some(), "{one:?}");
            assert_eq!(one.server() == other.server(), is_same, "{one:?}, {other:?}");
        }
        assert_eq!(hook("no address").server(), None);
    }

    #[test]
    fn what_stays_on_this_machine_has_no_server() {
        let file = ChannelKind::File { dir: "/srv/log".into() };
        assert_eq!(file.server(), None);
    }
}
