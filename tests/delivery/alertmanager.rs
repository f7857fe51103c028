//! Alertmanager: alerts known by labels that stay, ended at the right time, and told again without a word lost.

use freshd::delivery::Delivery;
use freshd::model::{About, ChannelKind, DeliveryOutcome, Login, Message, Name, Purpose, Secret, Severity};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::support::http::{HttpAnswer, HttpSink};
use super::support::sample::{channel, opening, recovery};
use super::{AMPLE, permanent, send, temporary};

fn alertmanager(sink: &HttpSink, login: Option<Login>) -> ChannelKind {
    ChannelKind::Alertmanager {
        url: Secret::new(sink.url("/am/")),
        login,
        labels: vec![("site".into(), "tromso".into())],
        ca: None,
    }
}

async fn alerts(message: Message) -> Vec<Value> {
    let sink = HttpSink::start(Vec::new()).await;
    let outcome = send(&alertmanager(&sink, None), message, None).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
    let request = sink.requests(1).await.remove(0);
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/am/api/v2/alerts")
    );
    request.json().as_array().expect("a list").clone()
}

async fn repeated(messages: &[Message]) -> Vec<Vec<Value>> {
    let sink = HttpSink::start(Vec::new()).await;
    let outcome = Delivery::new(AMPLE)
        .repeat(&channel(alertmanager(&sink, None)), messages)
        .await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
    let requests = sink.record().requests;
    requests
        .iter()
        .map(|request| request.json().as_array().expect("a list").clone())
        .collect()
}

fn time(value: &Value) -> Timestamp {
    value.as_str().expect("a text").parse().expect("a time")
}

/// Whether an alert ends as one that fires: five minutes from now.
fn fires(alert: &Value) -> bool {
    let left = time(&alert["endsAt"]).duration_since(Timestamp::now());
    (SignedDuration::from_mins(4)..=SignedDuration::from_mins(5)).contains(&left)
}

#[tokio::test]
async fn an_alert_is_known_by_labels_that_stay_and_says_the_rest_in_annotations() {
    let warning = Message {
        severity: Severity::Warning,
        ..opening()
    };
    let alerts = alerts(warning).await;
    assert_eq!(alerts.len(), 1);
    assert_eq!(
        alerts[0]["labels"],
        json!({
            "alertname": "FreshdDataset",
            "dataset": "stock",
            "severity": "warning",
            "team": "warehouse",
            "site": "tromso",
        })
    );
    let annotations = alerts[0]["annotations"].as_object().expect("a table");
    assert_eq!(annotations["summary"], "stock is late (#17)");
    assert!(
        annotations["facts"]
            .as_str()
            .expect("a text")
            .contains("Data as of: Fri 12 Jun 2026 22:58, version 41\n")
    );
    assert_eq!(annotations["kind"], "late");
    assert_eq!(annotations["since"], "2026-06-19T21:15:00Z");
    assert_eq!(annotations["incident"], "17");
    assert_eq!(
        annotations["runbook_url"],
        "https://wiki.seafood.example/stock?from=freshd&incident=17"
    );
    assert_eq!(alerts[0]["startsAt"], "2026-06-19T21:15:00Z");
    assert!(fires(&alerts[0]), "{}", alerts[0]);
}

#[tokio::test]
async fn an_update_and_an_end_are_about_the_same_alert() {
    let known_by = async |message: Message| alerts(message).await[0]["labels"].clone();
    let first = known_by(opening()).await;
    for (purpose, id) in [
        (Purpose::Update, "n-2"),
        (Purpose::Reminder, "n-3"),
        (Purpose::Escalation, "n-4"),
    ] {
        let later = Message {
            purpose,
            id: id.into(),
            kind: Some(freshd::model::ProblemKind::Stale),
            at: "2026-06-20T06:00:00Z".parse().unwrap(),
            ..opening()
        };
        assert_eq!(known_by(later).await, first, "{purpose:?}");
    }
    assert_eq!(known_by(recovery()).await, first);
    let of_job = Message {
        about: Some(About::Job),
        ..opening()
    };
    assert_ne!(known_by(of_job).await, first, "a job and a dataset may share a name");
    let of_readers = Message {
        team: Name::from("sales"),
        ..opening()
    };
    assert_ne!(
        known_by(of_readers).await,
        first,
        "each team is told of its end on its own"
    );
}

#[tokio::test]
async fn what_turns_critical_takes_the_place_of_the_warning() {
    let alerts = alerts(opening()).await;
    let severities: Vec<_> = alerts.iter().map(|alert| &alert["labels"]["severity"]).collect();
    assert_eq!(severities, ["critical", "warning"]);
    assert!(fires(&alerts[0]));
    assert!(time(&alerts[1]["endsAt"]) < Timestamp::now(), "{}", alerts[1]);
}

#[tokio::test]
async fn an_end_ends_the_alert_when_it_was_over_whatever_its_severity_was() {
    let alerts = alerts(recovery()).await;
    let ends: Vec<_> = alerts
        .iter()
        .map(|alert| (&alert["labels"]["severity"], &alert["endsAt"]))
        .collect();
    assert_eq!(
        ends,
        [
            (&json!("critical"), &json!("2026-06-19T21:41:40Z")),
            (&json!("warning"), &json!("2026-06-19T21:41:40Z"))
        ]
    );
    for alert in &alerts {
        assert!(time(&alert["startsAt"]) <= time(&alert["endsAt"]), "{alert}");
    }
}

#[tokio::test]
async fn everything_is_told_again_in_one_request_and_very_much_in_a_few() {
    let requests = repeated(&[opening(), recovery()]).await;
    assert_eq!(requests.len(), 1);
    let told: Vec<_> = requests[0]
        .iter()
        .map(|alert| (alert["labels"]["severity"].as_str().unwrap_or_default(), fires(alert)))
        .collect();
    // The warning behind what still fires has ended already.
    assert_eq!(told, [("critical", true), ("critical", false), ("warning", false)]);
    let requests = repeated(&vec![opening(); 130]).await;
    let counts: Vec<_> = requests.iter().map(Vec::len).collect();
    assert_eq!(counts, [64, 64, 2]);
}

#[tokio::test]
async fn what_is_wrong_with_one_alert_lets_no_other_end() {
    let sink = HttpSink::start(vec![HttpAnswer::status(400, "\"bad label\"")]).await;
    let delivery = Delivery::new(AMPLE);
    let am = channel(alertmanager(&sink, None));
    let error = permanent(delivery.repeat(&am, &vec![opening(); 130]).await);
    assert_eq!(error, "localhost answered 400: \"bad label\"");
    assert_eq!(sink.record().requests.len(), 3);
    // One that has no time says so of all.
    let busy = HttpSink::start(vec![HttpAnswer::status(503, "")]).await;
    let am = channel(alertmanager(&busy, None));
    temporary(delivery.repeat(&am, &vec![opening(); 130]).await);
    assert_eq!(busy.record().requests.len(), 1);
}

#[tokio::test]
async fn a_test_ends_by_itself_and_is_no_emergency() {
    let test = Message {
        purpose: Purpose::Test,
        incident: None,
        kind: None,
        about: None,
        since: None,
        ..opening()
    };
    let alerts = alerts(test).await;
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0]["labels"]["alertname"], "FreshdTest");
    assert_eq!(alerts[0]["labels"]["severity"], "info");
    assert!(fires(&alerts[0]));
}

#[tokio::test]
async fn who_asks_is_said_and_never_told() {
    let answered = async |login, status| {
        let answer = HttpAnswer::status(status, "\"no canary-token, no ZnJlc2hkOmNhbmFyeS1wYXNz\"");
        let sink = HttpSink::start(vec![answer]).await;
        let outcome = send(&alertmanager(&sink, Some(login)), opening(), None).await;
        (sink.requests(1).await[0].header("authorization").to_owned(), outcome)
    };
    let (header, outcome) = answered(Login::Bearer(Secret::new("canary-token")), 401).await;
    assert_eq!(header, "Bearer canary-token");
    assert_eq!(
        permanent(outcome),
        "localhost answered 401: \"no [hidden], no ZnJlc2hkOmNhbmFyeS1wYXNz\""
    );
    let basic = Login::Basic {
        username: "freshd".into(),
        password: Secret::new("canary-pass"),
    };
    let (header, outcome) = answered(basic, 503).await;
    assert_eq!(header, "Basic ZnJlc2hkOmNhbmFyeS1wYXNz");
    assert_eq!(
        temporary(outcome).0,
        "localhost answered 503: \"no canary-token, no [hidden]\""
    );
}
