//! A mail server that was away answers again: what waits for any of its addresses is tried at once, and only that.

use std::time::Duration;

use freshd::model::{DeliveryOutcome, Request, elapsed};
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

fn is_well(world: &mut World, job: &str) {
    world.script(job, |_, _| Play::succeeds());
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

#[test]
fn what_never_left_the_machine_says_nothing_of_the_server() {
    let mut world = World::start(&company(), "2026-11-26T12:00");
    until(&mut world, B, "2026-11-26T13:00", away);
    world.channel(A, |_, _| DeliveryOutcome::Unsent {
        error: "ca file ca.pem: no such file".to_owned(),
    });
    fails(&mut world, "jb");
    world.run_until("2026-11-26T13:01");
    fails(&mut world, "ja");
    world.run_until("2026-11-26T13:04");
    assert!(taken(&world, B).is_empty());
}

fn tries_at(world: &World, address: &str) -> Vec<Timestamp> {
    let tries = world.tries.iter().filter(|(_, one)| one.address.to_string() == address);
    tries.map(|(at, _)| *at).collect()
}

/// The first try at `b` hangs for ten minutes and meets nobody; meanwhile `a` is told through the same server.
fn hangs_meanwhile(back_for_b: &'static str) -> Vec<Timestamp> {
    let mut world = World::start(&company(), "2026-11-26T12:00");
    until(&mut world, B, back_for_b, away);
    world.outside.thinks_for.insert(B.to_owned(), Duration::from_mins(10));
    fails(&mut world, "jb");
    world.run_until("2026-11-26T12:05");
    fails(&mut world, "ja");
    world.run_until("2026-11-26T12:50");
    assert_eq!(taken(&world, A).len(), 1);
    tries_at(&world, B)
}

#[test]
fn a_try_that_began_before_its_server_was_back_is_made_again_at_once() {
    let tries = hangs_meanwhile("2026-11-26T12:05");
    assert_eq!(tries.len(), 2, "the second is taken");
    assert_eq!(elapsed(tries[0], tries[1]), Duration::from_mins(10));
}

#[test]
fn a_try_made_again_at_once_that_meets_nobody_waits_like_any_other() {
    let tries = hangs_meanwhile("2026-11-27T00:00");
    assert_eq!(elapsed(tries[0], tries[1]), Duration::from_mins(10));
    assert!(elapsed(tries[1], tries[2]) > Duration::from_mins(10), "{tries:?}");
}

#[test]
fn a_server_that_answers_twice_has_a_try_that_meets_nobody_made_again_at_once_only_once() {
    let mut world = World::start(&company(), "2026-11-26T12:00");
    world.channel(B, |_, now| away(now));
    world.outside.thinks_for.insert(B.to_owned(), Duration::from_mins(10));
    fails(&mut world, "jb");
    world.run_until("2026-11-26T12:05");
    fails(&mut world, "ja");
    world.run_until("2026-11-26T12:14");
    is_well(&mut world, "ja");
    world.run_until("2026-11-26T12:50");
    assert_eq!(
        taken(&world, A),
        ["12:06:05", "12:14:05"],
        "an answer in each of the first two tries"
    );
    let tries = tries_at(&world, B);
    assert_eq!(elapsed(tries[0], tries[1]), Duration::from_mins(10));
    assert!(elapsed(tries[1], tries[2]) > Duration::from_mins(10), "{tries:?}");
}

#[test]
fn a_path_that_takes_nothing_beside_one_that_takes_all_goes_by_its_own_times() {
    for crashes in [false, true] {
        let mut world = World::start(&company(), "2026-11-26T12:00");
        world.channel(B, |_, now| away(now));
        fails(&mut world, "jb");
        world.run_until("2026-11-26T13:01");
        let before = tries_at(&world, B).len();
        fails(&mut world, "ja");
        world.run_until("2026-11-26T13:04");
        assert_eq!(tries_at(&world, B).len(), before + 1, "its server has answered");
        if crashes {
            world.crash();
            world.restart();
            world.channel(B, |_, now| away(now));
        }
        is_well(&mut world, "ja");
        world.run_until("2026-11-26T13:30");
        assert_eq!(taken(&world, A).len(), 2);
        assert_eq!(tries_at(&world, B).len(), before + 1, "twice, crashes: {crashes}");
        // Then it is tried at its own time, and by the next answer.
        world.run_until("2026-11-26T14:15");
        assert_eq!(tries_at(&world, B).len(), before + 2);
        fails(&mut world, "ja");
        world.run_until("2026-11-26T14:20");
        assert_eq!(tries_at(&world, B).len(), before + 3);
    }
}

/// `b` was refused for an hour; a minute later somebody tries out `a`, which answers so.
fn tried_out(says: DeliveryOutcome) -> Vec<String> {
    let mut world = World::start(&company(), "2026-11-26T12:00");
    until(&mut world, B, "2026-11-26T13:00", busy);
    until(&mut world, ELSEWHERE, "2026-11-26T13:00", busy);
    fails(&mut world, "jb");
    fails(&mut world, "jc");
    world.run_until("2026-11-26T13:01");
    world.channel(A, move |_, _| says.clone());
    world.ask_and_hear_nothing(Request::NotifyTest {
        team: Some("a".into()),
        channel: None,
    });
    world.run_until("2026-11-26T13:03");
    assert!(taken(&world, ELSEWHERE).is_empty());
    taken(&world, B)
}

#[test]
fn what_a_mail_server_refused_for_a_while_is_tried_once_a_test_of_it_is_taken() {
    let first = |says| tried_out(says).into_iter().next();
    assert_eq!(first(DeliveryOutcome::Accepted).as_deref(), Some("13:01:00"));
    assert_eq!(first(busy(Timestamp::UNIX_EPOCH)), None);
}
