//! Two teams that are told at one address: that one of them knows says nothing of the other.

use freshd::model::{DeliveryOutcome, Notification, Purpose, Reach};

use super::delivery::{OPS, busy, no_such_address};
use super::virtual_world::{Play, World};
use super::{NO_PROOFS, PEOPLE};

const C: &str = "mail:c@sea.example";
const FALLBACK: &str = "mail:it@sea.example";

/// `j` of `ops` makes `d`, which `a` reads; both teams have one mailbox.
fn one_mailbox(readers: &str) -> String {
    let people = PEOPLE.replace("mail:a@sea.example", OPS);
    format!(
        "{people}{NO_PROOFS}[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\nconsumers = [{readers}]\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n"
    )
}

/// The job has failed at 12:10, and the data is too old from 12:30 on. What the mailbox does with messages for one of the
/// teams is given.
fn story(team: &'static str, answer: fn() -> DeliveryOutcome) -> World {
    let mut world = World::start(&one_mailbox("\"a\""), "2026-11-26T12:00");
    refuse(&mut world, team, answer);
    world.script("j", |_, now| Play::writes("once", now));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    world.script("j", |_, _| Play::fails(1, "no route to host"));
    world.run("j");
    world.run_until("2026-11-26T12:32");
    world
}

fn refuse(world: &mut World, team: &'static str, answer: fn() -> DeliveryOutcome) {
    world.channel(OPS, move |sent, _| match sent.message.team.as_str() == team {
        true => answer(),
        false => DeliveryOutcome::Accepted,
    });
}

fn to_fallback(world: &World) -> Vec<&Notification> {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    sent.filter(|sent| sent.address.to_string() == FALLBACK).collect()
}

#[test]
fn a_team_is_stood_in_for_though_another_one_is_told_where_it_is() {
    for crashes in [false, true] {
        let is_busy = || busy(jiff::Timestamp::UNIX_EPOCH);
        let mut world = story("a", is_busy);
        assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Update]);
        if crashes {
            world.crash();
            world.restart();
            refuse(&mut world, "a", is_busy);
        }
        let status = world.status("j");
        let addresses = status["incidents"][0]["addresses"].as_array().expect("addresses");
        let of = |team: &str| addresses.iter().find(|one| one["team"] == team).expect(team);
        assert_eq!(of("ops")["state"], "told", "crashes: {crashes}");
        assert_eq!(of("a")["state"], "not_yet", "crashes: {crashes}");
        let incident = world.incidents().remove(0);
        let on_record = world.reader().addresses_of(&incident).expect("read");
        let states: Vec<_> = on_record.iter().map(|one| (one.team.as_str(), one.state)).collect();
        assert_eq!(states, [("ops", Reach::Told), ("a", Reach::NotYet)]);
        world.run_until("2026-11-26T12:40");
        let heard = to_fallback(&world);
        let purposes: Vec<_> = heard.iter().map(|sent| sent.message.purpose).collect();
        assert_eq!(purposes, [Purpose::Impact], "crashes: {crashes}");
        let instead_of = &heard[0].message.facts[0].text;
        assert!(
            instead_of.starts_with("a, whom this has not reached since ")
                || instead_of.starts_with("a, whom nothing has reached since "),
            "{instead_of}"
        );
        // Of the two it is the one whose fallback has heard of it.
        let status = world.status("j");
        let addresses = status["incidents"][0]["addresses"].as_array().expect("addresses");
        let stands_in = addresses
            .iter()
            .find(|one| one["to"] == FALLBACK)
            .expect("it stands in");
        assert_eq!((&stands_in["team"], &stands_in["state"]), (&"a".into(), &"told".into()));
    }
}

#[test]
fn readers_hear_that_the_owner_has_been_told_by_what_the_owner_has_taken() {
    for crashes in [false, true] {
        let mut world = story("ops", no_such_address);
        assert_eq!(world.told_to(OPS), [Purpose::Impact], "that is for the readers");
        if crashes {
            world.crash();
            world.restart();
            refuse(&mut world, "ops", no_such_address);
        }
        world.reload(&one_mailbox("\"a\", \"c\""));
        world.run_until("2026-11-26T12:35");
        let mut sent = world.sent.iter().map(|(_, sent)| sent);
        let to_c = sent.find(|sent| sent.address.to_string() == C).expect("a message");
        let headline = &to_c.message.headline;
        assert!(
            headline.ends_with(" ops answers for it and could not be told: the fallback stands in."),
            "crashes: {crashes}: {headline}"
        );
    }
}
