//! How a dataset is watched: `probe`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use globset::GlobBuilder;

use super::context::Context;
use super::datasets::text_as_of;
use super::findings::Places;
use super::reader::{Table, Text, Value};
use super::report::Report;
use super::secrets::secret;
use crate::model::{AsOf, Name, Probe, ProbeTarget, Secret, Settings};

const PROBE_EVERY_DEFAULT: Duration = Duration::from_mins(1);
const PROBE_EVERY_MIN: Duration = Duration::from_secs(1);

/// Characters of a ping's key: 16 of them from a good source are 64 bits and more.
const PING_KEY_MIN: usize = 16;
const PING_KEY_MAX: usize = 100;

/// Characters of a name in `OpenLineage`.
const LINEAGE_NAME_MAX: usize = 500;

/// Reads `probe = { file | glob | ping | openlineage, as_of, every }`.
pub(super) fn probe(context: &Context<'_>, value: Value<'_>, path: String) -> (Option<Probe>, Option<AsOf>) {
    let Some(table) = value.table(path) else {
        return (None, None);
    };
    let errors = context.report.errors();
    table.unsupported(&["url", "sql", "database", "object", "sftp", "command"]);
    let refused = context.report.errors() > errors;
    let keys = ["file", "glob", "ping", "openlineage"];
    let written: Vec<&str> = keys.into_iter().filter(|key| table.has(key)).collect();
    let (file, glob, ping) = (table.text("file"), table.text("glob"), table.get("ping"));
    let lineage = table.text("openlineage");
    let target = match written.as_slice() {
        [] => {
            if !refused {
                value.error(
                    "`probe` does not say what to look at",
                    "write probe = { file = \"...\", every = \"1m\" } or { glob = \"...\", every = \"1m\" }",
                );
            }
            None
        }
        [_] => match (file, glob, ping, lineage) {
            (Some(file), ..) => Some(ProbeTarget::File(context.path(&file))),
            (_, Some(glob), ..) => absolute_glob(context, &glob).map(ProbeTarget::Glob),
            (_, _, Some(key), _) => ping_key(context, &table, key).map(ProbeTarget::Ping),
            (.., Some(name)) => lineage_name(&table, &name).map(ProbeTarget::OpenLineage),
            (None, None, None, None) => None,
        },
        [one, other, ..] => {
            value.error(format!("`probe` has both a {one} and a {other}"), "keep one of the two");
            None
        }
    };
    let as_of = table.text("as_of").and_then(|text| {
        text_as_of(
            context,
            &text,
            "write \"mtime\" or a pattern, as in \"stock-%Y-%m-%d.csv\"",
        )
    });
    let every = table.get("every").and_then(|every| {
        let duration = every.duration()?;
        if duration < PROBE_EVERY_MIN {
            every.error("`every` must be at least 1s", "write every = \"1m\"");
        }
        Some(duration)
    });
    table.finish();
    let probe = target.map(|target| Probe {
        target,
        every: every.unwrap_or(PROBE_EVERY_DEFAULT),
    });
    (probe, as_of)
}

/// Refuses what only makes sense where a probe looks.
fn looks_at_nothing(table: &Table<'_>, called: &str) {
    for idle in ["as_of", "every"] {
        if let Some(spot) = table.key_spot(idle) {
            table.report().error(
                spot,
                format!("`{idle}` has no effect on {called}: nothing is looked at, and data is as of when it is said to be there"),
                format!("take `{idle}` out"),
            );
        }
    }
}

/// How systems that speak `OpenLineage` call a dataset: its namespace and its name.
fn lineage_name(table: &Table<'_>, text: &Text<'_>) -> Option<String> {
    looks_at_nothing(table, "`openlineage`");
    let name = text.text;
    let parts = name.rsplit_once('/');
    let is_whole = parts.is_some_and(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
    if !is_whole || name.chars().any(char::is_control) || name.chars().count() > LINEAGE_NAME_MAX {
        text.error(
            format!("`openlineage` is a namespace, a slash and a name, of at most {LINEAGE_NAME_MAX} characters"),
            "write them as the events have them, as in \"postgres://db.example:5432/shop.public.orders\"",
        );
        return None;
    }
    Some(name.to_owned())
}

/// A key that nobody guesses, since whoever knows it says when data has arrived.
fn ping_key(context: &Context<'_>, table: &Table<'_>, value: Value<'_>) -> Option<Secret> {
    looks_at_nothing(table, "a ping");
    // In the file it is as well kept as the file itself.
    let key = match value.as_text() {
        Some(_) => Secret::new(value.text()?.text),
        None => secret(context, value)?,
    };
    context.secrets.borrow_mut().add(key.reveal());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let length = key.reveal().len();
    if !key.reveal().bytes().all(is_plain) || !(PING_KEY_MIN..=PING_KEY_MAX).contains(&length) {
        value.error(
            format!("the key of a ping has {PING_KEY_MIN} to {PING_KEY_MAX} letters, digits, hyphens and underscores"),
            "write one that nobody guesses, as `openssl rand -hex 16` makes it",
        );
        return None;
    }
    Some(key)
}

/// Refuses what only makes sense where something is looked at.
pub(super) fn check_ping(table: &Table<'_>) {
    for idle in [
        "as_of",
        "requires_as_of",
        "checks",
        "must_change",
        "may_be_empty",
        "settle",
    ] {
        if let Some(spot) = table.key_spot(idle) {
            table.report().error(
                spot,
                format!("`{idle}` has no effect on a dataset whose maker says when it has arrived: nothing of it is looked at"),
                format!("take `{idle}` out, or write probe = {{ file = \"...\", every = \"1m\" }}"),
            );
        }
    }
}

/// Refuses a key by which two datasets are spoken of.
pub(super) fn report(report: &Report, settings: &Settings, places: &Places) {
    let mut known: HashMap<&str, &Name> = HashMap::new();
    let pinged = settings.datasets.values().filter(|dataset| dataset.part_of.is_none());
    for (name, key) in pinged.filter_map(|dataset| Some((&dataset.name, dataset.ping_key()?))) {
        if let Some(other) = known.insert(key.reveal(), name)
            && let Some(spots) = places.datasets.get(name)
        {
            report.error(
                spots.name,
                format!("`{name}` has the same ping key as `{other}`"),
                "write another one for each, as `openssl rand -hex 16` makes it",
            );
        }
    }
}

fn absolute_glob(context: &Context<'_>, text: &Text<'_>) -> Option<String> {
    let pattern = if text.text.starts_with('/') {
        text.text.to_owned()
    } else {
        let dir = context.report.dir(text.spot());
        let relative: PathBuf = PathBuf::from(text.text).components().collect();
        let dir = globset::escape(&dir.to_string_lossy());
        format!("{}/{}", dir.trim_end_matches('/'), relative.to_string_lossy())
    };
    match GlobBuilder::new(&pattern).literal_separator(true).build() {
        Ok(_) => Some(pattern),
        Err(error) => {
            text.error(
                format!("`{}` is not a pattern: {}", text.text, error.kind()),
                "write a pattern, as in exports/stock-*.csv",
            );
            None
        }
    }
}
