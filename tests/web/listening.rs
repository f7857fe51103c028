//! Open pages that are told when something has changed, and how many may be.

use rustix::process::Signal;

use crate::asking::Site;
use crate::freshd_process::House;
use crate::known::{self, OPERATE_TOKEN, VIEW_TOKEN, known, log_in, post};
use crate::{EXPORT, JOBS};

/// Prints a line each time something is written into its pipe.
const PRINTS: &str = "\n[jobs.prints]\nowner = \"it\"\ncommand = \"sh HOUSE/prints\"\n";

#[test]
fn an_open_page_is_told_when_something_has_changed() {
    let house = House::with(JOBS);
    house.script("export", EXPORT);
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    let mut stream = site.stream("/events");
    assert!(stream.until("retry: "), "the stream begins");
    daemon.run("broken");
    assert!(stream.until("event: changed"), "a run was stored");
}

#[test]
fn a_page_of_a_run_is_told_of_each_line_while_nothing_is_stored() {
    let house = House::with(&format!("{JOBS}{PRINTS}"));
    let mut pipe = house.pipe("lines");
    house.script("prints", "while read -r line; do echo \"$line\"; done < HOUSE/lines\n");
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    let run = daemon.run("prints");
    let (log, page) = (format!("/runs/{run}/log"), format!("/events?run={run}"));
    let mut stream = site.stream(&page);
    assert!(stream.until("retry: "), "the stream begins");
    for line in ["first", "second", "third"] {
        pipe.say(line);
        assert!(stream.until("event: changed"), "it is told");
        site.until(&log, |printed| printed.contains(line));
    }
}

#[test]
fn a_page_of_a_run_that_waits_is_told_of_its_lines_once_it_has_begun() {
    let waits = "overlap = \"queue\"\n";
    let house = House::with(&format!("{JOBS}{PRINTS}{waits}"));
    let (mut first, mut second) = (house.pipe("lines-1"), house.pipe("lines-2"));
    house.script(
        "prints",
        "while read -r line && [ \"$line\" != end ]; do echo \"$line\"; done < HOUSE/lines-$FRESHD_RUN_ID\n",
    );
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    let (_, run) = (daemon.run("prints"), daemon.run("prints"));
    let (log, page) = (format!("/runs/{run}/log"), format!("/events?run={run}"));
    let mut stream = site.stream(&page);
    assert!(stream.until("retry: "), "the stream begins");
    first.say("end");
    // More than the few commits of a beginning would tell by themselves.
    for line in 1..=8 {
        let line = format!("line {line}");
        second.say(&line);
        site.until(&log, |printed| printed.contains(&line));
        assert!(stream.until("event: changed"), "it is told");
    }
}

#[test]
fn as_many_browsers_listen_as_may_and_a_place_that_is_left_is_free() {
    let house = House::with(JOBS);
    let daemon = house.daemon();
    let site = Site::of(&daemon);
    let mut streams: Vec<_> = (0..256).map(|_| site.stream("/events")).collect();
    for stream in &mut streams {
        assert!(stream.until("retry: "));
    }
    assert_eq!(site.get("/events").status, 503);
    assert_eq!(site.get("/").status, 200);
    streams.truncate(250);
    assert!(site.until_status("/events", 200), "a place is free again");
}

#[test]
fn a_stream_ends_with_the_session_the_user_or_the_token_it_was_opened_by_and_with_no_other() {
    let (house, daemon, site) = known();
    let (here, there, olav) = (log_in(&site, "kari"), log_in(&site, "kari"), log_in(&site, "olav"));
    let token = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let mut of_session = site.stream_of("/events?run=1", &here);
    let mut of_another = site.stream_of("/events", &there);
    let mut of_user = site.stream_of("/events", &olav);
    let mut of_token = site.stream_of("/events", &token(VIEW_TOKEN));
    let mut of_another_token = site.stream_of("/events", &token(OPERATE_TOKEN));
    assert_eq!(post(&site, "/logout", &here, "").status, 303);
    assert!(of_session.ends(), "it outlives the logout");
    let without = known::JOBS
        .replace("[web.auth.users.olav]\npassword = { file = \"secrets/olav\" }\n", "")
        .replace(
            "[web.auth.tokens.grafana]\ntoken = { file = \"secrets/grafana\" }\n",
            "",
        );
    house.configure(&without);
    daemon.signal(Signal::HUP);
    daemon.logs(&["jobs.toml reloaded"]);
    assert!(of_user.ends(), "it outlives its user");
    assert!(of_token.ends(), "it outlives its token");
    daemon.run("broken");
    for (stream, whose) in [(&mut of_another, "a session"), (&mut of_another_token, "a token")] {
        assert!(
            stream.until("event: changed"),
            "{whose} that is still known is told nothing"
        );
    }
}

#[test]
fn a_stream_of_nobody_in_particular_ends_when_a_login_is_asked_for() {
    let begin = known::JOBS.find("[web.auth.users.kari]").expect("it begins");
    let end = known::JOBS.find("[alerts]").expect("it ends");
    let house = House::with(&format!("{}{}", &known::JOBS[..begin], &known::JOBS[end..]));
    known::secrets(&house);
    let daemon = house.daemon();
    let mut stream = Site::of(&daemon).stream("/events");
    house.configure(known::JOBS);
    daemon.signal(Signal::HUP);
    daemon.logs(&["jobs.toml reloaded"]);
    assert!(stream.ends(), "whoever is not known goes on being told");
}
