//! In front of every route: who may ask, how, and what a browser may do with the answer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::refusal_document;
use super::desk::Desk;
use super::origin::is_known_host;
use super::routes::methods_at;
use crate::model::{PublicUrl, Settings};

/// Bytes of a path with its query.
const TARGET_BYTES_MAX: usize = 2_048;

/// What every answer says to a browser, refusals included: no script but our own, no frame, no guessing, no trace.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: with that, browsers hide the origin of our own forms, by which they are known.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
];

/// Refuses what nobody here answers, and dresses every answer.
pub(super) async fn guard(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let by_program = request.uri().path().starts_with("/api/");
    let (asked, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = match refusal(&request, &desk.settings()) {
        Some((status, words)) => said(by_program, status, &words),
        None => next.run(request).await,
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = response.headers_mut().remove(header::ALLOW);
        let known = methods_at(&path).join(", ");
        let words = format!("{asked} is not answered here, but {known}; see docs/json.md");
        response = said(by_program, StatusCode::METHOD_NOT_ALLOWED, &words);
        response
            .headers_mut()
            .extend(allowed.map(|allowed| (header::ALLOW, allowed)));
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What never changes says so itself.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A refusal in the form of every other: as JSON to programs, in a line to all others.
fn said(by_program: bool, status: StatusCode, words: &str) -> Response {
    if by_program {
        return (status, refusal_document(words, &[])).into_response();
    }
    (status, format!("{words}\n")).into_response()
}

fn refusal(request: &Request, settings: &Settings) -> Option<(StatusCode, String)> {
    // A page elsewhere that makes its own name point here must not read anything.
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    // A question may name its host itself, and then that one counts.
    let named = request.uri().authority().map(Authority::as_str);
    let is_known = |host: &str| is_known_host(host, settings);
    if hosts.next().is_some() || !host.is_some_and(is_known) || !named.is_none_or(is_known) {
        let public = settings.web.as_ref().and_then(|web| web.public_url.as_ref());
        let ask = public.map_or("http://localhost or http://127.0.0.1", PublicUrl::origin);
        let words = format!("this freshd does not answer to that name; ask for {ask}");
        return Some((StatusCode::MISDIRECTED_REQUEST, words));
    }
    // What comes with a ping or an action is read by whoever takes it, to a limit.
    let is_question = request.method() == Method::GET || request.method() == Method::HEAD;
    let is_ping = request.uri().path().starts_with("/ping/");
    if is_question && !is_ping && has_body(request.headers()) {
        let words = "a question has no body here".to_owned();
        return Some((StatusCode::PAYLOAD_TOO_LARGE, words));
    }
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_BYTES_MAX {
        let words = format!("the address is too long: {target} bytes; at most {TARGET_BYTES_MAX} are read");
        return Some((StatusCode::URI_TOO_LONG, words));
    }
    if percent_encoding::percent_decode_str(request.uri().path())
        .decode_utf8()
        .is_err()
    {
        let words = "the address is not UTF-8: write names in UTF-8, percent-encoded";
        return Some((StatusCode::BAD_REQUEST, words.to_owned()));
    }
    None
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length.as_bytes() != b"0")
}
