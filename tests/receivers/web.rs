//! Web servers that refuse, put off, hang, reset, point elsewhere or never stop: what they are sent, and what is said.

use freshd::model::{About, DeliveryOutcome, Incident, NotificationState};
use freshd::store::Reader;
use serde_json::{Value, json};

use super::company::{Way, configure, fail, is_given_up, mend, told, tried_out, until_delivered};
use super::freshd_process::House;
use super::servers::Servers;

const SCRIPT: &str = "web_servers.py";

/// Part of every address, and known to nobody else.
const TOKEN: &str = "canary-token-4711";

/// What ten megabytes become of which somebody unpacks nothing.
const MEMORY_KIB_MAX: u64 = 200 * 1024;

/// What nginx says when what is behind it does not run.
const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n";

fn start(cases: &[(&str, Value)]) -> Servers {
    let servers: Vec<Value> = cases
        .iter()
        .map(|(name, does)| json!({ "name": name, "does": does }))
        .collect();
    Servers::start(SCRIPT, &json!(servers))
}

/// A channel of this type that posts to a server.
fn way<'a>(kind: &str, name: &'a str, servers: &Servers) -> Way<'a> {
    let url = format!("http://localhost:{}/hooks/{TOKEN}", servers.port(name));
    Way {
        name,
        keys: format!("type = \"{kind}\"\nurl = \"{url}\""),
        to: None,
    }
}

fn webhooks<'a>(cases: &[(&'a str, Value)], servers: &Servers) -> Vec<Way<'a>> {
    cases.iter().map(|(name, _)| way("webhook", name, servers)).collect()
}

fn id(request: &Value) -> &str {
    request["headers"]["webhook-id"].as_str().expect("an id")
}

fn seconds_between(requests: &[Value]) -> f64 {
    let at = |request: &Value| request["at"].as_f64().expect("a time");
    at(&requests[1]) - at(&requests[0])
}

/// The most memory that a process has had, in KiB.
pub(super) fn memory_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let figure = line.and_then(|line| line.split_whitespace().next());
    figure.and_then(|figure| figure.parse().ok()).expect("a figure")
}

#[test]
fn what_a_receiver_puts_off_is_posted_again_the_same_until_it_is_taken() {
    let cases = [
        ("fails", json!([{ "status": 500 }])),
        (
            "in-seconds",
            json!([{ "status": 429, "headers": { "Retry-After": "9" } }]),
        ),
        ("at-a-time", json!([{ "status": 503, "later": 10 }])),
        ("resets", json!([{ "how": "resets" }])),
        ("drips", json!([{ "how": "drips" }])),
        ("endless", json!([{ "status": 503, "how": "endless" }])),
        ("bomb", json!([{ "status": 503, "how": "bomb" }])),
    ];
    let servers = start(&cases);
    let house = House::new();
    let ways = webhooks(&cases, &servers);
    configure(&house, &ways);
    let daemon = house.daemon();
    fail(&daemon, &house, &ways);
    until_delivered(&house, &ways, 1);
    mend(&daemon, &house, &ways);
    until_delivered(&house, &ways, 2);

    for (name, least, most) in [
        ("fails", 4.5, 12.0),
        ("in-seconds", 9.0, 16.0),
        // A date has no parts of a second.
        ("at-a-time", 8.5, 16.0),
        ("resets", 4.5, 12.0),
        ("drips", 34.5, 45.0),
        ("endless", 4.5, 16.0),
        ("bomb", 4.5, 16.0),
    ] {
        let requests = servers.events(name, "request");
        let posted: Vec<(&str, &str)> = requests
            .iter()
            .map(|request| (id(request), request["body"].as_str().expect("a body")))
            .collect();
        assert_eq!(posted.len(), 3, "{name}: {posted:?}");
        assert_eq!(posted[0], posted[1], "{name}: the same message");
        assert_ne!(posted[1].0, posted[2].0, "{name}: its end, behind it");
        assert!(posted[2].1.contains("freshd.incident.recovery"), "{name}");
        let waited = seconds_between(&requests);
        assert!((least..most).contains(&waited), "{name} came again after {waited} s");
    }
    let most = memory_kib(daemon.pid());
    assert!(most < MEMORY_KIB_MAX, "{most} KiB");
}

#[test]
fn accepted_is_accepted_whatever_comes_behind_it() {
    let cases = [
        ("endless", json!([{ "how": "endless" }])),
        ("bomb", json!([{ "how": "bomb" }])),
        ("teams-endless", json!([{ "how": "endless" }])),
        ("teams-bomb", json!([{ "how": "bomb" }])),
    ];
    let servers = start(&cases);
    let house = House::new();
    let mut ways = webhooks(&cases[..2], &servers);
    // Whether a card was posted is said in the body, so its beginning is read.
    ways.extend(cases[2..].iter().map(|(name, _)| way("teams", name, &servers)));
    configure(&house, &ways);
    let daemon = house.daemon();
    fail(&daemon, &house, &ways);
    until_delivered(&house, &ways, 1);
    for (name, _) in cases {
        assert_eq!(servers.events(name, "request").len(), 1, "{name}");
        assert_eq!(told(&house, name)[0].0.tries, 1, "{name}");
    }
    let most = memory_kib(daemon.pid());
    assert!(most < MEMORY_KIB_MAX, "{most} KiB");
}

#[test]
fn who_points_elsewhere_or_is_gone_gets_nothing_more_and_the_fallback_hears_why() {
    let elsewhere = start(&[("elsewhere", json!([]))]);
    let other = format!("http://127.0.0.1:{}/", elsewhere.port("elsewhere"));
    let moved = |status: u16| json!(vec![json!({ "status": status, "headers": { "Location": other } }); 3]);
    let cases = [
        ("moved", moved(302)),
        ("moved-for-good", moved(308)),
        ("gone", json!([{ "status": 410 }, { "status": 410 }, { "status": 410 }])),
        (
            "unknown",
            json!(vec![json!({ "status": 404, "body": "no such hook" }); 3]),
        ),
    ];
    let servers = start(&cases);
    let house = House::new();
    house.write("key", "canary-key-0815-canary");
    let mut ways = webhooks(&cases, &servers);
    for way in &mut ways {
        way.keys.push_str("\nsecret = { file = \"key\" }");
    }
    configure(&house, &ways);
    let daemon = house.daemon();
    fail(&daemon, &house, &ways);
    house.until_stored("all are given up", |_| {
        ways.iter().all(|way| is_given_up(&house, way.name))
    });
    // What is over before the fallback has heard of it is told to nobody.
    let has_heard = |reader: &Reader, part: &str| {
        let incidents = reader.incidents(false, 100).expect("incidents");
        let of = |incident: &Incident| reader.notifications_of(incident.id).expect("notifications");
        let told: Vec<_> = incidents.iter().flat_map(of).map(|(told, _)| told).collect();
        ways.iter().all(|way| {
            let about = told.iter().filter(|told| {
                let message = &told.message;
                let is_its = message.about == Some(About::Job) && message.subject_name.as_str() == way.name;
                is_its && message.purpose.as_str() == part && told.address.channel.as_str() == "out"
            });
            about.filter(|told| told.state == NotificationState::Delivered).count() == 1
        })
    };
    house.until_stored("the fallback has heard of all", |reader| has_heard(reader, "opening"));
    mend(&daemon, &house, &ways);
    house.until_stored("and of all ends", |reader| {
        has_heard(reader, "opening") && has_heard(reader, "recovery")
    });
    assert_eq!(elsewhere.events("elsewhere", "request"), Vec::<Value>::new());
    assert_eq!(servers.events("gone", "request").len(), 1, "it is left alone");
    for (name, words) in [
        (
            "moved",
            "localhost answered 302 and points elsewhere; redirects are not followed, set url to the final address",
        ),
        ("moved-for-good", "localhost answered 308 and points elsewhere"),
        ("gone", "localhost answered 410: the receiver is gone, set a new url"),
        ("unknown", "localhost answered 404: no such hook"),
    ] {
        let (_, tries) = &told(&house, name)[0];
        let DeliveryOutcome::Permanent { error } = &tries[0].outcome else {
            panic!("{name}: {tries:?}");
        };
        assert!(error.contains(words) && tries.len() == 1, "{name}: {tries:?}");
    }
}

#[test]
fn a_test_of_a_channel_says_in_a_sentence_what_the_other_side_answered() {
    let cases = [
        ("fails", json!([{ "status": 500, "body": "out of disk\n" }])),
        ("gateway", json!([{ "status": 502, "body": BAD_GATEWAY }])),
        ("later", json!([{ "status": 429, "headers": { "Retry-After": "7" } }])),
        ("resets", json!([{ "how": "resets" }])),
        ("drips", json!([{ "how": "drips" }])),
        (
            "moved",
            json!([{ "status": 301, "headers": { "Location": "http://127.0.0.1:9/" } }]),
        ),
        ("gone", json!([{ "status": 410 }])),
        ("endless", json!([{ "status": 404, "how": "endless" }])),
        ("bomb", json!([{ "status": 500, "how": "bomb" }])),
        (
            "repeats",
            json!([{ "status": 403, "body": format!("no hook {TOKEN} here") }]),
        ),
        ("takes", json!([])),
    ];
    let servers = start(&cases);
    let house = House::new();
    let ways = webhooks(&cases, &servers);
    configure(&house, &ways);
    let _daemon = house.daemon();
    let (code, said) = tried_out(&house, "all");
    assert_eq!(code, Some(1));
    for (name, words) in [
        ("fails", "localhost answered 500: out of disk"),
        ("gateway", "localhost answered 502: 502 Bad Gateway"),
        ("later", "localhost answered 429"),
        ("resets", "no answer from localhost: "),
        ("drips", "channel drips: not accepted within 30s"),
        (
            "moved",
            "localhost answered 301 and points elsewhere; redirects are not followed, set url to the final address",
        ),
        ("gone", "localhost answered 410: the receiver is gone, set a new url"),
        ("endless", "localhost answered 404: more and more"),
        ("bomb", "localhost answered 500"),
        ("repeats", "localhost answered 403: no hook [hidden] here"),
    ] {
        let line = said
            .iter()
            .find(|line| line.starts_with(&format!("✗ {name} has not: {words}")));
        let line = line.unwrap_or_else(|| panic!("{name}: {said:#?}"));
        assert!(line.chars().count() <= 560, "{line}");
    }
    assert!(said.contains(&"✓ takes has taken the message".to_owned()), "{said:#?}");
    assert_eq!(said.len(), cases.len());
}
