//! Hiccups and floods: when messages go each by itself, and when they are gathered without an outage.

use std::collections::BTreeSet;
use std::time::Duration;

use freshd::model::{DeliveryOutcome, Purpose, Request};

use super::delivery::{OPS, busy};
use super::digests::{FALLBACK, failing_together, heard, jobs, named, out_of_order, taken};
use super::virtual_world::{Play, World, at, clock};

#[test]
fn the_few_that_waited_through_a_short_outage_are_sent_each_by_itself() {
    let mut world = failing_together(4);
    out_of_order(&mut world, OPS, "2026-11-23T12:00", "2026-11-23T12:02:30");
    world.run_until("2026-11-23T12:59");
    let openings = vec![("12:03:35".to_owned(), Purpose::Opening); 4];
    assert_eq!(heard(&world, OPS), openings);
}

#[test]
fn one_refused_try_delays_nobody_else() {
    let mut world = failing_together(2);
    world.script("j1", |_, _| Play::fails(1, "").taking(Duration::from_secs(9)));
    let mut refused = BTreeSet::new();
    world.channel(OPS, move |sent, now| {
        match refused.insert(sent.id) && refused.len() == 1 {
            true => busy(now),
            false => DeliveryOutcome::Accepted,
        }
    });
    world.run_until("2026-11-23T12:59");
    let opening = |at: &str| (at.to_owned(), Purpose::Opening);
    let all = heard(&world, OPS);
    assert_eq!(all.len(), 2);
    let decided = world
        .ledger
        .notifications
        .values()
        .map(|one| (one.tries, clock(one.created_at)));
    let decided: Vec<_> = decided.collect();
    let second = decided.iter().find(|(tries, _)| *tries == 1).expect("taken at once");
    assert!(all.contains(&opening(&second.1)), "{all:?} {decided:?}");
}

#[test]
fn a_message_that_is_itself_at_fault_holds_up_no_other() {
    let mut world = failing_together(40);
    for number in 1..40 {
        let after = Duration::from_mins(10 * number);
        world.script(&format!("j{number}"), move |_, _| Play::fails(1, "").taking(after));
    }
    // A filter that can make nothing of one of them, whenever it comes.
    world.channel(OPS, |sent, now| match sent.message.subject_name.as_str() {
        "j0" => busy(now),
        _ => DeliveryOutcome::Accepted,
    });
    world.run_until("2026-11-23T18:00");
    let taken = taken(&world, OPS);
    let openings = taken
        .iter()
        .filter(|(_, sent)| sent.message.purpose == Purpose::Opening);
    let mut count = 0;
    for (at, sent) in openings {
        assert_eq!(*at, sent.created_at, "{}", sent.message.subject);
        count += 1;
    }
    assert_eq!(count, 35, "each when it was decided");
}

#[test]
fn a_flood_without_an_outage_is_gathered_and_over_when_nothing_waits() {
    let mut world = failing_together(61);
    world.script("j60", |_, _| Play::fails(1, "").taking(Duration::from_mins(50)));
    world.run_until("2026-11-23T12:59");
    let all = heard(&world, OPS);
    let (first, rest) = all.split_at(20);
    assert!(first.iter().all(|(_, why)| *why == Purpose::Opening), "{first:?}");
    let begun = &first[0].0;
    let quarter = |minute: &str| begun.replace("12:01", minute);
    // The last one came to an address that was caught up with.
    assert_eq!(
        rest,
        [
            (quarter("12:16"), Purpose::Digest),
            ("12:51:00".to_owned(), Purpose::Opening)
        ]
    );
    let digest = taken(&world, OPS)[20].1.clone();
    assert_eq!(named(&digest).len(), 40);
    assert!(
        digest.message.subject.starts_with("[freshd] 40 problems: j")
            && digest.message.subject.ends_with("; and 38 more"),
        "{}",
        digest.message.subject
    );
    assert_eq!(
        heard(&world, FALLBACK),
        [],
        "whoever waits for a digest is no cause for alarm"
    );
}

#[test]
fn what_comes_while_an_address_is_caught_up_with_waits_for_its_time_also_after_a_restart() {
    for crashes in [false, true] {
        let mut world = failing_together(32);
        for number in 30..32 {
            world.script(&format!("j{number}"), |_, _| {
                Play::fails(1, "").taking(Duration::from_mins(18))
            });
        }
        world.run_until("2026-11-23T12:20:30");
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-23T12:59");
        let rest: Vec<_> = heard(&world, OPS).split_off(20);
        let minutes: Vec<_> = rest.iter().map(|(at, why)| (&at[..5], *why)).collect();
        assert_eq!(
            minutes,
            [("12:16", Purpose::Digest), ("12:31", Purpose::Digest)],
            "crashes: {crashes}"
        );
    }
}

#[test]
fn a_restart_forgets_neither_that_an_address_is_caught_up_with_nor_why() {
    for crashes in [false, true] {
        let mut world = failing_together(12);
        for number in 8..12 {
            world.script(&format!("j{number}"), |_, _| {
                Play::fails(1, "").taking(Duration::from_mins(20))
            });
        }
        out_of_order(&mut world, OPS, "2026-11-23T12:00", "2026-11-23T12:10");
        world.run_until("2026-11-23T12:16");
        let digest = |world: &World| taken(world, OPS).pop().expect("told").1.message.subject.clone();
        let words = "[freshd] 7 problems while mail could not be delivered: j";
        assert!(digest(&world).starts_with(words), "{}", digest(&world));
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-23T12:40");
        let words = "[freshd] 4 problems while mail could not be delivered: j";
        assert!(
            digest(&world).starts_with(words),
            "crashes: {crashes}: {}",
            digest(&world)
        );
    }
}

#[test]
fn whoever_asks_hears_how_many_wait_for_an_address_and_what_it_last_said() {
    let mut world = failing_together(12);
    world.channel(OPS, |_, now| busy(now));
    world.run_until("2026-11-23T12:50");
    let undelivered = world.done(Request::Status { name: None })["undelivered"].clone();
    let undelivered = undelivered.as_array().expect("a list").clone();
    let waits = undelivered
        .iter()
        .map(|tried| 1 + tried["behind"].as_u64().expect("a number"));
    assert_eq!(waits.sum::<u64>(), 12, "{undelivered:?}");
    // One more comes, and waits behind them untried.
    world.script("j3", |_, _| Play::succeeds());
    world.run("j3");
    world.run_until("2026-11-23T12:51");
    world.script("j3", |_, _| Play::fails(1, ""));
    world.run("j3");
    world.run_until("2026-11-23T12:53");
    let untried = world.incidents().pop().expect("an incident");
    let state = world.reader().addresses_of(&untried).expect("the store is read");
    let state = state.iter().find(|one| one.to == OPS).expect("told there");
    assert_eq!(state.error.as_deref(), Some("connection refused"));
    let status = world.status("j3");
    let told = status["incidents"][0]["addresses"]
        .as_array()
        .expect("addresses")
        .clone();
    assert!(told.contains(&serde_json::json!(state)), "{told:?}");
}

#[test]
fn a_digest_that_dies_leaves_the_fallback_with_what_has_become_of_what_it_told_of() {
    // Twenty-one jobs fail at noon. What the last of them makes is too old at 12:14, before the digest of 12:16.
    let text = jobs(21)
        + "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"30m\"\n"
        + "[jobs.last]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n";
    for crashes in [false, true] {
        let mut world = World::start(&text.replace("[jobs.j20]", "[jobs.k]"), "2026-11-23T11:43:55");
        world.script("last", |_, now| Play::writes("x", now));
        world.run("last");
        for number in 0..20 {
            world.script(&format!("j{number}"), |_, _| Play::fails(1, ""));
        }
        world.run_until("2026-11-23T12:02:00");
        assert_eq!(heard(&world, OPS).len(), 20);
        world.script("last", |_, _| Play::fails(1, ""));
        world.run("last");
        world.channel(OPS, |_, _| super::delivery::no_such_address());
        world.run_until("2026-11-23T12:15:00");
        if crashes {
            world.crash();
            world.restart();
            world.channel(OPS, |_, _| super::delivery::no_such_address());
        }
        world.run_until("2026-11-23T12:17:00");
        let told = taken(&world, FALLBACK);
        let told: Vec<_> = told
            .iter()
            .filter(|(_, sent)| sent.message.subject_name.as_str() == "last")
            .collect();
        assert_eq!(told.len(), 1, "crashes: {crashes}: {:?}", heard(&world, FALLBACK));
        let message = &told[0].1.message;
        assert_eq!(message.purpose, Purpose::Opening);
        assert!(
            message.headline.starts_with("CRITICAL: d is stale: "),
            "{}",
            message.headline
        );
    }
}

#[test]
fn an_escalation_that_dies_in_a_digest_says_once_what_has_become_of_it() {
    const CHIEF: &str = "mail:chief@sea.example";
    let chain = format!("notify = [\"{OPS}\"]\nescalate = [{{ after = \"30m\", notify = [\"{CHIEF}\"] }}]");
    // Nine jobs fail at noon; what the last of them makes is too old at 12:31:55.
    let text = jobs(8).replace(&format!("notify = [\"{OPS}\"]"), &chain)
        + "[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"48m\"\n"
        + "[jobs.last]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n";
    let mut world = World::start(&text, "2026-11-23T11:43:55");
    world.script("last", |_, now| Play::writes("x", now));
    world.run("last");
    for number in 0..8 {
        world.script(&format!("j{number}"), |_, _| Play::fails(1, ""));
    }
    world.run_until("2026-11-23T12:00:02");
    world.script("last", |_, _| Play::fails(1, ""));
    world.run("last");
    // What waited goes as a digest at 12:31:30, which is refused for good after the dataset is too old.
    world.channel(CHIEF, |sent, now| {
        let is_digest = sent.message.purpose == Purpose::Digest;
        match is_digest {
            true if now >= at("2026-11-23T12:32") => super::delivery::no_such_address(),
            false if now >= at("2026-11-23T12:31:20") => DeliveryOutcome::Accepted,
            _ => busy(now),
        }
    });
    world.run_until("2026-11-23T12:40");
    let all = world.ledger.notifications.values();
    let of_last = all.filter(|one| one.message.subject_name.as_str() == "last" && one.address.to_string() == FALLBACK);
    let heard: Vec<_> = of_last
        .map(|one| (one.message.purpose, one.message.headline.clone()))
        .collect();
    assert_eq!(heard.len(), 1, "{heard:?}");
    let (why, headline) = &heard[0];
    assert_eq!(*why, Purpose::Escalation);
    assert_eq!(headline.matches("d is stale").count(), 1, "{headline}");
}

#[test]
fn who_knows_many_by_a_digest_hears_their_ends_together_though_they_come_one_after_the_other() {
    for crashes in [false, true] {
        let mut world = failing_together(30);
        world.run_until("2026-11-23T12:20");
        let (_, digest) = taken(&world, OPS).pop().expect("a digest of those after the twentieth");
        let known = digest.message.incidents.iter();
        let known: Vec<String> = known.map(|line| line.subject_name.to_string()).collect();
        assert_eq!(known.len(), 10);
        // Long after what made it a flood.
        world.run_until("2026-11-23T14:30");
        let before = heard(&world, OPS).len();
        for (place, job) in known.iter().enumerate() {
            let takes = Duration::from_secs(1 + 2 * place as u64);
            world.script(job, move |_, _| Play::succeeds().taking(takes));
            world.run(job);
        }
        world.run_until("2026-11-23T14:30:30");
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-23T14:40");
        let ends = heard(&world, OPS).split_off(before);
        let purposes: Vec<Purpose> = ends.iter().map(|(_, why)| *why).collect();
        let expected = [Purpose::Recovery, Purpose::Digest];
        assert_eq!(purposes, expected, "crashes: {crashes}: {ends:?}");
        let last = named(taken(&world, OPS).pop().expect("a digest").1).len();
        assert_eq!(last, 9);
    }
}
