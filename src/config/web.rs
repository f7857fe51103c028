//! `[web]` and `[web.auth]`: where pages are, how people reach them, and who may see and act.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::Url;

use super::channels::is_loopback;
use super::context::Context;
use super::load::is_name;
use super::reader::{Table, Text, Value};
use super::secrets::secret;
use crate::model::{Auth, Name, PasswordHash, PublicUrl, Scope, Secret, Token, TokenHash, User, Web};

const LISTEN_DEFAULT: &str = "127.0.0.1:7373";

const IDLE_DEFAULT: Duration = Duration::from_hours(12);
const LONGEST_DEFAULT: Duration = Duration::from_hours(7 * 24);
/// How long a session may go unused, and may last.
const SESSION_MIN: Duration = Duration::from_mins(5);
const SESSION_MAX: Duration = Duration::from_hours(30 * 24);

/// Users and tokens of one freshd.
const KNOWN_MAX: usize = 1_000;

/// Reads `[web]`; `None` when it is broken.
pub(super) fn web(context: &Context<'_>, table: Table<'_>) -> Option<Web> {
    let public_url = table.text("public_url");
    let public_url = public_url.as_ref().and_then(read_public_url);
    let proxies = table.texts("proxies").iter().filter_map(proxy).collect();
    let has_auth = table.has("auth");
    let auth = table.table("auth").map(|table| auth(context, table));
    let listen = match table.get("listen") {
        Some(value) => value.text().and_then(|text| address(&text)),
        None => LISTEN_DEFAULT.parse().ok(),
    };
    if let (Some(listen), Some(value)) = (listen, table.get("listen"))
        && !listen.ip().is_loopback()
    {
        beyond_this_machine(value, listen, has_auth, table.has("public_url"));
    }
    table.finish();
    Some(Web {
        listen: listen?,
        public_url,
        proxies,
        auth,
    })
}

fn address(text: &Text<'_>) -> Option<SocketAddr> {
    let address = match text.text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.text.to_owned(),
    };
    let parsed = address.parse().ok();
    if parsed.is_none() {
        text.error(
            "`listen` must be an address and a port",
            format!("write listen = \"{LISTEN_DEFAULT}\""),
        );
    }
    parsed
}

/// Whoever listens for other machines has to know who asks, and by which name.
fn beyond_this_machine(value: Value<'_>, listen: SocketAddr, has_auth: bool, has_url: bool) {
    if !has_auth {
        value.error(
            format!(
                "without a login the pages are for this machine only, and {} is for others too",
                listen.ip()
            ),
            format!(
                "write listen = \"127.0.0.1:{}\" and reach it through ssh -L, or say in [web.auth] who may see them",
                listen.port()
            ),
        );
    } else if !has_url {
        value.error(
            "it does not say by which address others reach the pages",
            "write public_url = \"https://freshd.example.com\", the address of the reverse proxy that has the certificate",
        );
    } else {
        value.report.note(
            value.spot(),
            "freshd speaks plain HTTP, and TLS is a reverse proxy's: nobody but that proxy may reach this port, or passwords cross the network readable",
        );
    }
}

/// An address of a proxy, without a port.
fn proxy(text: &Text<'_>) -> Option<IpAddr> {
    let parsed = text.text.parse().ok();
    if parsed.is_none() {
        text.error(
            format!("`{}` is not the address of a proxy", text.text.escape_debug()),
            "write its IP address, as in proxies = [\"10.0.0.7\"]; those on this machine need not be named",
        );
    }
    parsed
}

fn read_public_url(text: &Text<'_>) -> Option<PublicUrl> {
    let help = "write public_url = \"https://freshd.example.com\"";
    let Ok(url) = Url::parse(text.text) else {
        text.error("`public_url` is not a URL", help);
        return None;
    };
    let plain = url.username().is_empty() && url.password().is_none();
    if !plain || url.path() != "/" || url.query().is_some() || url.fragment().is_some() || url.host_str().is_none() {
        text.error(
            "`public_url` is more than a scheme and a host",
            format!("{help}, without a path: freshd answers at the root of a host of its own"),
        );
        return None;
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        _ => {
            text.error(
                "`public_url` must begin with https:// unless it is this machine",
                format!("{help}: over plain http everybody on the way could read passwords"),
            );
            return None;
        }
    }
    Some(PublicUrl::new(url.origin().ascii_serialization()))
}

fn auth(context: &Context<'_>, table: Table<'_>) -> Auth {
    let idle = session(&table, "idle", IDLE_DEFAULT);
    let longest = session(&table, "longest", LONGEST_DEFAULT);
    let mut users = BTreeMap::new();
    for (name, table) in known(&table, "users") {
        if let Some(user) = user(context, table) {
            users.insert(name, user);
        }
    }
    let mut tokens = BTreeMap::new();
    for (name, table) in known(&table, "tokens") {
        if let Some(token) = token(context, table) {
            tokens.insert(name, token);
        }
    }
    if !table.has("users") && !table.has("tokens") {
        table.missing(
            "users",
            "[web.auth] knows nobody",
            "write [web.auth.users.NAME] with the file of a hash that `freshd password` prints",
        );
    }
    table.finish();
    Auth {
        users,
        tokens,
        idle,
        longest,
    }
}

fn session(table: &Table<'_>, key: &'static str, usual: Duration) -> Duration {
    let Some(value) = table.get(key) else { return usual };
    let Some(wanted) = value.duration() else { return usual };
    if !(SESSION_MIN..=SESSION_MAX).contains(&wanted) {
        value.error(format!("`{key}` is from 5m to 30d"), format!("write {key} = \"12h\""));
    }
    wanted
}

/// The named tables of a section: `[web.auth.users.NAME]`.
fn known<'t>(table: &Table<'t>, key: &'static str) -> Vec<(Name, Table<'t>)> {
    let Some(value) = table.get(key) else { return Vec::new() };
    let section = table.path_of(key);
    let Some(named) = value.table(section.clone()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, spot, value) in named.entries() {
        if !is_name(name) {
            table.report().error(
                spot,
                format!("`{}` is not a usable name", name.escape_debug()),
                "write letters, digits, `-`, `_` and `.`",
            );
        } else if found.len() == KNOWN_MAX {
            table
                .report()
                .error(spot, format!("more than {KNOWN_MAX} in [{section}]"), "take some out");
            break;
        } else if let Some(table) = value.entry(&section, name, spot) {
            found.push((Name::from(name), table));
        }
    }
    found
}

fn user(context: &Context<'_>, table: Table<'_>) -> Option<User> {
    let (found, scope) = (hash(context, &table, "password", "freshd password"), scope(&table));
    table.finish();
    let (value, hash) = found?;
    match PasswordHash::read(hash.reveal()) {
        Ok(password) => Some(User { password, scope }),
        Err(why) => {
            // Never repeated: it may be the password itself.
            value.error(
                format!("what `password` names {why}"),
                "put there what `freshd password` prints, and nothing else",
            );
            None
        }
    }
}

fn token(context: &Context<'_>, table: Table<'_>) -> Option<Token> {
    let (found, scope) = (hash(context, &table, "token", "freshd token"), scope(&table));
    table.finish();
    let (value, hash) = found?;
    let hash = TokenHash::read(hash.reveal());
    if hash.is_none() {
        value.error(
            "what `token` names is not the hash of a token",
            "put there the line that `freshd token` prints as the hash; the token itself is for the program alone",
        );
    }
    Some(Token { hash: hash?, scope })
}

/// The secret that is known by a hash: `key` and what prints it.
fn hash<'t>(context: &Context<'_>, table: &Table<'t>, key: &'static str, by: &str) -> Option<(Value<'t>, Secret)> {
    let Some(value) = table.get(key) else {
        table.missing(
            key,
            format!("`{key}` does not say where its hash is found"),
            format!("write {key} = {{ file = \"secrets/NAME\" }}, and put there what `{by}` prints"),
        );
        return None;
    };
    Some((value, secret(context, value)?))
}

fn scope(table: &Table<'_>) -> Scope {
    let scope = table.choice("scope", &[("view", Scope::View), ("operate", Scope::Operate)]);
    scope.unwrap_or(Scope::View)
}
