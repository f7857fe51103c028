//! A window: the state over HTTP, loopback only.
//!
//! It runs on a thread of its own and only asks: whatever happens here, a due job starts in time.

mod bounded;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use self::bounded::Bounded;
use crate::model::{Reply, Request};

/// How long the daemon may take to answer before it counts as hanging.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Asks the daemon something and waits for its answer.
pub type Ask = Arc<dyn Fn(Request) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync>;

/// Serves until the process ends, on a thread of its own.
///
/// # Errors
/// Fails when the thread cannot be started or the listener cannot be used.
pub fn open(listener: TcpListener, ask: Ask) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("web".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let served = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => axum::serve(Bounded::new(listener), routes(ask)).await,
                Err(error) => Err(error),
            };
            if let Err(error) = served {
                tracing::error!(%error, "the web window has closed");
            }
        });
    })?;
    Ok(())
}

fn routes(ask: Ask) -> Router {
    Router::new()
        .route("/", get(summary))
        .route("/healthz", get(health))
        .route("/api/v1/status", get(status))
        .with_state(ask)
        .layer(from_fn(guard))
}

/// In front of every route: a page elsewhere that makes its own name point here must not read anything.
async fn guard(request: HttpRequest, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(is_local) {
        let refusal = "this freshd answers to localhost only; ask for http://localhost or http://127.0.0.1\n";
        return (StatusCode::MISDIRECTED_REQUEST, refusal).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// Whether a Host header names this machine's loopback.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own))
}

async fn summary(State(ask): State<Ask>) -> Response {
    let facts = match answer(&ask).await {
        Ok(facts) => facts,
        Err(response) => return response,
    };
    let count = |key: &str| facts[key].as_array().map_or(0, Vec::len);
    let mut text = format!(
        "freshd supervises {} jobs and {} datasets. ",
        count("jobs"),
        count("datasets")
    );
    text.push_str(match count("incidents") {
        0 => "No incident is open.\n",
        _ => "What is wrong:\n",
    });
    for incident in facts["incidents"].as_array().into_iter().flatten() {
        let word = |key: &str| incident[key].as_str().unwrap_or_default().to_owned();
        text.push_str(&format!(
            "  {} {}: {} (incident {}, {} answers)\n",
            word("subject"),
            word("kind"),
            word("reason"),
            incident["id"],
            word("owner"),
        ));
    }
    text.push('\n');
    for dataset in facts["datasets"].as_array().into_iter().flatten() {
        let word = |key: &str| dataset[key].as_str().unwrap_or_default().to_owned();
        text.push_str(&format!(
            "{:<10} {:<24} {}\n",
            word("state"),
            word("name"),
            word("reason")
        ));
    }
    text.push_str("\nEverything, for programs: /api/v1/status. On this machine: freshd status.\n");
    text.into_response()
}

async fn health(State(ask): State<Ask>) -> Response {
    match answer(&ask).await {
        Ok(_) => "ok\n".into_response(),
        Err(response) => response,
    }
}

async fn status(State(ask): State<Ask>) -> Response {
    match answer(&ask).await {
        Ok(facts) => ([(header::CONTENT_TYPE, "application/json")], facts.to_string()).into_response(),
        Err(response) => response,
    }
}

/// The state of everything, or the response that says why there is none.
async fn answer(ask: &Ask) -> Result<serde_json::Value, Response> {
    let asked = tokio::time::timeout(ANSWER_WAIT, ask(Request::Status { name: None }));
    match asked.await {
        Ok(Reply::Done(facts)) => Ok(facts),
        Ok(Reply::Refused(why)) => Err((StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()),
        Err(_elapsed) => Err((StatusCode::SERVICE_UNAVAILABLE, "freshd does not answer\n").into_response()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost:7373",
            "127.0.0.1:7373",
            "[::1]:7373",
            "[::1]",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:7373",
            "127.0.0.1.evil.example",
            "localhost.evil:80",
            "::1",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}
