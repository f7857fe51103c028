//! The end of a problem reaches everybody who heard of it once, also where an address is dead.

use std::time::Duration;

use freshd::model::{DeliveryOutcome, IncidentState, NotificationState, Outcome, Purpose, Request};

use super::delivery::{OPS, busy, mend, no_such_address};
use super::virtual_world::{Play, World, at};
use super::{failing, one_job};

/// What an address was told of job `j`, in order.
fn told_of_j(world: &World, address: &str) -> Vec<Purpose> {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let of_j = sent.filter(|sent| sent.address.to_string() == address && sent.message.subject_name.as_str() == "j");
    of_j.map(|sent| sent.message.purpose).collect()
}

#[test]
fn an_end_that_dies_at_an_address_is_not_told_twice_to_who_stood_in_for_it() {
    for crash in [false, true] {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        world.channel(OPS, |sent, now| match sent.message.purpose {
            Purpose::Recovery if now < at("2026-11-26T12:30") => busy(now),
            _ => no_such_address(),
        });
        world.run_until("2026-11-26T12:10");
        mend(&mut world, "2026-11-26T12:20");
        assert_eq!(world.incidents()[0].state, IncidentState::Resolved);
        if crash {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T14:00");
        let dead = |told: &&freshd::model::Notification| {
            told.state == NotificationState::Dead && told.message.purpose == Purpose::Recovery
        };
        assert_eq!(world.ledger.notifications.values().filter(dead).count(), 1);
        for to in ["mail:it@sea.example", "pager"] {
            assert_eq!(
                told_of_j(&world, to),
                [Purpose::Opening, Purpose::Recovery],
                "{to}, crash: {crash}"
            );
        }
    }
}

#[test]
fn an_end_that_dies_at_two_addresses_falls_back_once() {
    const OTHER: &str = "mail:x@sea.example";
    for crash in [false, true] {
        let text = one_job("").replace(
            "notify = [\"mail:ops@sea.example\"]",
            "notify = [\"mail:ops@sea.example\", \"mail:x@sea.example\"]",
        );
        let mut world = failing(&text, "2026-11-26T12:00");
        for to in [OPS, OTHER] {
            world.channel(to, move |sent, now| match sent.message.purpose {
                Purpose::Recovery if to == OTHER && now < at("2026-11-26T12:30") => busy(now),
                Purpose::Recovery => no_such_address(),
                _ => DeliveryOutcome::Accepted,
            });
        }
        world.run_until("2026-11-26T12:10");
        mend(&mut world, "2026-11-26T12:20");
        if crash {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T14:00");
        for to in ["mail:it@sea.example", "pager"] {
            assert_eq!(told_of_j(&world, to), [Purpose::Recovery], "{to}, crash: {crash}");
        }
    }
}

#[test]
fn a_run_that_somebody_ended_tells_nothing_of_how_its_job_is() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:10");
    world.script("j", |_, _| Play::succeeds().taking(Duration::from_mins(5)));
    world.run("j");
    world.run_until("2026-11-26T12:12");
    let run = world.last_run("j").id;
    world.done(Request::Cancel { run });
    world.run_until("2026-11-26T12:20");
    assert_eq!(world.last_run("j").outcome, Some(Outcome::Cancelled));
    assert_eq!(world.incidents()[0].state, IncidentState::Open);
    assert_eq!(told_of_j(&world, OPS), [Purpose::Opening]);
}

#[test]
fn all_who_read_the_same_dataset_are_named() {
    let text = format!(
        "{}[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"1h\"\nconsumers = [\"a\", \"b\"]\n",
        super::one_job("produces = \"d\"")
    );
    let mut world = super::World::start(&text, "2026-03-02T10:00");
    world.run("j");
    world.run_until("2026-03-02T11:30");
    let status = world.done(freshd::model::Request::Status { name: None });
    let readers = status["incidents"][0]["readers"].as_array().expect("readers");
    let mut who: Vec<_> = readers.iter().map(|reader| reader["who"].as_str()).collect();
    who.sort_unstable();
    assert_eq!(who, [Some("a"), Some("b")]);
}

#[test]
fn a_job_and_a_dataset_of_one_name_are_not_taken_for_each_other() {
    let text = one_job("produces = \"j\"") + "[datasets.j]\nowner = \"ops\"\nfile = \"j\"\nmax_age = \"60m\"\n";
    let mut world = World::start(&text, "2026-03-02T10:00");
    world.script("j", |_, now| Play::writes("once", now));
    world.run("j");
    world.run_until("2026-03-02T11:10");
    let headline = &world.sent.last().expect("it is told").1.message.headline;
    assert!(headline.starts_with("CRITICAL: j is stale: "), "{headline}");
}
