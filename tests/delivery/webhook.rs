//! Webhooks: signed, never redirected, bounded, and silent about their secrets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use freshd::delivery::Delivery;
use freshd::model::{ChannelKind, DeliveryOutcome, IncidentId, Purpose, Secret};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use standardwebhooks::Webhook;

use super::support::certificates::{Authority, Certificate};
use super::support::http::{HttpAnswer, HttpRequest, HttpSink};
use super::support::sample::{channel, notification, opening};
use super::{AMPLE, PROMPT, SHORT, permanent, send, send_within, temporary, unanswered, unsent};

pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const PATH: &str = "/hooks/canary-token-4711?key=canary-query-0815";

pub(super) fn hook(sink: &HttpSink, secret: Option<&str>) -> ChannelKind {
    ChannelKind::Webhook {
        url: Secret::new(sink.url(PATH)),
        secret: secret.map(Secret::new),
        ca: None,
    }
}

/// One try against a receiver that answers so.
async fn answered(answer: HttpAnswer) -> DeliveryOutcome {
    let sink = HttpSink::start(vec![answer]).await;
    send(&hook(&sink, Some(SECRET)), opening(), None).await
}

fn verify(request: &HttpRequest, webhook: &Webhook) {
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let value = HeaderValue::from_str(request.header(name)).unwrap();
        headers.insert(HeaderName::from_static(name), value);
    }
    webhook.verify(request.body.as_bytes(), &headers).unwrap();
}

#[tokio::test]
async fn the_body_holds_every_field_of_the_message() {
    let sink = HttpSink::start(Vec::new()).await;
    let outcome = send(&hook(&sink, None), opening(), Some("bridge")).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
    let request = sink.requests(1).await.remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", PATH));
    assert_eq!(request.header("webhook-id"), "n-1042");
    assert_eq!(request.header("webhook-signature"), "");
    let body = request.json();
    assert_eq!(body["type"], "freshd.incident.opening");
    assert_eq!(body["timestamp"], "2026-06-19T21:15:02Z");
    let mut expected = serde_json::to_value(opening()).unwrap();
    expected["to"] = "bridge".into();
    assert_eq!(body["data"], expected);
}

#[tokio::test]
async fn a_test_is_told_apart_from_an_incident() {
    let sink = HttpSink::start(Vec::new()).await;
    let mut message = opening();
    message.purpose = Purpose::Test;
    message.incident = None::<IncidentId>;
    send(&hook(&sink, None), message, None).await;
    assert_eq!(sink.requests(1).await[0].json()["type"], "freshd.test");
}

#[tokio::test]
async fn receivers_verify_the_signature_with_either_form_of_secret() {
    let sink = HttpSink::start(Vec::new()).await;
    send(&hook(&sink, Some(SECRET)), opening(), None).await;
    send(&hook(&sink, Some("a plain secret")), opening(), None).await;
    let requests = sink.requests(2).await;
    verify(&requests[0], &Webhook::new(SECRET).unwrap());
    verify(&requests[1], &Webhook::from_bytes(b"a plain secret".to_vec()).unwrap());
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = HttpSink::start(Vec::new()).await;
    let target = Box::leak(elsewhere.url("/").into_boxed_str());
    let headers: &'static [(&str, &str)] = Box::leak(Box::new([("Location", &*target)]));
    for status in [301, 302, 303, 307, 308] {
        let error = permanent(answered(HttpAnswer::Says(status, headers, String::new())).await);
        assert!(error.contains("redirects are not followed"), "{error}");
    }
    assert!(elsewhere.record().requests.is_empty());
}

#[tokio::test]
async fn what_may_pass_is_told_from_what_will_not() {
    for status in [200, 201, 202, 204] {
        let outcome = answered(HttpAnswer::status(status, "")).await;
        assert_eq!(outcome, DeliveryOutcome::Accepted, "{status}");
    }
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let (error, wait) = temporary(answered(HttpAnswer::status(status, "later")).await);
        assert!(
            error.contains(&format!("localhost answered {status}: later")),
            "{error}"
        );
        assert_eq!(wait, None);
    }
    for status in [400, 401, 403, 404, 422] {
        let error = permanent(answered(HttpAnswer::status(status, "never\nmore")).await);
        assert!(error.ends_with(&format!("answered {status}: never")), "{error}");
    }
    let error = permanent(answered(HttpAnswer::status(410, "")).await);
    assert!(error.contains("410: the receiver is gone"), "{error}");
}

#[tokio::test]
async fn the_receiver_says_when_to_come_back() {
    let answer = HttpAnswer::Says(503, &[("Retry-After", "120")], String::new());
    assert_eq!(temporary(answered(answer).await).1, Some(120));

    let answer = HttpAnswer::Says(429, &[("Retry-After", "864000")], String::new());
    assert_eq!(temporary(answered(answer).await).1, Some(3600));

    let then = Timestamp::now() + SignedDuration::from_mins(10);
    let date = then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers: &'static [(&str, &str)] = Box::leak(Box::new([("Retry-After", &*date.leak())]));
    let wait = temporary(answered(HttpAnswer::Says(503, headers, String::new())).await).1;
    assert!((580..=600).contains(&wait.unwrap()), "{wait:?}");
}

#[tokio::test]
async fn a_receiver_that_hangs_or_drips_ends_the_try_within_its_bound() {
    for answer in [HttpAnswer::Hangs, HttpAnswer::Drips] {
        let sink = HttpSink::start(vec![answer.clone()]).await;
        let begun = Instant::now();
        let kind = hook(&sink, Some(SECRET));
        let error = unanswered(send_within(SHORT, &kind, opening(), None).await);
        assert!(begun.elapsed() < PROMPT, "{answer:?} took {:?}", begun.elapsed());
        assert!(error.contains("not accepted within 300ms"), "{error}");
        sink.until("end", |record| record.ended == 1).await;
    }
}

#[tokio::test]
async fn a_channel_that_hangs_keeps_no_other_waiting() {
    let delivery = Arc::new(Delivery::new(AMPLE));
    let (slow, quick) = (
        HttpSink::start(vec![HttpAnswer::Hangs]).await,
        HttpSink::start(Vec::new()).await,
    );
    let slow_channel = channel(hook(&slow, None));
    let hanging = tokio::spawn({
        let delivery = Arc::clone(&delivery);
        async move { delivery.send(&slow_channel, &notification(opening(), None)).await }
    });
    slow.requests(1).await;
    let outcome = delivery
        .send(&channel(hook(&quick, None)), &notification(opening(), None))
        .await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
    assert!(!hanging.is_finished());
    hanging.abort();
}

#[tokio::test]
async fn accepted_is_accepted_though_the_body_never_ends() {
    let sink = HttpSink::start(vec![HttpAnswer::HangsInBody(200)]).await;
    let kind = hook(&sink, Some(SECRET));
    let outcome = send_within(Duration::from_millis(1500), &kind, opening(), None).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
}

#[tokio::test]
async fn a_refusal_counts_though_its_body_never_ends() {
    let error = permanent(answered(HttpAnswer::HangsInBody(404)).await);
    assert!(error.contains("answered 404"), "{error}");
}

#[tokio::test]
async fn only_the_beginning_of_a_huge_answer_is_read() {
    let sink = HttpSink::start(vec![HttpAnswer::Floods(500, 200_000_000)]).await;
    let (error, _) = temporary(send(&hook(&sink, None), opening(), None).await);
    assert!(error.chars().count() <= 500, "{error}");
    let record = sink.until("end", |record| record.ended == 1).await;
    assert!(record.bytes_taken < 20_000_000, "{} bytes", record.bytes_taken);
}

#[tokio::test]
async fn a_reset_connection_may_pass() {
    let error = unanswered(answered(HttpAnswer::Resets).await);
    assert!(error.contains("localhost"), "{error}");
}

#[tokio::test]
async fn tls_needs_a_trusted_certificate_for_this_host() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new(dir.path());
    for (certificate, trusted, expected) in [
        (Certificate::Good, true, None),
        (Certificate::Good, false, Some("not trusted here")),
        (Certificate::WrongHost, true, Some("another name")),
        (Certificate::Expired, true, Some("has expired")),
    ] {
        let sink = HttpSink::start_tls(Vec::new(), authority.server(certificate)).await;
        let mut kind = hook(&sink, Some(SECRET));
        if let ChannelKind::Webhook { ca, .. } = &mut kind {
            *ca = trusted.then(|| authority.file());
        }
        let outcome = send(&kind, opening(), None).await;
        match expected {
            None => assert_eq!(outcome, DeliveryOutcome::Accepted),
            Some(expected) => {
                let error = unanswered(outcome);
                assert!(error.contains(expected), "{certificate:?}: {error}");
                assert!(sink.record().requests.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn an_unusable_ca_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "not a certificate\n").unwrap();
    let sink = HttpSink::start(Vec::new()).await;
    for (file, expected) in [(dir.path().join("none.pem"), "No such file"), (empty, "no certificate")] {
        let kind = ChannelKind::Webhook {
            url: Secret::new(sink.url("/")),
            secret: None,
            ca: Some(file.clone()),
        };
        let error = unsent(send(&kind, opening(), None).await);
        assert!(
            error.contains(&file.display().to_string()) && error.contains(expected),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_url_that_is_no_web_address_is_refused_without_telling_it() {
    for url in [
        "",
        "canary-no-url",
        "ftp://files.example/canary-path",
        "file:///etc/canary-path",
    ] {
        let kind = ChannelKind::Webhook {
            url: Secret::new(url),
            secret: None,
            ca: None,
        };
        let error = unsent(send(&kind, opening(), None).await);
        assert!(error.contains("url") && !error.contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn no_failure_tells_a_secret_even_when_the_receiver_repeats_it() {
    let repeated = format!(
        "bad token canary-token-4711, key=canary-query-0815, {SECRET} {}",
        &SECRET["whsec_".len()..]
    );
    let mut texts = vec![
        permanent(answered(HttpAnswer::status(403, &repeated)).await),
        temporary(answered(HttpAnswer::status(500, &repeated)).await).0,
        unanswered(answered(HttpAnswer::Resets).await),
    ];
    let sink = HttpSink::start(Vec::new()).await;
    let kind = hook(&sink, Some(SECRET));
    drop(sink);
    if let DeliveryOutcome::Unreachable { error } = send_within(SHORT, &kind, opening(), None).await {
        texts.push(error);
    }
    assert!(texts[0].contains("bad token [hidden]"), "{}", texts[0]);
    for text in texts {
        for secret in ["canary", "MfKQ9r8G"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_packed_unasked_is_not_shown_as_its_bytes() {
    let packed = HttpAnswer::Says(503, &[("Content-Encoding", "gzip")], "\u{1f}\u{8}\0\0\0".to_owned());
    let (error, _) = temporary(answered(packed).await);
    assert!(
        error.ends_with(" answered 503: its answer is encoded as gzip, which was not asked for"),
        "{error:?}"
    );
    let plain = HttpAnswer::Says(503, &[("Content-Encoding", "identity")], "come back".to_owned());
    let (error, _) = temporary(answered(plain).await);
    assert!(error.ends_with(" answered 503: come back"), "{error:?}");
}
