//! A mail server that was away answers again: what waits for any of its addresses is tried at once, and only that.

use freshd::model::DeliveryOutcome;
use jiff::Timestamp;

use super::NO_PROOFS;
use super::virtual_world::{Play, World, at, clock};

const A: &str = "mail:a@sea.example";
const B: &str = "mail:b@sea.example";
const ELSEWHERE: &str = "other:c@sea.example";

/// Three jobs, each of another team: two of them are told through one server, by two channels, the third through another.
fn company() -> String {
    let team = |name: &str, notify: &str| {
        format!("[teams.{name}]\nnotify = [\"{notify}\"]\n[jobs.j{name}]\nowner = \"{name}\"\ncommand = \"true\"\n")
    };
    let channel = |name: &str, server: &str| {
        format!("[channels.{name}]\ntype = \"email\"\nserver = \"smtps://{server}\"\nfrom = \"f@sea.example\"\n")
    };
    format!(
        "{NO_PROOFS}[fallback]\nnotify = [\"log\"]\n[channels.log]\ntype = \"file\"\ndir = \"outbox\"\n{}{}{}{}{}{}",
        channel("mail", "mail.sea.example"),
        channel("post", "mail.sea.example:465"),
        channel("other", "mail.elsewhere.example"),
        team("a", A),
        team("b", B),
        team("c", ELSEWHERE),
    )
}

fn away(_: Timestamp) -> DeliveryOutcome {
    DeliveryOutcome::Unreachable {
        error: "connection refused".to_owned(),
    }
}

fn busy(_: Timestamp) -> DeliveryOutcome {
    DeliveryOutcome::Temporary {
        error: "450 mailbox busy".to_owned(),
        retry_after_seconds: None,
    }
}

fn until(world: &mut World, address: &str, until: &'static str, says: fn(Timestamp) -> DeliveryOutcome) {
    world.channel(address, move |_, now| match now < at(until) {
        true => says(now),
        false => DeliveryOutcome::Accepted,
    });
}

fn fails(world: &mut World, job: &str) {
    world.script(job, |_, _| Play::fails(1, ""));
    world.run(job);
}

fn taken(world: &World, address: &str) -> Vec<String> {
    let sent = world
        .sent
        .iter()
        .filter(|(_, sent)| sent.address.to_string() == address);
    sent.map(|(at, _)| clock(*at)).collect()
}

/// Since noon nothing was taken. At 13:00 everything is in order again; `b` is tried next well after that, and before
/// that job `ja` fails.
fn story(says: fn(Timestamp) -> DeliveryOutcome, crashes: bool) -> World {
    let mut world = World::start(&company(), "2026-11-26T12:00");
    let refuse = |world: &mut World| {
        until(world, B, "2026-11-26T13:00", says);
        until(world, ELSEWHERE, "2026-11-26T13:00", says);
    };
    refuse(&mut world);
    fails(&mut world, "jb");
    fails(&mut world, "jc");
    world.run_until("2026-11-26T13:01");
    if crashes {
        world.crash();
        world.restart();
        refuse(&mut world);
    }
    assert!(taken(&world, B).is_empty(), "the next try is later");
    fails(&mut world, "ja");
    world.run_until("2026-11-26T13:04");
    assert_eq!(taken(&world, A).len(), 1);
    world
}

#[test]
fn what_waits_for_a_server_is_tried_as_soon_as_it_answers_anybody() {
    for crashes in [false, true] {
        let world = story(away, crashes);
        let (a, b) = (taken(&world, A), taken(&world, B));
        assert_eq!(b.len(), 1, "crashes: {crashes}");
        assert_eq!(a, b, "at once, crashes: {crashes}");
        assert!(
            taken(&world, ELSEWHERE).is_empty(),
            "another server's answer says nothing"
        );
    }
}

#[test]
fn what_an_address_was_refused_waits_by_its_own_although_its_server_answers() {
    let world = story(busy, false);
    assert!(taken(&world, B).is_empty());
}

#[test]
fn a_server_that_refuses_one_address_answers() {
    let mut world = World::start(&company(), "2026-11-26T12:00");
    until(&mut world, B, "2026-11-26T13:00", away);
    world.channel(A, |_, now| busy(now));
    fails(&mut world, "jb");
    world.run_until("2026-11-26T13:01");
    fails(&mut world, "ja");
    world.run_until("2026-11-26T13:03");
    assert_eq!(taken(&world, B).len(), 1);
}

#[test]
fn a_server_that_is_away_again_for_one_address_is_tried_there_no_more_often_than_it_answers() {
    let mut world = World::start(&company(), "2026-11-26T12:00");
    world.channel(B, |_, now| away(now));
    fails(&mut world, "jb");
    world.run_until("2026-11-26T13:01");
    let tries = |world: &World| {
        world
            .tries
            .iter()
            .filter(|(_, one)| one.address.to_string() == B)
            .count()
    };
    let before = tries(&world);
    fails(&mut world, "ja");
    world.run_until("2026-11-26T13:04");
    assert_eq!(tries(&world), before + 1);
}
