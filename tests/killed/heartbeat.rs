//! The sign of life for somebody elsewhere, and what is told when there is none any more.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::pings::address;
use crate::freshd_process::House;
use crate::freshd_process::daemon::Daemon;
use crate::support::http::{HttpAnswer, HttpSink};

/// What `/healthz` answers.
fn health(daemon: &Daemon) -> String {
    let mut stream = TcpStream::connect(address(daemon)).expect("it listens");
    let asked = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(asked.as_bytes()).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn beating(sink: &HttpSink) -> String {
    format!(
        "[web]\nlisten = \"127.0.0.1:0\"\n[heartbeat]\nurl = \"{}\"\nevery = \"10s\"\n\
         [fallback]\nnotify = [\"outbox\"]\n[channels.outbox]\ntype = \"file\"\ndir = \"outbox\"\n",
        sink.url("/ping/a-secret-of-somebody-elsewhere")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elsewhere_is_asked_at_once_and_told_nothing_by_a_daemon_that_is_gone() {
    let sink = HttpSink::start(Vec::new()).await;
    let house = House::with(&beating(&sink));
    let daemon = house.daemon();
    let first = sink.requests(1).await.remove(0);
    assert_eq!(
        (first.method.as_str(), first.path.as_str()),
        ("GET", "/ping/a-secret-of-somebody-elsewhere")
    );
    daemon.logs(&["the heartbeat is taken"]);
    assert_eq!(house.freshd(&["status"]).0, Some(0));
    let (_, status) = house.freshd(&["--json", "status"]);
    assert!(
        status.contains("\"heartbeat\":{\"error\":null,\"taken_at\":\"20"),
        "{status}"
    );
    daemon.kill();
    assert_eq!(sink.record().requests.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_that_nobody_takes_is_shown_and_tells_no_secret() {
    let sink = HttpSink::start(vec![HttpAnswer::status(404, "no such check")]).await;
    let house = House::with(&beating(&sink));
    let daemon = house.daemon();
    sink.requests(1).await;
    daemon.logs(&["the heartbeat was not taken"]);
    let (code, said) = house.freshd(&["status"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("no heartbeat, none was taken yet: localhost answered 404: no such check"),
        "{said}"
    );
    let health = health(&daemon);
    assert!(
        health.contains(" 503 ") && health.contains("no heartbeat: localhost answered 404: no such check"),
        "{health}"
    );
    for text in [said, daemon.log(), health] {
        assert!(!text.contains("a-secret-of-somebody-elsewhere"), "{text}");
    }
}

#[test]
fn a_notice_of_failure_says_whether_a_freshd_answers_again() {
    let house = House::with(
        "timezone = \"UTC\"\nrun_as_root = true\n[fallback]\nnotify = [\"outbox\"]\n[channels.outbox]\ntype = \"file\"\ndir = \"outbox\"\n",
    );
    let daemon = house.daemon();
    let (code, said) = house.freshd(&["failure-notice", "freshd.service"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("a freshd answers on ") && said.contains("✓ outbox has been told"),
        "{said}"
    );
    drop(daemon);
    let (code, said) = house.freshd(&["failure-notice", "freshd.service"]);
    assert_eq!((code, said.as_str()), (Some(0), "✓ outbox has been told\n"));
    let mut told: Vec<String> = std::fs::read_dir(house.path("outbox"))
        .expect("messages")
        .map(|entry| entry.expect("one").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| std::fs::read_to_string(path).expect("it is read"))
        .collect();
    told.sort_by_key(|one| !one.contains("a freshd answers there again"));
    assert_eq!(told.len(), 2);
    assert!(told[0].contains("WARNING: freshd.service has failed on"), "{}", told[0]);
    assert!(told[1].contains("and is not started again by itself"), "{}", told[1]);
}

#[test]
fn a_notice_of_failure_is_in_the_zone_of_the_file_and_names_it_from_everywhere() {
    let house = House::with(
        "timezone = \"Asia/Kolkata\"\nrun_as_root = true\n[fallback]\nnotify = [\"outbox\"]\n\
         [channels.outbox]\ntype = \"file\"\ndir = \"outbox\"\n",
    );
    let file = house.path("jobs.toml");
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_freshd"))
        .current_dir("/")
        .arg("--config")
        .arg(file.strip_prefix("/").expect("a path from the root"))
        .args(["failure-notice", "freshd.service"])
        .status()
        .expect("freshd runs");
    assert!(status.success());
    let mut messages = std::fs::read_dir(house.path("outbox")).expect("messages");
    let message = messages.find_map(|entry| {
        let path = entry.expect("one").path();
        path.extension()
            .is_some_and(|ending| ending == "json")
            .then(|| std::fs::read_to_string(path).expect("it is read"))
    });
    let message = message.expect("a message");
    assert!(message.contains("Asia/Kolkata (UTC+5:30)"), "{message}");
    let typed = format!("freshd --config {} check", file.display());
    assert!(message.contains(&typed), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fallback_is_told_that_freshd_has_failed_also_where_jobs_toml_was_refused() {
    let sink = HttpSink::start(vec![HttpAnswer::status(503, "busy")]).await;
    let house = House::with(&format!(
        "timezone = \"UTC\"\n[fallback]\nnotify = [\"hook\", \"outbox\", \"broken\", \"locked\"]\n\
         [channels.hook]\ntype = \"webhook\"\nurl = \"{}\"\n\
         [channels.outbox]\ntype = \"file\"\ndir = \"outbox\"\n\
         [channels.broken]\ntype = \"slack\"\n\
         [channels.locked]\ntype = \"slack\"\nurl = {{ file = \"secrets/slack\" }}\n\
         [jobs.export]\nonwer = \"it\"\ncommand = \"true\"\n",
        sink.url("/hook")
    ));
    let (code, said) = house.freshd(&["failure-notice", "freshd.service"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("✓ hook has been told\n✓ outbox has been told\n✗ broken has not"),
        "{said}"
    );
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[2].contains("jobs.toml:10: a Slack channel needs the `url` of its incoming webhook"),
        "{said}"
    );
    assert!(
        lines[3].contains("✗ locked has not: channel locked cannot be used: ")
            && lines[3].contains("jobs.toml:14: the secret's file `secrets/slack` "),
        "{said}"
    );
    let requests = sink.record().requests;
    assert_eq!(requests.len(), 2, "it is tried again");
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
    let data = &requests[1].json()["data"];
    assert!(
        data["headline"]
            .as_str()
            .is_some_and(|line| line.contains("freshd.service has failed on")),
        "{data}"
    );
    assert!(data.to_string().contains("mistakes, the first: "), "{data}");
    let house = House::with("[fallback]\n");
    let (code, _, said) = house.freshd_says(&["failure-notice", "freshd.service"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("names no fallback that can be read"), "{said}");
    std::fs::remove_file(house.path("jobs.toml")).expect("removed");
    let (code, _, said) = house.freshd_says(&["failure-notice", "freshd.service"]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("jobs.toml cannot be read: No such file or directory"),
        "{said}"
    );
}
