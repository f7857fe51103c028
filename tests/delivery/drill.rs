//! A rehearsal says so in its title and in its first sentence, in every channel, and in no line below them.

use freshd::alerting::{Concern, Rehearsal, ToGather, digest, drill_message};
use freshd::model::{Address, ChannelKind, DeliveryOutcome, Incident, Message, Name, Purpose, Secret, WhyGathered};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use mail_parser::MessageParser;
use serde_json::{Value, json};

use super::send;
use super::support::http::HttpSink;
use super::support::sample::{notification, opening};

const MARK: &str = "[DRILL]";

fn at() -> Timestamp {
    "2026-06-19T21:15:02Z".parse().unwrap()
}

/// With a name so long that no line holds all that is said of it.
fn incident(drill: &Value) -> Incident {
    let incident = json!({
        "id": 17, "kind": if drill.is_null() { "late" } else { "drill" }, "about": "dataset",
        "subject": "stock-per-lot-of-all-the-warehouses-of-bergen", "state": "open", "severity": "critical",
        "since": at(), "notify_at": at(), "opened_at": at(), "resolved_at": null, "cause": null, "reason": "",
        "told": [], "ack": null, "reminders": 0, "remind_at": null, "escalations": 0, "drill": drill,
    });
    serde_json::from_value(incident).unwrap()
}

fn rehearsed() -> Incident {
    incident(&json!({ "by": "kari, who operates freshd at the head office", "until": at() }))
}

fn drill(purpose: Purpose) -> Message {
    let incident = rehearsed();
    let rehearsal = Rehearsal {
        now: at(),
        zone: &TimeZone::UTC,
        incident: &incident,
        drill: incident.drill.as_ref().unwrap(),
        title: None,
        owner: "Warehouse and quality of the north, with everybody who is on call there".to_owned(),
        addresses: Vec::new(),
        teams: std::collections::BTreeMap::new(),
        real: None,
    };
    drill_message("n.9".to_owned(), purpose, &Name::from("warehouse"), &rehearsal)
}

/// A digest of a rehearsal, and perhaps of a problem.
fn in_one(with_problem: bool) -> Message {
    let (problem, rehearsed) = (incident(&Value::Null), rehearsed());
    let first = notification(
        Message {
            subject: "[freshd] stock is late (#17)".into(),
            ..opening()
        },
        None,
    );
    let mut second = notification(drill(Purpose::Opening), None);
    second.incident = Some(freshd::model::IncidentId(18));
    digest(
        "n-9".to_owned(),
        &ToGather {
            now: at(),
            zone: &TimeZone::UTC,
            address: &Address {
                channel: Name::from("mail"),
                to: None,
            },
            team: &Name::from("warehouse"),
            team_title: "Warehouse".to_owned(),
            why: WhyGathered::Flood,
            deliveries: freshd::model::DownDeliveries::default(),
            only_due: None,
            chars_max: 7_000,
            waiting: &[(&first, Some(&problem)), (&second, Some(&rehearsed))][usize::from(!with_problem)..],
            title_of: &|team| team.to_string(),
            concern_of: &|_, _| Concern::default(),
            quiet_cause_of: &|_| None,
        },
    )
}

/// A mail's subject and its text.
async fn mailed(message: Message) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let kind = ChannelKind::File { dir: dir.path().into() };
    let stem = format!("{}-{}.eml", message.id, message.team);
    assert_eq!(send(&kind, message, None).await, DeliveryOutcome::Accepted);
    let mail = std::fs::read(dir.path().join(stem)).unwrap();
    let mail = MessageParser::default().parse(&mail).expect("a mail");
    let text = mail.body_text(0).expect("a text").replace('\r', "");
    (mail.subject().expect("a subject").to_owned(), text)
}

async fn posted(kind: impl Fn(Secret) -> ChannelKind, message: Message) -> Value {
    let sink = HttpSink::start(Vec::new()).await;
    let outcome = send(&kind(Secret::new(sink.url("/hook"))), message, None).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
    sink.requests(1).await.remove(0).json()
}

#[tokio::test]
async fn a_mail_says_so_in_its_subject_and_its_first_sentence_and_answers_as_others_do() {
    for (purpose, begins) in [
        (Purpose::Opening, "[DRILL] freshd rehearses with "),
        (Purpose::Reminder, "Re: [DRILL] freshd rehearses with "),
        (Purpose::Recovery, "Re: [DRILL] freshd rehearses with "),
    ] {
        let (subject, text) = mailed(drill(purpose)).await;
        assert!(subject.starts_with(begins), "{subject}");
        assert!(text.starts_with(MARK) && text.matches(MARK).count() == 1, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 72), "{text}");
    }
}

#[tokio::test]
async fn a_line_of_a_digest_says_so_once_and_the_others_do_not() {
    let message = in_one(true);
    assert_eq!(
        message.subject,
        "[freshd] 1 problem and 1 rehearsal: stock-per-lot-of-all-the-warehouses-of-bergen is late"
    );
    let words = "CRITICAL: 1 problem and 1 rehearsal, all of them open: stock-per-lot-of-all-the-warehouses-of-bergen is late. \
         Told in one message because many came at once.";
    assert_eq!(message.headline, words);
    let (_, text) = mailed(message).await;
    let (problems, drills) = text.split_once("\nRehearsed (1):\n").expect("a group of its own");
    assert!(problems.contains("\nOpen, critical (1):\n  #17 "), "{text}");
    assert!(drills.starts_with("  #18 [DRILL] "), "{text}");
    assert_eq!(text.matches(MARK).count(), 1, "{text}");
}

#[tokio::test]
async fn a_digest_of_nothing_else_says_so_above_its_lines() {
    let message = in_one(false);
    assert_eq!(message.subject, "[freshd] [DRILL] 1 rehearsal at once");
    let (_, text) = mailed(message).await;
    assert!(
        text.starts_with("[DRILL] 1 rehearsal, open, told in one message"),
        "{text}"
    );
    assert_eq!(text.matches(MARK).count(), 2, "its first sentence and its line: {text}");
}

#[tokio::test]
async fn slack_says_so_in_what_a_locked_phone_shows_and_above_the_lines() {
    let slack = |url| ChannelKind::Slack { url, ca: None };
    let body = posted(slack, drill(Purpose::Reminder)).await;
    assert!(body["text"].as_str().unwrap().starts_with(MARK), "{body}");
    let texts = super::slack::texts(&body);
    let title = ":performing_arts: [DRILL] Rehearsal goes on: freshd rehearses with";
    assert!(texts[0].starts_with(title) && texts[1].starts_with(MARK), "{texts:?}");
    assert!(texts[2..].iter().all(|text| !text.contains(MARK)), "{texts:?}");
}

#[tokio::test]
async fn a_phone_says_so_in_title_and_first_sentence() {
    let ntfy = |url| ChannelKind::Ntfy {
        url,
        topic: Secret::new("t"),
        login: None,
        ca: None,
    };
    let body = posted(ntfy, drill(Purpose::Opening)).await;
    assert!(body["title"].as_str().unwrap().starts_with(MARK), "{body}");
    let text = body["message"].as_str().unwrap();
    assert!(text.starts_with(MARK) && text.matches(MARK).count() == 1, "{text}");
    assert_eq!(body["tags"], json!(["performing_arts", "opening", "drill"]));
    assert_eq!(body["priority"], 5, "it is as loud as the real thing");
}

#[tokio::test]
async fn teams_says_so_in_the_title_and_the_first_sentence() {
    let teams = |url| ChannelKind::Teams { url, ca: None };
    let body = posted(teams, drill(Purpose::Opening)).await;
    let paragraphs = body["attachments"][0]["content"]["body"].as_array().unwrap();
    let says = |paragraph: &Value| {
        let runs = paragraph["inlines"].as_array().unwrap().iter();
        let text: String = runs.map(|run| run["text"].as_str().unwrap()).collect();
        text.contains(MARK)
    };
    let said: Vec<usize> = (0..paragraphs.len())
        .filter(|number| says(&paragraphs[*number]))
        .collect();
    assert_eq!(said, [0, 1], "{body}");
}

#[tokio::test]
async fn a_pager_says_so_in_the_summary_and_the_source() {
    let pager = |url| ChannelKind::PagerDuty {
        url,
        routing_key: Secret::new("k"),
        ca: None,
    };
    let event = posted(pager, drill(Purpose::Opening)).await;
    for name in ["summary", "source"] {
        let said = event["payload"][name].as_str().unwrap();
        assert!(said.starts_with(MARK) && said.matches(MARK).count() == 1, "{event}");
    }
    assert_eq!(event["payload"]["severity"], "critical", "it pages");
}

#[tokio::test]
async fn an_alertmanager_takes_it_for_no_other_alert_and_its_end_for_the_end_of_none() {
    let alertmanager = |url| ChannelKind::Alertmanager {
        url,
        login: None,
        labels: Vec::new(),
        ca: None,
    };
    for purpose in [Purpose::Opening, Purpose::Recovery] {
        let alerts = posted(alertmanager, drill(purpose)).await;
        for alert in alerts.as_array().unwrap() {
            assert_eq!(alert["labels"]["alertname"], "FreshdDrill");
            for name in ["summary", "description"] {
                assert!(
                    alert["annotations"][name].as_str().unwrap().starts_with(MARK),
                    "{alert}"
                );
            }
        }
    }
}
