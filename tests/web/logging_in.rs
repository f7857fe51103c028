//! From a name and a password to a session and out of it, and what a session may do on the pages.

use rustix::process::Signal;

use crate::asking::Site;
use crate::freshd_process::House;
use crate::harmless;
use crate::known::{
    JOBS, OPERATE_TOKEN, PASSWORD, VIEW_TOKEN, cookie, known, log_in, post, secrets, sent, try_to_log_in,
};

#[test]
fn a_session_begins_with_the_right_password_and_ends_when_its_user_says_so() {
    let (_house, daemon, site) = known();
    let sent_away = site.get("/jobs/broken?x=1");
    assert_eq!(
        (sent_away.status, sent_away.header("location")),
        (303, "/login?next=%2Fjobs%2Fbroken%3Fx%3D1")
    );
    let page = site.get(sent_away.header("location"));
    assert!(
        page.body.contains("name=\"next\" value=\"/jobs/broken?x=1\""),
        "{}",
        page.body
    );
    harmless("/login", &page);
    let unknown = try_to_log_in(&site, "nobody", PASSWORD, "");
    let wrong = try_to_log_in(&site, "kari", "correct horse battery stapler", "");
    for (refused, name) in [(&unknown, "nobody"), (&wrong, "kari")] {
        assert_eq!((refused.status, refused.headers("set-cookie").len()), (401, 0));
        assert_eq!(
            refused.body.replace(name, "NAME"),
            unknown.body.replace("nobody", "NAME")
        );
    }
    let answer = try_to_log_in(&site, "kari", PASSWORD, "");
    for set in answer.headers("set-cookie") {
        assert!(set.contains("; Path=/; HttpOnly; SameSite=Strict; Max-Age="), "{set}");
    }
    let session = cookie(&answer, "freshd=");
    let jobs = site.ask("GET", "/jobs", &session);
    assert!(
        jobs.status == 200 && jobs.body.contains("<span>kari</span>"),
        "{}",
        jobs.body
    );
    assert_eq!(post(&site, "/logout", &session, "").status, 303);
    assert_eq!(site.ask("GET", "/jobs", &session).status, 303);
    let log = daemon.log();
    assert!(log.contains("logged in") && log.contains("an unknown name"), "{log}");
    for secret in [
        PASSWORD,
        "battery",
        session.trim_start_matches("Cookie: freshd=").trim(),
    ] {
        assert!(!log.contains(secret), "{secret} is logged: {log}");
    }
}

#[test]
fn whoever_may_act_finds_forms_and_is_told_what_came_of_them_and_is_on_record() {
    let (house, _daemon, site) = known();
    let (kari, olav) = (log_in(&site, "kari"), log_in(&site, "olav"));
    for path in ["/jobs/broken", "/incidents/1"] {
        let page = site.ask("GET", path, &olav);
        assert!(
            !page.body.contains("action=\"/jobs") && !page.body.contains("action=\"/incidents"),
            "{}",
            page.body
        );
        let page = site.ask("GET", path, &kari);
        assert!(
            page.body.contains("<form") && page.body.contains("method=\"post\""),
            "{}",
            page.body
        );
        harmless(path, &page);
    }
    let refused = post(&site, "/jobs/broken/pause", &kari, "because=");
    assert!(
        refused.status == 400 && refused.body.contains("Refused: a pause needs a reason"),
        "{}",
        refused.body
    );
    let paused = post(&site, "/jobs/broken/pause", &kari, "because=%3Cb%3Ethe+move%3C%2Fb%3E");
    assert_eq!((paused.status, paused.header("location")), (303, "/jobs/broken"));
    // A page that fetches itself must not take the words away before a person has seen them.
    let fetched = site.ask("GET", "/jobs/broken", &format!("{kari}Sec-Fetch-Mode: cors\r\n"));
    assert!(!fetched.body.contains("It is paused"), "{}", fetched.body);
    let page = site.ask("GET", "/jobs/broken", &kari);
    assert!(page.body.contains("It is paused"), "{}", page.body);
    assert!(
        page.body.contains("paused by kari (web): &lt;b&gt;the move&lt;/b&gt;"),
        "{}",
        page.body
    );
    assert!(page.body.contains("action=\"/jobs/broken/resume\""), "{}", page.body);
    assert!(
        !site.ask("GET", "/jobs/broken", &kari).body.contains("It is paused"),
        "it is said once"
    );
    assert_eq!(post(&site, "/jobs/broken/resume", &kari, "").status, 303);
    let begun = post(&site, "/jobs/broken/run", &kari, "");
    assert_eq!(begun.header("location"), "/runs/2");
    let page = site.ask("GET", "/runs/2", &kari);
    assert!(
        page.body.contains("manual of kari (web)") && page.body.contains("Run 2 has begun"),
        "{}",
        page.body
    );
    assert_eq!(post(&site, "/incidents/1/ack", &kari, "note=looking+at+it").status, 303);
    let page = site.ask("GET", "/incidents/1", &kari);
    assert!(page.body.contains("by kari (web) (looking at it)"), "{}", page.body);
    let (_, told) = house.freshd(&["incidents", "1"]);
    assert!(told.contains("kari (web) (looking at it)"), "{told}");
    let (_, history) = house.freshd(&["show", "2"]);
    assert!(history.contains("kari (web)"), "{history}");
}

#[test]
fn a_program_acts_by_its_token_and_cannot_say_what_runs() {
    let (_house, _daemon, site) = known();
    let deploy = format!("Authorization: Bearer {OPERATE_TOKEN}\r\n");
    let asks = |path: &str, body: &str| site.ask("POST", path, &format!("{deploy}{}", sent("application/json", body)));
    let run = asks("/api/v1/jobs/broken/run", "{}");
    assert_eq!((run.status, run.json()["run"].as_u64()), (200, Some(2)), "{}", run.body);
    let told = site.ask("GET", "/api/v1/runs/2", &deploy).json();
    assert_eq!(told["run"]["by"], "token deploy", "{told}");
    let args = asks("/api/v1/jobs/broken/run", "{\"args\":[\"--all\"]}");
    assert_eq!(args.status, 400, "{}", args.body);
    assert_eq!(asks("/api/v1/jobs/broken/pause", "{}").status, 400);
    assert_eq!(asks("/api/v1/jobs/brokn/run", "").json()["near"][0], "broken");
    assert_eq!(
        asks("/api/v1/incidents/1/ack", "{\"note\":\"x\"}").json()["acknowledged_by"],
        "token deploy"
    );
    let form = site.ask(
        "POST",
        "/api/v1/jobs/broken/pause",
        &format!("{deploy}{}", sent("text/plain", "{\"because\":\"x\"}")),
    );
    assert_eq!(form.status, 400, "{}", form.body);
    let much = format!("{{\"because\":\"{}\"}}", "x".repeat(20_000));
    assert_eq!(asks("/api/v1/jobs/broken/pause", &much).status, 413);
}

#[test]
fn another_password_ends_the_sessions_of_its_user_and_a_token_that_is_gone_is_worth_nothing() {
    let (house, daemon, site) = known();
    let (kari, olav) = (log_in(&site, "kari"), log_in(&site, "olav"));
    let grafana = format!("Authorization: Bearer {VIEW_TOKEN}\r\n");
    assert_eq!(site.ask("GET", "/metrics", &grafana).status, 200);
    house.write("secrets/kari", &freshd::web::hash_password(PASSWORD).expect("a hash"));
    house.configure(&JOBS.replace(
        "[web.auth.tokens.grafana]\ntoken = { file = \"secrets/grafana\" }\n",
        "",
    ));
    daemon.signal(Signal::HUP);
    daemon.logs(&["jobs.toml reloaded"]);
    assert_eq!(site.ask("GET", "/jobs", &kari).status, 303);
    assert_eq!(site.ask("GET", "/jobs", &olav).status, 200);
    assert_eq!(site.ask("GET", "/metrics", &grafana).status, 401);
}

#[test]
fn a_session_of_a_user_who_is_removed_does_not_come_back_with_the_user() {
    let (house, daemon, site) = known();
    let (kari, olav) = (log_in(&site, "kari"), log_in(&site, "olav"));
    house.configure(&JOBS.replace(
        "[web.auth.users.kari]\npassword = { file = \"secrets/kari\" }\nscope = \"operate\"\n",
        "",
    ));
    daemon.signal(Signal::HUP);
    // Nobody uses it meanwhile.
    let ended = daemon.logs(&["ended: their users are gone"]);
    house.configure(JOBS);
    daemon.signal(Signal::HUP);
    daemon.logs_from(ended, &["jobs.toml reloaded"]);
    assert_eq!(site.ask("GET", "/jobs", &kari).status, 303);
    assert_eq!(site.ask("GET", "/jobs", &olav).status, 200);
}

#[test]
fn guesses_are_refused_after_a_while_and_lock_out_nobody_from_a_browser_that_is_known() {
    let (_house, daemon, site) = known();
    let known_here = cookie(&try_to_log_in(&site, "kari", PASSWORD, ""), "freshd-known=");
    let statuses: Vec<u16> = (0..11)
        .map(|_| try_to_log_in(&site, "kari", "guess", "").status)
        .collect();
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10], 429);
    let refused = try_to_log_in(&site, "kari", PASSWORD, "");
    assert_eq!(refused.status, 429, "even the right one");
    assert!(
        refused
            .header("retry-after")
            .parse::<u64>()
            .is_ok_and(|wait| (1..=31).contains(&wait))
    );
    // Nobody looks at what a machine says of itself that is no proxy.
    assert_eq!(
        try_to_log_in(&site, "kari", PASSWORD, "X-Forwarded-For: 192.0.2.1\r\n").status,
        429
    );
    assert_eq!(try_to_log_in(&site, "kari", PASSWORD, &known_here).status, 303);
    // The sign is that of kari, and of nobody else.
    assert_eq!(try_to_log_in(&site, "olav", PASSWORD, &known_here).status, 429);
    assert!(daemon.log().contains("too many tries to log in"), "{}", daemon.log());
}

#[test]
fn a_port_that_others_can_reach_shows_nothing_once_the_login_is_gone() {
    let open = JOBS.replace(
        "listen = \"127.0.0.1:0\"",
        "listen = \"0.0.0.0:0\"\npublic_url = \"https://freshd.example\"",
    );
    let house = House::with(&open);
    secrets(&house);
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    let ask = |host: &str| site.ask_host("GET", "/healthz", host, "").status;
    assert_eq!(
        (ask("freshd.example"), ask("evil.example"), ask("localhost")),
        (401, 421, 401)
    );
    let begin = JOBS.find("[web.auth.users.kari]").expect("it begins");
    let end = JOBS.find("[alerts]").expect("it ends");
    house.configure(&format!("{}{}", &JOBS[..begin], &JOBS[end..]));
    daemon.signal(Signal::HUP);
    daemon.logs(&["jobs.toml reloaded"]);
    assert_eq!(site.ask_host("GET", "/jobs", "localhost", "").status, 403);
    assert!(
        daemon.log().contains("takes effect at the next restart"),
        "{}",
        daemon.log()
    );
}
