//! kill -9 of the daemon while it tells somebody.

use freshd::model::{NotificationState, Outcome};
use mail_parser::MessageParser;

use crate::freshd_process::House;
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
