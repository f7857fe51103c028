//! `type = "alertmanager"`: where alerts are pushed, as whom, and with which further labels.

use super::urls::url_beside_login;
use super::{Context, authorities, login};
use crate::config::reader::Table;
use crate::model::{ALERT_LABELS, ChannelKind};

/// Most labels that a channel adds: each is part of every alert.
const LABELS_MAX: usize = 16;

/// Longest value of a label, in bytes.
const LABEL_BYTES_MAX: usize = 200;

/// Reads the keys of an Alertmanager.
pub(super) fn read(context: &Context<'_>, table: &Table<'_>) -> Option<ChannelKind> {
    let url = table.get("url");
    if url.is_none() {
        table.missing(
            "url",
            "an Alertmanager channel needs its `url`",
            "write url = \"https://alertmanager.example.com\", without /api/v2/alerts",
        );
    }
    let url = url.and_then(|value| url_beside_login(context, value));
    let login = login::either(context, table);
    let labels = table.table("labels").map(|table| further(&table)).unwrap_or_default();
    let ca = authorities(context, table);
    Some(ChannelKind::Alertmanager {
        url: url?,
        login,
        labels,
        ca,
    })
}

fn further(table: &Table<'_>) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    for (name, spot, value) in table.entries() {
        let Some(text) = value.text() else { continue };
        let is_name = !name.starts_with(|first: char| first.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name {
            table.report().error(
                spot,
                format!("`{}` is not a name of a label", name.escape_debug()),
                "write letters, digits and `_`, a letter first",
            );
        } else if ALERT_LABELS.contains(&name) {
            table.report().error(
                spot,
                format!("freshd says itself what the label `{name}` is"),
                "choose another name",
            );
        } else if text.text.is_empty() || text.text.len() > LABEL_BYTES_MAX {
            text.error(
                format!("the label `{name}` must have 1 to {LABEL_BYTES_MAX} bytes"),
                "write a short word that stays the same, as in site = \"tromso\"",
            );
        } else {
            labels.push((name.to_owned(), text.text.to_owned()));
        }
    }
    if labels.len() > LABELS_MAX {
        table.report().error(
            table.spot,
            format!("more than {LABELS_MAX} labels"),
            "keep those that routes ask for",
        );
    }
    labels
}
