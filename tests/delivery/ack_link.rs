//! The link that takes an incident on: in what people read, the same at each try, and in nothing that is kept or told.

use std::sync::Arc;

use freshd::delivery::Delivery;
use freshd::model::{Channel, ChannelKind, DeliveryOutcome, MailSecurity, MailServer, Secret};
use mail_parser::MessageParser;

use super::support::http::{HttpAnswer, HttpSink};
use super::support::sample::{channel, notification, opening};
use super::support::smtp::{SmtpRules, SmtpSink};
use super::{AMPLE, permanent};

const LINK: &str = "https://freshd.example/ack/1042-aVeryLongSignatureThatNobodyCanGuess_0123456789a";

async fn sent(channel: &Channel, to: Option<&str>) -> DeliveryOutcome {
    let delivery = Delivery::new(AMPLE).with_ack_links(Arc::new(|_| Some(Secret::new(LINK))));
    delivery.send(channel, &notification(opening(), to)).await
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
}

#[tokio::test]
async fn slack_and_teams_have_it_and_programs_do_not() {
    let slack = posted(|url| ChannelKind::Slack { url, ca: None }).await;
    let sections: Vec<&str> = slack["blocks"]
        .as_array()
        .expect("blocks")
        .iter()
        .filter_map(|block| block["text"]["text"].as_str())
        .collect();
    let line = format!("<{LINK}|Take it on, without a login>");
    assert!(sections.contains(&line.as_str()), "{sections:?}");
    let teams = posted(|url| ChannelKind::Teams { url, ca: None }).await;
    let actions = &teams["attachments"][0]["content"]["actions"];
    assert_eq!(
        (&actions[0]["title"], &actions[1]["url"]),
        (&"Runbook".into(), &LINK.into())
    );
    let secret = None;
    let hook = posted(|url| ChannelKind::Webhook {
        url,
        secret: secret.clone(),
        ca: None,
    });
    assert!(!hook.await.to_string().contains("/ack/"));
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
