//! What somebody reads who is told later than it was written, or is the first to be told there.

use freshd::model::{DeliveryOutcome, Message, Purpose, Request};

use super::delivery::{OPS, busy, busy_until, mend, no_such_address};
use super::in_whose_stead::{data_read_by, fails_once_made};
use super::virtual_world::{Play, World, at};
use super::{NO_PROOFS, PEOPLE, failing, one_job};

const A: &str = "mail:a@sea.example";
const FALLBACK: &str = "mail:it@sea.example";

fn read_by_a() -> World {
    let mut world = World::start(&data_read_by("\"a\""), "2026-11-26T12:00");
    fails_once_made(&mut world);
    world
}

fn told<'a>(world: &'a World, to: &str) -> Vec<&'a Message> {
    let sent = world.sent.iter().map(|(_, sent)| sent);
    let to_it = sent.filter(|sent| sent.address.to_string() == to);
    to_it.map(|sent| &*sent.message).collect()
}

#[test]
fn whoever_stands_in_reads_how_it_stands_by_then() {
    let mut world = read_by_a();
    world.channel(A, |_, now| busy(now));
    busy_until(&mut world, "2026-11-26T12:31");
    world.run_until("2026-11-26T12:40");
    let written = world.ledger.notifications.values();
    let mut written = written.filter(|one| one.address.to_string() == A);
    let waits = &written.next().expect("it waits").message;
    assert!(waits.headline.contains(": just over 30m old"), "{}", waits.headline);
    let heard = told(&world, FALLBACK);
    let impact = heard.iter().find(|one| one.purpose == Purpose::Impact).expect("told");
    let words = &impact.headline;
    assert!(words.contains(": 35m "), "{words}");
    assert_eq!(
        impact.at,
        world
            .sent
            .iter()
            .find(|(_, one)| one.message.id == impact.id)
            .expect("sent")
            .0
    );
}

#[test]
fn an_end_that_comes_late_to_who_hears_nothing_else_says_when_it_was_written_and_stands_by_itself() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |sent, now| match sent.message.purpose {
        Purpose::Recovery if now < at("2026-11-26T12:30") => busy(now),
        Purpose::Recovery => no_such_address(),
        _ => DeliveryOutcome::Accepted,
    });
    world.run_until("2026-11-26T12:10");
    mend(&mut world, "2026-11-26T14:00");
    let heard = told(&world, FALLBACK);
    let end = heard[0];
    assert_eq!(end.purpose, Purpose::Recovery);
    assert_eq!(end.subject, "[freshd] j failed (#1)");
    assert_eq!(end.marked_subject(), "[freshd] Resolved: j failed (#1)");
    assert_eq!(end.facts[0].label, "Instead of");
    assert_eq!(
        (end.facts[1].label.as_str(), end.facts[1].text.as_str()),
        ("Written", "Thu 2026-11-26 12:10; it could not be delivered until now")
    );
}

#[test]
fn an_end_without_an_opening_is_no_answer() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    busy_until(&mut world, "2026-11-26T12:20");
    world.run_until("2026-11-26T12:04");
    mend(&mut world, "2026-11-26T14:00");
    let heard = told(&world, OPS);
    let subjects: Vec<_> = heard.iter().map(|one| (one.purpose, one.subject.as_str())).collect();
    assert_eq!(subjects, [(Purpose::Recovery, "[freshd] j failed (#1)")]);
}

#[test]
fn an_end_after_an_opening_that_was_refused_for_good_is_no_answer() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    world.channel(OPS, |_, _| no_such_address());
    world.run_until("2026-11-26T12:04");
    world.channel(OPS, |_, _| DeliveryOutcome::Accepted);
    mend(&mut world, "2026-11-26T14:00");
    let ends = told(&world, OPS);
    assert_eq!(ends[0].subject, "[freshd] j failed (#1)");
    // Whoever stood in has heard the opening.
    let heard = told(&world, FALLBACK);
    let end = heard
        .iter()
        .find(|one| one.purpose == Purpose::Recovery)
        .expect("an end");
    assert_eq!(end.subject, "Re: [freshd] j failed (#1)");
    assert_eq!(end.marked_subject(), end.subject, "a thread holds by it");
}

#[test]
fn who_has_heard_nothing_at_an_address_that_is_no_longer_theirs_hears_of_no_end() {
    let mut world = failing(&one_job(""), "2026-11-26T12:00");
    busy_until(&mut world, "2026-11-26T13:00");
    world.run_until("2026-11-26T12:03");
    world.reload(&one_job("").replace("mail:ops@", "mail:crew@"));
    world.run_until("2026-11-26T12:05");
    mend(&mut world, "2026-11-26T15:00");
    assert_eq!(
        world.told_to("mail:crew@sea.example"),
        [Purpose::Opening, Purpose::Recovery]
    );
    assert_eq!(world.told_to(OPS), []);
}

#[test]
fn a_digest_is_for_those_who_are_told_there_now() {
    // Both teams are told at one address, and the first of them is no more when the address takes messages again.
    let mut text = PEOPLE.replace("mail:a@sea.example", OPS) + NO_PROOFS;
    for number in 0..8 {
        let owner = if number < 4 { "ops" } else { "a" };
        text += &format!("[jobs.j{number}]\nowner = \"{owner}\"\ncommand = \"true\"\n");
    }
    let mut world = World::start(&text, "2026-11-26T12:00");
    busy_until(&mut world, "2026-11-26T13:00");
    for number in 0..8 {
        world.script(&format!("j{number}"), |_, _| Play::fails(1, ""));
        world.run(&format!("j{number}"));
    }
    world.run_until("2026-11-26T12:10");
    // As long as those who come to answer are not told, what waits for those before stays.
    for number in 0..4 {
        world.done(Request::Silence {
            name: format!("j{number}").as_str().into(),
            because: "the servers move".to_owned(),
            for_s: 7_200,
        });
    }
    let without = text.replace(&format!("[teams.ops]\nnotify = [\"{OPS}\"]\n"), "");
    world.reload(&without.replace("owner = \"ops\"", "owner = \"b\""));
    world.run_until("2026-11-26T14:00");
    let digests = told(&world, OPS);
    let digest = digests
        .iter()
        .find(|one| one.purpose == Purpose::Digest)
        .expect("a digest");
    assert_eq!(digest.team.as_str(), "a");
}

#[test]
fn what_broke_while_freshd_was_down_is_told_late_also_with_a_job_that_failed_since() {
    let text = data_read_by("\"a\"").replace("produces = \"d\"\n", "produces = \"d\"\nschedule = \"31 * * * *\"\n");
    let mut world = World::start(&text, "2026-11-26T12:00");
    world.script("j", |_, now| Play::writes("x", now));
    world.run("j");
    world.run_until("2026-11-26T12:29");
    world.crash();
    world.script("j", |_, _| Play::fails(1, ""));
    // It is too old since 12:30, and its job fails when freshd is back.
    world.run_until("2026-11-26T12:32");
    world.restart();
    world.run_until("2026-11-26T12:40");
    let told = told(&world, OPS);
    let opening = told
        .iter()
        .find(|one| one.purpose == Purpose::Opening)
        .expect("an opening");
    assert_eq!(opening.subject_name.as_str(), "j", "{}", opening.headline);
    assert!(opening.headline.contains("d is stale"), "{}", opening.headline);
    assert!(
        opening.facts.iter().any(|fact| fact.label == "Told late"),
        "{:?}",
        opening.facts
    );
}
