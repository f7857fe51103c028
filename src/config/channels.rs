//! `[channels]`: the ways to reach people, each safe to send to; one file for each kind that has something to it.

mod alertmanager;
mod command;
mod email;
mod login;
mod ntfy;
mod slack;
mod urls;

use std::path::PathBuf;

use super::context::Context;
use super::reader::{Table, Text, Value};
use super::secrets::secret;
use crate::model::{Channel, ChannelKind, Name, Secret};

pub(super) use email::is_mail_address;
pub(super) use slack::is_slack_channel;
pub(super) use urls::is_loopback;
use urls::{any_url, secret_url_of};

const TYPES: [&str; 9] = [
    "email",
    "slack",
    "teams",
    "pagerduty",
    "alertmanager",
    "ntfy",
    "webhook",
    "command",
    "file",
];
const LATER_TYPES: [&str; 2] = ["telegram", "sms"];

/// Where `PagerDuty` takes events of accounts outside of the European region.
const PAGERDUTY_URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// What may stand behind the name of a channel in an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addressed {
    /// A mail address, always.
    Mail,
    /// A channel of Slack, or nothing.
    SlackChannel,
    /// Nothing: a Slack webhook posts to its own channel.
    SlackWebhook,
    /// Nothing: it has one destination.
    One,
    /// A name, or nothing.
    Name,
}

/// How a channel is addressed, by its type alone: also one that is broken otherwise, so that mistakes in its addresses are
/// told together with its own.
pub(super) fn addressed(table: &Table<'_>) -> Option<Addressed> {
    Some(match table.get("type")?.as_text()? {
        "email" => Addressed::Mail,
        "slack" if slack::is_app(table) => Addressed::SlackChannel,
        "slack" => Addressed::SlackWebhook,
        "teams" | "pagerduty" | "alertmanager" | "ntfy" => Addressed::One,
        known if TYPES.contains(&known) => Addressed::Name,
        _ => return None,
    })
}

/// Reads one channel; `None` when it is broken.
pub(super) fn channel(context: &Context<'_>, name: &Name, table: Table<'_>) -> Option<Channel> {
    let errors = context.report.errors();
    let Some(kind) = table.get("type") else {
        if !context.report.may_be_in_a_hole(table.spot) {
            let help = format!("write type = {}", choices());
            context
                .report
                .error(table.spot, format!("channel `{name}` has no type"), help);
        }
        return None;
    };
    let text = kind.text()?;
    let kind = match text.text {
        "email" => email::read(context, &table),
        "slack" => slack::read(context, &table),
        "teams" => teams(context, &table),
        "pagerduty" => pagerduty(context, &table),
        "alertmanager" => alertmanager::read(context, &table),
        "ntfy" => ntfy::read(context, &table),
        "webhook" => webhook(context, &table),
        "command" => command::read(context, name, &table),
        "file" => directory(context, &table),
        later if LATER_TYPES.contains(&later) => {
            text.error(
                format!("channel type `{later}` is not supported yet"),
                format!("write {}", choices()),
            );
            return None;
        }
        other => {
            let help = match other {
                "exec" => "did you mean \"command\"?".to_owned(),
                "mail" | "smtp" => "did you mean \"email\"?".to_owned(),
                _ => match context.report.nearest(other, TYPES) {
                    Some(nearest) => format!("did you mean \"{nearest}\"?"),
                    None => format!("write {}", choices()),
                },
            };
            text.error("unknown type of channel", help);
            return None;
        }
    };
    table.finish();
    let kind = kind?;
    (context.report.errors() == errors).then(|| Channel {
        name: name.clone(),
        kind,
    })
}

/// Every type, as it is written.
fn choices() -> String {
    let quoted = TYPES.map(|kind| format!("\"{kind}\""));
    let (last, others) = quoted.split_last().expect("there are types");
    format!("{} or {last}", others.join(", "))
}

fn teams(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
    let url = secret_url_of(
        context,
        table,
        "a Teams channel needs the `url` of its workflow \"when a Teams webhook request is received\"",
        "secrets/teams",
    );
    let ca = authorities(context, table);
    Some(ChannelKind::Teams { url: url?, ca })
}

fn pagerduty(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
    let routing_key = required_secret(
        context,
        table,
        "routing_key",
        "a PagerDuty channel needs the `routing_key` of its integration \"Events API V2\"",
    );
    let url = match table.get("url") {
        Some(value) => any_url(context, value),
        None => Some(Secret::new(PAGERDUTY_URL)),
    };
    let ca = authorities(context, table);
    Some(ChannelKind::PagerDuty {
        url: url?,
        routing_key: routing_key?,
        ca,
    })
}

fn webhook(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
    let url = receiver(
        context,
        table,
        "a webhook needs a `url`",
        "write url = \"https://...\", or url = { file = \"...\" } if it is a secret",
    );
    let secret = table.get("secret").and_then(|value| signing_secret(context, value));
    let ca = authorities(context, table);
    Some(ChannelKind::Webhook { url: url?, secret, ca })
}

/// What messages are signed with. What cannot sign is found here, and not by the first alert.
fn signing_secret(context: &Context<'_>, value: Value<'_>) -> Option<Secret> {
    let secret = secret(context, value)?;
    if secret.signing_key().is_none() {
        value.error(
            "what the secret has behind `whsec_` is not base64",
            "copy it once more, or take `whsec_` out if the receiver takes it as plain text",
        );
        return None;
    }
    Some(secret)
}

/// `url`, in the file or as a secret.
pub(super) fn receiver(context: &Context<'_>, table: &Table<'_>, lacks: &str, how: &str) -> Option<Secret> {
    let Some(value) = table.get("url") else {
        table.missing("url", lacks, how);
        return None;
    };
    any_url(context, value)
}

fn directory(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
    let dir = required(table, "dir", "dir = \"outbox\"")?;
    let path = context.path(&dir);
    if path.exists() && !path.is_dir() {
        dir.error(
            "`dir` is not a directory",
            "name a directory; it is created when needed",
        );
    }
    Some(ChannelKind::File { dir: path })
}

fn required<'t>(table: &Table<'t>, key: &'static str, example: &str) -> Option<Text<'t>> {
    let value = table.get(key);
    if value.is_none() {
        table.missing(key, format!("`{key}` is missing"), format!("write {example}"));
    }
    value?.text()
}

fn required_secret(context: &Context<'_>, table: &Table<'_>, key: &'static str, why: &str) -> Option<Secret> {
    let Some(value) = table.get(key) else {
        table.missing(key, why, format!("write {key} = {{ file = \"secrets/{key}\" }}"));
        return None;
    };
    secret(context, value)
}

pub(super) fn authorities(context: &Context<'_>, table: &Table<'_>) -> Option<PathBuf> {
    let text = table.text("ca")?;
    let path = context.path(&text);
    if let Err(error) = super::files::read_text(&path, super::files::FILE_BYTES_MAX) {
        text.error(format!("`ca`: `{}` {}", text.text, error.message), error.help);
    }
    Some(path)
}
