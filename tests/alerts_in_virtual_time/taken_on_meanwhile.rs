//! Somebody takes an incident on, or has it no more, while a message about it waits: that is told in the words of now.

use std::time::Duration;

use freshd::model::{DeliveryOutcome, Notification, NotificationState, Purpose, Request};

use super::delivery::{OPS, busy, busy_until, mend, no_such_address};
use super::in_whose_stead::{data_read_by, fails_once_made};
use super::joined::line;
use super::virtual_world::{Crash, World, at, clock};
use super::{failing, one_job};

fn take_on(world: &mut World) {
    let id = world.open_incidents()[0].id;
    world.done(Request::ack(id));
}

fn taken<'a>(world: &'a World, to: &str) -> Vec<&'a Notification> {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    sent.filter(|sent| sent.address.to_string() == to).collect()
}

/// It says that somebody has it, and asks for nothing.
#[track_caller]
fn says_taken_on(sent: &Notification) {
    let message = &sent.message;
    assert!(line(sent, "Taken on").is_some(), "{:?}", message.facts);
    assert!(message.headline.contains("Taken on by"), "{}", message.headline);
    assert!(!message.offers_ack(), "{:?}", message.commands);
}

#[test]
fn an_opening_that_waits_says_who_has_taken_it_on_and_is_tried_no_sooner() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    busy_until(&mut world, "2026-11-26T12:10");
    world.run_until("2026-11-26T12:05");
    take_on(&mut world);
    world.run_until("2026-11-26T12:50");
    let told = taken(&world, OPS);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].message.purpose, Purpose::Opening);
    assert_eq!(told[0].message.subject, "[freshd] j failed (#1)", "it is no answer");
    says_taken_on(told[0]);
    let tries = world.tries.iter().filter(|(_, tried)| tried.address.to_string() == OPS);
    let tries: Vec<String> = tries.map(|(when, _)| clock(*when)).collect();
    assert_eq!(tries, ["12:01:05", "12:01:10", "12:01:40", "12:03:40", "12:13:40"]);
    let first = world
        .ledger
        .notifications
        .values()
        .find(|one| one.address.to_string() == OPS);
    assert_eq!(first.map(|one| one.state), Some(NotificationState::Collapsed));
}

#[test]
fn the_fallback_stands_in_at_its_time_for_an_opening_that_somebody_has_taken_on() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    busy_until(&mut world, "2026-11-26T12:50");
    world.run_until("2026-11-26T12:04");
    take_on(&mut world);
    world.run_until("2026-11-26T12:20");
    let fallback = "mail:it@sea.example";
    let told = world.sent.iter().find(|(_, sent)| sent.address.to_string() == fallback);
    let (when, sent) = told.expect("somebody stands in");
    assert_eq!(clock(*when), "12:06:05");
    says_taken_on(sent);
}

#[test]
fn what_waits_in_the_stead_of_a_team_is_told_anew_and_still_in_its_stead() {
    let fallback = "mail:it@sea.example";
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    for to in [OPS, fallback] {
        world.channel(to, |_, now| match now < at("2026-11-26T12:20") {
            true => busy(now),
            false => DeliveryOutcome::Accepted,
        });
    }
    world.run_until("2026-11-26T12:15");
    take_on(&mut world);
    world.run_until("2026-11-26T12:59");
    let told = taken(&world, fallback);
    assert_eq!(told.len(), 1, "{told:?}");
    says_taken_on(told[0]);
    let whose = line(told[0], "Instead of").expect("in whose stead");
    assert!(whose.starts_with("ops, whom nothing has reached"), "{whose}");
}

#[test]
fn a_reminder_that_waits_is_withdrawn() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:30");
    busy_until(&mut world, "2026-11-26T13:40");
    world.run_until("2026-11-26T13:10");
    take_on(&mut world);
    world.run_until("2026-11-26T14:50");
    assert_eq!(world.told_to(OPS), [Purpose::Opening]);
    mend(&mut world, "2026-11-26T15:00");
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Recovery]);
}

#[test]
fn a_reminder_that_would_be_the_first_word_is_told_as_an_opening() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, now| match () {
        () if now < at("2026-11-26T12:30") => no_such_address(),
        () if now < at("2026-11-26T13:20") => busy(now),
        () => DeliveryOutcome::Accepted,
    });
    world.run_until("2026-11-26T13:10");
    assert_eq!(world.tries.last().expect("a try").1.message.purpose, Purpose::Reminder);
    take_on(&mut world);
    world.run_until("2026-11-26T14:50");
    let told = taken(&world, OPS);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].message.purpose, Purpose::Opening);
    says_taken_on(told[0]);
}

#[test]
fn what_is_on_its_way_when_somebody_takes_it_on_is_told_anew_only_where_it_is_not_taken() {
    for is_taken in [true, false] {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        world.outside.thinks_for.insert(OPS.to_owned(), Duration::from_mins(2));
        if !is_taken {
            busy_until(&mut world, "2026-11-26T12:10");
        }
        world.run_until("2026-11-26T12:02");
        take_on(&mut world);
        world.run_until("2026-11-26T12:50");
        let told = taken(&world, OPS);
        assert_eq!(told.len(), 1, "{told:?}");
        match is_taken {
            true => assert!(told[0].message.offers_ack(), "what was sent was sent"),
            false => says_taken_on(told[0]),
        }
    }
}

#[test]
fn a_notice_that_waits_for_readers_says_who_has_taken_it_on() {
    let reader = "mail:a@sea.example";
    let mut world = World::start(&data_read_by("\"a\""), "2026-11-26T12:00");
    world.channel(reader, |_, now| match now < at("2026-11-26T12:50") {
        true => busy(now),
        false => DeliveryOutcome::Accepted,
    });
    fails_once_made(&mut world);
    world.run_until("2026-11-26T12:40");
    take_on(&mut world);
    world.run_until("2026-11-26T13:30");
    assert_eq!(world.told_to(reader), [Purpose::Impact]);
    says_taken_on(taken(&world, reader)[0]);
}

#[test]
fn what_waits_until_nobody_has_it_any_more_asks_again_and_its_link_works() {
    let mut world = failing(&one_job(""), "2026-11-26T06:00");
    busy_until(&mut world, "2026-11-26T08:10");
    world.run_until("2026-11-26T06:30");
    take_on(&mut world);
    world.run_until("2026-11-26T09:50");
    let first = taken(&world, OPS)[0].clone();
    assert_eq!(first.message.purpose, Purpose::Opening);
    assert_eq!(line(&first, "Taken on"), None);
    assert!(first.message.offers_ack());
    let incident = &world.open_incidents()[0];
    assert!(!incident.has_used(first.id), "{:?}", incident.links_used);
}

#[test]
fn a_crash_at_any_commit_leaves_one_message_in_the_words_of_now() {
    let begin = || {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        busy_until(&mut world, "2026-11-26T12:10");
        world.run_until("2026-11-26T12:05");
        take_on(&mut world);
        world
    };
    let mut undisturbed = begin();
    let before = undisturbed.commits;
    undisturbed.run_until("2026-11-26T12:50");
    for side in [Crash::Before, Crash::After, Crash::Acted] {
        for commit in before + 1..=undisturbed.commits {
            let mut world = begin();
            world.crash_at = Some((commit, side));
            world.run_until("2026-11-26T12:50");
            // After a crash it may come twice, under the same id.
            let told = taken(&world, OPS);
            assert!(
                !told.is_empty() && told.iter().all(|sent| sent.id == told[0].id),
                "{side:?} {commit}"
            );
            says_taken_on(told[0]);
        }
    }
}
