//! A clock that is earlier than the records: what `freshd clock` says, and what confirming it does.

use freshd::model::{Fact, Life, Request};
use freshd::store::Store;
use jiff::Timestamp;

use super::freshd_process::House;
use super::{JOBS, ends, json};

/// A house whose last daemon lived at a time that is still to come.
fn from_the_future() -> House {
    let house = House::with(JOBS);
    let year: Timestamp = "2126-11-27T22:00:00Z".parse().expect("a time");
    let life = Life {
        number: 1,
        started_at: year,
        seen_at: year,
        ended_at: Some(year),
        boot_id: "another".to_owned(),
        version: "0.1.0".to_owned(),
        back: None,
    };
    let writer = Store::open(&house.state_dir())
        .expect("a store")
        .into_writer()
        .expect("a writer");
    writer.commit_blocking(vec![Fact::Life(life)]).expect("it is stored");
    writer.close().expect("it is closed");
    house
}

#[test]
fn a_clock_that_is_earlier_than_the_records_holds_everything_until_it_is_confirmed() {
    let house = from_the_future();
    let mut daemon = house.daemon();
    let run = daemon.run("fine");
    let (text, _) = ends(&house, 1, &["clock"]);
    for words in [
        "Wed 2126-11-27 23:00",
        "nothing is started",
        "run 1 of fine",
        "freshd clock confirm --because TEXT",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let clock = json(&house, 1, &["clock", "--json"]);
    assert_eq!(clock["held_until"], "2126-11-27T22:00:00Z");
    assert_eq!(clock["waiting"], serde_json::json!([{ "run": 1, "job": "fine" }]));
    assert_eq!(clock["confirmed"], serde_json::Value::Null);
    ends(&house, 2, &["clock", "confirm"]);
    ends(&house, 2, &["clock", "confirm", "--because", " "]);

    let (said, _) = ends(&house, 0, &["clock", "confirm", "--because", "the battery was empty"]);
    assert!(said.contains("the run that waited for it starts"), "{said}");
    daemon.finished(run, &house);
    let clock = json(&house, 0, &["clock", "--json"]);
    assert_eq!(clock["held_until"], serde_json::Value::Null);
    assert_eq!(clock["confirmed"]["because"], "the battery was empty");
    let (_, refused) = ends(&house, 1, &["clock", "confirm", "--because", "again"]);
    assert!(refused.contains("nothing is held"), "{refused}");
    assert!(daemon.terminate().success());

    let daemon = house.daemon();
    ends(&house, 0, &["clock"]);
    let status = daemon.ask(&freshd::daemon::Ask::Engine(Request::Status { name: None }));
    let freshd::model::Reply::Done(status) = status else {
        panic!("{status:?}");
    };
    assert_eq!(
        status["clock_held_until"],
        serde_json::Value::Null,
        "no later start holds again"
    );
    let (text, _) = ends(&house, 0, &["clock"]);
    assert!(text.contains("the battery was empty"), "{text}");
}

#[test]
fn the_clock_can_only_be_asked_about_where_a_daemon_runs() {
    let house = House::with(JOBS);
    ends(&house, 3, &["clock"]);
    ends(&house, 3, &["clock", "confirm", "--because", "no reason"]);
}
