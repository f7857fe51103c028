//! `type = "email"`: a mail server that messages are handed in at.

use reqwest::Url;

use super::urls::is_loopback;
use super::{authorities, login, required};
use crate::config::context::Context;
use crate::config::reader::{Table, Text};
use crate::model::{ChannelKind, MailSecurity, MailServer};

pub(super) fn read(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
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
    let login = login::basic(context, table);
    let (username, password) = login.unzip();
    let ca = authorities(context, table);
    Some(ChannelKind::Email {
        server: server?,
        from: from?.text.to_owned(),
        username,
        password,
        ca,
    })
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

/// Whether a text has the shape of a mail address and nothing that could break out of a header.
pub(in crate::config) fn is_mail_address(text: &str) -> bool {
    let clean = !text.contains(|c: char| c.is_control() || c.is_whitespace() || "<>,;\"".contains(c));
    clean
        && text
            .rsplit_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !local.contains('@'))
}
