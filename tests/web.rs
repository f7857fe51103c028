//! The pages and the API of a running freshd, asked as a browser, a script and somebody hostile would.

mod freshd_process;
#[path = "web/asking.rs"]
mod asking;
#[path = "web/pings.rs"]
mod pings;
#[path = "web/one_answer.rs"]
mod one_answer;
#[path = "web/listening.rs"]
mod listening;
#[path = "web/planned.rs"]
mod planned;
#[path = "web/silences.rs"]
mod silences;
#[path = "web/long.rs"]
mod long;
#[path = "web/looks.rs"]
mod looks;
#[path = "web/made_elsewhere.rs"]
mod made_elsewhere;
#[path = "web/lives.rs"]
mod lives;
#[path = "web/known.rs"]
mod known;
#[path = "web/every_route.rs"]
mod every_route;
#[path = "web/damaged.rs"]
mod damaged;
#[path = "web/described.rs"]
mod described;
#[path = "web/refusals.rs"]
mod refusals;
#[path = "web/logging_in.rs"]
mod logging_in;
#[path = "web/links.rs"]
mod links;
#[path = "web/canaries.rs"]
mod canaries;
#[path = "web/lineage.rs"]
mod lineage;
#[path = "web/metrics.rs"]
mod metrics;
#[path = "web/paused.rs"]
mod paused;
mod support;

use asking::{Answer, Site};
use freshd_process::House;
use freshd_process::daemon::Daemon;
use serde_json::Value;

/// `OUTPUT` is what its job prints; the titles and what is printed are as hostile as they can be.
const JOBS: &str = r#"
run_as_root = true
timezone = "Europe/Oslo"

[web]
listen = "127.0.0.1:0"

[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.it]
title = "<b>it</b>"
notify = ["outbox"]

[systems.sales]
title = "</text><script>system()</script>"
owner = "it"
reads_at = "0 7 * * MON-FRI"

[datasets.stock]
title = "</title><script>dataset()</script>"
description = "\"><img src=x onerror=alert(1)>"
runbook = "javascript:alert(1)"
owner = "it"
file = "stock.csv"
consumers = ["sales"]
due = "0 23 * * FRI"

[jobs.stock-export]
title = "<script>job()</script>"
owner = "it"
command = "sh HOUSE/export"
schedule = "0 22 * * FRI"
produces = "stock"

[jobs.broken]
owner = "it"
command = "echo '<script>printed()</script>' >&2; exit 7"
"#;

const EXPORT: &str = r#"printf '\033[1;31mred</span><script>ansi()</script>\033[0m\033]0;title\007\n'
echo lot > "$FRESHD_OUTPUT"
"#;

/// Every page that there is, with what it must say.
const PAGES: [(&str, &str); 13] = [
    ("/", "broken"),
    ("/flow", "stock-export"),
    ("/flow?of=stock", "stock-export"),
    ("/datasets", "stock"),
    ("/datasets/stock", "Who reads it"),
    ("/jobs", "stock-export"),
    ("/jobs/stock-export", "Last output"),
    ("/runs", "broken"),
    ("/runs?job=broken", "exit code 7"),
    ("/runs/1", "Attempts"),
    ("/incidents", "broken"),
    ("/incidents/1", "Messages"),
    ("/plan", "in force"),
];

/// Everything else that is answered.
const FOR_PROGRAMS: [&str; 18] = [
    "/api/v1/status",
    "/api/v1/jobs",
    "/api/v1/jobs/broken",
    "/api/v1/runs",
    "/api/v1/runs?job=broken&outcome=failed&limit=1",
    "/api/v1/runs/1",
    "/api/v1/datasets",
    "/api/v1/datasets/stock",
    "/api/v1/datasets/stock/versions",
    "/api/v1/incidents",
    "/api/v1/incidents?all=true",
    "/api/v1/incidents/1",
    "/api/v1/silences?all=true",
    "/api/v1/flow",
    "/api/v1/occurrences?job=stock-export&count=3",
    "/healthz",
    "/metrics",
    "/runs/1/log",
];

/// A freshd on which one job has succeeded and one has failed.
fn with_history() -> (House, Daemon, Site) {
    let house = House::with(JOBS);
    house.script("export", EXPORT);
    let daemon = house.daemon();
    let good = daemon.run("stock-export");
    daemon.finished(good, &house);
    let bad = daemon.run("broken");
    daemon.finished(bad, &house);
    house.until_stored("an incident", |reader| {
        !reader.incidents(true, 1).expect("incidents").is_empty()
    });
    let site = Site::of(&daemon);
    (house, daemon, site)
}

#[test]
fn every_page_answers_with_data_and_no_markup_of_others_comes_through() {
    let (_house, _daemon, site) = with_history();
    // What is told is at most a second old: the first look is the newest.
    for (path, words) in PAGES {
        let page = site.get(path);
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert!(page.body.contains(words), "{path} does not say {words}: {}", page.body);
        harmless(path, &page);
    }
    let run = site.get("/runs/1");
    assert!(
        run.body
            .contains("<span class=\"c1 bold\">red&lt;/span&gt;&lt;script&gt;ansi()&lt;/script&gt;</span>"),
        "{}",
        run.body
    );
    let raw = site.get("/runs/1/log");
    assert_eq!(raw.header("content-type"), "text/plain; charset=utf-8");
    assert!(raw.body.contains("<script>ansi()</script>"), "{}", raw.body);
    assert_eq!(raw.header("x-content-type-options"), "nosniff");
}

/// A window, a team that is told by files, and its jobs.
fn with_team(jobs: &str) -> String {
    let team =
        "[web]\nlisten = \"127.0.0.1:0\"\n[fallback]\nnotify = [\"outbox\"]\n[teams.it]\nnotify = [\"outbox\"]\n";
    format!("run_as_root = true\n{team}[channels.outbox]\ntype = \"file\"\ndir = \"outbox\"\n{jobs}")
}

/// The one script is our own, nothing is written in place, and nothing that a browser loads is elsewhere.
#[track_caller]
fn harmless(path: &str, page: &Answer) {
    let body = &page.body;
    assert_eq!(body.matches("<script").count(), 1, "{path}: {body}");
    assert!(body.contains("<script type=\"module\" src=\"/assets/freshd-"), "{path}");
    for word in [
        "<img",
        "<b>it",
        "<style",
        " style=",
        " onerror=\"",
        "onclick",
        "href=\"javascript",
        "src=\"http",
        "\u{1b}",
    ] {
        assert!(!body.contains(word), "{path} holds {word}: {body}");
    }
}

#[test]
fn every_page_answers_before_anything_has_happened() {
    let house = House::with(JOBS);
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    for path in [
        "/",
        "/flow",
        "/datasets",
        "/datasets/stock",
        "/jobs",
        "/jobs/broken",
        "/runs",
        "/incidents",
    ] {
        let page = site.get(path);
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        harmless(path, &page);
    }
    let bare = House::with(
        "[web]\nlisten = \"127.0.0.1:0\"\n[fallback]\nnotify = [\"o\"]\n[channels.o]\ntype = \"file\"\ndir = \"o\"\n",
    );
    let daemon = bare.daemon();
    let site = Site::of(&daemon);
    for path in ["/", "/flow", "/datasets", "/jobs", "/runs", "/incidents"] {
        assert_eq!(site.get(path).status, 200, "{path}");
    }
    assert!(site.get("/").body.contains("Everything is as promised"));
}

#[test]
fn what_does_not_exist_is_a_helpful_404() {
    let (_house, _daemon, site) = with_history();
    for (path, words) in [
        ("/nowhere", "No such page"),
        ("/jobs/stock-exprt", "/jobs/stock-export"),
        ("/datasets/stok", "/datasets/stock"),
        ("/runs/99", "No such run"),
        ("/runs/x", "No such run"),
        ("/runs/99/log", "No such run"),
        ("/incidents/99", "No such incident"),
        ("/jobs/%3Cscript%3Ehostile()", "No such job"),
        ("/flow?of=nothing", "No such"),
    ] {
        let page = site.get(path);
        assert_eq!(page.status, 404, "{path}: {}", page.body);
        assert!(page.body.contains(words), "{path}: {}", page.body);
        harmless(path, &page);
    }
    for path in [
        "/api/v1/nowhere",
        "/api/v1/jobs/stok",
        "/api/v1/runs/99",
        "/api/v1/datasets/x/versions",
        "/assets/x.js",
    ] {
        let answer = site.get(path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, "application/json"),
            "{path}"
        );
        assert!(answer.json()["error"].is_string(), "{path}");
    }
    let answer = site.get("/api/v1/runs?limit=many");
    assert_eq!(answer.status, 400, "{}", answer.body);
}

#[test]
fn every_answer_wears_the_headers_and_only_questions_are_answered() {
    let (_house, _daemon, site) = with_history();
    let paths = PAGES.iter().map(|(path, _)| *path).chain(FOR_PROGRAMS);
    // By POST a silence is laid there.
    let paths = paths.filter(|path| !path.starts_with("/api/v1/silences"));
    for path in paths.chain(["/events", "/nowhere", "/api/v1/nowhere"]) {
        let mut answers = vec![site.ask("HEAD", path, "")];
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            let refused = site.ask(method, path, "");
            let expected = if path.ends_with("/nowhere") {
                (404, "")
            } else {
                (405, "GET,HEAD")
            };
            assert_eq!((refused.status, refused.header("allow")), expected, "{method} {path}");
            answers.push(refused);
        }
        let foreign = site.ask_host("GET", path, "evil.example", "");
        assert_eq!(foreign.status, 421, "{path}");
        assert!(!foreign.body.contains("stock"), "{}", foreign.body);
        answers.push(foreign);
        for answer in answers {
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
            assert!(
                !policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"),
                "{policy}"
            );
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
    }
    assert_eq!(site.ask("GET", "/", "Content-Length: 5\r\n").status, 413);
    assert_eq!(site.ask("GET", "/", "Host: evil.example\r\n").status, 421);
    assert_eq!(site.get("http://evil.example/healthz").status, 421);
    assert_eq!(site.get(&format!("/?{}", "x".repeat(3_000))).status, 414);
    // Programs are refused in the form that they know from every other refusal.
    for (refused, status) in [
        (site.get(&format!("/api/v1/runs?{}", "x".repeat(3_000))), 414),
        (site.ask("GET", "/api/v1/runs", "Content-Length: 5\r\n"), 413),
        (site.ask("GET", "/api/v1/runs", "Host: evil.example\r\n"), 421),
        (site.ask("DELETE", "/api/v1/runs", ""), 405),
        (site.get("/api/v1/datasets/%ff"), 400),
    ] {
        let kind = refused.header("content-type");
        assert_eq!((refused.status, kind), (status, "application/json"));
        assert!(refused.json()["error"].is_string(), "{}", refused.body);
    }
}

#[test]
fn the_api_says_what_the_command_line_says() {
    let (house, _daemon, site) = with_history();
    let said = |words: &[&str]| -> Value {
        let (_, said) = house.freshd(&[&["--json"], words].concat());
        serde_json::from_str(said.lines().next().expect("a line")).expect("JSON")
    };
    for path in FOR_PROGRAMS.iter().filter(|path| path.starts_with("/api/")) {
        let answer = site.get(path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "application/json"),
            "{path}"
        );
        answer.json();
    }
    let (status, board) = (site.get("/api/v1/status").json(), said(&["status"]));
    for key in ["datasets", "jobs", "incidents", "undelivered"] {
        assert_eq!(status[key], board[key], "{key}");
    }
    assert_eq!(site.get("/api/v1/jobs").json()["jobs"], board["jobs"]);
    assert_eq!(
        site.get("/api/v1/runs?limit=1").json()["runs"][0],
        said(&["history", "--limit", "1"])
    );
    assert_eq!(site.get("/api/v1/runs/1").json(), said(&["show", "1"]));
    assert_eq!(site.get("/api/v1/jobs/broken").json(), said(&["why", "broken"]));
    assert_eq!(site.get("/api/v1/incidents").json(), said(&["incidents"]));
    assert_eq!(site.get("/api/v1/flow").json(), said(&["flow"]));
    assert_eq!(site.get("/api/v1/incidents/1").json(), said(&["incidents", "1"]));
    assert_eq!(
        site.get("/api/v1/occurrences?job=stock-export&count=3").json(),
        said(&["next", "stock-export", "--count", "3"])
    );
    let log = site.get("/api/v1/runs/1/log");
    assert_eq!(log.header("content-type"), "application/jsonl");
    assert_eq!(log.json(), said(&["logs", "1"]));
    let found = site
        .get("/api/v1/jobs/broken/logs?q=PRINTED&ignore_case=true&stream=stderr")
        .json();
    assert_eq!(found["lines"][0], said(&["logs", "broken", "--grep", "printed"]));
    assert_eq!(
        (&found["lines"][0]["stream"], &found["next"]),
        (&"stderr".into(), &Value::Null)
    );
    assert_eq!(found["searched"]["outputs"], 1);
    assert_eq!(
        site.get("/api/v1/jobs/broken/logs?q=absent").json()["lines"],
        serde_json::json!([])
    );
    assert_eq!(site.get("/api/v1/jobs/..%2F..%2Fetc/logs?q=x").status, 404);
    assert_eq!(site.get("/api/v1/jobs/broken/logs?from=here").status, 400);
    assert_eq!(site.get("/healthz").body, "ok\n");
}

#[test]
fn style_and_script_are_served_under_the_names_of_their_content_for_good() {
    let (_house, _daemon, site) = with_history();
    let page = site.get("/").body;
    let named: Vec<&str> = page.split('"').filter(|word| word.starts_with("/assets/")).collect();
    assert_eq!(named.len(), 3, "{named:?}");
    for path in named {
        let asset = site.get(path);
        assert_eq!(asset.status, 200, "{path}");
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
        for elsewhere in ["http:", "https:", "@import", "url("] {
            let outside = asset.body.replace("http://www.w3.org/2000/svg", "");
            assert!(!outside.contains(elsewhere), "{path} loads {elsewhere}");
        }
    }
}
