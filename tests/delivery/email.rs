//! Mail handed in at a real mail server, protected or refused.

use std::collections::VecDeque;
use std::time::Instant;

use freshd::model::{ChannelKind, DeliveryOutcome, MailSecurity, MailServer, Secret};
use tempfile::TempDir;

use super::support::certificates::{Authority, Certificate};
use super::support::sample::opening;
use super::support::smtp::{SmtpFault, SmtpRules, SmtpSink};
use super::{AMPLE, PROMPT, SHORT, permanent, send, send_within, temporary, unanswered, unsent};

const TO: Option<&str> = Some("warehouse@seafood.example");

const PASSWORD: &str = "canary-Pa55word-7f3a";

/// A mail server and the channel that leads to it.
struct Post {
    sink: SmtpSink,
    kind: ChannelKind,
    _dir: TempDir,
}

/// A server that wants `freshd` and its password.
fn rules(faults: &[SmtpFault]) -> SmtpRules {
    SmtpRules {
        login: Some(("freshd", PASSWORD)),
        faults: VecDeque::from(faults.to_vec()),
        ..SmtpRules::default()
    }
}

async fn post(security: MailSecurity, certificate: Certificate, mut rules: SmtpRules) -> Post {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new(dir.path());
    if security != MailSecurity::Plain {
        rules.tls = Some(authority.server(certificate));
        rules.implicit_tls = security == MailSecurity::Tls;
    }
    let sink = SmtpSink::start(rules).await;
    let server = MailServer {
        host: "localhost".into(),
        port: sink.port(),
        security,
    };
    let kind = ChannelKind::Email {
        server,
        from: "freshd@seafood.example".into(),
        username: Some("freshd".into()),
        password: Some(Secret::new(PASSWORD)),
        ca: Some(authority.file()),
    };
    Post { sink, kind, _dir: dir }
}

/// An unprotected server on this machine, with what goes wrong.
async fn plain(faults: &[SmtpFault]) -> Post {
    post(MailSecurity::Plain, Certificate::Good, rules(faults)).await
}

#[tokio::test]
async fn a_mail_goes_through_tls_from_the_first_byte_after_login() {
    let post = post(MailSecurity::Tls, Certificate::Good, rules(&[])).await;
    assert_eq!(send(&post.kind, opening(), TO).await, DeliveryOutcome::Accepted);
    let mails = post.sink.mails(1).await;
    assert_eq!(mails[0].from, "freshd@seafood.example");
    assert_eq!(mails[0].to, ["warehouse@seafood.example"]);
    assert_eq!(mails[0].user.as_deref(), Some("freshd"));
    assert!(mails[0].protected);
    let text = String::from_utf8(mails[0].data.clone()).unwrap();
    assert!(text.contains("\r\nMessage-ID: <n-1042@seafood.example>\r\n"), "{text}");
    assert!(
        text.contains("\r\nReferences: <incident-17@seafood.example>\r\n"),
        "{text}"
    );
}

#[tokio::test]
async fn before_starttls_nothing_is_said_but_hello() {
    let post = post(MailSecurity::StartTls, Certificate::Good, rules(&[])).await;
    assert_eq!(send(&post.kind, opening(), TO).await, DeliveryOutcome::Accepted);
    assert!(post.sink.mails(1).await[0].protected);
    let clear: Vec<String> = post
        .sink
        .record()
        .commands
        .into_iter()
        .filter(|command| !command.starts_with('+'))
        .collect();
    assert_eq!(clear.len(), 2, "{clear:?}");
    assert!(clear[0].starts_with("EHLO ") && clear[1] == "STARTTLS", "{clear:?}");
}

#[tokio::test]
async fn a_server_that_only_knows_auth_login_is_logged_in_to() {
    let mut rules = rules(&[]);
    rules.mechanisms = "LOGIN";
    let post = post(MailSecurity::Tls, Certificate::Good, rules).await;
    assert_eq!(send(&post.kind, opening(), TO).await, DeliveryOutcome::Accepted);
    assert_eq!(post.sink.mails(1).await[0].user.as_deref(), Some("freshd"));
}

#[tokio::test]
async fn without_starttls_on_offer_nothing_is_sent() {
    let rules = rules(&[SmtpFault::HidesStartTls]);
    let post = post(MailSecurity::StartTls, Certificate::Good, rules).await;
    let (error, _) = temporary(send(&post.kind, opening(), TO).await);
    assert!(error.contains("localhost does not offer STARTTLS"), "{error}");
    let record = post.sink.until("end", |record| record.ended == 1).await;
    assert_eq!(record.commands.len(), 1, "{:?}", record.commands);
}

#[tokio::test]
async fn replies_slipped_in_before_tls_are_never_taken_for_the_servers() {
    let rules = rules(&[SmtpFault::SpeaksBehindStartTls]);
    let post = post(MailSecurity::StartTls, Certificate::Good, rules).await;
    let error = unanswered(send(&post.kind, opening(), TO).await);
    assert!(error.contains("out of turn"), "{error}");
    assert!(post.sink.record().mails.is_empty());
}

#[tokio::test]
async fn a_bad_certificate_gets_neither_password_nor_mail() {
    for security in [MailSecurity::Tls, MailSecurity::StartTls] {
        for (certificate, expected) in [
            (Certificate::WrongHost, "made out to another name"),
            (Certificate::Expired, "has expired"),
        ] {
            let post = post(security, certificate, rules(&[])).await;
            let error = unanswered(send(&post.kind, opening(), TO).await);
            assert!(error.contains(expected), "{security:?} {certificate:?}: {error}");
            let record = post.sink.until("end", |record| record.ended == 1).await;
            assert!(!record.commands.iter().any(|command| command.contains("AUTH")));
            assert!(record.mails.is_empty());
        }
    }
}

#[tokio::test]
async fn an_authority_that_is_not_named_is_not_trusted() {
    let mut post = post(MailSecurity::Tls, Certificate::Good, rules(&[])).await;
    if let ChannelKind::Email { ca, .. } = &mut post.kind {
        *ca = None;
    }
    let error = unanswered(send(&post.kind, opening(), TO).await);
    assert!(
        error.contains("not trusted here; name its PEM file with `ca`"),
        "{error}"
    );
}

#[tokio::test]
async fn an_unprotected_server_beyond_this_machine_is_refused_before_connecting() {
    let mut post = plain(&[]).await;
    if let ChannelKind::Email { server, .. } = &mut post.kind {
        server.host = "192.0.2.1".into();
    }
    let error = unsent(send(&post.kind, opening(), TO).await);
    assert!(error.contains("is not on this machine"), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_final_and_is_not_told_even_when_the_server_repeats_it() {
    let mut post = plain(&[]).await;
    if let ChannelKind::Email { password, .. } = &mut post.kind {
        *password = Some(Secret::new("wrong-but-secret-9911"));
    }
    let error = permanent(send(&post.kind, opening(), TO).await);
    assert!(error.contains("check username and password (535"), "{error}");
    assert!(error.contains("freshd [hidden] [hidden]"), "{error}");
    assert!(!error.contains("wrong-but-secret"), "{error}");
}

#[tokio::test]
async fn four_hundreds_may_pass_and_five_hundreds_will_not() {
    for (fault, passes) in [
        (SmtpFault::Greets("421 4.3.2 too busy"), true),
        (SmtpFault::Greets("554 5.3.2 no service here"), false),
        (SmtpFault::Refuses("AUTH", "454 4.7.0 try later"), true),
        (SmtpFault::Refuses("MAIL", "451 4.7.1 greylisted"), true),
        (SmtpFault::Refuses("RCPT", "450 4.2.1 mailbox busy"), true),
        (SmtpFault::Refuses("RCPT", "550 5.1.1 no such user"), false),
        (SmtpFault::Refuses("DATA", "552 5.2.2 mailbox full"), false),
        (SmtpFault::Refuses(".", "452 4.3.1 disk full"), true),
        (
            SmtpFault::Refuses(".", "554-5.6.0 refused\r\n554 5.6.0 by policy"),
            false,
        ),
    ] {
        let post = plain(&[fault]).await;
        let outcome = send(&post.kind, opening(), TO).await;
        let error = if passes {
            temporary(outcome).0
        } else {
            permanent(outcome)
        };
        let (SmtpFault::Greets(reply) | SmtpFault::Refuses(_, reply)) = fault else {
            unreachable!()
        };
        assert!(
            error.contains(&reply[..3]) && error.contains("localhost"),
            "{fault:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_server_that_hangs_ends_the_try_within_its_bound_and_is_hung_up_on() {
    for fault in [
        SmtpFault::SilentGreeting,
        SmtpFault::HangsInData,
        SmtpFault::HangsAfterDot,
    ] {
        let post = plain(&[fault]).await;
        let begun = Instant::now();
        let error = unanswered(send_within(SHORT, &post.kind, opening(), TO).await);
        assert!(begun.elapsed() < PROMPT, "{fault:?} took {:?}", begun.elapsed());
        assert!(error.contains("not accepted within 300ms"), "{fault:?}: {error}");
        post.sink.until("end", |record| record.ended == 1).await;
    }
}

#[tokio::test]
async fn a_server_that_never_stops_talking_is_cut_off() {
    let post = plain(&[SmtpFault::FloodedGreeting]).await;
    let error = unanswered(send_within(AMPLE, &post.kind, opening(), TO).await);
    assert!(error.contains("said too much"), "{error}");
}

#[tokio::test]
async fn a_mail_tried_again_after_a_lost_answer_has_the_same_id_and_bytes() {
    let post = plain(&[SmtpFault::ClosesAfterDot]).await;
    let error = unanswered(send(&post.kind, opening(), TO).await);
    assert_eq!(
        error,
        "mail server localhost, mail: it closed the connection before it had answered"
    );
    assert_eq!(send(&post.kind, opening(), TO).await, DeliveryOutcome::Accepted);
    let mails = post.sink.mails(2).await;
    assert_eq!(mails[0].data, mails[1].data);
}

#[tokio::test]
async fn an_accepted_mail_is_accepted_though_the_goodbye_never_comes() {
    let post = plain(&[SmtpFault::HangsAtQuit]).await;
    assert_eq!(send(&post.kind, opening(), TO).await, DeliveryOutcome::Accepted);
    assert_eq!(post.sink.record().mails.len(), 1);
}

#[tokio::test]
async fn without_a_usable_recipient_nobody_is_called() {
    let post = plain(&[]).await;
    let error = unsent(send(&post.kind, opening(), None).await);
    assert!(error.contains("no recipient"), "{error}");
    for to in [
        "warehouse",
        "",
        "a@b.example>\r\nRCPT TO:<c@d.example",
        "a@b.example\nBcc: c@d.example",
        "a@b.example\r\n",
        "\"x\r\n Bcc: c@d.example\" <a@b.example>",
        "x\r\n Bcc: c@d.example <a@b.example>",
    ] {
        let error = unsent(send(&post.kind, opening(), Some(to)).await);
        assert!(error.contains("is not a mail address"), "{to}: {error}");
    }
    assert_eq!(post.sink.record().connections, 0);
}

#[tokio::test]
async fn a_domain_of_other_letters_is_written_in_ascii_and_a_name_of_them_needs_a_server_that_takes_it() {
    let post = plain(&[]).await;
    let outcome = send(&post.kind, opening(), Some("lager@blåskjell.example")).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted);
    assert_eq!(post.sink.mails(1).await[0].to, ["lager@xn--blskjell-b0a.example"]);
    let error = permanent(send(&post.kind, opening(), Some("blåskjell@seafood.example")).await);
    assert_eq!(
        error,
        "mail server localhost takes no address with letters beyond ASCII (it does not offer SMTPUTF8), and \
         blåskjell@seafood.example is one; write one without them"
    );
    assert_eq!(post.sink.record().mails.len(), 1);
}

#[tokio::test]
async fn nobody_listening_may_pass() {
    let mut post = plain(&[]).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    if let ChannelKind::Email { server, .. } = &mut post.kind {
        server.port = free.local_addr().unwrap().port();
    }
    drop(free);
    let error = unanswered(send(&post.kind, opening(), TO).await);
    assert!(error.starts_with("cannot connect to mail server localhost:"), "{error}");
}
