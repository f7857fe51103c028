//! Data of which a script that runs elsewhere says that it has arrived, or that it has not.

use freshd::model::{PingKind, PingWord, ProblemKind, Purpose, Reply, Request, Severity};

use super::probed;
use super::virtual_world::{World, at};

const KEY: &str = "0123456789abcdef";

fn pinged(promise: &str, from: &str) -> World {
    probed(&format!("probe = {{ ping = \"{KEY}\" }}\n{promise}"), from)
}

fn ping(word: &str, text: &str) -> Request {
    Request::Ping {
        key: KEY.to_owned(),
        word: PingWord::read(word).expect("a word"),
        rid: None,
        text: text.to_owned(),
    }
}

#[test]
fn each_word_that_data_has_arrived_is_a_version_as_of_then() {
    let mut world = pinged("max_age = \"26h\"", "2026-03-02T08:00");
    let (state, reason) = world.state_of("d");
    assert_eq!(
        (state.as_str(), reason.as_str()),
        ("unknown", "never seen: nobody has said that it is there")
    );
    for when in ["2026-03-02T09:00", "2026-03-02T10:00"] {
        world.run_until(when);
        world.done(ping("", ""));
    }
    let versions = world.versions("d");
    let arrived: Vec<_> = versions
        .iter()
        .map(|version| (version.arrived_at, version.as_of))
        .collect();
    let (nine, ten) = (at("2026-03-02T09:00"), at("2026-03-02T10:00"));
    assert_eq!(arrived, [(nine, nine), (ten, ten)]);
    assert_eq!(world.state_of("d").0, "fresh");
    world.crash();
    world.restart();
    world.run_until("2026-03-03T11:59");
    assert_eq!(world.state_of("d").0, "fresh");
    world.run_until("2026-03-03T12:00");
    assert_eq!(world.state_of("d").0, "stale");
}

#[test]
fn a_ping_is_the_delivery_that_was_promised() {
    let mut world = pinged("due = { at = \"0 9 * * *\", grace = \"30m\" }", "2026-03-02T08:00");
    world.run_until("2026-03-02T09:10");
    world.done(ping("0", ""));
    world.run_until("2026-03-02T10:00");
    assert_eq!(world.state_of("d").0, "fresh");
    world.run_until("2026-03-03T09:30");
    assert_eq!(world.state_of("d").0, "late");
}

#[test]
fn a_failure_is_told_while_the_promise_still_holds_and_over_with_the_next_arrival() {
    let mut world = pinged("max_age = \"26h\"", "2026-03-02T08:00");
    world.done(ping("", ""));
    world.run_until("2026-03-02T09:00");
    world.done(ping("3", "connecting\nno route to host\n\n"));
    world.run_until("2026-03-02T09:05");
    let incident = world.open_incidents().remove(0);
    assert_eq!(
        (incident.kind, incident.severity),
        (ProblemKind::Failed, Severity::Warning)
    );
    let why = "its script has failed with exit status 3: no route to host";
    assert!(incident.reason.starts_with(why), "{}", incident.reason);
    let (state, reason) = world.state_of("d");
    assert_eq!(state, "fresh", "what has arrived before is still there");
    assert!(reason.starts_with(why), "{reason}");
    assert_eq!(world.versions("d").len(), 1);
    world.crash();
    world.restart();
    assert_eq!(world.open_incidents().len(), 1);
    world.done(ping("", ""));
    world.run_until("2026-03-02T09:10");
    assert_eq!(world.open_incidents().len(), 0);
    let told: Vec<_> = world.told().into_iter().map(|(_, _, why)| why).collect();
    assert_eq!(told, [Purpose::Opening, Purpose::Recovery]);
}

#[test]
fn a_failure_before_anything_has_arrived_is_a_problem_too() {
    let mut world = pinged("max_age = \"26h\"", "2026-03-02T08:00");
    world.done(ping("fail", ""));
    world.run_until("2026-03-02T08:05");
    let incident = world.open_incidents().remove(0);
    assert!(
        incident.reason.starts_with("its script has failed"),
        "{}",
        incident.reason
    );
}

#[test]
fn a_start_and_a_note_are_on_record_and_deliver_nothing() {
    let mut world = pinged("max_age = \"26h\"", "2026-03-02T08:00");
    world.done(ping("start", ""));
    world.done(ping("log", "42 rows"));
    world.done(ping("fail", "x"));
    world.crash();
    let pings = world.reader().pings_of(&"d".into(), 10).expect("the store is read");
    let said: Vec<_> = pings.iter().map(|ping| (ping.word.kind, ping.text.as_str())).collect();
    assert_eq!(
        said,
        [(PingKind::Fail, "x"), (PingKind::Log, "42 rows"), (PingKind::Start, "")]
    );
    assert_eq!(world.versions("d").len(), 0);
}

#[test]
fn the_newest_thousand_pings_are_kept() {
    let mut world = pinged("", "2026-03-02T08:00");
    for number in 0..1_003 {
        world.done(ping("log", &number.to_string()));
    }
    world.crash();
    let pings = world.reader().pings_of(&"d".into(), 5_000).expect("the store is read");
    assert_eq!(pings.len(), 1_000);
    assert_eq!(pings.last().map(|ping| ping.text.as_str()), Some("3"));
}

#[test]
fn nobody_speaks_of_data_without_its_key() {
    let mut world = pinged("", "2026-03-02T08:00");
    for key in ["", "0123456789abcde", "0123456789abcdeF", "0123456789abcdef0"] {
        let request = Request::Ping {
            key: key.to_owned(),
            word: PingWord::read("").expect("a word"),
            rid: None,
            text: String::new(),
        };
        assert!(matches!(world.ask(request), Reply::Refused(_)), "{key}");
    }
    assert_eq!(world.versions("d").len(), 0);
}

#[test]
fn whoever_got_no_answer_and_pings_again_delivers_nothing_twice() {
    let mut world = pinged("due = { at = \"0 9 * * *\", grace = \"5m\" }", "2026-03-02T08:00");
    world.run_until("2026-03-02T09:10");
    world.done(ping("", ""));
    world.run_until("2026-03-02T09:10:40");
    world.done(ping("", ""));
    assert_eq!(world.versions("d").len(), 1);
    world.crash();
    let pings = world.reader().pings_of(&"d".into(), 10).expect("the store is read");
    assert_eq!(pings.len(), 2, "both are on record");
    world.restart();
    world.run_until("2026-03-03T09:05");
    assert_eq!(world.state_of("d").0, "late", "the second was not tomorrow's");
    world.done(ping("", ""));
    world.run_until("2026-03-03T09:07");
    world.done(ping("", ""));
    assert_eq!(world.versions("d").len(), 3, "after more than a minute it is another");
}

#[test]
fn runs_that_are_told_apart_are_not_the_same_however_soon_they_follow() {
    let mut world = pinged("", "2026-03-02T08:00");
    for rid in ["a-1", "a-2"] {
        world.done(Request::Ping {
            key: KEY.to_owned(),
            word: PingWord::read("").expect("a word"),
            rid: Some(rid.to_owned()),
            text: String::new(),
        });
    }
    assert_eq!(world.versions("d").len(), 2);
}

#[test]
fn while_the_clock_is_not_believed_nobody_is_told_that_it_is_stored() {
    let mut world = pinged("max_age = \"26h\"", "2026-03-02T08:00");
    world.done(ping("", ""));
    world.set_clock("2026-03-01T08:00");
    let Reply::Refused(why) = world.ask(ping("", "")) else {
        panic!("it is as of nobody knows when");
    };
    assert!(why.contains("ping again"), "{why}");
    world.done(ping("log", "that can be noted"));
    assert_eq!(world.versions("d").len(), 1);
}

#[test]
fn the_end_of_a_long_output_is_kept_and_says_why() {
    let mut world = pinged("", "2026-03-02T08:00");
    let lines: Vec<String> = (1..=5_000).map(|line| line.to_string()).collect();
    let output = lines.join("\n") + "\n";
    world.done(ping("fail", &output));
    let (_, reason) = world.state_of("d");
    assert!(reason.starts_with("its script has failed: 5000 ("), "{reason}");
    world.crash();
    let kept = world
        .reader()
        .pings_of(&"d".into(), 1)
        .expect("the store is read")
        .remove(0)
        .text;
    assert_eq!(kept.chars().count(), 10_000);
    assert!(kept.starts_with('…') && kept.ends_with("5000\n"));
}

#[test]
fn what_a_look_found_before_is_not_for_the_script_to_answer() {
    let mut world = probed(
        "probe = { file = \"/in/file.csv\", every = \"1m\" }",
        "2026-03-02T08:00",
    );
    world.probe("d", |_| (Err("permission denied".to_owned()), None));
    world.run_until("2026-03-02T08:05");
    assert_eq!(world.state_of("d").0, "unknown");
    let edited = format!("[datasets.d]\nowner = \"ops\"\nprobe = {{ ping = \"{KEY}\" }}\n");
    world.reload(&super::with_ops(&edited));
    world.run_until("2026-03-02T08:10");
    let (_, reason) = world.state_of("d");
    assert_eq!(reason, "never seen: nobody has said that it is there");
}

#[test]
fn a_script_that_pings_every_half_minute_goes_on_delivering() {
    let mut world = pinged("max_age = \"5m\"", "2026-03-02T08:00");
    for minute in 0..20 {
        for second in [0, 30] {
            world.run_until(&format!("2026-03-02T08:{minute:02}:{second:02}"));
            world.done(ping("", ""));
        }
    }
    assert_eq!(world.versions("d").len(), 20);
    assert_eq!(world.state_of("d").0, "fresh");
}
