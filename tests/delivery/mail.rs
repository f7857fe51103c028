//! What a mail looks like, as a parser of somebody else's sees it.

use std::path::Path;

use freshd::model::{ChannelKind, DeliveryOutcome, Message, MessageFact, Name};
use mail_parser::MessageParser;

use super::send;
use super::support::sample::{opening, recovery};

/// Rows of a small terminal.
const SCREEN_ROWS: usize = 24;

/// The bytes of a message as a mail.
async fn written(message: Message) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    write_into(dir.path(), message).await;
    let mail = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|kind| kind == "eml"));
    std::fs::read(mail.unwrap()).unwrap()
}

async fn write_into(dir: &Path, message: Message) {
    let kind = ChannelKind::File { dir: dir.into() };
    let outcome = send(&kind, message, Some("lager@seafood.example")).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
}

fn text_of(mail: &[u8]) -> String {
    let mail = MessageParser::default().parse(mail).unwrap();
    mail.body_text(0).unwrap().replace("\r\n", "\n")
}

fn html_of(mail: &[u8]) -> String {
    let mail = MessageParser::default().parse(mail).unwrap();
    mail.body_html(0).unwrap().into_owned()
}

#[tokio::test]
async fn another_parser_finds_subject_sender_recipient_date_and_both_bodies() {
    let bytes = written(opening()).await;
    let mail = MessageParser::default().parse(&bytes).unwrap();

    assert_eq!(mail.subject(), Some("[freshd] stock is late (#17)"));
    assert_eq!(
        mail.to().unwrap().first().unwrap().address(),
        Some("lager@seafood.example")
    );
    assert_eq!(
        mail.from().unwrap().first().unwrap().address(),
        Some("freshd@localhost")
    );
    assert_eq!(mail.date().unwrap().to_timestamp(), opening().at.as_second());
    assert_eq!(mail.header_raw("Auto-Submitted").unwrap().trim(), "auto-generated");
    assert_eq!(mail.header_raw("List-Id").unwrap().trim(), "freshd <freshd.localhost>");
    assert_eq!(mail.header_raw("X-Freshd-Incident").unwrap().trim(), "17");
    assert_eq!((mail.text_body_count(), mail.html_body_count()), (1, 1));
    assert_eq!(mail.attachment_count(), 0);
    assert!(text_of(&bytes).contains("Tromsø"));
    assert!(html_of(&bytes).contains("Tromsø"));
}

#[tokio::test]
async fn what_is_sent_again_is_of_when_that_was_and_its_subject_says_so() {
    let mut message = opening();
    let again = message.at.as_second() + 90_000;
    message.headline = format!("[resent, written Fri 2026-11-27 22:40] {}", message.headline);
    message.resent_at = Some(jiff::Timestamp::from_second(again).unwrap());
    let mail = written(message.clone()).await;
    let mail = MessageParser::default().parse(&mail).unwrap();
    assert_eq!(mail.date().unwrap().to_timestamp(), again);
    let subject = format!("[resent] {}", message.subject);
    assert_eq!(mail.subject(), Some(subject.as_str()));
}

#[tokio::test]
async fn an_end_that_answers_no_mail_says_in_its_subject_that_it_is_one() {
    let subject = |message| async move {
        let mail = written(message).await;
        let mail = MessageParser::default().parse(&mail).unwrap();
        mail.subject().unwrap().to_owned()
    };
    assert_eq!(subject(recovery()).await, "Re: [freshd] stock is late (#17)");
    let first = "[freshd] Resolved: stock is late (#17)";
    assert_eq!(subject(recovery().as_first()).await, first);
    assert_eq!(subject(opening()).await, "[freshd] stock is late (#17)");
}

#[tokio::test]
async fn all_mails_of_an_incident_answer_one_root_and_have_ids_of_their_own() {
    let (first, last) = (written(opening()).await, written(recovery()).await);
    let first = MessageParser::default().parse(&first).unwrap();
    let last = MessageParser::default().parse(&last).unwrap();

    assert_eq!(first.message_id(), Some("n-1042@localhost"));
    assert_eq!(last.message_id(), Some("n-1057@localhost"));
    for mail in [&first, &last] {
        assert_eq!(mail.references().as_text(), Some("incident-17@localhost"));
        assert_eq!(mail.in_reply_to().as_text(), Some("incident-17@localhost"));
    }
    assert_eq!(first.thread_name(), Some("stock is late (#17)"));
    assert_eq!(last.thread_name(), first.thread_name(), "Gmail and Outlook ask for it");
}

#[tokio::test]
async fn the_first_screen_of_the_text_says_what_happened() {
    let text = text_of(&written(opening()).await);
    let screen: Vec<&str> = text.lines().take(SCREEN_ROWS).collect();

    assert_eq!(
        screen[0],
        "Stock per lot did not come by Friday 23:15. Tromsø and the sales desk"
    );
    let screen = screen.join("\n");
    for expected in [
        "  Since          Fri 19 Jun",
        "  Why            job export-stock",
        "sales, Mon 22 Jun 07:00",
    ] {
        assert!(screen.contains(expected), "no {expected:?} in:\n{screen}");
    }
    let commands = text.lines().skip_while(|line| *line != "What you can do:");
    assert_eq!(
        commands.skip(1).take(3).collect::<Vec<_>>(),
        [
            "  freshd ack 17",
            "  freshd runs log 20418",
            "  freshd run export-stock",
        ]
    );
}

#[tokio::test]
async fn a_reason_that_the_first_sentence_gives_is_not_said_once_more() {
    let mut message = opening();
    message.headline = "CRITICAL: stock is stale: it is 2h too old.".into();
    let why = message.facts.iter_mut().find(|fact| fact.label == "Why").unwrap();
    why.text = "it is 2h too old".into();
    let mail = written(message).await;

    for body in [text_of(&mail), html_of(&mail)] {
        assert_eq!(body.matches("it is 2h too old").count(), 1, "{body}");
        assert!(!body.contains("Why") && body.contains("Data as of"), "{body}");
    }
}

#[tokio::test]
async fn the_text_fits_a_terminal_and_output_loses_only_its_colours() {
    let text = text_of(&written(opening()).await);
    // An address on the web is kept whole: it is to be clicked.
    for line in text.lines().filter(|line| !line.contains("https://")) {
        assert!(line.chars().count() <= 72, "{} columns: {line}", line.chars().count());
        assert_eq!(
            line.trim_end().len(),
            if line == "-- " { 2 } else { line.len() },
            "{line:?}"
        );
    }
    assert!(
        text.contains("  | 23:03:26 ERROR ORA-12541: TNS:no listener\n"),
        "{text}"
    );
    assert!(text.contains("\n  |   "), "a long line of output is continued: {text}");
}

#[tokio::test]
async fn every_line_on_the_wire_is_short_and_plain_ascii() {
    let mut message = opening();
    message.subject = format!("Late: {}", "lagerbeholdning på Tromsø ".repeat(30));
    message.headline = "x".repeat(5000);
    for line in written(message).await.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(line.len() <= 78, "{}", String::from_utf8_lossy(line));
        assert!(line.is_ascii() && !line.contains(&0), "{line:?}");
    }
}

#[tokio::test]
async fn nothing_in_a_message_can_add_a_header_or_end_one() {
    let attack = "x\r\nBcc: all@seafood.example\r\n\r\nhello\0";
    let mut message = opening();
    message.id = attack.into();
    message.thread = attack.into();
    message.subject = attack.into();
    message.team = Name::from(attack);
    message.owner = attack.into();
    let bytes = written(message).await;
    let mail = MessageParser::default().parse(&bytes).unwrap();

    let mut names: Vec<&str> = mail.headers().iter().map(mail_parser::Header::name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "Auto-Submitted",
            "Content-Type",
            "Date",
            "From",
            "In-Reply-To",
            "List-ID",
            "MIME-Version",
            "Message-ID",
            "References",
            "Subject",
            "To",
            "X-Auto-Response-Suppress",
            "X-Freshd-Incident",
        ]
    );
    assert_eq!(
        mail.subject(),
        Some("x\u{fffd}\u{fffd}Bcc: all@seafood.example\u{fffd}\u{fffd}\u{fffd}\u{fffd}hello\u{fffd}")
    );
}

#[tokio::test]
async fn a_recipient_that_is_more_than_an_address_is_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let kind = ChannelKind::File { dir: dir.path().into() };
    let outcome = send(&kind, opening(), Some("a@b.example\r\nBcc: c@d.example")).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
    let mail = std::fs::read_to_string(dir.path().join("n-1042-warehouse.eml")).unwrap();
    assert!(mail.contains("\r\nTo: warehouse@localhost\r\n"), "{mail}");
    assert!(!mail.contains("Bcc"), "{mail}");
}

#[tokio::test]
async fn markup_in_a_message_is_shown_and_never_interpreted() {
    let attack = "<script>alert(1)</script><img src=x onerror=\"y\">&";
    let mut message = opening();
    message.headline = attack.into();
    message.subject = attack.into();
    message.owner = attack.into();
    message.output = vec![attack.into()];
    message.commands = vec![attack.into()];
    message.facts = vec![MessageFact {
        label: attack.into(),
        text: attack.into(),
    }];
    let html = html_of(&written(message).await);

    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    let shown = "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&quot;y&quot;&gt;&amp;";
    assert_eq!(html.matches(shown).count(), 7, "{html}");
}

#[tokio::test]
async fn a_huge_message_becomes_a_mail_of_bounded_size_that_keeps_the_end_of_the_output() {
    let mut message = opening();
    message.headline = "h".repeat(1_000_000);
    message.output = (0..2_000)
        .map(|line| format!("line {line} {}", "o".repeat(2000)))
        .collect();
    message.commands = vec!["c".repeat(10_000); 500];
    message.facts = vec![
        MessageFact {
            label: "l".repeat(9000),
            text: "t ".repeat(2_000)
        };
        500
    ];
    let bytes = written(message).await;

    assert!(bytes.len() < 500_000, "{} bytes", bytes.len());
    let text = text_of(&bytes);
    assert!(text.contains("| line 1999 ooo"));
    assert!(text.contains("(1940 earlier lines left out)"));
}

#[tokio::test]
async fn the_same_notification_always_gives_the_same_bytes() {
    assert_eq!(written(opening()).await, written(opening()).await);
}

#[tokio::test]
async fn samples_for_a_person_to_look_at_are_written() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mail");
    for (name, message) in [("opening", opening()), ("recovery", recovery())] {
        let path = dir.join(format!("{}-{}.eml", message.id, message.team));
        write_into(&dir, message).await;
        let html = html_of(&std::fs::read(&path).unwrap());
        assert!(html.starts_with("<!DOCTYPE html>"), "{html}");
        std::fs::write(dir.join(format!("{name}.html")), html).unwrap();
        std::fs::rename(&path, dir.join(format!("{name}.eml"))).unwrap();
    }
}

#[tokio::test]
async fn what_to_do_stands_before_what_is_long() {
    let place = |page: &str, text: &str| page.find(text).unwrap_or_else(|| panic!("no {text} in {page}"));
    for (rows, chars, is_first) in [(15, 40, false), (41, 10, true), (4, 400, true)] {
        let mut message = opening();
        message.facts = (1..=rows)
            .map(|row| MessageFact {
                label: format!("Row {row}"),
                text: "x".repeat(chars),
            })
            .collect();
        let page = html_of(&written(message).await);
        let to_do = place(&page, "What you can do");
        assert_eq!(to_do < place(&page, "Row 1<"), is_first, "{rows} of {chars}");
    }
}
