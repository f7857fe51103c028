//! Each route for each kind of credential: who is let in, who is sent to log in, and who is refused.

use std::collections::BTreeSet;

use crate::asking::Site;
use crate::known::{OPERATE_TOKEN, VIEW_TOKEN, known, log_in};

/// What somebody carries, in the order of the columns below.
const CREDENTIALS: [&str; 10] = [
    "nothing, on a page of ours",
    "a session that may see",
    "a session that may act",
    "a token that may see",
    "a token that may act",
    "a session that has ended",
    "a token that nobody knows",
    "a session that may act, on another site's page",
    "a session that may act, without a word of where it comes from",
    "nothing at all",
];

/// The answer for each of them.
type Row = [u16; 10];

const PAGE: Row = [303, 200, 200, 200, 200, 303, 303, 200, 200, 303];
const DATA: Row = [401, 200, 200, 200, 200, 401, 401, 200, 200, 401];
const NOWHERE: Row = [303, 404, 404, 404, 404, 303, 303, 404, 404, 303];
const ACT: Row = [401, 403, 200, 403, 200, 401, 401, 403, 403, 401];
/// Allowed, and refused by the daemon for another reason.
const ACT_IN_VAIN: Row = [401, 403, 409, 403, 409, 401, 401, 403, 403, 401];
/// Allowed, and not understood.
const WITHOUT_A_NAME: Row = [401, 403, 400, 403, 400, 401, 401, 403, 403, 401];
/// A form is a page's: whoever says nothing of where it comes from is sent back to one.
const FORM_WITHOUT_A_NAME: Row = [401, 403, 400, 403, 400, 401, 401, 403, 403, 403];
const FORM: Row = [401, 403, 303, 403, 303, 401, 401, 403, 403, 403];
/// A session tells it on the page that comes next; whoever has none is told at once.
const FORM_IN_VAIN: Row = [401, 403, 303, 403, 409, 401, 401, 403, 403, 403];
/// Not even listed as a thing that asks who comes: it answers alike, or checks what it is given itself.
const OPEN: Row = [200; 10];
const OPEN_AND_NOT_FOUND: Row = [404; 10];
/// A page of ours must have sent it. What is sent here makes no sense.
const LOG_IN: Row = [400, 400, 400, 403, 403, 400, 403, 403, 403, 403];
const LINK: Row = [404, 404, 404, 403, 403, 404, 403, 403, 403, 403];
const LOG_OUT: Row = [401, 303, 303, 303, 303, 401, 401, 403, 403, 403];

/// Method and route as listed, an address of it, and its answers.
const ROUTES: &[(&str, &str, &str, Row)] = &[
    ("GET", "/", "/", PAGE),
    ("GET", "/flow", "/flow", PAGE),
    ("GET", "/datasets", "/datasets", PAGE),
    ("GET", "/datasets/{name}", "/datasets/stock", PAGE),
    ("GET", "/jobs", "/jobs", PAGE),
    ("GET", "/jobs/{name}", "/jobs/broken", PAGE),
    ("GET", "/runs", "/runs?job=broken", PAGE),
    ("GET", "/runs/{id}", "/runs/1", PAGE),
    ("GET", "/runs/{id}/log", "/runs/1/log", PAGE),
    ("GET", "/incidents", "/incidents", PAGE),
    ("GET", "/incidents/{id}", "/incidents/1", PAGE),
    ("GET", "/plan", "/plan", PAGE),
    ("GET", "/search", "/search?q=stock", PAGE),
    ("GET", "/badge/{file}", "/badge/stock.svg", DATA),
    ("GET", "/healthz", "/healthz", DATA),
    ("GET", "/metrics", "/metrics", DATA),
    ("GET", "/events", "/events", DATA),
    ("GET", "/api/v1/openapi.json", "/api/v1/openapi.json", DATA),
    ("GET", "/api/v1/status", "/api/v1/status", DATA),
    ("GET", "/api/v1/jobs", "/api/v1/jobs", DATA),
    ("GET", "/api/v1/jobs/{name}", "/api/v1/jobs/broken", DATA),
    ("GET", "/api/v1/jobs/{name}/logs", "/api/v1/jobs/broken/logs?q=x", DATA),
    ("GET", "/api/v1/runs", "/api/v1/runs", DATA),
    ("GET", "/api/v1/runs/{id}", "/api/v1/runs/1", DATA),
    ("GET", "/api/v1/runs/{id}/log", "/api/v1/runs/1/log", DATA),
    ("GET", "/api/v1/datasets", "/api/v1/datasets", DATA),
    ("GET", "/api/v1/datasets/{name}", "/api/v1/datasets/stock", DATA),
    (
        "GET",
        "/api/v1/datasets/{name}/versions",
        "/api/v1/datasets/stock/versions",
        DATA,
    ),
    ("GET", "/api/v1/incidents", "/api/v1/incidents", DATA),
    ("GET", "/api/v1/incidents/{id}", "/api/v1/incidents/1", DATA),
    ("GET", "/api/v1/messages/dead", "/api/v1/messages/dead", DATA),
    ("GET", "/api/v1/silences", "/api/v1/silences", DATA),
    ("GET", "/api/v1/flow", "/api/v1/flow", DATA),
    ("GET", "/api/v1/occurrences", "/api/v1/occurrences", DATA),
    ("GET", "/api/v1/plan", "/api/v1/plan", DATA),
    ("POST", "/api/v1/lineage", "/api/v1/lineage", WITHOUT_A_NAME),
    ("POST", "/api/v1/jobs/{name}/run", "/api/v1/jobs/broken/run", ACT),
    (
        "POST",
        "/api/v1/jobs/{name}/resume",
        "/api/v1/jobs/broken/resume",
        ACT_IN_VAIN,
    ),
    ("POST", "/api/v1/jobs/{name}/pause", "/api/v1/jobs/broken/pause", ACT),
    ("POST", "/api/v1/runs/{id}/cancel", "/api/v1/runs/1/cancel", ACT_IN_VAIN),
    ("POST", "/api/v1/incidents/{id}/ack", "/api/v1/incidents/1/ack", ACT),
    (
        "POST",
        "/api/v1/messages/{id}/resend",
        "/api/v1/messages/1/resend",
        ACT_IN_VAIN,
    ),
    ("POST", "/api/v1/silences", "/api/v1/silences", WITHOUT_A_NAME),
    (
        "POST",
        "/api/v1/silences/{name}/end",
        "/api/v1/silences/stock/end",
        ACT_IN_VAIN,
    ),
    ("POST", "/jobs/{name}/run", "/jobs/broken/run", FORM),
    ("POST", "/jobs/{name}/pause", "/jobs/broken/pause", FORM),
    ("POST", "/jobs/{name}/resume", "/jobs/broken/resume", FORM_IN_VAIN),
    ("POST", "/runs/{id}/cancel", "/runs/1/cancel", FORM_IN_VAIN),
    ("POST", "/incidents/{id}/ack", "/incidents/1/ack", FORM),
    (
        "POST",
        "/incidents/{id}/messages/{message}/resend",
        "/incidents/1/messages/1/resend",
        FORM_IN_VAIN,
    ),
    ("POST", "/messages/resend", "/messages/resend", FORM),
    ("POST", "/messages/{message}/resend", "/messages/1/resend", FORM_IN_VAIN),
    ("POST", "/silences", "/silences", FORM_WITHOUT_A_NAME),
    ("POST", "/silences/{name}/end", "/silences/stock/end", FORM_IN_VAIN),
    ("GET", "/login", "/login", OPEN),
    ("POST", "/login", "/login", LOG_IN),
    ("POST", "/logout", "/logout", LOG_OUT),
    ("GET", "/ack/{token}", "/ack/1-x", OPEN_AND_NOT_FOUND),
    ("POST", "/ack/{token}", "/ack/1-x", LINK),
    ("GET", "/ping/{key}", "/ping/a-key-that-nobody-has", OPEN_AND_NOT_FOUND),
    ("POST", "/ping/{key}", "/ping/a-key-that-nobody-has", OPEN_AND_NOT_FOUND),
    (
        "GET",
        "/ping/{key}/{word}",
        "/ping/a-key-that-nobody-has/fail",
        OPEN_AND_NOT_FOUND,
    ),
    (
        "POST",
        "/ping/{key}/{word}",
        "/ping/a-key-that-nobody-has/fail",
        OPEN_AND_NOT_FOUND,
    ),
    ("GET", "/favicon.ico", "/favicon.ico", OPEN),
    ("GET", "/assets/{name}", "/assets/x.css", OPEN_AND_NOT_FOUND),
];

#[test]
fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let listed: BTreeSet<_> = freshd::web::listed()
        .into_iter()
        .map(|(method, path, _)| (method, path))
        .collect();
    let told: BTreeSet<_> = ROUTES.iter().map(|(method, path, _, _)| (*method, *path)).collect();
    assert_eq!(listed, told, "a route has no line here, or a line no route");
    let (_house, daemon, site) = known();
    let carried = Carried::new(&site);
    let mut wrong = Vec::new();
    let nowhere = [
        ("GET", "", "/nowhere", NOWHERE),
        ("GET", "", "/api/v1/nowhere", {
            let mut row = NOWHERE;
            for place in [0, 5, 6, 9] {
                row[place] = 401;
            }
            row
        }),
    ];
    for (method, _, path, row) in ROUTES.iter().chain(&nowhere) {
        for (place, expected) in row.iter().enumerate() {
            let found = carried.ask(&site, method, path, place);
            if found != *expected {
                wrong.push(format!(
                    "{method} {path} with {}: {found}, not {expected}",
                    CREDENTIALS[place]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), daemon.log());
}

/// The header lines of each credential.
struct Carried([String; 10]);

impl Carried {
    fn new(site: &Site) -> Self {
        let (olav, kari, ended) = (log_in(site, "olav"), log_in(site, "kari"), log_in(site, "kari"));
        let own = format!("Origin: http://{}\r\n", site.address());
        assert_eq!(site.ask("POST", "/logout", &format!("{ended}{own}")).status, 303);
        Self([
            own.clone(),
            format!("{olav}{own}"),
            format!("{kari}{own}"),
            format!("Authorization: Bearer {VIEW_TOKEN}\r\n"),
            format!("Authorization: bearer {OPERATE_TOKEN}\r\n"),
            format!("{ended}{own}"),
            // A session beside a wrong token helps nobody.
            format!("Authorization: Bearer {OPERATE_TOKEN}x\r\n{kari}"),
            format!("{kari}Origin: https://evil.example\r\n"),
            kari,
            String::new(),
        ])
    }

    fn ask(&self, site: &Site, method: &str, path: &str, place: usize) -> u16 {
        // Logging out would spoil the lines that follow.
        let fresh = |name| format!("{}Origin: http://{}\r\n", log_in(site, name), site.address());
        let carried = match (path, place) {
            ("/logout", 1) => fresh("olav"),
            ("/logout", 2) => fresh("kari"),
            _ => self.0[place].clone(),
        };
        let along = match (method, path) {
            ("POST", "/api/v1/jobs/broken/pause") => {
                "Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"because\":\"test\"}"
            }
            ("POST", "/login") => "",
            ("POST", "/incidents/1/ack") => {
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nnote=test"
            }
            ("POST", path) if !path.starts_with("/api/") => {
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\nbecause=test"
            }
            _ => "",
        };
        site.ask(method, path, &format!("{carried}{along}")).status
    }
}
