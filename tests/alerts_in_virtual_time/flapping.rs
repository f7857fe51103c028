//! What comes and goes is told once as such, and once when it was well for long enough.

use freshd::model::{Event, Incident, IncidentState, Purpose, Request};

use super::virtual_world::{Play, World, at, clock};
use super::{NO_PROOFS, PEOPLE, one_job};

const OPS: &str = "mail:ops@sea.example";
const CHIEF: &str = "mail:chief@sea.example";

/// `j` runs at a time, and fails or not.
fn turn(world: &mut World, at: &str, is_good: bool) {
    world.run_until(&format!("2026-11-26T{at}"));
    world.script("j", move |_, _| match is_good {
        true => Play::succeeds(),
        false => Play::fails(1, ""),
    });
    world.run("j");
}

fn told(world: &World) -> Vec<(String, Purpose)> {
    world.told().into_iter().map(|(when, _, why)| (when, why)).collect()
}

fn one(when: &str, why: Purpose) -> (String, Purpose) {
    (when.to_owned(), why)
}

fn flapping(world: &World) -> Incident {
    let incidents = world.incidents().into_iter();
    incidents
        .rev()
        .find(|incident| incident.flapping.is_some())
        .expect("one flaps")
}

/// Wrong at 12:00, 12:10 and 12:20, well in between: told at 12:21 as flapping.
fn begun(mut world: World) -> World {
    for (at, is_good) in [
        ("12:00", false),
        ("12:05", true),
        ("12:10", false),
        ("12:15", true),
        ("12:20", false),
    ] {
        turn(&mut world, at, is_good);
    }
    world.run_until("2026-11-26T12:22");
    world
}

#[test]
fn the_third_time_within_an_hour_is_told_as_flapping_and_no_turn_after_it() {
    let mut world = begun(World::start(&one_job(""), "2026-11-26T11:00"));
    let first = [
        one("Thu 12:01", Purpose::Opening),
        one("Thu 12:05", Purpose::Recovery),
        one("Thu 12:11", Purpose::Opening),
        one("Thu 12:15", Purpose::Recovery),
        one("Thu 12:21", Purpose::Opening),
    ];
    assert_eq!(told(&world), first);
    let message = &world.sent.last().expect("a message").1.message;
    assert!(message.subject.contains("j is flapping"), "{}", message.subject);
    assert!(
        message.headline.starts_with("WARNING: j failed, "),
        "{}",
        message.headline
    );
    let says = " Flapping, wrong at Thu 2026-11-26 12:21: j has been wrong 3 times since Thu 2026-11-26 12:01. Nobody hears of \
                further turns until it has been well for an hour.";
    assert!(message.headline.ends_with(says), "{}", message.headline);
    for (at, is_good) in [
        ("12:25", true),
        ("12:30", false),
        ("12:35", true),
        ("12:40", false),
        ("12:50", true),
    ] {
        turn(&mut world, at, is_good);
    }
    world.run_until("2026-11-26T13:10");
    assert_eq!(told(&world), first, "nobody hears of each turn");
    let incident = flapping(&world);
    let turns = incident.flapping.clone().expect("it flaps");
    assert_eq!((turns.times, turns.spells.len()), (5, 2), "every turn is on record");
    // A second good run, and an hour since it became well.
    turn(&mut world, "13:15", true);
    world.run_until("2026-11-26T13:49");
    assert_eq!(flapping(&world).state, IncidentState::Open);
    world.run_until("2026-11-26T18:00");
    let rest: Vec<_> = told(&world).split_off(first.len());
    // The reminder of 13:21 came while it was well.
    assert_eq!(rest, [one("Thu 13:50", Purpose::Recovery)]);
    let end = &world.sent.last().expect("a message").1.message.headline;
    assert!(
        end.starts_with("RESOLVED after 30m: "),
        "not counting how long it has been well: {end}"
    );
    assert!(end.contains("works again, after it had come and gone 5 times"), "{end}");
    let over = flapping(&world);
    assert_eq!(
        (over.state, over.resolved_at),
        (IncidentState::Resolved, Some(at("2026-11-26T12:50:05")))
    );
}

#[test]
fn openings_that_are_further_apart_are_told_as_ever() {
    let mut world = World::start(&one_job(""), "2026-11-26T11:00");
    for (at, is_good) in [
        ("12:00", false),
        ("12:10", true),
        ("12:30", false),
        ("12:40", true),
        ("13:01", false),
    ] {
        turn(&mut world, at, is_good);
    }
    world.run_until("2026-11-26T13:30");
    assert!(world.incidents().iter().all(|incident| incident.flapping.is_none()));
    assert_eq!(told(&world).pop(), Some(one("Thu 13:02", Purpose::Opening)));
}

#[test]
fn it_is_the_same_when_freshd_dies_in_between() {
    let mut world = World::start(&one_job(""), "2026-11-26T11:00");
    for (at, is_good) in [("12:00", false), ("12:05", true), ("12:10", false), ("12:15", true)] {
        turn(&mut world, at, is_good);
    }
    world.run_until("2026-11-26T12:17");
    world.crash();
    world.restart();
    turn(&mut world, "12:20", false);
    world.run_until("2026-11-26T12:22");
    assert_eq!(flapping(&world).state, IncidentState::Open);
    for (at, is_good) in [("12:25", true), ("12:30", true)] {
        turn(&mut world, at, is_good);
    }
    world.run_until("2026-11-26T12:40");
    world.crash();
    world.run_until("2026-11-26T13:00");
    world.restart();
    world.run_until("2026-11-26T14:00");
    assert_eq!(told(&world).pop(), Some(one("Thu 13:25", Purpose::Recovery)));
}

#[test]
fn with_one_good_run_alone_it_is_over_after_a_day() {
    let mut world = begun(World::start(&one_job(""), "2026-11-26T11:00"));
    turn(&mut world, "12:25", true);
    world.run_until("2026-11-27T12:24");
    assert_eq!(flapping(&world).state, IncidentState::Open);
    world.run_until("2026-11-27T12:26");
    assert_eq!(told(&world).pop(), Some(one("Fri 12:25", Purpose::Recovery)));
}

#[test]
fn what_is_no_longer_looked_at_is_over_at_once() {
    let mut world = begun(World::start(&one_job(""), "2026-11-26T11:00"));
    turn(&mut world, "12:25", true);
    world.run_until("2026-11-26T12:30");
    world.reload(PEOPLE);
    world.run_until("2026-11-26T12:31");
    assert_eq!(told(&world).pop(), Some(one("Thu 12:30", Purpose::Recovery)));
}

/// A dataset that its job `j` makes, and that is stale ten minutes later; `ops` has a chain of one step.
fn stale_soon() -> String {
    let own = "notify = [\"mail:ops@sea.example\"]";
    let chain = format!("{own}\nescalate = [{{ after = \"30m\", notify = [\"{CHIEF}\"] }}]");
    format!(
        "{}{NO_PROOFS}[datasets.d]\nowner = \"ops\"\nfile = \"d\"\nmax_age = \"10m\"\nconsumers = [\"c\"]\n\
         [jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n",
        PEOPLE.replacen(own, &chain, 1)
    )
}

/// It is made at a time, and is not as before.
fn deliver(world: &mut World, at: &str) {
    world.run_until(&format!("2026-11-26T{at}"));
    let digest = at.to_owned();
    world.script("j", move |_, now| Play::writes(&digest, now));
    world.run("j");
}

/// It was stale at 12:10 and 12:25, and flaps since 12:40.
fn stale_by_turns() -> World {
    let mut world = World::start(&stale_soon(), "2026-11-26T11:59");
    // Stale ten minutes after each delivery, and told a minute later.
    for at in ["12:00", "12:15", "12:30"] {
        deliver(&mut world, at);
    }
    world.run_until("2026-11-26T12:44");
    assert_eq!(flapping(&world).subject.as_str(), "d");
    world
}

/// Each message to an address since then: when, what for, and its first sentences.
fn told_since(world: &World, address: &str, since: &str) -> Vec<(String, Purpose, String)> {
    let sent = world.sent.iter().filter(|(_, one)| one.address.to_string() == address);
    let since = sent.filter(|(when, _)| *when >= at(since));
    since
        .map(|(when, one)| (clock(*when), one.message.purpose, one.message.headline.clone()))
        .collect()
}

#[test]
fn data_that_is_stale_and_fresh_by_turns_flaps_too() {
    let mut world = stale_by_turns();
    let purposes = world.told_to(OPS);
    let third = [
        Purpose::Opening,
        Purpose::Recovery,
        Purpose::Opening,
        Purpose::Recovery,
        Purpose::Opening,
    ];
    assert_eq!(purposes, third);
    assert_eq!(world.told_to("mail:c@sea.example").len(), 5, "its readers hear as much");
    for at in ["12:45", "13:00"] {
        deliver(&mut world, at);
    }
    // From now on in time.
    for at in [
        "13:12", "13:20", "13:28", "13:36", "13:44", "13:52", "14:00", "14:08", "14:16",
    ] {
        deliver(&mut world, at);
    }
    world.run_until("2026-11-26T14:20");
    let after: Vec<_> = told(&world).into_iter().skip(10).collect();
    let again = [Purpose::Reminder, Purpose::Escalation];
    let ends: Vec<_> = after.into_iter().filter(|(_, why)| !again.contains(why)).collect();
    // To its owner, to its reader, and to whom the chain has called meanwhile.
    assert_eq!(ends, vec![one("Thu 14:12", Purpose::Recovery); 3]);
}

#[test]
fn nobody_is_reminded_or_called_while_it_is_well_but_when_it_is_wrong_again() {
    let mut world = stale_by_turns();
    // Well from 12:45 on, over the step of the chain at 13:11 and the reminder at 13:41.
    for at in ["12:45", "12:54", "13:03", "13:12", "13:21", "13:30", "13:33"] {
        deliver(&mut world, at);
    }
    world.run_until("2026-11-26T13:42");
    for address in [OPS, CHIEF] {
        assert_eq!(told_since(&world, address, "2026-11-26T12:45"), [], "{address}");
    }
    world.run_until("2026-11-26T13:44");
    let since = |address| told_since(&world, address, "2026-11-26T12:45");
    for (address, why, begins) in [
        (OPS, Purpose::Reminder, "CRITICAL, still open after 1h 3m: d is stale: "),
        (
            CHIEF,
            Purpose::Escalation,
            "CRITICAL, nobody has answered for 1h 2m: d is stale: ",
        ),
    ] {
        let [(when, purpose, headline)] = &since(address)[..] else {
            panic!("one message to {address}: {:?}", since(address));
        };
        assert_eq!((when.as_str(), *purpose), ("13:43:00", why));
        assert!(headline.starts_with(begins), "{headline}");
        assert!(
            headline.contains(" Flapping, wrong at Thu 2026-11-26 13:43: d has been wrong "),
            "{headline}"
        );
    }
}

#[test]
fn the_fallback_that_hears_of_it_while_it_is_well_reads_that_first() {
    let mut world = World::start(&stale_soon(), "2026-11-26T11:59");
    for at in ["12:00", "12:15", "12:30"] {
        deliver(&mut world, at);
    }
    world.run_until("2026-11-26T12:39");
    world.channel(OPS, |_, now| super::delivery::busy(now));
    deliver(&mut world, "12:45");
    world.run_until("2026-11-26T12:48");
    let told = told_since(&world, "mail:it@sea.example", "2026-11-26T12:39");
    let begins = "FLAPPING, well at Thu 2026-11-26 12:46: d has been well since Thu 2026-11-26 12:45, after it was wrong 3 \
                  times since Thu 2026-11-26 12:11. ";
    assert!(told[0].2.starts_with(begins), "{told:?}");
}

#[test]
fn what_flaps_and_is_wrong_when_freshd_is_back_is_told_to_its_owner() {
    // Well when it goes away, or wrong already; down, or asleep.
    for (last, is_asleep) in [("12:45", false), ("12:45", true), ("12:30", false), ("12:30", true)] {
        let mut world = stale_by_turns();
        if last == "12:45" {
            deliver(&mut world, last);
        }
        world.run_until("2026-11-26T12:46");
        world.handle(Event::Alive);
        if is_asleep {
            world.sleep_until("2026-11-26T13:05");
        } else {
            world.crash();
            world.run_until("2026-11-26T13:05");
            world.restart();
            // Killed once more when it is put in, and not sent yet: it is the same one.
            world.run_until("2026-11-26T13:05:02");
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-26T13:08");
        let told = told_since(&world, OPS, "2026-11-26T12:46");
        let [(_, Purpose::Update, headline)] = &told[..] else {
            panic!("one update, {last}, {is_asleep}: {told:?}");
        };
        assert!(headline.starts_with("CRITICAL: d is stale"), "{headline}");
        let mut sent = world.sent.iter().map(|(_, one)| one);
        let update = sent.rfind(|one| one.address.to_string() == OPS).expect("an update");
        let mut facts = update.message.facts.iter();
        let late = facts.find(|fact| fact.label == "Told late").expect("why so late");
        assert!(late.text.starts_with("freshd did not run for "), "{late:?}");
        // A restart soon after says nothing again, and nothing is told of what is well.
        world.crash();
        world.restart();
        world.run_until("2026-11-26T13:09");
        assert_eq!(told_since(&world, OPS, "2026-11-26T12:46").len(), 1);
    }
}

#[test]
fn what_flaps_and_somebody_has_in_hand_is_not_told_when_freshd_is_back() {
    let mut world = stale_by_turns();
    let incident = flapping(&world).id;
    world.done(Request::Ack {
        incident,
        note: None,
        link: None,
    });
    world.run_until("2026-11-26T12:46");
    world.handle(Event::Alive);
    world.crash();
    world.run_until("2026-11-26T13:05");
    world.restart();
    world.run_until("2026-11-26T13:08");
    assert_eq!(told_since(&world, OPS, "2026-11-26T12:46"), []);
}

#[test]
fn the_digest_of_a_downtime_says_what_flaps_and_how_it_is() {
    let text = stale_soon()
        + "[datasets.e]\nowner = \"ops\"\nfile = \"e\"\nmax_age = \"1h\"\n\
           [jobs.k]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"e\"\n";
    let mut world = World::start(&text, "2026-11-26T11:59");
    world.run("k");
    for at in ["12:00", "12:15", "12:30", "12:45"] {
        deliver(&mut world, at);
    }
    world.run_until("2026-11-26T12:46");
    world.handle(Event::Alive);
    world.crash();
    world.run_until("2026-11-26T13:05");
    world.restart();
    world.run_until("2026-11-26T13:08");
    let sent = world.sent.iter().map(|(_, one)| one);
    let digest = sent
        .rev()
        .find(|one| one.address.to_string() == OPS)
        .expect("a message");
    let lines: Vec<&str> = digest.message.incidents.iter().map(|line| line.text.as_str()).collect();
    let flaps = "d is flapping, critical, since Thu 2026-11-26 12:40; wrong at Thu 2026-11-26 13:06";
    assert!(
        lines.len() == 2 && lines.iter().any(|line| line.contains(flaps)),
        "{lines:?}"
    );
}

#[test]
fn what_was_silenced_did_not_flap_for_anybody() {
    let mut world = World::start(&one_job(""), "2026-11-26T11:00");
    world.done(Request::Silence {
        name: "j".into(),
        because: "moving".to_owned(),
        for_s: 3 * 3_600,
    });
    let mut world = begun(world);
    assert_eq!(told(&world), []);
    world.run_until("2026-11-26T14:10");
    assert_eq!(told(&world), [one("Thu 14:00", Purpose::Opening)]);
    assert_eq!(world.incidents().len(), 3, "each time is on record");
    assert!(world.incidents().iter().all(|incident| incident.flapping.is_none()));
}
