//! Pings over HTTP, as clients of Healthchecks speak them.

use freshd::model::PingKind;

use crate::asking::Site;
use crate::freshd_process::House;

const KEY: &str = "a-key-that-nobody-guesses";

const WATCHED: &str = r#"
timezone = "UTC"
[web]
listen = "127.0.0.1:0"
[fallback]
notify = ["outbox"]
[channels.outbox]
type = "file"
dir = "outbox"
[teams.it]
notify = ["outbox"]
[datasets.prices]
owner = "it"
probe = { ping = "a-key-that-nobody-guesses" }
"#;

#[test]
fn pings_are_taken_as_clients_of_healthchecks_send_them() {
    let house = House::with(WATCHED);
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    let rid = "123e4567-e89b-12d3-a456-426614174000";
    for (method, path) in [
        ("GET", format!("/ping/{KEY}/start?rid={rid}")),
        ("HEAD", format!("/ping/{KEY}?rid={rid}&create=1")),
        ("POST", format!("/ping/{KEY}/log")),
        ("POST", format!("/ping/{KEY}/0")),
        ("POST", format!("/ping/{KEY}/17")),
        ("GET", format!("/ping/{KEY}/fail")),
    ] {
        let answer = site.ask(method, &path, "");
        let body = if method == "HEAD" { "" } else { "OK\n" };
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{method} {path}");
    }
    let stored = house.reader().pings_of(&"prices".into(), 9).expect("the store is read");
    let said: Vec<_> = stored
        .iter()
        .rev()
        .map(|ping| (ping.word.kind, ping.word.exit_status))
        .collect();
    let expected = [
        (PingKind::Start, None),
        (PingKind::Success, None),
        (PingKind::Log, None),
        (PingKind::Success, Some(0)),
        (PingKind::Fail, Some(17)),
        (PingKind::Fail, None),
    ];
    assert_eq!(said, expected);
    assert!(stored.iter().rev().take(2).all(|ping| ping.rid.as_deref() == Some(rid)));
    // Clients that send all of an output send much.
    let output = format!("{}the last line\n", "x".repeat(200 << 10));
    let much = format!("Content-Length: {}\r\n\r\n{output}", output.len());
    assert_eq!(site.ask("POST", &format!("/ping/{KEY}/log"), &much).status, 200);
    let kept = house
        .reader()
        .pings_of(&"prices".into(), 1)
        .expect("the store is read")
        .remove(0)
        .text;
    assert!(
        kept.chars().count() == 10_000 && kept.ends_with("xthe last line\n"),
        "{} kept",
        kept.len()
    );
    let (code, line) = house.freshd(&["ping", KEY, "fail", "-m", "no\u{1b}[31m route"]);
    assert_eq!(
        (code, line.as_str()),
        (
            Some(0),
            "what brings prices has failed; its owner is told unless it arrives meanwhile\n"
        )
    );
    let (_, history) = house.freshd(&["history", "prices"]);
    assert!(history.contains("fail (17)") && history.contains("route"), "{history}");
    assert!(!history.contains('\u{1b}'), "{history}");
}

#[test]
fn whoever_has_no_key_or_says_nothing_that_makes_sense_changes_nothing() {
    let house = House::with(WATCHED);
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    for (method, path, status) in [
        ("GET", "/ping/".to_owned(), 404),
        ("GET", "/ping/another-key-of-this-length".to_owned(), 404),
        ("POST", format!("/ping/{KEY}x"), 404),
        ("GET", format!("/ping/{KEY}/256"), 400),
        ("GET", format!("/ping/{KEY}/start/more"), 404),
        ("GET", format!("/ping/{KEY}?rid=%3Cscript%3E"), 400),
        ("PUT", format!("/ping/{KEY}"), 405),
        ("DELETE", format!("/ping/{KEY}"), 405),
    ] {
        let answer = site.ask(method, &path, "");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
    }
    assert_eq!(
        site.ask_host("GET", &format!("/ping/{KEY}"), "evil.example", "").status,
        421
    );
    assert!(
        house
            .reader()
            .pings_of(&"prices".into(), 9)
            .expect("the store is read")
            .is_empty()
    );
    let (code, said, error) = house.freshd_says(&["ping", "another-key-of-this-length"]);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(error.contains("no dataset has a ping with this key"), "{error}");
    for words in [["ping", KEY, "maybe"], ["ping", KEY, "--rid=a b"]] {
        assert_eq!(house.freshd_says(&words).0, Some(2), "{words:?}");
    }
    assert!(!daemon.log().contains(KEY), "a key is not logged");
}
