//! After freshd's own downtime each address hears of all that became true meanwhile by one message.

use std::collections::BTreeSet;
use std::time::Duration;

use freshd::model::{DeliveryOutcome, Event, NotificationState, Purpose};

use super::PEOPLE;
use super::delivery::{OPS, busy};
use super::digests::{heard, named, taken};
use super::virtual_world::{Crash, Play, World};

/// So many datasets of `ops`, each read by team `a` and promised to be younger than an hour.
pub(super) fn datasets(count: usize) -> String {
    let mut text = PEOPLE.to_owned();
    for number in 0..count {
        text += &format!(
            "[datasets.x{number}]\nowner = \"ops\"\nfile = \"x{number}\"\nmax_age = \"1h\"\nconsumers = [\"a\"]\n\
             [jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"x{number}\"\n"
        );
    }
    text
}

/// All of them are made at ten, and go stale at eleven.
pub(super) fn made_at_ten(count: usize) -> World {
    let mut world = World::start(&datasets(count), "2026-03-02T10:00");
    for number in 0..count {
        world.run(&format!("j{number}"));
    }
    world.run_until("2026-03-02T10:30");
    world.handle(Event::Alive);
    world
}

/// freshd is down until two.
pub(super) fn is_down_until_two(world: &mut World) {
    world.crash();
    world.run_until("2026-03-02T14:00");
    world.restart();
}

fn is_told_in_one(world: &World, address: &str, count: usize) {
    let sent = taken(world, address);
    assert_eq!(
        heard(world, address),
        [("14:01:03".to_owned(), Purpose::Digest)],
        "{address}"
    );
    let message = &sent[0].1.message;
    assert_eq!(named(sent[0].1).len(), count, "{:?}", message.incidents);
    let words = format!("[freshd] {count} problems after freshd was down for 3h 30m: ");
    assert!(message.subject.starts_with(&words), "{}", message.subject);
    assert!(
        message
            .headline
            .starts_with(&format!("CRITICAL: {count} problems, all of them open")),
        "{}",
        message.headline
    );
    assert!(
        message
            .headline
            .ends_with("because freshd did not run for 3h 30m, from Mon 2026-03-02 10:30 to Mon 2026-03-02 14:00."),
        "{}",
        message.headline
    );
}

#[test]
fn what_became_true_while_freshd_was_down_is_one_message_to_each_address() {
    let mut world = made_at_ten(4);
    is_down_until_two(&mut world);
    world.run_until("2026-03-02T14:59");
    for address in [OPS, "mail:a@sea.example"] {
        is_told_in_one(&world, address, 4);
    }
    let told = world.ledger.notifications.values();
    assert!(told.clone().all(|one| one.state == NotificationState::Delivered));
}

#[test]
fn what_comes_after_that_is_told_as_ever() {
    let mut world = made_at_ten(4);
    is_down_until_two(&mut world);
    world.run_until("2026-03-02T14:02");
    world.script("j3", |_, now| Play::writes("again", now));
    world.run("j3");
    world.run_until("2026-03-02T14:03");
    assert_eq!(
        heard(&world, OPS).last(),
        Some(&("14:02:05".to_owned(), Purpose::Recovery)),
        "nobody waits for another digest"
    );
}

#[test]
fn a_single_thing_is_told_by_itself_with_why_it_is_told_so_late() {
    let mut world = made_at_ten(1);
    is_down_until_two(&mut world);
    world.run_until("2026-03-02T14:59");
    assert_eq!(heard(&world, OPS), [("14:01:03".to_owned(), Purpose::Opening)]);
    let message = &taken(&world, OPS)[0].1.message;
    let late = message.facts.iter().find(|fact| fact.label == "Told late");
    let late = late.map(|fact| fact.text.as_str());
    let words = "freshd did not run for 3h 30m, from Mon 2026-03-02 10:30 to Mon 2026-03-02 14:00";
    assert_eq!(late, Some(words));
}

#[test]
fn data_that_was_bad_before_what_explains_it_is_told_since_then_and_for_as_long() {
    let mut world = made_at_ten(1);
    is_down_until_two(&mut world);
    world.script("j0", |_, _| Play::fails(1, ""));
    world.run("j0");
    world.run_until("2026-03-02T15:00");
    world.script("j0", |_, now| Play::writes("again", now));
    world.run("j0");
    world.run_until("2026-03-02T15:30");
    let owner = "Mon 2026-03-02 14:00 (data not as promised since Mon 2026-03-02 11:00)";
    for (address, since) in [("mail:a@sea.example", "Mon 2026-03-02 11:00"), (OPS, owner)] {
        let sent = taken(&world, address);
        for (_, one) in &sent {
            let said = one.message.facts.iter().find(|fact| fact.label == "Since");
            assert_eq!(
                said.map(|fact| fact.text.as_str()),
                Some(since),
                "{address}: {:?}",
                one.message
            );
        }
        let end = &sent.last().expect("an end").1.message.headline;
        assert!(
            end.starts_with("RESOLVED after 4h 5s: x0 is fresh again"),
            "{address}: {end}"
        );
    }
}

#[test]
fn a_machine_that_was_asleep_is_told_of_alike() {
    let mut world = made_at_ten(4);
    world.sleep_until("2026-03-02T14:00");
    world.run_until("2026-03-02T14:59");
    let sent = taken(&world, OPS);
    assert_eq!(heard(&world, OPS), [("14:01:03".to_owned(), Purpose::Digest)]);
    assert_eq!(named(sent[0].1).len(), 4);
    assert!(
        sent[0].1.message.subject.contains("after freshd was down for"),
        "{}",
        sent[0].1.message.subject
    );
}

#[test]
fn a_restart_is_no_downtime() {
    let mut world = made_at_ten(4);
    world.run_until("2026-03-02T10:59:55");
    world.crash();
    world.pass(Duration::from_secs(30));
    world.restart();
    world.run_until("2026-03-02T11:59");
    let openings = vec![Purpose::Opening; 4];
    assert_eq!(world.told_to(OPS), openings);
}

#[test]
fn a_crash_while_it_is_gathered_leaves_nothing_out_and_tells_nothing_twice() {
    let mut undisturbed = made_at_ten(4);
    let before = undisturbed.commits;
    is_down_until_two(&mut undisturbed);
    undisturbed.run_until("2026-03-02T14:59");
    assert!(undisturbed.commits > before + 3, "{}", undisturbed.commits);
    for side in [Crash::Before, Crash::After] {
        for commit in before + 1..=undisturbed.commits {
            let mut world = made_at_ten(4);
            world.crash_at = Some((commit, side));
            is_down_until_two(&mut world);
            world.run_until("2026-03-02T14:59");
            let sent = taken(&world, OPS);
            let told: Vec<_> = sent.iter().flat_map(|(_, sent)| named(sent)).collect();
            let distinct: BTreeSet<_> = told.iter().collect();
            assert_eq!((told.len(), distinct.len()), (4, 4), "{side:?} {commit}: {told:?}");
        }
    }
}

/// What each address is told when freshd is killed at these times of its second life and stays away for so long.
fn is_killed_while_it_gathers(count: usize, kills: &[(&str, Duration)]) -> World {
    let mut world = made_at_ten(count);
    is_down_until_two(&mut world);
    for (at, away) in kills {
        world.run_until(&format!("2026-03-02T{at}"));
        assert_eq!(heard(&world, OPS), [], "killed at {at}, while it gathers");
        world.crash();
        world.pass(*away);
        world.restart();
    }
    world.run_until("2026-03-02T14:59");
    world
}

fn is_told_of_the_downtime(world: &World, until: &str, told_at: &str) {
    for address in [OPS, "mail:a@sea.example"] {
        let sent = taken(world, address);
        assert_eq!(
            heard(world, address),
            [(told_at.to_owned(), Purpose::Digest)],
            "{address}"
        );
        let headline = &sent[0].1.message.headline;
        let words = format!("from Mon 2026-03-02 10:30 to Mon 2026-03-02 {until}.");
        assert!(headline.ends_with(&words), "{headline}");
    }
    for fallback in ["mail:it@sea.example", "pager"] {
        assert_eq!(heard(world, fallback), [], "{fallback}");
    }
}

#[test]
fn a_second_kill_while_messages_are_gathered_ends_in_the_same_digest() {
    let at_once = Duration::ZERO;
    let world = is_killed_while_it_gathers(30, &[("14:01:01", at_once)]);
    is_told_of_the_downtime(&world, "14:00", "14:01:04");
    // Before anything has waited for its cause to show, and stays away for less than a downtime.
    let world = is_killed_while_it_gathers(2, &[("14:00:30", Duration::from_secs(80))]);
    is_told_of_the_downtime(&world, "14:00", "14:01:53");
}

#[test]
fn a_second_downtime_while_messages_are_gathered_counts_from_the_first() {
    let world = is_killed_while_it_gathers(30, &[("14:01:01", Duration::from_mins(9))]);
    is_told_of_the_downtime(&world, "14:10", "14:10:04");
}

#[test]
fn many_kills_in_a_row_while_messages_are_gathered_are_one_digest() {
    let soon = Duration::from_secs(1);
    let kills = ["14:00:02", "14:00:05", "14:00:40", "14:01:01", "14:01:03"];
    let world = is_killed_while_it_gathers(4, &kills.map(|at| (at, soon)));
    is_told_of_the_downtime(&world, "14:00", "14:01:07");
}

#[test]
fn who_is_killed_again_and_again_holds_nobody_back_for_ever() {
    let mut world = made_at_ten(4);
    is_down_until_two(&mut world);
    for _ in 0..200 {
        world.pass(Duration::from_secs(2));
        world.crash();
        world.restart();
    }
    assert_eq!(heard(&world, OPS).len(), 1, "within some minutes");
    is_told_of_the_downtime(&world, "14:00", "14:05:02");
}

#[test]
fn a_machine_that_falls_asleep_while_it_gathers_tells_of_all_of_it() {
    let mut world = made_at_ten(4);
    is_down_until_two(&mut world);
    world.run_until("2026-03-02T14:01:01");
    world.sleep_until("2026-03-02T14:10");
    world.run_until("2026-03-02T14:59");
    is_told_of_the_downtime(&world, "14:10", "14:10:03");
}

#[test]
fn a_restart_after_the_digest_of_a_downtime_holds_no_address_back() {
    for crashes in [false, true] {
        let mut world = made_at_ten(4);
        is_down_until_two(&mut world);
        world.run_until("2026-03-02T14:02");
        assert_eq!(heard(&world, OPS), [("14:01:03".to_owned(), Purpose::Digest)]);
        if crashes {
            world.crash();
            world.restart();
        }
        world.script("j3", |_, now| Play::writes("again", now));
        world.run("j3");
        world.run_until("2026-03-02T14:03");
        let last = heard(&world, OPS).pop();
        let expected = ("14:02:05".to_owned(), Purpose::Recovery);
        assert_eq!(last, Some(expected), "crashes: {crashes}");
    }
}

#[test]
fn a_digest_that_was_refused_is_tried_again_although_something_else_was_taken_meanwhile() {
    let mut world = World::start(&datasets(4), "2026-03-01T10:00");
    for number in 0..4 {
        world.run(&format!("j{number}"));
    }
    world.run_until("2026-03-01T10:30");
    world.crash();
    // Monday's report has become due too, and is about no incident: it goes by itself.
    world.run_until("2026-03-02T10:00");
    world.restart();
    let mut is_first = true;
    world.channel(OPS, move |sent, now| {
        match sent.message.purpose == Purpose::Digest && std::mem::take(&mut is_first) {
            true => busy(now),
            false => DeliveryOutcome::Accepted,
        }
    });
    world.run_until("2026-03-02T10:30");
    let mut told = world.told_to(OPS);
    told.sort();
    assert_eq!(told, [Purpose::Digest, Purpose::Weekly]);
    let mut of_all = world.ledger.notifications.values();
    assert!(of_all.all(|one| one.state == NotificationState::Delivered));
}

#[test]
fn a_kill_at_any_moment_of_gathering_ends_in_the_digest_of_the_downtime() {
    let mut undisturbed = made_at_ten(30);
    let before = undisturbed.commits;
    is_down_until_two(&mut undisturbed);
    undisturbed.run_until("2026-03-02T14:01:03");
    for side in [Crash::Before, Crash::After, Crash::Acted] {
        for commit in before + 1..=undisturbed.commits {
            let mut world = made_at_ten(30);
            world.crash_at = Some((commit, side));
            is_down_until_two(&mut world);
            world.run_until("2026-03-02T14:59");
            for address in [OPS, "mail:a@sea.example"] {
                let sent = taken(&world, address);
                let mut ids: Vec<_> = sent.iter().map(|(_, sent)| sent.id).collect();
                ids.dedup();
                assert_eq!(
                    ids.len(),
                    1,
                    "{side:?} {commit} of {}: {:?}",
                    undisturbed.commits,
                    heard(&world, address)
                );
                let message = &sent[0].1.message;
                assert_eq!(message.incidents.len(), 30, "{side:?} {commit}");
                let words = "from Mon 2026-03-02 10:30 to Mon 2026-03-02 14:00.";
                assert!(
                    message.headline.ends_with(words),
                    "{side:?} {commit}: {}",
                    message.headline
                );
            }
        }
    }
}

#[test]
fn a_kill_while_what_was_found_waits_for_long_ends_in_the_same_digest() {
    let text = datasets(30) + "[alerts]\ngroup_wait = \"10m\"\n";
    let mut world = World::start(&text, "2026-03-02T10:00");
    for number in 0..30 {
        world.run(&format!("j{number}"));
    }
    world.run_until("2026-03-02T10:30");
    world.handle(Event::Alive);
    is_down_until_two(&mut world);
    for at in ["14:00:40", "14:04:59", "14:06", "14:09:30"] {
        world.run_until(&format!("2026-03-02T{at}"));
        world.crash();
        world.pass(Duration::from_secs(5));
        world.restart();
    }
    world.run_until("2026-03-02T14:59");
    is_told_of_the_downtime(&world, "14:00", "14:10:03");
}

#[test]
fn an_address_that_took_nothing_before_gets_all_in_the_one_digest_too() {
    for back in ["2026-03-02T14:00:30", "2026-03-02T14:20"] {
        let text = datasets(4) + "[jobs.k]\nowner = \"ops\"\ncommand = \"true\"\n";
        let mut world = World::start(&text, "2026-03-02T10:00");
        for number in 0..4 {
            world.run(&format!("j{number}"));
        }
        world.run_until("2026-03-02T10:30");
        world.channel(OPS, move |_, now| match now < super::virtual_world::at(back) {
            true => busy(now),
            false => DeliveryOutcome::Accepted,
        });
        world.script("k", |_, _| Play::fails(1, ""));
        world.run("k");
        world.run_until("2026-03-02T10:40");
        world.handle(Event::Alive);
        is_down_until_two(&mut world);
        world.run_until("2026-03-02T14:59");
        let sent = taken(&world, OPS);
        let purposes: Vec<Purpose> = sent.iter().map(|(_, one)| one.message.purpose).collect();
        // Of `k` they are reminded four hours after it began.
        let news: Vec<Purpose> = purposes.into_iter().filter(|why| *why != Purpose::Reminder).collect();
        assert_eq!(news, [Purpose::Digest], "{back}: {:?}", heard(&world, OPS));
        assert_eq!(named(sent[0].1).len(), 5, "{back}: k, and what went stale meanwhile");
    }
}
