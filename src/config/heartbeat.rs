//! `[heartbeat]`: where freshd says that it lives, so that somebody elsewhere notices when it does not.

use std::time::Duration;

use super::channels::{authorities, receiver};
use super::context::Context;
use super::reader::Table;
use crate::model::Heartbeat;

const EVERY_DEFAULT: Duration = Duration::from_mins(1);
const EVERY_MIN: Duration = Duration::from_secs(10);
const EVERY_MAX: Duration = Duration::from_hours(24);

/// Reads it; `None` when it is broken.
pub(super) fn heartbeat(context: &Context<'_>, table: Table<'_>) -> Option<Heartbeat> {
    let url = receiver(
        context,
        &table,
        "a heartbeat needs the `url` that is asked for",
        "write url = { file = \"secrets/heartbeat\" }, or url = \"https://...\" if it is no secret",
    );
    let every = table.get("every").and_then(|value| {
        let every = value.duration()?;
        if !(EVERY_MIN..=EVERY_MAX).contains(&every) {
            value.error("`every` is from 10s to 24h", "write every = \"1m\"");
        }
        Some(every)
    });
    let ca = authorities(context, &table);
    table.finish();
    Some(Heartbeat {
        url: url?,
        every: every.unwrap_or(EVERY_DEFAULT),
        ca,
    })
}
