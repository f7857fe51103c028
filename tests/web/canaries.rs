//! A job prints every secret that its jobs.toml names: none of them leaves freshd, or is stored but in the job's output.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshd::model::{AttemptId, Name, RunId, TokenHash, log_path};
use freshd::runner::read_log;
use freshd::web::hash_password;

use crate::asking::Site;
use crate::freshd_process::House;
use crate::freshd_process::daemon::Daemon;
use crate::known::sent;

/// A token as `freshd token` prints it, of which freshd has the hash alone.
const TOKEN: &str = "freshd_Q2FuYXJ5LXRva2VuLW9mLXRoaXMtdGVzdC1vbmx5LWs";

/// What is secret of [`JOBS`], by where it is found, but for the hashes of `[web.auth]`.
const SECRETS: [(&str, &str); 13] = [
    ("secrets/mail", "Canary-mail p\u{e4}ss/word"),
    (
        "SLACK_URL",
        "https://hooks.slack.com/services/T0CANARY1/B0CANARY1/CanaryOfSlackXyZ1",
    ),
    ("SLACK_TOKEN", "xoxb-canary-of-an-app-123"),
    ("credentials/hook", "https://ops.seafood.example/canary-hook-Url/123456"),
    ("secrets/signing", "whsec_Y2FuYXJ5LXNpZ25pbmc="),
    ("secrets/pagerduty", "canaryroutingkey0000000000000001"),
    (
        "secrets/teams",
        "https://teams.example/workflows/canary0teams0workflow?sig=canary-Sig-1",
    ),
    ("secrets/alertmanager", "canary-of-alertmanager"),
    ("secrets/ntfy", "canary-topic-1"),
    ("secrets/heartbeat", "http://127.0.0.1:9/canary-heartbeat-1"),
    ("secrets/ping", "canary-ping-key-0123456789"),
    ("", "canary-in-an-env-file"),
    ("", "canary-in-the-open"),
];

const JOBS: &str = r#"
run_as_root = true
timezone = "UTC"

[heartbeat]
url = { file = "secrets/heartbeat" }

[web]
listen = "127.0.0.1:0"
[web.auth.users.kari]
password = { file = "secrets/kari" }
[web.auth.tokens.grafana]
token = { file = "secrets/grafana" }
scope = "operate"

[alerts]
group_wait = "0s"
[fallback]
notify = ["outbox"]
[channels.outbox]
type = "file"
dir = "outbox"
[channels.mail]
type = "email"
server = "smtp://127.0.0.1:9"
from = "freshd@seafood.example"
username = "freshd"
password = { file = "secrets/mail" }
[channels.slack]
type = "slack"
url = { env = "SLACK_URL" }
[channels.app]
type = "slack"
token = { env = "SLACK_TOKEN" }
channel = "ops"
[channels.hook]
type = "webhook"
url = { credential = "hook" }
secret = { file = "secrets/signing" }
[channels.pager]
type = "pagerduty"
routing_key = { file = "secrets/pagerduty" }
[channels.teams]
type = "teams"
url = { file = "secrets/teams" }
[channels.alertmanager]
type = "alertmanager"
url = "http://127.0.0.1:9"
token = { file = "secrets/alertmanager" }
[channels.ntfy]
type = "ntfy"
topic = { file = "secrets/ntfy" }

[teams.it]
notify = ["outbox"]

[jobs.leaky]
owner = "it"
command = "sh HOUSE/leak"
env = { WMS_PASSWORD = "canary-in-the-open" }
env_file = "job.env"

[datasets.stock]
owner = "it"
file = "stock.csv"
[datasets.stock.checks]
format = "csv"
columns.lot = { type = "integer" }
[jobs.export]
owner = "it"
command = "cat HOUSE/data > $FRESHD_OUTPUT"
produces = "stock"

[datasets.payroll]
owner = "it"
probe = { ping = { file = "secrets/ping" } }
max_age = "1d"
"#;

/// Prints everything on both streams, as it is and as it travels, and says it in its report.
const LEAK: &str = r#"
cat HOUSE/said
cat HOUSE/said >&2
while read -r line; do echo "note=$line" >> "$FRESHD_REPORT"; done < HOUSE/said
cat HOUSE/plain >&2
exit 7
"#;

/// What must be seen nowhere.
struct Canaries(Vec<String>);

impl Canaries {
    /// Puts the secrets where jobs.toml says, and into what the job prints.
    fn place(house: &House) -> Self {
        for (place, secret) in SECRETS.iter().filter(|(place, _)| place.contains('/')) {
            house.write(place, secret);
        }
        house.write("job.env", "EXPORT_LOGIN=canary-in-an-env-file\n");
        let (password, token) = (
            hash_password("a canary of people").unwrap(),
            TokenHash::of(TOKEN).to_string(),
        );
        house.write("secrets/kari", &password);
        house.write("secrets/grafana", &token);
        let mut all: Vec<String> = SECRETS.map(|(_, secret)| secret.to_owned()).into();
        all.extend([password, token, TOKEN.to_owned()]);
        let login = STANDARD.encode(format!("freshd:{}", SECRETS[0].1));
        let escaped = ["Canary-mail%20p%C3%A4ss%2Fword".to_owned(), login];
        house.write("plain", &format!("the end: {}\n", all.join(" ")));
        house.write("said", &format!("{}\n{}\n", all.join("\n"), escaped.join("\n")));
        house.script("leak", LEAK);
        house.write("data", "lot\ncanary-of-alertmanager\n");
        all.extend(escaped);
        // Parts by which they would be known too.
        all.extend(["CanaryOfSlackXyZ1", "canary-Sig-1", "Y2FuYXJ5LXNpZ25pbmc="].map(str::to_owned));
        Self(all)
    }

    #[track_caller]
    fn are_not_in(&self, place: &str, bytes: &[u8]) {
        for canary in &self.0 {
            let found = memchr::memmem::find(bytes, canary.as_bytes());
            assert!(found.is_none(), "{canary} stands in {place}");
        }
    }

    /// Neither in the files of a directory, nor in those of directories within, but for these.
    #[track_caller]
    fn are_not_beneath(&self, dir: &Path, but_for: &[&str]) -> usize {
        let mut files = 0;
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if but_for.iter().any(|name| path.ends_with(name)) {
                continue;
            }
            if path.is_dir() {
                files += self.are_not_beneath(&path, but_for);
            } else if path.is_file() {
                self.are_not_in(&path.display().to_string(), &fs::read(&path).unwrap());
                files += 1;
            }
        }
        files
    }
}

/// With everything said that can be said.
fn leaked() -> (House, Canaries, Daemon, Site) {
    let house = House::with(JOBS);
    let canaries = Canaries::place(&house);
    let mut serve = house.serve();
    serve.envs(SECRETS.iter().filter(|(place, _)| place.starts_with("SLACK")).copied());
    serve.env("CREDENTIALS_DIRECTORY", house.path("credentials"));
    let daemon = Daemon::start(serve, &house);
    let site = Site::of(&daemon);
    for job in ["leaky", "export"] {
        let run = daemon.run(job);
        daemon.finished(run, &house);
    }
    let (_, key) = SECRETS[10];
    let words = sent("text/plain", &fs::read_to_string(house.path("plain")).unwrap());
    assert_eq!(site.ask("POST", &format!("/ping/{key}/fail"), &words).status, 200);
    house.until_stored("messages about all three", |reader| {
        let incidents = reader.incidents(true, 10).expect("incidents");
        // What is still being written lies beside it under another name.
        let is_whole = |sent: &fs::DirEntry| sent.path().extension().is_none_or(|end| end != "new");
        let sent = fs::read_dir(house.path("outbox")).into_iter().flatten().flatten();
        incidents.len() >= 3 && sent.filter(is_whole).count() >= 6
    });
    (house, canaries, daemon, site)
}

#[test]
fn no_secret_of_the_configuration_is_seen_wherever_a_job_says_it() {
    let (house, canaries, daemon, site) = leaked();
    let log = log_path(
        &house.state_dir(),
        &Name::from("leaky"),
        AttemptId {
            run: RunId(1),
            number: 1,
        },
    );
    let printed = read_log(&log).unwrap().map(Result::unwrap);
    let printed: Vec<u8> = printed.flat_map(|line| line.text).collect();
    assert!(
        String::from_utf8(printed).unwrap().contains(SECRETS[0].1),
        "it was printed"
    );

    let outbox = canaries.are_not_beneath(&house.path("outbox"), &[]);
    assert!(outbox >= 6, "{outbox} files of messages");
    let shown = house.freshd(&["show", "1", "--json"]).1;
    assert!(shown.contains("the end: [hidden] [hidden]"), "{shown}");
    for words in [
        &["logs", "1"][..],
        &["logs", "1", "--json"],
        &["logs", "leaky", "--grep", "hidden"],
        &["show", "1"],
        &["show", "2", "--json"],
        &["why", "leaky"],
        &["why", "stock", "--json"],
        &["why", "payroll"],
        &["status"],
        &["status", "--json"],
        &["history", "--json"],
        &["history", "payroll", "--json"],
        &["incidents", "--json"],
    ] {
        let (_, said) = house.freshd(words);
        assert!(!said.is_empty(), "freshd {words:?}");
        canaries.are_not_in(&format!("freshd {words:?}"), said.as_bytes());
    }
    for secret in ["canary-of-alertmanager", "canary"] {
        let (_, found) = house.freshd(&["logs", "leaky", "--grep", secret]);
        assert!(found.contains("no line of that kind"), "{secret} is found by: {found}");
    }

    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    for path in [
        "/",
        "/jobs/leaky",
        "/runs/1",
        "/runs/1/log",
        "/runs/2",
        "/datasets/stock",
        "/datasets/payroll",
        "/incidents/1",
        "/incidents/2",
        "/incidents/3",
        "/search?q=the+end",
        "/plan",
        "/metrics",
        "/api/v1/status",
        "/api/v1/jobs/leaky",
        "/api/v1/jobs/leaky/logs?q=hidden",
        "/api/v1/runs/1",
        "/api/v1/runs/1/log",
        "/api/v1/runs/2",
        "/api/v1/datasets/stock",
        "/api/v1/datasets/stock/versions",
        "/api/v1/datasets/payroll",
        "/api/v1/incidents/1",
        "/api/v1/incidents/2",
        "/api/v1/incidents/3",
        "/api/v1/plan",
    ] {
        let answer = site.ask("GET", path, &token);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        canaries.are_not_in(path, answer.body.as_bytes());
    }
    let found = site.ask("GET", "/api/v1/jobs/leaky/logs?q=canary", &token);
    assert!(found.body.contains("\"lines\":[]"), "{}", found.body);

    canaries.are_not_in("freshd's own log", daemon.log().as_bytes());
    // What a job printed and wrote lies there as it is; the journal passes its last lines on.
    let but_for = ["logs", "quarantine", "keeper"];
    // Each jobs.toml is kept word for word, with what stands in the open there.
    let Canaries(mut all) = canaries;
    all.retain(|canary| canary != "canary-in-the-open");
    let files = Canaries(all).are_not_beneath(&house.state_dir(), &but_for);
    assert!(files >= 2, "{files} files of records");
}

#[test]
fn a_secret_that_was_replaced_is_hidden_until_the_next_start() {
    let (house, _, _daemon, site) = leaked();
    house.write("secrets/mail", "another password");
    let (code, said) = house.freshd(&["reload"]);
    assert_eq!(code, Some(0), "{said}");
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    let log = site.ask("GET", "/runs/1/log", &token);
    assert!(
        log.body.contains("[hidden]") && !log.body.contains(SECRETS[0].1),
        "{}",
        log.body
    );
}

#[test]
fn where_a_secret_cannot_be_read_the_verb_that_prints_outputs_says_so() {
    let (house, canaries, mut daemon, _) = leaked();
    daemon.terminate();
    let (code, printed, said) = house.freshd_says(&["logs", "1"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("a secret that a job has printed may be shown") && !printed.contains(&canaries.0[0]),
        "{said}\n{printed}"
    );
}
