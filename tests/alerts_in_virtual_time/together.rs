//! One mail server that is gone: the troubles of its addresses are one message of the fallback.

use std::time::Duration;

use freshd::model::{DeliveryOutcome, ProblemKind, Purpose};

use super::delivery::{OPS, no_such_address};
use super::digests::{heard, named, taken};
use super::virtual_world::{Play, World};
use super::{NO_PROOFS, failing, one_job};

const FALLBACK: &str = "mail:it@sea.example";

fn address(number: usize) -> String {
    format!("mail:crew{number}@sea.example")
}

/// One job of `ops`, who are told at six addresses.
fn six_addresses() -> String {
    let six: Vec<String> = (0..6).map(|number| format!("\"{}\"", address(number))).collect();
    one_job("").replace("\"mail:ops@sea.example\"", &six.join(", ")) + NO_PROOFS
}

/// All of the six refuse what they are given, in turns of seven seconds.
fn refused(text: &str) -> World {
    let mut world = failing(text, "2026-11-26T12:00");
    for number in 0..6 {
        world.channel(&address(number), |_, _| no_such_address());
    }
    world
}

#[test]
fn six_addresses_that_are_refused_at_once_are_one_message_and_so_are_their_reminders() {
    let mut world = refused(&six_addresses());
    world.run_until("2026-11-26T12:50");
    let first = ("12:01:05".to_owned(), Purpose::Opening);
    let second = ("12:02:05".to_owned(), Purpose::Digest);
    assert_eq!(heard(&world, FALLBACK), [first, second]);
    let sent = taken(&world, FALLBACK);
    assert_eq!(named(sent[1].1).len(), 6);
    let message = &sent[1].1.message;
    let second_of = |number| format!("{} cannot be reached", address(number));
    let named_first = (0..6).filter(|number| message.subject.contains(&second_of(*number)));
    assert_eq!(named_first.count(), 2, "{}", message.subject);
    assert!(message.subject.starts_with("[freshd] 6 problems: ") && message.subject.ends_with("; and 4 more"));
    for number in 0..6 {
        let text = format!("{} cannot be reached", address(number));
        let has = message.incidents.iter().any(|line| line.text.contains(&text));
        assert!(has, "{text}: {:?}", message.incidents);
    }
    world.run_until("2026-11-26T13:30");
    let last = heard(&world, FALLBACK).split_off(2);
    let expected = [("13:01:05", Purpose::Reminder), ("13:02:05", Purpose::Digest)];
    assert_eq!(last, expected.map(|(at, why)| (at.to_owned(), why)));
}

#[test]
fn who_heard_of_them_in_one_is_told_of_what_comes_next_at_once() {
    for crashes in [false, true] {
        let mut world = refused(&six_addresses());
        world.run_until("2026-11-26T12:03");
        if crashes {
            world.crash();
            world.restart();
        }
        world.channel(&address(3), |_, _| DeliveryOutcome::Accepted);
        world.script("j", |_, _| Play::succeeds());
        world.run("j");
        world.run_until("2026-11-26T12:05");
        let last: Vec<Purpose> = heard(&world, FALLBACK)
            .split_off(2)
            .into_iter()
            .map(|(_, why)| why)
            .collect();
        // Of the job, and of the one address that works again.
        assert_eq!(last, [Purpose::Recovery, Purpose::Recovery], "crashes: {crashes}");
    }
}

#[test]
fn troubles_that_begin_one_after_the_other_within_the_wait_are_one_message() {
    let mut world = failing(&six_addresses(), "2026-11-26T12:00");
    for number in 0..6 {
        world.channel(&address(number), move |_, now| {
            let since = super::virtual_world::at("2026-11-26T12:01") + Duration::from_secs(7 * number as u64);
            match now < since {
                true => super::delivery::busy(now),
                false => no_such_address(),
            }
        });
    }
    world.run_until("2026-11-26T12:50");
    let sent = taken(&world, FALLBACK);
    let told = sent.iter().map(|(_, one)| (one.message.purpose, named(one).len()));
    let broken = world
        .incidents()
        .into_iter()
        .filter(|one| one.kind == ProblemKind::ChannelBroken)
        .count();
    assert_eq!(broken, 6);
    let expected = [(Purpose::Opening, 1), (Purpose::Digest, 6)];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn one_address_that_is_refused_is_told_as_ever() {
    let mut world = failing(&(one_job("") + NO_PROOFS), "2026-11-26T12:00");
    world.channel(OPS, |_, _| no_such_address());
    world.run_until("2026-11-26T12:30");
    let openings = [("12:01:05", Purpose::Opening), ("12:02:05", Purpose::Opening)];
    assert_eq!(heard(&world, FALLBACK), openings.map(|(at, why)| (at.to_owned(), why)));
}
