//! Edits of jobs.toml while something is wrong: who is told from then on, and in what words it ends.

use std::time::Duration;

use freshd::model::{DeliveryOutcome, Purpose};
use jiff::Timestamp;

use super::delivery::{OPS, busy, busy_until, no_such_address};
use super::ends_that_wait::{broken, chain, waiting_for_e};
use super::virtual_world::{Play, World};
use super::{failing, one_job};

pub(super) const FALLBACK: &str = "mail:it@sea.example";
const OTHER: &str = "other:x";

/// One job of `ops`, who are told at a channel of their own too.
fn two_channels() -> String {
    let other = "[channels.other]\ntype = \"file\"\ndir = \"other\"\n";
    one_job("").replace("[teams.ops]\nnotify = [", "[teams.ops]\nnotify = [\"other:x\", ") + other
}

pub(super) fn mend(world: &mut World, until: &str) {
    world.script("j", |_, _| Play::succeeds());
    world.run("j");
    world.run_until(until);
}

fn last_headline(world: &World, address: &str) -> String {
    let mut sent = world.sent.iter().rev().map(|(_, sent)| sent);
    let last = sent.find(|sent| sent.address.to_string() == address);
    last.expect("a message").message.headline.clone()
}

#[test]
fn what_a_removed_address_never_took_and_the_team_has_heard_goes_to_nobody_else() {
    for opening in [DeliveryOutcome::Accepted, busy(Timestamp::UNIX_EPOCH)] {
        let mut world = failing(&two_channels(), "2026-11-26T12:00");
        world.channel(OTHER, move |_, _| opening.clone());
        world.run_until("2026-11-26T12:10");
        assert_eq!(world.told_to(OPS), [Purpose::Opening]);
        world.reload(&one_job(""));
        // It is no longer known how to send to it.
        world.channel(OTHER, |_, _| no_such_address());
        world.run_until("2026-11-26T13:30");
        mend(&mut world, "2026-11-26T13:40");
        let heard = [Purpose::Opening, Purpose::Reminder, Purpose::Recovery];
        assert_eq!(world.told_to(OPS), heard);
        assert_eq!(world.told_to(FALLBACK), []);
    }
}

#[test]
fn what_a_removed_address_never_took_goes_to_the_fallback_where_the_team_has_no_other() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, now| busy(now));
    world.run_until("2026-11-26T12:03");
    let gone = one_job("").replace("owner = \"ops\"", "owner = \"nobody\"");
    world.reload(&gone.replace("[teams.ops]\nnotify = [\"mail:ops@sea.example\"]\n", ""));
    world.channel(OPS, |_, _| no_such_address());
    world.run_until("2026-11-26T13:30");
    assert_eq!(world.told_to(FALLBACK).first(), Some(&Purpose::Opening));
}

#[test]
fn a_team_that_is_told_elsewhere_is_told_there_from_then_on() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:10");
    world.reload(&one_job("").replace("mail:ops@", "mail:crew@"));
    world.run_until("2026-11-26T12:20");
    let crew = "mail:crew@sea.example";
    assert_eq!(world.told_to(crew), [Purpose::Opening]);
    world.run_until("2026-11-26T13:30");
    assert_eq!(world.told_to(OPS), [Purpose::Opening], "nobody reads it any more");
    mend(&mut world, "2026-11-26T13:40");
    let whole = [Purpose::Opening, Purpose::Reminder, Purpose::Recovery];
    assert_eq!(world.told_to(crew), whole);
    assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Recovery]);
}

#[test]
fn what_waits_for_an_address_that_is_no_longer_the_teams_is_not_sent() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    busy_until(&mut world, "2026-11-26T12:30");
    world.run_until("2026-11-26T12:03");
    world.reload(&one_job("").replace("mail:ops@", "mail:crew@"));
    world.run_until("2026-11-26T13:50");
    let crew = "mail:crew@sea.example";
    assert_eq!(world.told_to(crew), [Purpose::Opening, Purpose::Reminder]);
    assert_eq!(world.told_to(OPS), [], "nobody reads it any more");
}

#[test]
fn the_end_waits_for_an_address_that_was_told_and_is_no_longer_the_teams() {
    let two = one_job("") + "[jobs.k]\nowner = \"ops\"\ncommand = \"true\"\n";
    let mut world = failing(&two, "2026-11-26T12:00");
    world.run_until("2026-11-26T12:03");
    busy_until(&mut world, "2026-11-26T13:40");
    // Two messages are not taken: what comes later waits.
    world.script("k", |_, _| Play::fails(1, ""));
    world.run("k");
    world.run_until("2026-11-26T13:03");
    // Another team is told there from now on, so that the address stays known to take nothing.
    let elsewhere = two.replace("mail:ops@", "mail:crew@");
    world.reload(&elsewhere.replace("mail:a@sea.example", OPS));
    world.run_until("2026-11-26T13:05");
    mend(&mut world, "2026-11-26T13:10");
    world.run_until("2026-11-26T15:30");
    let told = world.told_to(OPS);
    assert_eq!(told[..2], [Purpose::Opening, Purpose::Recovery], "{told:?}");
}

#[test]
fn the_trouble_of_an_address_that_is_removed_is_closed_and_not_resolved() {
    let mut world = failing(&two_channels(), "2026-11-26T12:00");
    world.channel(OTHER, |_, _| no_such_address());
    world.run_until("2026-11-26T12:10");
    let broken = world.open_incidents();
    assert!(broken.iter().any(|one| one.subject.as_str() == OTHER), "{broken:?}");
    world.reload(&one_job(""));
    world.run_until("2026-11-26T12:20");
    assert_eq!(
        last_headline(&world, FALLBACK),
        "CLOSED after 8m 55s: other:x is no longer in jobs.toml, so freshd no longer watches it."
    );
    is_closed(&world, OTHER);
}

/// Both records say that the last incident about a subject was closed.
fn is_closed(world: &World, subject: &str) {
    let incidents = world.incidents();
    let last = incidents.iter().rfind(|one| one.subject.as_str() == subject);
    let last = last.expect("an incident");
    assert_eq!(last.state_word(), "closed", "{last:?}");
}

#[test]
fn what_an_edit_ends_is_not_said_to_work_again() {
    let data = "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\n";
    let promised = one_job("produces = \"d\"") + data;
    for (edited, subject, words) in [
        (
            one_job("enabled = false"),
            "j",
            "CLOSED after 9m 55s: j is switched off in jobs.toml.",
        ),
        (
            one_job("alert = \"breach\""),
            "j",
            "CLOSED after 9m 55s: j is told of at a breach only, as jobs.toml says now.",
        ),
    ] {
        let mut world = failing(&one_job(""), "2026-11-26T12:00");
        world.run_until("2026-11-26T12:10");
        world.reload(&edited);
        world.run_until("2026-11-26T12:20");
        assert_eq!(last_headline(&world, OPS), words);
        is_closed(&world, subject);
    }
    let mut world = World::start(&(promised.clone() + "max_age = \"1h\"\n"), "2026-11-26T12:00");
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T13:10");
    world.reload(&promised);
    world.run_until("2026-11-26T13:20");
    assert_eq!(
        last_headline(&world, OPS),
        "CLOSED after 10m: d promises nothing any more, as jobs.toml says now."
    );
    is_closed(&world, "d");
}

const READER: &str = "mail:a@sea.example";
const MOVED: &str = "mail:moved@sea.example";

/// `j` of `ops` makes `d`, which `a` reads; it has failed at 12:10, and `d` is too old from 12:30 on.
fn read_by_a(more: &str) -> (String, World) {
    let text = format!(
        "{}{more}[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\nconsumers = [\"a\"]\n",
        one_job("produces = \"d\"")
    );
    let mut world = World::start(&text, "2026-11-26T12:00");
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T12:10");
    world.script("j", |_, _| Play::fails(1, ""));
    world.run("j");
    world.run_until("2026-11-26T12:40");
    (text, world)
}

fn write(world: &mut World, until: &str) {
    world.script("j", |_, now| Play::writes("y", now));
    world.run("j");
    world.run_until(until);
}

#[test]
fn readers_who_are_told_elsewhere_are_told_there_and_of_the_end_at_both() {
    let (text, mut world) = read_by_a("");
    assert_eq!(world.told_to(READER), [Purpose::Impact]);
    world.reload(&text.replace(READER, MOVED));
    world.run_until("2026-11-26T12:50");
    assert_eq!(world.told_to(MOVED), [Purpose::Impact]);
    // One address more hears of it, and the others not again.
    world.reload(
        &text
            .replace(&format!("\"{READER}\""), &format!("\"{MOVED}\", \"{OTHER}\""))
            .replace(
                "[jobs.j]",
                "[channels.other]\ntype = \"file\"\ndir = \"other\"\n[jobs.j]",
            ),
    );
    write(&mut world, "2026-11-26T13:00");
    for to in [READER, MOVED, OTHER] {
        assert_eq!(world.told_to(to), [Purpose::Impact, Purpose::Recovery], "{to}");
    }
}

#[test]
fn a_new_owner_hears_nothing_of_what_the_same_edit_ends() {
    let text = one_job("produces = \"d\"")
        + "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\n\
           [datasets.e]\nowner = \"a\"\nfile = \"e\"\nmax_age = \"35m\"\n\
           [jobs.k]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"d\"]\nproduces = \"e\"\n";
    let mut world = World::start(&text, "2026-11-26T12:00");
    for job in ["j", "k"] {
        world.script(job, |_, now| Play::writes("x", now));
        world.run(job);
        world.run_until_instant(world.now.wall + jiff::SignedDuration::from_secs(5));
    }
    world.run_until("2026-11-26T12:40");
    assert_eq!(world.told_to(READER), [Purpose::Impact]);
    let promised = "owner = \"a\"\nfile = \"e\"\nmax_age = \"35m\"";
    world.reload(&text.replace(promised, "owner = \"b\"\nfile = \"e\""));
    world.run_until("2026-11-26T12:50");
    assert_eq!(world.told_to("mail:b@sea.example"), []);
}

#[test]
fn a_team_whose_channel_is_renamed_is_reminded_there_and_hears_of_the_end() {
    let (text, mut world) = read_by_a("");
    let post = text
        .replace("[channels.mail]", "[channels.post]")
        .replace("\"mail:", "\"post:");
    world.reload(&post);
    for gone in [OPS, READER] {
        // It is no longer known how to send to it.
        world.channel(gone, |_, _| no_such_address());
    }
    world.run_until("2026-11-26T14:00");
    write(&mut world, "2026-11-26T14:10");
    let ops = [Purpose::Opening, Purpose::Reminder, Purpose::Recovery];
    assert_eq!(world.told_to("post:ops@sea.example"), ops);
    assert_eq!(
        world.told_to("post:a@sea.example"),
        [Purpose::Impact, Purpose::Recovery]
    );
    assert_eq!(world.told_to("post:it@sea.example"), [], "nobody has to stand in");
}

#[test]
fn whom_the_chain_has_told_is_told_where_it_is_reached_now() {
    let chief = "mail:chief@sea.example";
    let ops = "notify = [\"mail:ops@sea.example\"]";
    let chain = format!("{ops}\nescalate = [{{ after = \"30m\", notify = [\"{chief}\"] }}]");
    let text = one_job("").replacen(ops, &chain, 1);
    for crashes in [false, true] {
        let mut world = failing(&text, "2026-11-26T12:00");
        world.run_until("2026-11-26T12:40");
        assert_eq!(world.told_to(chief), [Purpose::Escalation]);
        world.reload(&text.replace(chief, MOVED));
        world.run_until("2026-11-26T12:50");
        assert_eq!(world.told_to(MOVED), [Purpose::Escalation]);
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T13:10");
        mend(&mut world, "2026-11-26T13:20");
        let moved = [Purpose::Escalation, Purpose::Reminder, Purpose::Recovery];
        assert_eq!(world.told_to(MOVED), moved, "crashes: {crashes}");
        assert_eq!(world.told_to(chief), [Purpose::Escalation, Purpose::Recovery]);
    }
}

#[test]
fn what_died_at_an_address_that_was_replaced_is_told_to_nobody_else_when_the_problem_is_back() {
    let (moved, text) = ("mail:moved@sea.example", chain());
    let mut world = broken(&text);
    world.channel(OPS, |_, _| no_such_address());
    // It is on its way when another address takes its place, and while the end of the problem waits.
    world.outside.thinks_for.insert(OPS.to_owned(), Duration::from_mins(4));
    world.run_until("2026-11-26T12:01");
    world.reload(&text.replace(OPS, moved));
    world.run_until("2026-11-26T12:01:30");
    assert_eq!(world.told_to(moved), [Purpose::Opening]);
    waiting_for_e(&mut world);
    world.run_until("2026-11-26T12:10");
    world.script("j", |_, _| Play::fails(2, "no listener"));
    world.run("j");
    world.run_until("2026-11-26T12:20");
    assert_eq!(world.told_to(FALLBACK), [], "its team knows");
}

#[test]
fn an_edit_that_ends_a_problem_and_moves_its_team_is_told_to_an_address_that_knows_of_it_alone() {
    let text = one_job("") + "[jobs.k]\nowner = \"ops\"\ncommand = \"true\"\n";
    let moved = text.replace("mail:ops@", "mail:crew@");
    let moved_and_gone = moved.replace("[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\n", "");
    for has_taken in [true, false] {
        let mut world = failing(&text, "2026-11-26T12:00");
        if !has_taken {
            busy_until(&mut world, "2026-11-26T12:30");
        }
        world.run_until("2026-11-26T12:03");
        world.reload(&moved_and_gone);
        world.run_until("2026-11-26T12:04");
        let tries = world.tries.len();
        world.run_until("2026-11-26T13:50");
        if has_taken {
            assert_eq!(world.told_to(OPS), [Purpose::Opening, Purpose::Recovery]);
            let words = last_headline(&world, OPS);
            assert!(words.starts_with("CLOSED after"), "{words}");
            let last = &world.sent.last().expect("a message").1.message;
            assert!(last.is_closed(), "{:?}", last.facts);
        } else {
            assert_eq!(world.told_to(OPS), []);
            assert_eq!(world.tries.len(), tries, "nobody is told any more");
        }
        assert_eq!(world.told_to("mail:crew@sea.example"), []);
        assert_eq!(world.told_to(FALLBACK), []);
    }
}

#[test]
fn a_team_that_is_renamed_comes_to_answer_like_any_other() {
    let text = one_job("");
    let mut world = failing(&text, "2026-11-26T12:00");
    world.run_until("2026-11-26T12:10");
    world.reload(
        &text
            .replace("[teams.ops]", "[teams.crew]")
            .replace("owner = \"ops\"", "owner = \"crew\""),
    );
    world.run_until("2026-11-26T12:20");
    assert_eq!(world.told_to(OPS), [Purpose::Opening; 2]);
    mend(&mut world, "2026-11-26T12:30");
    let both = [Purpose::Opening, Purpose::Opening, Purpose::Recovery, Purpose::Recovery];
    assert_eq!(world.told_to(OPS), both, "by each name");
}
