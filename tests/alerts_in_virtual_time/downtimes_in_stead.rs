//! What no team takes after a downtime of freshd: the fallback hears of it as its readers would have, by one message.

use std::collections::BTreeSet;

use freshd::model::{DeliveryOutcome, DigestLine, Notification, ProblemKind, Purpose};
use jiff::Timestamp;

use super::delivery::{OPS, busy, no_such_address};
use super::digests::{FALLBACK, named, taken};
use super::downtimes::{is_down_until_two, made_at_ten};
use super::virtual_world::{Crash, World, clock};

const A: &str = "mail:a@sea.example";

type Answer = fn(Timestamp) -> DeliveryOutcome;

fn refused(_: Timestamp) -> DeliveryOutcome {
    no_such_address()
}

/// These addresses answer so after the downtime, in which four datasets of `ops` went stale that `a` reads.
fn not_taken(world: &mut World, answers: [(&str, Answer); 2]) {
    for (address, answer) in answers {
        world.channel(address, move |_, now| answer(now));
    }
}

fn down_and_not_taken(answers: [(&str, Answer); 2]) -> World {
    let mut world = made_at_ten(4);
    is_down_until_two(&mut world);
    not_taken(&mut world, answers);
    world
}

/// What the fallback took of the data: nothing of the addresses that are out of order.
fn of_data(world: &World) -> Vec<(Timestamp, &Notification)> {
    let mut taken = taken(world, FALLBACK);
    taken.retain(|(_, sent)| {
        let is_of_address = |line: &DigestLine| line.text.contains("mail:");
        sent.message.kind != Some(ProblemKind::ChannelBroken) && !sent.message.incidents.iter().any(is_of_address)
    });
    taken
}

fn told_at(world: &World) -> Vec<(String, Purpose)> {
    let of_data = of_data(world).into_iter();
    of_data.map(|(at, sent)| (clock(at), sent.message.purpose)).collect()
}

#[track_caller]
fn tells_of_the_downtime(digest: &Notification) {
    let message = &digest.message;
    let subject = "[freshd] 4 problems after freshd was down for 3h 30m: ";
    assert!(message.subject.starts_with(subject), "{}", message.subject);
    assert!(
        message.headline.contains("freshd did not run for 3h 30m"),
        "{}",
        message.headline
    );
    assert_eq!(named(digest).len(), 4, "{:?}", message.incidents);
    let is_in_stead = |line: &DigestLine| line.text.contains(" instead of ");
    assert!(message.incidents.iter().all(is_in_stead), "{:?}", message.incidents);
}

#[test]
fn what_no_team_takes_after_a_downtime_is_one_digest_to_the_fallback() {
    // A refusal is known at once; what is only not taken waits for five minutes.
    let answers: [(Answer, &str); 2] = [(refused, "14:01:06"), (busy, "14:06:03")];
    for (answer, at) in answers {
        let mut world = down_and_not_taken([(OPS, answer), (A, answer)]);
        world.run_until("2026-03-02T14:30");
        assert_eq!(told_at(&world), [(at.to_owned(), Purpose::Digest)]);
        let digest = of_data(&world)[0].1;
        tells_of_the_downtime(digest);
        let first = &digest.message.incidents[0];
        let begins = format!(
            "#{} instead of a and ops: x0 is stale, critical, since ",
            first.incident
        );
        assert!(first.text.starts_with(&begins), "{}", first.text);
    }
}

#[test]
fn what_is_refused_at_once_does_not_wait_for_what_is_only_not_taken() {
    let mut world = down_and_not_taken([(OPS, refused), (A, busy)]);
    world.run_until("2026-03-02T14:30");
    let twice = ["14:01:06", "14:06:03"].map(|at| (at.to_owned(), Purpose::Digest));
    assert_eq!(told_at(&world), twice);
    for (_, digest) in of_data(&world) {
        tells_of_the_downtime(digest);
    }
}

#[test]
fn a_crash_before_the_fallback_has_its_digest_leaves_nothing_out_and_tells_nothing_twice() {
    let answers: [(&str, Answer); 2] = [(OPS, busy), (A, busy)];
    let mut undisturbed = down_and_not_taken(answers);
    undisturbed.run_until("2026-03-02T14:04");
    let before = undisturbed.commits;
    undisturbed.run_until("2026-03-02T14:06:05");
    assert!(undisturbed.commits > before + 3, "{}", undisturbed.commits);
    for side in [Crash::Before, Crash::After] {
        for commit in before + 1..=undisturbed.commits {
            let mut world = down_and_not_taken(answers);
            world.crash_at = Some((commit, side));
            world.run_until("2026-03-02T14:30");
            let told: Vec<_> = of_data(&world).into_iter().flat_map(|(_, sent)| named(sent)).collect();
            let distinct: BTreeSet<_> = told.iter().collect();
            assert_eq!(distinct.len(), 4, "{side:?} {commit}: {told:?}");
            assert!(told_at(&world).len() <= 2, "{side:?} {commit}: {:?}", told_at(&world));
        }
    }
}

#[test]
fn a_single_thing_that_no_team_takes_says_why_it_is_told_so_late() {
    let mut world = made_at_ten(1);
    is_down_until_two(&mut world);
    not_taken(&mut world, [(OPS, busy), (A, |_| DeliveryOutcome::Accepted)]);
    world.run_until("2026-03-02T14:30");
    assert_eq!(told_at(&world), [("14:06:03".to_owned(), Purpose::Opening)]);
    let facts = &of_data(&world)[0].1.message.facts;
    let above: Vec<_> = facts.iter().take(2).map(|fact| fact.label.as_str()).collect();
    assert_eq!(above, ["Instead of", "Told late"]);
    let words = "freshd did not run for 3h 30m, from Mon 2026-03-02 10:30 to Mon 2026-03-02 14:00";
    assert_eq!(facts[1].text, words);
}
