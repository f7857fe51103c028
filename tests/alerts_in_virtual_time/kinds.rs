//! What is wrong may become something else: since when it is that, and since when anything is wrong.

use freshd::model::{Message, ProblemKind, Purpose, Request};

use super::delivery::OPS;
use super::virtual_world::{Play, World, at};
use super::{NO_PROOFS, one_job};

/// A job that failed at 12:00 and whose output is refused since 12:30.
fn refused() -> World {
    let text = one_job("produces = \"d\"") + NO_PROOFS + "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\n";
    let mut world = World::start(&text, "2026-11-26T12:00");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:30");
    world.script("j", |_, now| Play::writes("x", now).refused("it has no rows"));
    world.run("j");
    world
}

#[test]
fn what_has_become_something_else_is_that_since_then_and_wrong_since_before() {
    for crashes in [false, true] {
        let mut world = refused();
        world.run_until("2026-11-26T12:40");
        if crashes {
            world.crash();
            world.restart();
        }
        // The reason alone changes nothing of that.
        world.script("j", |_, now| Play::writes("x", now).refused("it has one row"));
        world.run("j");
        world.run_until("2026-11-26T13:10");
        let incident = world.open_incidents().remove(0);
        assert_eq!(incident.kind.as_str(), "rejected");
        assert_eq!(incident.since, at("2026-11-26T12:00:05"), "crashes: {crashes}");
        assert_eq!(
            incident.kind_since,
            Some(at("2026-11-26T12:30:05")),
            "crashes: {crashes}"
        );
        assert_eq!(incident.first_kind.map(ProblemKind::as_str), Some("failed"));
        let status = world.done(Request::Status { name: None });
        let incidents = status["incidents"].as_array().expect("incidents");
        let of_job = incidents.iter().find(|one| one["subject"] == "j").expect("of the job");
        assert_eq!(of_job["kind_since"], "2026-11-26T11:30:05Z");
        assert_eq!(of_job["first_kind"], "failed");
        let mut sent = world.sent.iter().rev().map(|(_, sent)| sent);
        let reminder = sent.find(|sent| sent.address.to_string() == OPS).expect("a reminder");
        assert_eq!(reminder.message.purpose, Purpose::Reminder);
        assert_eq!(reminder.message.kind_since, incident.kind_since);
        let since: Vec<_> = reminder
            .message
            .facts
            .iter()
            .filter(|fact| fact.label == "Since")
            .collect();
        let text = "Thu 2026-11-26 12:00 (rejected since Thu 2026-11-26 12:30)";
        assert_eq!(since.iter().map(|fact| fact.text.as_str()).collect::<Vec<_>>(), [text]);
    }
}

#[test]
fn the_end_of_what_became_something_else_says_that_it_was_not_that_alone_and_whom_it_is_for_by_title() {
    for changes in [false, true] {
        let people = one_job("produces = \"d\"").replace("[teams.ops]", "[teams.ops]\ntitle = \"Warehouse\"");
        let text = people + NO_PROOFS + "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\n";
        let mut world = World::start(&text, "2026-11-26T12:00");
        world.script("j", |_, _| Play::fails(1, ""));
        world.run("j");
        world.run_until("2026-11-26T12:30");
        if changes {
            world.script("j", |_, now| Play::writes("x", now).refused("it has no rows"));
            world.run("j");
            world.run_until("2026-11-26T12:40");
        }
        world.script("j", |_, now| Play::writes("y", now));
        world.run("j");
        world.run_until("2026-11-26T12:50");
        let (_, end) = world.sent.last().expect("the end");
        assert_eq!(end.message.purpose, Purpose::Recovery);
        let what: Vec<_> = end.message.facts.iter().filter(|fact| fact.label == "What").collect();
        let text = match changes {
            true => "j was rejected, at first it failed",
            false => "j failed",
        };
        assert_eq!(what.iter().map(|fact| fact.text.as_str()).collect::<Vec<_>>(), [text]);
        assert_eq!(end.message.team_title.as_deref(), Some("Warehouse"));
    }
}

#[test]
fn what_is_again_what_it_was_at_first_names_nothing_else() {
    let mut world = refused();
    world.run_until("2026-11-26T12:31");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:40");
    let incident = world.open_incidents().remove(0);
    assert_eq!((incident.kind.as_str(), incident.first_kind), ("failed", None));
    // And of a third kind it was at first what it was at first.
    world.script("j", |_, now| Play::writes("x", now).refused("it has no rows"));
    world.run("j");
    world.run_until("2026-11-26T12:50");
    let incident = world.open_incidents().remove(0);
    let first = incident.first_kind.map(ProblemKind::as_str);
    assert_eq!((incident.kind.as_str(), first), ("rejected", Some("failed")));
}

/// The only line of a message with that label.
fn line<'a>(message: &'a Message, label: &str) -> &'a str {
    let mut lines = message.facts.iter().filter(|fact| fact.label == label);
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("no {label} in {:?}", message.facts));
    assert!(lines.next().is_none(), "{label} twice in {:?}", message.facts);
    &line.text
}

#[test]
fn what_changes_soon_after_it_was_told_says_what_it_was_and_that_it_was_taken_on_as_that() {
    let people = one_job("produces = \"d\"") + NO_PROOFS + "group_wait = \"1s\"\n";
    let text = people + "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"15m\"\n";
    let mut world = World::start(&text, "2026-11-26T11:50");
    world.script("j", |_, now| {
        if now < at("2026-11-26T12:00") || now > at("2026-11-26T12:20") {
            Play::writes(&now.to_string(), now)
        } else if now < at("2026-11-26T12:00:20") {
            Play::writes("x", now).refused("1 row came; is a part of it missing?")
        } else {
            Play::fails(2, "password authentication failed")
        }
    });
    world.run("j");
    world.run_until("2026-11-26T12:00");
    world.run("j");
    world.run_until("2026-11-26T12:00:15");
    let refused = world.open_incidents().remove(0);
    assert_eq!(refused.kind, ProblemKind::Rejected);
    let (_, opening) = world.sent.last().expect("the opening");
    let told = &opening.message.headline;
    assert!(told.contains("1 row came; is a part of it missing? d "), "{told}");
    world.done(Request::ack(refused.id));
    world.run_until("2026-11-26T12:00:25");
    world.run("j");
    world.run_until("2026-11-26T12:10");

    let (_, update) = world.sent.last().expect("an update");
    assert_eq!(update.message.purpose, Purpose::Update);
    let told = &update.message.headline;
    let cause = " The cause: j failed: exit code 2. At first its data was refused. ";
    assert!(told.contains(cause), "{told}");
    assert!(
        told.ends_with(" until Fri 2026-11-27 08:00, before it changed."),
        "{told}"
    );
    assert_eq!(line(&update.message, "What"), "j failed, at first its data was refused");
    let taken_on = line(&update.message, "Taken on");
    assert!(
        taken_on.ends_with(", Thu 2026-11-26 12:00, before it changed"),
        "{taken_on}"
    );

    // Who takes it on as it is now does so of that.
    world.done(Request::ack(refused.id));
    world.run_until("2026-11-26T12:21");
    world.run("j");
    world.run_until("2026-11-26T12:30");
    let (_, end) = world.sent.last().expect("the end");
    assert_eq!(end.message.purpose, Purpose::Recovery);
    assert_eq!(line(&end.message, "What"), "j failed, at first its data was refused");
    let taken_on = line(&end.message, "Taken on");
    assert!(taken_on.ends_with(", Thu 2026-11-26 12:10"), "{taken_on}");
}
