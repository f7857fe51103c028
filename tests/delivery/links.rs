//! The links of a message: by which its incident is taken on, and where it is seen. In what is sent to each kind of channel, the
//! same at each try; the first in nothing that is kept or told.

use std::sync::Arc;

use freshd::delivery::Delivery;
use freshd::model::{Channel, ChannelKind, Command, CommandChannel, DeliveryOutcome, MailSecurity, MailServer, Secret};
use mail_parser::MessageParser;
use serde_json::json;

use super::support::http::{HttpAnswer, HttpSink};
use super::support::sample::{channel, notification, opening};
use super::support::smtp::{SmtpRules, SmtpSink};
use super::{AMPLE, permanent};

const LINK: &str = "https://freshd.example/ack/1042-aVeryLongSignatureThatNobodyCanGuess_0123456789a";

const PAGE: &str = "https://freshd.example/incidents/17";

const RUNBOOK: &str = "https://wiki.seafood.example/stock?from=freshd&incident=17";

fn delivery() -> Delivery {
    Delivery::new(AMPLE)
        .with_ack_links(Arc::new(|_| Some(Secret::new(LINK))))
        .with_page_links(Arc::new(|_| Some(PAGE.to_owned())))
}

async fn sent(channel: &Channel, to: Option<&str>) -> DeliveryOutcome {
    delivery().send(channel, &notification(opening(), to)).await
}

/// What is posted to a channel.
async fn posted(kind: impl Fn(Secret) -> ChannelKind) -> serde_json::Value {
    let sink = HttpSink::start(Vec::new()).await;
    let channel = channel(kind(Secret::new(sink.url("/hook"))));
    assert_eq!(sent(&channel, None).await, DeliveryOutcome::Accepted);
    sink.requests(1).await.remove(0).json()
}

#[tokio::test]
async fn a_mail_has_the_link_in_its_text_and_as_a_button() {
    let sink = SmtpSink::start(SmtpRules::default()).await;
    let server = MailServer {
        host: "localhost".into(),
        port: sink.port(),
        security: MailSecurity::Plain,
    };
    let channel = channel(ChannelKind::Email {
        server,
        from: "freshd@seafood.example".into(),
        username: None,
        password: None,
        ca: None,
    });
    for _ in 0..2 {
        assert_eq!(
            sent(&channel, Some("warehouse@seafood.example")).await,
            DeliveryOutcome::Accepted
        );
    }
    let mails = sink.mails(2).await;
    assert_eq!(mails[0].data, mails[1].data, "a try like the one before");
    let mail = MessageParser::default().parse(&mails[0].data).expect("a mail");
    let text = mail.body_text(0).expect("a text").replace('\r', "");
    assert!(
        text.contains(&format!("Take it on, without a login:\n  {LINK}\n")),
        "{text}"
    );
    let html = mail.body_html(0).expect("HTML");
    assert!(html.contains(&format!("<a href=\"{LINK}\"")), "{html}");
    assert!(text.contains(&format!("See it in freshd:\n  {PAGE}\n")), "{text}");
    assert!(html.contains(&format!("<a href=\"{PAGE}\"")), "{html}");
}

#[tokio::test]
async fn slack_and_teams_have_both_behind_words() {
    let slack = posted(|url| ChannelKind::Slack { url, ca: None }).await;
    let sections: Vec<&str> = slack["blocks"]
        .as_array()
        .expect("blocks")
        .iter()
        .filter_map(|block| block["text"]["text"].as_str())
        .collect();
    let lines = [
        format!("<{LINK}|Take it on, without a login>"),
        format!("<{PAGE}|See it in freshd>"),
    ];
    assert!(
        sections.ends_with(&lines.each_ref().map(String::as_str)),
        "{sections:?}"
    );
    let teams = posted(|url| ChannelKind::Teams { url, ca: None }).await;
    let actions = &teams["attachments"][0]["content"]["actions"];
    let open = |title: &str, url: &str| json!({ "type": "Action.OpenUrl", "title": title, "url": url });
    assert_eq!(
        *actions,
        json!([
            open("Runbook", RUNBOOK),
            open("Take it on, without a login", LINK),
            open("See it in freshd", PAGE)
        ])
    );
}

#[tokio::test]
async fn a_phone_opens_the_incident_at_a_tap_and_takes_it_on_by_a_button() {
    let ntfy = posted(|url| ChannelKind::Ntfy {
        url,
        topic: Secret::new("freshd-ops"),
        login: None,
        ca: None,
    })
    .await;
    assert_eq!(ntfy["click"], PAGE);
    let view = |label: &str, url: &str| json!({ "action": "view", "label": label, "url": url });
    assert_eq!(
        ntfy["actions"],
        json!([view("Take it on", LINK), view("Runbook", RUNBOOK)])
    );
    assert!(!ntfy["message"].to_string().contains("/ack/"));
}

#[tokio::test]
async fn a_pager_lists_them_and_leads_to_the_incident() {
    let event = posted(|url| ChannelKind::PagerDuty {
        url,
        routing_key: Secret::new("0123456789abcdef0123456789abcdef"),
        ca: None,
    })
    .await;
    assert_eq!(event["client_url"], PAGE);
    let link = |text: &str, href: &str| json!({ "href": href, "text": text });
    assert_eq!(
        event["links"],
        json!([
            link("Runbook", RUNBOOK),
            link("Take it on, without a login", LINK),
            link("See it in freshd", PAGE)
        ])
    );
}

#[tokio::test]
async fn a_webhook_has_both_as_fields_the_same_at_each_try_and_signed_with_the_rest() {
    let sink = HttpSink::start(Vec::new()).await;
    let hook = channel(ChannelKind::Webhook {
        url: Secret::new(sink.url("/hook")),
        secret: None,
        ca: None,
    });
    for _ in 0..2 {
        assert_eq!(sent(&hook, None).await, DeliveryOutcome::Accepted);
    }
    let requests = sink.requests(2).await;
    assert_eq!(requests[0].json(), requests[1].json());
    let data = &requests[0].json()["data"];
    assert_eq!((&data["incident_url"], &data["ack_url"]), (&PAGE.into(), &LINK.into()));
}

#[tokio::test]
async fn an_alertmanager_shows_the_incident_whenever_it_is_told_and_to_nobody_how_to_take_it_on() {
    let sink = HttpSink::start(Vec::new()).await;
    let channel = channel(ChannelKind::Alertmanager {
        url: Secret::new(sink.url("/")),
        login: None,
        labels: Vec::new(),
        ca: None,
    });
    assert_eq!(sent(&channel, None).await, DeliveryOutcome::Accepted);
    assert_eq!(
        delivery().repeat(&channel, &[opening()]).await,
        DeliveryOutcome::Accepted
    );
    for request in sink.requests(2).await {
        let alerts = request.json();
        assert_eq!(alerts[0]["annotations"]["incident_url"], PAGE);
        assert!(!alerts.to_string().contains("/ack/"), "{alerts}");
    }
}

#[tokio::test]
async fn what_is_written_to_a_directory_has_the_page_and_no_credential() {
    let dir = tempfile::tempdir().expect("a directory");
    let channel = channel(ChannelKind::File {
        dir: dir.path().to_owned(),
    });
    assert_eq!(sent(&channel, None).await, DeliveryOutcome::Accepted);
    for kind in ["eml", "json"] {
        let path = dir.path().join(format!("n-1042-warehouse.{kind}"));
        let text = std::fs::read_to_string(path).expect("a file");
        assert!(text.contains(PAGE) && !text.contains("/ack/"), "{text}");
    }
}

#[tokio::test]
async fn a_program_has_both_and_what_it_prints_of_them_is_on_record_nowhere() {
    let (_, token) = LINK.split_once("/ack/").expect("a token");
    let error = async |script: &str| {
        let channel = channel(ChannelKind::Command(Box::new(CommandChannel {
            command: Command::Shell(script.into()),
            timeout: AMPLE,
            run_as: None,
            env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        })));
        permanent(sent(&channel, None).await)
    };
    let said = error("echo \"$FRESHD_INCIDENT_URL $FRESHD_ACK_URL\"; exit 1").await;
    assert!(
        said.ends_with(&format!(": {PAGE} https://freshd.example/ack/[hidden]")),
        "{said}"
    );
    let said = error("grep -o '\"ack_url\":\"[^\"]*\"'; exit 1").await;
    assert!(said.contains("/ack/[hidden]"), "{said}");
    // Lines are cut, and so is the beginning of what was said: neither cut leaves a half that nobody recognises.
    for columns in [60, 90, 100, 110, 120] {
        let said = error(&format!("printf '%{columns}s%s' '' \"$FRESHD_ACK_URL\"; exit 1")).await;
        assert!(!said.contains(&token[..8]), "{columns}: {said}");
    }
    for left in [4, 20, token.len() - 1] {
        let filled = 4096 - left;
        let said = error(&format!("printf '%s%{filled}s' \"$FRESHD_ACK_URL\" ''; exit 1")).await;
        let half = &token[token.len() - left..];
        assert!(!said.contains(half), "{left}: {said}");
    }
}

#[tokio::test]
async fn whoever_answers_with_the_link_does_not_get_it_on_record() {
    let sink = HttpSink::start(vec![HttpAnswer::status(400, &format!("bad link {LINK}"))]).await;
    let channel = channel(ChannelKind::Slack {
        url: Secret::new(sink.url("/hook")),
        ca: None,
    });
    let error = permanent(sent(&channel, None).await);
    assert!(error.contains("bad link") && !error.contains("Signature"), "{error}");
}
