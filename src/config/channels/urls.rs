//! Addresses of the web that messages are sent to: protected, and never repeated where they are secrets.

use std::net::IpAddr;

use reqwest::Url;

use crate::config::context::Context;
use crate::config::reader::{Table, Value};
use crate::config::secrets::secret;
use crate::model::Secret;

/// Reads a `url` that is a secret by itself: whoever knows it can post. `why` it is needed, and a `file` it may lie in.
pub(super) fn secret_url_of(context: &Context<'_>, table: &Table<'_>, why: &str, file: &str) -> Option<Secret> {
    let Some(value) = table.get("url") else {
        table.missing("url", why, format!("write url = {{ file = \"{file}\" }}"));
        return None;
    };
    // A test server on this machine is no secret.
    match value.as_text().and_then(|text| Url::parse(text).ok()) {
        Some(parsed) if is_loopback(&parsed) => plain_url(context, value, &as_a_secret(value)),
        _ => secret_url(context, value),
    }
}

/// Reads a `url` that may be written out, or be a secret.
pub(super) fn any_url(context: &Context<'_>, value: Value<'_>) -> Option<Secret> {
    any_url_or(context, value, &as_a_secret(value))
}

/// The same of a channel that has keys for a login.
pub(super) fn url_beside_login(context: &Context<'_>, value: Value<'_>) -> Option<Secret> {
    any_url_or(
        context,
        value,
        "write username = \"...\" and password = { file = \"...\" } beside it",
    )
}

/// How to write down a URL that nobody may read.
fn as_a_secret(value: Value<'_>) -> String {
    let key = value.key;
    format!("write {key} = {{ file = \"secrets/{key}\" }}, with the whole URL in that file")
}

/// `instead` says how a login is written.
fn any_url_or(context: &Context<'_>, value: Value<'_>, instead: &str) -> Option<Secret> {
    if value.as_text().is_some() {
        plain_url(context, value, instead)
    } else {
        secret_url(context, value)
    }
}

fn plain_url(context: &Context<'_>, value: Value<'_>, instead: &str) -> Option<Secret> {
    let text = value.text()?;
    let url = checked_url(value, text.text)?;
    let has_login = |url: &Url| !url.username().is_empty() || url.password().is_some();
    if Url::parse(&url).is_ok_and(|url| has_login(&url)) {
        value.error(format!("`{}` must not contain a login", value.key), instead);
        return None;
    }
    // What stands in the file is no secret but for what was not meant to stand there.
    context.secrets.borrow_mut().add_parts_of(&url);
    Some(Secret::new(url))
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

pub(in crate::config) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
