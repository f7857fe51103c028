//! `[channels]`: mail servers, Slack, webhooks and directories, each safe to send to.

use std::net::IpAddr;
use std::path::PathBuf;

use reqwest::Url;

use super::context::Context;
use super::reader::{Table, Text, Value};
use super::secrets::secret;
use crate::model::{Channel, ChannelKind, MailSecurity, MailServer, Name, Secret};

const TYPES: [&str; 4] = ["email", "slack", "webhook", "file"];
const LATER_TYPES: [&str; 7] = [
    "alertmanager",
    "command",
    "exec",
    "pagerduty",
    "teams",
    "telegram",
    "sms",
];

/// Reads one channel; `None` when it is broken.
pub(super) fn channel(context: &Context<'_>, name: &Name, table: Table<'_>) -> Option<Channel> {
    let errors = context.report.errors();
    let Some(kind) = table.get("type") else {
        if !context.report.may_be_in_a_hole(table.spot) {
            context.report.error(
                table.spot,
                format!("channel `{name}` has no type"),
                "write type = \"email\", \"slack\", \"webhook\" or \"file\"",
            );
        }
        return None;
    };
    let text = kind.text()?;
    let kind = match text.text {
        "email" => email(context, &table),
        "slack" => slack(context, &table),
        "webhook" => webhook(context, &table),
        "file" => directory(context, &table),
        later if LATER_TYPES.contains(&later) => {
            text.error(
                format!("channel type `{later}` is not supported yet"),
                "write \"email\", \"slack\", \"webhook\" or \"file\"",
            );
            return None;
        }
        other => {
            let help = match context.report.nearest(other, TYPES) {
                Some(nearest) => format!("did you mean \"{nearest}\"?"),
                None => "write \"email\", \"slack\", \"webhook\" or \"file\"".to_owned(),
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

fn email(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
    let server = required(table, "server", "server = \"smtps://mail.example.com\"");
    let server = server.and_then(|text| mail_server(&text));
    let from = required(table, "from", "from = \"freshd@example.com\"");
    let from = from.filter(|text| {
        let good = is_mail_address(text.text);
        if !good {
            text.error("`from` is not a mail address", "write it as in freshd@example.com");
        }
        good
    });
    let username = table.text("username");
    let password = table.get("password");
    let given = password.is_some();
    let password = password.and_then(|value| secret(context, value));
    if username.is_some() != given {
        let (has, lacks) = if given {
            ("password", "username")
        } else {
            ("username", "password")
        };
        context.report.error(
            table.key_spot(has).unwrap_or(table.spot),
            format!("`{has}` needs `{lacks}` beside it"),
            if given {
                "add username = \"...\", or take the password out".to_owned()
            } else {
                "add password = { file = \"...\" }, or take the username out".to_owned()
            },
        );
    }
    let ca = authorities(context, table);
    Some(ChannelKind::Email {
        server: server?,
        from: from?.text.to_owned(),
        username: username.map(|text| text.text.to_owned()),
        password,
        ca,
    })
}

fn slack(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
    let url = table.get("url");
    if url.is_none() {
        table.missing(
            "url",
            "a Slack channel needs the `url` of its incoming webhook",
            "write url = { file = \"secrets/slack\" }",
        );
    }
    let url = url.and_then(|value| {
        // A test server on this machine is no secret.
        match value.as_text().and_then(|text| Url::parse(text).ok()) {
            Some(parsed) if is_loopback(&parsed) => plain_url(value),
            _ => secret_url(context, value),
        }
    });
    let ca = authorities(context, table);
    Some(ChannelKind::Slack { url: url?, ca })
}

fn webhook(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
    let url = receiver(
        context,
        table,
        "a webhook needs a `url`",
        "write url = \"https://...\", or url = { file = \"...\" } if it is a secret",
    );
    let secret = table.get("secret").and_then(|value| secret(context, value));
    let ca = authorities(context, table);
    Some(ChannelKind::Webhook { url: url?, secret, ca })
}

/// `url`, in the file or as a secret.
pub(super) fn receiver(context: &Context<'_>, table: &Table<'_>, lacks: &str, how: &str) -> Option<Secret> {
    let Some(value) = table.get("url") else {
        table.missing("url", lacks, how);
        return None;
    };
    match value.as_text() {
        Some(_) => plain_url(value),
        None => secret_url(context, value),
    }
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

pub(super) fn authorities(context: &Context<'_>, table: &Table<'_>) -> Option<PathBuf> {
    let text = table.text("ca")?;
    let path = context.path(&text);
    if let Err(error) = super::files::read_text(&path, super::files::FILE_BYTES_MAX) {
        text.error(format!("`ca`: `{}` {}", text.text, error.message), error.help);
    }
    Some(path)
}

/// Reads `smtps://host[:port]`, `smtp+starttls://host[:port]`, or `smtp://` to this machine.
fn mail_server(text: &Text<'_>) -> Option<MailServer> {
    let help = "write smtps://host (port 465) or smtp+starttls://host (port 587), with :port if it differs";
    let Ok(url) = Url::parse(text.text) else {
        text.error("`server` is not a URL", help);
        return None;
    };
    let (security, port) = match url.scheme() {
        "smtps" => (MailSecurity::Tls, 465),
        "smtp+starttls" => (MailSecurity::StartTls, 587),
        "smtp" => (MailSecurity::Plain, 25),
        _ => {
            text.error("`server` is not the URL of a mail server", help);
            return None;
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        text.error(
            "`server` must not contain a login",
            "write username = \"...\" and password = { file = \"...\" } beside it",
        );
        return None;
    }
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
        text.error("`server` names no host", help);
        return None;
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        text.error("`server` has something behind the host", help);
        return None;
    }
    if security == MailSecurity::Plain && !is_loopback(&url) {
        text.error(
            "unprotected mail is sent to this machine only",
            format!("write smtp+starttls://{host} or smtps://{host}"),
        );
        return None;
    }
    Some(MailServer {
        host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
        port: url.port().unwrap_or(port),
        security,
    })
}

fn plain_url(value: Value<'_>) -> Option<Secret> {
    let text = value.text()?;
    checked_url(value, text.text).map(Secret::new)
}

fn secret_url(context: &Context<'_>, value: Value<'_>) -> Option<Secret> {
    let secret = secret(context, value)?;
    checked_url(value, secret.reveal()).map(Secret::new)
}

/// Never repeats the URL: it may be a secret.
fn checked_url(value: Value<'_>, text: &str) -> Option<String> {
    let Ok(url) = Url::parse(text) else {
        value.error("`url` is not a URL", "write a whole URL, as in https://host/path");
        return None;
    };
    let good = match url.scheme() {
        "https" => url.host_str().is_some(),
        "http" if is_loopback(&url) => true,
        "http" => {
            value.error("plain http is sent to this machine only", "write https://...");
            return None;
        }
        _ => false,
    };
    if !good {
        value.error(
            "`url` is not a URL that messages can be sent to",
            "write https://host/path",
        );
        return None;
    }
    Some(text.to_owned())
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a text has the shape of a mail address and nothing that could break out of a header.
pub(super) fn is_mail_address(text: &str) -> bool {
    let clean = !text.contains(|c: char| c.is_control() || c.is_whitespace() || "<>,;\"".contains(c));
    clean
        && text
            .rsplit_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !local.contains('@'))
}
