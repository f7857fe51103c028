//! A cause that is silenced before its effects break: those who answer for them and read them are told, and in one.

use std::fmt::Write as _;

use freshd::model::{Purpose, Request};
use serde_json::json;

use super::digests::{heard, named, taken};
use super::virtual_world::{Play, World};
use super::{NO_PROOFS, PEOPLE};

const A: &str = "mail:a@sea.example";
const B: &str = "mail:b@sea.example";
const C: &str = "mail:c@sea.example";
const D: &str = "mail:d@sea.example";

/// `j` of `a` makes `d`, of which nothing is promised, and from which forty datasets of `b` are made, all read by `c`.
fn company(count: usize) -> String {
    let mut text = format!(
        "{PEOPLE}{NO_PROOFS}[systems.shop]\nowner = \"c\"\n[datasets.d]\nowner = \"a\"\nfile = \"d\"\n\
         [jobs.j]\nowner = \"a\"\ncommand = \"true\"\nproduces = \"d\"\n"
    );
    for number in 0..count {
        let made = format!(
            "[datasets.e{number}]\nowner = \"b\"\nfile = \"e{number}\"\nmax_age = \"4h\"\nconsumers = [\"shop\"]\n\
             [jobs.k{number}]\nowner = \"b\"\ncommand = \"true\"\nproduces = \"e{number}\"\nneeds = [\"d\"]\n\
             on_stale = \"run\"\n"
        );
        text.write_str(&made).expect("a text");
    }
    text
}

/// Each is made so many minutes after the one before, from ten o'clock on; `j` fails at one, and is silenced.
fn silenced(text: &str, count: usize, minutes: usize) -> World {
    let mut world = World::start(text, "2026-11-26T09:59");
    world.script("j", |_, now| Play::writes(&now.to_string(), now));
    world.run("j");
    for number in 0..count {
        let after = number * minutes;
        let (hour, minute) = (10 + after / 60, after % 60);
        if minutes > 0 {
            // What is made from `d` is as old as that.
            world.run_until(&format!("2026-11-26T{hour}:{minute:02}"));
            world.run("j");
        }
        world.run_until(&format!("2026-11-26T{hour}:{minute:02}:30"));
        let job = format!("k{number}");
        world.script(&job, |_, now| Play::writes(&now.to_string(), now));
        world.run(&job);
    }
    world.run_until("2026-11-26T13:00");
    world.script("j", |_, _| Play::fails(1, "no route to host"));
    world.run("j");
    world.run_until("2026-11-26T13:10");
    world.done(Request::Silence {
        name: "j".into(),
        because: "the servers move".to_owned(),
        for_s: 24 * 3_600,
    });
    world
}

const CAUSE: &str = "j failed (#1), silenced until Fri 2026-11-27 13:10 by ";

#[test]
fn forty_datasets_behind_a_cause_that_was_silenced_before_are_one_message_to_each_who_owns_or_reads_them() {
    let mut world = silenced(&company(40), 40, 0);
    world.run_until("2026-11-26T14:50");
    for to in [B, C] {
        let told = taken(&world, to);
        let purposes: Vec<Purpose> = told.iter().map(|(_, one)| one.message.purpose).collect();
        assert_eq!(purposes, [Purpose::Digest], "{to}");
        assert_eq!(named(told[0].1).len(), 40, "{to}");
        let message = &told[0].1.message;
        let begins = "[freshd] 40 problems with one cause, which is kept quiet: ";
        assert!(message.subject.starts_with(begins) && message.subject.ends_with("; and 38 more"));
        assert!(
            message.headline.starts_with("CRITICAL: 40 problems, all of them open")
                && message.headline.contains(CAUSE)
                && message.headline.ends_with(": the servers move."),
            "{}",
            message.headline
        );
    }
    assert_eq!(world.told_to(A), [Purpose::Opening], "of j, before it was silenced");
    world.run_until("2026-11-26T15:50");
    assert_eq!(world.told_to(B), [Purpose::Digest; 2], "and so are their reminders");
    assert_eq!(world.told_to(C), [Purpose::Digest]);
}

#[test]
fn what_breaks_behind_it_later_waits_a_while_and_is_told_together() {
    for crashes in [false, true] {
        let text = company(12).replace("[datasets.e3]\nowner = \"b\"", "[datasets.e3]\nowner = \"d\"");
        let mut world = silenced(&text, 12, 2);
        world.run_until("2026-11-26T14:10:30");
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T14:50");
        let told = heard(&world, B);
        let purposes: Vec<Purpose> = told.iter().map(|(_, why)| *why).collect();
        assert_eq!(
            purposes,
            [Purpose::Opening, Purpose::Digest, Purpose::Digest],
            "{told:?}, crashes: {crashes}"
        );
        let count: usize = taken(&world, B).iter().map(|(_, one)| named(one).len()).sum();
        assert_eq!(count, 11, "crashes: {crashes}");
        let first = &taken(&world, B)[0].1.message;
        let cause = first.facts.iter().find(|fact| fact.label == "Cause");
        assert!(cause.is_some_and(|cause| cause.text.starts_with(CAUSE)), "{first:?}");
        let said = format!(" The cause: {CAUSE}");
        assert!(
            first.headline.contains(&said),
            "on a locked phone too: {}",
            first.headline
        );
        // Who was told of nothing behind it yet does not wait.
        let (at, why) = heard(&world, D).remove(0);
        assert!(at.starts_with("14:07:") && why == Purpose::Opening, "{at}");
    }
}

#[test]
fn what_waits_behind_it_is_told_with_it_once_the_silence_is_lifted() {
    let mut world = silenced(&company(12), 12, 2);
    world.run_until("2026-11-26T14:10:30");
    assert_eq!(world.told_to(B), [Purpose::Opening]);
    world.done(Request::Unsilence { name: "j".into() });
    world.run_until("2026-11-26T14:11");
    assert_eq!(world.told_to(B), [Purpose::Opening, Purpose::Impact]);
    world.run_until("2026-11-26T14:50");
    assert_eq!(world.told_to(B), [Purpose::Opening, Purpose::Impact]);
}

#[test]
fn what_was_told_by_one_message_ends_by_one_where_it_ends_together_whatever_became_of_the_cause() {
    for crashes in [false, true] {
        let text = company(40);
        let mut world = silenced(&text, 40, 0);
        world.run_until("2026-11-26T14:50");
        assert_eq!(world.told_to(C), [Purpose::Digest]);
        world.script("j", |_, now| Play::writes(&now.to_string(), now));
        world.run("j");
        world.run_until("2026-11-26T14:55");
        if crashes {
            world.crash();
            world.restart();
        }
        world.reload(&text.replace("max_age = \"4h\"", "max_age = \"4d\""));
        world.run_until("2026-11-26T15:30");
        assert_eq!(world.told_to(C), [Purpose::Digest; 2], "crashes: {crashes}");
        let last = taken(&world, C).pop().expect("a digest").1;
        assert_eq!(named(last).len(), 40, "crashes: {crashes}");
    }
}

#[test]
fn what_was_told_by_itself_names_its_cause_once_that_is_told_too() {
    for crashes in [false, true] {
        let mut world = silenced(&company(1), 1, 0);
        world.run_until("2026-11-26T14:10");
        assert_eq!(world.told_to(B), [Purpose::Opening]);
        let cause = |world: &World| {
            let (_, last) = taken(world, B).pop().expect("a message");
            let fact = last.message.facts.iter().find(|fact| fact.label == "Cause");
            (
                last.message.purpose,
                fact.map(|fact| fact.text.clone()),
                last.message.commands.clone(),
            )
        };
        assert!(cause(&world).1.is_some_and(|cause| cause.starts_with(CAUSE)));
        world.done(Request::Unsilence { name: "j".into() });
        world.run_until("2026-11-26T14:20");
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T15:10");
        let (purpose, cause, commands) = cause(&world);
        assert_eq!((purpose, cause.as_deref()), (Purpose::Reminder, Some("j failed (#1)")));
        assert!(commands.contains(&"freshd incidents 1".to_owned()), "{commands:?}");
        let status = world.done(Request::Status {
            name: Some("e0".into()),
        });
        let incident = &status["incidents"][0];
        assert_eq!((&incident["behind"], &incident["cause"]), (&json!(1), &json!(null)));
    }
}
