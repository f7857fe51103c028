//! In front of every route: who may ask, how, and what a browser may do with the answer.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Bytes of a path with its query.
const TARGET_BYTES_MAX: usize = 2_048;

/// What every answer says to a browser, refusals included: no script but our own, no frame, no guessing, no trace.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
];

/// Refuses what nobody here answers, and dresses every answer.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut response = match refusal(&request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
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

fn refusal(request: &Request) -> Option<Response> {
    // A page elsewhere that makes its own name point here must not read anything.
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    if hosts.next().is_some() || !host.is_some_and(is_local) {
        let words = "this freshd answers to localhost only; ask for http://localhost or http://127.0.0.1\n";
        return Some((StatusCode::MISDIRECTED_REQUEST, words).into_response());
    }
    // What is said by a ping is decided by its key, and read by whoever takes it, to a limit.
    let is_ping = request.uri().path().starts_with("/ping/");
    let is_question = request.method() == Method::GET || request.method() == Method::HEAD;
    if is_ping && !is_question && request.method() != Method::POST {
        let allowed = [(header::ALLOW, "GET, HEAD, POST")];
        return Some((StatusCode::METHOD_NOT_ALLOWED, allowed, "ping by GET, HEAD or POST\n").into_response());
    }
    if !is_ping && !is_question {
        let words = "nothing can be changed here; on this machine `freshd` can, see freshd --help\n";
        let allowed = [(header::ALLOW, "GET, HEAD")];
        return Some((StatusCode::METHOD_NOT_ALLOWED, allowed, words).into_response());
    }
    if !is_ping && has_body(request.headers()) {
        return Some((StatusCode::PAYLOAD_TOO_LARGE, "a question has no body here\n").into_response());
    }
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_BYTES_MAX {
        return Some((StatusCode::URI_TOO_LONG, "the address is too long\n").into_response());
    }
    None
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length.as_bytes() != b"0")
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
