//! The link in a message: looking at it changes nothing, its button takes the incident on, once, and no other link does.

use freshd::model::Incident;

use crate::asking::{Answer, Site};
use crate::freshd_process::House;
use crate::freshd_process::daemon::Daemon;
use crate::harmless;
use crate::known::{JOBS, secrets, sent};
use crate::support::http::{HttpAnswer, HttpSink};

const HOST: &str = "freshd.example";

/// A freshd whose message about a failed job has just arrived in Slack.
struct Told {
    house: House,
    daemon: Daemon,
    site: Site,
    /// What stands behind the host.
    path: String,
    // Ends with its runtime.
    _slack: HttpSink,
    _runtime: tokio::runtime::Runtime,
}

impl Told {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let slack = runtime.block_on(HttpSink::start(vec![HttpAnswer::status(200, "ok")]));
        let house = House::with(
            &JOBS
                .replace(
                    "listen = \"127.0.0.1:0\"",
                    "listen = \"127.0.0.1:0\"\npublic_url = \"https://freshd.example\"",
                )
                .replace(
                    "type = \"file\"\ndir = \"outbox\"",
                    &format!("type = \"slack\"\nurl = \"{}\"", slack.url("/hook")),
                ),
        );
        secrets(&house);
        let daemon = house.daemon();
        let run = daemon.run("broken");
        daemon.finished(run, &house);
        let message = runtime.block_on(slack.requests(1)).remove(0).body;
        assert!(message.contains("<https://freshd.example/incidents/1|"), "{message}");
        let begins = "https://freshd.example/ack/";
        let (_, behind) = message
            .split_once(begins)
            .unwrap_or_else(|| panic!("no link: {message}"));
        let token: String = behind.chars().take_while(|character| *character != '|').collect();
        assert!(token.len() > 43, "{token}");
        Self {
            site: Site::of(&daemon),
            house,
            daemon,
            path: format!("/ack/{token}"),
            _slack: slack,
            _runtime: runtime,
        }
    }

    fn look(&self, path: &str) -> Answer {
        self.site.ask_host("GET", path, HOST, "")
    }

    fn press(&self, path: &str, origin: &str) -> Answer {
        let form = sent("application/x-www-form-urlencoded", "note=on+my+way");
        self.site
            .ask_host("POST", path, HOST, &format!("Origin: {origin}\r\n{form}"))
    }

    fn incident(&self) -> Incident {
        self.house.reader().incidents(true, 1).expect("incidents").remove(0)
    }
}

#[test]
fn a_link_is_looked_at_as_often_as_anybody_likes_and_takes_the_incident_on_once() {
    let told = Told::new();
    for _ in 0..3 {
        let page = told.look(&told.path);
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(
            page.body.contains("broken") && page.body.contains("warning") && page.body.contains("<form"),
            "{}",
            page.body
        );
        harmless(&told.path, &page);
    }
    assert_eq!(told.site.ask_host("HEAD", &told.path, HOST, "").status, 200);
    assert_eq!(told.press(&told.path, "https://evil.example").status, 403);
    assert_eq!(told.incident().ack, None, "a look took it on");
    let note = "x".repeat(501);
    let form = sent("application/x-www-form-urlencoded", &format!("note={note}"));
    let origin = "Origin: https://freshd.example\r\n";
    let refused = told.site.ask_host("POST", &told.path, HOST, &format!("{origin}{form}"));
    assert_eq!(refused.status, 400, "{}", refused.body);
    for again in [
        format!("action=\"{}\"", told.path),
        format!("value=\"{note}\""),
        "id=\"wrong-note\"".to_owned(),
    ] {
        assert!(refused.body.contains(&again), "{again}: {}", refused.body);
    }
    harmless("refused", &refused);
    assert_eq!(told.incident().ack, None, "what was refused took it on");
    let taken = told.press(&told.path, "https://freshd.example");
    assert!(
        taken.status == 200 && taken.body.contains("It is yours"),
        "{}",
        taken.body
    );
    let ack = told.incident().ack.expect("it is taken on");
    assert_eq!(ack.who(), "the link sent to outbox (on my way)");
    for again in [told.press(&told.path, "https://freshd.example"), told.look(&told.path)] {
        assert!(
            again.status == 410 && again.body.contains("has done its work"),
            "{}",
            again.body
        );
    }
    assert_eq!(told.incident().ack, Some(ack));
}

#[test]
fn a_link_that_is_changed_or_of_another_freshd_leads_nowhere_and_none_is_on_record() {
    let (told, other) = (Told::new(), Told::new());
    let token = told.path.trim_start_matches("/ack/");
    let (id, signature) = token.split_once('-').expect("two parts");
    let flipped = signature.replacen(|_: char| true, if signature.starts_with('A') { "B" } else { "A" }, 1);
    for path in [
        other.path.clone(),
        format!("/ack/{id}-{flipped}"),
        format!("/ack/{}-{signature}", id.parse::<u64>().expect("a number") + 1),
        format!("/ack/{id}-"),
        format!("/ack/{id}-{signature}A"),
        // What means the same and is spelt otherwise.
        format!("/ack/0{id}-{signature}"),
        format!("/ack/+{id}-{signature}"),
        format!("/ack/%2B{id}-{signature}"),
        format!("/ack/{id}-{signature}="),
        format!("/ack/{id}"),
        "/ack/-".to_owned(),
    ] {
        for answer in [told.look(&path), told.press(&path, "https://freshd.example")] {
            assert_eq!(answer.status, 404, "{path}: {}", answer.body);
            assert!(!answer.body.contains("broken"), "{path}: {}", answer.body);
        }
    }
    assert_eq!(told.incident().ack, None);
    assert!(!told.daemon.log().contains(signature), "{}", told.daemon.log());
    for name in ["freshd.db", "freshd.db-wal"] {
        let stored = std::fs::read(told.house.state_dir().join(name)).unwrap_or_default();
        let holds = stored
            .windows(signature.len())
            .any(|window| window == signature.as_bytes());
        assert!(!holds, "{name} holds the link");
    }
}
