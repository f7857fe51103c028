//! `type = "slack"`: an incoming webhook, or an app with its token.

use super::urls::{any_url, secret_url_of};
use super::{Context, authorities};
use crate::config::reader::Table;
use crate::config::secrets::secret;
use crate::model::{ChannelKind, Secret};

/// Where the API is, but for the workspaces of a government.
const API: &str = "https://slack.com/api";

/// Longest name or id of a channel.
const CHANNEL_CHARS_MAX: usize = 82;

/// Reads the keys of a Slack channel.
pub(super) fn read(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
    match is_app(table) {
        true => app(context, table),
        false => webhook(context, table),
    }
}

/// Whether it is an app with its token, rather than a webhook.
pub(super) fn is_app(table: &Table<'_>) -> bool {
    ["token", "channel", "api"].iter().any(|key| table.has(key))
}

fn webhook(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
    let url = secret_url_of(
        context,
        table,
        "a Slack channel needs the `url` of its incoming webhook, or the `token` of an app and a `channel`",
        "secrets/slack",
    );
    let ca = authorities(context, table);
    Some(ChannelKind::Slack { url: url?, ca })
}

fn app(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
    if let Some(spot) = table.key_spot("url") {
        context.report.error(
            spot,
            "`url` stands beside what an app needs",
            "keep `url` for an incoming webhook, or `token` and `channel` for an app",
        );
        let _ = table.get("url");
    }
    let token = match table.get("token") {
        Some(value) => secret(context, value),
        None => {
            table.missing(
                "token",
                "a Slack app needs its `token`",
                "write token = { file = \"secrets/slack\" }: the bot token, which begins with xoxb-",
            );
            None
        }
    };
    let channel = channel(table);
    let api = match table.get("api") {
        Some(value) => any_url(context, value),
        None => Some(Secret::new(API)),
    };
    let ca = authorities(context, table);
    Some(ChannelKind::SlackApp {
        api: api?,
        token: token?,
        channel: channel?,
        ca,
    })
}

fn channel(table: &Table<'_>) -> Option<String> {
    let Some(value) = table.get("channel") else {
        table.missing(
            "channel",
            "a Slack app needs a `channel` to post to",
            "write channel = \"#ops\"",
        );
        return None;
    };
    let text = value.text()?;
    if !is_slack_channel(text.text) {
        text.error(
            "`channel` is no channel of Slack",
            "write channel = \"#ops\", or its id",
        );
        return None;
    }
    Some(text.text.to_owned())
}

/// Whether this is `#name`, or may be an id.
pub(in crate::config) fn is_slack_channel(text: &str) -> bool {
    let name = text.strip_prefix('#').unwrap_or(text);
    let is_fine =
        |character: char| !character.is_whitespace() && !character.is_control() && !"#@,<>".contains(character);
    !name.is_empty() && name.chars().count() <= CHANNEL_CHARS_MAX && name.chars().all(is_fine)
}
