//! After an outage no flood, and no alert left out: what waits for an address is told in digests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use freshd::model::{
    DeliveryOutcome, IncidentId, Notification, NotificationState, ProblemKind, Purpose, elapsed, later,
};
use jiff::Timestamp;

use super::PEOPLE;
use super::delivery::{OPS, busy, no_such_address};
use super::virtual_world::{Crash, Play, World, at, clock};

pub(super) const FALLBACK: &str = "mail:it@sea.example";

/// Most messages to one address in any hour in which it is caught up with.
pub(super) const AN_HOUR_MAX: usize = 6;

/// So many jobs of `ops` that fail together on Monday at noon, and whoever else is told.
pub(super) fn jobs(count: usize) -> String {
    let mut text = PEOPLE.to_owned();
    for number in 0..count {
        let job = format!(
            "[jobs.j{number}]\nowner = \"ops\"\ncommand = \"true\"\nschedule = \"0 12 * * MON\"\ntimeout = \"10h\"\n"
        );
        text.write_str(&job).expect("a text");
    }
    text
}

/// The world in which they fail; nobody is told yet.
pub(super) fn failing_together(count: usize) -> World {
    failing_in(&jobs(count), count)
}

fn failing_in(text: &str, count: usize) -> World {
    let mut world = World::start(text, "2026-11-23T11:59");
    for number in 0..count {
        world.script(&format!("j{number}"), |_, _| Play::fails(1, ""));
    }
    world
}

/// The address takes nothing between these times.
pub(super) fn out_of_order(world: &mut World, address: &str, from: &'static str, until: &'static str) {
    let (from, until) = (at(from), at(until));
    world.channel(address, move |_, now| match (from..until).contains(&now) {
        true => busy(now),
        false => DeliveryOutcome::Accepted,
    });
}

/// What an address took, each message once.
pub(super) fn taken<'a>(world: &'a World, address: &str) -> Vec<(Timestamp, &'a Notification)> {
    let mut ids = BTreeSet::new();
    let to_there = world
        .sent
        .iter()
        .filter(|(_, sent)| sent.address.to_string() == address);
    let once = to_there.filter(|(_, sent)| ids.insert(sent.id));
    once.map(|(at, sent)| (*at, sent)).collect()
}

/// What it took, as local time and purpose.
pub(super) fn heard(world: &World, address: &str) -> Vec<(String, Purpose)> {
    let taken = taken(world, address).into_iter();
    taken.map(|(at, sent)| (clock(at), sent.message.purpose)).collect()
}

/// Every incident that a message names.
pub(super) fn named(sent: &Notification) -> BTreeSet<IncidentId> {
    let lines = sent.message.incidents.iter();
    for line in lines.clone() {
        assert!(line.text.starts_with(&format!("#{} ", line.incident)), "{line:?}");
    }
    lines.map(|line| line.incident).chain(sent.incident).collect()
}

/// The most messages within any hour, both its ends included.
pub(super) fn most_in_an_hour(times: &[Timestamp]) -> usize {
    let within = |from: &Timestamp| {
        let until = later(*from, Duration::from_hours(1));
        times.iter().filter(|at| (*from..=until).contains(at)).count()
    };
    times.iter().map(within).max().unwrap_or(0)
}

/// Nothing waits, nothing is lost, nothing was told twice, and nobody was flooded.
pub(super) fn hold(world: &World, address: &str, context: &str) {
    let taken = taken(world, address);
    let times: Vec<Timestamp> = taken.iter().map(|(at, _)| *at).collect();
    assert!(most_in_an_hour(&times) <= AN_HOUR_MAX, "{context}: {times:?}");
    let told: BTreeSet<_> = taken.iter().flat_map(|(_, sent)| named(sent)).collect();
    let of_address = world.ledger.notifications.values();
    let of_address: Vec<_> = of_address.filter(|one| one.address.to_string() == address).collect();
    let by_itself: BTreeSet<_> = taken.iter().map(|(_, sent)| sent.id).collect();
    let recovers = |one: &&Notification| one.message.purpose == Purpose::Recovery;
    let over: BTreeSet<_> = of_address
        .iter()
        .copied()
        .filter(recovers)
        .map(|one| one.incident)
        .collect();
    for one in of_address {
        if one.state == NotificationState::Collapsed && over.contains(&one.incident) {
            continue;
        }
        assert_eq!(one.state, NotificationState::Delivered, "{context}: {one:?}");
        assert!(
            one.incident.is_none_or(|incident| told.contains(&incident)),
            "{context}: {one:?}"
        );
        let ways = usize::from(by_itself.contains(&one.id)) + usize::from(one.digest.is_some());
        assert_eq!(ways, 1, "{context}: {one:?}");
    }
}

#[test]
fn three_days_of_outage_end_without_a_flood_and_with_every_incident_named() {
    let text = jobs(1_700);
    // Nobody answers, and they are told so once more after each of these.
    let steps = [2, 5, 8, 24, 48].map(|hours| format!("{{ after = \"{hours}h\", notify = [\"{OPS}\"] }}"));
    let own = format!("notify = [\"{OPS}\"]\n");
    let text = text.replacen(&own, &format!("{own}escalate = [{}]\n", steps.join(", ")), 1);
    let mut world = failing_in(&text, 1_700);
    out_of_order(&mut world, OPS, "2026-11-23T12:00", "2026-11-26T11:00");
    world.run_until("2026-11-26T11:00");
    let decided = world.ledger.notifications.values();
    let to_ops = decided.filter(|one| one.address.to_string() == OPS).count();
    assert!(to_ops > 10_000, "{to_ops} alerts were decided");
    let tries = world.tries.iter().filter(|(_, tried)| tried.address.to_string() == OPS);
    let tries = tries.count();
    assert!(tries < 110, "{tries} tries at a server that is not there");
    world.run_until("2026-11-27T07:59");
    hold(&world, OPS, "three days");
    let ids: Vec<_> = world.sent.iter().map(|(_, sent)| sent.id).collect();
    let distinct: BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "no message was sent twice");
    // The fallback, which is reminded as the team is, was not flooded either: one, and from then on digests.
    let fallback = taken(&world, FALLBACK);
    let first = fallback.iter().take(3).map(|(_, sent)| sent.message.purpose);
    let digests = [Purpose::Opening, Purpose::Digest, Purpose::Digest];
    assert_eq!(first.collect::<Vec<_>>(), digests);
    let times: Vec<_> = fallback.iter().map(|(at, _)| *at).collect();
    assert!(most_in_an_hour(&times) <= AN_HOUR_MAX, "{}", most_in_an_hour(&times));
    let told: Vec<_> = fallback.iter().flat_map(|(_, sent)| named(sent)).collect();
    let about_jobs = world
        .incidents()
        .into_iter()
        .filter(|one| one.kind == ProblemKind::Failed);
    let about_jobs: BTreeSet<_> = about_jobs.map(|one| one.id).collect();
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), about_jobs);
}

#[test]
fn a_crash_at_any_commit_of_an_outage_loses_nothing_and_floods_nobody() {
    let begin = || {
        let mut world = failing_together(20);
        for number in 15..20 {
            world.script(&format!("j{number}"), |_, _| {
                Play::fails(1, "").taking(Duration::from_mins(16))
            });
        }
        out_of_order(&mut world, OPS, "2026-11-23T12:00", "2026-11-23T12:10");
        // Nobody hears of the outage but those whom it concerns.
        for to in [FALLBACK, "pager"] {
            world.channel(to, |_, _| DeliveryOutcome::Accepted);
        }
        world
    };
    let mut undisturbed = begin();
    undisturbed.run_until("2026-11-23T12:59");
    hold(&undisturbed, OPS, "no crash");
    assert!(undisturbed.commits > 60, "{}", undisturbed.commits);
    for side in [Crash::Before, Crash::After, Crash::Acted] {
        for commit in 2..=undisturbed.commits {
            let mut world = begin();
            world.crash_at = Some((commit, side));
            world.run_until("2026-11-23T12:59");
            hold(&world, OPS, &format!("{side:?} commit {commit}"));
        }
    }
}

/// One message is taken at 12:21, and nothing else before the afternoon: the digest is under way.
fn with_a_digest_under_way(world: &mut World) {
    let mut is_first = true;
    world.channel(OPS, move |_, now| {
        let is_back = now >= at("2026-11-23T14:30");
        match now >= at("2026-11-23T12:10") && (std::mem::take(&mut is_first) || is_back) {
            true => DeliveryOutcome::Accepted,
            false => busy(now),
        }
    });
    world.run_until("2026-11-23T12:50");
    let pending = world.ledger.notifications.values();
    let pending = pending.filter(|one| one.message.purpose == Purpose::Digest && one.address.to_string() == OPS);
    let states: Vec<_> = pending.map(|one| one.state).collect();
    assert_eq!(states, [NotificationState::Pending]);
}

#[test]
fn the_end_of_an_incident_comes_behind_the_digest_that_tells_of_it() {
    for crashes in [false, true] {
        let mut world = failing_together(12);
        with_a_digest_under_way(&mut world);
        world.script("j9", |_, _| Play::succeeds());
        world.run("j9");
        world.run_until("2026-11-23T13:00:30");
        if crashes {
            world.crash();
            world.restart();
            out_of_order(&mut world, OPS, "2026-11-23T12:00", "2026-11-23T14:30");
        }
        world.run_until("2026-11-23T15:55");
        let about = world.incidents().into_iter().find(|one| one.subject.as_str() == "j9");
        let about = about.expect("an incident").id;
        let told: Vec<_> = taken(&world, OPS)
            .into_iter()
            .filter(|(_, sent)| named(sent).contains(&about))
            .map(|(_, sent)| sent)
            .collect();
        assert_eq!(told.len(), 2, "{told:?}");
        let line = told[0].message.incidents.iter().find(|line| line.incident == about);
        assert!(!line.expect("named").is_over, "as it was when the digest was written");
        let recovery = world.ledger.notifications.values();
        let recovery = recovery.filter(|one| one.incident == Some(about) && one.message.purpose == Purpose::Recovery);
        for one in recovery {
            assert_eq!(one.state, NotificationState::Delivered, "{one:?}");
        }
        hold(&world, OPS, "order");
    }
}

#[test]
fn what_is_over_when_it_is_gathered_is_told_as_over_behind_what_is_open() {
    let mut world = failing_together(12);
    out_of_order(&mut world, OPS, "2026-11-23T12:00", "2026-11-23T14:30");
    world.run_until("2026-11-23T13:30");
    for job in ["j3", "j4"] {
        world.script(job, |_, _| Play::succeeds());
        world.run(job);
    }
    world.run_until("2026-11-23T15:55");
    let taken = taken(&world, OPS);
    let digest = taken.iter().find(|(_, sent)| sent.message.purpose == Purpose::Digest);
    let message = &digest.expect("a digest").1.message;
    let is_over: Vec<bool> = message.incidents.iter().map(|line| line.is_over).collect();
    assert!(is_over.is_sorted(), "{is_over:?}");
    let over: Vec<_> = message.incidents.iter().filter(|line| line.is_over).collect();
    let over: BTreeSet<_> = over.iter().map(|line| line.subject_name.as_str()).collect();
    assert_eq!(over, BTreeSet::from(["j3", "j4"]));
    assert!(
        message.subject.contains("problems while mail could not be delivered: "),
        "{}",
        message.subject
    );
    hold(&world, OPS, "over");
}

#[test]
fn a_digest_that_dies_goes_to_the_fallback_as_one_which_hears_of_the_ends() {
    let mut world = failing_together(12);
    world.channel(OPS, |sent, now| match sent.message.purpose {
        Purpose::Digest => no_such_address(),
        _ if now < at("2026-11-23T12:03") => busy(now),
        _ => DeliveryOutcome::Accepted,
    });
    world.run_until("2026-11-23T12:50");
    let (when, why): (Vec<_>, Vec<_>) = heard(&world, FALLBACK).into_iter().unzip();
    // The second is about the address itself.
    assert_eq!(why, [Purpose::Digest, Purpose::Opening], "{when:?}");
    let digest = taken(&world, FALLBACK)[0].1.clone();
    assert_eq!(digest.message.facts[0].label, "Instead of");
    assert_eq!(
        digest.message.facts[0].text,
        "ops, because mail:ops@sea.example could not be reached: 550 no such address"
    );
    let dead = world.ledger.notifications.values();
    let dead = dead.filter(|one| one.state == NotificationState::Dead && one.incident.is_some());
    let dead: Vec<_> = dead.cloned().collect();
    assert_eq!(dead.len(), 11, "shown, each of them");
    for one in &dead {
        assert_eq!(one.last_error.as_deref(), Some("550 no such address"));
        assert!(named(&digest).contains(&one.incident.expect("about one")));
        let incident = &world.ledger.incidents[&one.incident.expect("about one")];
        assert!(
            incident.told.iter().any(|(_, to)| to.to_string() == FALLBACK),
            "{incident:?}"
        );
    }
    for number in 0..12 {
        world.script(&format!("j{number}"), |_, _| Play::succeeds());
        world.run(&format!("j{number}"));
    }
    world.run_until("2026-11-23T14:00");
    let mut over: BTreeMap<_, usize> = BTreeMap::new();
    for one in world.ledger.notifications.values() {
        let is_end = one.message.purpose == Purpose::Recovery && one.state == NotificationState::Delivered;
        if is_end && one.address.to_string() == FALLBACK {
            *over.entry(one.incident).or_default() += 1;
        }
    }
    for one in &dead {
        assert_eq!(over.get(&one.incident), Some(&1), "{one:?}");
    }
}

#[test]
fn what_waited_for_three_days_is_given_up_without_a_try_of_its_own() {
    let mut world = failing_together(300);
    world.channel(OPS, |_, now| busy(now));
    world.run_until("2026-11-26T13:30");
    let openings = world.ledger.notifications.values();
    let openings = openings.filter(|one| one.address.to_string() == OPS && one.message.purpose == Purpose::Opening);
    let mut untried = 0;
    for one in openings {
        assert_eq!(one.state, NotificationState::Dead);
        assert_eq!(one.last_error.as_deref(), Some("connection refused"));
        let lived = elapsed(one.created_at, one.ended_at.expect("it ended"));
        assert!(
            (Duration::from_hours(72)..Duration::from_hours(74)).contains(&lived),
            "{lived:?}"
        );
        untried += usize::from(one.tries == 0);
    }
    assert_eq!(untried, 280, "all but those that were on their way when it began");
    let tries = world.tries.iter().filter(|(_, tried)| tried.address.to_string() == OPS);
    assert!(tries.count() < 110);
    let told: Vec<_> = taken(&world, FALLBACK)
        .iter()
        .flat_map(|(_, sent)| named(sent))
        .collect();
    let distinct: BTreeSet<_> = told.iter().collect();
    assert_eq!(distinct.len(), 301, "each, and that the address is broken");
}
