//! `/events`: says that something has changed, so that an open page fetches itself again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::connections::Stay;
use super::desk::Desk;

/// Changes within so long are told as one: a busy freshd stores many steps a second.
const CALM: Duration = Duration::from_secs(1);
/// Without changes something is said after so long. Ages grow without a change, and a connection that is gone is noticed.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A stream of `changed` events; 503 where as many listen as may.
pub(super) async fn events(State(desk): State<Arc<Desk>>, Extension(stay): Extension<Stay>) -> Response {
    let Ok(place) = desk.streams().try_acquire_owned() else {
        let retry = [(header::RETRY_AFTER, "30")];
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            retry,
            "enough browsers listen already\n",
        )
            .into_response();
    };
    stay.as_stream();
    let (tell, told) = tokio::sync::mpsc::channel(1);
    let changes = desk.changes();
    tokio::spawn(async move {
        let _place = place;
        tell_changes(changes, &tell, CALM, SILENCE_MAX).await;
    });
    let body = Body::from_stream(ReceiverStream::new(told).map(Ok::<_, Infallible>));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// Goes on until nobody listens, or freshd ends.
async fn tell_changes(
    mut changes: watch::Receiver<u64>,
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
        tokio::spawn(async move { tell_changes(changes, &tell, Duration::ZERO, HOUR).await });
        assert_eq!(told.recv().await.as_deref(), Some("retry: 5000\n\n"));
        for count in 1..100 {
            moves.send_replace(count);
        }
        assert_eq!(told.recv().await.as_deref(), Some("event: changed\ndata: \n\n"));
        drop(moves);
        assert_eq!(told.recv().await, None);
    }

    #[tokio::test]
    async fn a_long_silence_is_broken() {
        let (_moves, changes) = watch::channel(0);
        let (tell, mut told) = tokio::sync::mpsc::channel(1);
        tokio::spawn(async move { tell_changes(changes, &tell, HOUR, Duration::ZERO).await });
        assert!(told.recv().await.is_some_and(|said| said.starts_with("retry")));
        assert!(told.recv().await.is_some_and(|said| said.contains("changed")));
    }
}
