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
use super::{AMPLE, PROMPT, SHORT, permanent, send, send_within, temporary, unanswered};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const PATH: &str = "/hooks/canary-token-4711?key=canary-query-0815";

fn hook(sink: &HttpSink, secret: Option<&str>) -> ChannelKind {
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
async fn a_receiver_that_is_gone_is_left_alone_until_the_channel_is_another() {
    let sink = HttpSink::start(vec![HttpAnswer::status(410, "no longer"), HttpAnswer::status(410, "")]).await;
    let delivery = Delivery::new(AMPLE);
    let gone = channel(hook(&sink, None));
    let message = || notification(opening(), None);
    let error = permanent(delivery.send(&gone, &message()).await);
    assert!(
        error.contains("410: the receiver is gone, set a new url: no longer"),
        "{error}"
    );
    let until = "channel channel is switched off until it changes in jobs.toml, `freshd notify test --channel channel` is taken, or freshd is restarted";
    assert!(error.ends_with(until), "{error}");
    let channels = [(gone.name.clone(), gone.clone())].into();
    let off = delivery.switched_off(&channels);
    assert_eq!(off.len(), 1);
    assert_eq!(off[0].until(), until);
    assert_eq!(
        off[0].answer,
        "localhost answered 410: the receiver is gone, set a new url: no longer"
    );
    let error = permanent(delivery.send(&gone, &message()).await);
    assert!(
        error.starts_with(&format!("{until}: localhost answered 410")),
        "{error}"
    );
    assert_eq!(sink.record().requests.len(), 1, "the second message was not sent");
    // Whoever tests it wants to know, and finds it as it was.
    let mut test = opening();
    test.purpose = Purpose::Test;
    assert!(permanent(delivery.send(&gone, &notification(test.clone(), None)).await).contains("answered 410"));
    assert_eq!(sink.record().requests.len(), 2);
    // A test that is taken switches it on.
    let outcome = delivery.send(&gone, &notification(test, None)).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
    assert_eq!(delivery.switched_off(&channels), []);
    assert_eq!(delivery.send(&gone, &message()).await, DeliveryOutcome::Accepted);
}

/// A receiver that is gone, and says so much. Its notification asks for an acknowledgement by a link.
async fn gone_saying(said: &str) -> (Vec<String>, usize) {
    let sink = HttpSink::start(vec![HttpAnswer::status(410, said), HttpAnswer::status(200, "")]).await;
    let delivery = Delivery::new(AMPLE).with_ack_links(Arc::new(|_| Some(Secret::new(LINK))));
    let gone = channel(hook(&sink, Some(SECRET)));
    let message = || notification(opening(), None);
    let met = permanent(delivery.send(&gone, &message()).await);
    let again = permanent(delivery.send(&gone, &message()).await);
    let off = delivery.switched_off(&[(gone.name.clone(), gone.clone())].into());
    (vec![met, again, off[0].answer.clone()], sink.record().requests.len())
}

const LINK: &str = "https://freshd.example.com/ack/2-tRlBq7XyZw0aK4mN";

#[tokio::test]
async fn what_a_receiver_that_is_gone_says_tells_no_secret_wherever_it_is_cut() {
    for before in (0..220).step_by(11) {
        let said = format!(
            "{}{LINK} canary-token-4711 {SECRET} {}",
            "x".repeat(before),
            "y".repeat(600)
        );
        let (texts, requests) = gone_saying(&said).await;
        assert_eq!(requests, 1);
        for text in texts {
            for secret in ["ack/2", "tRlBq7", "canary", "MfKQ9r8G"] {
                assert!(!text.contains(secret), "{before}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn behind_a_long_answer_of_a_receiver_that_is_gone_stands_what_to_do_in_full() {
    let (texts, _) = gone_saying(&"x".repeat(1_000)).await;
    let [met, again, answer] = &texts[..] else {
        panic!("{texts:?}")
    };
    let until = "channel channel is switched off until it changes in jobs.toml, `freshd notify test --channel channel` is taken, or freshd is restarted";
    assert_eq!(*met, format!("{answer}; {until}"));
    assert_eq!(*again, format!("{until}: {answer}"));
    let said = "localhost answered 410: the receiver is gone, set a new url: ";
    let shown = answer
        .strip_prefix(said)
        .expect("what was answered")
        .chars()
        .take_while(|it| *it == 'x')
        .count();
    assert_eq!(
        *answer,
        format!(
            "{said}{}… ({} more characters left out)",
            "x".repeat(shown),
            1_000 - shown
        )
    );
}

#[tokio::test]
async fn only_what_the_other_side_said_is_an_answer() {
    let answered = |kind: ChannelKind| async move {
        let delivery = Delivery::new(AMPLE);
        let sent = delivery
            .send_in_thread(&channel(kind), &notification(opening(), None), None)
            .await;
        sent.answered
    };
    for status in [200, 403, 410, 503] {
        let sink = HttpSink::start(vec![HttpAnswer::status(status, "")]).await;
        assert!(answered(hook(&sink, None)).await, "{status}");
    }
    let sink = HttpSink::start(vec![HttpAnswer::Resets]).await;
    assert!(!answered(hook(&sink, None)).await);
    // None of these leaves the machine.
    let sink = HttpSink::start(Vec::new()).await;
    let with = |secret: &str, ca: Option<&str>| ChannelKind::Webhook {
        url: Secret::new(sink.url("/")),
        secret: Some(Secret::new(secret)),
        ca: ca.map(Into::into),
    };
    assert!(!answered(with("plain", Some("/none/such.pem"))).await);
    assert!(!answered(with("whsec_not*base64", None)).await);
    assert!(sink.record().requests.is_empty());
    // One that has asked to be left alone is not asked.
    let sink = HttpSink::start(vec![HttpAnswer::status(410, "")]).await;
    let (delivery, gone) = (Delivery::new(AMPLE), channel(hook(&sink, None)));
    for expected in [true, false] {
        let sent = delivery
            .send_in_thread(&gone, &notification(opening(), None), None)
            .await;
        assert_eq!(sent.answered, expected);
    }
}

#[tokio::test]
async fn a_channel_that_is_defined_anew_has_another_receiver() {
    let sink = HttpSink::start(vec![HttpAnswer::status(410, "")]).await;
    let delivery = Delivery::new(AMPLE);
    permanent(
        delivery
            .send(&channel(hook(&sink, None)), &notification(opening(), None))
            .await,
    );
    let anew = channel(hook(&sink, Some(SECRET)));
    let outcome = delivery.send(&anew, &notification(opening(), None)).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
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
        let error = permanent(send(&kind, opening(), None).await);
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
        let error = permanent(send(&kind, opening(), None).await);
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
