//! How a dataset is watched: `probe`.

use std::path::PathBuf;
use std::time::Duration;

use globset::GlobBuilder;

use super::context::Context;
use super::datasets::text_as_of;
use super::reader::{Text, Value};
use crate::model::{AsOf, Probe, ProbeTarget};

const PROBE_EVERY_DEFAULT: Duration = Duration::from_mins(1);
const PROBE_EVERY_MIN: Duration = Duration::from_secs(1);

/// Reads `probe = { file | glob, as_of, every }`.
pub(super) fn probe(context: &Context<'_>, value: Value<'_>, path: String) -> (Option<Probe>, Option<AsOf>) {
    let Some(table) = value.table(path) else {
        return (None, None);
    };
    let errors = context.report.errors();
    table.unsupported(&["url", "sql", "database", "object", "sftp", "command", "ping"]);
    let refused = context.report.errors() > errors;
    let file = table.text("file");
    let glob = table.text("glob");
    let target = match (file, glob) {
        (Some(file), None) => Some(ProbeTarget::File(context.path(&file))),
        (None, Some(glob)) => absolute_glob(context, &glob).map(ProbeTarget::Glob),
        (Some(_), Some(_)) => {
            value.error("`probe` has both a file and a glob", "keep one of the two");
            None
        }
        (None, None) => {
            if !refused && !table.has("file") && !table.has("glob") {
                value.error(
                    "`probe` does not say what to look at",
                    "write probe = { file = \"...\", every = \"1m\" } or { glob = \"...\", every = \"1m\" }",
                );
            }
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
