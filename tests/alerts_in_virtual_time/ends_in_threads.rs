//! The end of an incident stands in each conversation in which it was told: to mail programs, and to pagers that open an
//! alert for each, one that has no end is still going on.

use std::collections::{BTreeMap, BTreeSet};

use freshd::model::Purpose;

use super::delivery::{OPS, busy, no_such_address};
use super::virtual_world::{Play, World};
use super::{NO_PROOFS, PEOPLE, failing, one_job};

const A: &str = "mail:a@sea.example";
const CHIEF: &str = "mail:chief@sea.example";
const FALLBACK: &str = "mail:it@sea.example";

/// What each address took in each thread of incident 1.
fn threads(world: &World) -> BTreeMap<(String, &str), Vec<Purpose>> {
    let mut threads: BTreeMap<(String, &str), Vec<Purpose>> = BTreeMap::new();
    for (_, sent) in &world.sent {
        if sent.incident.is_some_and(|incident| incident.0 == 1) {
            let side = if sent.message.is_impact() { "reader" } else { "owner" };
            let thread = threads.entry((sent.address.to_string(), side)).or_default();
            thread.push(sent.message.purpose);
        }
    }
    threads
}

/// Each thread has exactly one end, which is its last message.
fn each_ends_once(world: &World, context: &str) {
    for (thread, purposes) in threads(world) {
        let ends = purposes.iter().filter(|purpose| **purpose == Purpose::Recovery).count();
        assert_eq!(ends, 1, "{context}: {thread:?}: {purposes:?}");
        assert_eq!(purposes.last(), Some(&Purpose::Recovery), "{context}: {thread:?}");
        assert!(purposes.len() > 1, "{context}: an end of nothing: {thread:?}");
    }
}

fn of(world: &World, to: &str) -> BTreeSet<&'static str> {
    let threads = threads(world).into_keys();
    let sides = threads.filter(|(address, _)| address == to);
    sides
        .map(|(_, side)| if side == "reader" { "reader" } else { "owner" })
        .collect()
}

fn mend(world: &mut World, until: &str) {
    world.script("j", |_, now| Play::writes("y", now));
    world.run("j");
    world.run_until(until);
}

#[test]
fn a_later_owner_and_whom_its_chain_told_hear_of_the_end_where_they_were_told() {
    let chain = format!("notify = [\"{A}\"]\nescalate = [{{ after = \"1h\", notify = [\"{CHIEF}\"] }}]");
    let text = one_job("").replacen(&format!("notify = [\"{A}\"]"), &chain, 1);
    for crashes in [false, true] {
        let mut world = failing(&text, "2026-11-26T12:00");
        world.run_until("2026-11-26T12:10");
        world.reload(&text.replace("[jobs.j]\nowner = \"ops\"", "[jobs.j]\nowner = \"a\""));
        world.run_until("2026-11-26T13:20");
        if crashes {
            world.crash();
            world.restart();
        }
        world.script("j", |_, _| Play::succeeds());
        world.run("j");
        world.run_until("2026-11-26T13:30");
        each_ends_once(&world, "a later owner");
        let told = threads(&world);
        let at_a = [Purpose::Opening, Purpose::Reminder, Purpose::Recovery];
        assert_eq!(told[&(A.to_owned(), "owner")], at_a, "crashes: {crashes}");
        let at_chief = [Purpose::Escalation, Purpose::Recovery];
        assert_eq!(told[&(CHIEF.to_owned(), "owner")], at_chief, "crashes: {crashes}");
        assert_eq!(of(&world, OPS), ["owner"].into());
    }
}

/// `j` of `ops` makes `d`, which `a` reads and which is too old at 12:30; the job fails at 12:10.
fn read_by_a() -> String {
    format!(
        "{PEOPLE}{NO_PROOFS}[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\nconsumers = [\"a\"]\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n"
    )
}

fn fails(world: &mut World, until: &str) {
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until(until);
}

#[test]
fn a_fallback_that_stands_in_for_owner_and_reader_hears_of_the_end_in_both_threads() {
    for crashes in [false, true] {
        let mut world = World::start(&read_by_a(), "2026-11-26T12:00");
        for to in [OPS, A] {
            world.channel(to, |_, _| no_such_address());
        }
        fails(&mut world, "2026-11-26T12:40");
        if crashes {
            world.crash();
            world.restart();
            for to in [OPS, A] {
                world.channel(to, |_, _| no_such_address());
            }
        }
        mend(&mut world, "2026-11-26T12:50");
        each_ends_once(&world, "stands in for both");
        for to in [FALLBACK, "pager"] {
            assert_eq!(of(&world, to), ["owner", "reader"].into(), "{to}, crashes: {crashes}");
        }
    }
}

#[test]
fn a_reader_that_came_to_answer_hears_of_the_end_in_both_threads() {
    let mut world = World::start(&read_by_a(), "2026-11-26T12:00");
    fails(&mut world, "2026-11-26T12:40");
    world.reload(&read_by_a().replace("[jobs.j]\nowner = \"ops\"", "[jobs.j]\nowner = \"a\""));
    world.run_until("2026-11-26T12:45");
    mend(&mut world, "2026-11-26T12:50");
    each_ends_once(&world, "came to answer");
    assert_eq!(of(&world, A), ["owner", "reader"].into());
}

#[test]
fn of_what_was_over_before_anything_was_taken_one_end_is_enough() {
    let mut world = World::start(&read_by_a(), "2026-11-26T12:00");
    world.channel(A, |_, now| busy(now));
    fails(&mut world, "2026-11-26T12:32");
    mend(&mut world, "2026-11-26T12:34");
    world.channel(A, |_, _| freshd::model::DeliveryOutcome::Accepted);
    world.run_until("2026-11-26T13:00");
    assert_eq!(world.told_to(A), [Purpose::Recovery]);
}

#[test]
fn a_fallback_is_told_what_has_become_of_it_by_one_message() {
    let mut world = World::start(&read_by_a(), "2026-11-26T12:00");
    world.channel(OPS, |_, now| busy(now));
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T12:26");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    // Told as failed at 12:27, as critical at 12:30.
    world.run_until("2026-11-26T12:45");
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let heard: Vec<_> = sent.filter(|sent| sent.address.to_string() == FALLBACK).collect();
    assert_eq!(world.told_to(FALLBACK), [Purpose::Opening]);
    let message = &heard[0].message;
    assert!(
        message.headline.starts_with("CRITICAL: d is stale: "),
        "{}",
        message.headline
    );
    assert_eq!(message.facts[0].label, "Instead of");
    assert_eq!(message.subject, "[freshd] j failed (#1)", "it begins the thread");
}
