//! The largest digest fits every channel, and names each of its incidents there.

use freshd::alerting::{Concern, ToGather, digest};
use freshd::model::{
    Address, ChannelKind, DeliveryOutcome, DigestLine, DownDeliveries, Incident, IncidentId, Message, MessageFact,
    Name, Secret, Severity, WhyGathered,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use mail_parser::MessageParser;

use super::send;
use super::support::http::HttpSink;
use super::support::sample::{notification, opening};

/// A digest of more incidents than fit, with all that makes it long; of every fourth the incident is over.
fn largest() -> Message {
    let message = largest_of(freshd::model::DIGEST_CHARS_USUAL);
    let over = message.incidents.iter().filter(|line| line.is_over).count();
    assert!(
        over > 20 && message.incidents.len() < 900,
        "{over} of {}",
        message.incidents.len()
    );
    message
}

/// The same, of so many characters.
fn largest_of(chars_max: usize) -> Message {
    let at: Timestamp = "2026-06-19T21:15:02Z".parse().unwrap();
    let waiting: Vec<_> = (1..=900)
        .map(|number| {
            let mut message = opening();
            message.incident = Some(IncidentId(number));
            message.subject_name = Name::from(format!("a<!channel>&job-{number}"));
            let instead_of = MessageFact {
                label: "Instead of".to_owned(),
                text: format!("{number} {}", "whom nothing has reached ".repeat(90)),
            };
            message.facts.insert(0, instead_of);
            let incident = serde_json::json!({
                "id": number, "kind": "late", "about": "job", "subject": message.subject_name, "state": "open",
                "severity": if number % 2 == 0 { "critical" } else { "warning" }, "since": at, "notify_at": at,
                "opened_at": at, "resolved_at": null, "cause": null, "reason": "", "told": [], "ack": null,
                "reminders": 0, "remind_at": null, "escalations": 0,
            });
            let incident: Incident = serde_json::from_value(incident).unwrap();
            // Few that are open, so that those that are over have their place too.
            (notification(message, None), Some(incident).filter(|_| number <= 60))
        })
        .collect();
    let waiting: Vec<_> = waiting.iter().map(|(one, incident)| (one, incident.as_ref())).collect();
    let gather = ToGather {
        now: at,
        zone: &TimeZone::UTC,
        address: &Address {
            channel: Name::from("mail"),
            to: Some("lager@seafood.example".to_owned()),
        },
        team: &Name::from("warehouse"),
        team_title: "Warehouse".to_owned(),
        why: WhyGathered::Outage,
        chars_max,
        deliveries: DownDeliveries::default(),
        only_due: None,
        waiting: &waiting,
        title_of: &|team| team.to_string(),
        concern_of: &|_, _| Concern::default(),
        quiet_cause_of: &|_| None,
    };
    digest("n-9".to_owned(), &gather)
}

/// Whether a text names every incident of the message.
fn names_all(text: &str, message: &Message) -> bool {
    let mut lines = message.incidents.iter();
    lines.all(|line| text.contains(&format!("#{} ", line.incident)))
}

#[tokio::test]
async fn slack_shows_every_incident_within_its_limits() {
    let sink = HttpSink::start(Vec::new()).await;
    let kind = ChannelKind::Slack {
        url: Secret::new(sink.url("/services/T/B/X")),
        ca: None,
    };
    assert_eq!(send(&kind, largest(), None).await, DeliveryOutcome::Accepted);
    let body = sink.requests(1).await.remove(0).json();
    let texts = super::slack::texts(&body);
    assert!(texts.len() <= 50 && texts.iter().all(|text| text.chars().count() <= 3000));
    let all: usize = texts.iter().map(|text| text.chars().count()).sum();
    assert!(all <= 10_000, "{all} characters");
    assert!(names_all(&texts.join("\n"), &largest()));
}

#[tokio::test]
async fn a_webhook_gets_every_incident_as_a_field_of_its_own() {
    let sink = HttpSink::start(Vec::new()).await;
    let kind = ChannelKind::Webhook {
        url: Secret::new(sink.url("/hook")),
        secret: None,
        ca: None,
    };
    assert_eq!(send(&kind, largest(), None).await, DeliveryOutcome::Accepted);
    let body = sink.requests(1).await.remove(0).json();
    assert_eq!(body["type"], "freshd.digest");
    let expected = serde_json::to_value(&largest().incidents).unwrap();
    assert_eq!(body["data"]["incidents"], expected);
}

#[tokio::test]
async fn a_mail_shows_every_incident_in_its_text_and_in_its_page() {
    let dir = tempfile::tempdir().unwrap();
    let kind = ChannelKind::File { dir: dir.path().into() };
    assert_eq!(
        send(&kind, largest(), Some("lager@seafood.example")).await,
        DeliveryOutcome::Accepted
    );
    let files = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut mails = files.filter(|path| path.extension().is_some_and(|kind| kind == "eml"));
    let mail = std::fs::read(mails.next().unwrap()).unwrap();
    let mail = MessageParser::default().parse(&mail).unwrap();
    assert_eq!(
        mail.subject().unwrap(),
        format!(
            "[freshd] {0} problems while mail could not be delivered: \
             a<!channel>&job-2 is late; a<!channel>&job-4 is late; and {1} more",
            largest().incidents.len(),
            largest().incidents.len() - 2
        )
    );
    let text = mail.body_text(0).unwrap();
    assert!(names_all(&text.replace("\r\n", " "), &largest()), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 72), "{text}");
    let page = mail.body_html(0).unwrap();
    assert!(names_all(&page, &largest()));
    assert!(!page.contains("<!channel>"));
}

#[tokio::test]
async fn teams_and_ntfy_show_every_incident_of_a_digest_that_is_written_for_them() {
    let sink = HttpSink::start(Vec::new()).await;
    let [teams, ntfy] = teams_and_ntfy(&sink);
    for (kind, bytes_max) in [(teams, 28 << 10), (ntfy, usize::MAX)] {
        let message = largest_of(kind.digest_chars().expect("it is gathered"));
        let before = sink.record().requests.len();
        assert_eq!(send(&kind, message.clone(), None).await, DeliveryOutcome::Accepted);
        let request = sink.requests(before + 1).await.remove(before);
        assert!(request.body.len() < bytes_max, "{} bytes", request.body.len());
        assert!(names_all(&request.body, &message), "{}", request.body);
        assert!(!request.body.contains("left out"), "{}", request.body);
    }
}

#[tokio::test]
async fn teams_and_ntfy_part_what_is_open_from_what_is_over() {
    let sink = HttpSink::start(Vec::new()).await;
    let mut message = largest();
    message.facts.clear();
    let (over, open): (Vec<_>, Vec<_>) = message.incidents.drain(..).partition(|line| line.is_over);
    message.incidents = open.into_iter().take(2).chain(over.into_iter().take(2)).collect();
    for (number, kind) in teams_and_ntfy(&sink).into_iter().enumerate() {
        assert_eq!(send(&kind, message.clone(), None).await, DeliveryOutcome::Accepted);
        let body = sink.requests(number + 1).await.remove(number).body;
        let place = |text: &str| body.find(text).unwrap_or_else(|| panic!("no {text}: {body}"));
        let line = |number: usize| place(&format!("#{} ", message.incidents[number].incident));
        let (open, over) = (place("Open"), place("Over"));
        assert!(
            open < line(0) && line(1) < over && over < line(2) && line(2) < line(3),
            "{body}"
        );
    }
}

#[tokio::test]
async fn every_channel_heads_what_is_open_by_how_bad_it_is_with_how_many_there_are() {
    let message = largest();
    let count = |belongs: &dyn Fn(&DigestLine) -> bool| message.incidents.iter().filter(|line| belongs(line)).count();
    let heads = [
        (
            "Open, critical",
            count(&|line| !line.is_over && line.severity == Severity::Critical),
        ),
        (
            "Open, warning",
            count(&|line| !line.is_over && line.severity == Severity::Warning),
        ),
        ("Over", count(&|line| line.is_over)),
    ];
    let heads = heads.map(|(what, count)| format!("{what} ({count})"));
    let sink = HttpSink::start(Vec::new()).await;
    let slack = ChannelKind::Slack {
        url: Secret::new(sink.url("/services/T/B/X")),
        ca: None,
    };
    assert_eq!(send(&slack, message.clone(), None).await, DeliveryOutcome::Accepted);
    let body = sink.requests(1).await.remove(0).json();
    let dir = tempfile::tempdir().unwrap();
    let kind = ChannelKind::File { dir: dir.path().into() };
    let to = Some("lager@seafood.example");
    assert_eq!(send(&kind, message.clone(), to).await, DeliveryOutcome::Accepted);
    let mail = std::fs::read(dir.path().join(format!("{}-{}.eml", message.id, message.team))).unwrap();
    let mail = MessageParser::default().parse(&mail).unwrap();
    let (text, page) = (mail.body_text(0).unwrap(), mail.body_html(0).unwrap());
    let posted = super::slack::texts(&body).join("\n");
    let told: [&str; 3] = [&posted, &text, &page];
    for told in told {
        let places: Vec<_> = heads.iter().map(|head| told.find(head.as_str())).collect();
        assert!(
            places.iter().all(Option::is_some) && places.is_sorted(),
            "{heads:?}: {told}"
        );
    }
}

fn teams_and_ntfy(sink: &HttpSink) -> [ChannelKind; 2] {
    let teams = ChannelKind::Teams {
        url: Secret::new(sink.url("/workflow")),
        ca: None,
    };
    let ntfy = ChannelKind::Ntfy {
        url: Secret::new(sink.url("/")),
        topic: Secret::new("freshd"),
        login: None,
        ca: None,
    };
    [teams, ntfy]
}
