//! The fallback stands in for a team: which messages it gets, whose they are, and what they say of that.

use std::collections::BTreeSet;

use freshd::model::{Action, DeliveryOutcome, IncidentId, Message, Notification, NotificationState, Purpose, Request};

use super::delivery::{OPS, busy, mend, no_such_address};
use super::resend::resend;
use super::virtual_world::{Play, World};
use super::{NO_PROOFS, PEOPLE, failing, one_job};

const A: &str = "mail:a@sea.example";
const C: &str = "mail:c@sea.example";
const FALLBACK: &str = "mail:it@sea.example";

/// What an address took about incident 1.
fn taken<'a>(world: &'a World, to: &str) -> Vec<&'a Notification> {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let about_it = sent.filter(|sent| sent.incident == Some(IncidentId(1)));
    about_it.filter(|sent| sent.address.to_string() == to).collect()
}

fn purposes(world: &World, to: &str) -> Vec<Purpose> {
    taken(world, to).iter().map(|sent| sent.message.purpose).collect()
}

/// For whom a message is, and in whose stead it goes there.
fn whose(message: &Message) -> (&str, Option<&str>) {
    let stands_in_for = message.stands_in_for.as_ref().map(|team| team.as_str());
    (message.team.as_str(), stands_in_for)
}

/// `j` of `ops` makes `d`, which others read and which is too old at 12:30; the job fails at 12:10. Nobody but the fallback
/// can be reached.
fn read_by(readers: &str) -> World {
    let text = format!(
        "{PEOPLE}{NO_PROOFS}[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\nconsumers = [{readers}]\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n"
    );
    fails(&text)
}

fn fails(text: &str) -> World {
    let mut world = World::start(text, "2026-11-26T12:00");
    unreachable(&mut world);
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world
}

fn unreachable(world: &mut World) {
    for to in [OPS, A, C] {
        world.channel(to, |_, _| no_such_address());
    }
}

#[test]
fn of_what_was_over_before_the_fallback_took_it_the_end_is_enough() {
    for crashes in [false, true] {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        world.channel(OPS, |_, _| no_such_address());
        world.channel(FALLBACK, |_, now| busy(now));
        world.run_until("2026-11-26T12:02");
        if crashes {
            world.crash();
            world.restart();
            world.channel(OPS, |_, _| no_such_address());
            world.channel(FALLBACK, |_, now| busy(now));
        }
        mend(&mut world, "2026-11-26T12:03");
        world.channel(FALLBACK, |_, _| DeliveryOutcome::Accepted);
        world.run_until("2026-11-26T13:30");
        assert_eq!(purposes(&world, FALLBACK), [Purpose::Recovery], "crashes: {crashes}");
        let others = [Purpose::Opening, Purpose::Recovery];
        assert_eq!(purposes(&world, "pager"), others, "crashes: {crashes}");
    }
}

#[test]
fn every_message_to_whoever_stands_in_says_for_whom_and_each_thread_ends() {
    for crashes in [false, true] {
        let mut world = read_by("\"a\"");
        world.run_until("2026-11-26T13:20");
        if crashes {
            world.crash();
            world.restart();
            unreachable(&mut world);
        }
        world.script("j", |_, now| Play::writes("y", now));
        world.run("j");
        world.run_until("2026-11-26T13:30");
        for to in [FALLBACK, "pager"] {
            let told = taken(&world, to);
            let of = |team: &str| {
                let theirs = told.iter().filter(|sent| sent.told_for().as_str() == team);
                theirs.map(|sent| sent.message.purpose).collect::<Vec<_>>()
            };
            use Purpose::{Impact, Opening, Recovery, Reminder, Update};
            assert_eq!(of("ops"), [Opening, Update, Reminder, Recovery], "{to}, crashes: {crashes}");
            assert_eq!(of("a"), [Impact, Recovery], "{to}, crashes: {crashes}");
            for sent in told {
                let team = sent.told_for().as_str();
                assert_eq!(whose(&sent.message), ("fallback", Some(team)), "{:?}", sent.message);
                let facts = &sent.message.facts;
                let instead_of = facts.iter().filter(|fact| fact.label == "Instead of");
                let of: Vec<_> = instead_of.map(|fact| fact.text.starts_with(&format!("{team}, "))).collect();
                assert!(of.is_empty() || of == [true], "{facts:?}");
                assert_eq!(sent.message.zone.as_deref(), Some("Europe/Oslo (UTC+1)"));
            }
        }
    }
}
