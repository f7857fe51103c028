//! `/events`: says that something has changed, so that an open page fetches itself again. `/events?run=ID` says so of each
//! line that a run prints, too.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::answer::Trouble;
use super::connections::{Peer, Stay};
use super::desk::Desk;
use super::door::Who;
use super::reading::query;
use super::streams::Holder;
use crate::model::{AttemptId, Name, RunId, log_path};

/// Changes within so long are told as one: a busy freshd stores many steps a second.
const CALM: Duration = Duration::from_secs(1);
/// Without changes something is said after so long. Ages grow without a change, and a connection that is gone is noticed.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How often it is looked whether a run has printed more.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    run: Option<u64>,
}

/// A stream of `changed` events; 503 where as many listen as may.
pub(super) async fn events(
    State(desk): State<Arc<Desk>>,
    Extension(stay): Extension<Stay>,
    Extension(peer): Extension<Peer>,
    who: Who,
    uri: Uri,
) -> Result<Response, Trouble> {
    let run = query::<Wanted>(&uri)?.run;
    let holder = who.known_as().map_or(Holder::From(peer.0), Holder::Known);
    let Some(mut place) = desk.streams().take(holder) else {
        let retry = [(header::RETRY_AFTER, "30")];
        return Ok((
            StatusCode::SERVICE_UNAVAILABLE,
            retry,
            "enough browsers listen already\n",
        )
            .into_response());
    };
    stay.as_stream();
    let (tell, told) = tokio::sync::mpsc::channel(1);
    let changes = desk.changes();
    let printed = run.map(|run| watch_output(&desk, RunId(run)));
    tokio::spawn(async move {
        tokio::select! {
            () = tell_changes(changes, printed, &tell, CALM, SILENCE_MAX) => {}
            () = place.given_up() => {}
        }
    });
    let body = Body::from_stream(ReceiverStream::new(told).map(Ok::<_, Infallible>));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

/// Moves on when the output of a run's last attempt has grown, until the run is over or nobody looks any more.
fn watch_output(desk: &Arc<Desk>, run: RunId) -> watch::Receiver<Option<(AttemptId, u64)>> {
    let (moves, printed) = watch::channel(None);
    let desk = desk.clone();
    tokio::spawn(async move {
        let mut looks = tokio::time::interval(LOOKS_EVERY);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = moves.closed() => return,
            }
            let (job, last) = match last_attempt(&desk, run).await {
                Ok(Stage::Begun(job, last)) => (job, last),
                // A run that waits for its turn prints once that has come.
                Ok(Stage::Waits) => continue,
                Ok(Stage::Over) | Err(_) => return,
            };
            let path = log_path(&desk.state_dir(), &job, last);
            let bytes = desk
                .compute(move || std::fs::metadata(path).map_or(0, |log| log.len()))
                .await;
            let Ok(bytes) = bytes else { return };
            moves.send_if_modified(|known| known.replace((last, bytes)) != Some((last, bytes)));
        }
    });
    printed
}

/// How far a run has come.
enum Stage {
    /// No attempt was made yet.
    Waits,
    /// Its job, and its last attempt.
    Begun(Name, AttemptId),
    /// It is over, or there is none.
    Over,
}

async fn last_attempt(desk: &Arc<Desk>, run: RunId) -> Result<Stage, Trouble> {
    let found = desk.read(move |reader| reader.run(run)).await?;
    Ok(match found {
        Some((run, attempts)) if run.outcome.is_none() => {
            let last = attempts.last().map(|last| last.id);
            last.map_or(Stage::Waits, |last| Stage::Begun(run.job, last))
        }
        _ => Stage::Over,
    })
}

/// Waits until there is more output; for ever where there will be none.
async fn grown(printed: &mut Option<watch::Receiver<Option<(AttemptId, u64)>>>) {
    if let Some(watched) = printed
        && watched.changed().await.is_ok()
    {
        return;
    }
    *printed = None;
    std::future::pending::<()>().await;
}

/// Goes on until nobody listens, or freshd ends.
async fn tell_changes(
    mut changes: watch::Receiver<u64>,
    mut printed: Option<watch::Receiver<Option<(AttemptId, u64)>>>,
    tell: &tokio::sync::mpsc::Sender<String>,
    calm: Duration,
    silence_max: Duration,
) {
    changes.mark_unchanged();
    let mut said = "retry: 5000\n\n";
    loop {
        if tell.send(said.to_owned()).await.is_err() {
            return;
        }
        let moved = tokio::select! {
            moved = tokio::time::timeout(silence_max, changes.changed()) => moved,
            () = grown(&mut printed) => Ok(Ok(())),
            () = tell.closed() => return,
        };
        match moved {
            Ok(Ok(())) => {
                tokio::time::sleep(calm).await;
                changes.mark_unchanged();
            }
            Ok(Err(_ended)) => return,
            Err(_elapsed) => {}
        }
        said = "event: changed\ndata: \n\n";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn many_changes_at_once_are_told_once() {
        let (moves, changes) = watch::channel(0);
        let (tell, mut told) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move { tell_changes(changes, None, &tell, Duration::ZERO, HOUR).await });
        assert_eq!(told.recv().await.as_deref(), Some("retry: 5000\n\n"));
        for count in 1..100 {
            moves.send_replace(count);
        }
        assert_eq!(told.recv().await.as_deref(), Some("event: changed\ndata: \n\n"));
        drop(moves);
        assert_eq!(told.recv().await, None);
    }

    #[tokio::test]
    async fn what_a_run_prints_is_told_until_it_is_over() {
        let (_moves, changes) = watch::channel(0);
        let (prints, printed) = watch::channel(None);
        let (tell, mut told) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move { tell_changes(changes, Some(printed), &tell, Duration::ZERO, HOUR).await });
        assert!(told.recv().await.is_some_and(|said| said.starts_with("retry")));
        for bytes in 1..=3 {
            prints.send_replace(Some(("1.1".parse().unwrap(), bytes)));
            assert!(told.recv().await.is_some_and(|said| said.contains("changed")));
        }
        drop(prints);
        tokio::task::yield_now().await;
        assert!(told.try_recv().is_err(), "the stream goes on, and has nothing to say");
    }

    #[tokio::test]
    async fn a_long_silence_is_broken() {
        let (_moves, changes) = watch::channel(0);
        let (tell, mut told) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move { tell_changes(changes, None, &tell, HOUR, Duration::ZERO).await });
        assert!(told.recv().await.is_some_and(|said| said.starts_with("retry")));
        assert!(told.recv().await.is_some_and(|said| said.contains("changed")));
    }
}
