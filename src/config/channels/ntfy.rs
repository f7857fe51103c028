//! `type = "ntfy"`: a topic of an ntfy server.

use super::urls::url_beside_login;
use super::{Context, authorities, login};
use crate::config::reader::Table;
use crate::config::secrets::secret;
use crate::model::{ChannelKind, Secret};

/// The public server.
const NTFY_URL: &str = "https://ntfy.sh";

/// Longest topic that a server takes, in bytes.
const TOPIC_BYTES_MAX: usize = 64;

/// Reads the keys of an ntfy channel.
pub(super) fn read(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
    let url = match table.get("url") {
        Some(value) => url_beside_login(context, value),
        None => Some(Secret::new(NTFY_URL)),
    };
    let topic = topic(context, table);
    let login = login::either(context, table);
    let ca = authorities(context, table);
    Some(ChannelKind::Ntfy {
        url: url?,
        topic: topic?,
        login,
        ca,
    })
}

/// Reads `topic`, which may be a secret: where no login is asked for, whoever knows it reads along.
fn topic(context: &Context<'_>, table: &Table<'_>) -> Option<Secret> {
    let Some(value) = table.get("topic") else {
        table.missing(
            "topic",
            "an ntfy channel needs a `topic`",
            "write topic = \"freshd-ops\", or topic = { file = \"secrets/topic\" } if nobody else may read along",
        );
        return None;
    };
    let topic = match value.as_text() {
        Some(text) => Secret::new(text),
        None => secret(context, value)?,
    };
    let text = topic.reveal();
    let is_topic = (1..=TOPIC_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_topic {
        // Not repeated: it may be a secret.
        value.error(
            "`topic` is not a topic of ntfy",
            format!("write at most {TOPIC_BYTES_MAX} letters, digits, `-` and `_`, without the server"),
        );
        return None;
    }
    Some(topic)
}
