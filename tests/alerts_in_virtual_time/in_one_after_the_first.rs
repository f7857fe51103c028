//! A mail server that is gone is not one message for each thing that its teams are to know: the fallback gets the first at
//! once, and what follows in one.

use std::time::Duration;

use freshd::model::{DeliveryOutcome, Purpose, Severity};

use super::delivery::{OPS, busy, no_such_address};
use super::digests::{heard, named, taken};
use super::virtual_world::{Crash, Play, World};
use super::{NO_PROOFS, PEOPLE};

const FALLBACK: &str = "mail:it@sea.example";

/// Nine jobs of `ops`, of which one fails every three minutes from noon on; more of the file.
fn nine_warnings(more: &str, answer: fn() -> DeliveryOutcome) -> World {
    let mut text = format!("{PEOPLE}{NO_PROOFS}{more}");
    for number in 0..9 {
        let minute = number * 3;
        text += &format!("[jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"{minute} 12 * * *\"\n");
    }
    let mut world = World::start(&text, "2026-11-26T11:59");
    world.channel(OPS, move |_, _| answer());
    for number in 0..9 {
        world.script(&format!("j{number}"), |_, _| Play::fails(1, "no route to host"));
    }
    world
}

/// What the fallback took of the jobs: why, and of how many.
fn of_jobs(world: &World) -> Vec<(Purpose, usize)> {
    let taken = taken(world, FALLBACK).into_iter().map(|(_, sent)| sent);
    let of_jobs = taken.filter(|sent| sent.message.stands_in_for.is_some() || sent.incident.is_none());
    of_jobs.map(|sent| (sent.message.purpose, named(sent).len())).collect()
}

#[test]
fn nine_warnings_that_one_address_does_not_take_are_three_messages_to_the_fallback() {
    for answer in [|| busy(jiff::Timestamp::UNIX_EPOCH), no_such_address] {
        let mut world = nine_warnings("", answer);
        world.run_until("2026-11-26T12:55");
        let told = of_jobs(&world);
        assert_eq!(told[0], (Purpose::Opening, 1), "the first at once: {told:?}");
        assert!(told.len() <= 3, "{told:?}");
        assert_eq!(told.iter().map(|(_, count)| count).sum::<usize>(), 9, "{told:?}");
        for (_, digest) in taken(&world, FALLBACK) {
            if digest.message.purpose == Purpose::Digest {
                assert_eq!(digest.message.facts[0].label, "Instead of");
            }
        }
    }
}

#[test]
fn what_waits_for_others_survives_a_crash() {
    let mut world = nine_warnings("", no_such_address);
    world.run_until("2026-11-26T12:12");
    world.crash();
    world.restart();
    world.channel(OPS, |_, _| no_such_address());
    world.run_until("2026-11-26T12:55");
    let told = of_jobs(&world);
    assert_eq!(told.iter().map(|(_, count)| count).sum::<usize>(), 9, "{told:?}");
    assert!(told.len() <= 4, "{told:?}");
}

#[test]
fn what_is_critical_waits_for_no_others() {
    let data = "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"10m\"\n\
                [jobs.made]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n";
    let mut world = nine_warnings(data, no_such_address);
    world.script("made", |_, now| Play::writes("x", now));
    world.run("made");
    world.run_until("2026-11-26T12:12");
    let of_d = world
        .sent
        .iter()
        .find(|(_, sent)| sent.address.to_string() == FALLBACK && sent.message.subject_name.as_str() == "d");
    let (at, _) = of_d.expect("it is told");
    let opened = world
        .incidents()
        .into_iter()
        .find(|one| one.subject.as_str() == "d")
        .expect("one")
        .opened_at;
    assert!(*at <= opened.expect("open") + Duration::from_secs(5), "{at}");
}

#[test]
fn a_warning_that_gets_worse_while_it_waits_is_told_at_once() {
    let data = "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"10m\"\n\
                [jobs.made]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n";
    let mut world = nine_warnings(data, no_such_address);
    world.script("made", |_, now| Play::writes("x", now));
    world.run("made");
    world.run_until("2026-11-26T12:05");
    world.script("made", |_, _| Play::fails(1, ""));
    world.run("made");
    world.run_until("2026-11-26T12:07");
    let heard_of = |world: &World| {
        let sent = world.sent.iter().map(|(_, sent)| sent);
        let of_made =
            sent.filter(|sent| sent.address.to_string() == FALLBACK && sent.message.subject_name.as_str() == "made");
        let told = of_made.map(|sent| (sent.message.purpose, sent.message.severity));
        told.collect::<Vec<_>>()
    };
    assert_eq!(heard_of(&world), [], "it waits: {:?}", heard(&world, FALLBACK));
    world.run_until("2026-11-26T12:11");
    let in_one = [(Purpose::Opening, Severity::Critical)];
    assert_eq!(heard_of(&world), in_one, "{:?}", heard(&world, FALLBACK));
}

#[test]
fn what_is_critical_puts_off_nothing_that_waits() {
    let mut data = String::new();
    for number in 0..5 {
        let minutes = 10 + 8 * number;
        data += &format!(
            "[datasets.d{number}]\nowner = \"ops\"\nfile = \"d{number}\"\nmax_age = \"{minutes}m\"\n\
             [jobs.made{number}]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d{number}\"\n"
        );
    }
    let mut world = nine_warnings(&data, no_such_address);
    for number in 0..5 {
        world.script(&format!("made{number}"), |_, now| Play::writes("x", now));
        world.run(&format!("made{number}"));
    }
    // The last fails at 12:24, and waits for no more than a quarter of an hour.
    world.run_until("2026-11-26T12:42");
    let jobs: Vec<_> = world
        .incidents()
        .into_iter()
        .filter(|one| one.subject.as_str().starts_with('j'))
        .collect();
    assert_eq!(jobs.len(), 9);
    let told: Vec<_> = taken(&world, FALLBACK)
        .into_iter()
        .flat_map(|(_, sent)| named(sent))
        .collect();
    for job in jobs {
        assert!(told.contains(&job.id), "{} is not told: {told:?}", job.subject);
    }
}

/// The job of a warning that the fallback has read of in its first digest, which it took just now.
fn read_in_a_digest(world: &mut World) -> String {
    while !taken(world, FALLBACK)
        .iter()
        .any(|(_, sent)| sent.message.purpose == Purpose::Digest)
    {
        let next = world.now.wall + jiff::SignedDuration::from_secs(20);
        world.run_until_instant(next);
    }
    let digest = taken(world, FALLBACK).pop().expect("a digest").1;
    let first = digest.message.incidents[0].incident;
    let incidents = world.incidents();
    let of_it = incidents.iter().find(|one| one.id == first);
    of_it.expect("one").subject.to_string()
}

#[test]
fn the_end_of_a_warning_that_was_read_of_in_a_digest_waits_for_no_others_wherever_freshd_crashes() {
    let ends = |crash_at: Option<(u64, Crash)>| {
        let mut world = nine_warnings("", no_such_address);
        let job = read_in_a_digest(&mut world);
        world.script(&job, |_, _| Play::succeeds());
        world.run(&job);
        let before = world.commits;
        world.crash_at = crash_at;
        let soon = world.now.wall + jiff::SignedDuration::from_secs(10);
        world.run_until_instant(soon);
        let last = taken(&world, FALLBACK).pop().expect("something").1;
        let (purpose, about) = (last.message.purpose, last.message.subject_name.as_str());
        assert_eq!((purpose, about), (Purpose::Recovery, job.as_str()), "{crash_at:?}");
        assert!(!last.message.subject.starts_with("Re: "), "no mail has that subject");
        before + 1..=world.commits
    };
    let commits = ends(None);
    assert!(commits.clone().count() > 3, "{commits:?}");
    for commit in commits {
        for side in [Crash::Before, Crash::After, Crash::Acted] {
            ends(Some((commit, side)));
        }
    }
}
