//! Receivers that are gone: left alone, without a word of what is secret, until somebody says otherwise.

use std::sync::Arc;

use freshd::delivery::Delivery;
use freshd::model::{ChannelKind, DeliveryOutcome, Purpose, Secret};

use super::support::http::{HttpAnswer, HttpSink};
use super::support::sample::{channel, notification, opening};
use super::webhook::{SECRET, hook};
use super::{AMPLE, permanent, unsent};

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
    let error = unsent(delivery.send(&gone, &message()).await);
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
    let again = unsent(delivery.send(&gone, &message()).await);
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
        sent.outcome.is_answer()
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
        assert_eq!(sent.outcome.is_answer(), expected);
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
