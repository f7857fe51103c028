//! Pings: `/ping/KEY`, `/ping/KEY/start`, `/fail`, `/log` and `/N`, as clients of Healthchecks speak them.
//!
//! Who has no key gets no further than here; who has one is answered when what was said is stored.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio_stream::StreamExt as _;

use super::desk::Desk;
use crate::model::{PING_RUN_MAX, PingWord, Request, is_ping_run};

/// Bytes of what comes with a ping that are held, the last ones; and that are read at all, since it is an output, and
/// that something failed counts for more than all it has printed.
const HELD_BYTES_MAX: usize = 64 << 10;
const READ_BYTES_MAX: usize = 4 << 20;

/// What may stand behind the question mark.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Said {
    rid: Option<String>,
}

/// `/ping/KEY`
pub(super) async fn done(
    State(desk): State<Arc<Desk>>,
    Path(key): Path<String>,
    Query(said): Query<Said>,
    body: Body,
) -> Response {
    ping(&desk, key, "", said, body).await
}

/// `/ping/KEY/WORD`
pub(super) async fn word(
    State(desk): State<Arc<Desk>>,
    Path((key, word)): Path<(String, String)>,
    Query(said): Query<Said>,
    body: Body,
) -> Response {
    ping(&desk, key, &word, said, body).await
}

async fn ping(desk: &Desk, key: String, word: &str, said: Said, body: Body) -> Response {
    if desk.settings().pinged_by(&key).is_none() {
        return (StatusCode::NOT_FOUND, "not found\n").into_response();
    }
    let Some(word) = PingWord::read(word) else {
        let words = "say nothing, start, fail, log, or an exit status from 0 to 255 behind the key\n";
        return (StatusCode::BAD_REQUEST, words).into_response();
    };
    if said.rid.as_ref().is_some_and(|rid| !is_ping_run(rid)) {
        let words = format!("rid has up to {PING_RUN_MAX} letters, digits and hyphens\n");
        return (StatusCode::BAD_REQUEST, words).into_response();
    }
    let Ok(text) = end_of(body).await else {
        return (StatusCode::BAD_REQUEST, "what comes with the ping breaks off\n").into_response();
    };
    let request = Request::Ping {
        key,
        word,
        rid: said.rid,
        text: String::from_utf8_lossy(&text).into_owned(),
    };
    match desk.tell(request).await {
        Ok(_) => "OK\n".into_response(),
        Err(trouble) => (trouble.status(), format!("{}\n", trouble.words())).into_response(),
    }
}

/// The last bytes of what comes, as far as it is read.
async fn end_of(body: Body) -> Result<Vec<u8>, axum::Error> {
    let (mut end, mut read) = (Vec::new(), 0);
    let mut pieces = body.into_data_stream();
    while read < READ_BYTES_MAX
        && let Some(piece) = pieces.next().await
    {
        let piece = piece?;
        read += piece.len();
        end.extend_from_slice(&piece);
        end.drain(..end.len().saturating_sub(HELD_BYTES_MAX));
    }
    Ok(end)
}
