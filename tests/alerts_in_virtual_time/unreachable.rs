//! A team that cannot be reached: the fallback stands in for it while the tries go on.

use freshd::model::{DeliveryOutcome, NotificationState, ProblemKind, Purpose};
use jiff::Timestamp;

use super::delivery::{OPS, busy, mend, no_such_address};
use super::digests::{jobs, named};
use super::virtual_world::{Play, World, at, clock};
use super::{failing, one_job};

const OTHER: &str = "mail:x@sea.example";
const FALLBACK: &str = "mail:it@sea.example";

/// The people above; `ops` has two addresses.
fn two_addresses() -> String {
    one_job("").replace(
        "notify = [\"mail:ops@sea.example\"]",
        "notify = [\"mail:ops@sea.example\", \"mail:x@sea.example\"]",
    )
}

/// When the fallback was told what.
fn fallback_heard(world: &World) -> Vec<(String, Purpose)> {
    let told = world
        .sent
        .iter()
        .filter(|(_, sent)| sent.address.to_string() == FALLBACK);
    told.map(|(at, sent)| (clock(*at), sent.message.purpose)).collect()
}

#[test]
fn a_team_that_nothing_reaches_for_five_minutes_is_stood_in_for_once() {
    let mut world = failing(&two_addresses(), "2026-11-26T12:00");
    for to in [OPS, OTHER] {
        world.channel(to, |_, now| busy(now));
    }
    world.run_until("2026-11-26T12:06:00");
    assert_eq!(fallback_heard(&world), [], "a hiccup alarms nobody");
    world.run_until("2026-11-26T12:59");
    assert_eq!(fallback_heard(&world), [("12:06:05".to_owned(), Purpose::Opening)]);
    let (_, told) = &world.sent[0];
    assert_eq!(told.message.facts[0].label, "Instead of");
    assert_eq!(
        told.message.facts[0].text,
        "ops, whom nothing has reached since Thu 2026-11-26 12:01 \
         (mail:ops@sea.example: connection refused; mail:x@sea.example: connection refused)"
    );
    assert_eq!(
        told.message.headline, "WARNING: j failed, Thu 2026-11-26 12:00: exit code 1.",
        "the same message"
    );
    assert_eq!(told.message.zone.as_deref(), Some("Europe/Oslo (UTC+1)"));
    let pending = world.ledger.notifications.values();
    let pending = pending.filter(|told| told.state == NotificationState::Pending).count();
    assert_eq!(pending, 2, "the tries go on");
    // Whoever stood in hears of the end; so does the team, which hears of nothing else any more.
    world.channel(OPS, |_, _| DeliveryOutcome::Accepted);
    mend(&mut world, "2026-11-26T14:00");
    assert_eq!(world.told_to(FALLBACK), [Purpose::Opening, Purpose::Recovery]);
    assert_eq!(world.told_to(OPS), [Purpose::Recovery]);
}

#[test]
fn whoever_stands_in_is_told_for_whom_by_each_further_message() {
    let mut world = failing(&two_addresses(), "2026-11-26T12:00");
    for to in [OPS, OTHER] {
        world.channel(to, |_, now| busy(now));
    }
    world.run_until("2026-11-26T13:30");
    mend(&mut world, "2026-11-26T14:00");
    let told = world
        .sent
        .iter()
        .filter(|(_, sent)| sent.address.to_string() == FALLBACK);
    let (why, for_whom): (Vec<_>, Vec<_>) = told
        .map(|(_, sent)| (sent.message.purpose, &sent.message.facts[0]))
        .unzip();
    assert_eq!(why, [Purpose::Opening, Purpose::Reminder, Purpose::Recovery]);
    assert!(
        for_whom
            .iter()
            .all(|fact| fact.label == "Instead of" && fact.text.starts_with("ops, ")),
        "{for_whom:?}"
    );
    assert_eq!(for_whom[1].text, "ops, for whom you stand in");
}

#[test]
fn what_comes_to_the_fallback_by_the_chain_comes_in_its_own_right() {
    let text = one_job("").replace(
        "notify = [\"mail:ops@sea.example\"]",
        "notify = [\"mail:ops@sea.example\"]\nescalate = [{ after = \"30m\", notify = [\"mail:x@sea.example\"] }]",
    );
    let mut world = failing(&text, "2026-11-26T12:00");
    world.run_until("2026-11-26T17:00");
    let told = world
        .sent
        .iter()
        .filter(|(_, sent)| sent.address.to_string() == FALLBACK);
    let told: Vec<_> = told
        .map(|(_, sent)| (sent.message.purpose, sent.message.facts[0].label.as_str()))
        .collect();
    assert_eq!(told, [(Purpose::Escalation, "What"), (Purpose::Reminder, "What")]);
}

#[test]
fn one_address_that_takes_it_is_enough() {
    let mut world = failing(&two_addresses(), "2026-11-26T12:00");
    world.channel(OPS, |_, now| busy(now));
    world.run_until("2026-11-26T14:00");
    assert_eq!(fallback_heard(&world), []);
}

#[test]
fn an_address_that_takes_it_is_enough_also_after_a_crash() {
    let mut world = failing(&two_addresses(), "2026-11-26T12:00");
    world.channel(OPS, |_, now| busy(now));
    world.run_until("2026-11-26T12:03");
    world.crash();
    world.restart();
    world.channel(OPS, |_, now| busy(now));
    world.run_until("2026-11-26T14:00");
    assert_eq!(fallback_heard(&world), []);
}

#[test]
fn a_team_is_stood_in_for_once_whatever_crashes_between() {
    let mut world = failing(&two_addresses(), "2026-11-26T12:00");
    for minute in [2, 6, 7, 30] {
        for to in [OPS, OTHER] {
            world.channel(to, |_, now| busy(now));
        }
        world.run_until(&format!("2026-11-26T12:{minute:02}:30"));
        world.crash();
        world.restart();
    }
    world.run_until("2026-11-26T12:45");
    assert_eq!(fallback_heard(&world), [("12:06:05".to_owned(), Purpose::Opening)]);
}

#[test]
fn an_escalation_that_reaches_nobody_goes_to_the_fallback() {
    let text = one_job("").replace(
        "notify = [\"mail:ops@sea.example\"]",
        "notify = [\"mail:ops@sea.example\"]\nescalate = [{ after = \"30m\", notify = [\"mail:x@sea.example\"] }]",
    );
    let mut world = failing(&text, "2026-11-26T12:00");
    world.channel(OTHER, |_, now| busy(now));
    world.run_until("2026-11-26T12:45");
    assert_eq!(fallback_heard(&world), [("12:36:05".to_owned(), Purpose::Escalation)]);
}

#[test]
fn a_reminder_that_waits_alarms_nobody_else() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, now| {
        if now < at("2026-11-26T13:00") {
            DeliveryOutcome::Accepted
        } else {
            busy(now)
        }
    });
    world.run_until("2026-11-26T14:00");
    assert_eq!(fallback_heard(&world), []);
}

/// Thirty jobs of `ops` fail at noon, so that it gets digests: at 12:16, 12:31, and so on. So many datasets of it go stale
/// at 12:20.
fn stale_in_a_flood(count: usize) -> World {
    let mut text = jobs(30);
    for number in 0..count {
        text += &format!(
            "[datasets.x{number}]\nowner = \"ops\"\nfile = \"x{number}\"\nmax_age = \"20m\"\n\
             [jobs.made{number}]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"x{number}\"\n"
        );
    }
    let mut world = World::start(&text, "2026-11-23T11:59:55");
    for number in 0..30 {
        world.script(&format!("j{number}"), |_, _| Play::fails(1, ""));
    }
    for number in 0..count {
        world.run(&format!("made{number}"));
    }
    world
}

#[test]
fn what_breaks_a_promise_waits_five_minutes_for_a_digest_and_no_longer() {
    for crashes in [false, true] {
        let mut world = stale_in_a_flood(1);
        world.run_until("2026-11-23T12:22");
        assert_eq!(
            fallback_heard(&world),
            [],
            "of what is only a warning nobody else hears"
        );
        if crashes {
            world.crash();
            world.restart();
        }
        world.run_until("2026-11-23T12:30");
        let heard = fallback_heard(&world);
        assert_eq!(heard, [("12:25:55".to_owned(), Purpose::Opening)], "crashes: {crashes}");
        let (_, told) = world.sent.last().expect("told");
        assert_eq!(
            told.message.facts[0].text,
            "ops, whom this has not reached since Mon 2026-11-23 12:20 \
             (mail:ops@sea.example: gets what waits for it in one, next at Mon 2026-11-23 12:31)"
        );
        world.run_until("2026-11-23T12:40");
        assert_eq!(
            world.told_to(OPS).len(),
            20 + 2,
            "its own message comes too, in its time"
        );
    }
}

#[test]
fn many_that_wait_for_a_digest_are_one_message_to_the_fallback() {
    let mut world = stale_in_a_flood(4);
    world.run_until("2026-11-23T12:30");
    let heard = fallback_heard(&world);
    assert_eq!(heard, [("12:25:55".to_owned(), Purpose::Digest)]);
    let (_, told) = world.sent.last().expect("told");
    assert_eq!(named(told).len(), 4);
    assert!(
        told.message.headline.ends_with("because they came together."),
        "{told:?}"
    );
}

#[test]
fn whoever_stood_in_for_many_in_one_is_told_of_what_comes_next_at_once() {
    for crashes in [false, true] {
        let mut world = stale_in_a_flood(4);
        world.run_until("2026-11-23T12:27");
        if crashes {
            world.crash();
            world.restart();
        }
        world.run("made0");
        world.run_until("2026-11-23T12:28");
        let heard: Vec<_> = fallback_heard(&world).into_iter().map(|(_, why)| why).collect();
        assert_eq!(heard, [Purpose::Digest, Purpose::Recovery], "crashes: {crashes}");
    }
}

#[test]
fn an_incident_says_of_each_address_whether_it_knows() {
    let mut world = failing(&two_addresses(), "2026-11-26T12:00");
    world.channel(OPS, |_, now: Timestamp| busy(now));
    world.channel(OTHER, |_, _| no_such_address());
    world.run_until("2026-11-26T12:03");
    for is_again in [false, true] {
        if is_again {
            world.crash();
            world.restart();
        }
        let status = world.status("j");
        let addresses = status["incidents"][0]["addresses"]
            .as_array()
            .expect("addresses")
            .clone();
        let of = |to: &str| addresses.iter().find(|one| one["to"] == to).expect(to).clone();
        assert_eq!(of(OPS)["state"], "not_yet");
        assert_eq!(of(OPS)["error"], "connection refused");
        assert_eq!(of(OPS)["at"], "2026-11-26T11:01:05Z");
        assert_eq!(of(OTHER)["state"], "given_up");
        assert_eq!(of(OTHER)["error"], "550 no such address");
        assert_eq!(of(FALLBACK)["state"], "told");
        assert_eq!(of(FALLBACK)["at"], "2026-11-26T11:01:05Z");
    }
}

#[test]
fn an_address_that_nobody_is_told_at_any_more_has_no_problem() {
    let mut world = failing(&two_addresses(), "2026-11-26T12:00");
    world.channel(OTHER, |_, _| no_such_address());
    world.run_until("2026-11-26T12:10");
    let broken = |world: &World| {
        let open = world.open_incidents().into_iter();
        open.filter(|incident| incident.kind == ProblemKind::ChannelBroken)
            .count()
    };
    assert_eq!(broken(&world), 1);
    world.reload(&one_job(""));
    assert_eq!(broken(&world), 0);
}

#[test]
fn whoever_watches_freshd_itself_learns_of_a_message_that_nobody_has_taken_for_a_quarter_of_an_hour() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, now| busy(now));
    let found = |world: &World| world.engine.as_ref().expect("it lives").self_test(world.now);
    world.run_until("2026-11-26T12:16:00");
    assert_eq!(found(&world), Vec::<String>::new());
    world.run_until("2026-11-26T12:17:00");
    assert_eq!(
        found(&world),
        ["mail:ops@sea.example has not taken a message for 15m 55s"]
    );
    world.crash();
    world.restart();
    assert_eq!(found(&world).len(), 1, "a restart does not make it younger");
    world.channel(OPS, |_, _| DeliveryOutcome::Accepted);
    world.run_until("2026-11-26T13:30:00");
    assert_eq!(found(&world), Vec::<String>::new());
}

#[test]
fn what_is_due_and_not_decided_is_found_after_a_minute() {
    let mut world = World::start(&one_job("schedule = \"30 12 * * *\""), "2026-11-26T12:00");
    world.run_until("2026-11-26T12:29");
    let mut late = world.now;
    let engine = world.engine.as_ref().expect("it lives");
    late.wall = at("2026-11-26T12:31:00");
    assert_eq!(engine.self_test(late), Vec::<String>::new());
    late.wall = at("2026-11-26T12:31:02");
    assert_eq!(engine.self_test(late), ["what was due 1m 2s ago is not decided"]);
}
