//! kill -9 of the daemon while it tells somebody.

use freshd::model::{NotificationState, Outcome};
use mail_parser::MessageParser;

use crate::freshd_process::House;
use crate::support::http::{HttpAnswer, HttpSink};
use crate::support::smtp::{SmtpFault, SmtpRules, SmtpSink};

const FAILS: &str = r#"
timezone = "UTC"
run_as_root = true
[alerts]
group_wait = "0s"

[fallback]
notify = ["mail:it@seafood.example"]

[channels.mail]
type = "email"
server = "smtp://localhost:MAIL_PORT"
from = "freshd@seafood.example"

[teams.warehouse]
notify = ["mail:warehouse@seafood.example"]

[jobs.fails]
owner = "warehouse"
command = "echo no listener; exit 3"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_is_being_sent_arrives_after_the_restart_and_is_the_same_mail_at_every_try() {
    // Hangs before it has anything; keeps the mail without saying so; behaves.
    let faults = [SmtpFault::HangsInData, SmtpFault::HangsAfterDot].into();
    let mail = SmtpSink::start(SmtpRules {
        faults,
        ..SmtpRules::default()
    })
    .await;
    let house = House::with(&FAILS.replace("MAIL_PORT", &mail.port().to_string()));

    let daemon = house.daemon();
    let run = daemon.run("fails");
    mail.until("DATA", |record| record.commands.iter().any(|command| command == "DATA"))
        .await;
    daemon.kill();
    assert_eq!(mail.record().mails.len(), 0);
    let daemon = house.daemon();
    mail.mails(1).await;
    daemon.kill();
    let mut daemon = house.daemon();
    let mails = mail.mails(2).await;
    daemon.logs(&["told", "warehouse@seafood.example"]);
    assert!(daemon.terminate().success(), "{}", daemon.log());

    assert_eq!(mails[0].to, ["warehouse@seafood.example"]);
    assert_eq!(mails[1].to, ["warehouse@seafood.example"]);
    let ids = mails.iter().map(|mail| {
        MessageParser::default()
            .parse(&mail.data)?
            .message_id()
            .map(str::to_owned)
    });
    let ids: Vec<String> = ids.map(|id| id.expect("an id")).collect();
    assert_eq!(ids[0], ids[1], "the reader's mail program can tell that it is one mail");
    assert_eq!(mails[0].data, mails[1].data, "written once");
    assert_eq!(mail.record().connections, 3);
    let (run, _) = house.run(run);
    assert_eq!(run.outcome, Some(Outcome::Failed));
    let incident = house.reader().incidents(true, 10).expect("incidents").remove(0);
    let told = house.reader().notifications_of(incident.id).expect("notifications");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0.state, NotificationState::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alertmanager_is_told_again_what_is_open_as_soon_as_the_daemon_is_back() {
    let unreachable = HttpAnswer::status(503, "later");
    let alertmanager = HttpSink::start(vec![
        HttpAnswer::status(200, ""),
        HttpAnswer::status(200, ""),
        unreachable,
    ])
    .await;
    let jobs = FAILS.replace(
        "[teams.warehouse]\nnotify = [\"mail:warehouse@seafood.example\"]",
        &format!(
            "[channels.am]\ntype = \"alertmanager\"\nurl = \"{}\"\n[teams.warehouse]\nnotify = [\"am\"]",
            alertmanager.url("/")
        ),
    );
    let house = House::with(&jobs.replace("MAIL_PORT", "9"));
    let daemon = house.daemon();
    daemon.run("fails");
    alertmanager.requests(1).await;
    daemon.logs(&["told", "am"]);
    daemon.kill();
    let daemon = house.daemon();
    let requests = alertmanager.requests(2).await;
    let alerts: Vec<_> = requests.iter().map(|request| request.json()[0].clone()).collect();
    assert_eq!(requests[1].path, "/api/v2/alerts");
    assert_eq!(alerts[0]["labels"]["job"], "fails");
    for same in ["labels", "startsAt"] {
        assert_eq!(alerts[0][same], alerts[1][same], "{same}: the same alert");
    }
    assert_ne!(alerts[0]["endsAt"], alerts[1]["endsAt"], "which fires on");
    daemon.kill();
    let mut daemon = house.daemon();
    daemon.logs(&["WARN", "could not be told again", "am", "localhost answered 503: later"]);
    assert!(daemon.terminate().success(), "{}", daemon.log());
    let incidents = house.reader().incidents(false, 10).expect("incidents");
    assert_eq!(incidents.len(), 1, "a repetition that fails is nobody's problem");
    let told = house.reader().notifications_of(incidents[0].id).expect("notifications");
    let tries: Vec<_> = told.iter().map(|(told, _)| (told.state, told.tries)).collect();
    assert_eq!(tries, [(NotificationState::Delivered, 1)], "and stands in no record");
}
