//! `/api/v1/messages/dead`: what was given up, as `freshd notify dead --json` prints it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::answer::{Trouble, document};
use super::api::{Rows, rows};
use super::desk::Desk;
use super::reading::query;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedDead {
    /// Those of which nothing is to be done any more, too.
    all: Option<bool>,
    /// At most so many.
    limit: Option<Rows>,
}

pub(super) async fn dead(State(desk): State<Arc<Desk>>, uri: Uri) -> Result<Response, Trouble> {
    let wanted = query::<WantedDead>(&uri)?;
    let (settled_too, limit) = (wanted.all.unwrap_or(false), rows(wanted.limit));
    let settings = desk.settings();
    let messages =
        desk.read(move |reader| reader.dead_messages(settled_too, limit, &|address| settings.is_in_use(address)));
    Ok(document(&json!({ "messages": messages.await? })))
}
