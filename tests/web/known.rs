//! A freshd that knows two people and two programs, and what each of them carries.

use freshd::model::TokenHash;
use freshd::web::hash_password;

use crate::asking::{Answer, Site};
use crate::freshd_process::House;
use crate::freshd_process::daemon::Daemon;

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const VIEW_TOKEN: &str = "freshd_a-token-that-may-see-and-nothing-else";
pub(crate) const OPERATE_TOKEN: &str = "freshd_a-token-that-may-act";

pub(crate) const JOBS: &str = r#"
run_as_root = true
timezone = "Europe/Oslo"

[web]
listen = "127.0.0.1:0"
[web.auth.users.kari]
password = { file = "secrets/kari" }
scope = "operate"
[web.auth.users.olav]
password = { file = "secrets/olav" }
[web.auth.tokens.grafana]
token = { file = "secrets/grafana" }
[web.auth.tokens.deploy]
token = { file = "secrets/deploy" }
scope = "operate"

[alerts]
group_wait = "0s"
[fallback]
notify = ["outbox"]
[channels.outbox]
type = "file"
dir = "outbox"
[teams.it]
notify = ["outbox"]
[jobs.broken]
owner = "it"
command = "exit 7"
overlap = "allow"
[datasets.stock]
owner = "it"
probe = { ping = "a-key-that-nobody-guesses" }
"#;

/// With one failed run and one open incident.
pub(crate) fn known() -> (House, Daemon, Site) {
    let house = House::with(JOBS);
    secrets(&house);
    let daemon = house.daemon();
    let run = daemon.run("broken");
    daemon.finished(run, &house);
    house.until_stored("an incident", |reader| {
        !reader.incidents(true, 1).expect("incidents").is_empty()
    });
    let site = Site::of(&daemon);
    (house, daemon, site)
}

pub(crate) fn secrets(house: &House) {
    let hash = hash_password(PASSWORD).expect("a hash");
    house.write("secrets/kari", &hash);
    house.write("secrets/olav", &hash_password(PASSWORD).expect("a hash"));
    house.write("secrets/grafana", &TokenHash::of(VIEW_TOKEN).to_string());
    house.write("secrets/deploy", &TokenHash::of(OPERATE_TOKEN).to_string());
}

/// A form as a page of this site sends it, with further header lines.
#[track_caller]
pub(crate) fn post(site: &Site, path: &str, headers: &str, form: &str) -> Answer {
    let own = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", site.address());
    site.ask(
        "POST",
        path,
        &format!("{own}{headers}{}", sent("application/x-www-form-urlencoded", form)),
    )
}

/// Header lines and body of what is sent along.
pub(crate) fn sent(kind: &str, body: &str) -> String {
    format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[track_caller]
pub(crate) fn try_to_log_in(site: &Site, name: &str, password: &str, headers: &str) -> Answer {
    let password = password.replace(' ', "+");
    post(
        site,
        "/login",
        headers,
        &format!("name={name}&password={password}&next=%2Fjobs"),
    )
}

/// Logs in; the header line that carries the session.
#[track_caller]
pub(crate) fn log_in(site: &Site, name: &str) -> String {
    let answer = try_to_log_in(site, name, PASSWORD, "");
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/jobs"),
        "{}",
        answer.body
    );
    cookie(&answer, "freshd=")
}

/// The header line that carries a cookie that was just set.
#[track_caller]
pub(crate) fn cookie(answer: &Answer, beginning: &str) -> String {
    let set = answer.headers("set-cookie");
    let found = set.iter().find(|cookie| cookie.starts_with(beginning));
    let found = found.unwrap_or_else(|| panic!("no {beginning} in {set:?}"));
    format!("Cookie: {}\r\n", found.split(';').next().expect("a pair"))
}
